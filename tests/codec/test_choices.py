"""Enums and literals."""

from __future__ import annotations

import enum
from typing import Literal

import pytest

from lightfx.codec.values import codec_of


class Text(enum.Enum):
    RED = "red"
    ROUGE = "red"  # noqa: PIE796 -- an alias: the same member
    BLUE = "blue"


class Loud(str, enum.Enum):  # noqa: UP042 -- the older way of it
    RED = "red"


class Odd(enum.Enum):
    NAN = float("nan")
    PAIR = (1, 2)


class Mixed(enum.Enum):
    NONE = None
    ONE = 1
    HALF = 0.5


class Contrary(enum.Enum):
    A = 1
    B = 2

    def __eq__(self, other: object) -> bool:
        raise ZeroDivisionError

    def __hash__(self) -> int:
        raise ZeroDivisionError


class Bits(enum.Flag):
    A = 1
    B = 2


class Empty(enum.Enum):
    pass


ONE_OF = Literal["a", 1, None]  # noqa: PYI061 -- None among the values


@pytest.mark.parametrize(
    ("annotation", "value", "tree"),
    [
        (Text, Text.ROUGE, "red"),
        (Loud, Loud.RED, "red"),
        (Odd, Odd.PAIR, "PAIR"),
        (Odd, Odd.NAN, "NAN"),
        (Mixed, Mixed.NONE, None),
        (Mixed, Mixed.HALF, 0.5),
        (Contrary, Contrary.B, 2),
        (ONE_OF, "a", "a"),
        (ONE_OF, None, None),
        (Literal[1, True], True, True),
        (Literal[1, True], 1, 1),
        (Literal[b"x", "x"], b"x", {"$bytes": "eA=="}),
        (Literal[Text.RED, "b"], Text.RED, "red"),
    ],
)
def test_choices_are_spelled_and_read_back(annotation: object, value: object, tree: object) -> None:
    codec = codec_of(annotation).unwrap()
    encoded = codec.encode(value).unwrap().tree
    assert (encoded, type(encoded)) == (tree, type(tree))
    again = codec.decode(tree).unwrap()
    assert type(again) is type(value)
    assert again is value or again == value


@pytest.mark.parametrize(
    ("annotation", "value", "reason"),
    [
        (Text, "red", "is of type str, not Text"),
        (Text, Loud.RED, "is of type Loud, not Text"),
        (Loud, "red", "is of type str, not Loud"),
        (Literal[1], True, "is not Literal[1]"),
        (Literal[1], 1.0, "is of type float, not Literal[1]"),
        (Literal["a"], "b", "is not Literal['a']"),
        (Literal["a"], "\ud800", "is not Literal['a']"),
        (Literal[Text.RED], "red", "is not Literal[Text.RED]"),
        (Literal[Text.RED], Text.BLUE, "is of type Text, not Literal[Text.RED]"),
    ],
)
def test_what_is_no_choice_is_refused(annotation: object, value: object, reason: str) -> None:
    assert codec_of(annotation).unwrap().encode(value).failure().reason == reason


@pytest.mark.parametrize("tree", ["RED", "green", 1, None, ["red"], {"$bytes": []}, float("nan"), {"red": "red"}])
def test_reading_an_enum_is_strict(tree: object) -> None:
    codec_of(Text).unwrap().decode(tree).failure()


@pytest.mark.parametrize("tree", [1.0, "1", {"$bytes": {"x": object()}}])
def test_reading_a_literal_is_strict(tree: object) -> None:
    codec_of(Literal[1, True, b"1"]).unwrap().decode(tree).failure()


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        (Bits, "a Flag"),
        (Empty, "without members"),
        (Literal[Text.RED, "red"], "two members that are spelled alike"),
        (Literal[1.5], "literals are of"),
    ],
)
def test_choices_that_cannot_be_told_apart_are_refused(annotation: object, reason: str) -> None:
    assert reason in codec_of(annotation).failure().reason
