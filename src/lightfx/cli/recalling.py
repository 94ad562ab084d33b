"""Commands about runs: what they take; what they do is in `lightfx.cli.history`."""

from __future__ import annotations

from typing import Annotated

import typer

from lightfx.cli.options import Json, Store
from lightfx.cli.page import Answer


def add_to(app: typer.Typer) -> None:
    """Let ``app`` have these commands."""
    about = typer.Typer(help="Runs: what happened when, as the store keeps it.")
    about.callback(invoke_without_command=True)(runs)
    about.command(name="show")(show_run)
    app.add_typer(about, name="runs")


def runs(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option(min=1, help="How many")] = 20,
    store: Store = None,
    json: Json = False,
) -> Answer | None:
    """List runs, newest first; `runs show` says what happened in one."""
    if context.invoked_subcommand is not None:
        context.obj = (store, json)
        return None
    from lightfx.cli import history  # noqa: PLC0415 -- help is fast without it

    return history.runs(store, limit, json=json)


def show_run(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="The beginning of a run's id, or `last`")] = "last",
    *,
    store: Store = None,
    json: Json = False,
) -> Answer:
    """Show what ran in a run, in order, and what came of it."""
    from lightfx.cli import history  # noqa: PLC0415 -- help is fast without it

    before: tuple[str | None, bool] = context.obj
    return history.show(store if store is not None else before[0], run, json=json or before[1])
