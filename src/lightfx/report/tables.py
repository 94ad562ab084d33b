"""Tables of results: one row for each realization, with what went in, what came out, and what it took.

A `Table` is a value: its rows are records, typed by the value of the plan, and
`Table.sheet` spreads them over columns:

- ``label``, ``kind`` ("right", the kind of a LEFT, or "" where nothing is
  stored), ``message`` of a LEFT;
- ``args.*``: the fields of the config; ``value``, or ``value.*``: those of the value; a key that
  has a dot itself stands in quotes: ``value["b.c"]``;
- ``cost.seconds``, ``cost.peak_memory``, ``created``, ``dref``, ``rref``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import fsum
from typing import TYPE_CHECKING, Final, Generic, TypeVar, final

from attrs import field, frozen

from lightfx.core.canonical import Tree
from lightfx.core.config import Config
from lightfx.core.outcome import Outcome
from lightfx.core.realization import Cost, Realization, Value
from lightfx.core.refs import DRef, RRef
from lightfx.report.sheets import Sheet, flat, text_of

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

T_co = TypeVar("T_co", covariant=True)

_IDENTITY: Final = ("code", "name", "captured", "captured_as")


@final
@frozen
class Row(Generic[T_co]):
    """One realization, or a plan of which none is stored (``rref`` is None).

    ``label`` says where it stands in the plan. ``config`` holds the fields that
    went in, ``value`` those that came out, by dotted names. ``outcome`` is what
    the plan comes to, decoded; of a plan that collects several, what all of
    them come to together. It is None where nothing is stored, and where the
    value does not fit the annotation of today.
    """

    label: str
    dref: DRef
    config: Mapping[str, Tree]
    rref: RRef | None = None
    kind: str = ""
    message: str = ""
    value: Mapping[str, Tree] = field(factory=dict)
    cost: Cost = Cost()
    created: float | None = None
    outcome: Outcome[T_co] | None = field(default=None, repr=False)

    @property
    def cells(self) -> dict[str, Tree]:
        """The row by column; what it has nothing to say of is not in it."""
        told: dict[str, Tree] = {"label": self.label, "kind": self.kind, **self.config, **self.value}
        if self.message:
            told["message"] = self.message
        told["dref"] = self.dref.text
        if self.rref is not None:
            told["cost.seconds"], told["cost.peak_memory"] = self.cost.seconds, self.cost.peak_memory
            told["created"], told["rref"] = self.created, self.rref.text
        return told


def row_of(label: str, config: Config, realization: Realization, outcome: Outcome[T_co] | None) -> Row[T_co]:
    """Make the row of a realization."""
    result = realization.result
    message, value = ("", flat(result.tree, "value")) if isinstance(result, Value) else (result.reason, {})
    return Row(
        label,
        realization.dref,
        fields_of(config),
        realization.rref,
        result.kind,
        message,
        value,
        realization.cost,
        realization.created,
        outcome,
    )


def fields_of(config: Config) -> dict[str, Tree]:
    """List the fields of a config that a table shows: the arguments, without code and name.

    >>> fields_of(Config.of(args={"rate": 0.1}, code={"version": "1"}, name="train"))
    {'args.rate': 0.1}
    """
    tree = config.tree
    args = tree["args"] if "args" in tree else {key: tree[key] for key in tree if key not in _IDENTITY}
    return flat(args, "args") if args else {}


@final
@frozen
class Table(Generic[T_co]):
    """Rows, each a realization or a plan without one.

    >>> table = Table((Row("a", DRef("h-f"), {"args.x": 1}, kind="right", value={"value": 2}),))
    >>> table.sheet.columns[:4]
    ('label', 'args.x', 'value', 'kind')
    >>> [row.value["value"] for row in table]
    [2]
    """

    rows: tuple[Row[T_co], ...]

    def __iter__(self) -> Iterator[Row[T_co]]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def sheet(self) -> Sheet:
        """All rows, spread over columns: those that any row has, in the order that the head of the module gives."""
        cells = [row.cells for row in self.rows]
        names = list(dict.fromkeys(name for each in cells for name in each))
        first = ["label", *(each for each in names if each.startswith("args"))]
        first += [each for each in names if each == "value" or each.startswith(("value.", "value["))]
        last = ("kind", "message", "cost.seconds", "cost.peak_memory", "created", "dref", "rref")
        columns = (*(each for each in first if each in names), *(each for each in last if each in names))
        return Sheet(columns, tuple(tuple(each.get(name) for name in columns) for each in cells))

    def pivot(self, row: str, column: str, cell: str) -> Sheet:
        """Spread one column over two others: a row for each value of ``row``, a column for each of ``column``.

        Where several rows meet in a cell, numbers give their mean, other cells
        are listed. Where there is no value and the row is LEFT, its kind is shown.
        Raises ``KeyError`` where there is no column of such a name.

        >>> grid = [(x, y) for x in (1, 2) for y in (3, 4)]
        >>> rows = [Row("", DRef("h-f"), {"args.x": x, "args.y": y}, value={"value": x * y}) for x, y in grid]
        >>> Table(tuple(rows)).pivot("args.x", "args.y", "value").rows
        ((1, 3, 4), (2, 6, 8))
        """
        sheet = self.sheet
        down, across, met = sheet.column(row), sheet.column(column), sheet.column(cell)
        found: dict[tuple[str, str], list[Tree]] = {}
        for one, other, inner, each in zip(down, across, met, self.rows, strict=True):
            shown = each.kind if inner is None and each.message else inner
            found.setdefault((text_of(one), text_of(other)), []).append(shown)
        heads = {text_of(each): each for each in across}
        sides = {text_of(each): each for each in down}
        rows = tuple((side, *(_summed(found.get((name, head), ())) for head in heads)) for name, side in sides.items())
        return Sheet((row, *(head or "(none)" for head in heads)), rows)

    def csv(self) -> str:
        """Spell the sheet as comma-separated values."""
        return self.sheet.csv()

    def to_polars(self) -> pl.DataFrame:
        """Make a data frame of polars. Takes the extra ``polars``."""
        return self.sheet.to_polars()

    def to_pandas(self) -> pd.DataFrame:
        """Make a data frame of pandas. Takes the extra ``pandas``."""
        return self.sheet.to_pandas()

    def to_arrow(self) -> pa.Table:
        """Make a table of Arrow. Takes the extra ``arrow``."""
        return self.sheet.to_arrow()


def _summed(cells: Sequence[Tree]) -> Tree:
    """What stands where several meet."""
    there = [each for each in cells if each is not None]
    if len(there) < 2:
        return there[0] if there else None
    numbers = [float(each) for each in there if isinstance(each, int | float) and not isinstance(each, bool)]
    if len(numbers) == len(there):
        return fsum(numbers) / len(numbers)
    return "; ".join(dict.fromkeys(map(text_of, there)))
