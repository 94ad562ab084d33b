"""Constants by value: what a global, a default or a captured variable holds, spelled with its type.

Rules:

- ``1``, ``1.0``, ``True``, ``"1"`` and ``b"1"`` differ, and so do a list and a tuple; ``-0.0``
  is not ``0.0``;
- the order of sets does not count; that of dicts and attributes does, since a program can see it;
- an instance of a class of the user's own is its class and its state; a record (attrs,
  dataclass) of an installed class is its name and its fields;
- an instance of another installed class has a spelling if it is listed here, or if its
  package exposes that very object under a name (``dataclasses.MISSING``);
- all else is refused: open files, locks, generators, models; and what contains itself.

``hash``, ``id`` and ``repr`` of unknown objects never enter a spelling: they differ from run
to run.
"""

from __future__ import annotations

import collections
import dataclasses
import enum
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import WRAPPER_ASSIGNMENTS, cached_property
from typing import Final, TypeAlias

import attrs
from attrs import define, field

from lightfx.core.names import short_hash
from lightfx.stages.literals import (
    Refused,
    is_mapping,
    is_sequence,
    is_set,
    spell_buffer,
    spell_plain,
    spell_type,
    type_name,
)
from lightfx.stages.ownership import exposed_name, is_own_class
from lightfx.stages.spellings import Bag, Spelling, render
from lightfx.stages.syntax import spell_constant

Refer: TypeAlias = "Callable[[object], Spelling | None]"

MAX_DEPTH: Final = 64
_ATOMS: Final = frozenset((type(None), bool, int, float, complex, str, bytes, type(...)))
_SEQUENCES: Final = frozenset((tuple, list, collections.deque))
_SETS: Final = frozenset((set, frozenset))
_MAPPINGS: Final = frozenset(
    (dict, types.MappingProxyType, collections.Counter, collections.defaultdict, collections.OrderedDict)
)


def spell_value(value: object, refer: Refer) -> Spelling:
    """Spell ``value``; ``refer`` spells code (functions, classes, modules), and gives None for what is none.

    >>> spell_value({"b": 1, "a": (True, -0.0)}, lambda _: None)
    ('dict', 'None', ('"b"', 'int:0x1'), ('"a"', ('tuple', 'None', 'True', 'float:-0.0')))
    """
    return _Speller(refer).spell(value)


def held_as(values: Mapping[str, object]) -> str:
    """Tell what JSON does not say of captured values, in a short hash: tuples, and the order of dicts; "" for nothing.

    >>> held_as({"a": [1, {"b": 1, "c": 2}]})
    ''
    >>> held_as({"a": (1, 2)}) != held_as({"a": [(1, 2)]}) != held_as({"a": {"c": 2, "b": 1}})
    True
    """
    if all(map(_reads_back, values.values())):
        return ""
    spelled = tuple((name, spell_value(values[name], lambda _: None)) for name in sorted(values))
    return short_hash(render(spelled, {}))


def _reads_back(value: object) -> bool:
    """Tell whether what JSON says of a value is all there is to it."""
    if isinstance(value, tuple):
        return False
    if is_mapping(value):
        return list(value) == sorted(value, key=str) and all(map(_reads_back, value.values()))
    return not isinstance(value, list) or all(map(_reads_back, value))


def is_fixed(value: object) -> bool:
    """Tell whether ``value`` can never change, so that to see it again is to know it.

    >>> is_fixed((1, "a")), is_fixed(([],))
    (True, False)
    """
    kind = type(value)
    if kind in _ATOMS:
        return True
    if kind is tuple and is_sequence(value):
        return all(map(is_fixed, value))
    if kind is frozenset and is_set(value):
        return all(map(is_fixed, value))
    return isinstance(value, enum.Enum | type | types.ModuleType | types.FunctionType)


@define
class _Speller:
    """Spells one constant, with the containers around the part at hand."""

    refer: Refer
    around: list[object] = field(factory=list[object])

    def spell(self, value: object, step: str = "") -> Spelling:
        """Spell a part, reached from the part around it by ``step``."""
        if type(value) in _ATOMS:
            return spell_constant(value)
        if any(value is each for each in self.around):
            raise Refused("contains itself", step)
        if len(self.around) >= MAX_DEPTH:
            raise Refused(f"is nested deeper than {MAX_DEPTH} levels", step)
        self.around.append(value)
        try:
            return self.spell_compound(value)
        except Refused as refused:
            refused.path = step + refused.path
            raise
        finally:
            self.around.pop()

    def spell_compound(self, value: object) -> Spelling:
        """Spell what is no atom; the first way that knows the value."""
        spelling = (
            self.container(value)
            or self.refer(value)
            or spell_plain(value, self.spell)
            or spell_type(value, self.spell)
            or spell_buffer(value)
            or self.instance(value)
        )
        if spelling is not None:
            return spelling
        name = exposed_name(value)
        if name is None:
            raise Refused(f"is of type {type_name(type(value))}, which has no value that could be compared")
        return ("exposed", name)

    def container(self, value: object) -> Spelling | None:
        """Spell the containers of Python, and those of ``collections``."""
        kind = type(value)
        if kind in _SEQUENCES and is_sequence(value):
            limit: object = getattr(value, "maxlen", None)
            return (kind.__name__, spell_constant(limit), *self.items(value))
        if kind in _SETS and is_set(value):
            return (kind.__name__, Bag(tuple(self.spell(each, "{...}") for each in value)))
        if kind in _MAPPINGS and is_mapping(value):
            factory: object = getattr(value, "default_factory", None)
            return (kind.__name__, self.spell(factory, ".default_factory"), *self.pairs(value))
        return ("SimpleNamespace", self.state(value)) if kind is types.SimpleNamespace else None

    def items(self, value: Sequence[object]) -> tuple[Spelling, ...]:
        """Spell the items of a sequence."""
        return tuple(self.spell(each, f"[{index}]") for index, each in enumerate(value))

    def pairs(self, value: Mapping[object, object]) -> tuple[Spelling, ...]:
        """Spell the items of a mapping, in its order."""
        return tuple(
            (self.spell(key, f"[{_short(key)}]"), self.spell(each, f"[{_short(key)}]")) for key, each in value.items()
        )

    def instance(self, value: object) -> Spelling | None:
        """Spell a record, or an instance of a class of the user's own."""
        kind = type(value)
        if is_own_class(kind):
            return ("instance", self.spell(kind), self.inner(value), self.state(value))
        if attrs.has(kind) or dataclasses.is_dataclass(kind):
            return ("record", self.spell(kind), self.state(value))
        return None

    def inner(self, value: object) -> Spelling:
        """Spell what an instance is by the builtin class that its own class inherits from."""
        match value:
            # By the methods of the builtin class: those of the own one may be others.
            case int():
                return spell_constant(int.__pos__(value))
            case float():
                return spell_constant(float.__pos__(value))
            case str():
                return spell_constant(str.__getitem__(value, slice(None)))
            case bytes():
                return spell_constant(bytes.__getitem__(value, slice(None)))
            case _ if is_mapping(value):
                return ("mapping", *self.pairs(value)) if isinstance(value, dict) else ""
            case _ if is_set(value):
                return Bag(tuple(map(self.spell, value))) if isinstance(value, set | frozenset) else ""
            case _ if is_sequence(value):
                return self.items(value) if isinstance(value, list | tuple) else ""
            case _:
                return ""

    def state(self, value: object) -> Spelling:
        """Spell the attributes of an instance, in their order."""
        return tuple((name, self.spell(each, f".{name}")) for name, each in _state(value))


def _state(value: object) -> Iterator[tuple[str, object]]:
    kinds = type(value).__mro__
    cached = {name for kind in kinds for name, each in vars(kind).items() if isinstance(each, cached_property)}
    # What is computed from the rest, sooner or later, says nothing of its own; nor does what
    # `functools.update_wrapper` copies from what is wrapped.
    cached |= {"_attrs_cached_hash", *WRAPPER_ASSIGNMENTS}
    held: dict[str, object] = getattr(value, "__dict__", {})
    for name, each in held.items():
        if name not in cached:
            yield name, each
    for kind in kinds:
        for name, member in vars(kind).items():
            if isinstance(member, types.MemberDescriptorType) and name not in cached:
                try:
                    yield name, member.__get__(value, kind)
                except AttributeError:
                    continue


def _short(key: object) -> str:
    return repr(key) if type(key) in _ATOMS else f"a {type(key).__name__}"
