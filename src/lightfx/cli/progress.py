"""Progress: a reader of the journal that shows on standard error how far a run has come.

On a terminal that is a live display; elsewhere a line every so many seconds, and
one for each LEFT, each retry, and what else is worth it. Trouble in writing it
ends the showing, and never the run.
"""

from __future__ import annotations

import fcntl
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, Protocol, TextIO, final

from lightfx.cli.notes import Volume, note
from lightfx.cli.tally import Tally
from lightfx.effects.journal import JournalEvent

EVERY: Final = 10.0


class Shower(Protocol):
    """Shows a tally as it grows."""

    def show(self, tally: Tally, event: JournalEvent) -> None:
        """Show how far the run has come with this event."""
        ...

    def close(self, tally: Tally) -> None:
        """Show how far it came."""
        ...


@final
class Nothing:
    """Shows nothing. Implements `Shower`."""

    def show(self, tally: Tally, event: JournalEvent) -> None:
        """Show nothing."""

    def close(self, tally: Tally) -> None:
        """Show nothing."""


@final
class Lines:
    """Writes a line every ``every`` seconds, and one at the end, and notes between. Implements `Shower`.

    A thread of its own writes the lines, so that they come also while one task
    runs for hours and there is no event.
    """

    def __init__(self, stream: TextIO, every: float = EVERY) -> None:
        self._stream, self._every = stream, every
        self._volume = Volume()
        self._waiting = ""
        self._over = threading.Event()
        self._writing = threading.Lock()
        self._ticker: threading.Thread | None = None

    def show(self, tally: Tally, event: JournalEvent) -> None:
        """Write a note on what is worth one."""
        if self._ticker is None:
            self._ticker = threading.Thread(target=self._tick, args=(tally,), name="lightfx-progress", daemon=True)
            self._ticker.start()
        if tally.waiting != self._waiting:
            self._waiting = tally.waiting
            if tally.waiting:
                self._write(tally.waiting)
        said = note(event)
        if said and self._volume.lets(event):
            more = "; more of these are not shown: `lightfx runs show last` lists them"
            self._write(said + (more if self._volume.is_full(event) else ""))

    def _tick(self, tally: Tally) -> None:
        while not self._over.wait(self._every):
            self._write(tally.line)

    def close(self, tally: Tally) -> None:
        """Write the last line."""
        self._over.set()
        if self._ticker is not None:
            self._ticker.join()
        self._write(tally.line)

    def _write(self, line: str) -> None:
        with suppress(OSError), self._writing:
            self._stream.write(f"lightfx: {line}\n")
            self._stream.flush()


@contextmanager
def shower(*, quiet: bool) -> Iterator[Shower]:
    """Choose how to show progress, by what standard error is; it is shown as long as this is entered."""
    if quiet:
        yield Nothing()
        return
    with _private(sys.stderr) as stream:
        if stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown"):
            from lightfx.cli.display import Display  # noqa: PLC0415 -- on a terminal only

            yield Display(stream)
        else:
            yield Lines(stream)


@contextmanager
def _private(stream: TextIO) -> Iterator[TextIO]:
    """Open once more what a stream writes to: while a stage runs in this process, descriptor 2 leads to its log."""
    try:
        stream.flush()
        file = fcntl.fcntl(stream.fileno(), fcntl.F_DUPFD_CLOEXEC, 3)
    except (OSError, ValueError):  # it has no descriptor, or a closed one
        yield stream
        return
    own = os.fdopen(file, "w", encoding=stream.encoding, errors=stream.errors)
    try:
        yield own
    finally:
        with suppress(OSError):  # nobody listens any more
            own.close()


def listening(
    tally: Tally, showing: Shower, more: Callable[[JournalEvent], None] = lambda _: None
) -> Callable[[JournalEvent], None]:
    """Make the listener that counts each event, hands it on to ``more``, and shows what it comes to."""

    def hear(event: JournalEvent) -> None:
        tally.hear(event)
        more(event)
        showing.show(tally, event)

    return hear
