"""Datetimes and times of day as text, with their time zones.

Rules: ISO 8601, as Python's ``isoformat`` writes it; the name of a zone of the
IANA database follows in brackets, as RFC 9557 has it, since an offset alone
does not tell what time it will be there in summer. A zone without a name is
refused, and so is the second of two moments that a clock without a zone shows
alike (``fold=1``): neither has a spelling that would come back the same.
"""

from __future__ import annotations

from datetime import datetime, time, timezone, tzinfo
from typing import TypeGuard

from lightfx.codec.coding import Misfit


def spell_moment(value: datetime) -> str:
    """Spell a datetime.

    >>> from zoneinfo import ZoneInfo
    >>> spell_moment(datetime(2020, 1, 1, 12, tzinfo=ZoneInfo("Europe/Berlin")))
    '2020-01-01T12:00:00+01:00[Europe/Berlin]'
    """
    text, zone = value.isoformat(), value.tzinfo
    if zone is None and value.fold:
        raise Misfit("is the second of two moments that a clock shows alike (fold=1): give it a time zone")
    if zone is None or type(zone) is timezone:
        return text
    return f"{text}[{_name(zone)}]"


def parse_moment(text: str) -> datetime:
    """Read a datetime; raises ``ValueError`` on what spells none, and `Misfit` where its zone is not known here."""
    head, bracket, name = text.partition("[")
    moment = datetime.fromisoformat(head)
    if not bracket:
        return moment
    zone = _zone(name.removesuffix("]"))
    for fold in (0, 1):
        found = moment.replace(tzinfo=zone, fold=fold)
        if found.utcoffset() == moment.utcoffset():
            return found
    raise Misfit(f"has an offset that {zone} does not have then, by the time zones of this machine")


def spell_time(value: time) -> str:
    """Spell a time of day: no zone tells its offset without a date, but one that has a single offset."""
    if value.tzinfo is not None and type(value.tzinfo) is not timezone:
        raise Misfit("has a time zone, whose offset is not known without a date: use a datetime, or a timezone")
    if value.fold:
        raise Misfit("is the second of two times that a clock shows alike (fold=1): use a datetime with a time zone")
    return value.isoformat()


def _name(zone: tzinfo) -> str:
    kind = type(zone)
    name: object = getattr(zone, "key", None)
    if (kind.__module__, kind.__qualname__) != ("zoneinfo", "ZoneInfo") or not _is_text(name):
        raise Misfit(f"has a time zone of type {kind.__name__} without a name: use ZoneInfo(...), or a timezone")
    return name


def _is_text(name: object) -> TypeGuard[str]:
    return isinstance(name, str)


def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 -- few values have a zone, and to import it takes a while

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise Misfit(f"has the time zone {name}, which this machine does not know (package tzdata has it)") from None
