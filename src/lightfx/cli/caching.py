"""Commands of caches: what they take; what they do is in `lightfx.cli.exchanging`."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from lightfx.cli.options import Json, Store
from lightfx.cli.page import Answer

Refs = Annotated[list[str], typer.Argument(metavar="REF...", help="References, beginnings of them, or names")]
Whole = Annotated[list[str], typer.Argument(metavar="REF...", help="References; whole ones of what is not here")]
Named = Annotated[str, typer.Argument(metavar="NAME", help="As `lightfx cache list` lists it")]


class Lefts(Enum):
    """Which LEFTs are shared."""

    NONE = "none"
    REPLAYABLE = "replayable"


def add_to(app: typer.Typer) -> None:
    """Let ``app`` have these commands."""
    app.command()(push)
    app.command()(pull)
    caches = typer.Typer(help="Caches: where results are shared. Runs ask them before they build.")
    caches.callback(invoke_without_command=True)(cache)
    caches.command(name="list")(list_caches)
    caches.command(name="add")(add)
    caches.command(name="rm")(remove)
    app.add_typer(caches, name="cache")


def cache(context: typer.Context, *, store: Store = None, json: Json = False) -> Answer | None:
    """List caches; `cache add` and `cache rm` change them."""
    if context.invoked_subcommand is not None:
        context.obj = (store, json)
        return None
    from lightfx.cli import exchanging  # noqa: PLC0415 -- help is fast without it

    return exchanging.list_caches(store, json=json)


def list_caches(context: typer.Context, *, store: Store = None, json: Json = False) -> Answer:
    """List the caches of a store, in the order in which they are asked."""
    from lightfx.cli import exchanging  # noqa: PLC0415 -- help is fast without it

    before: tuple[str | None, bool] = context.obj
    return exchanging.list_caches(store if store is not None else before[0], json=json or before[1])


def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it")],
    url: Annotated[
        str,
        typer.Argument(metavar="URL", help="A folder, or http://, https://, s3://bucket/prefix, gs://..., az://..."),
    ],
    *,
    push: Annotated[bool, typer.Option("--push", help="Bring there what runs make")] = False,
    endpoint: Annotated[str, typer.Option("--endpoint", metavar="URL", help="Where a bucket is served")] = "",
    region: Annotated[str, typer.Option("--region", help="The region of a bucket")] = "",
    lefts: Annotated[Lefts, typer.Option("--lefts", help="Which LEFTs are shared")] = Lefts.REPLAYABLE,
    tolerated: Annotated[bool, typer.Option(help="Whether what stands on a LEFT that it tolerates is shared")] = True,
    trust: Annotated[
        str, typer.Option("--trust", metavar="any|signed|2-of-3", help="Whose results are used")
    ] = "signed",
    key: Annotated[
        list[str] | None,
        typer.Option("--key", metavar="NAME|KEY", help="Whose signatures count; all that are trusted, if not given"),
    ] = None,
    sign: Annotated[str, typer.Option("--sign", metavar="NAME", help="Which key of yours signs what is pushed")] = "",
    create: Annotated[bool, typer.Option(help="Make the store where there is none")] = True,
    store: Store = None,
    json: Json = False,
) -> Answer:
    """Let runs on this store ask a cache, and try what it can do. Credentials come from the environment alone."""
    from lightfx.cli import exchanging  # noqa: PLC0415 -- help is fast without it

    before: tuple[str | None, bool] = context.obj
    shared = lefts.value == "replayable"
    wish = exchanging.Wanted(name, url, push, endpoint, region, shared, tolerated, trust, tuple(key or ()), sign)
    return exchanging.add(store if store is not None else before[0], wish, create=create, json=json or before[1])


def remove(context: typer.Context, name: Named, *, store: Store = None, json: Json = False) -> Answer:
    """Ask a cache no more; what is in it stays there."""
    from lightfx.cli import exchanging  # noqa: PLC0415 -- help is fast without it

    before: tuple[str | None, bool] = context.obj
    return exchanging.remove(store if store is not None else before[0], name, json=json or before[1])


def push(
    refs: Refs,
    *,
    to: Annotated[str, typer.Option("--to", metavar="NAME", help="Which cache; all that take it, if not given")] = "",
    store: Store = None,
    json: Json = False,
) -> Answer:
    """Bring realizations to caches, with all that they stand on; exit code 1 where files of them are damaged here."""
    from lightfx.cli import exchanging  # noqa: PLC0415 -- help is fast without it

    return exchanging.push(store, refs, to, json=json)


def pull(
    refs: Whole,
    *,
    origin: Annotated[str, typer.Option("--from", metavar="NAME", help="Which cache; all, if not given")] = "",
    store: Store = None,
    json: Json = False,
) -> Answer:
    """Take realizations from caches, with all that they stand on."""
    from lightfx.cli import exchanging  # noqa: PLC0415 -- help is fast without it

    return exchanging.pull(store, refs, origin, json=json)
