"""``lightfx key``: new, show, list, trust, distrust."""

from __future__ import annotations

import os

from lightfx.cli.complaints import misuse
from lightfx.cli.page import Answer, Page, document
from lightfx.core.names import Name
from lightfx.core.statement import PublicKey
from lightfx.shell.keys import KeyRing, default_folder
from lightfx.wiring import unwrap


def ring() -> KeyRing:
    """The user's keys."""
    return KeyRing(default_folder(os.environ))


def new(text: str, *, json: bool) -> Answer:
    """Make a key, and say where it lies."""
    name, keys = _name(text), ring()
    public = unwrap(keys.make(name))
    path = str(keys.path_of(name))
    if json:
        return document({"name": name.text, "public": public.text, "path": path})
    page = Page().line(f"the key {name} lies in {path}: nobody else may read it, and nobody can make it again")
    return page.line(public.text).answer()


def show(text: str, *, json: bool) -> Answer:
    """Print a public key, and nothing else: for pipes."""
    name = _name(text)
    keys = unwrap(ring().trusted())
    if name.text not in keys:
        raise misuse(f"there is no key {name}", f"make one by `lightfx key new {name}`, or see `lightfx key list`")
    public = keys[name.text]
    return document({"name": name.text, "public": public.text}) if json else Page().line(public.text).answer()


def listed(*, json: bool) -> Answer:
    """List all that is trusted."""
    keys = ring()
    own, trusted = unwrap(keys.own()), unwrap(keys.trusted())
    if json:
        return document([{"name": name, "public": public.text, "own": name in own} for name, public in trusted.items()])
    rows = [(name, "own" if name in own else "trusted", public.text) for name, public in trusted.items()]
    if not rows:
        return Page().line("there is no key yet: `lightfx key new` makes one").answer()
    return Page().table(("name", "whose", "public key"), rows).answer()


def trust(text: str, spelled: str, *, json: bool) -> Answer:
    """Trust somebody's key."""
    name, public = _name(text), PublicKey.parse(spelled).value_or(None)
    if public is None:
        raise misuse(f"{_short(spelled)!r} is no public key", "give what `lightfx key show` printed for its owner")
    unwrap(ring().trust(name, public))
    if json:
        return document({"name": name.text, "public": public.text})
    return Page().line(f"trusted: {name}").answer()


def distrust(text: str, *, json: bool) -> Answer:
    """Trust somebody no longer."""
    name = _name(text)
    unwrap(ring().distrust(name))
    return document({"name": name.text}) if json else Page().line(f"no longer trusted: {name}").answer()


def _name(text: str) -> Name:
    name = Name.parse(text).value_or(None)
    if name is None:
        raise misuse(f"{text!r} is no name for a key", "a name has letters, digits and _ . + -")
    return name


def _short(text: str) -> str:
    # Somebody may have given a private key by mistake: what follows the tag is not shown.
    head, colon, _ = text.partition(":")
    return f"{head[:40]}{colon}…" if colon else text[:10]
