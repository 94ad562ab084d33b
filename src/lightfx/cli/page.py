"""Pages: what a command says, made as text before any of it is written.

A command gives an `Answer`, and writes nothing itself: so what stands on
standard output is one whole thing, for people or for machines, and a pipe that
closes has one place to be noticed in.

On a terminal a page is as wide as that, and coloured. Elsewhere it is plain,
and as wide as it takes: one row of a table is one line, for ``grep``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Final, Self, final

from attrs import frozen
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lightfx.cli.complaints import Exit
from lightfx.cli.words import harmless

MANY: Final = 40
_WIDE: Final = 100_000
_STYLES: Final = {"RIGHT": "green", "reused": "green", "built": "bold green", "cut off": "cyan"}


@final
@frozen
class Answer:
    """What a command says on standard output, whole, and its exit code.

    ``text`` is bytes where it was stored by who knows whom, and is given as it is.
    """

    text: str | bytes
    code: int = Exit.FINE


def document(tree: object, code: Exit = Exit.FINE) -> Answer:
    r"""Answer with one JSON document; in ASCII, so that nothing in it acts on a terminal.

    >>> document({"message": "\x9b2J"}).text
    '{\n  "message": "\\u009b2J"\n}\n'
    """
    return Answer(json.dumps(tree, indent=2) + "\n", code)


@final
class Page:
    """A page for people, built from the top."""

    def __init__(self) -> None:
        terminal = sys.stdout.isatty()
        # The stream is bound now: the inline executor swaps sys.stdout while a stage runs.
        self._console = Console(file=sys.stdout, width=None if terminal else _WIDE, highlight=False)
        self._plain = not terminal
        self._pieces: list[str] = []

    def line(self, text: str = "", style: str = "", indent: int = 0) -> Self:
        """Add one line, as long as it may be."""
        return self.block(text.replace("\n", "\\n"), style, indent)

    def block(self, text: str, style: str = "", indent: int = 0) -> Self:
        """Add text of several lines, as it is laid out; tabs and line ends are kept."""
        for each in harmless(text, "\n\t").split("\n"):
            line = " " * indent + each
            self._pieces.append(f"{line}\n".expandtabs() if self._plain else self._styled_line(line, style))
        return self

    def _styled_line(self, line: str, style: str) -> str:
        with self._console.capture() as captured:
            self._console.print(Text(line, style), soft_wrap=True)
        return captured.get()

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[str]], *, indent: int = 0) -> Self:
        """Add a table; its columns are as wide as they must be, and called as what was stored says."""
        named, *cells = [[harmless(each) for each in row] for row in (heads, *rows)]
        self._pieces.append(_aligned(named, cells, indent) if self._plain else self._drawn(named, cells, indent))
        return self

    def excerpt(self, heads: Sequence[str], rows: Sequence[Sequence[str]], *, indent: int = 0) -> Self:
        """Add the first rows of a table that may be very long."""
        self.table(heads, rows[:MANY], indent=indent)
        if len(rows) > MANY:
            self.line(f"and {len(rows) - MANY:,} more: --json lists all", indent=indent)
        return self

    def _drawn(self, heads: Sequence[str], rows: Iterable[Sequence[str]], indent: int) -> str:
        table = Table(box=None, pad_edge=False, show_header=any(heads), header_style="bold")
        for number, head in enumerate(heads):
            last = number == len(heads) - 1
            table.add_column(Text(head), overflow="fold", no_wrap=number == 0 and not last)
        for row in rows:
            table.add_row(*map(_styled, row))
        with self._console.capture() as captured:
            self._console.print(Padding(table, (0, 0, 0, indent), expand=False))
        return captured.get()

    def answer(self, code: Exit = Exit.FINE) -> Answer:
        """Give the whole page."""
        return Answer("".join(self._pieces), code)


def _styled(text: str) -> Text:
    return Text(text, "red" if text.startswith("LEFT ") else _STYLES.get(text, ""))


def _aligned(heads: Sequence[str], rows: Sequence[Sequence[str]], indent: int) -> str:
    r"""Lay out a plain table: rich takes half a millisecond for a row.

    >>> _aligned(("a", "b"), [("long", "1"), ("x", "")], 2)
    '  a     b\n  long  1\n  x\n'
    """
    lines = [list(heads), *map(list, rows)] if any(heads) else list(map(list, rows))
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    padded = ("  ".join(_pad(*each) for each in zip(line, widths, strict=True)) for line in lines)
    return "".join(f"{' ' * indent}{line}".rstrip() + "\n" for line in padded)


def _pad(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))
