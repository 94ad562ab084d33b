"""Whether a value of one annotation may stand where another is wanted, as far as classes tell.

Type checkers tell before anything runs, and tell more; this is for programs that
none has seen. Only what is surely wrong is refused: where an annotation is no
class, nor made of classes, the answer is yes.
"""

from __future__ import annotations

import types
from typing import Annotated, Any, Final, Union, get_args, get_origin, is_typeddict

_PROMOTED: Final = frozenset({(int, float), (int, complex), (float, complex)})
_UNIONS: Final = (Union, types.UnionType)


def may_be(given: object, wanted: object) -> bool:
    """Tell whether a value that is annotated ``given`` may be one that is annotated ``wanted``.

    >>> may_be(bool, int), may_be(int, float), may_be(str, int)
    (True, True, False)
    >>> may_be(int | None, int), may_be(tuple[int, ...], int), may_be(str, int | list[str])
    (True, False, False)
    """
    for each in _members(given):
        for other in _members(wanted):
            if _fits(each, other):
                return True
    return False


def _members(annotation: object) -> tuple[object, ...]:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _members(get_args(annotation)[0])
    return get_args(annotation) if origin in _UNIONS else (annotation,)


def _fits(given: object, wanted: object) -> bool:
    one, other = (get_origin(each) or each for each in (given, wanted))
    if not (isinstance(one, type) and isinstance(other, type)) or _says_nothing(one) or _says_nothing(other):
        return True
    return issubclass(one, other) or (one, other) in _PROMOTED


def _says_nothing(kind: type) -> bool:
    """Whether a class as an annotation does not tell of which classes its values are."""
    return kind in (object, Any) or is_typeddict(kind) or getattr(kind, "_is_protocol", False) is True
