"""The memory double: a cache over a dict, for tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import final

from attrs import Factory, define

from lightfx.effects.cache import Good, Pieces
from lightfx.shell.cache.channel import ChannelCache, GoneError
from lightfx.shell.cache.sealing import PIECE


@final
@define(eq=False)
class MemoryChannel:
    """Names and bytes. Implements `lightfx.shell.cache.channel.Channel`."""

    held: dict[str, bytes] = Factory(dict)
    lists: bool = True
    writable: bool = True

    @contextmanager
    def open(self, name: str) -> Iterator[Pieces]:
        """Read what is under a name."""
        data = self.held.get(name)
        if data is None:
            raise GoneError(name)
        yield (data[start : start + PIECE] for start in range(0, len(data), PIECE))

    def write(self, good: Good) -> None:
        """Put something under a name."""
        self.held[good.name] = b"".join(good.pieces())

    def has(self, name: str) -> bool:
        """Whether there is something under a name."""
        return name in self.held

    def names(self, folder: str) -> Mapping[str, int]:
        """List what is under a folder."""
        return {name: len(data) for name, data in list(self.held.items()) if name.startswith(f"{folder}/")}

    def remove(self, name: str) -> None:
        """Remove what is under a name."""
        self.held.pop(name, None)

    def close(self) -> None:
        """Nothing is held."""


def memory_cache(held: dict[str, bytes], name: str = "memory") -> ChannelCache:
    """Make a cache over ``held``, which several may share."""
    return ChannelCache(name, MemoryChannel(held))
