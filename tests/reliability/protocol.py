"""Run the reliability tests and write what came of them into a document: ``python protocol.py --tier L --write FILE``.

``conftest.py`` beside this file tells how a test says what it is. Arguments that are
not known here go to pytest: ``python protocol.py -k kill``.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from attrs import Factory, define

Scale: TypeAlias = Callable[[int, int, int], int]
"""Choose a count: of every run, of the long form, of the nightly form."""
Record: TypeAlias = Callable[[str, object], None]
"""The fixture ``record_property`` of pytest."""

HERE = Path(__file__).parents[2]
BEGIN, END = "<!-- measured -->\n", "<!-- end -->"
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
        return [self.number, self.what, count, self.passes, self.outcome, f"{self.seconds:.0f} s"]


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

    def table(self) -> Iterator[str]:
        yield "| | what is done | how often | it passes if | outcome | took |"
        yield "|---|---|---|---|---|---|"
        for row in sorted(self.rows.values(), key=lambda row: _place(row.number)):
            yield "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row.cells()) + " |"


def _about(item: pytest.Item) -> str:
    function = getattr(item, "function", None)
    first = (getattr(function, "__doc__", None) or "").strip().partition("\n")[0]
    name = getattr(item, "originalname", None) or item.name
    return first.rstrip(".") or name.removeprefix("test_").replace("_", " ")


def _place(number: str) -> tuple[str, int, str]:
    digits = "".join(filter(str.isdigit, number))
    return number[:1] or "~", int(digits or 0), number


def head(tier: str) -> str:
    """Say when, on what, and in which tier."""
    cores, python, kernel = os.cpu_count(), platform.python_version(), platform.release().partition("-")[0]
    kind = f"{cores} cores, {platform.system()} {kernel} on {platform.machine()}, Python {python}"
    return f"Run on {time.strftime('%Y-%m-%d')}, {TIERS[tier]} form, on a machine with {kind}."


def write(document: Path, lines: Iterable[str]) -> None:
    """Replace the part of a document between the marks."""
    before, _, rest = document.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    text = "\n".join(lines)
    document.write_text(f"{before}{BEGIN}\n{text}\n\n{END}{after}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tier", choices=TIERS, default=os.environ.get("TIER", "L"))
    parser.add_argument("--write", type=Path, help="a document whose part between two marks is replaced by the table")
    options, others = parser.parse_known_args()
    os.environ["TIER"] = options.tier
    recorder = Recorder()
    code = pytest.main(["-m", "reliability", "--rootdir", str(HERE), *others], plugins=[recorder])
    lines = [head(options.tier), "", *recorder.table()]
    print("\n".join(lines))
    if options.write and code in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        write(options.write, lines)
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
