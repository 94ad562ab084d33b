"""Policies that wrap a cache: limits, other tries, and a near cache before a far one.

>>> from lightfx.shell.cache.memory import memory_cache
>>> cache = retrying(bounded(memory_cache({})))
>>> cache.name
'memory'
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Final, TypeVar, final

from attrs import evolve, frozen
from returns.io import IOResult
from returns.result import Result

from lightfx.effects.cache import Cache, Failed, Fate, Good, Pieces, Taken, Trouble, Want
from lightfx.plan.sharing import TABLE_LIST
from lightfx.shell.cache.channel import BrokenError, UnfitError
from lightfx.shell.cache.sealing import PIECE
from lightfx.shell.cache.wrapping import Wrapping

T = TypeVar("T")

PATIENCE: Final = 60.0
SLOWEST: Final = 20_000
TIMES: Final = 2
PAUSE: Final = 0.25
_IN_MEMORY: Final = 1 << 22


# Limits.


@final
@frozen
class _Bounded(Wrapping):
    patience: float
    slowest: float
    elapsed: Callable[[], float]

    def fetch(self, wants: Sequence[Want]) -> IOResult[Mapping[str, Fate], Trouble]:
        """Take in no more than was asked for, and give up what drips."""
        return self.cache.fetch([evolve(want, take=self._limited(want)) for want in wants])

    def _limited(self, want: Want) -> Callable[[Pieces], Result[None, str]]:
        return lambda pieces: want.take(self._counted(pieces, want.limit))

    def _counted(self, pieces: Pieces, limit: int) -> Pieces:
        began, count = self.elapsed(), 0
        for piece in pieces:
            count += len(piece)
            if count > limit:
                raise UnfitError(f"more than {limit:,} bytes come")
            if self.elapsed() - began > self.patience + count / self.slowest:
                raise BrokenError(f"only {count:,} bytes came in {self.elapsed() - began:.0f} s", again=False)
            yield piece


def bounded(
    cache: Cache,
    *,
    patience: float = PATIENCE,
    slowest: float = SLOWEST,
    elapsed: Callable[[], float] = time.monotonic,
) -> Cache:
    """Take in no more bytes than were asked for, and give up what comes too slowly.

    ``patience``: seconds that anything may take; ``slowest``: bytes a second
    that are waited for beyond that. Silence is ended by the cache itself.
    """
    return _Bounded(cache, patience, slowest, elapsed)


# Other tries.


@final
@frozen
class _Retrying(Wrapping):
    times: int
    pause: float
    sleep: Callable[[float], None]

    def fetch(self, wants: Sequence[Want]) -> IOResult[Mapping[str, Fate], Trouble]:
        """Ask again for what may come if it is asked for again."""
        return self._fetch(wants, 0)

    def _fetch(self, wants: Sequence[Want], tried: int) -> IOResult[Mapping[str, Fate], Trouble]:
        def again(fates: Mapping[str, Fate]) -> IOResult[Mapping[str, Fate], Trouble]:
            missed = [want for want in wants if _may_come(fates[want.name])]
            if not missed or tried >= self.times:
                return IOResult.from_value(fates)
            self._rest(tried)
            return self._fetch(missed, tried + 1).map(lambda later: {**fates, **later})

        return self.cache.fetch(wants).bind(again)

    def put(self, goods: Sequence[Good]) -> IOResult[None, Trouble]:
        """Bring these, again where that may help: to bring a thing twice is to bring it."""
        return self._again(lambda: self.cache.put(goods), 0)

    def there(self, names: Sequence[str]) -> IOResult[frozenset[str], Trouble]:
        """Say which of these are there."""
        return self._again(lambda: self.cache.there(names), 0)

    def names(self, folder: str) -> IOResult[Mapping[str, int], Trouble]:
        """List what is there."""
        return self._again(lambda: self.cache.names(folder), 0)

    def _again(self, act: Callable[[], IOResult[T, Trouble]], tried: int) -> IOResult[T, Trouble]:
        def once_more(trouble: Trouble) -> IOResult[T, Trouble]:
            if not trouble.again or tried >= self.times:
                return IOResult.from_failure(trouble)
            self._rest(tried)
            return self._again(act, tried + 1)

        return act().lash(once_more)

    def _rest(self, tried: int) -> None:
        self.sleep(self.pause * 3**tried)


def _may_come(fate: Fate) -> bool:
    return isinstance(fate, Failed) and fate.trouble.again


def retrying(
    cache: Cache, *, times: int = TIMES, pause: float = PAUSE, sleep: Callable[[float], None] = time.sleep
) -> Cache:
    """Try again what may help if it is tried again, ``times`` times, after ``pause`` seconds, then three times that."""
    return _Retrying(cache, times, pause, sleep)


# A near one and a far one.


@final
@frozen
class _Tiered(Wrapping):  # what is not said here is asked of the far one
    near: Cache

    def fetch(self, wants: Sequence[Want]) -> IOResult[Mapping[str, Fate], Trouble]:
        """Ask the near one, then the far one; what came from there and was wanted is put into the near one."""
        here = [want for want in wants if want.name != TABLE_LIST]  # all else is named by content, and never old
        found = self.near.fetch(here).lash(_nothing)
        return found.bind(lambda near: self._fetch_far(wants, near))

    def _fetch_far(self, wants: Sequence[Want], near: Mapping[str, Fate]) -> IOResult[Mapping[str, Fate], Trouble]:
        lacking = [want for want in wants if not isinstance(near.get(want.name), Taken)]
        if not lacking:
            return IOResult.from_value(near)
        with ExitStack() as held:
            kept = {want.name: held.enter_context(_Kept()) for want in lacking}
            fetched = self.cache.fetch([evolve(want, take=kept[want.name].beside(want)) for want in lacking])
            return fetched.bind(lambda fates: self._fill(near, fates, kept))

    def _fill(
        self, near: Mapping[str, Fate], fates: Mapping[str, Fate], kept: Mapping[str, _Kept]
    ) -> IOResult[Mapping[str, Fate], Trouble]:
        whole = {name for name, each in kept.items() if each.is_whole and name != TABLE_LIST}
        come = [name for name, fate in fates.items() if isinstance(fate, Taken) and name in whole]
        filled = self.near.put([kept[name].good(name) for name in come])
        return filled.lash(lambda _: IOResult.from_value(None)).map(lambda _: {**near, **fates})

    def put(self, goods: Sequence[Good]) -> IOResult[None, Trouble]:
        """Bring these to the far one, and to the near one as far as that takes them."""
        return self.cache.put(goods).bind(lambda _: self.near.put(goods).lash(lambda _: IOResult.from_value(None)))

    def drop(self, names: Sequence[str]) -> IOResult[None, Trouble]:
        """Remove these from both."""
        return self.cache.drop(names).bind(lambda _: self.near.drop(names))

    def close(self) -> IOResult[None, Trouble]:
        """Give back the connections of both."""
        return self.near.close().bind(lambda _: self.cache.close())


def _nothing(trouble: Trouble) -> IOResult[Mapping[str, Fate], Trouble]:  # noqa: ARG001 -- of the near one
    """Go on as if nothing had come."""
    return IOResult.from_value({})


@final
class _Kept:
    """Keeps what comes, to be put into the near cache when it is known to be right."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 -- closed as this is left
        self._size = 0
        self.is_whole = True

    def __enter__(self) -> _Kept:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def beside(self, want: Want) -> Callable[[Pieces], Result[None, str]]:
        """Take in what comes, and keep it."""
        return lambda pieces: want.take(self._copied(pieces))

    def _copied(self, pieces: Pieces) -> Pieces:
        self._size = 0
        for piece in pieces:
            self._keep(piece)
            yield piece

    def _keep(self, piece: bytes) -> None:
        """Keep one more piece, in the place of what another try brought; where there is no room, nothing is kept."""
        try:
            if self._size == 0:
                self._file.seek(0)
                self._file.truncate()
            self._file.write(piece)
            self._size += len(piece)
        except OSError:
            self.is_whole = False

    def good(self, name: str) -> Good:
        """What was kept, as it came."""

        def pieces() -> Pieces:
            self._file.seek(0)
            while piece := self._file.read(PIECE):
                yield piece

        return Good(name, self._size, pieces)


def tiered(near: Cache, far: Cache) -> Cache:
    """Ask ``near`` first, and put what came from ``far`` there; trouble of ``near`` is none."""
    return _Tiered(far, near)
