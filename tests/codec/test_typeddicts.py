"""Typed dicts."""

from __future__ import annotations

from typing import Generic, NotRequired, Required, TypedDict, TypeVar

import pytest

from lightfx.codec.values import codec_of

T = TypeVar("T")


class Options(TypedDict):
    rate: float
    seed: NotRequired[int]


class Loose(TypedDict, total=False):
    rate: Required[float]
    seed: int


class Holder(TypedDict, Generic[T]):
    item: T
    next: NotRequired[Holder[T]]


Odd = TypedDict("Odd", {"$path": int})


@pytest.mark.parametrize("annotation", [Options, Loose])
def test_typed_dicts_know_their_optional_keys(annotation: object) -> None:
    """Trap: of annotations in text, the class itself does not know which keys are required."""
    codec = codec_of(annotation).unwrap()
    for value in ({"rate": 1.0}, {"rate": 1.0, "seed": 3}):
        assert codec.decode(codec.encode(value).unwrap().tree).unwrap() == value


@pytest.mark.parametrize("name", ["Options", "Loose"])
def test_the_same_without_text(name: str) -> None:
    kind = TypedDict(name, {"rate": Required[float], "seed": NotRequired[int]})  # noqa: UP013 -- no text
    assert codec_of(kind).unwrap().encode({"rate": 1}).unwrap().tree == {"rate": 1.0}


def test_generic_and_recursive_typed_dicts() -> None:
    codec = codec_of(Holder[int]).unwrap()
    value = {"item": 1, "next": {"item": 2}}
    assert codec.decode(codec.encode(value).unwrap().tree).unwrap() == value
    assert codec.encode({"item": 1, "next": {"item": "2"}}).failure().path == ("next", "item")


@pytest.mark.parametrize(
    ("value", "path", "reason"),
    [
        ({"seed": 1}, ("rate",), "is missing from Options"),
        ({"rate": 1.0, "x": 1}, ("x",), "is unknown to Options"),
        ({"rate": 1.0, 1: 1}, (), "has a key of type int, not str"),
        ({"rate": 1.0, "seed": None}, ("seed",), "is of type NoneType, not int"),
        ([("rate", 1.0)], (), "is of type list, not Options"),
    ],
)
def test_misfits_both_ways(value: object, path: object, reason: str) -> None:
    codec = codec_of(Options).unwrap()
    for failure in (codec.encode(value).failure(), codec.decode(value).failure()):
        assert (failure.path, failure.reason) == (path, reason)


def test_keys_of_ours_are_refused() -> None:
    assert codec_of(Odd).failure().path == ("$path",)
