"""A policy that wraps a cache: whatever is asked of it gives a sign of life now and then, or is given up.

Time limits of connections see silence alone. A server may send the head of an
answer a byte at a time, or one interim answer after the other; a list may drip,
or have no end; a folder of a file server that is down does not answer at all,
and no call of the system can be told not to wait for it. So all that is asked
is asked by a thread of its own, that is waited for as long as there are signs of
life: a piece that comes, or that is taken to be written.

What is given up goes on in its thread, since nobody can stop that; nothing of it
is taken any more, and the thread keeps no program from ending. Time that a whole
process was stopped for is not counted: what is counted are looks, not clocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import wait
from functools import partial
from typing import Final, TypeVar, final

from attrs import define, evolve, field, frozen
from returns.io import IOResult
from returns.result import Result, Success

from lightfx.effects.cache import Cache, Failed, Fate, Good, Pieces, Taken, Trouble, Unfit, Want
from lightfx.shell.cache.channel import AT_ONCE, BrokenError, in_thread
from lightfx.shell.cache.wrapping import Wrapping

T = TypeVar("T")

_LOOK: Final = 0.5
_SOME: Final = 2 * AT_ONCE
"""So many names are looked at, or removed, between two signs of life."""


@final
@define(eq=False)
class _Watch:
    """Signs of life of one thing that is asked; ``over`` when it was given up."""

    signs: int = 0
    over: bool = False
    fates: dict[str, Fate] = field(factory=dict)

    def sign(self) -> None:
        """It lives; whoever was given up ends here."""
        if self.over:
            raise BrokenError("it was given up", again=False)
        self.signs += 1

    def along(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Hand on what comes, each piece a sign of life."""
        for piece in pieces:
            self.sign()
            yield piece

    def take(self, want: Want) -> Callable[[Pieces], Result[None, str]]:
        """Take in as is wanted, and note what came of it."""

        def taking(pieces: Pieces) -> Result[None, str]:
            self.sign()
            taken = want.take(self.along(pieces))
            self.sign()
            self.fates[want.name] = Taken() if isinstance(taken, Success) else Unfit(taken.failure())
            return taken

        return taking


@final
@frozen
class _Watched(Wrapping):
    reading: float
    writing: float
    look: float

    def fetch(self, wants: Sequence[Want]) -> IOResult[Mapping[str, Fate], Trouble]:
        """Take in what is there; what had come when it was given up is taken."""
        watch = _Watch()
        watched = [evolve(want, take=watch.take(want)) for want in wants]

        def as_far(trouble: Trouble) -> IOResult[Mapping[str, Fate], Trouble]:
            failed = {want.name: Failed(evolve(trouble, act=f"give {want.name}")) for want in wants}
            return IOResult.from_value({**failed, **watch.fates})

        return self._watched("be read", lambda: self.cache.fetch(watched), self.reading, watch).lash(as_far)

    def put(self, goods: Sequence[Good]) -> IOResult[None, Trouble]:
        """Bring these."""
        watch = _Watch()

        def watched(good: Good) -> Good:
            return evolve(good, pieces=lambda: watch.along(good.pieces()))

        bringing = [watched(good) for good in goods]
        return self._watched("be written to", lambda: self.cache.put(bringing), self.writing, watch)

    def there(self, names: Sequence[str]) -> IOResult[frozenset[str], Trouble]:
        """Say which of these are there."""
        found: IOResult[frozenset[str], Trouble] = IOResult.from_value(frozenset())
        for some in _parts(names):
            found = found.bind(partial(self._there, some))
        return found

    def _there(self, names: Sequence[str], known: frozenset[str]) -> IOResult[frozenset[str], Trouble]:
        return self._watched("be looked at", lambda: self.cache.there(names), self.reading).map(known.union)

    def names(self, folder: str) -> IOResult[Mapping[str, int], Trouble]:
        """List what is there."""
        return self._watched("be listed", lambda: self.cache.names(folder), self.reading)

    def drop(self, names: Sequence[str]) -> IOResult[None, Trouble]:
        """Remove these."""
        dropped: IOResult[None, Trouble] = IOResult.from_value(None)
        for some in _parts(names):
            dropped = dropped.bind(partial(self._drop, some))
        return dropped

    def _drop(self, names: Sequence[str], _: None) -> IOResult[None, Trouble]:
        return self._watched("be tidied up", lambda: self.cache.drop(names), self.reading)

    def close(self) -> IOResult[None, Trouble]:
        """Give back connections."""
        return self._watched("be closed", self.cache.close, self.reading)

    def _watched(
        self, act: str, work: Callable[[], IOResult[T, Trouble]], most: float, watch: _Watch | None = None
    ) -> IOResult[T, Trouble]:
        """Wait for it as long as it lives; whoever goes on without it, interrupted or not, gives it up."""
        watch = watch or _Watch()
        asked, seen, quiet = in_thread(work), 0, 0.0
        try:
            while not wait((asked,), self.look).done:
                quiet = quiet + self.look if watch.signs == seen else 0.0
                seen = watch.signs
                if quiet >= most:
                    why = f"it gave no sign of life for {most:.0f} s"
                    return IOResult.from_failure(Trouble(self.name, act, why, False, most))
            return asked.result()
        except BrokenError as error:  # there may be no more threads
            return IOResult.from_failure(Trouble(self.name, act, error.why, error.again))
        finally:
            watch.over = not asked.done()


def _parts(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[start : start + _SOME] for start in range(0, len(names), _SOME))


def watched(cache: Cache, *, reading: float, writing: float, look: float = _LOOK) -> Cache:
    """Give up what gives no sign of life for so many seconds: as it is read, and as it is written to.

    >>> from lightfx.shell.cache.memory import memory_cache
    >>> watched(memory_cache({}), reading=60.0, writing=300.0).name
    'memory'
    """
    return _Watched(cache, reading, writing, look)
