"""Waiting: who holds a run up, said while nothing of its own runs and nothing comes.

Equal work is done once, so a run may wait for a key that another process builds.
While a run only waits, the engine tells every second how far it is. When that was
the same for `PATIENCE`, it is looked up who builds anything in the store, and again
after as long.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final, final

from lightfx.cli.tally import Tally
from lightfx.cli.words import counted
from lightfx.core.health import Owner
from lightfx.effects.journal import Advanced, JournalEvent

PATIENCE: Final = 2.0  # seconds
FEW: Final = 3


@final
class Waiting:
    """Notes in a tally for whom its run waits, by ``builders``: those who have the store open, and build something."""

    def __init__(
        self, tally: Tally, builders: Callable[[], Sequence[Owner]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tally, self._builders, self._clock = tally, builders, clock
        self._last: JournalEvent | None = None
        self._since = 0.0

    def hear(self, event: JournalEvent) -> None:
        """Take an event in, after the tally."""
        now = self._clock()
        if event != self._last or self._tally.running or not isinstance(event, Advanced):
            self._last, self._since, self._tally.waiting = event, now, ""
        elif now - self._since >= PATIENCE:
            self._since = now
            self._tally.waiting = whom(self._builders())


def whom(builders: Sequence[Owner]) -> str:
    """Say for whom a run waits; "" for nobody.

    >>> whom([Owner("0", "process 12 on node7", True, None, 1, 0)])
    'waits for process 12 on node7, which builds 1 key: it goes on when that is done, or ended'
    """
    if not builders:
        return ""
    each = [f"{owner.who}, which builds {counted(owner.claims, 'key')}" for owner in builders[:FEW]]
    more = f", and {len(builders) - FEW} more" if len(builders) > FEW else ""
    return f"waits for {'; '.join(each)}{more}: it goes on when that is done, or ended"
