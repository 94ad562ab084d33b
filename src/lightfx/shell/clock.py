"""The clock of the system."""

from __future__ import annotations

import time
from typing import final

from returns.io import IO


@final
class SystemClock:
    """Wall time and monotonic time. Implements `lightfx.effects.clock.Clock`."""

    def now(self) -> IO[float]:
        """Seconds since the epoch."""
        return IO(time.time())

    def elapsed(self) -> IO[float]:
        """Seconds since some fixed moment."""
        return IO(time.monotonic())

    def sleep(self, seconds: float) -> IO[None]:
        """Wait."""
        time.sleep(seconds)
        return IO(None)
