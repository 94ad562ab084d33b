"""Events as lines of JSON, and back: how a run is kept.

A line is a flat object: ``event`` says of what kind it is, ``at`` when it was
told, in seconds since the epoch; the rest are the fields of the event. Every
kind of event has a line, also one that is added later. Who reads takes what it
understands: `parse` gives nothing for a line that was cut, or is of a kind that
it does not know, and passes over fields that it does not know.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from functools import cache
from json.encoder import encode_basestring_ascii
from math import isfinite
from typing import Final, get_args, get_type_hints

import attrs
from attrs import frozen

from lightfx.core.names import Digest
from lightfx.core.refs import DRef
from lightfx.effects.journal import Advanced, JournalEvent

_EVENTS: Final[tuple[type[JournalEvent], ...]] = get_args(JournalEvent)
_END_OF_TIME: Final = 2.5e11  # seconds since the epoch: the year 9892
_MANY: Final = 2**63


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


_KINDS: Final = {_snake(kind.__name__): kind for kind in _EVENTS}
_FORMS: Final = {kind: (name, tuple(each.name for each in attrs.fields(kind))) for name, kind in _KINDS.items()}
_NOTHING_MORE: Final[Mapping[str, object]] = {}


_ENCODER: Final = json.JSONEncoder(allow_nan=False, separators=(",", ":"), check_circular=False, default=str)


def _spell(value: object) -> str:
    """Spell a field; the usual ones without the encoder, which takes long to set to work, for each task of a run."""
    if isinstance(value, DRef | Digest):
        return f'"{value.text}"'
    if type(value) is int or (type(value) is float and isfinite(value)):
        return repr(value)
    return encode_basestring_ascii(value) if isinstance(value, str) else _ENCODER.encode(value)


def spell(event: JournalEvent, at: float, more: Mapping[str, object] = _NOTHING_MORE) -> str:
    r"""Spell an event as a line, with ``more`` fields where there is more to say.

    Raises ValueError for what JSON cannot say, such as a number that is none.

    >>> spell(Advanced(settled=2, ran=2), 5.0)
    '{"event":"advanced","at":5.0,"settled":2,"reused":0,"cut_off":0,"inherited":0,"ran":2,"left":0,"total":0,"remade":0}\n'
    """
    kind, names = _FORMS[type(event)]
    fields: dict[str, object] = {"at": at}
    for name in names:
        value: object = getattr(event, name)
        if isinstance(value, Advanced):
            fields.update((each, getattr(value, each)) for each in _FORMS[Advanced][1])
        else:
            fields[name] = value
    fields.update(more)
    rest = "".join(f',"{name}":{_spell(value)}' for name, value in fields.items())
    return f'{{"event":"{kind}"{rest}}}\n'


@frozen
class Noted:
    """An event, when it was told, and all that its line says."""

    at: float
    event: JournalEvent
    fields: Mapping[str, object]

    def text(self, name: str) -> str:
        """A field that is text, or "" where there is none."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""


def parse(line: bytes) -> Noted | None:
    """Read a line; nothing where it is none, or of no known kind.

    >>> parse(spell(Advanced(settled=2), 5.0).encode()).event
    Advanced(settled=2, reused=0, cut_off=0, inherited=0, ran=0, left=0, total=0, remade=0)
    >>> parse(b'{"event":"advan') is None
    True
    """
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict):
        return None
    kind, at = str(fields.get("event")), _read(float, fields.get("at"))
    if kind not in _KINDS or not isinstance(at, float) or not 0 <= at < _END_OF_TIME:
        return None
    event = _event(kind, fields)
    return None if event is None else Noted(at, event, fields)


def _event(kind: str, fields: Mapping[str, object]) -> JournalEvent | None:
    given: dict[str, object] = {}
    for name, wanted, needed in _shape(kind):
        if wanted is Advanced:
            given[name] = _event(_FORMS[Advanced][0], fields)
        elif name in fields:
            given[name] = _read(wanted, fields[name])
        elif needed:
            return None
    if None in given.values():
        return None
    made: JournalEvent = _KINDS[kind](**given)  # type: ignore[arg-type]  # each was read by the type of its field
    return made


@cache
def _shape(kind: str) -> tuple[tuple[str, object, bool], ...]:
    """The name of each field, its type, and whether it has no default."""
    types, fields = get_type_hints(_KINDS[kind]), attrs.fields(_KINDS[kind])
    return tuple((each.name, types[each.name], each.default is attrs.NOTHING) for each in fields)


def _read(wanted: object, value: object) -> object:
    """Read a field strictly; None where it does not fit. All numbers in events are amounts."""
    if wanted is float:
        return _amount(value)
    if wanted is int:
        return value if type(value) is int and 0 <= value < _MANY else None
    if wanted is bool:
        return value if isinstance(value, bool) else None
    if not isinstance(value, str):
        return None
    if wanted is DRef:
        return DRef.parse(value).value_or(None)
    if wanted is Digest:
        return Digest.parse(value).value_or(None)
    return value if wanted is str else None


def _amount(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= sys.float_info.max else None
