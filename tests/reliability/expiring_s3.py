"""A bucket whose credentials expire: ``python expiring_s3.py STATUS CODE`` prints its port.

It speaks as much of S3 as a cache takes, and checks no signature. ``GET /-/expire``
lets the credentials expire: from then on it answers with STATUS, and with an
error in the words of S3, which has the token of whoever asks in it. ``GET /-/refused`` tells how
often it did.
"""

from __future__ import annotations

import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

STATUS, CODE = (int(sys.argv[1]), sys.argv[2]) if __name__ == "__main__" else (0, "")
SAID = """<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>{code}</Code><Message>The provided token has expired.</Message><Token-0>{token}</Token-0>
<RequestId>4442587FB7D0A2F9</RequestId><HostId>x</HostId></Error>"""
held: dict[str, bytes] = {}
told = {"expired": 0, "refused": 0}


class Bucket(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path, query = unquote(urlsplit(self.path).path), parse_qs(urlsplit(self.path).query)
        if path == "/-/expire":
            told["expired"] = 1
            self.say(200)
        elif path == "/-/refused":
            self.say(200, str(told["refused"]).encode())
        elif not self.is_expired():
            if "list-type" in query:
                self.say(200, self.listed(query.get("prefix", [""])[0]))
            else:
                self.say(200, held[path]) if path in held else self.say(404)

    def do_HEAD(self) -> None:
        if not self.is_expired():
            path = unquote(urlsplit(self.path).path)
            self.say(200, held[path]) if path in held else self.say(404)

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self.is_expired():
            held[unquote(urlsplit(self.path).path)] = body
            self.say(200)

    def do_POST(self) -> None:
        """Remove several: the one thing that is asked for in this way."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if not self.is_expired():
            bucket = "/" + urlsplit(self.path).path.strip("/") + "/"
            keys = re.findall("<Key>([^<]*)</Key>", body)
            for key in keys:
                held.pop(bucket + key, None)
            gone = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
            self.say(200, f"<DeleteResult>{gone}</DeleteResult>".encode())

    def is_expired(self) -> bool:
        if told["expired"]:
            told["refused"] += 1
            self.say(STATUS, SAID.format(code=CODE, token=self.headers["X-Amz-Security-Token"]).encode())
        return bool(told["expired"])

    def listed(self, prefix: str) -> bytes:
        bucket = "/" + unquote(urlsplit(self.path).path).strip("/") + "/"
        keys = [path.removeprefix(bucket) for path in sorted(held) if path.startswith(bucket + prefix)]
        rows = "".join(
            f"<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f'<ETag>"x"</ETag><Size>{len(held[bucket + key])}</Size></Contents>'
            for key in keys
        )
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>".encode()

    def say(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"x"')
        self.send_header("Last-Modified", "Fri, 20 Nov 2026 10:00:00 GMT")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *given: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
    print(server.server_port, flush=True)
    server.serve_forever()
