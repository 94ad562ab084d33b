"""`fetch`: a file from the network, known by its digest before it is there.

Rules:

- what is stored has the SHA-256 that the plan names, or nothing is stored: the digest is taken as bytes come in;
- an attempt goes on after a broken connection where the server lets it (``Range``, bound to what was begun by
  ``If-Range``), and from the beginning where it does not; an object of a bucket is asked for by ``If-Match``;
- credentials and endpoints of buckets come from the environment, and are in no config;
- a whole file of another digest is thrown away, and fetched again: bytes flip on the way;
- all that goes wrong is an ``OSError``: the next run tries again.

Where a connection broke is not kept from one attempt of a stage to the next: an attempt has a folder of its own.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import unquote, urlsplit

from attrs import define, field

from lightfx.core.derivation import Derivation
from lightfx.stages.build import Build
from lightfx.stages.stage import stage

if TYPE_CHECKING:
    import httpx
    from obstore import GetOptions
    from obstore.store import GCSConfig, ObjectStore, S3Config

CHUNK: Final = 1 << 18
TRIES: Final = 6
BACKOFF: Final = 0.2  # seconds before the second try; each wait is twice the one before
PATIENCE: Final = 60.0  # seconds without a byte; from a bucket, for a part
PART: Final = 1 << 23  # bytes of an object that are asked for at once
SIP: Final = 1 << 14  # bytes of a part that are lost at most where it breaks
_BUCKETS: Final = ("s3", "gs")
_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_PLAIN: Final = re.compile(r"[\w.+-]{1,200}", re.ASCII)


class FetchError(OSError):
    """A file could not be fetched, or is not the one that was wanted."""


class _Broken(Exception):  # noqa: N818 -- no error of the stage's: it is tried again
    """One try came to nothing, and another may do better."""


@define
class _Download:
    """What has come in so far."""

    path: Path
    digest: hashlib._Hash = field(factory=hashlib.sha256)  # the one name that hashlib has for its type
    size: int = 0
    tag: str = ""

    def begin_anew(self) -> None:
        """Forget what has come in."""
        self.path.write_bytes(b"")
        self.digest, self.size, self.tag = hashlib.sha256(), 0, ""

    def take(self, pieces: Iterator[bytes], build: Build, total: int | None) -> None:
        """Write pieces, and take their digest, as they come."""
        with self.path.open("ab") as file:
            for piece in pieces:
                file.write(piece)
                self.digest.update(piece)
                self.size += len(piece)
                build.progress(self.size, total)


def fetch(url: str, /, *, sha256: str, name: str | None = None) -> Derivation[Path]:
    """Get the file at ``url``: a derivation whose value is its path.

    ``url``: ``http:``, ``https:``, ``file:``, ``s3://bucket/key`` or
    ``gs://bucket/key`` (percent-encoded as in any URL). ``sha256``: the digest of the
    file, 64 hexadecimal digits; what has another is not stored. ``name``: what
    the file is called; else the end of the URL's path. The first two take the
    extra ``fetch`` (httpx), which follows redirects, and proxies of the
    environment. Buckets take the extra ``cloud`` (obstore), which has credentials
    and endpoint from the environment (``AWS_...``, ``GOOGLE_...``).
    ``args={plan: {"timeout": seconds}}`` says for how long a silent server is
    waited for (a bucket: for each 8 MiB): 60 s, if nothing is said.

    Raises ValueError for an URL, a digest or a name that cannot be one. The
    stage is LEFT as `FetchError` (an ``OSError``, which the next run retries).

    >>> fetch("https://example.org/data/rows.csv", sha256="0" * 64).dref.name.text
    'fetch'
    """
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise ValueError("the URL has a name or password in it, which would be stored in the config")
    if parts.scheme not in ("http", "https", "file", *_BUCKETS):
        raise ValueError(f"{url!r} is no URL that can be fetched: there are http:, https:, file:, s3: and gs:")
    if parts.scheme in _BUCKETS and (not parts.netloc or not parts.path.strip("/") or parts.query or parts.fragment):
        raise ValueError(f"{url!r} names no object: {parts.scheme}://bucket/key, with ? as %3F and # as %23")
    if not re.fullmatch("[0-9a-fA-F]{64}", sha256):
        raise ValueError(f"sha256 is {sha256!r}; it takes 64 hexadecimal digits")
    file = name or unquote(parts.path).rpartition("/")[2] or "file"
    if not _PLAIN.fullmatch(file) or file in (".", ".."):
        raise ValueError(f"{file!r} is no plain name for a file: give another by name=")
    return _fetched(url, sha256.lower(), file)


@stage(version="1", name="fetch")
def _fetched(build: Build, url: str, sha256: str, file: str) -> Path:
    """Fetch a file, and check it as it comes."""
    download = _Download(build.out / file)
    download.begin_anew()
    why = ""
    with _opened(url, build) as attempt:
        for number in range(TRIES):
            if number:
                build.log(f"try {number + 1} of {TRIES}, from byte {download.size}: {why}")
                time.sleep(_seconds(build.args, "backoff", BACKOFF) * 2.0 ** (number - 1))
            try:
                attempt(download)
            except _Broken as broken:
                why = str(broken)
                continue
            found = download.digest.hexdigest()
            if found == sha256:
                return download.path
            why = f"its SHA-256 is {found}, of {download.size} bytes, and {sha256} was wanted"
            download.begin_anew()
    download.path.unlink()
    raise FetchError(f"{url}: {why}")


@contextmanager
def _opened(url: str, build: Build) -> Iterator[Callable[[_Download], None]]:
    """Give what tries once to get what is missing of ``url``."""
    if urlsplit(url).scheme == "file":
        yield lambda download: _copy(url, download, build)
        return
    if urlsplit(url).scheme in _BUCKETS:
        store = _bucket(url, build)
        yield lambda download: _object(store, url, download, build)
        return
    try:
        import httpx  # noqa: PLC0415 -- an extra
    except ImportError as error:
        raise FetchError("to fetch from the network takes httpx: pip install 'lightfx[fetch]'") from error
    with httpx.Client(follow_redirects=True, timeout=_seconds(build.args, "timeout", PATIENCE)) as client:

        def attempt(download: _Download) -> None:
            try:
                _request(client, url, download, build)
            except (httpx.TransportError, httpx.TooManyRedirects, UnicodeError) as error:  # the last: no host at all
                raise _Broken(f"{type(error).__name__}: {error}") from error

        yield attempt


def _copy(url: str, download: _Download, build: Build) -> None:
    path = Path(unquote(urlsplit(url).path))
    download.begin_anew()
    with path.open("rb") as file:
        download.take(iter(lambda: file.read(CHUNK), b""), build, path.stat().st_size)


def _bucket(url: str, build: Build) -> ObjectStore:
    """Open the bucket, by what the environment says; tries are counted here, not there."""
    try:
        from obstore.exceptions import BaseError  # noqa: PLC0415 -- an extra
        from obstore.store import GCSStore, S3Store  # noqa: PLC0415
    except ImportError as error:
        raise FetchError("to fetch from s3: and gs: takes obstore: pip install 'lightfx[cloud]'") from error
    parts = urlsplit(url)
    # Not as client_options: these would hide what the environment says of the client (AWS_ALLOW_HTTP, proxies).
    # The casts: a config takes the client's keys too, and its stubs do not name them.
    patience = {"timeout": f"{round(_seconds(build.args, 'timeout', PATIENCE) * 1000)}ms"}
    try:
        if parts.scheme == "s3":
            return S3Store(parts.netloc, config=cast("S3Config", patience), retry_config={"max_retries": 0})
        return GCSStore(parts.netloc, config=cast("GCSConfig", patience), retry_config={"max_retries": 0})
    except (BaseError, ValueError) as error:
        raise FetchError(f"{url}: {error}") from error


def _object(store: ObjectStore, url: str, download: _Download, build: Build) -> None:
    """Get what is missing, in parts: the library's time limit is for a whole answer, not for silence."""
    import obstore  # noqa: PLC0415 -- an extra
    from obstore import exceptions  # noqa: PLC0415

    key = unquote(urlsplit(url).path)[1:]
    try:
        there = obstore.head(store, key)
        if download.size and (there["e_tag"] or "") != download.tag:
            download.begin_anew()
        download.tag = there["e_tag"] or ""
        while download.size < there["size"]:
            before = download.size
            options: GetOptions = {"range": (before, min(before + PART, there["size"]))}
            if download.tag:
                options["if_match"] = download.tag
            found = obstore.get(store, key, options=options)
            if found.range[0] != before:
                raise _Broken("the server sent another part of it than was asked for")
            download.take(found.stream(SIP), build, there["size"])
            if download.size == before:
                raise _Broken(f"it ended after {download.size} of {there['size']} bytes")
    except (FileNotFoundError, exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
        raise FetchError(f"{url}: {type(error).__name__}: {error}") from error
    except exceptions.PreconditionError as error:
        download.begin_anew()
        raise _Broken("the object changed while it was fetched") from error
    except exceptions.BaseError as error:
        raise _Broken(f"{type(error).__name__}: {error}") from error


def _request(client: httpx.Client, url: str, download: _Download, build: Build) -> None:
    headers = {"Accept-Encoding": "identity"}
    if download.size:
        headers["Range"] = f"bytes={download.size}-"
        if download.tag:
            headers["If-Range"] = download.tag
    with client.stream("GET", url, headers=headers) as response:
        total = _expected(response, download)
        download.tag = _tag(response.headers)
        download.take(response.iter_raw(), build, total)
    if total is not None and download.size != total:
        raise _Broken(f"it ended after {download.size} of {total} bytes")


def _expected(response: httpx.Response, download: _Download) -> int | None:
    """Say how long the file will be, where it begins right after what is there; else begin anew, or give up."""
    status = response.status_code
    if status == 206 and download.size:
        found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if found is None or int(found[1]) != download.size:
            download.begin_anew()
            raise _Broken("the server sent another part of it than was asked for")
        return None if found[2] == "*" else int(found[2])
    if status == 416:
        download.begin_anew()
        raise _Broken("the server has no more of it")
    if status in _AGAIN:
        raise _Broken(f"the server answered {status}")
    if status != 200:
        # Where a redirect led is shown without its query: that may be somebody's leave to get it.
        raise FetchError(
            f"{response.url.copy_with(query=None, fragment=None, userinfo=b'')}: the server answered {status}"
        )
    if download.size:
        download.begin_anew()
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None


def _tag(headers: Mapping[str, str]) -> str:
    """What the server calls these very bytes, if it says so in a way that they can be asked for."""
    tag = headers.get("ETag", "")
    return tag if tag.startswith('"') else headers.get("Last-Modified", "")


def _seconds(args: Mapping[str, object], name: str, usual: float) -> float:
    given = args.get(name, usual)
    return float(given) if isinstance(given, int | float) else usual
