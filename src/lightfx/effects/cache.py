"""A cache, as those see it who share results over it: a place for named bytes that needs no trust.

What is kept there, and under which names, ``plan/sharing.py`` says; here is no
more than bytes. Every method takes a batch. Laws, which ``tests/conformance``
asks of every implementation:

- what `put` was given is there when it returns, whole; of what is put by many
  at once under one name, one is there;
- a name is never seen with less than what was put under it, whoever is killed;
- `fetch` hands on what is there, as it comes, and never holds all of it; what
  is not wanted as it comes (`Want.take` says so) is `Unfit`, and no trouble;
- nothing waits for ever: what does not answer in time is `Failed`;
- no failure tells a credential.

Nothing that comes from a cache is believed: who takes it in compares it with
the digest that it was asked for by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol, TypeAlias, final

from attrs import field, frozen
from returns.io import IOResult
from returns.result import Result

from lightfx.core.failures import CacheTrouble

Pieces: TypeAlias = Iterator[bytes]


@final
@frozen
class Trouble:
    """The cache called ``cache`` did not ``act``: ``why``; ``again``: another try may help.

    ``seconds``: how long it was waited for, in vain.
    """

    cache: str
    act: str
    why: str
    again: bool = False
    seconds: float = field(default=0.0, eq=False)

    @property
    def failure(self) -> CacheTrouble:
        """As all the world sees it."""
        return CacheTrouble(self.cache, self.act, self.why)


@final
@frozen
class Want:
    """What is asked of a cache: ``name``, and no more than ``limit`` bytes of it.

    ``take`` takes the bytes in as they come, or says why it does not want them.
    It may be called again, from the beginning, where the cache broke off.
    """

    name: str
    limit: int
    take: Callable[[Pieces], Result[None, str]]


@final
@frozen
class Taken:
    """It came, and was wanted."""


@final
@frozen
class Missing:
    """The cache has nothing of that name."""


@final
@frozen
class Unfit:
    """It came, and is not what was asked for: ``why``."""

    why: str


@final
@frozen
class Failed:
    """It did not come."""

    trouble: Trouble


Fate: TypeAlias = Taken | Missing | Unfit | Failed
"""What became of a `Want`."""


@final
@frozen
class Good:
    """What is brought there: ``size`` bytes under ``name``; ``pieces`` gives them, from the beginning each time."""

    name: str
    size: int
    pieces: Callable[[], Iterable[bytes]]

    @classmethod
    def of(cls, name: str, data: bytes) -> Good:
        """Bring ``data``."""
        return cls(name, len(data), lambda: (data,))


class Cache(Protocol):
    """A place for named bytes: a folder, a bucket, a web server. Several threads may not call it at once."""

    @property
    def name(self) -> str:
        """What people call it; no credential is in it."""
        ...

    @property
    def lists(self) -> bool:
        """Whether it can say what is there (`names`); a plain web server cannot."""
        ...

    @property
    def writable(self) -> bool:
        """Whether anything can be put there, as far as is known."""
        ...

    def fetch(self, wants: Sequence[Want]) -> IOResult[Mapping[str, Fate], Trouble]:
        """Take in what is there of these names; says of each what became of it."""
        ...

    def put(self, goods: Sequence[Good]) -> IOResult[None, Trouble]:
        """Bring these, all of them; what has no order among them may come in any."""
        ...

    def there(self, names: Sequence[str]) -> IOResult[frozenset[str], Trouble]:
        """Say which of these are there."""
        ...

    def names(self, folder: str) -> IOResult[Mapping[str, int], Trouble]:
        """List what is there under ``folder/``, with the bytes of each."""
        ...

    def drop(self, names: Sequence[str]) -> IOResult[None, Trouble]:
        """Remove these; what is gone is fine."""
        ...

    def close(self) -> IOResult[None, Trouble]:
        """Give back connections."""
        ...
