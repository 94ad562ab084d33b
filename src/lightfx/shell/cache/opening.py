"""From what is said of a cache (`lightfx.shell.cache.setups`) to the cache, with limits and other tries around it.

A cache that cannot be opened is one that gives trouble when it is asked, so it
fails no run either.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from concurrent.futures import wait
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from attrs import evolve
from returns.io import IOResult
from returns.result import Failure, Result, Success

from lightfx.core.failures import EngineFailure, sentence
from lightfx.core.statement import PublicKey, Statement
from lightfx.effects.cache import Cache, Good
from lightfx.effects.world import Perform
from lightfx.plan.believing import believing
from lightfx.plan.policies import Anyone, Policy
from lightfx.plan.sharing import VERSION, Judge, Sign, anyone
from lightfx.shell.cache.bucket import BucketChannel, bucket_cache, creates
from lightfx.shell.cache.channel import BrokenError, ChannelCache, DownChannel, in_thread
from lightfx.shell.cache.folder import folder_cache
from lightfx.shell.cache.partner import Partner, Terms
from lightfx.shell.cache.policies import PATIENCE, bounded, retrying, tiered
from lightfx.shell.cache.setups import CacheSetup
from lightfx.shell.cache.watching import watched
from lightfx.shell.cache.web import web_cache
from lightfx.shell.disk import REAL
from lightfx.shell.ed25519 import PrivateKey, verifier
from lightfx.shell.keys import KeyRing, default_folder

MORE: Final = 12
"""So many times longer silence may last while something is written: a large file is synced at its end."""

_PROBE: Final = f"{VERSION}/probe"


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
    try:
        return asked.result() if wait((asked,), _reading(setup)).done else unknown
    except BrokenError:  # there may be no more threads
        return unknown


def try_to_write(partner: Partner, *, drops: bool) -> None:
    """Bring something there: who may not is told so now, and not by results that are lacking one day.

    It has one name, so that it lies there once where nothing can be removed.
    """
    name = f"{_PROBE}/written"
    brought = partner.do(partner.cache.put([Good.of(name, b"lightfx\n")]))
    if drops and isinstance(brought, Success):
        partner.do(partner.cache.drop([name]))


def _probed(setup: CacheSetup) -> CacheSetup:
    name = f"{_PROBE}/{uuid.uuid4().hex}"
    try:
        channel = _channel_cache(setup).channel
        if isinstance(channel, BucketChannel):
            setup = evolve(setup, creates=creates(channel, name))
        channel.remove(name)
    except BrokenError:
        return evolve(setup, drops=False)
    return evolve(setup, drops=True)
