"""A server that does what servers and networks do to a download: ``python flaky_server.py FILE`` prints its port.

The path says how: ``/<how>/<anything>``. ``/log`` gives what was asked for, as JSON lines.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CONTENT = Path(sys.argv[1]).read_bytes()
ASKED: list[dict[str, str]] = []
COUNTS: Counter[str] = Counter()


class Flaky(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/log":
            return self.give(200, json.dumps(ASKED).encode())
        how = self.path.split("/")[1]
        COUNTS[how] += 1
        asked = {"how": how, "range": self.headers.get("Range", ""), "if": self.headers.get("If-Range", "")}
        ASKED.append(asked)
        first = int(asked["range"].removeprefix("bytes=").rstrip("-")) if asked["range"] else 0
        getattr(self, how)(COUNTS[how], first)
        return None

    def give(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def rest(self, first: int, send: int | None = None, tag: str = '"v1"', content: bytes = CONTENT) -> None:
        """Answer with the rest from ``first``, and hang up after ``send`` bytes of it."""
        self.send_response(206 if first else 200)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - first))
        self.send_header("ETag", tag)
        self.end_headers()
        self.wfile.write(content[first:][:send])
        self.close_connection = True

    def good(self, count: int, first: int) -> None:
        self.rest(first)

    def truncating(self, count: int, first: int) -> None:
        self.rest(first, len(CONTENT) // 3)

    def never(self, count: int, first: int) -> None:
        self.rest(0, 10)

    def flipping(self, count: int, first: int) -> None:
        flipped = bytes([CONTENT[0] ^ 1]) + CONTENT[1:]
        self.rest(first, content=flipped if count == 1 else CONTENT)

    def wrong(self, count: int, first: int) -> None:
        self.rest(first, content=b"another file")

    def unresumable(self, count: int, first: int) -> None:
        self.rest(0, len(CONTENT) // 2 if count == 1 else None)

    def elsewhere(self, count: int, first: int) -> None:
        """Answers a range with another one, once."""
        if count == 1:
            return self.rest(0, len(CONTENT) // 2)
        if count == 2:
            return self.give(206, b"xx", Content_Range=f"bytes 0-1/{len(CONTENT)}")
        return self.rest(first)

    def changed(self, count: int, first: int) -> None:
        """The file changes while it is fetched: If-Range does not hold, and all of the new one is sent."""
        if count == 1:
            return self.rest(0, 100, tag='"old"', content=b"z" * 1000)
        return self.rest(0 if self.headers.get("If-Range") != '"v1"' else first)

    def slow(self, count: int, first: int) -> None:
        """Sends a little, and falls silent, once."""
        if count > 1:
            return self.rest(first)
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[:1000])
        self.wfile.flush()
        time.sleep(30)
        return None

    def busy(self, count: int, first: int) -> None:
        self.give(503, b"later") if count < 3 else self.rest(first)

    def missing(self, count: int, first: int) -> None:
        self.give(404, b"no such file")

    def signed(self, count: int, first: int) -> None:
        """Sends one on to where one may go for a while, and there is nothing."""
        host = self.headers["Host"]
        self.give(302, b"", Location=f"http://hunter:hunter@{host}/missing/file.bin?signature=hunter#hunter")

    def moved(self, count: int, first: int) -> None:
        self.give(302, b"", Location="/good/file")

    def overlong(self, count: int, first: int) -> None:
        """Says nothing of the length, and hangs up at the end."""
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(CONTENT[: 1000 if count == 1 else None])
        self.close_connection = True

    def log_message(self, *args: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Flaky)
server.daemon_threads = True
sys.stdout.write(f"{server.server_address[1]}\n")
sys.stdout.flush()
server.serve_forever()
