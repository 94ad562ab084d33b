"""A class in pieces: its statement, its methods, and what it holds now.

Rules:

- methods count by the statement of the class that they stand in, with their defaults by
  value; functions put into the class from elsewhere count on their own;
- data counts by its value now, since ``Settings.rate = 0.1`` may be said anywhere; what a
  library puts into a class beside (private names that the statement does not bind,
  generated methods) does not count, nor do the members of an enum, which cannot change;
- a class that no statement made (``namedtuple(...)``, a record in a notebook cell
  without methods) counts by its name, its fields and its annotations.
"""

from __future__ import annotations

import dataclasses
import enum
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from types import CellType, FunctionType, GetSetDescriptorType, MemberDescriptorType
from typing import final

import attrs
from attrs import evolve, frozen

from lightfx.core.names import short_hash
from lightfx.stages.bindings import Bindings
from lightfx.stages.definitions import FoundClass, find_class
from lightfx.stages.ownership import is_own_function
from lightfx.stages.scopes import Looked, Use, read_nodes
from lightfx.stages.syntax import spell_node


@final
@frozen(eq=False)
class Pieces:
    """What there is to spell of a class.

    ``members`` are names with what the class holds by them and is to be spelled, ``watched``
    those that were looked at.
    """

    syntax: str
    uses: tuple[Use, ...]
    names: Mapping[str, object]
    cells: Mapping[str, CellType]
    methods: tuple[FunctionType, ...]
    members: tuple[tuple[str, object], ...]
    watched: tuple[tuple[str, object], ...]
    fields: tuple[tuple[str, object], ...]


def class_pieces(kind: type) -> Pieces:
    """Take a class of the user's own to pieces; raises `Refused` where its statement cannot be known.

    >>> pieces = class_pieces(Pieces)
    >>> [use.name for use in pieces.uses if not use.soft]
    ['final', 'frozen']
    """
    methods = tuple(_methods(kind))
    found = find_class(kind, methods)
    syntax, uses, bound = _read(found) if found is not None else (kind.__name__, (), frozenset[str]())
    if "<locals>" in kind.__qualname__:
        # What it was made with may have gone with the function around it.
        uses = tuple(evolve(use, soft=True) if isinstance(use, Looked) else use for use in uses)
    module = sys.modules.get(kind.__module__)
    around: Mapping[str, object] = vars(module) if module is not None else {}
    return Pieces(
        syntax=syntax,
        uses=uses,
        names=methods[0].__globals__ if methods else around,
        cells={name: cell for each in methods for name, cell in _cells(each)},
        methods=methods,
        members=tuple(_members(kind, bound, {*methods})),
        watched=tuple(
            (name, held) for name, held in vars(kind).items() if not name.startswith("__") or functions_in(held)
        ),
        fields=() if found is not None else tuple(_fields(kind)),
    )


@lru_cache(maxsize=1024)
def _read(found: FoundClass) -> tuple[str, tuple[Use, ...], frozenset[str]]:
    uses = read_nodes([found.node], found.private).uses
    return short_hash(spell_node(found.node)), uses, frozenset(Bindings.of(found.node.body).names)


def _cells(function: FunctionType) -> Iterator[tuple[str, CellType]]:
    yield from zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)


def _methods(kind: type) -> Iterator[FunctionType]:
    """List the functions that stand in the statement of the class, each once."""
    seen: set[FunctionType] = set()
    for held in vars(kind).values():
        for function in functions_in(held):
            if function not in seen and _is_of(function, kind):
                seen.add(function)
                yield function


def _is_of(function: FunctionType, kind: type) -> bool:
    code = function.__code__
    here = code.co_qualname == f"{kind.__qualname__}.{code.co_name}" and function.__module__ == kind.__module__
    return here and not _is_generated(function)


def _is_generated(function: FunctionType) -> bool:
    """Whether a library wrote it: attrs, dataclasses and named tuples make methods of texts of their own."""
    file = function.__code__.co_filename
    return file.startswith(("<attrs generated", "<string>")) or not is_own_function(function)


def functions_in(held: object) -> Sequence[FunctionType]:
    """List the functions in what a class holds: a function, a property, a static or class method.

    >>> functions_in(property(functions_in))[0].__name__
    'functions_in'
    """
    parts: tuple[object, ...]
    match held:
        case staticmethod() | classmethod():
            parts = (getattr(held, "__func__", None),)
        case property():
            parts = (held.fget, held.fset, held.fdel)
        case cached_property():
            parts = (getattr(held, "func", None),)
        case _:
            parts = (held,)
    return [each for each in parts if isinstance(each, FunctionType)]


def _members(kind: type, bound: frozenset[str], methods: set[FunctionType]) -> Iterator[tuple[str, object]]:
    for name, held in vars(kind).items():
        functions = functions_in(held)
        if functions:
            foreign = [each for each in functions if each not in methods and not _is_generated(each)]
            if foreign:
                yield name, held
        elif (
            not isinstance(kind, enum.EnumMeta)
            and not isinstance(held, GetSetDescriptorType | MemberDescriptorType)
            and not (name.startswith("__") and name.endswith("__"))
            and (name in bound or not name.startswith("_"))
        ):
            yield name, held


def _fields(kind: type) -> Iterator[tuple[str, object]]:
    """List the fields of a record that no statement tells of."""
    annotations: object = vars(kind).get("__annotations__", {})
    yield "__annotations__", annotations
    for name in ("_fields", "_field_defaults", "_member_map_"):
        yield name, vars(kind).get(name)
    if attrs.has(kind):
        for field in attrs.fields(kind):
            yield field.name, (field.type, field.default, field.converter, field.validator, field.init, field.kw_only)
    elif dataclasses.is_dataclass(kind):
        for each in dataclasses.fields(kind):
            yield each.name, (each.type, each.default, each.default_factory, each.init, each.kw_only)
