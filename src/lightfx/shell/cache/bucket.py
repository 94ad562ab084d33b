"""A bucket as a cache: S3, Google's storage, Azure's, by way of obstore.

Credentials are those that obstore finds in the environment; none is ever
kept here, and none is in a message. Tries are counted by `retrying`, not there;
time limits are for silence, since nobody knows how long a large file takes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Literal, final

from attrs import frozen

from lightfx.effects.cache import Good, Pieces
from lightfx.shell.cache.channel import BrokenError, ChannelCache, GoneError
from lightfx.shell.cache.sealing import PIECE

if TYPE_CHECKING:
    from obstore.store import AzureStore, GCSStore, S3Store

CONNECT: Final = 5.0
SILENCE: Final = 20.0
MOST_NAMES: Final = 100_000
"""So many names are listed at most: a server may go on with them for ever."""
_LONGEST: Final = "6h"  # a whole answer: silence ends it long before, and so does `bounded`
_AT_ONCE: Final = 1 << 22
_MORE: Final = 6.0
_STATUS: Final = re.compile(r"status code: (\d{3}[A-Za-z ]*)")
_SAID: Final = re.compile(r"<Code>([A-Za-z]{1,60})</Code>")
_AGAIN: Final = ("408", "425", "429", "500", "502", "503", "504")
_CERTIFICATE: Final = re.compile(r"InvalidCertificate\(\s*(\w+)")
_SYSTEM: Final = re.compile(r'(?:message|error): "([^"\n]{1,200})"')
_SILENT: Final = re.compile(r"\b(?:Timeout|TimedOut|timed out)\b")  # not the retry_timeout, which is always told of
_BROKE: Final = re.compile(r"hyper::Error\(\s*(\w+)")
_EXPIRED: Final = ("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired")
_FINAL: Final = ("PermissionDeniedError", "UnauthenticatedError", "InvalidPathError", "NotSupportedError")


@final
@frozen
class BucketChannel:
    """Objects in a bucket. Implements `lightfx.shell.cache.channel.Channel`.

    ``writing``: the same bucket, with more patience: while a part of a file is
    sent, the server has nothing to say. ``creates``: whether the server is known to refuse a second object of one
    name when it is asked to (`creates`); then nothing is replaced.
    """

    bucket: S3Store | GCSStore | AzureStore
    writing: S3Store | GCSStore | AzureStore
    creates: bool = False
    lists: bool = True
    writable: bool = True

    @contextmanager
    def open(self, name: str) -> Iterator[Pieces]:
        """Read an object, as it comes."""
        import obstore  # noqa: PLC0415 -- an extra

        try:
            found = obstore.get(self.bucket, name)
        except FileNotFoundError:
            raise GoneError(name) from None
        except obstore.exceptions.BaseError as error:
            raise _broken(error) from error
        yield _pieces(found.stream(PIECE))

    def write(self, good: Good) -> None:
        """Put an object there."""
        import obstore  # noqa: PLC0415 -- an extra

        try:
            if good.size <= _AT_ONCE:
                data = b"".join(good.pieces())
                mode: Literal["create", "overwrite"] = "create" if self.creates else "overwrite"
                obstore.put(self.writing, good.name, data, mode=mode, use_multipart=False)
            else:
                obstore.put(self.writing, good.name, iter(good.pieces()), max_concurrency=2)
        except obstore.exceptions.AlreadyExistsError:
            pass  # it is named by content, so it is the same
        except (obstore.exceptions.BaseError, FileNotFoundError) as error:
            raise _broken(error) from error

    def has(self, name: str) -> bool:
        """Whether there is an object."""
        import obstore  # noqa: PLC0415 -- an extra

        try:
            obstore.head(self.bucket, name)
        except FileNotFoundError:
            return False
        except obstore.exceptions.BaseError as error:
            raise _broken(error) from error
        return True

    def names(self, folder: str) -> Mapping[str, int]:
        """List objects."""
        import obstore  # noqa: PLC0415 -- an extra

        try:
            listed = islice((each for chunk in obstore.list(self.bucket, folder) for each in chunk), MOST_NAMES + 1)
            found = {each["path"]: each["size"] for each in listed}
        except (obstore.exceptions.BaseError, FileNotFoundError) as error:
            raise _broken(error) from error
        if len(found) > MOST_NAMES:
            raise BrokenError(f"it lists more than {MOST_NAMES:,} names", again=False)
        return found

    def remove(self, name: str) -> None:
        """Remove an object."""
        import obstore  # noqa: PLC0415 -- an extra

        try:
            obstore.delete(self.bucket, name)
        except FileNotFoundError:
            pass
        except obstore.exceptions.BaseError as error:
            raise _broken(error) from error

    def close(self) -> None:
        """Connections close by themselves."""


def _pieces(stream: Iterator[bytes]) -> Pieces:
    import obstore  # noqa: PLC0415 -- an extra

    try:
        for piece in stream:
            yield bytes(piece)
    except obstore.exceptions.BaseError as error:
        raise _broken(error) from error


def _broken(error: Exception) -> BrokenError:
    kind, text = type(error).__name__, str(error)
    said = _SAID.search(text)
    status = _STATUS.search(text)
    if status is not None:  # the rest are addresses, and what the server wrote for browsers
        code = f" ({said[1]})" if said is not None else ""
        answered = f"the server answered {status[1]}{code}"
        if said is not None and said[1] in _EXPIRED:
            return BrokenError(f"the credentials have expired: get new ones, and try again; {answered}", again=False)
        return BrokenError(answered, again=status[1][:3] in _AGAIN)
    if (certificate := _CERTIFICATE.search(text)) is not None:
        return BrokenError(f"nobody who is trusted vouches for its certificate ({certificate[1]})", again=False)
    if (system := _SYSTEM.search(text)) is not None:
        return BrokenError(f"it cannot be reached: {system[1]}", again=True)
    if _SILENT.search(text) is not None:
        return BrokenError("the server is silent", again=False)
    if (broke := _BROKE.search(text)) is not None:
        return BrokenError(f"the connection broke off ({broke[1]})", again=True)
    return BrokenError(f"{kind}: {text.partition(chr(10))[0]}", again=kind not in _FINAL)


def creates(channel: BucketChannel, name: str) -> bool:
    """Whether a server refuses a second object of one name; ``name`` is one that nobody uses. It is removed again."""
    import obstore  # noqa: PLC0415 -- an extra

    try:
        obstore.put(channel.bucket, name, b"one", mode="create", use_multipart=False)
        try:
            obstore.put(channel.bucket, name, b"two", mode="create", use_multipart=False)
        except obstore.exceptions.AlreadyExistsError:
            return True
        finally:
            channel.remove(name)
    except (obstore.exceptions.BaseError, BrokenError, FileNotFoundError):  # the last: there is no such bucket
        return False
    return False


def bucket_cache(
    scheme: str,
    bucket: str,
    prefix: str = "",
    name: str = "",
    *,
    creates: bool = False,
    options: Mapping[str, str] | None = None,
    silence: float = SILENCE,
    connect: float = CONNECT,
) -> ChannelCache:
    """Share results over a bucket; raises `BrokenError` where obstore is not installed, or refuses what it is told.

    ``scheme``: "s3", "gs" or "az". ``options``: what obstore takes beside what
    the environment says: ``endpoint``, ``region``.
    """
    try:
        from obstore import exceptions  # noqa: PLC0415 -- an extra
        from obstore.store import AzureStore, GCSStore, S3Store  # noqa: PLC0415
    except ImportError as error:
        raise BrokenError("a cache in a bucket takes obstore: pip install 'lightfx[cloud]'", again=False) from error
    # As config, not as client_options: these would hide what the environment says of the client (AWS_ALLOW_HTTP).
    config: Any = {
        "timeout": _LONGEST,
        "connect_timeout": f"{round(connect * 1000)}ms",
        "read_timeout": f"{round(silence * 1000)}ms",
        **(options or {}),
    }
    patient: Any = {**config, "read_timeout": f"{round(_MORE * silence * 1000)}ms"}
    maker: Any = {"s3": S3Store, "gs": GCSStore, "az": AzureStore}[scheme]  # the stubs of each name its own keys alone
    try:
        opened, writing = (
            maker(bucket, prefix=prefix or None, config=each, retry_config={"max_retries": 0})
            for each in (config, patient)
        )
    except (exceptions.BaseError, ValueError) as error:
        raise BrokenError(f"{type(error).__name__}: {error}", again=False) from error
    return ChannelCache(name or f"{scheme}://{bucket}/{prefix}".rstrip("/"), BucketChannel(opened, writing, creates))
