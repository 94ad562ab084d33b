"""What ``docs/store-format.md`` says, and the test of it: ``said.toml`` beside this file.

A row is a phrase of the document (``says``), the test that stands for it, and
what the test fails ``without``: a file of ``src/lightfx``, a text that stands in
it once, and the text to put in its place; more of these threes where several
look out for the same. Where no test can be there is a
``why``. Who changes a text of the source that stands there changes it there
too; who adds a paragraph to the document adds a row.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
from attrs import frozen
from protocol import Record, Scale

import lightfx

HERE = Path(__file__).parent
TESTS = HERE.parent
PAGE = TESTS.parent / "docs" / "store-format.md"
SOURCE = Path(lightfx.__file__).parent


@frozen
class Said:
    """A row: of which section, what it says, the test, and what it fails without."""

    section: str
    says: str
    test: str = ""
    without: tuple[str, ...] = ()
    why: str = ""

    @property
    def edits(self) -> Iterator[tuple[str, ...]]:
        return zip(self.without[0::3], self.without[1::3], self.without[2::3], strict=True)


def rows() -> Iterator[Said]:
    for section, found in tomllib.loads((HERE / "said.toml").read_text()).items():
        for each in found:
            yield Said(section, **{**each, "without": tuple(each.get("without", ()))})


ROWS = list(rows())
TAKEN = [each for each in ROWS if each.without]


def plain(text: str) -> str:
    return " ".join(text.split())


@cache
def sections() -> Mapping[str, str]:
    """The text of each section, without what is run: that is a test by itself."""
    text = re.sub(r"^```.*?^```$", "", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)
    parts = re.split(r"^## (.*)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def pieces(section: str) -> Iterator[str]:
    """The paragraphs, items and lines of tables of a section."""
    for paragraph in re.split(r"\n\s*\n", section):
        lines = paragraph.strip().splitlines()
        if lines and lines[0].startswith("|"):
            yield from lines[2:]
        else:
            yield from re.split(r"\n(?=- |\d+\. )", paragraph.strip())


@pytest.mark.parametrize("name", sections())
def test_a_row_says_what_the_document_says_and_what_stands_for_it(name: str) -> None:
    text = plain(sections()[name])
    wrong = {row.says: list(faults(row, text)) for row in ROWS if row.section == name}
    assert {says: found for says, found in wrong.items() if found} == {}


def faults(row: Said, text: str) -> Iterator[str]:
    """Say what is wrong with a row of a section with this text."""
    if plain(row.says) not in text:
        yield "it does not stand in its section"
    if not bool(row.test) == bool(row.without) != bool(row.why):
        yield "it has a test and what it fails without, or a reason why there is none"
    path, _, name = row.test.partition("::")
    if path and name.partition("[")[0] not in functions(path):
        yield f"there is no test {row.test}"
    for file, old, new in row.edits:
        if source(file).count(old) != 1 or old == new:
            yield f"{old!r} does not stand in {file}, once"


def test_no_row_is_of_a_section_that_is_not_there() -> None:
    assert {row.section for row in ROWS} == {*sections()}


@cache
def source(file: str) -> str:
    return (SOURCE / file).read_text()


@cache
def functions(path: str) -> frozenset[str]:
    found = ast.parse((TESTS / path).read_text()).body
    return frozenset(each.name for each in found if isinstance(each, ast.FunctionDef))


@pytest.mark.parametrize("name", sections())
def test_all_of_the_document_has_a_row(name: str) -> None:
    told = [plain(row.says) for row in ROWS if row.section == name]
    found = filter(None, map(plain, pieces(sections()[name])))
    assert [piece for piece in found if not any(each in piece for each in told)] == []


def copied(tmp_path: Path) -> Path:
    copy = tmp_path / "src" / "lightfx"
    if not copy.exists():
        shutil.copytree(SOURCE, copy)
    return copy


def asked(copy: Path, tests: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run tests on a copy of the source."""
    environment = {**os.environ, "PYTHONPATH": str(copy.parent), "PYTHONDONTWRITEBYTECODE": "1", "TIER": "S"}
    base = ["-q", "-x", "-m", "", "-p", "no:cacheprovider", f"--basetemp={folder}"]
    command = [sys.executable, "-m", "pytest", *base, *(f"tests/{each}" for each in tests)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=TESTS.parent, timeout=600)


@pytest.mark.quick
@pytest.mark.reliability(
    "D6", "each mechanism of the format taken away from the source", passes="the test that stands for it fails"
)
def test_what_is_taken_away_is_missed(tmp_path: Path, scale: Scale, record_property: Record) -> None:
    copy = copied(tmp_path)
    chosen = TAKEN[:: scale(len(TAKEN), 3, 1)]
    unseen = []
    for row in chosen:
        for file, old, new in row.edits:
            (copy / file).write_text((copy / file).read_text().replace(old, new))
        done = asked(copy, [row.test], tmp_path / "base")
        for file, _, _ in row.edits:
            shutil.copy2(SOURCE / file, copy / file)
        if done.returncode != 1:
            unseen.append((row.says, row.test, done.stdout[-500:], done.stderr[-500:]))
    record_property("count", len(chosen))
    assert unseen == []
