"""Run the reliability tests and write what came of them into a document: ``python protocol.py --tier L --write FILE``.

``conftest.py`` beside this file tells how a test says what it is. Arguments that are
not known here go to pytest: ``python protocol.py -k kill``. All that is drawn at random follows from a seed: 1, and by
night another each time, which is printed; ``--seed`` gives it again.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeAlias

import pytest
from attrs import Factory, define

Scale: TypeAlias = Callable[[int, int, int], int]
"""Choose a count: of every run, of the long form, of the nightly form."""
Record: TypeAlias = Callable[[str, object], None]
"""The fixture ``record_property`` of pytest."""

TIER = os.environ.get("TIER", "S")
SEED = int(os.environ.get("SEED") or 1)
"""What all that is drawn at random in these tests follows from."""

HERE = Path(__file__).parents[2]
BEGIN, END = "<!-- measured -->\n", "<!-- end -->"
HEAD = "| |"
TIERS = {"S": "short", "L": "long", "N": "nightly"}


@define(eq=False)
class Row:
    """What all tests of one number that do one thing have found."""

    number: str
    what: str
    passes: str
    count: int = 0
    seconds: float = 0.0
    passed: int = 0
    failed: int = 0
    missing: dict[str, None] = Factory(dict)
    found: dict[str, None] = Factory(dict)

    @property
    def outcome(self) -> str:
        said = [f"**{self.failed} failed**"] if self.failed else []
        said += ["passed"] if self.passed and not self.failed else []
        said += list(self.found)
        said += [f"not run: {why}" for why in self.missing]
        return "; ".join(said) or "not run"

    def cells(self) -> list[str]:
        count = f"{self.count:,}" if self.passed or self.failed else "–"
        took = f"{self.seconds:.0f} s"
        return [self.number, self.what, count, self.passes, self.outcome, took, time.strftime("%Y-%m-%d")]


@define(eq=False)
class Recorder:
    """A plugin of pytest that keeps what the marked tests say, in rows."""

    rows: dict[tuple[str, str], Row] = Factory(dict)
    of: dict[str, Row] = Factory(dict)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            marks = [mark for mark in item.iter_markers("reliability") if mark.args]
            given = (*marks[0].args, "", "") if marks else ("", "")
            number, what = str(given[0]), str(given[1]) or _about(item)
            passes = str(marks[0].kwargs.get("passes", "")) if marks else ""
            self.of[item.nodeid] = self.rows.setdefault((number, what), Row(number, what, passes))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        row = self.of.get(report.nodeid)
        if row is None:
            return
        row.seconds += report.duration
        if report.skipped:
            where = report.longrepr
            why = where[2] if isinstance(where, tuple) else str(where)
            row.missing[why.removeprefix("Skipped: ")] = None
        elif report.failed:
            row.failed += 1
        if report.when != "call" or report.skipped:
            return
        said = dict(report.user_properties)
        row.passed += report.passed
        count = said.get("count", 1)
        row.count += count if isinstance(count, int) else 1
        if "found" in said:
            row.found[str(said["found"])] = None

    def lines(self, before: Iterable[str] = (), *, whole: bool = False) -> list[str]:
        """The lines of the table; rows of one that was there before, and that were not run now, stay.

        Where this was a ``whole`` run, those of tests that are there no more go.
        """
        cells = {
            (line[2:].split(" | ")[0], line.split(" | ")[1]): line
            for line in before
            if line.startswith("| ") and not line.startswith(HEAD)
        }
        if whole:
            cells = {key: line for key, line in cells.items() if key in self.rows}
        for row in self.rows.values():
            texts = [cell.replace("|", "\\|").replace("\n", " ") for cell in row.cells()]
            if row.number:
                cells.pop(("", texts[1]), None)  # of a time when it had no number
            if row.passed or row.failed or (texts[0], texts[1]) not in cells:
                cells[texts[0], texts[1]] = "| " + " | ".join(texts) + " |"
        rows = [line for key, line in sorted(cells.items(), key=lambda each: _place(each[0][0])) if key != HEAD]
        return [
            "| | what is done | how often | it passes if | outcome | took | on |",
            "|---|---|---|---|---|---|---|",
            *rows,
        ]


def _about(item: pytest.Item) -> str:
    function = getattr(item, "function", None)
    first = (getattr(function, "__doc__", None) or "").strip().partition("\n")[0]
    name = getattr(item, "originalname", None) or item.name
    return first.rstrip(".") or name.removeprefix("test_").replace("_", " ")


def _place(number: str) -> tuple[str, int, str]:
    digits = "".join(filter(str.isdigit, number))
    return number[:1] or "~", int(digits or 0), number


def head(tier: str, seed: int) -> str:
    """Say on what, in which tier, and from which seed."""
    cores, python, kernel = os.cpu_count(), platform.python_version(), platform.release().partition("-")[0]
    kind = f"{cores} cores, {platform.system()} {kernel} on {platform.machine()}, Python {python}"
    return f"The {TIERS[tier]} form, from the seed {seed}, on a machine with {kind}."


def between(document: Path) -> tuple[str, str, str]:
    """What stands before the marks in a document, between them, and after."""
    before, _, rest = document.read_text().partition(BEGIN)
    inner, _, after = rest.partition(END)
    return before, inner, after


def write(document: Path, lines: Iterable[str]) -> None:
    """Replace the part of a document between the marks."""
    before, _, after = between(document)
    text = "\n".join(lines)
    document.write_text(f"{before}{BEGIN}\n{text}\n\n{END}{after}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tier", choices=TIERS, default=os.environ.get("TIER", "L"))
    parser.add_argument("--write", type=Path, help="a document whose part between two marks is replaced by the table")
    parser.add_argument(
        "--seed", type=int, default=int(os.environ.get("SEED") or 0), help="what is drawn follows from it"
    )
    options, others = parser.parse_known_args()
    seed = options.seed or (random.SystemRandom().randrange(2, 1 << 31) if options.tier == "N" else 1)
    os.environ |= {"TIER": options.tier, "SEED": str(seed)}
    print(f"the seed is {seed}: --seed {seed} draws the same again", flush=True)
    recorder = Recorder()
    code = pytest.main(["-m", "reliability", "--rootdir", str(HERE), *others], plugins=[recorder])
    earlier = between(options.write)[1].splitlines() if options.write else []
    lines = [head(options.tier, seed), "", *recorder.lines(earlier, whole=not others)]
    print("\n".join(lines))
    if options.write and code in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        write(options.write, lines)
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
