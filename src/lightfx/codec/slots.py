"""Slots: the named parts of a record, each with its coding.

Attrs classes, dataclasses, named tuples, typed dicts and the parameters of a
function are read alike: an object with all the keys that are needed and no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias, final

from attrs import frozen

from lightfx.codec.coding import Ask, Coding, Misfit, wrong_type
from lightfx.codec.shapes import is_object
from lightfx.core.canonical import Tree

Encode: TypeAlias = Callable[[object], Tree]
Decode: TypeAlias = Callable[[Tree], object]


@final
@frozen(eq=False)
class Slot:
    """A field: its key in the tree, its attribute on the record, its coding."""

    key: str
    attribute: str
    coding: Coding
    required: bool = True


def slot_of(key: str, attribute: str, annotation: object, ask: Ask, *, required: bool = True) -> Slot:
    """Make a slot; a misfit of its annotation is told under its key.

    >>> from lightfx.codec.scalars import SCALAR_CODINGS
    >>> slot_of("x", "_x", int, lambda part: SCALAR_CODINGS[part]).coding.name
    'int'
    """
    try:
        return Slot(key, attribute, ask(annotation), required)
    except Misfit as misfit:
        raise misfit.under(key) from None


def coding_of_slots(name: str, kind: type, slots: Sequence[Slot], pair: tuple[Encode, Decode]) -> Coding:
    """Make the coding of a record from its two directions and what its slots know."""
    encode, decode = pair
    codings = [each.coding for each in slots]
    return Coding(
        name,
        encode,
        decode,
        frozenset({"object"}),
        (kind,),
        depth=max((each.depth for each in codings), default=0) + 1,
        inexact=any(each.inexact for each in codings),
        files=any(each.files for each in codings),
    )


def check_keys(keys: Iterable[object], known: frozenset[str], needed: frozenset[str], name: str) -> None:
    """Raise unless ``keys`` are all that is needed and nothing unknown.

    >>> check_keys(["x"], frozenset({"x", "y"}), frozenset({"x"}), "Point")
    """
    found: set[str] = set()
    for key in keys:
        if type(key) is not str:
            raise Misfit(f"has a key of type {type(key).__name__}, not str")
        if key not in known:
            raise Misfit(f"is unknown to {name}").under(key)
        found.add(key)
    if not needed <= found:
        raise Misfit(f"is missing from {name}").under(min(needed - found))


def decode_slots(
    tree: Tree | Mapping[str, Tree],
    known: frozenset[str],
    needed: frozenset[str],
    slots: Sequence[Slot],
    name: str,
) -> dict[str, object]:
    """Decode an object by slots."""
    if not is_object(tree):
        raise wrong_type(tree, name)
    if frozenset(tree) != known:
        check_keys(tree, known, needed, name)
    values: dict[str, object] = {}
    key = ""
    try:
        for slot in slots:
            key = slot.key
            if key in tree:
                values[key] = slot.coding.decode(tree[key])
    except Misfit as misfit:
        raise misfit.under(key) from None
    return values
