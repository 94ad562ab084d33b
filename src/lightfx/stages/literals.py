"""Values of the standard library that are as plain as numbers, arrays, and types that are no classes.

The leaves of `constants`: what holds no instance of a class of the user's own, but for
what is spelled by the function that is handed in. Modules that few programs use are
not imported to ask whether a value is of a class of theirs (`loaded`).
"""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import pathlib
import re
import sys
import typing
import uuid
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, TypeAlias, TypeGuard

from lightfx.core.names import Digest
from lightfx.stages.ownership import installed_name, is_own_class
from lightfx.stages.spellings import Spelling

Spell: TypeAlias = Callable[[object], Spelling]

_BY_TEXT: Final = (decimal.Decimal, uuid.UUID, pathlib.PurePath)


class Refused(Exception):  # noqa: N818 -- a signal within fingerprints, caught at their face, and no error of its own
    """A thing has no spelling: what it is, and where in the constant it sits."""

    def __init__(self, what: str, path: str = "") -> None:
        super().__init__(what, path)
        self.what = what
        self.path = path


def loaded(module: str, name: str) -> tuple[type, ...]:
    """The class ``name`` of ``module``, for `isinstance`; none where that is not imported: then it has no values.

    >>> loaded("collections", "deque"), loaded("no_module", "deque")
    ((<class 'collections.deque'>,), ())
    """
    found: object = getattr(sys.modules.get(module), name, None)
    return (found,) if isinstance(found, type) else ()


def spell_plain(value: object, spell: Spell) -> Spelling | None:
    """Spell a plain value of the standard library; None for others.

    >>> spell_plain(dt.date(2024, 5, 1), str), spell_plain(slice(1, None), str)
    (('datetime:date', '2024-05-01'), ('slice', '1', 'None', 'None'))
    """
    if isinstance(value, enum.Enum):
        inner = spell(value.value) if isinstance(value, enum.Flag) else ""
        return ("enum", spell(type(value)), str(value.name), inner)
    kind = type(value)
    if kind in (range, slice):
        return (kind.__name__, *(spell(getattr(value, each)) for each in ("start", "stop", "step")))
    if kind is re.Pattern:
        return ("pattern", spell(getattr(value, "pattern", None)), spell(getattr(value, "flags", None)))
    if isinstance(value, loaded("logging", "Logger")):
        return ("logger", str(getattr(value, "name", "")))
    if value is NotImplemented or kind is object:
        # A bare object is a sentinel: all there is to it is the name it goes by.
        return (kind.__name__,)
    if is_own_class(kind):
        return None
    by_text = (*_BY_TEXT, *loaded("fractions", "Fraction"), *loaded("zoneinfo", "ZoneInfo"))
    parts = (str(value),) if isinstance(value, by_text) else _of_time(value, spell)
    return None if parts is None else (installed_name(kind) or "", *parts)


def _of_time(value: object, spell: Spell) -> tuple[Spelling, ...] | None:
    match value:
        case dt.datetime() | dt.time():
            return (value.replace(tzinfo=None).isoformat(), str(value.fold), spell(value.tzinfo))
        case dt.date():
            return (value.isoformat(),)
        case dt.timedelta():
            return (f"{value.days},{value.seconds},{value.microseconds}",)
        case dt.timezone():
            return (spell(value.utcoffset(None)), value.tzname(None))
        case _:
            return None


def spell_type(value: object, spell: Spell) -> Spelling | None:
    """Spell a type that is no class: ``list[int]``, ``int | None``, ``Annotated``, type variables.

    >>> spell_type(list[int], lambda part: part.__name__)
    ('generic', 'list', 'int')
    """
    origin = typing.get_origin(value)
    if origin is not None:
        extra: tuple[object, ...] = getattr(value, "__metadata__", ())
        return ("generic", spell(origin), *map(spell, (*typing.get_args(value), *extra)))
    if isinstance(value, typing.TypeVar):
        return ("typevar", value.__name__, spell(value.__bound__), *map(spell, value.__constraints__))
    if isinstance(value, typing.NewType):
        return ("newtype", value.__name__, spell(getattr(value, "__supertype__", None)))
    if isinstance(value, typing.ForwardRef):
        return ("forward", value.__forward_arg__)
    if type(value).__module__ in ("typing", "typing_extensions"):
        name: object = getattr(value, "_name", None) or getattr(value, "__name__", None)
        return ("typing", name) if isinstance(name, str) else None
    return None


def spell_buffer(value: object) -> Spelling | None:
    """Spell an array of numbers, or a scalar of numpy, by format, shape and content; a ``dtype`` too.

    >>> from array import array
    >>> spell_buffer(array("b", [1, 2]))[:4]
    ('array', 'array.array', 'b', '2')
    """
    kind: type = type(value)
    if kind.__module__.startswith("numpy") and any(each.__name__ == "dtype" for each in kind.__mro__):
        return ("dtype", repr(value))
    if (
        kind.__module__ == "numpy"
        and kind.__name__ == "ufunc"
        and "(" not in (name := str(getattr(value, "__name__", "(")))
    ):
        return ("ufunc", name)  # those with parentheses in the name are made of functions of anyone's
    if kind not in (bytearray, memoryview, *loaded("array", "array")) and not _is_of_numpy(kind):
        return None
    try:
        # Sure to be a buffer: memory views, arrays, and the arrays and scalars of numpy.
        view = memoryview(value)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    except (ValueError, TypeError, BufferError):
        raise Refused(f"is of type {type_name(kind)}, with elements that have no plain bytes") from None
    if "O" in view.format:
        raise Refused(f"is of type {type_name(kind)}, with elements that are objects")
    form = ",".join(map(str, view.shape or ()))
    return ("array", type_name(kind), view.format, form, Digest.of(view.tobytes()).text)


def _is_of_numpy(kind: type) -> bool:
    """Whether it is the class of arrays or scalars itself: heirs may hold more than their bytes."""
    if kind.__module__ != "numpy":
        return False
    return kind.__name__ == "ndarray" or any(each.__name__ == "generic" for each in kind.__mro__)


def type_name(kind: type) -> str:
    """Name a class for people.

    >>> type_name(int), type_name(re.Pattern)
    ('int', 're.Pattern')
    """
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")


# Type guards that say nothing about the elements but that they are objects.


def is_sequence(value: object) -> TypeGuard[Sequence[object]]:
    """Tell whether it is a sequence.

    >>> is_sequence([]), is_sequence(3)
    (True, False)
    """
    return isinstance(value, Sequence)


def is_set(value: object) -> TypeGuard[AbstractSet[object]]:
    """Tell whether it is a set.

    >>> is_set({1}), is_set([])
    (True, False)
    """
    return isinstance(value, AbstractSet)


def is_mapping(value: object) -> TypeGuard[Mapping[object, object]]:
    """Tell whether it is a mapping.

    >>> is_mapping({}), is_mapping([])
    (True, False)
    """
    return isinstance(value, Mapping)
