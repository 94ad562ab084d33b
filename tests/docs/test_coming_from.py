"""Who comes from pylightnix finds all that was there: a row for each name, and each row's line runs."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import attrs
import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "coming-from" / "pylightnix.md"
REFERENCE = ROOT.parent / "shared" / "seeds" / "pylightnix-reference.txt"
ROW = re.compile(r"^\| `([\w.]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
SNIPPET = re.compile(r"`([^`]+)`")


@attrs.frozen
class Row:
    name: str
    symbol: str
    how: str

    @property
    def lines(self) -> list[str]:
        return SNIPPET.findall(self.how) if self.symbol.startswith("`") else []


ROWS = [Row(name, symbol, how) for name, _, symbol, how in ROW.findall(PAGE.read_text())]


def names_in(reference: str) -> Iterator[str]:
    """The public names, but for those with underscores at an end, loggers, and type variables."""
    lines = reference.splitlines()
    lines = lines[lines.index("pylightnix.types") :]
    assigned = set(re.findall(r"^([A-Za-z]\w*) = ", reference, re.MULTILINE))
    aside = {*re.findall(r"^(\w+) = TypeVar\(", reference, re.MULTILINE), "logger", "info", "warning", "error"}
    for line in lines:
        heading = re.fullmatch(r"(\w+) Objects|([A-Za-z]\w*(?:\.\w+)?)\(\)|(pylightnix(?:\.\w+)+)|([A-Za-z]\w*)", line)
        name = heading and next(filter(None, heading.groups()))
        if not heading or not name or (heading[4] and name not in assigned):
            continue
        last = name.rpartition(".")[2]
        if not last.startswith("_") and not last.endswith("_") and name not in aside:
            yield name


@pytest.mark.skipif(not REFERENCE.is_file(), reason="shared/seeds is not beside the checkout")
def test_every_name_of_the_reference_has_a_row() -> None:
    wanted = set(names_in(REFERENCE.read_text()))
    assert len(wanted) > 200
    there = {row.name for row in ROWS}
    assert (sorted(wanted - there), sorted(there - wanted)) == ([], [])


def test_no_name_has_two_rows_and_every_row_says_something() -> None:
    assert [name for name, count in Counter(row.name for row in ROWS).items() if count > 1] == []
    assert len(ROWS) == len(re.findall(r"^\| `", PAGE.read_text(), re.MULTILINE)), "a row cannot be read"
    assert [row.name for row in ROWS if row.symbol == "-" and len(row.how.split()) < 3] == []
    assert [row.name for row in ROWS if row.symbol.startswith("`") and not row.lines] == []
    assert [row.name for row in ROWS if row.symbol[0] not in "`-"] == []


def found(path: str) -> object:
    parts = path.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            at: object = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            at = getattr(at, part)
        return at
    raise AssertionError(path)


@pytest.mark.parametrize("symbol", sorted({row.symbol for row in ROWS if row.symbol.startswith("`")}))
def test_a_named_symbol_is_there(symbol: str) -> None:
    assert found(symbol.strip("`")) is not None


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    """What the page's own lines make."""
    folder, before = tmp_path_factory.mktemp("page"), os.getcwd()
    setup = re.search(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert setup is not None
    module = ModuleType("page_pylightnix")
    module.__file__ = str(folder / "page_pylightnix.py")
    (folder / "page_pylightnix.py").write_text(setup[1])
    os.chdir(folder)
    sys.modules[module.__name__] = module
    try:
        exec(compile(setup[1], module.__file__, "exec"), vars(module))
        yield vars(module)
    finally:
        os.chdir(before)
        del sys.modules[module.__name__]


@pytest.mark.parametrize("row", [row for row in ROWS if row.lines], ids=lambda row: row.name)
def test_the_line_of_a_row_runs(row: Row, space: dict[str, object]) -> None:
    for line in row.lines:
        eval(compile(line, f"{PAGE.name}: {row.name}", "eval"), dict(space))
