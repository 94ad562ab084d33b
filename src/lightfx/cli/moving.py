"""Commands that move realizations: what they take; what they do is in `lightfx.cli.shipping`."""

from __future__ import annotations

from typing import Annotated

import typer

from lightfx.cli.options import Json, Store
from lightfx.cli.page import Answer

Refs = Annotated[list[str], typer.Argument(metavar="REF...", help="References, beginnings of them, or names")]
File = Annotated[str, typer.Argument(metavar="FILE", help="A tar, compressed by zstd")]


def add_to(app: typer.Typer) -> None:
    """Let ``app`` have these commands."""
    for command in (pack, unpack, copy):
        app.command()(command)


def pack(file: File, refs: Refs, *, store: Store = None, json: Json = False) -> Answer:
    """Write realizations, with all that they stand on, into one file."""
    from lightfx.cli import shipping  # noqa: PLC0415 -- help is fast without it

    return shipping.pack(store, refs, file, json=json)


def unpack(
    file: File,
    *,
    create: Annotated[bool, typer.Option(help="Make the store where there is none")] = True,
    store: Store = None,
    json: Json = False,
) -> Answer:
    """Take realizations out of a file that `pack` wrote; one that was tampered with is refused."""
    from lightfx.cli import shipping  # noqa: PLC0415 -- help is fast without it

    return shipping.unpack(store, file, create=create, json=json)


def copy(
    refs: Refs,
    *,
    to: Annotated[str, typer.Option("--to", metavar="PATH", help="Folder of the store that they are copied into")],
    create: Annotated[bool, typer.Option(help="Make that store where there is none")] = True,
    store: Store = None,
    json: Json = False,
) -> Answer:
    """Copy realizations, with all that they stand on, into another store."""
    from lightfx.cli import shipping  # noqa: PLC0415 -- help is fast without it

    return shipping.copy(store, refs, to, create=create, json=json)
