"""A server of one bucket that answers as Google's storage does, for tests: ``python gs_server.py`` prints its port.

It speaks what obstore asks of it, which is the XML interface: objects are read,
in parts too, looked at, written, in parts too, on the condition that there is none
of that name, removed, and listed, some at a time. It asks for no credentials. What it does not know
it answers with 501, so that a test that needs more fails.

A listing gives `PAGE` names at a time, so that who reads the first part alone is found out.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

BUCKET = "bucket"
PAGE = 30
held: dict[str, tuple[bytes, int]] = {}
uploads: dict[str, dict[int, bytes]] = {}
lock = threading.Lock()
numbers = iter(range(1, 1 << 60))


class Storage(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one piece: in two the second waits for the other side

    @property
    def place(self) -> tuple[str, str, Mapping[str, str]]:
        """The bucket, the object in it, and what else is asked."""
        parts = urlsplit(self.path)
        bucket, _, name = unquote(parts.path).lstrip("/").partition("/")
        query = {key: values[0] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        return bucket, name, query

    def do_GET(self) -> None:
        bucket, name, query = self.place
        if bucket != BUCKET:
            self.complain(404, "NoSuchBucket")
        elif not name and query.get("list-type") == "2":
            self.say(200, listed(query).encode())
        elif name and not query:
            self.give(name)
        else:
            self.complain(501, "NotImplemented")

    do_HEAD = do_GET

    def give(self, name: str) -> None:
        if name not in held:
            self.complain(404, "NoSuchKey")
            return
        data, generation = held[name]
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first = int(asked[1]) if asked else 0
        last = min(int(asked[2]), len(data) - 1) if asked and asked[2] else len(data) - 1
        more = {"Content-Range": f"bytes {first}-{last}/{len(data)}"} if asked else {}
        self.say(206 if asked else 200, data[first : last + 1], generation, more)

    def do_PUT(self) -> None:
        body = self.body()
        bucket, name, query = self.place
        if bucket != BUCKET:
            self.complain(404, "NoSuchBucket")
        elif "uploadId" in query:
            uploads[query["uploadId"]][int(query["partNumber"])] = body
            self.say(200, generation=next(numbers))
        elif query:
            self.complain(501, "NotImplemented")
        else:
            self.keep(name, body)

    def keep(self, name: str, body: bytes) -> None:
        wanted = self.headers.get("x-goog-if-generation-match")
        with lock:
            there = held[name][1] if name in held else 0
            kept = wanted is None or int(wanted) == there
            generation = next(numbers)
            if kept:
                held[name] = (body, generation)
        if kept:
            self.say(200, generation=generation)
        else:
            self.complain(412, "PreconditionFailed")

    def do_POST(self) -> None:
        body = self.body()
        bucket, name, query = self.place
        if bucket != BUCKET:
            self.complain(404, "NoSuchBucket")
        elif "uploads" in query:
            upload = f"upload-{next(numbers)}"
            uploads[upload] = {}
            told = f"<Bucket>{BUCKET}</Bucket><Key>{escape(name)}</Key><UploadId>{upload}</UploadId>"
            self.say(200, f"<InitiateMultipartUploadResult>{told}</InitiateMultipartUploadResult>".encode())
        elif "uploadId" in query:
            parts = uploads.pop(query["uploadId"])
            wanted = [int(each) for each in re.findall(r"<PartNumber>(\d+)</PartNumber>", body.decode())]
            generation = next(numbers)
            held[name] = (b"".join(parts[each] for each in wanted), generation)
            told = f'<Key>{escape(name)}</Key><ETag>"{generation}"</ETag>'
            self.say(200, f"<CompleteMultipartUploadResult>{told}</CompleteMultipartUploadResult>".encode(), generation)
        else:
            self.complain(501, "NotImplemented")

    def do_DELETE(self) -> None:
        bucket, name, query = self.place
        if "uploadId" in query:
            uploads.pop(query["uploadId"], None)
            self.say(204)
        elif bucket == BUCKET and name in held:
            del held[name]
            self.say(204)
        else:
            self.complain(404, "NoSuchKey")

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def complain(self, status: int, code: str) -> None:
        self.say(status, f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code></Error>".encode())

    def say(self, status: int, body: bytes = b"", generation: int = 0, more: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        headers = {"Content-Length": str(len(body)), "Last-Modified": "Fri, 20 Nov 2026 10:00:00 GMT", **(more or {})}
        if generation:
            headers |= {"ETag": f'"{generation}"', "x-goog-generation": str(generation)}
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *given: object) -> None:
        """Say nothing."""


def listed(query: Mapping[str, str]) -> str:
    """List names under a prefix, in their order, some at a time."""
    names = [name for name in sorted(held) if name.startswith(query.get("prefix", ""))]
    after = query.get("continuation-token", "")
    left = [name for name in names if name > after]
    page, rest = left[:PAGE], left[PAGE:]
    rows = "".join(
        f"<Contents><Key>{escape(name)}</Key><LastModified>2026-11-20T10:00:00.000Z</LastModified>"
        f'<ETag>"{held[name][1]}"</ETag><Size>{len(held[name][0])}</Size></Contents>'
        for name in page
    )
    more = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if rest else ""
    return (
        f"<ListBucketResult><Name>{BUCKET}</Name><KeyCount>{len(page)}</KeyCount>"
        f"<IsTruncated>{str(bool(rest)).lower()}</IsTruncated>{more}{rows}</ListBucketResult>"
    )


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Storage)
    print(server.server_port, flush=True)
    server.serve_forever()
