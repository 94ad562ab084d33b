"""What the annotations of a stage bring along: classes, whose methods are code, and the shape of the value.

An annotation is no code, and to spell it otherwise changes nothing. But the
values that a stage is given carry methods, properties and enum members of their
classes, so the classes count as its code. And the return annotation says how
the value is stored, so its shape counts, as the fields of a record do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import get_args, get_origin

from lightfx.core.derivation import Derivation, Tolerant
from lightfx.core.secrets import Secret
from lightfx.stages.build import Build

_OURS = (Derivation, Tolerant, Build, Secret)


def kinds_of(hints: Mapping[str, object]) -> tuple[object, ...]:
    """List what counts of a stage's resolved annotations, each once.

    >>> kinds_of({"build": Build, "rate": float, "return": list[int]})
    ('returns list[int]',)
    """
    classes = dict.fromkeys(each for hint in hints.values() for each in _classes(hint))
    return (*classes, f"returns {shape(hints.get('return'))}")


def _classes(hint: object) -> Iterator[type]:
    inner = getattr(hint, "__supertype__", None) or getattr(hint, "__value__", None)
    if inner is not None:
        yield from _classes(inner)
    elif isinstance(hint, type) and get_origin(hint) is None:
        if hint.__module__ not in ("builtins", "typing", "types") and hint not in _OURS:
            yield hint
    else:
        origin = get_origin(hint)
        if isinstance(origin, type):
            yield from _classes(origin)
        for each in get_args(hint):
            yield from _classes(each)


def shape(hint: object) -> str:
    """Spell an annotation by the names of its classes, wherever they live.

    >>> shape(dict[str, tuple[float, ...]])
    'dict[str, tuple[float, Ellipsis]]'
    """
    arguments = get_args(hint)
    if arguments:
        origin = getattr(get_origin(hint), "__qualname__", repr(get_origin(hint)))
        return f"{origin}[{', '.join(map(shape, arguments))}]"
    return str(getattr(hint, "__qualname__", None) or getattr(hint, "__name__", None) or repr(hint))
