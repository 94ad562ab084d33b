"""The clock, as a capability: tests bring their own."""

from __future__ import annotations

from typing import Protocol

from returns.io import IO


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> IO[float]:
        """Seconds since the epoch."""
        ...

    def elapsed(self) -> IO[float]:
        """Seconds since some fixed moment; never goes back."""
        ...

    def sleep(self, seconds: float) -> IO[None]:
        """Wait."""
        ...
