"""The live display: what a run does now, drawn anew on a terminal several times a second.

A bar over all derivations, the counts, and the tasks that run, each with how
long it has and how far it says it is. rich draws it in a thread of its own, so
that clocks go on while nothing happens; that thread reads the tally and changes
nothing in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Final, TextIO, final

from rich.console import Console, ConsoleDimensions, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from lightfx.cli.notes import WARNINGS, Volume, note, stopping
from lightfx.cli.tally import Running, Tally
from lightfx.cli.words import duration, short
from lightfx.effects.journal import JournalEvent

SHOWN: Final = 8
_OFTEN: Final = 8  # times a second
_WIDE: Final = 30
_NARROW: Final = 15
_FRAME: Final = 5  # lines that are no tasks


@final
class _Screen(Console):
    """A console that asks its own stream how large it is: the standard ones lead to a log while a stage runs here."""

    @property
    def size(self) -> ConsoleDimensions:
        """The width and the height, in characters."""
        usual = super().size
        try:
            own = os.get_terminal_size(self.file.fileno())
        except (OSError, ValueError):
            return usual
        width = usual.width if "COLUMNS" in os.environ else own.columns or usual.width
        return ConsoleDimensions(width, usual.height if "LINES" in os.environ else own.lines or usual.height)

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        self.width, self.height = new_size


@final
class Display:
    """Draws a tally on a terminal. Implements `lightfx.cli.progress.Shower`."""

    def __init__(self, stream: TextIO) -> None:
        # Bound to this stream, and swapping none: what stages print belongs in their logs.
        self._console = _Screen(file=stream, highlight=False)
        self._live: Live | None = None
        self._volume = Volume()

    @property
    def size(self) -> tuple[int, int]:
        """How many columns and lines there are to draw in."""
        return self._console.size

    def show(self, tally: Tally, event: JournalEvent) -> None:
        """Begin to draw; a warning stays above what is drawn."""
        with suppress(OSError):
            if self._live is None and tally.total:
                self._live = self._drawing(tally)
                self._live.start()
            if isinstance(event, WARNINGS) and self._volume.lets(event):
                self._console.print(Text(note(event), "yellow"), soft_wrap=True)

    def _drawing(self, tally: Tally) -> Live:
        return Live(
            console=self._console,
            get_renderable=lambda: drawn(tally, self._console.height),
            refresh_per_second=_OFTEN,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def close(self, tally: Tally) -> None:  # noqa: ARG002 -- it is read as it is drawn
        """Take the drawing away; the summary follows."""
        if self._live is not None:
            with suppress(OSError):
                self._live.stop()
            self._live = None


def drawn(tally: Tally, height: int) -> RenderableType:
    """Draw a tally into at most ``height`` lines."""
    top = Table.grid(padding=(0, 1))
    bar = ProgressBar(total=max(1, tally.total), completed=tally.settled, width=_WIDE)
    counts = f"{tally.settled:,}/{tally.total:,}"
    top.add_row("realizing", bar, _cut(counts), _cut(duration(round(tally.seconds)) if tally.seconds >= 1 else ""))
    parts: list[RenderableType] = [top, _cut(f"  {tally.words}")]
    running = list(tally.running.values())
    room = max(1, min(SHOWN, height - _FRAME))
    if running:
        parts.append(_tasks(running[:room], tally.clock()))
    if len(running) > room:
        parts.append(_cut(f"  and {len(running) - room:,} more"))
    if tally.waiting:
        parts.append(Text(tally.waiting, "yellow"))
    if tally.stopping is not None:
        parts.append(Text(stopping(tally.stopping.why, len(running)), "yellow"))
    return Group(*parts)


def _tasks(running: list[Running], now: float) -> Table:
    table = Table.grid(padding=(0, 1))
    for each in running:
        again = f"attempt {each.attempt}" if each.attempt > 1 else ""
        cells = map(_cut, (f"  {each.dref.name}", short(each.dref), duration(max(0, round(now - each.began)))))
        table.add_row(*cells, *_own_bar(each), _cut(again))
    return table


def _own_bar(running: Running) -> Iterator[RenderableType]:
    """How far a task says that it is: a bar where it said of how much, else what it has done."""
    if running.total:
        share = min(1.0, running.done / running.total)
        yield ProgressBar(total=1.0, completed=share, width=_NARROW)
        yield _cut(f"{share:.0%}")
    else:
        yield ""
        yield _cut(f"{running.done:g} done" if running.done else "")


def _cut(text: str) -> Text:
    """One line, cut where the terminal ends."""
    return Text(text, no_wrap=True, overflow="ellipsis")
