"""Records: attrs classes, dataclasses and named tuples.

Rules:

- a record is an object with all of its fields, spelled always, defaults too; what is
  missing or unknown is an error;
- the exact class only: what an heir knows beyond the annotation would be lost;
- a field is named as the constructor names it, and the constructor takes exactly the fields;
- a record that its class alters while it is made (converters, ``__post_init__``) is
  encoded again as it is read: what does not come out the same is refused.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final, get_origin

import attrs

from lightfx.codec.coding import Ask, Coding, Misfit, told, wrong_type
from lightfx.codec.generics import annotations_of
from lightfx.codec.names import name_of
from lightfx.codec.slots import Decode, Encode, Slot, coding_of_slots, decode_slots, slot_of
from lightfx.core.canonical import Tree, spell_checked

_BUILTINS: Final = (str, bytes, int, float, list, dict, set, frozenset, tuple)


def is_record(kind: object) -> bool:
    """Tell whether ``kind`` is a class whose values this module codes.

    >>> is_record(Slot), is_record(int)
    (True, False)
    """
    if not isinstance(kind, type):
        return False
    return is_named_tuple(kind) or attrs.has(kind) or dataclasses.is_dataclass(kind)


def record_coding(annotation: object, ask: Ask) -> Coding:
    """Make the coding of the record class that ``annotation`` names, generic or not.

    >>> from lightfx.codec.scalars import SCALAR_CODINGS
    >>> Point = dataclasses.make_dataclass("Point", [("x", int), ("y", int)])
    >>> record_coding(Point, lambda part: SCALAR_CODINGS[part]).encode(Point(x=1, y=2))
    {'x': 1, 'y': 2}
    """
    kind = get_origin(annotation) or annotation
    if not isinstance(kind, type):
        raise Misfit(f"is annotated {name_of(annotation)}, which is no class")
    fields = _fields(kind, annotations_of(annotation, kind))
    slots = [slot_of(alias, name, hint, ask) for name, alias, hint in fields]
    return coding_of_slots(name_of(annotation), kind, slots, _pair(kind, slots))


def is_named_tuple(kind: type) -> bool:
    """Tell whether a class is one of named tuples."""
    return tuple in kind.__mro__ and "_fields" in dir(kind)


def _is_builtin(kind: type) -> bool:
    return any(each in kind.__mro__ for each in _BUILTINS)


def _fields(kind: type, hints: Mapping[str, object]) -> list[tuple[str, str, object]]:
    """List the fields of a record class: attribute, name in the constructor, annotation."""
    if _is_builtin(kind) and not is_named_tuple(kind):
        raise Misfit(f"is annotated {kind.__name__}, a record that is a builtin too, whose content would be lost")
    names = _names(kind)
    for name, hint in hints.items():
        if name not in names and not _is_no_field(hint):
            raise Misfit("is annotated, but is no field: did its class lose its decorator?").under(name)
    _check_constructor(kind, frozenset(names.values()))
    types = {each.name: each.type for each in attrs.fields(kind)} if attrs.has(kind) else {}
    fields: list[tuple[str, str, object]] = []
    for name, alias in names.items():
        if name not in hints and types.get(name) is None:
            raise Misfit("is a field without an annotation").under(alias)
        fields.append((name, alias, hints.get(name, types.get(name))))
    return fields


def _names(kind: type) -> dict[str, str]:
    """Map the attributes of a record class to what its constructor calls them."""
    if is_named_tuple(kind):
        parts = [(each, each, True) for each in names_of_tuple(kind)]
    elif attrs.has(kind):
        parts = [(each.name, each.alias or each.name, each.init) for each in attrs.fields(kind)]
    else:
        parts = [(each.name, each.name, each.init) for each in _fields_of_dataclass(kind)]
    for _, alias, init in parts:
        if not init:
            raise Misfit("is a field that the constructor does not take (init=False)").under(alias)
    return {name: alias for name, alias, _ in parts}


def names_of_tuple(kind: object) -> tuple[str, ...]:
    """The fields of a named tuple."""
    return getattr(kind, "_fields", ())


def _fields_of_dataclass(kind: type) -> tuple[dataclasses.Field[object], ...]:
    return dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ()


def _is_no_field(hint: object) -> bool:
    if hint is dataclasses.KW_ONLY or isinstance(hint, dataclasses.InitVar):
        return True  # an InitVar is left to the check of the constructor
    return hint is ClassVar or get_origin(hint) is ClassVar


def _check_constructor(kind: type, names: frozenset[str]) -> None:
    try:
        parameters = inspect.signature(kind).parameters.values()
    except (TypeError, ValueError):
        raise Misfit(f"is annotated {kind.__name__}, whose constructor cannot be inspected") from None
    taken = frozenset(each.name for each in parameters)
    if taken != names:
        odd = min(taken ^ names)
        raise Misfit(f"is annotated {kind.__name__}, whose fields and constructor differ in {odd!r}")


def _pair(kind: type, slots: Sequence[Slot]) -> tuple[Encode, Decode]:
    name = kind.__name__
    alters = _alters(kind)
    encoders = [(each.key, each.attribute, each.coding.encode) for each in slots]
    keys = frozenset(each.key for each in slots)

    def encode(value: object) -> Tree:
        if type(value) is not kind:
            raise wrong_type(value, name)
        tree: dict[str, Tree] = {}
        key = ""
        try:
            for key, attribute, encode_part in encoders:
                tree[key] = encode_part(getattr(value, attribute))
        except Misfit as misfit:
            raise misfit.under(key) from None
        except AttributeError:
            raise Misfit("was never given a value").under(key) from None
        return tree

    def decode(tree: Tree) -> object:
        parts = decode_slots(tree, keys, keys, slots, name)
        try:
            value: object = kind(**parts)
        except Exception as error:  # noqa: BLE001 -- a user's validator may raise anything
            raise Misfit(f"is refused by {name}: {told(error)}") from None
        if alters and spell_checked(encode(value)) != spell_checked(tree):
            raise Misfit(f"is altered by {name} as it is made, and would not be stored the same")
        return value

    return encode, decode


def _alters(kind: type) -> bool:
    if hasattr(kind, "__attrs_post_init__") or hasattr(kind, "__post_init__"):
        return True
    return attrs.has(kind) and any(each.converter is not None for each in attrs.fields(kind))
