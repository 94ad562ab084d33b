"""Turns: one run at a time in one world, whichever threads ask for them.

A run has the executor, the claims and the index of its world to itself: tasks
are told apart by numbers of the run, and what a world holds it holds once. So a
second thread waits for its turn. A stage that runs within a run, in the same
thread, would wait for itself: that is refused.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import final


@final
class Turns:
    """Who has the turn. A copy of it, in another process, is a new one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder = 0

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for the turn, and have it; raises ``RuntimeError`` for who has it already."""
        if self._holder == threading.get_ident():
            raise RuntimeError("a stage must not realize in the world that it runs in: it gets what it wants by need")
        with self._lock:
            self._holder = threading.get_ident()
            try:
                yield
            finally:
                self._holder = 0
