"""Parts of annotated values: named tuples, whose items have names as well as places."""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

import pytest

from lightfx.codec.parts import annotation_of_part, part_of
from lightfx.core.parts import Step, Way

T = TypeVar("T")


class Pair(NamedTuple):
    number: int
    text: str


class Box(NamedTuple, Generic[T]):
    number: int
    items: list[T]


@pytest.mark.parametrize(("at", "kind"), [(0, int), (1, str), (-1, str), (-2, int)])
def test_a_named_tuple_has_parts_by_place(at: int, kind: type) -> None:
    """Type checkers take the index, and the name was the only part."""
    assert annotation_of_part(Pair, [Step(Way.ITEM, at)]).unwrap() is kind
    assert part_of(Pair(1, "a"), [Step(Way.ITEM, at)]) == Pair(1, "a")[at]


def test_a_place_means_what_the_name_means() -> None:
    by_place = annotation_of_part(Box[str], [Step(Way.ITEM, 1), Step(Way.ITEM, 0)])
    by_name = annotation_of_part(Box[str], [Step(Way.ATTRIBUTE, "items"), Step(Way.ITEM, 0)])
    assert by_place.unwrap() is by_name.unwrap() is str


@pytest.mark.parametrize("at", [2, -3, "number"])
def test_a_named_tuple_has_no_other_items(at: int | str) -> None:
    assert "which has no part" in annotation_of_part(Pair, [Step(Way.ITEM, at)]).failure().reason
