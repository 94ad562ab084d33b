"""How large a value would be, spelled: asked before it is, where nothing else bounds it.

A value that holds one part many times is small in memory, and its spelling need
not be: twenty lists, each of which holds the one before ten times, would spell
more than any disk holds. So the parts of values without a promised shape are
counted first, each as often as it would be spelled, and looked at once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Final

import attrs

from lightfx.codec.classes import is_named_tuple, names_of_tuple
from lightfx.codec.coding import Misfit
from lightfx.codec.shapes import is_array, is_dict, is_set, is_tuple
from lightfx.core.canonical import MAX_DEPTH

MOST: Final = 100_000_000
EACH: Final = 16  # what a value counts, beside the characters of text: about what it takes in memory, and more
TOO_LARGE: Final = f"is too large: spelled out, it would take more than {MOST:,} bytes"


def check_size(value: object) -> None:
    """Raise `Misfit` for what is too large to be spelled; what is too deep, or no value at all, is for others to say.

    >>> lists: list[object] = []
    >>> for _ in range(20):
    ...     lists = [lists] * 10
    >>> check_size(lists)
    Traceback (most recent call last):
    ...
    lightfx.codec.coding.Misfit: is too large: spelled out, it would take more than 100,000,000 bytes
    """
    if _size(value, {}, 0) > MOST:
        raise Misfit(TOO_LARGE)


def _size(value: object, known: dict[int, int], depth: int) -> int:
    if type(value) is str or type(value) is bytes:
        return EACH + len(value)
    parts = _parts(value)
    if parts is None or depth > MAX_DEPTH:
        return EACH
    found = known.get(id(value))
    if found is None:
        known[id(value)] = EACH  # of a circle: it is too deep
        found = known[id(value)] = EACH + sum(_size(part, known, depth + 1) for part in parts)
    return found


def _parts(value: object) -> Iterable[object] | None:
    kind = type(value)
    if is_dict(value):
        return (part for item in value.items() for part in item)
    if is_array(value) or is_tuple(value) or is_set(value):
        return value
    names: tuple[str, ...] = ()
    if attrs.has(kind):
        names = tuple(each.name for each in attrs.fields(kind))
    elif dataclasses.is_dataclass(kind):
        names = tuple(each.name for each in dataclasses.fields(kind))
    elif is_named_tuple(kind):
        names = names_of_tuple(kind)
    return [getattr(value, name, None) for name in names] if names else None
