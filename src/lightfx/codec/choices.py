"""Choices from a list that the annotation holds: enums and literals.

Rules:

- an enum is spelled by the values of its members where each is a leaf of JSON, and
  by their names otherwise; its members are told apart by identity, whatever their ``==`` says;
- a literal is told apart by type and value: ``Literal[1]`` takes no ``True``;
- combinations of flags are no members, so a `Flag` is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, Flag
from typing import TypeAlias

from lightfx.codec.coding import Ask, Coding, Misfit, kind_of, wrong_type
from lightfx.codec.dynamic import code_dynamic
from lightfx.codec.names import name_of_value
from lightfx.core.canonical import Tree, spell_checked

_Choice: TypeAlias = "tuple[object, Tree]"


def enum_coding(kind: type[Enum]) -> Coding:
    """Make the coding of an enum.

    >>> coding = enum_coding(Enum("Color", {"RED": "red", "BLUE": "blue"}))
    >>> coding.decode("red")
    <Color.RED: 'red'>
    """
    members = tuple({id(each): each for each in kind.__members__.values()}.values())
    if issubclass(kind, Flag):
        raise Misfit(f"is annotated {kind.__name__}, a Flag, whose combinations have no names")
    if not members:
        raise Misfit(f"is annotated {kind.__name__}, an enum without members")
    by_value = all(_is_leaf(each.value) for each in members)
    return _choice_coding(
        kind.__name__,
        [(each, code_dynamic(each.value) if by_value else each.name) for each in members],
        exact=(kind,),
    )


def literal_coding(values: tuple[object, ...], ask: Ask) -> Coding:
    """Make the coding of ``Literal[...]``; ``ask`` is for the codings of the values' own types."""
    name = f"Literal[{', '.join(name_of_value(each) for each in values)}]"
    if not all(isinstance(each, Enum) or _is_plain(each) for each in values):
        raise Misfit(f"is annotated {name}; literals are of None, bool, int, str, bytes and enums")
    trees = [(each, ask(type(each)).encode(each)) for each in values]
    choices = _choice_coding(name, trees)
    plain = {(type(value), value): tree for value, tree in trees if _is_plain(value)}

    def encode(value: object) -> Tree:
        if not _is_plain(value):
            return choices.encode(value)
        try:
            return plain[type(value), value]
        except KeyError:
            raise Misfit(f"is not {name}") from None

    return Coding(name, encode, choices.decode, choices.kinds, depth=choices.depth)


def _is_plain(value: object) -> bool:
    kind = type(value)  # by identity: the == and the hash of exactly these are honest
    return value is None or kind is str or kind is int or kind is bool or kind is bytes


def _is_leaf(value: object) -> bool:
    try:
        tree = code_dynamic(value)
    except Misfit:
        return False
    return not isinstance(tree, list | dict)


def _choice_coding(name: str, choices: Iterable[_Choice], exact: tuple[type, ...] = ()) -> Coding:
    pairs = list(choices)
    trees = {id(value): (value, tree) for value, tree in pairs}  # the value is held, so its id is its own
    values = {spell_checked(tree): value for value, tree in pairs}
    if len(values) != len(pairs):
        raise Misfit(f"is annotated {name}, with two members that are spelled alike")

    def encode(value: object) -> Tree:
        try:
            return trees[id(value)][1]
        except KeyError:
            raise wrong_type(value, name) from None

    def decode(tree: Tree) -> object:
        if isinstance(tree, list | dict) and kind_of(tree) != "$bytes":
            raise wrong_type(tree, name)
        try:
            return values[spell_checked(tree)]
        except (KeyError, TypeError, ValueError, RecursionError):
            raise Misfit(f"spells no member of {name}") from None

    kinds = frozenset(kind_of(tree) for _, tree in pairs)
    return Coding(name, encode, decode, kinds, exact, depth=int("$bytes" in kinds))
