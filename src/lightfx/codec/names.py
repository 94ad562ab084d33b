"""How an annotation reads: for messages, and for the tags of unions.

>>> name_of(dict[str, int | None])
'dict[str, int | None]'
"""

from __future__ import annotations

from enum import Enum
from types import UnionType
from typing import Literal, Union, get_args, get_origin

from lightfx.codec.shapes import is_array


def name_of(annotation: object, depth: int = 8) -> str:
    """Spell an annotation shortly, without the modules of its classes.

    >>> import typing
    >>> name_of(typing.Optional[typing.Literal["a", 1]])
    "Literal['a', 1] | None"
    """
    if annotation is None or annotation is type(None):
        return "None"
    if annotation is Ellipsis or depth < 0:
        return "..."
    if is_array(annotation):  # the parameters of a Callable
        return f"[{', '.join(name_of(each, depth - 1) for each in annotation)}]"
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return " | ".join(name_of(each, depth - 1) for each in arguments)
    if origin is Literal:
        return f"Literal[{', '.join(name_of_value(each) for each in arguments)}]"
    if origin is not None and arguments:
        return f"{_plain(origin)}[{', '.join(name_of(each, depth - 1) for each in arguments)}]"
    return _plain(annotation)


def name_of_value(value: object) -> str:
    """Spell one value of a literal.

    >>> name_of_value("auto")
    "'auto'"
    """
    return f"{type(value).__name__}.{value.name}" if isinstance(value, Enum) else repr(value)


def _plain(annotation: object) -> str:
    named = getattr(annotation, "__name__", None) or getattr(annotation, "_name", None)
    if isinstance(named, str):
        return named
    if isinstance(annotation, str):
        return repr(annotation)
    return f"an object of type {type(annotation).__name__}"
