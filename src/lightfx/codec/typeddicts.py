"""Typed dicts: objects with the keys that their class names, and optional ones where it says so.

Rule: what is not there is not spelled; what is unknown is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NotRequired, Required, get_args, get_origin

from lightfx.codec.coding import Ask, Coding, Misfit, wrong_type
from lightfx.codec.dynamic import code_key
from lightfx.codec.generics import annotations_of
from lightfx.codec.names import name_of
from lightfx.codec.shapes import is_dict
from lightfx.codec.slots import Decode, Encode, Slot, check_keys, coding_of_slots, decode_slots, slot_of
from lightfx.core.canonical import Tree


def typed_dict_coding(annotation: object, ask: Ask) -> Coding:
    """Make the coding of a typed dict, generic or not.

    >>> from typing import TypedDict
    >>> from lightfx.codec.scalars import SCALAR_CODINGS
    >>> Point = TypedDict("Point", {"x": int, "y": NotRequired[int]})
    >>> typed_dict_coding(Point, lambda part: SCALAR_CODINGS[part]).encode({"x": 1})
    {'x': 1}
    """
    kind = get_origin(annotation) or annotation
    if not isinstance(kind, type):
        raise Misfit(f"is annotated {name_of(annotation)}, which is no class")
    needed: frozenset[str] = getattr(kind, "__required_keys__", frozenset())
    slots = [_slot(key, hint, ask, required=key in needed) for key, hint in annotations_of(annotation, kind).items()]
    return coding_of_slots(name_of(annotation), dict, slots, _pair(kind.__name__, slots))


def _slot(key: str, hint: object, ask: Ask, *, required: bool) -> Slot:
    code_key(key)
    origin = get_origin(hint)
    if origin is Required or origin is NotRequired:  # said in text, it is unknown to the class itself
        required, hint = origin is Required, get_args(hint)[0]
    return slot_of(key, key, hint, ask, required=required)


def _pair(name: str, slots: Sequence[Slot]) -> tuple[Encode, Decode]:
    known = frozenset(each.key for each in slots)
    needed = frozenset(each.key for each in slots if each.required)

    def encode(value: object) -> Tree:
        if not is_dict(value):
            raise wrong_type(value, name)
        check_keys(value, known, needed, name)
        tree: dict[str, Tree] = {}
        key = ""
        try:
            for slot in slots:
                key = slot.key
                if key in value:
                    tree[key] = slot.coding.encode(value[key])
        except Misfit as misfit:
            raise misfit.under(key) from None
        return tree

    def decode(tree: Tree) -> object:
        return decode_slots(tree, known, needed, slots, name)

    return encode, decode
