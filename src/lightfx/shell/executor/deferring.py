"""Deferring asks to stop for the moment that a deed takes which must be done whole or not at all.

Python handles a signal between any two steps, and a handler may raise, as that
of Ctrl-C does: a message that was read, and not yet filed, would be lost.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_ASKS: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let whoever handles SIGINT and SIGTERM hear of them at the end; only the main thread is ever disturbed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[tuple[int, FrameType | None]] = []
    handlers = {number: handler for number in _ASKS if callable(handler := signal.getsignal(number))}
    try:
        for number in handlers:
            signal.signal(number, lambda number, frame: came.append((number, frame)))
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for asked, frame in came:
            handlers[signal.Signals(asked)](asked, frame)
