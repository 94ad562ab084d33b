"""``lightfx table``: what is stored of a plan, or of a stage, for people, as CSV, or as JSON. Nothing is run."""

from __future__ import annotations

from typing import Final

from attrs import evolve

from lightfx.cli.choosing import matching
from lightfx.cli.complaints import misuse
from lightfx.cli.opening import open_to_read
from lightfx.cli.page import MANY, Answer, Page, document
from lightfx.cli.planning import named, targets_of
from lightfx.cli.running import output_kept
from lightfx.cli.words import duration, outcome, short
from lightfx.core.canonical import Tree
from lightfx.core.closure import NotPlannableError
from lightfx.core.refs import RRef
from lightfx.report.sheets import Sheet, text_of
from lightfx.report.tables import Table
from lightfx.stages.stage import Stage

_UNSHOWN: Final = ("cost.peak_memory", "created", "dref")
_USAGE: Final = "--pivot ROW,COLUMN,CELL takes three columns"


def table(plan: str, store: str | None, only: str, pivot: str, *, csv: bool, json: bool) -> Answer:
    """Show what is stored of the plan, or of all that the stage made, that ``plan`` names."""
    if csv and json:
        raise misuse("--csv and --json are two answers", "give one of them")
    with output_kept():
        found = named(plan)
        if isinstance(found, Stage) and only:
            raise misuse("--only is for plans, and this is a stage", "leave it out")
        try:
            made = _of_stage(found, store) if isinstance(found, Stage) else _labelled(found, plan, only, store)
        except NotPlannableError as error:
            raise misuse(f"{plan} cannot be realized: {error}") from error
    sheet = _pivoted(made, pivot) if pivot else made.sheet
    if csv:
        return Answer(sheet.csv().encode("utf-8", "backslashreplace"))
    if json:
        return document(sheet.records())
    return _page(sheet)


def _of_stage(stage: Stage[..., object], store: str | None) -> Table[object]:
    with open_to_read(store) as world:
        return world.table(stage)


def _labelled(found: object, plan: str, only: str, store: str | None) -> Table[object]:
    """Label rows as ``lightfx run`` labels targets; two may have one label."""
    targets = matching(targets_of(found, plan), only)
    with open_to_read(store) as world:
        made = world.table([each.derivation for each in targets])
    return Table(tuple(evolve(row, label=targets[int(row.label)].label) for row in made))


def _pivoted(made: Table[object], pivot: str) -> Sheet:
    names = [each.strip() for each in pivot.split(",")]
    if len(names) != 3:
        raise misuse(f"--pivot {pivot!r} names {len(names)} columns", _USAGE)
    try:
        return made.pivot(*names)
    except KeyError as error:
        raise misuse(str(error.args[0]), _USAGE) from error


def _page(sheet: Sheet) -> Answer:
    shown = [name for name in sheet.columns if name not in _UNSHOWN]
    columns = [[_cell(name, cell) for cell in sheet.column(name)] for name in shown]
    page = Page().table([_head(name) for name in shown], list(zip(*columns, strict=True))[:MANY])
    if len(sheet.rows) > MANY:
        page.line(f"and {len(sheet.rows) - MANY:,} more: --csv and --json list all")
    return page.answer()


def _head(name: str) -> str:
    return {"kind": "outcome", "cost.seconds": "seconds", "rref": "ref"}.get(name, name)


def _cell(name: str, cell: Tree) -> str:
    if name == "kind":
        return outcome(str(cell)) if cell else "not realized"
    if name == "cost.seconds" and isinstance(cell, float):
        return duration(cell) if cell else "-"
    if name == "rref" and isinstance(cell, str):
        return short(RRef(cell))
    return text_of(cell)
