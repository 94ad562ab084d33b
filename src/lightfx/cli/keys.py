"""``lightfx key``: what its commands take; what they do is in `lightfx.cli.keyring`."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from lightfx.cli.options import Json
from lightfx.cli.page import Answer

USUAL: Final = "default"
KeyName = Annotated[str, typer.Argument(metavar="[NAME]", help="What the key is called")]


def add_to(app: typer.Typer) -> None:
    """Let ``app`` have these commands."""
    keys = typer.Typer(help="Keys: sign results, and say whose results are believed.", no_args_is_help=True)
    for name, command in (
        ("new", new_key),
        ("show", show_key),
        ("list", list_keys),
        ("trust", trust_key),
        ("distrust", distrust_key),
    ):
        keys.command(name=name)(command)
    app.add_typer(keys, name="key")


def new_key(name: KeyName = USUAL, *, json: Json = False) -> Answer:
    """Make a key to sign results with, and print its public half."""
    from lightfx.cli import keyring  # noqa: PLC0415 -- help is fast without it

    return keyring.new(name, json=json)


def show_key(name: KeyName = USUAL, *, json: Json = False) -> Answer:
    """Print a public key, to be given to others."""
    from lightfx.cli import keyring  # noqa: PLC0415 -- help is fast without it

    return keyring.show(name, json=json)


def list_keys(*, json: Json = False) -> Answer:
    """List one's own keys, and those of others that are trusted."""
    from lightfx.cli import keyring  # noqa: PLC0415 -- help is fast without it

    return keyring.listed(json=json)


def trust_key(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it here")],
    public: Annotated[str, typer.Argument(metavar="PUBLIC", help="As `lightfx key show` prints it")],
    *,
    json: Json = False,
) -> Answer:
    """Believe results that this key signed."""
    from lightfx.cli import keyring  # noqa: PLC0415 -- help is fast without it

    return keyring.trust(name, public, json=json)


def distrust_key(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `lightfx key list` has it")], *, json: Json = False
) -> Answer:
    """Believe that key no longer."""
    from lightfx.cli import keyring  # noqa: PLC0415 -- help is fast without it

    return keyring.distrust(name, json=json)
