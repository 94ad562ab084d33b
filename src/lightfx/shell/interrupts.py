"""Asks to stop: SIGINT (Ctrl-C) and SIGTERM, noted while a run goes on.

Python raises ``KeyboardInterrupt`` wherever it finds the main thread: in the
middle of a commit, or between a list and the count of it. While a run goes on,
the first ask to stop is noted, and breaks in only where the run waits (`open`);
the second breaks in at once. Afterwards all is as it was.

Nothing is touched where somebody else handles these signals already, nor
outside of the main thread, which is the only one that may.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, final

_WAITS: Final = frozenset({"wait", "sleep"})


@final
class SignalInterrupts:
    """Notes signals. Implements `lightfx.effects.world.Interrupts`."""

    def __init__(self) -> None:
        self._pending = ""
        self._open = False

    @property
    def pending(self) -> str:
        """The name of the first that came."""
        return self._pending

    def hear(self, number: int, frame: FrameType | None) -> None:
        """Take a signal in."""
        again = bool(self._pending)
        self._pending = self._pending or signal.Signals(number).name
        if again or (self._open and _is_waiting(frame)):
            self._open = False
            raise KeyboardInterrupt

    @contextmanager
    def open(self) -> Iterator[None]:
        """Let the next one break in where it finds an executor that waits, or a clock that sleeps."""
        self._open = True
        try:
            yield
        finally:
            self._open = False


def _is_waiting(frame: FrameType | None) -> bool:
    """Whether a signal found us within a wait, and not just behind it with what the wait gave in hand."""
    while frame is not None:
        if frame.f_code.co_name in _WAITS:
            return True
        frame = frame.f_back
    return False


@contextmanager
def noted() -> Iterator[SignalInterrupts]:
    """Note SIGINT and SIGTERM, where nobody else handles them."""
    interrupts = SignalInterrupts()
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number, handler in usual.items():
            if signal.getsignal(number) is handler or signal.getsignal(number) == handler:
                before[number] = signal.signal(number, interrupts.hear)
    try:
        yield interrupts
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
