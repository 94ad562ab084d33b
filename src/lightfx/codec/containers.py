"""Tuples, lists and sets.

Rules:

- an ordered container is an array, and is read as the class that its annotation names;
  an abstract `Sequence` takes a list, a tuple or a range and is read as a tuple;
- text is a sequence of characters to Python alone: no ``str`` is taken for a ``Sequence[str]``;
- a set is an array sorted by the canonical spelling of its elements, without repetition,
  and is not read from any other order.

Theory of operation: elements are coded in one loop, whose output tells by its
length which element it was that did not fit. Nothing is walked twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Sized
from itertools import pairwise
from typing import TypeGuard, TypeVar

from lightfx.codec.coding import Coding, Misfit, told, wrong_type
from lightfx.codec.shapes import is_array, is_tuple
from lightfx.core.canonical import Tree, spell_checked

Collected = TypeVar("Collected", bound=Sized)

_ARRAY = frozenset({"array"})


def sequence_coding(
    name: str, item: Coding, takes: tuple[type, ...], make: Callable[[Iterable[object]], object]
) -> Coding:
    """Make the coding of a sequence of any length, which ``takes`` some classes and ``make``s one.

    >>> from lightfx.codec.scalars import SCALAR_CODINGS
    >>> sequence_coding("tuple[float, ...]", SCALAR_CODINGS[float], (tuple,), tuple).encode((1, 2.5))
    [1.0, 2.5]
    """
    encode_item = item.encode

    def encode(value: object) -> Tree:
        if not _is_one_of(value, takes):
            raise wrong_type(value, name)
        return encode_each(value, encode_item)

    def decode(tree: Tree) -> object:
        return make(decode_each(tree, item, name))

    return Coding(name, encode, decode, _ARRAY, takes, item.depth + 1, item.inexact, item.files)


def encode_each(values: Iterable[object], encode: Callable[[object], Tree]) -> list[Tree]:
    """Encode the elements of a container."""
    tree: list[Tree] = []
    try:
        for part in values:
            tree.append(encode(part))  # noqa: PERF401 -- its length is the index of a misfit
    except Misfit as misfit:
        raise misfit.under(len(tree)) from None
    return tree


def _is_one_of(value: object, kinds: tuple[type, ...]) -> TypeGuard[Iterable[object]]:
    kind = type(value)
    return kind is kinds[0] or any(kind is each for each in kinds)


def decode_each(tree: Tree, item: Coding, name: str) -> list[object]:
    """Decode the elements of an array."""
    if not is_array(tree):
        raise wrong_type(tree, name)
    decode = item.decode
    values: list[object] = []
    try:
        for part in tree:
            values.append(decode(part))  # noqa: PERF401 -- its length is the index of a misfit
    except Misfit as misfit:
        raise misfit.under(len(values)) from None
    return values


def tuple_coding(name: str, items: Sequence[Coding]) -> Coding:
    """Make the coding of a tuple of fixed length, each element by its own coding.

    >>> from lightfx.codec.scalars import SCALAR_CODINGS
    >>> tuple_coding("tuple[int]", [SCALAR_CODINGS[int]]).decode([7])
    (7,)
    """
    size, encoders = len(items), [item.encode for item in items]

    def encode(value: object) -> Tree:
        if not is_tuple(value):
            raise wrong_type(value, name)
        check_size(len(value))
        tree: list[Tree] = []
        try:
            for encode_part, part in zip(encoders, value, strict=True):
                tree.append(encode_part(part))
        except Misfit as misfit:
            raise misfit.under(len(tree)) from None
        return tree

    def decode(tree: Tree) -> object:
        if not is_array(tree):
            raise wrong_type(tree, name)
        check_size(len(tree))
        values: list[object] = []
        try:
            for item, part in zip(items, tree, strict=True):
                values.append(item.decode(part))
        except Misfit as misfit:
            raise misfit.under(len(values)) from None
        return tuple(values)

    def check_size(found: int) -> None:
        if found != size:
            raise Misfit(f"has length {found}, not {size} as {name}")

    depth = max((item.depth for item in items), default=0) + 1
    inexact, files = any(item.inexact for item in items), any(item.files for item in items)
    return Coding(name, encode, decode, _ARRAY, (tuple,), depth, inexact, files)


def _text(spelled: tuple[str, Tree]) -> str:
    return spelled[0]


def set_coding(name: str, item: Coding, takes: tuple[type, ...], make: Callable[[Iterable[object]], Sized]) -> Coding:
    """Make the coding of a set.

    >>> from lightfx.codec.scalars import SCALAR_CODINGS
    >>> set_coding("set[int]", SCALAR_CODINGS[int], (set,), set).encode({10, 9, -1})
    [-1, 10, 9]
    """

    def encode(value: object) -> Tree:
        if not _is_one_of(value, takes):
            raise wrong_type(value, name)
        spelled = [(spell_checked(tree), tree) for tree in encode_each(value, item.encode)]
        spelled.sort(key=_text)
        check_order([text for text, _ in spelled], "has two elements that are spelled alike")
        return [tree for _, tree in spelled]

    def decode(tree: Tree) -> object:
        values = decode_each(tree, item, name)
        spelled = [spell_checked(each) for each in tree] if is_array(tree) else []
        check_order(spelled, "is not sorted as sets are spelled")
        return gathered(lambda: make(values), len(values))

    return Coding(name, encode, decode, _ARRAY, takes, item.depth + 1, item.inexact, item.files)


def check_order(spelled: Sequence[str], reason: str) -> None:
    """Raise ``reason`` unless the texts rise, and so differ.

    >>> check_order(["1", "10", "2"], "is not sorted")
    """
    if any(left >= right for left, right in pairwise(spelled)):
        raise Misfit(reason)


def gathered(make: Callable[[], Collected], size: int) -> Collected:
    """Make a set or a dict of ``size``, whose elements bring their own ``==`` and ``hash``."""
    try:
        value = make()
    except Exception as error:  # noqa: BLE001 -- a user's == or hash may raise anything
        raise Misfit(f"has an element that cannot be hashed: {told(error)}") from None
    if len(value) != size:
        raise Misfit("has two elements that are equal")
    return value
