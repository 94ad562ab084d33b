"""Who listens to a run: the events, and a journal that hands them to a callable.

>>> events: list[JournalEvent] = []
>>> journal = Listener(events.append)  # open_world(path, journal=journal)
"""

from __future__ import annotations

from lightfx.effects.journal import (
    Advanced,
    Journal,
    JournalEvent,
    RunBegan,
    RunEnded,
    TaskEnded,
    TaskStarted,
)
from lightfx.shell.journal.listeners import Listener, Silence

__all__ = [
    "Advanced",
    "Journal",
    "JournalEvent",
    "Listener",
    "RunBegan",
    "RunEnded",
    "Silence",
    "TaskEnded",
    "TaskStarted",
]
