"""Journals: the null one, one that hands each event to a callable, and two in one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from attrs import frozen
from returns.io import IO

from lightfx.effects.journal import Journal, JournalEvent

_DONE: Final = IO(None)


@final
@frozen
class Silence:
    """Nobody listens. Implements `lightfx.effects.journal.Journal`."""

    def tell(self, event: JournalEvent, /) -> IO[None]:  # noqa: ARG002 -- nobody listens
        """Let it pass."""
        return _DONE


@final
@frozen
class Listener:
    """Hands each event to ``hear``. Implements `lightfx.effects.journal.Journal`."""

    hear: Callable[[JournalEvent], None]

    def tell(self, event: JournalEvent, /) -> IO[None]:
        """Hand it on."""
        self.hear(event)
        return _DONE


@final
@frozen
class Both:
    """Tells ``first``, then ``second``. Implements `lightfx.effects.journal.Journal`."""

    first: Journal
    second: Journal

    def tell(self, event: JournalEvent, /) -> IO[None]:
        """Tell both."""
        self.first.tell(event)
        return self.second.tell(event)
