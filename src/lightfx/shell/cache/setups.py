"""What is said of a cache: where it is, and on what terms it is used; what means nothing is refused as it is said.

It holds no credential: those come from the environment, and an address that has
one in it is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, final
from urllib.parse import unquote, urlsplit

from attrs import field, frozen
from returns.io import IOResult
from returns.result import Success

from lightfx.core.given import check_text, flag, seconds, text
from lightfx.core.names import Name
from lightfx.plan.policies import Trust
from lightfx.plan.sharing import Sharing
from lightfx.shell.cache.web import CONNECT, SILENCE

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}")
_MORE: Final = re.compile(r"[?#]")
_LATE: Final = re.compile(r"^((?:[^:/]*://)?[^:]*:).+", re.DOTALL)
_SCHEMES: Final = ("file", "http", "https", "s3", "gs", "az")


def _url(text: str) -> str:
    check_text("url", text)
    if not text.isprintable():  # `urlsplit` would leave some of it out, and what is kept is shown to people
        raise ValueError(f"{_shown(text)} names no cache: spell what cannot be printed as %XX")
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 -- what is no port is a ValueError; a password may have been meant
    except ValueError:
        raise ValueError(f"{_shown(text)} names no cache: its host, or its port, cannot be read") from None
    if parts.scheme not in _SCHEMES:
        raise ValueError(f"{_shown(text)} names no cache: give a folder, or http://, https://, s3://, gs:// or az://")
    if "@" in parts.netloc or parts.query or parts.fragment:
        host = parts.hostname or ""
        raise ValueError(
            f"the address of a cache at {host!r} may have no user, query or fragment in it: "
            "credentials come from the environment"
        )
    if parts.scheme == "file" and (parts.netloc or not parts.path.startswith("/")):
        raise ValueError(f"{_shown(text)} names no cache: a folder is file:// and its whole path, as in file:///srv/x")
    if parts.scheme != "file" and not parts.hostname:
        raise ValueError(f"{_shown(text)} names no cache: a host, or a bucket, is missing")
    if "\0" in unquote(parts.path):
        raise ValueError(f"{_shown(text)} names no cache: no file has NUL in its name")
    return text.rstrip("/") if parts.path.strip("/") or parts.netloc else "file:///"


def _shown(text: str) -> str:
    """An address as it may be shown.

    What stands before an @ could be a password, also where that is in a wrong place; and what follows a second colon, a
    ? or a #, of which the password itself may have one.
    """
    before, at, rest = text.rpartition("@")
    if _MORE.search(before):
        return repr("...")
    kept = _LATE.sub(r"\1...", _MORE.split(rest, maxsplit=1)[0])
    return repr(f"...{at}{kept}"[:200] if at else kept[:200])


def _endpoint(text: str) -> str:
    check_text("endpoint", text)
    return _url(text) if text else ""


def _name(text: str) -> str:
    check_text("name", text)
    if text and not _NAME.fullmatch(text):
        raise ValueError(f"{text[:200]!r} is no name for a cache: letters, digits and _ . + - make one")
    return text


def _key(_: object, __: object, key: str) -> None:
    # What is given in place of a name may be the key itself, and is not shown.
    check_text("key", key)
    if key and not isinstance(Name.parse(key), Success):
        raise ValueError("key is no name of a key: it takes that of one of yours, as `lightfx key list` lists them")


def _sharing(_: object, __: object, sharing: object) -> None:
    if not isinstance(sharing, Sharing):
        raise TypeError(f"sharing is {repr(sharing)[:100]}; it takes a Sharing, such as Sharing(lefts='none')")


def _trust(_: object, __: object, trust: object) -> None:
    if not isinstance(trust, Trust):
        given = f"the function {getattr(trust, '__name__', '')}" if callable(trust) else repr(trust)[:100]
        raise TypeError(f"trust is {given}; it takes anyone, signed_by(...) or agreed(...), of lightfx.caches")


def _near(_: object, __: object, near: CacheSetup | None) -> None:
    if near is not None:
        check_setup(near)


def _folder(_: object, __: object, keys: Path | None) -> None:
    if keys is not None and not isinstance(keys, Path):
        raise TypeError(f"keys is of type {type(keys).__name__}; it takes the Path of a folder")


@final
@frozen
class CacheSetup:
    """Where a cache is, and on what terms it is used; made by the functions of `lightfx.caches`.

    ``url``: where it is. ``name``: what people call it. ``push``: whether runs
    bring there what they make. ``sharing``: what is shared. ``trust``: whose
    results are used. ``key``: the name of one's own key that signs what is
    brought there. ``endpoint``, ``region``: of a bucket that is not where its
    kind usually is. ``silence``, ``connect``: seconds without a byte, and until
    there is a connection, after which it is given up. ``near``: a cache that is
    asked before it. ``creates``, ``drops``: what is known of the server
    (`probe`). ``keys``: the folder of keys, in place of the user's. Raises
    ``TypeError`` and ``ValueError`` for what is none of these.
    """

    url: str = field(converter=_url)
    name: str = field(default="", converter=_name)
    push: bool = field(default=False, validator=flag)
    sharing: Sharing = field(default=Sharing(), validator=_sharing)
    trust: Trust = field(default=Trust(), validator=_trust)
    key: str = field(default="", validator=_key)
    endpoint: str = field(default="", converter=_endpoint)
    region: str = field(default="", validator=text)
    silence: float = field(default=SILENCE, validator=seconds)
    connect: float = field(default=CONNECT, validator=seconds)
    near: CacheSetup | None = field(default=None, validator=_near)
    creates: bool = field(default=False, validator=flag)
    drops: bool = field(default=True, validator=flag)
    keys: Path | None = field(default=None, validator=_folder)

    @property
    def title(self) -> str:
        """What people read."""
        return self.name or self.url

    @property
    def read_only(self) -> bool:
        """Whether nothing can ever be brought there."""
        return urlsplit(self.url).scheme in ("http", "https")

    @property
    def pushes(self) -> bool:
        """Whether anything is brought there."""
        return self.push and not self.read_only


# What is handed on.


def check_setup(given: object) -> None:
    """Raise TypeError for what is no cache, in words that say what makes one."""
    if not isinstance(given, CacheSetup):
        raise TypeError(f"a cache is wanted, not {_called(given)}: {_hint(given)}")


def read_caches(given: object) -> tuple[CacheSetup, ...]:
    """List the caches of a sequence; raises TypeError for what is none.

    >>> read_caches("shared")
    Traceback (most recent call last):
    ...
    TypeError: caches are wanted in a sequence, not str: [folder(...)], with `folder` of lightfx.caches
    """
    if isinstance(given, CacheSetup):
        raise TypeError("caches are wanted in a sequence, not by themselves: [cache]")
    if isinstance(given, str | Mapping | IOResult) or not isinstance(given, Iterable):
        raise TypeError(f"caches are wanted in a sequence, not {_called(given)}: {_listed(given)}")
    setups = tuple(given)
    for each in setups:
        check_setup(each)
    return setups


def _called(given: object) -> str:
    return "an effect" if isinstance(given, IOResult) else type(given).__name__


def _listed(given: object) -> str:
    return _hint(given) if isinstance(given, IOResult) else "[folder(...)], with `folder` of lightfx.caches"


def _hint(given: object) -> str:
    if isinstance(given, IOResult):
        return "unwrap(...) carries it out, as in unwrap(configured(path))"
    return "`folder(path)` of lightfx.caches makes one, as do http, s3, gs and azure"
