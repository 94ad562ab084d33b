"""Who listens to a run: the events, and a journal that hands them to a callable.

>>> events: list[JournalEvent] = []
>>> journal = Listener(events.append)  # open_world(path, journal=journal)
"""

from __future__ import annotations

from lightfx.effects.journal import (
    Advanced,
    CacheRefused,
    CacheWarned,
    Differed,
    Journal,
    JournalEvent,
    Pulled,
    Pushed,
    RunBegan,
    RunEnded,
    Stopping,
    TaskAsked,
    TaskEnded,
    TaskProgressed,
    TaskRetried,
    TaskStarted,
)
from lightfx.shell.journal.listeners import Both, Listener, Silence

__all__ = [
    "Advanced",
    "Both",
    "CacheRefused",
    "CacheWarned",
    "Differed",
    "Journal",
    "JournalEvent",
    "Listener",
    "Pulled",
    "Pushed",
    "RunBegan",
    "RunEnded",
    "Silence",
    "Stopping",
    "TaskAsked",
    "TaskEnded",
    "TaskProgressed",
    "TaskRetried",
    "TaskStarted",
]
