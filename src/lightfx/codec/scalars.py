"""Values without parts: what JSON knows itself, and what text can say exactly.

Rules:

- exact types only: a bool is no int, a datetime is no date, a subclass of str is
  no str;
- an int is taken for a float where no digit is lost, as type checkers allow, and
  is spelled as the float that it is: ``1`` and ``1.0`` for a float are one;
- one spelling a value: what is read must be what would have been written.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final, TypeVar
from uuid import UUID

from lightfx.codec.coding import Coding, Misfit, tag_of, wrong_type
from lightfx.codec.moments import parse_moment, spell_moment, spell_time
from lightfx.core.canonical import MAX_INTEGER, Tree

V = TypeVar("V")

_INFINITY: Final = float("inf")
_MICROSECOND: Final = timedelta(microseconds=1)
_DURATION: Final = re.compile(r"(0|-?[1-9][0-9]*)us", re.ASCII)
_PATH: Final = type(Path())


def code_none(value: object) -> Tree:
    """Take None, both ways."""
    if value is None:
        return None
    raise wrong_type(value, "None")


def code_bool(value: object) -> Tree:
    """Take a bool, both ways."""
    if type(value) is bool:
        return value
    raise wrong_type(value, "bool")


def code_int(value: object) -> Tree:
    """Take an int, both ways.

    >>> code_int(7)
    7
    """
    if type(value) is int:
        if -MAX_INTEGER <= value <= MAX_INTEGER:
            return value
        raise Misfit("is an integer of more than 4,300 digits")
    raise wrong_type(value, "int")


def encode_float(value: object) -> Tree:
    """Take a finite float, or an int that is one.

    >>> encode_float(1)
    1.0
    """
    if type(value) is float:
        return read_float(value)
    if type(value) is not int:
        raise wrong_type(value, "float")
    try:
        exact = float(value)
    except OverflowError:
        raise Misfit("is an integer that no float can hold") from None
    if int(exact) != value:
        raise Misfit("is an integer that no float can hold")
    return exact


def read_float(value: object) -> float:
    """Take a finite float and nothing else."""
    if type(value) is not float:
        raise wrong_type(value, "float")
    if -_INFINITY < value < _INFINITY:
        return value
    if value in (_INFINITY, -_INFINITY):
        raise Misfit("is infinite, which JSON cannot say")
    raise Misfit("is NaN, which equals nothing, itself included")


def code_text(value: object) -> str:
    """Take text, both ways.

    >>> code_text("é")
    'é'
    """
    if type(value) is not str:
        raise wrong_type(value, "str")
    if value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value):
        return value
    raise Misfit("holds a lone surrogate, which has no UTF-8 spelling")


def _encode_bytes(value: object) -> Tree:
    if type(value) is not bytes:
        raise wrong_type(value, "bytes")
    return {"$bytes": base64.b64encode(value).decode("ascii")}


def _decode_bytes(tree: Tree) -> object:
    text = code_text(tag_of(tree, "$bytes", "bytes"))
    try:
        value = base64.b64decode(text, validate=True)
    except ValueError:
        raise Misfit("is no base64") from None
    if base64.b64encode(value).decode("ascii") != text:
        raise Misfit("is no base64 as it is written here")
    return value


def _encode_path(value: object) -> Tree:
    if type(value) is not _PATH:
        raise wrong_type(value, "Path")
    return {"$path": code_text(value.as_posix())}  # absolute so far: `folders` makes it relative


def _decode_path(tree: Tree) -> object:
    return Path(code_text(tag_of(tree, "$path", "Path")))


def _spelled(kind: type[V], spell: Callable[[V], str], parse: Callable[[str], V]) -> Coding:
    """Make the coding of a class whose values have one exact text."""
    name = kind.__name__

    def encode(value: object) -> Tree:
        if type(value) is not kind:
            raise wrong_type(value, name)
        try:
            return code_text(spell(value))
        except Misfit:
            raise
        except Exception as error:  # noqa: BLE001 -- the time zone is foreign code, and may raise anything
            raise Misfit(f"cannot be spelled: {type(error).__name__}") from None

    def decode(tree: Tree) -> object:
        text = code_text(tree)
        try:
            value = parse(text)
            again = spell(value)
        except (ValueError, ArithmeticError):
            raise Misfit(f"spells no {name}") from None
        if again != text:
            raise Misfit(f"spells a {name} otherwise than it is written here")
        return value

    return Coding(name, encode, decode, frozenset({"str"}), (kind,))


def _spell_decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise Misfit("is no finite number")
    return str(value).upper()  # whether the E is a capital is ambient, in the decimal context


def _spell_duration(value: timedelta) -> str:
    return f"{value // _MICROSECOND}us"


def _parse_duration(text: str) -> timedelta:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise Misfit("spells no timedelta")
    return timedelta(microseconds=int(match[1]))


SCALAR_CODINGS: Final[dict[type, Coding]] = {
    type(None): Coding("None", code_none, code_none, frozenset({"null"}), (type(None),)),
    bool: Coding("bool", code_bool, code_bool, frozenset({"bool"}), (bool,)),
    int: Coding("int", code_int, code_int, frozenset({"int"}), (int,)),
    float: Coding("float", encode_float, read_float, frozenset({"float"}), (float,), inexact=True),
    str: Coding("str", code_text, code_text, frozenset({"str"}), (str,)),
    bytes: Coding("bytes", _encode_bytes, _decode_bytes, frozenset({"$bytes"}), (bytes,), depth=1),
    Path: Coding("Path", _encode_path, _decode_path, frozenset({"$path"}), (_PATH,), depth=1, files=True),
    datetime: _spelled(datetime, spell_moment, parse_moment),
    date: _spelled(date, date.isoformat, date.fromisoformat),
    time: _spelled(time, spell_time, time.fromisoformat),
    timedelta: _spelled(timedelta, _spell_duration, _parse_duration),
    Decimal: _spelled(Decimal, _spell_decimal, Decimal),
    UUID: _spelled(UUID, str, UUID),
}
"""The codings of all classes without parts that are spelled in one way."""
