"""Values without parts: exact types, one spelling a value."""

from __future__ import annotations

import decimal
import enum
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from lightfx.codec.values import codec_of
from lightfx.core.canonical import MAX_INTEGER

EAST = timezone(timedelta(hours=5, minutes=30, seconds=10, microseconds=1))


class LoudText(str):  # noqa: SLOT000
    """A subclass of str."""


class LoudInt(int):
    """A subclass of int."""

    def __eq__(self, other: object) -> bool:
        raise ZeroDivisionError

    __hash__ = int.__hash__


class Size(enum.IntEnum):
    SMALL = 1


class Nameless(tzinfo):
    def utcoffset(self, _: datetime | None) -> timedelta:
        return timedelta(hours=1)


class BadZone(tzinfo):
    def utcoffset(self, when: object) -> timedelta:
        raise ZeroDivisionError


class Evil:
    def __repr__(self) -> str:
        raise ZeroDivisionError

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        raise ZeroDivisionError

    def __hash__(self) -> int:
        raise ZeroDivisionError

    @property
    def __class__(self) -> type:
        raise ZeroDivisionError


SPELLED = [
    (None, None, None),
    (type(None), None, None),
    (bool, True, True),
    (int, MAX_INTEGER, MAX_INTEGER),
    (int, -MAX_INTEGER, -MAX_INTEGER),
    (float, -0.0, -0.0),
    (float, 5e-324, 5e-324),
    (str, "é\0\U0001f600", "é\0\U0001f600"),
    (bytes, b"\xff\xfe", {"$bytes": "//4="}),
    (bytes, b"", {"$bytes": ""}),
    (date, date(2024, 2, 29), "2024-02-29"),
    (datetime, datetime(2024, 2, 29), "2024-02-29T00:00:00"),
    (datetime, datetime(2024, 2, 29, 1, 2, 3, 4, EAST), "2024-02-29T01:02:03.000004+05:30:10.000001"),
    (time, time(1, 2, 3, 4), "01:02:03.000004"),
    (timedelta, timedelta(days=-1, microseconds=1), "-86399999999us"),
    (timedelta, timedelta(), "0us"),
    (timedelta, timedelta.max, "86399999999999999999us"),
    (Decimal, Decimal("1.00"), "1.00"),
    (Decimal, Decimal("1E+30"), "1E+30"),
    (Decimal, Decimal("-0"), "-0"),
    (UUID, UUID(int=1), "00000000-0000-0000-0000-000000000001"),
]


@pytest.mark.parametrize(("annotation", "value", "tree"), SPELLED, ids=str)
def test_scalars_are_spelled_and_read_back(annotation: object, value: object, tree: object) -> None:
    codec = codec_of(annotation).unwrap()
    encoded = codec.encode(value).unwrap().tree
    assert (encoded, type(encoded)) == (tree, type(tree))
    again = codec.decode(tree).unwrap()
    assert (again, type(again)) == (value, type(value))
    assert repr(again) == repr(value)


MISFITS = [
    (bool, 1, "is of type int, not bool"),
    (bool, 0.0, "is of type float, not bool"),
    (int, True, "is of type bool, not int"),
    (int, 1.0, "is of type float, not int"),
    (int, "7", "is of type str, not int"),
    (int, 10**4300, "is an integer of more than 4,300 digits"),
    (int, LoudInt(7), "is of type LoudInt, not int"),
    (int, Size.SMALL, "is of type Size, not int"),
    (float, True, "is of type bool, not float"),
    (float, "1.0", "is of type str, not float"),
    (float, float("nan"), "is NaN, which equals nothing, itself included"),
    (float, float("inf"), "is infinite, which JSON cannot say"),
    (float, float("-inf"), "is infinite, which JSON cannot say"),
    (float, 2**53 + 1, "is an integer that no float can hold"),
    (float, 10**400, "is an integer that no float can hold"),
    (str, LoudText("x"), "is of type LoudText, not str"),
    (str, "\ud800", "holds a lone surrogate, which has no UTF-8 spelling"),
    (str, b"x", "is of type bytes, not str"),
    (str, None, "is of type NoneType, not str"),
    (bytes, bytearray(b"x"), "is of type bytearray, not bytes"),
    (bytes, "x", "is of type str, not bytes"),
    (date, datetime(2024, 1, 1), "is of type datetime, not date"),
    (datetime, date(2024, 1, 1), "is of type date, not datetime"),
    (datetime, datetime(2024, 1, 1, tzinfo=BadZone()), "cannot be spelled: ZeroDivisionError"),
    (Decimal, Decimal("NaN"), "is no finite number"),
    (Decimal, Decimal("sNaN"), "is no finite number"),
    (Decimal, Decimal("-Infinity"), "is no finite number"),
    (UUID, "00000000-0000-0000-0000-000000000001", "is of type str, not UUID"),
    (None, 0, "is of type int, not None"),
    (Path, "a", "is of type str, not Path"),
]


@pytest.mark.parametrize(("annotation", "value", "reason"), MISFITS, ids=[str(i) for i in range(len(MISFITS))])
def test_what_is_no_such_scalar_is_refused(annotation: object, value: object, reason: str) -> None:
    failure = codec_of(annotation).unwrap().encode(value).failure()
    assert (failure.path, failure.reason) == ((), reason)


UNREADABLE = [
    (int, 1.0),
    (int, "7"),
    (int, True),
    (float, 1),
    (float, float("nan")),
    (float, "1.0"),
    (str, 1),
    (str, "\udfff"),
    (bytes, "AA=="),
    (bytes, {"$bytes": "AA"}),
    (bytes, {"$bytes": "AB=="}),  # not what would have been written
    (bytes, {"$bytes": "é"}),
    (bytes, {"$bytes": 1}),
    (bytes, {"$bytes": "AA==", "x": 1}),
    (bytes, {}),
    (datetime, "2024-01-01"),
    (datetime, "2024-01-01 00:00:00"),
    (datetime, "2024-01-01T00:00:00Z"),
    (datetime, "never"),
    (date, "20240101"),
    (time, "1:2"),
    (timedelta, "1s"),
    (timedelta, "-0us"),
    (timedelta, "٣us"),
    (timedelta, f"{10**30}us"),
    (timedelta, f"{10**400}us"),
    (Decimal, "1_0"),
    (Decimal, " 1"),
    (Decimal, "1e5"),
    (Decimal, "NaN"),
    (Decimal, "x"),
    (UUID, "{00000000-0000-0000-0000-000000000001}"),
    (UUID, "x"),
    (None, False),
    (bool, 0),
]


@pytest.mark.parametrize(("annotation", "tree"), UNREADABLE)
def test_reading_is_strict(annotation: object, tree: object) -> None:
    assert codec_of(annotation).unwrap().decode(tree).failure().path == ()


def test_one_and_one_point_zero_are_one_float() -> None:
    codec = codec_of(float).unwrap()
    assert [repr(codec.encode(each).unwrap().tree) for each in (1, 1.0)] == ["1.0", "1.0"]


def test_the_spelling_of_a_decimal_is_not_ambient() -> None:
    """Trap: the decimal context decides whether the E is a capital."""
    codec = codec_of(Decimal).unwrap()
    with decimal.localcontext() as context:
        context.capitals, context.prec = 0, 2
        assert codec.encode(Decimal("1.2345E+30")).unwrap().tree == "1.2345E+30"
        assert codec.decode("1.2345E+30").unwrap() == Decimal("1.2345E+30")


def test_a_datetime_keeps_its_instant_in_the_fold() -> None:
    """Trap: in the repeated hour of autumn, the fold decides the offset."""
    codec = codec_of(datetime).unwrap()
    zone = ZoneInfo("Europe/Berlin")
    spelled = [codec.encode(datetime(2024, 10, 27, 2, 30, fold=fold, tzinfo=zone)).unwrap().tree for fold in (0, 1)]
    assert spelled == ["2024-10-27T02:30:00+02:00[Europe/Berlin]", "2024-10-27T02:30:00+01:00[Europe/Berlin]"]
    assert codec.decode(spelled[1]).unwrap().utcoffset() == timedelta(hours=1)
    assert codec.decode(spelled[1]).unwrap().fold == 1


def test_a_datetime_keeps_its_zone() -> None:
    """Trap: of a zone that was spelled as its offset, summer would never come."""
    codec = codec_of(datetime).unwrap()
    winter = datetime(2020, 1, 1, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    again = codec.decode(codec.encode(winter).unwrap().tree).unwrap()
    assert again == winter
    assert str(again + timedelta(days=180)) == str(winter + timedelta(days=180)) == "2020-06-29 12:00:00+02:00"


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (datetime, datetime(2024, 10, 27, 2, 30, fold=1)),
        (datetime, datetime(2024, 1, 1, tzinfo=Nameless())),
        (time, time(2, 30, fold=1)),
        (time, time(2, 30, tzinfo=ZoneInfo("Europe/Berlin"))),
    ],
    ids=str,
)
def test_a_moment_that_would_not_come_back_the_same_is_refused(annotation: type, value: object) -> None:
    assert codec_of(annotation).unwrap().encode(value).failure().path == ()


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-01T00:00:00+01:00[Nowhere/Land]",
        "2024-01-01T00:00:00+01:00[../../etc/passwd]",
        "2024-01-01T00:00:00+01:00[Europe]",
        "2024-01-01T00:00:00+05:00[Europe/Berlin]",
        "2024-01-01T00:00:00+01:00[Europe/Berlin",
        "2024-01-01T00:00:00[Europe/Berlin]",
    ],
)
def test_a_zone_that_is_none_is_no_datetime(text: str) -> None:
    assert codec_of(datetime).unwrap().decode(text).failure().path == ()


@pytest.mark.parametrize(
    "annotation",
    [None, bool, int, float, str, bytes, date, Decimal, UUID, Path, Size, object, list[int], set[int],
     dict[str, int], dict[int, int], Mapping[str, int], tuple[int, ...], tuple[int, str], int | str,
     int | None],
    ids=str,
)  # fmt: skip
def test_an_evil_value_is_a_failure_and_no_crash(annotation: object) -> None:
    assert codec_of(annotation).unwrap().encode(Evil()).failure().path == ()


@pytest.mark.parametrize("annotation", [LoudText, LoudInt, complex, bytearray, memoryview])
def test_heirs_of_builtins_are_no_builtins(annotation: object) -> None:
    """Trap: cattrs dispatches on the classes that a class inherits from."""
    assert "cannot be stored" in codec_of(annotation).failure().reason
