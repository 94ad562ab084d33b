"""A server that answers for one object as Google's storage does, for tests: it tells its port, and serves for ever."""

from __future__ import annotations

import re
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DATA = bytes(range(256)) * 2000


class Bucket(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, *, whole: bool) -> None:
        if urllib.parse.unquote(self.path.partition("?")[0]) != "/bucket/some/key.bin":
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        asked = re.match(r"bytes=(\d+)-(\d+)?", self.headers.get("Range", ""))
        first = int(asked[1]) if asked else 0
        last = min(int(asked[2]), len(DATA) - 1) if asked and asked[2] else len(DATA) - 1
        self.send_response(206 if asked else 200)
        self.send_header("ETag", '"one"')
        self.send_header("Last-Modified", "Fri, 20 Nov 2026 10:00:00 GMT")
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(DATA)}")
        self.send_header("Content-Length", str(last + 1 - first))
        self.end_headers()
        if whole:
            self.wfile.write(DATA[first : last + 1])

    def do_GET(self) -> None:
        self.answer(whole=True)

    def do_HEAD(self) -> None:
        self.answer(whole=False)

    def log_message(self, format: str, *given: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
    print(server.server_port, flush=True)
    server.serve_forever()
