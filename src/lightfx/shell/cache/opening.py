"""From what is said of a cache to the cache, with limits and other tries around it; and what is said, kept in a store.

A setup says where a cache is and on what terms it is used. It holds no
credential: those come from the environment, and an address that has one in it
is refused. A cache that cannot be opened is one that gives trouble when it is
asked, so it fails no run either.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Mapping
from concurrent.futures import wait
from pathlib import Path
from typing import Final, final
from urllib.parse import unquote, urlsplit

from attrs import evolve, field, frozen
from returns.io import IOResult
from returns.result import Failure, Result, Success

from lightfx.core.failures import EngineFailure, sentence
from lightfx.core.statement import PublicKey, Statement
from lightfx.effects.cache import Cache
from lightfx.effects.world import Perform
from lightfx.plan.believing import believing
from lightfx.plan.policies import Anyone, Policy, Trust
from lightfx.plan.sharing import VERSION, Judge, Sharing, Sign, anyone
from lightfx.shell.cache.bucket import BucketChannel, bucket_cache, creates
from lightfx.shell.cache.channel import BrokenError, ChannelCache, DownChannel, in_thread
from lightfx.shell.cache.folder import folder_cache
from lightfx.shell.cache.partner import Partner, Terms
from lightfx.shell.cache.policies import PATIENCE, bounded, retrying, tiered
from lightfx.shell.cache.watching import watched
from lightfx.shell.cache.web import CONNECT, SILENCE, web_cache
from lightfx.shell.disk import REAL
from lightfx.shell.ed25519 import PrivateKey, verifier
from lightfx.shell.keys import KeyRing, default_folder

MORE: Final = 12
"""So many times longer silence may last while something is written: a large file is synced at its end."""

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}")
_MORE: Final = re.compile(r"[?#]")
_LATE: Final = re.compile(r"^((?:[^:/]*://)?[^:]*:).+", re.DOTALL)
_SCHEMES: Final = ("file", "http", "https", "s3", "gs", "az")


def _url(text: str) -> str:
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
    return _url(text) if text else ""


def _name(text: str) -> str:
    if text and not _NAME.fullmatch(text):
        raise ValueError(f"{text[:200]!r} is no name for a cache: letters, digits and _ . + - make one")
    return text


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
    (`probe`). ``keys``: the folder of keys, in place of the user's.
    """

    url: str = field(converter=_url)
    name: str = field(default="", converter=_name)
    push: bool = False
    sharing: Sharing = Sharing()
    trust: Trust = Trust()
    key: str = ""
    endpoint: str = field(default="", converter=_endpoint)
    region: str = ""
    silence: float = SILENCE
    connect: float = CONNECT
    near: CacheSetup | None = None
    creates: bool = False
    drops: bool = True
    keys: Path | None = None

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


def partner_of(setup: CacheSetup, perform: Perform) -> Partner:
    """Open a cache on its terms. Where keys cannot be had, it is as one that is down: nothing is taken on trust."""
    terms = _terms(setup, perform)
    if isinstance(terms, Failure):
        return Partner(ChannelCache(setup.title, DownChannel(terms.failure())), perform)
    return Partner(open_cache(setup), perform, terms.unwrap())


def _terms(setup: CacheSetup, perform: Perform) -> Result[Terms, str]:
    """Find the keys that are meant: those that are believed, and the one that signs."""
    ring = KeyRing(default_folder(os.environ) if setup.keys is None else setup.keys, REAL)
    nobody: IOResult[Mapping[str, PublicKey], EngineFailure] = IOResult.from_value({})
    trusted = perform.result(nobody if setup.trust.policy == "any" else ring.trusted()).alt(sentence)
    policy = trusted.bind(setup.trust.among)
    nothing: IOResult[PrivateKey | None, EngineFailure] = IOResult.from_value(None)
    signer = perform.result(ring.signer(setup.key) if setup.pushes else nothing).alt(sentence)
    return policy.bind(lambda found: _judge(found, perform)).bind(
        lambda judge: signer.map(lambda key: Terms(judge, _sign(key), setup.sharing, setup.pushes, setup.drops))
    )


def _judge(policy: Policy, perform: Perform) -> Result[Judge, str]:
    if isinstance(policy, Anyone):
        return Success(anyone)
    return perform.result(verifier()).alt(sentence).map(lambda verify: believing(policy, verify))


def _sign(key: PrivateKey | None) -> Sign | None:
    return None if key is None else lambda made: key.sign(Statement.of(made)).tree


def open_cache(setup: CacheSetup) -> Cache:
    """Open a cache; one that cannot be opened gives trouble when it is asked."""
    try:
        cache: Cache = _channel_cache(setup)
    except BrokenError as error:
        cache = ChannelCache(setup.title, DownChannel(error.why))
    reading = _reading(setup)
    wrapped = retrying(bounded(watched(cache, reading=reading, writing=reading + MORE * setup.silence)))
    return wrapped if setup.near is None else tiered(open_cache(setup.near), wrapped)


def _reading(setup: CacheSetup) -> float:
    """After so many seconds without a sign of life it is given up; limits of connections are less than that."""
    return PATIENCE + setup.connect + setup.silence


def _channel_cache(setup: CacheSetup) -> ChannelCache:
    parts = urlsplit(setup.url)
    match parts.scheme:
        case "file":
            path = Path(unquote(parts.path, errors="surrogateescape"))  # a name need not be UTF-8
            return folder_cache(path, setup.title, create=setup.push, disk=REAL)
        case "http" | "https":
            return web_cache(setup.url, setup.title, silence=setup.silence, connect=setup.connect)
        case scheme:
            options = {"endpoint": setup.endpoint, "region": setup.region}
            given = {name: value for name, value in options.items() if value}
            if setup.endpoint.startswith("http://"):
                given["allow_http"] = "true"
            return bucket_cache(
                scheme,
                parts.netloc,
                unquote(parts.path).strip("/"),
                setup.title,
                creates=setup.creates,
                options=given,
                silence=setup.silence,
                connect=setup.connect,
            )


def probe(setup: CacheSetup) -> CacheSetup:
    """Find out what the server can do: whether it keeps the first of two objects of one name, and removes any.

    Nothing depends on either. What cannot be found out is taken not to be so.
    """
    unknown = evolve(setup, creates=False, drops=False)
    if setup.read_only:
        return unknown
    asked = in_thread(lambda: _probed(setup))
    return asked.result() if wait((asked,), _reading(setup)).done else unknown


def _probed(setup: CacheSetup) -> CacheSetup:
    name = f"{VERSION}/probe/{uuid.uuid4().hex}"
    try:
        channel = _channel_cache(setup).channel
        if isinstance(channel, BucketChannel):
            setup = evolve(setup, creates=creates(channel, name))
        channel.remove(name)
    except BrokenError:
        return evolve(setup, drops=False)
    return evolve(setup, drops=True)
