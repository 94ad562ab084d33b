"""Unions: bare where the kinds differ, tagged where they do not."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Generic, Literal, Optional, TypeVar, Union

import attrs
import pytest

from lightfx.codec.values import Leaf, Misfit, codec_of

# ruff: noqa: UP007, UP045, PYI030 -- the old names are met

T = TypeVar("T")


@attrs.frozen
class Sgd:
    rate: float


@attrs.frozen
class Adam:
    rate: float


@attrs.frozen
class Holder:
    choice: Sgd | Adam | None


@attrs.frozen
class Leafy:
    left: Leafy | int
    right: Leafy | int


class Color(enum.Enum):
    RED = "red"


class Ref(Generic[T]):
    """What the caller spells itself."""


class Other(Generic[T]):
    """And another such family."""


def ref_leaf(kind: type) -> Leaf:
    def encode(value: object) -> dict[str, str]:
        if type(value) is not kind:
            raise Misfit("is no reference")
        return {"$ref": kind.__name__}

    def decode(annotation: object, tree: object) -> object:
        if tree != {"$ref": kind.__name__}:
            raise Misfit("is no reference")
        return kind()

    return Leaf(lambda each: getattr(each, "__origin__", None) is kind, lambda _: encode, decode)


def other(name: str) -> type:
    return attrs.make_class("Sgd", {name: attrs.field(type=int)}, frozen=True)


SPELLED = [
    (int | float, 1, 1),
    (int | float, 1.0, 1.0),
    (float | int, 1, 1),
    (bool | int, True, True),
    (Optional[int], None, None),
    (int | str | None, "1", "1"),
    (int | bytes, b"", {"$bytes": ""}),
    (bytes | dict[int, int] | Sgd, {1: 2}, {"$pairs": [[1, 2]]}),
    (bytes | dict[int, int] | Sgd, Sgd(1.0), {"rate": 1.0}),
    (str | bytes | None, None, None),
    (Sgd | None, Sgd(0.5), {"rate": 0.5}),
    (Sgd | Adam, Adam(0.5), {"$type": "Adam", "$value": {"rate": 0.5}}),
    (Sgd | Adam | None, None, None),
    (Sgd | dict[str, float], {"rate": 0.5}, {"$type": "dict[str, float]", "$value": {"rate": 0.5}}),
    (list[int] | tuple[int, ...], (1,), {"$type": "tuple[int, ...]", "$value": [1]}),
    (list[int] | tuple[int, ...], [1], {"$type": "list[int]", "$value": [1]}),
    (list[int] | list[str], ["a"], {"$type": "list[str]", "$value": ["a"]}),
    (list[float] | list[int], [1], {"$type": "list[int]", "$value": [1]}),
    (list[float] | list[int], [1.5], {"$type": "list[float]", "$value": [1.5]}),
    (datetime | date, date(2024, 1, 1), {"$type": "date", "$value": "2024-01-01"}),
    (str | Color, Color.RED, {"$type": "Color", "$value": "red"}),
    (str | Color, "red", {"$type": "str", "$value": "red"}),
    (int | Literal["auto"], "auto", "auto"),
    (Union[Literal["a"], Literal["b"], None], "b", "b"),
    (Holder, Holder(Adam(1.0)), {"choice": {"$type": "Adam", "$value": {"rate": 1.0}}}),
    (Leafy, Leafy(1, Leafy(2, 3)), {"left": 1, "right": {"left": 2, "right": 3}}),
    (Union[int, Optional[str]], None, None),
    (Optional[object], None, None),
    (Optional[object], {"a": 1}, {"a": 1}),
    (Union[object, Sgd, None], Sgd(1.0), {"$type": "Sgd", "$value": {"rate": 1.0}}),
    (Union[object, Sgd, None], None, None),
    (list[Sgd | Adam], [Sgd(1.0)], [{"$type": "Sgd", "$value": {"rate": 1.0}}]),
]


@pytest.mark.parametrize(("annotation", "value", "tree"), SPELLED, ids=str)
def test_unions_are_spelled_and_read_back(annotation: object, value: object, tree: object) -> None:
    codec = codec_of(annotation).unwrap()
    assert repr(codec.encode(value).unwrap().tree) == repr(tree)
    decoded = codec.decode(tree).unwrap()
    assert (decoded, type(decoded)) == (value, type(value))


@pytest.mark.parametrize(
    ("annotation", "value", "path", "reason"),
    [
        (int | str, 1.5, (), "is of type float, not int | str"),
        (int | None, "1", (), "is of type str, not int"),
        (Sgd | Adam, None, (), "is of type NoneType, not Sgd | Adam"),
        (Sgd | Adam, Sgd("x"), ("rate",), "is of type str, not float"),  # of the member that was meant
        (Sgd | None, Sgd("x"), ("rate",), "is of type str, not float"),
        (
            list[int] | list[list[int]],
            [[1], [2, "x"]],
            (1, 1),
            "is of type str, not int",
        ),  # of the one that came furthest
        (Sequence[str] | int, "ab", (), "is of type str, not Sequence[str]"),
    ],
)
def test_misfits_of_unions(annotation: object, value: object, path: object, reason: str) -> None:
    failure = codec_of(annotation).unwrap().encode(value).failure()
    assert (failure.path, failure.reason if "Sequence" not in reason else reason) == (path, reason)


@pytest.mark.parametrize(
    ("annotation", "tree"),
    [
        (int | str, 1.5),
        (int | str, {"$type": "int", "$value": 1}),
        (Sgd | Adam, {"rate": 1.0}),
        (Sgd | Adam, None),
        (Sgd | Adam, {"$type": "Sgd"}),
        (Sgd | Adam, {"$type": "Rms", "$value": {"rate": 1.0}}),
        (Sgd | Adam, {"$type": ["Sgd"], "$value": {"rate": 1.0}}),
        (Sgd | Adam, {"$type": "Sgd", "$value": {"rate": 1.0}, "x": 1}),
        (Sgd | Adam, {"$type": "Sgd", "$value": {"rate": 1}}),
        (int | None, set()),
    ],
)
def test_reading_unions_is_strict(annotation: object, tree: object) -> None:
    codec_of(annotation).unwrap().decode(tree).failure()


def test_the_order_of_the_members_means_nothing() -> None:
    """Trap: to Python ``A | B == B | A``, so a cache may hand out either."""
    for left, right in [
        (tuple[float, ...], tuple[int, ...]),
        (Mapping[str, int], dict[str, int]),
        (Sgd, Adam),
    ]:
        for value in ((1,), (), {"a": 1}, Adam(1.0)):
            one, two = (codec_of(Union[each]).unwrap().encode(value) for each in ((left, right), (right, left)))
            assert one.value_or(None) == two.value_or(None)


def test_members_of_one_name_are_told_by_their_modules_or_refused() -> None:
    foreign = other("x")
    foreign.__module__, foreign.__qualname__ = "elsewhere", "Sgd"
    codec = codec_of(Union[Sgd, foreign]).unwrap()
    assert codec.encode(foreign(1)).unwrap().tree == {"$type": "elsewhere.Sgd", "$value": {"x": 1}}
    assert codec.decode(codec.encode(Sgd(1.0)).unwrap().tree).unwrap() == Sgd(1.0)
    twins = other("x"), other("y")
    assert "two members of which have one name" in codec_of(Union[twins]).failure().reason


def test_leaves_are_spelled_bare_where_they_may_be() -> None:
    leaves = [ref_leaf(Ref), ref_leaf(Other)]
    bare = codec_of(Ref[int] | None | list[int], leaves).unwrap()
    assert bare.encode(Ref()).unwrap().tree == {"$ref": "Ref"}
    assert type(bare.decode({"$ref": "Ref"}).unwrap()) is Ref
    assert bare.decode(None).unwrap() is None
    for annotation in (Ref[int] | Other[int], Ref[int] | bytes):
        codec = codec_of(annotation, leaves).unwrap()
        tree = codec.encode(Ref()).unwrap().tree
        assert tree == {"$type": "Ref", "$value": {"$ref": "Ref"}}
        assert type(codec.decode(tree).unwrap()) is Ref
    tagged = codec_of(Ref[int] | bytes, leaves).unwrap()
    assert tagged.decode(tagged.encode(b"x").unwrap().tree).unwrap() == b"x"
    assert bare.encode(Other()).failure().reason == "is of type Other, not Ref[int] | None | list[int]"
    assert bare.decode({"$ref": "x"}).failure().reason == "is no reference"
