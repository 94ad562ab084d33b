"""Dicts and typed dicts.

Rules:

- with keys of text a dict is an object; with other keys it is ``{"$pairs": [[k, v], ...]}``,
  sorted by the spelling of the keys, without repetition;
- an abstract `Mapping` takes a dict or a read-only view of one, and is read as a dict;
- the order of a dict is not stored: dicts are equal in any order, so their spelling is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeGuard

from lightfx.codec.coding import Coding, Misfit, tag_of, told, wrong_type
from lightfx.codec.containers import check_order, gathered
from lightfx.codec.dynamic import code_key
from lightfx.codec.scalars import SCALAR_CODINGS
from lightfx.codec.shapes import is_array, is_dict, is_object
from lightfx.core.canonical import Tree, spell_checked


def mapping_coding(name: str, key: Coding, item: Coding, *, abstract: bool) -> Coding:
    """Make the coding of a mapping; an ``abstract`` one takes read-only views too.

    >>> text, number = SCALAR_CODINGS[str], SCALAR_CODINGS[int]
    >>> mapping_coding("dict[str, int]", text, number, abstract=False).encode({"a": 1})
    {'a': 1}
    """
    by_text = key.encode is SCALAR_CODINGS[str].encode
    takes: tuple[type, ...] = (dict, MappingProxyType) if abstract else (dict,)
    return _of_text(name, item, takes) if by_text else _of_pairs(name, key, item, takes)


def _of_text(name: str, item: Coding, takes: tuple[type, ...]) -> Coding:
    encode_item, decode_item = item.encode, item.decode

    def encode(value: object) -> Tree:
        tree: dict[str, Tree] = {}
        for key, part in _dict_of(value, takes, name).items():
            text = code_key(key)
            try:
                tree[text] = encode_item(part)
            except Misfit as misfit:
                raise misfit.under(text) from None
        return tree

    def decode(tree: Tree) -> object:
        values: dict[str, object] = {}
        if not is_object(tree):
            raise wrong_type(tree, name)
        for key, part in tree.items():
            text = code_key(key)
            try:
                values[text] = decode_item(part)
            except Misfit as misfit:
                raise misfit.under(text) from None
        return values

    return Coding(name, encode, decode, frozenset({"object"}), takes, item.depth + 1, item.inexact, item.files)


def _dict_of(value: object, takes: tuple[type, ...], name: str) -> dict[object, object]:
    if is_dict(value):
        return value
    if MappingProxyType in takes and _is_view(value):
        return _unwrapped(value)
    raise wrong_type(value, name)


def _is_view(value: object) -> TypeGuard[Mapping[object, object]]:
    return type(value) is MappingProxyType


def _unwrapped(view: Mapping[object, object]) -> dict[object, object]:
    try:
        return dict(view)
    except Exception as error:  # noqa: BLE001 -- a view shows any mapping, and a user's may raise anything
        raise Misfit(f"cannot be read: {told(error)}") from None


def _of_pairs(name: str, key: Coding, item: Coding, takes: tuple[type, ...]) -> Coding:
    def encode(value: object) -> Tree:
        pairs: list[tuple[str, Tree]] = []
        for place, (left, right) in enumerate(_dict_of(value, takes, name).items()):
            try:
                spelled = key.encode(left)
            except Misfit as misfit:
                raise misfit.under(place, 0) from None
            try:
                pairs.append((spell_checked(spelled), [spelled, item.encode(right)]))
            except Misfit as misfit:
                raise misfit.under(step_of(spelled)) from None
        pairs.sort(key=lambda pair: pair[0])
        check_order([text for text, _ in pairs], "has two keys that are spelled alike")
        return {"$pairs": [pair for _, pair in pairs]}

    def decode(tree: Tree) -> object:
        spelled: list[str] = []
        values: list[tuple[object, object]] = []
        for place, (left, right) in enumerate(_pairs_of(tree, name)):
            try:
                wanted = key.decode(left)
            except Misfit as misfit:
                raise misfit.under(place, 0) from None
            try:
                values.append((wanted, item.decode(right)))
            except Misfit as misfit:
                raise misfit.under(step_of(left)) from None
            spelled.append(spell_checked(left))
        check_order(spelled, "is not sorted by its keys")
        return gathered(lambda: dict(values), len(values))

    depth = max(key.depth, item.depth) + 3
    inexact, files = key.inexact or item.inexact, key.files or item.files
    return Coding(name, encode, decode, frozenset({"$pairs"}), takes, depth, inexact, files)


def _pairs_of(tree: Tree, name: str) -> list[tuple[Tree, Tree]]:
    content = tag_of(tree, "$pairs", name)
    if not is_array(content):
        raise wrong_type(content, name)
    pairs: list[tuple[Tree, Tree]] = []
    for place, pair in enumerate(content):
        if not is_array(pair) or len(pair) != 2:
            raise Misfit("is no pair of a key and a value").under(place)
        pairs.append((pair[0], pair[1]))
    return pairs


def step_of(key: Tree) -> str | int:
    """Make of a spelled key a step of a path.

    >>> step_of(7), step_of(1.5)
    (7, '1.5')
    """
    return key if isinstance(key, int | str) and not isinstance(key, bool) else spell_checked(key)
