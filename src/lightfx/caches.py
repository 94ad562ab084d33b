"""Caches: results shared over a folder, a bucket or a web server, for ``open_world(path, caches=[...])``.

>>> import tempfile
>>> from pathlib import Path
>>> from lightfx import Build, evaluate, open_world, stage
>>> @stage(version="1")
... def double(build: Build, number: int) -> int:
...     return 2 * number
>>> with tempfile.TemporaryDirectory() as top:
...     shared = folder(Path(top, "shared"), push=True, trust=anyone)
...     with open_world(Path(top, "mine"), caches=[shared]) as world:
...         value = evaluate(world, double(21))
...     with open_world(Path(top, "yours"), caches=[shared]) as world:
...         evaluate(world, double(21), only_stored=True)
42

A run asks the caches before it builds, in their order, and stores what they
have. Nothing that comes from a cache is taken for what it says it is: files
are compared with their digests before anybody sees them. Whether a result
is true cannot be seen from it: ``trust`` says whose results are used. Without it
these are the results that are signed by a key that you trust (``lightfx key``),
and what others put there is refused.

Trouble with a cache never fails a run: what does not come is made here. The
command line prints that, and `lightfx runs show last` has it; a script hears of
it by ``open_world(path, caches=..., journal=Listener(hear))`` alone, as
`lightfx.journal.CacheWarned`, and of what is not used as `CacheRefused`.

Credentials of buckets come from the environment (``AWS_ACCESS_KEY_ID`` and the
like), and are never stored or shown.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from attrs import evolve
from returns.io import IOResult

from lightfx.core.failures import EngineFailure
from lightfx.core.given import check_text
from lightfx.core.terms import whole
from lightfx.plan.policies import Trust
from lightfx.plan.sharing import USUAL, Sharing
from lightfx.shell.cache.settings import read_setups
from lightfx.shell.cache.setups import CacheSetup, check_setup

__all__ = [
    "CacheSetup",
    "Sharing",
    "Trust",
    "agreed",
    "anyone",
    "azure",
    "configured",
    "folder",
    "gs",
    "http",
    "s3",
    "signed_by",
    "tiered",
]

anyone: Final = Trust("any")
"""Whoever can write to the cache is believed: for a cache that nobody writes to but you, and those like you."""

USUAL_TRUST: Final = Trust()


def signed_by(*keys: str) -> Trust:
    """Believe what one of these keys signed: names of keys that you trust, or public keys; none: any that you trust.

    This is what all caches begin with. See ``lightfx key``.

    >>> signed_by("ada").policy
    'signed'
    """
    return Trust("signed", keys)


def agreed(count: int, *keys: str) -> Trust:
    """Believe what so many of these builders got, who do not rely on one another: the same bytes, each signed.

    Raises ``ValueError`` where they can never agree: where no builder is named,
    or fewer than ``count`` different ones, and for a ``count`` of less than one.

    >>> agreed(2, "ada", "bob", "carol").policy
    '2-of-3'
    """
    if whole("count", count) < 1:
        raise ValueError(f"count is {count}; one builder at least is to be believed")
    named = Trust("signed", keys).keys
    if not named:
        raise ValueError(f"agreed({count}) believes nobody: name the builders, as in agreed(2, 'ada', 'bob', 'carol')")
    return Trust(f"{count}-of-{len(named)}", named)


def _bucket(scheme: str, place: str) -> str:
    """The address of a bucket; that of another place would become the name of one."""
    check_text("place", place)
    if "://" in place:
        raise ValueError(f"place is a whole address; it takes bucket, or bucket/prefix, with no {scheme}:// before it")
    return f"{scheme}://{place}"


def folder(
    path: str | os.PathLike[str],
    /,
    *,
    name: str = "",
    push: bool = False,
    sharing: Sharing = USUAL,
    trust: Trust = USUAL_TRUST,
    key: str = "",
) -> CacheSetup:
    """Share results over a folder: of a disk that several machines see, or one that a web server serves.

    ``push``: bring there what runs make. ``sharing``: what is shared, both
    ways. ``trust``: whose results are used: `signed_by` keys, `agreed` on by
    builders, or `anyone`'s. ``key``: the name of your key that signs what is
    brought there; your only one, or ``default``, if not given, and where you
    have none nothing is signed. ``name``: what to call it in messages.

    Raises ``ValueError`` for what is no folder or no name, and ``TypeError`` for
    what is of another kind, as all functions here do.

    >>> folder("/srv/results").url
    'file:///srv/results'
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path is of type {type(path).__name__}; it takes the path of a folder")
    if not os.fspath(path):
        raise ValueError("path is ''; it takes a folder: the one that you are in is '.'")
    return CacheSetup(Path(path).absolute().as_uri(), name, push, sharing, trust, key)


def http(
    url: str,
    /,
    *,
    name: str = "",
    sharing: Sharing = USUAL,
    trust: Trust = USUAL_TRUST,
    silence: float = 20.0,
    connect: float = 5.0,
) -> CacheSetup:
    """Take results from a web server that serves such a folder, or a bucket. Takes the extra ``fetch`` (httpx).

    ``silence``: seconds without a byte after which it is given up; ``connect``:
    seconds until there is a connection.

    >>> http("https://results.example.org/ours").read_only
    True
    """
    return CacheSetup(url, name, False, sharing, trust, silence=silence, connect=connect)


def s3(
    place: str,
    /,
    *,
    name: str = "",
    push: bool = False,
    endpoint: str = "",
    region: str = "",
    sharing: Sharing = USUAL,
    trust: Trust = USUAL_TRUST,
    key: str = "",
    silence: float = 20.0,
    connect: float = 5.0,
) -> CacheSetup:
    """Share results over S3, or what speaks like it at ``endpoint``. Takes the extra ``cloud`` (obstore).

    ``place``: ``bucket`` or ``bucket/prefix``. ``endpoint``, ``region``: where
    the environment does not say it. The rest is as in `folder` and `http`.

    >>> s3("results/ours", region="eu-central-1").url
    's3://results/ours'
    """
    return CacheSetup(
        _bucket("s3", place), name, push, sharing, trust, key, endpoint, region, silence=silence, connect=connect
    )


def gs(
    place: str,
    /,
    *,
    name: str = "",
    push: bool = False,
    sharing: Sharing = USUAL,
    trust: Trust = USUAL_TRUST,
    key: str = "",
    silence: float = 20.0,
    connect: float = 5.0,
) -> CacheSetup:
    """Share results over Google's storage: ``bucket`` or ``bucket/prefix``. Takes the extra ``cloud``.

    >>> gs("results").url
    'gs://results'
    """
    return CacheSetup(_bucket("gs", place), name, push, sharing, trust, key, silence=silence, connect=connect)


def azure(
    place: str,
    /,
    *,
    name: str = "",
    push: bool = False,
    endpoint: str = "",
    sharing: Sharing = USUAL,
    trust: Trust = USUAL_TRUST,
    key: str = "",
    silence: float = 20.0,
    connect: float = 5.0,
) -> CacheSetup:
    """Share results over Azure's storage: ``container`` or ``container/prefix``. Takes the extra ``cloud``.

    The account is that of the environment: ``AZURE_STORAGE_ACCOUNT_NAME``.

    >>> azure("results/ours").url
    'az://results/ours'
    """
    return CacheSetup(_bucket("az", place), name, push, sharing, trust, key, endpoint, silence=silence, connect=connect)


def tiered(near: CacheSetup, far: CacheSetup, /) -> CacheSetup:
    """Ask ``near`` first, and keep there what came from ``far``: a folder of this machine before a bucket.

    All else is as ``far`` says.

    >>> tiered(folder("/var/tmp/near"), s3("results")).title
    's3://results'
    """
    check_setup(near)
    check_setup(far)
    return evolve(far, near=near)


def configured(path: str | os.PathLike[str], /) -> IOResult[tuple[CacheSetup, ...], EngineFailure]:
    """Give the caches that the store at ``path`` was told of by ``lightfx cache add``; ``unwrap`` carries it out.

    The command line uses them of itself; a script does by
    ``open_world(path, caches=unwrap(configured(path)))``.
    """
    return read_setups(Path(path))
