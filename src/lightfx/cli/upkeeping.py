"""Commands of upkeep: what they take; what they do is in `lightfx.cli.verifying` and `lightfx.cli.doctoring`."""

from __future__ import annotations

from typing import Annotated

import typer

from lightfx.cli.options import Json, Store
from lightfx.cli.page import Answer


def add_to(app: typer.Typer) -> None:
    """Let ``app`` have these commands."""
    for command in (verify, doctor):
        app.command()(command)


def verify(
    refs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[REF...]", help="Only the files of these, and of what they stand on"),
    ] = None,
    *,
    sample: Annotated[
        int | None, typer.Option("--sample", min=1, metavar="N", help="Only N objects, at random")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Which sample; it is told with each")] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Mend, and make again what is damaged or missing")] = False,
    plan: Annotated[
        str | None,
        typer.Option("--plan", metavar="MODULE:PLAN", help="Where stages are, if they cannot be imported"),
    ] = None,
    store: Store = None,
    json: Json = False,
) -> Answer:
    """Read all that is stored and say what is damaged; exit code 1 where something is, and was not mended."""
    from lightfx.cli import verifying  # noqa: PLC0415 -- help is fast without it

    return verifying.verify(store, refs or (), plan, sample=sample, seed=seed, repair=repair, json=json)


def doctor(
    *,
    fix: Annotated[bool, typer.Option("--fix", help="Clear what may be cleared")] = False,
    store: Store = None,
    json: Json = False,
) -> Answer:
    """Say who has the store open, what crashes left in it, and what is odd about it or its disk."""
    from lightfx.cli import doctoring  # noqa: PLC0415 -- help is fast without it

    return doctoring.doctor(store, fix=fix, json=json)
