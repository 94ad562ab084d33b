"""Values without a promised shape: `object`, `Any`, bare `dict`, and `Tree` itself.

Rules: what JSON can say, in exact types, to the depth of `MAX_DEPTH`; a tuple is
spelled as the list that it will be read as. Keys are strings that begin with no ``$``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from lightfx.codec.coding import DYNAMIC, UNBOUNDED, Coding, Misfit, wrong_type
from lightfx.codec.scalars import code_bool, code_int, code_none, code_text, read_float
from lightfx.codec.shapes import is_array, is_dict, is_tuple
from lightfx.core.canonical import MAX_DEPTH, Tree

_SCALARS: Final = {
    type(None): code_none,
    bool: code_bool,
    int: code_int,
    float: read_float,
    str: code_text,
}


def code_dynamic(value: object, depth: int = 0) -> Tree:
    """Copy what JSON can say, and refuse the rest.

    >>> code_dynamic({"a": (1, 2.0)})
    {'a': [1, 2.0]}
    """
    kind = type(value)
    if kind is dict or kind is list or kind is tuple:
        if depth >= MAX_DEPTH:
            raise Misfit(f"is nested deeper than {MAX_DEPTH} levels")
        if is_dict(value):
            return _mapping(value, depth + 1)
        if is_array(value) or is_tuple(value):
            return _sequence(value, depth + 1)
    for scalar, code in _SCALARS.items():
        if kind is scalar:
            return code(value)
    raise wrong_type(value, "a JSON value")


def code_key(key: object) -> str:
    """Take a key that is text and is not one of ours.

    >>> code_key("rate")
    'rate'
    """
    if type(key) is not str:
        raise Misfit(f"has a key of type {type(key).__name__}, not str")
    if key.startswith("$"):
        raise Misfit("is a key that begins with '$', which lightfx keeps for itself").under(key)
    if not key.isascii():
        _check_text_key(key)
    return key


def _check_text_key(key: str) -> None:
    try:
        code_text(key)
    except Misfit:
        raise Misfit("is a key with a lone surrogate, which has no UTF-8 spelling").under(key) from None


def _mapping(value: dict[object, object], depth: int) -> Tree:
    tree: dict[str, Tree] = {}
    for key, part in value.items():
        name = code_key(key)
        try:
            tree[name] = code_dynamic(part, depth)
        except Misfit as misfit:
            raise misfit.under(name) from None
    return tree


def _sequence(value: Sequence[object], depth: int) -> Tree:
    tree: list[Tree] = []
    try:
        for part in value:
            tree.append(code_dynamic(part, depth))  # noqa: PERF401 -- its length is the index of a misfit
    except Misfit as misfit:
        raise misfit.under(len(tree)) from None
    return tree


DYNAMIC_CODING: Final = Coding("object", code_dynamic, code_dynamic, DYNAMIC, depth=UNBOUNDED)
"""The coding of what promises no shape."""
