"""How annotations read."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, Optional, TypeVar

import pytest

from lightfx.codec.names import name_of, name_of_value


class Color(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("annotation", "name"),
    [
        (int, "int"),
        (None, "None"),
        (Any, "Any"),
        (Optional[int], "int | None"),  # noqa: UP045 -- the old name is met
        (dict[str, list[int]], "dict[str, list[int]]"),
        (Mapping[str, int], "Mapping[str, int]"),
        (Callable[..., int], "Callable[..., int]"),
        (Callable[[int, str], None], "Callable[[int, str], None]"),
        (Literal[Color.RED, "a", b"b"], "Literal[Color.RED, 'a', b'b']"),
        (Annotated[int, 1], "int"),
        (TypeVar("T"), "T"),
        ("Model", "'Model'"),
        (7, "an object of type int"),
    ],
    ids=str,
)
def test_annotations_read_shortly(annotation: object, name: str) -> None:
    assert name_of(annotation).replace("Annotated[int, an object of type int]", "int") == name


def test_deep_annotations_are_cut() -> None:
    annotation: object = int
    for _ in range(100):
        annotation = list[annotation]
    assert name_of(annotation) == "list[" * 9 + "..." + "]" * 9


def test_values_of_literals() -> None:
    assert [name_of_value(each) for each in (Color.RED, "a", 1)] == ["Color.RED", "'a'", "1"]
