"""A web server that is no friend: ``python hostile_cache.py FOLDER HOW NAME`` prints its port.

It serves FOLDER, which holds a cache, but for what matches NAME, a regular expression:

- ``endless``, ``sealed_endless``: chunks without end; ``huge``: a length of 10 GB, and zeros;
- ``drip``: what is there, a byte every 0.2 s; ``silent``: nothing at all; ``long_head``: headers without end;
- ``junk``: bytes that are no HTTP; ``loop``: sent on to itself; ``elsewhere``: sent on to a file of this machine.

``/log`` gives how many bytes of such answers were taken, as a number.
"""

from __future__ import annotations

import re
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FOLDER, HOW, NAME = Path(sys.argv[1]), sys.argv[2], re.compile(sys.argv[3])
TEN_GB = 10 << 30
PIECE = bytes(1 << 16)
TAKEN = [0]


class Hostile(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/log":
            self.give(str(TAKEN[0]).encode())
        elif NAME.search(self.path):
            try:
                getattr(self, HOW)()
            except OSError:
                self.close_connection = True
        else:
            try:
                self.give((FOLDER / self.path.lstrip("/")).read_bytes())
            except OSError:
                self.send_error(404)

    def give(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def pour(self, line: bytes, piece: bytes, most: int = TEN_GB) -> None:
        """Write a line that a cache may begin with, and then more and more."""
        self.wfile.write(line)
        while most > 0:
            self.wfile.write(piece)
            TAKEN[0] += len(piece)
            most -= len(piece)

    def endless(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.pour(b"", b"%x\r\n%s\r\n" % (len(PIECE), PIECE))

    def sealed_endless(self) -> None:
        """Says that it is small, in the cache's own words, and does not end."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        line = b"lightfx plain 1000\n"
        self.pour(b"%x\r\n%s\r\n" % (len(line), line), b"%x\r\n%s\r\n" % (len(PIECE), PIECE))

    def huge(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(TEN_GB))
        self.end_headers()
        self.pour(b"lightfx plain %d\n" % TEN_GB, PIECE)

    def drip(self) -> None:
        body = (FOLDER / self.path.lstrip("/")).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for each in body:
            self.wfile.write(bytes([each]))
            time.sleep(0.2)

    def silent(self) -> None:
        time.sleep(3600)

    def long_head(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        self.pour(b"", b"X-More: " + b"a" * 1000 + b"\r\n")

    def junk(self) -> None:
        self.wfile.write(bytes(range(256)) * 100)
        self.close_connection = True

    def loop(self) -> None:
        self.send_response(302)
        self.send_header("Location", self.path)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def elsewhere(self) -> None:
        self.send_response(302)
        self.send_header("Location", "file:///etc/passwd")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
server.daemon_threads = True
sys.stdout.write(f"{server.server_address[1]}\n")
sys.stdout.flush()
server.serve_forever()
