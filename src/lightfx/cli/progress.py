"""Progress: a reader of the journal that counts, and shows the counts on standard error.

On a terminal that is a bar; elsewhere a line every so many seconds, and one at
the end. Trouble in writing it ends the showing, and never the run.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol, TextIO, assert_never, final

from attrs import Factory, define, field
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from lightfx.cli.words import counted, duration
from lightfx.core.refs import DRef
from lightfx.effects.journal import (
    Advanced,
    Differed,
    JournalEvent,
    RunBegan,
    RunEnded,
    Stopping,
    TaskAsked,
    TaskEnded,
    TaskProgressed,
    TaskRetried,
    TaskStarted,
)

EVERY: Final = 10.0
_TENTH: Final = 0.1


@final
@define(eq=False)
class Tally:
    """The counts of one run, as far as it has come; ``built`` maps what ran to the seconds that it took."""

    total: int = 0
    counts: Advanced = Advanced()
    built: dict[DRef, float] = Factory(dict)
    failed: set[DRef] = Factory(set)
    began: float = field(factory=time.monotonic)

    def hear(self, event: JournalEvent) -> None:
        """Count one event."""
        match event:
            case RunBegan(total):
                self.total = total
            case TaskStarted() | TaskProgressed() | TaskRetried() | TaskAsked() | Differed() | Stopping():
                pass
            case TaskEnded(dref=dref, kind=kind, seconds=seconds):
                self.built[dref] = self.built.get(dref, 0.0) + seconds
                if kind != "right":
                    self.failed.add(dref)
            case Advanced():
                self.counts = event
            case RunEnded(summary):
                self.counts = summary
            case never:
                assert_never(never)

    @property
    def settled(self) -> int:
        """How many derivations are settled by now; what has just run is counted before the engine says so."""
        return min(self.total, max(self.counts.settled, self.counts.settled - self.counts.ran + len(self.built)))

    @property
    def lefts(self) -> int:
        """How many are LEFT by now."""
        return max(self.counts.left, len(self.failed))

    @property
    def seconds(self) -> float:
        """How long it has taken by now."""
        return time.monotonic() - self.began

    @property
    def line(self) -> str:
        """All of it in one line."""
        return (
            f"{self.settled:,} of {counted(self.total, 'derivation')} settled:"
            f" {len(self.built):,} built, {self.lefts:,} LEFT, {duration(self.seconds)}"
        )


class Shower(Protocol):
    """Shows a tally as it grows."""

    def show(self, tally: Tally) -> None:
        """Show how far the run has come."""
        ...

    def close(self, tally: Tally) -> None:
        """Show how far it came."""
        ...


@final
class Nothing:
    """Shows nothing. Implements `Shower`."""

    def show(self, tally: Tally) -> None:
        """Show nothing."""

    def close(self, tally: Tally) -> None:
        """Show nothing."""


@final
class Lines:
    """Writes a line every ``every`` seconds, and one at the end. Implements `Shower`."""

    def __init__(self, stream: TextIO, every: float = EVERY) -> None:
        self._stream, self._every = stream, every
        self._last = time.monotonic()

    def show(self, tally: Tally) -> None:
        """Write a line when it is time for one."""
        if time.monotonic() - self._last >= self._every:
            self._write(tally)

    def close(self, tally: Tally) -> None:
        """Write the last line."""
        self._write(tally)

    def _write(self, tally: Tally) -> None:
        self._last = time.monotonic()
        with suppress(OSError):
            self._stream.write(f"lightfx: {tally.line}\n")
            self._stream.flush()


@final
class Bar:
    """A bar on a terminal. Implements `Shower`."""

    def __init__(self, stream: TextIO) -> None:
        # Bound to the stream as it is now, and swapping none: what stages print belongs in their logs.
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[built]} built, {task.fields[left]} LEFT"),
            TimeElapsedColumn(),
            console=Console(file=stream),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task: TaskID | None = None
        self._last = 0.0

    def show(self, tally: Tally) -> None:
        """Draw the bar anew, a few times a second at most."""
        if tally.total and (self._task is None or time.monotonic() - self._last >= _TENTH):
            self._last = time.monotonic()
            with suppress(OSError):
                self._draw(tally)

    def _draw(self, tally: Tally) -> None:
        if self._task is None:
            self._task = self._progress.add_task("realizing", total=tally.total, built=0, left=0)
            self._progress.start()
        self._progress.update(self._task, completed=tally.settled, built=len(tally.built), left=tally.lefts)

    def close(self, tally: Tally) -> None:
        """Take the bar away; the summary follows."""
        with suppress(OSError):
            if self._task is not None:
                self._draw(tally)
            self._progress.stop()


def shower(*, quiet: bool) -> Shower:
    """Choose how to show progress, by what standard error is."""
    if quiet:
        return Nothing()
    return Bar(sys.stderr) if sys.stderr.isatty() else Lines(sys.stderr)


def listening(tally: Tally, showing: Shower) -> Callable[[JournalEvent], None]:
    """Make the listener that counts each event and shows the counts."""

    def hear(event: JournalEvent) -> None:
        tally.hear(event)
        showing.show(tally)

    return hear
