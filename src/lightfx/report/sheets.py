"""Sheets: columns with names, rows of cells, and what they become elsewhere.

A cell is a JSON-like value; None is a cell with nothing in it. Data frames and
files know fewer types: `Sheet.columns_by_name` makes each column of one type,
and what fits none is text.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias, final

from attrs import frozen

from lightfx.core.canonical import Tree, spell_checked

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

Column: TypeAlias = "list[bool | None] | list[int | None] | list[float | None] | list[str | None]"
_INT64: Final = 1 << 63


@final
@frozen
class Sheet:
    """Columns with names, and rows with one cell for each.

    >>> print(Sheet(("x", "y"), ((1, None), (2, "a"))).csv())
    x,y
    1,
    2,a
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Tree, ...], ...]

    def column(self, name: str) -> tuple[Tree, ...]:
        """List the cells of one column. Raises ``KeyError`` where there is none of this name."""
        if name not in self.columns:
            raise KeyError(f"there is no column {name!r}: there are {', '.join(self.columns)}")
        at = self.columns.index(name)
        return tuple(row[at] for row in self.rows)

    def records(self) -> list[dict[str, Tree]]:
        """List the rows, each by column."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def columns_by_name(self) -> dict[str, Column]:
        """Give each column as a list of one type: bool, int of 64 bits, float, or text, with None among them."""
        return {name: _of_one_type(self.column(name)) for name in self.columns}

    def csv(self) -> str:
        """Spell it as comma-separated values, with a header (RFC 4180); what is nested is JSON.

        Cells are as they were stored: one that begins with ``=``, ``+``, ``-`` or ``@``
        is text here, and a formula to a spreadsheet. Import columns of text as text
        where you do not trust who made them.
        """
        import csv  # noqa: PLC0415 -- worlds know of tables, and few are asked for one

        written = io.StringIO()
        writer = csv.writer(written)
        writer.writerow(self.columns)
        writer.writerows([text_of(cell) for cell in row] for row in self.rows)
        return written.getvalue()

    def to_polars(self) -> pl.DataFrame:
        """Make a data frame of polars. Takes the extra ``polars``."""
        import polars as pl  # noqa: PLC0415 -- an extra

        return pl.DataFrame(self.columns_by_name())

    def to_pandas(self) -> pd.DataFrame:
        """Make a data frame of pandas. Takes the extra ``pandas``."""
        import pandas as pd  # noqa: PLC0415 -- an extra

        return pd.DataFrame(self.columns_by_name(), columns=list(self.columns))

    def to_arrow(self) -> pa.Table:
        """Make a table of Arrow. Takes the extra ``arrow``."""
        import pyarrow as pa  # noqa: PLC0415 -- an extra

        return pa.table(self.columns_by_name())


def text_of(cell: Tree) -> str:
    """Spell one cell: text as it is, nothing as nothing, the rest as JSON.

    >>> [text_of(cell) for cell in (None, "a", True, 0.5, [1, "a"])]
    ['', 'a', 'true', '0.5', '[1,"a"]']
    """
    if cell is None:
        return ""
    return cell if isinstance(cell, str) else spell_checked(cell)


def _of_one_type(cells: Sequence[Tree]) -> Column:
    there = [cell for cell in cells if cell is not None]
    if all(isinstance(cell, bool) for cell in there):
        return [cell if isinstance(cell, bool) else None for cell in cells]
    if all(_is_int(cell) for cell in there):
        return [int(cell) if isinstance(cell, int) else None for cell in cells]
    if all(_is_int(cell) or isinstance(cell, float) for cell in there):
        return [float(cell) if isinstance(cell, int | float) else None for cell in cells]
    return [None if cell is None else text_of(cell) for cell in cells]


def _is_int(cell: Tree) -> bool:
    return isinstance(cell, int) and not isinstance(cell, bool) and -_INT64 <= cell < _INT64


def flat(tree: Tree, path: str) -> dict[str, Tree]:
    """Spread nested fields over columns with dotted names; lists, and tagged objects, stay one cell.

    A key that has a dot itself stands in quotes, so that no two fields have one name.

    >>> flat({"rate": 0.1, "net": {"depth": 3}, "data": {"$dref": "a-rows"}}, "args")
    {'args.rate': 0.1, 'args.net.depth': 3, 'args.data': 'a-rows'}
    >>> flat({"b.c": 1, "b": {"c": 2}}, "value")
    {'value["b.c"]': 1, 'value.b.c': 2}
    """
    if not isinstance(tree, Mapping) or not tree:
        return {path: tree}
    reference = tree.get("$dref")
    if isinstance(reference, str):
        return {path: reference}
    if any(key.startswith("$") for key in tree):
        return {path: tree}
    return {name: cell for key, inner in tree.items() for name, cell in flat(inner, _name(path, key)).items()}


def _name(path: str, key: str) -> str:
    return f"{path}[{spell_checked(key)}]" if "." in key else f"{path}.{key}"
