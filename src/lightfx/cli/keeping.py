"""Commands of garbage collection: what they take; what they do is in `lightfx.cli.collecting`."""

from __future__ import annotations

from typing import Annotated

import typer

from lightfx.cli.options import Json, KeepLast, OlderThan, Ref, Store
from lightfx.cli.page import Answer


def add_to(app: typer.Typer) -> None:
    """Let ``app`` have these commands."""
    app.command()(gc)
    app.command(name="why-alive")(why_alive)
    roots = typer.Typer(help="Roots: what garbage collection keeps.")
    roots.callback(invoke_without_command=True)(root)
    roots.command(name="add")(add_root)
    roots.command(name="rm")(remove_root)
    app.add_typer(roots, name="root")


def gc(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, with the bill; remove nothing")
    ] = False,
    older_than: OlderThan = None,
    max_size: Annotated[
        str | None,
        typer.Option("--max-size", metavar="SIZE", help="Remove until the store is no larger, such as 20GiB"),
    ] = None,
    keep_last: KeepLast = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also where there is no root and no rule: all goes")
    ] = False,
    wait: Annotated[
        float, typer.Option("--wait", min=0, metavar="SECONDS", help="Wait so long for others to close the store")
    ] = 0.0,
    store: Store = None,
    json: Json = False,
) -> Answer:
    """Remove what no root keeps; nothing while others have the store open."""
    from lightfx.cli import collecting  # noqa: PLC0415 -- help is fast without it

    rules = collecting.read_rules(older_than, max_size, keep_last)
    return collecting.gc(store, rules, everything=everything, dry_run=dry_run, wait=wait, json=json)


def why_alive(
    ref: Ref, *, older_than: OlderThan = None, keep_last: KeepLast = None, store: Store = None, json: Json = False
) -> Answer:
    """Say what keeps it from garbage collection; exit code 1 where nothing does."""
    from lightfx.cli import collecting  # noqa: PLC0415 -- help is fast without it

    return collecting.why_alive(store, ref, collecting.read_rules(older_than, None, keep_last), json=json)


def root(context: typer.Context, *, store: Store = None, json: Json = False) -> Answer | None:
    """List roots; `root add` and `root rm` change them."""
    if context.invoked_subcommand is not None:
        context.obj = (store, json)
        return None
    from lightfx.cli import collecting  # noqa: PLC0415 -- help is fast without it

    return collecting.list_roots(store, json=json)


def add_root(
    context: typer.Context,
    ref: Ref,
    *,
    name: Annotated[str, typer.Option("--name", help="What to call the root; the reference, if not given")] = "",
    store: Store = None,
    json: Json = False,
) -> Answer:
    """Keep it, and all that it stands on; a whole derivation where its name is given."""
    from lightfx.cli import collecting  # noqa: PLC0415 -- help is fast without it

    before: tuple[str | None, bool] = context.obj
    return collecting.add_root(store if store is not None else before[0], ref, name, json=json or before[1])


def remove_root(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `lightfx root` lists it")],
    *,
    store: Store = None,
    json: Json = False,
) -> Answer:
    """Keep it no more: what it kept goes with the next `gc`."""
    from lightfx.cli import collecting  # noqa: PLC0415 -- help is fast without it

    before: tuple[str | None, bool] = context.obj
    return collecting.remove_root(store if store is not None else before[0], name, json=json or before[1])
