"""What is the same for all that wraps a cache: it is asked as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import frozen
from returns.io import IOResult

from lightfx.effects.cache import Cache, Fate, Good, Trouble, Want


@frozen
class Wrapping:
    """Hands all on to ``cache``; a policy does otherwise what it is about. Implements `lightfx.effects.cache.Cache`."""

    cache: Cache

    @property
    def name(self) -> str:
        """What people call it."""
        return self.cache.name

    @property
    def lists(self) -> bool:
        """Whether it can say what is there."""
        return self.cache.lists

    @property
    def writable(self) -> bool:
        """Whether anything can be put there."""
        return self.cache.writable

    def fetch(self, wants: Sequence[Want]) -> IOResult[Mapping[str, Fate], Trouble]:
        """Take in what is there of these names."""
        return self.cache.fetch(wants)

    def put(self, goods: Sequence[Good]) -> IOResult[None, Trouble]:
        """Bring these."""
        return self.cache.put(goods)

    def there(self, names: Sequence[str]) -> IOResult[frozenset[str], Trouble]:
        """Say which of these are there."""
        return self.cache.there(names)

    def names(self, folder: str) -> IOResult[Mapping[str, int], Trouble]:
        """List what is there."""
        return self.cache.names(folder)

    def drop(self, names: Sequence[str]) -> IOResult[None, Trouble]:
        """Remove these."""
        return self.cache.drop(names)

    def close(self) -> IOResult[None, Trouble]:
        """Give back connections."""
        return self.cache.close()
