"""Channels: the few acts that a folder, a bucket and a web server have in common, and the cache that is made of them.

A channel does one thing at a time, and raises `GoneError` and `BrokenError`, and
nothing else, for what the world does to it. `ChannelCache` does many at once, in
threads, and gives what came of them as values: implementations of
`lightfx.effects.cache.Cache` differ in their channel alone.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import AbstractContextManager
from threading import Lock, Thread
from typing import Final, Protocol, TypeVar, final

from attrs import frozen
from returns.io import IOFailure, IOResult, IOSuccess
from returns.result import Failure

from lightfx.effects.cache import Failed, Fate, Good, Missing, Pieces, Taken, Trouble, Unfit, Want

T = TypeVar("T")
K = TypeVar("K")

AT_ONCE: Final = 16
_PLACES: Final = re.compile(r"(?P<scheme>[a-z]+://)(?:[^\s/@]*@)?(?P<rest>[^\s?#\"']*)(?:[?#][^\s\"')]*)?")
_LONGEST: Final = 300


class BrokenError(Exception):
    """The other side did not do what it was asked for; ``again``: another try may help."""

    def __init__(self, why: str, *, again: bool) -> None:
        super().__init__(why)
        self.why: str = discreet(why)
        self.again: bool = again


class GoneError(Exception):
    """There is nothing of that name."""


class UnfitError(Exception):
    """What came is not what was asked for."""


def discreet(text: str) -> str:
    """Take out of a message what may be a credential: users and queries in addresses.

    >>> discreet("GET https://me:pw@host/path?sig=abc failed")
    'GET https://host/path failed'
    """
    flat = " ".join(_PLACES.sub(lambda found: found["scheme"] + found["rest"], text).split())
    return flat if len(flat) <= _LONGEST else flat[: _LONGEST - 1] + "…"


class Channel(Protocol):
    """One act at a time; several threads may call it."""

    @property
    def lists(self) -> bool:
        """Whether it can say what is there."""
        ...

    @property
    def writable(self) -> bool:
        """Whether anything can be put there."""
        ...

    def open(self, name: str) -> AbstractContextManager[Pieces]:
        """Read what is under a name, as it comes."""
        ...

    def write(self, good: Good) -> None:
        """Put something under a name, whole or not at all."""
        ...

    def has(self, name: str) -> bool:
        """Whether there is something under a name."""
        ...

    def names(self, folder: str) -> Mapping[str, int]:
        """List what is under ``folder/``, with sizes in bytes."""
        ...

    def remove(self, name: str) -> None:
        """Remove what is under a name; what is gone is fine."""
        ...

    def close(self) -> None:
        """Give back what is held."""
        ...


@final
@frozen
class DownChannel:
    """Nothing is reached, and ``why`` is known. Implements `Channel`."""

    why: str
    lists: bool = True
    writable: bool = False

    def _no(self) -> BrokenError:
        return BrokenError(self.why, again=False)

    def open(self, name: str) -> AbstractContextManager[Pieces]:  # noqa: ARG002 -- nothing is reached
        """Fail."""
        raise self._no()

    def write(self, good: Good) -> None:  # noqa: ARG002 -- as above
        """Fail."""
        raise self._no()

    def has(self, name: str) -> bool:  # noqa: ARG002 -- as above
        """Fail."""
        raise self._no()

    def names(self, folder: str) -> Mapping[str, int]:  # noqa: ARG002 -- as above
        """Fail."""
        raise self._no()

    def remove(self, name: str) -> None:  # noqa: ARG002 -- as above
        """Fail."""
        raise self._no()

    def close(self) -> None:
        """Nothing is held."""


@final
@frozen
class ChannelCache:
    """A cache over a channel. Implements `lightfx.effects.cache.Cache`."""

    name: str
    channel: Channel

    @property
    def lists(self) -> bool:
        """Whether it can say what is there."""
        return self.channel.lists

    @property
    def writable(self) -> bool:
        """Whether anything can be put there."""
        return self.channel.writable

    def fetch(self, wants: Sequence[Want]) -> IOResult[Mapping[str, Fate], Trouble]:
        """Take in what is there of these names."""
        return self._do("be read", lambda: at_once(self._fetch, {want.name: want for want in wants}))

    def _fetch(self, want: Want) -> Fate:
        began = time.monotonic()
        try:
            with self.channel.open(want.name) as pieces:
                taken = want.take(pieces)
        except GoneError:
            return Missing()
        except BrokenError as error:
            return Failed(Trouble(self.name, f"give {want.name}", error.why, error.again, time.monotonic() - began))
        except UnfitError as error:
            return Unfit(str(error))
        return Unfit(taken.failure()) if isinstance(taken, Failure) else Taken()

    def put(self, goods: Sequence[Good]) -> IOResult[None, Trouble]:
        """Bring these."""
        written = self._do("be written to", lambda: at_once(self.channel.write, {good.name: good for good in goods}))
        return written.map(lambda _: None)

    def there(self, names: Sequence[str]) -> IOResult[frozenset[str], Trouble]:
        """Say which of these are there."""
        found = self._do("be looked at", lambda: at_once(self.channel.has, {name: name for name in names}))
        return found.map(lambda answers: frozenset(name for name, is_there in answers.items() if is_there))

    def names(self, folder: str) -> IOResult[Mapping[str, int], Trouble]:
        """List what is there."""
        return self._do("be listed", lambda: self.channel.names(folder))

    def drop(self, names: Sequence[str]) -> IOResult[None, Trouble]:
        """Remove these."""
        removed = self._do("be tidied up", lambda: at_once(self.channel.remove, {name: name for name in names}))
        return removed.map(lambda _: None)

    def close(self) -> IOResult[None, Trouble]:
        """Give back connections."""
        return self._do("be closed", self.channel.close)

    def _do(self, act: str, work: Callable[[], T]) -> IOResult[T, Trouble]:
        began = time.monotonic()
        try:
            return IOSuccess(work())
        except BrokenError as error:
            if isinstance(self.channel, DownChannel):
                act = "be used"
            return IOFailure(Trouble(self.name, act, error.why, error.again, time.monotonic() - began))


def at_once(work: Callable[[K], T], items: Mapping[str, K]) -> dict[str, T]:
    """Do the same with many things, several at a time; the first exception ends it."""
    if len(items) <= 1:
        return {name: work(item) for name, item in items.items()}
    done: dict[str, T] = {}
    left, mine = list(items.items())[::-1], Lock()

    def next_one() -> tuple[str, K] | None:
        with mine:
            return left.pop() if left else None

    def work_off() -> None:
        try:
            while (one := next_one()) is not None:
                done[one[0]] = work(one[1])
        except BaseException:
            with mine:
                left.clear()
            raise

    workers = [in_thread(work_off) for _ in range(min(AT_ONCE, len(items)))]
    wait(workers)
    for worker in workers:
        worker.result()
    return {name: done[name] for name in items}


def in_thread(work: Callable[[], T]) -> Future[T]:
    """Do something in a thread that keeps no program from ending, as those of an executor would.

    Where there may be no more threads, what comes of it is `BrokenError`.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 -- whoever waits for it gets it
            future.set_exception(error)

    try:
        Thread(target=run, name="lightfx-cache", daemon=True).start()
    except RuntimeError as error:
        future.set_exception(BrokenError(str(error), again=False))
    return future
