"""The exact class of a container, told to the type checkers too.

Exact, since an heir of `dict` may say anything when it is asked for its items.
"""

from __future__ import annotations

from typing import TypeGuard

from lightfx.core.canonical import Tree


def is_object(tree: object) -> TypeGuard[dict[str, Tree]]:
    """Tell whether a tree is an object of JSON.

    >>> is_object({}), is_object([])
    (True, False)
    """
    return type(tree) is dict


def is_array(tree: object) -> TypeGuard[list[Tree]]:
    """Tell whether a tree is an array of JSON.

    >>> is_array([]), is_array(())
    (True, False)
    """
    return type(tree) is list


def is_dict(value: object) -> TypeGuard[dict[object, object]]:
    """Tell whether a value is a dict, of whatever.

    >>> from collections import OrderedDict
    >>> is_dict({}), is_dict(OrderedDict())
    (True, False)
    """
    return type(value) is dict


def is_tuple(value: object) -> TypeGuard[tuple[object, ...]]:
    """Tell whether a value is a tuple, and no named one.

    >>> is_tuple((1,)), is_tuple([1])
    (True, False)
    """
    return type(value) is tuple


def is_set(value: object) -> TypeGuard[set[object] | frozenset[object]]:
    """Tell whether a value is a set of Python's own.

    >>> is_set({1}), is_set([])
    (True, False)
    """
    return type(value) is set or type(value) is frozenset
