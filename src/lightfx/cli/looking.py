"""Commands that look around in a store: what they take; what they do is in `lightfx.cli.viewing`."""

from __future__ import annotations

from typing import Annotated

import typer

from lightfx.cli.options import Json, Ref, Store
from lightfx.cli.page import Answer

Deep = Annotated[bool, typer.Option("--deep", help="Also what these stand on, and so on")]
Other = Annotated[str, typer.Argument(metavar="OTHER", help="What to compare it with")]


def add_to(app: typer.Typer) -> None:
    """Let ``app`` have these commands."""
    for command in (alldrefs, allrrefs, roots, deps, rdeps, find, du, cat, diff, link):
        app.command()(command)
    app.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})(shell)


def alldrefs(*, store: Store = None, json: Json = False) -> Answer:
    """List all derivations."""
    from lightfx.cli import viewing  # noqa: PLC0415 -- help is fast without it

    return viewing.listed(store, "alldrefs", json=json)


def allrrefs(*, store: Store = None, json: Json = False) -> Answer:
    """List all realizations."""
    from lightfx.cli import viewing  # noqa: PLC0415 -- help is fast without it

    return viewing.listed(store, "allrrefs", json=json)


def roots(*, store: Store = None, json: Json = False) -> Answer:
    """List the realizations that no other one stands on; `lightfx root` lists what `gc` keeps."""
    from lightfx.cli import viewing  # noqa: PLC0415 -- help is fast without it

    return viewing.listed(store, "roots", json=json)


def deps(ref: Ref, *, deep: Deep = False, store: Store = None, json: Json = False) -> Answer:
    """List what it stands on."""
    from lightfx.cli import viewing  # noqa: PLC0415 -- help is fast without it

    return viewing.related(store, ref, up=False, deep=deep, json=json)


def rdeps(ref: Ref, *, deep: Deep = False, store: Store = None, json: Json = False) -> Answer:
    """List what stands on it."""
    from lightfx.cli import viewing  # noqa: PLC0415 -- help is fast without it

    return viewing.related(store, ref, up=True, deep=deep, json=json)


def find(
    name: Annotated[str, typer.Argument(metavar="[GLOB]", help="A pattern for the name, such as 'fit*'")] = "*",
    *,
    newer_than: Annotated[
        str | None, typer.Option("--newer-than", metavar="AGE", help="Made since then: 2h, 3d, or 2026-11-20")
    ] = None,
    status: Annotated[str, typer.Option("--status", help="right, left, or the kind of a LEFT, such as raised")] = "",
    where: Annotated[
        list[str] | None,
        typer.Option("--where", metavar="FIELD=VALUE", help="A field of the config, such as rate=0.1; may be repeated"),
    ] = None,
    store: Store = None,
    json: Json = False,
) -> Answer:
    """Find realizations, newest first."""
    from lightfx.cli import viewing  # noqa: PLC0415 -- help is fast without it

    return viewing.find(store, name, newer_than, status, where or [], json=json)


def du(
    refs: Annotated[
        list[str] | None, typer.Argument(metavar="[REF]...", help="Each with all that it stands on")
    ] = None,
    *,
    store: Store = None,
    json: Json = False,
) -> Answer:
    """Say how much room things take; of each name, if nothing is given."""
    from lightfx.cli import viewing  # noqa: PLC0415 -- help is fast without it

    return viewing.du(store, refs or [], json=json)


def cat(
    place: Annotated[str, typer.Argument(metavar="REF[/PATH]", help="A file in it; without a path, its value")],
    *,
    store: Store = None,
    json: Json = False,
) -> Answer:
    """Print a file of a realization, byte by byte, or its value as JSON."""
    from lightfx.cli import viewing  # noqa: PLC0415 -- help is fast without it

    return viewing.cat(store, place, json=json)


def diff(ref: Ref, other: Other, *, store: Store = None, json: Json = False) -> Answer:
    """Say what differs, in config, value and files; exit code 1 where anything does."""
    from lightfx.cli import viewing  # noqa: PLC0415 -- help is fast without it

    return viewing.diff(store, ref, other, json=json)


def link(
    ref: Ref,
    path: Annotated[str, typer.Argument(metavar="[PATH]", help="By default result-<name>")] = "",
    *,
    store: Store = None,
    json: Json = False,
) -> Answer:
    """Make a symbolic link to its files, that keeps it from `gc` as long as it is there."""
    from lightfx.cli import viewing  # noqa: PLC0415 -- help is fast without it

    return viewing.link(store, ref, path, json=json)


def shell(
    ref: Ref,
    command: Annotated[list[str] | None, typer.Argument(metavar="[COMMAND]...", help="In place of a shell")] = None,
    *,
    store: Store = None,
) -> Answer:
    """Open a shell in the folder with its files, or run a command there; gives its exit code."""
    from lightfx.cli import viewing  # noqa: PLC0415 -- help is fast without it

    words = command or []
    # Options of the command are its own without them too; many write them all the same.
    return viewing.shell(store, ref, words[1:] if words[:1] == ["--"] else words)
