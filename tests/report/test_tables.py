"""Sheets and tables: columns, CSV, pivots, data frames."""

from __future__ import annotations

import csv
import io

import pytest

from lightfx.core.canonical import Tree
from lightfx.core.config import Config
from lightfx.core.refs import DRef, RRef
from lightfx.report import Row, Sheet, Table
from lightfx.report.sheets import flat
from lightfx.report.tables import fields_of

DREF = DRef("h-f")


def row(x: object, y: object, value: object = None, kind: str = "right", message: str = "") -> Row[object]:
    out = {} if message else {"value": value}
    return Row("r", DREF, {"args.x": x, "args.y": y}, RRef("r-h-f"), kind, message, out)  # type: ignore[arg-type]


def test_columns_that_would_meet_keep_their_values() -> None:
    """The trap: a key with a dot in it had the name of a field of a field, and one of the two was lost."""
    trees: list[Tree] = [
        {"b.c": 1, "b": {"c": 2}},
        {"a.b.c": 1, "a.b": {"c": 2}, "a": {"b.c": 3, "b": {"c": 4}}},
        {'a["b.c"]': 1, "a": {"b.c": 2}},
        {"": {"": 1}, ".": 2},
    ]
    assert [len(flat(each, "value")) for each in trees] == [2, 4, 2, 2]
    (cells,) = Table((Row("r", DREF, {}, value=flat(trees[0], "value")),)).sheet.records()
    assert (cells['value["b.c"]'], cells["value.b.c"]) == (1, 2)


def test_columns_are_those_of_any_row_in_a_fixed_order() -> None:
    rows = (row(1, 2, message="no", kind="died"), Row("s", DREF, {"args.z": 1}), row(1, 2, 3))
    assert Table(rows).sheet.columns == (
        "label",
        "args.x",
        "args.y",
        "args.z",
        "value",
        "kind",
        "message",
        "cost.seconds",
        "cost.peak_memory",
        "created",
        "dref",
        "rref",
    )
    assert Table(rows).sheet.column("args.z") == (None, 1, None)
    assert Table(()).sheet == Sheet((), ())


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(KeyError, match="no column 'value.z': there are label, "):
        Table((row(1, 2, 3),)).sheet.column("value.z")


def test_csv_is_read_back() -> None:
    cells = ("a,b", 'q"q', "line\nend", None, True, 1e-7, 10**30, [1, "x"], {"a": None})
    sheet = Sheet(tuple("abcdefghi"), (cells,))
    heads, read = csv.reader(io.StringIO(sheet.csv(), newline=""))
    assert heads == list("abcdefghi")
    assert read == ["a,b", 'q"q', "line\nend", "", "true", "1e-07", str(10**30), '[1,"x"]', '{"a":null}']


def test_a_pivot_gives_means_and_kinds_of_lefts() -> None:
    rows = (
        row(1, "a", 1.0),
        row(1, "a", 2.0),
        row(1, "b", message="no", kind="raised"),
        row(2, "a", "u"),
        row(2, "a", "v"),
    )
    found = Table(rows).pivot("args.x", "args.y", "value")
    assert found.columns == ("args.x", "a", "b")
    assert found.rows == ((1, 1.5, "raised"), (2, "u; v", None))
    assert Table((row(None, None, 1),)).pivot("args.x", "args.y", "value").columns == ("args.x", "(none)")


def test_nested_fields_are_columns_and_lists_are_cells() -> None:
    tree = {"a": {"b": 1, "c": {}}, "d": [1, {"e": 2}], "f": {"$bytes": "AA=="}}
    assert flat(tree, "v") == {"v.a.b": 1, "v.a.c": {}, "v.d": [1, {"e": 2}], "v.f": {"$bytes": "AA=="}}


def test_a_config_without_arguments_shows_its_own_fields() -> None:
    assert fields_of(Config.of(rate=1, name="x", code={"version": "1"})) == {"args.rate": 1}
    assert fields_of(Config.of(args={}, name="x")) == {}


MIXED = Sheet(
    ("bool", "int", "float", "text", "mixed", "none", "large"),
    ((True, 1, 1, "a", 1, None, 1 << 70), (None, None, 0.5, "b", "x", None, 1)),
)


def test_a_column_is_of_one_type() -> None:
    assert MIXED.columns_by_name() == {
        "bool": [True, None],
        "int": [1, None],
        "float": [1.0, 0.5],
        "text": ["a", "b"],
        "mixed": ["1", "x"],
        "none": [None, None],
        "large": [str(1 << 70), "1"],
    }


@pytest.mark.parametrize("name", ["polars", "pandas", "pyarrow"])
def test_a_sheet_becomes_a_data_frame(name: str) -> None:
    pytest.importorskip(name)
    made = {"polars": MIXED.to_polars, "pandas": MIXED.to_pandas, "pyarrow": MIXED.to_arrow}[name]()
    columns = made.column_names if name == "pyarrow" else list(made.columns)
    assert tuple(columns) == MIXED.columns
    texts = made["mixed"].to_pylist() if name == "pyarrow" else list(made["mixed"])
    assert texts == ["1", "x"]
    assert len(made) == 2
