"""The face of the codec: codecs, fields, and the annotations that they take."""

from __future__ import annotations

import threading
import typing
from collections.abc import Callable, Iterator
from typing import Annotated, Final, ForwardRef, NewType, Optional, TypeVar

import pytest
from typing_extensions import TypeAliasType

from lightfx.codec.values import Encoded, codec_of, fields_of
from lightfx.core.canonical import Tree

# ruff: noqa: UP006, UP045, F821 -- the old names are met, and some that mean nothing

UserId = NewType("UserId", int)
Nested = NewType("Nested", list[UserId])
T = TypeVar("T")


@pytest.mark.parametrize(
    ("annotation", "value", "tree"),
    [
        (UserId, UserId(1), 1),
        (Nested, [1], [1]),
        (dict[UserId, int], {1: 2}, {"$pairs": [[1, 2]]}),
        (dict[NewType("Key", str), int], {"a": 2}, {"a": 2}),
        (Annotated[int, "positive", []], 1, 1),
        (Annotated[Optional[int], {}], None, None),
        (Final[int], 1, 1),
        (Tree, {"a": [1]}, {"a": [1]}),
        (dict[str, Tree], {"a": [1]}, {"a": [1]}),
        (typing.Mapping[str, Tree], {"a": [1]}, {"a": [1]}),
    ],
)
def test_names_and_metadata_are_seen_through(annotation: object, value: object, tree: object) -> None:
    codec = codec_of(annotation).unwrap()
    assert codec.encode(value).unwrap() == Encoded(tree, ())
    assert codec.decode(tree).unwrap() == value


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        (Callable[[int], str], "is annotated Callable[[int], str], which cannot be stored"),
        (type, "is annotated type"),
        (type[int], "is annotated type[int]"),
        (typing.IO[str], "is annotated IO[str]"),
        (threading.Lock, "lock, which cannot be stored"),
        (Iterator[int], "is annotated Iterator[int]"),
        ("Model", "'Model', a forward reference"),
        (ForwardRef("Model"), "'Model', a forward reference"),
        (typing.List["Model"], "'Model', a forward reference"),
        (T, "is annotated T, a type variable"),
        (list[T], "is annotated T, a type variable"),
        (typing.NoReturn, "is annotated NoReturn"),
        (3, "is annotated an object of type int"),
        (..., "is annotated ..., which"),
        (tuple[int, ..., str], "is annotated ..., which"),
    ],
    ids=str,
)
def test_annotations_that_cannot_be_stored_are_refused(annotation: object, reason: str) -> None:
    assert reason in codec_of(annotation).failure().reason
    failure = fields_of({"good": int, "bad": annotation}).failure()
    assert failure.path == ("bad",)


def test_aliases_by_statement_are_seen_through() -> None:
    """``type Json = int | list[Json]`` of Python 3.12, generic and recursive ones too."""
    json = TypeAliasType("Json", "object")
    pair = TypeAliasType("Pair", tuple[T, T], type_params=(T,))
    codec = codec_of(pair[int]).unwrap()
    assert codec.decode(codec.encode((1, 2)).unwrap().tree).unwrap() == (1, 2)
    assert codec_of(json).failure().reason.startswith("is annotated 'object', a forward reference")


def test_aliases_may_be_recursive() -> None:
    class Nest:
        """What ``type Nest = int | list[Nest]`` looks like at run time."""

        __type_params__ = ()

    nest = Nest()
    nest.__value__ = int | list[nest]
    codec = codec_of(nest).unwrap()
    tree = [1, [2, [3]]]
    assert codec.decode(codec.encode(tree).unwrap().tree).unwrap() == tree
    assert codec.encode([1, ["2"]]).failure().path == (1, 0)
    tree.append(tree)
    assert len(codec.encode(tree).failure().path) >= 64


def test_fields_are_strict_both_ways() -> None:
    fields = fields_of({"rate": float, "seed": int}).unwrap()
    assert fields.encode({"seed": 1, "rate": 1}).unwrap() == {"rate": 1.0, "seed": 1}
    assert fields.decode({"seed": 1, "rate": 1.0}).unwrap() == {"rate": 1.0, "seed": 1}
    for said in (fields.encode({"rate": 1.0}), fields.decode({"rate": 1.0})):
        assert said.failure().sentence == "seed is missing from the parameters"
    for said in (
        fields.encode({"rate": 1.0, "seed": 1, "x": 1}),
        fields.decode({"rate": 1.0, "seed": 1, "x": 1}),
    ):
        assert said.failure().sentence == "x is unknown to the parameters"
    assert fields.encode({"rate": 1.0, "seed": "1"}).failure().sentence == "seed is of type str, not int"
    assert fields.decode({"rate": 1, "seed": 1}).failure().sentence == "rate is of type int, not float"
    assert fields.decode([1]).failure().sentence == "the value is of type list, not the parameters"


def test_no_parameters_are_fields_too() -> None:
    assert fields_of({}).unwrap().encode({}).unwrap() == {}


def test_a_stack_that_is_nearly_full_is_a_failure() -> None:
    """Trap: the caller's own recursion leaves the codec no room."""
    annotation: object = int
    value: object = 1
    for _ in range(30):
        annotation, value = list[annotation], [value]
    codec = codec_of(annotation).unwrap()
    fields = fields_of({"x": annotation}).unwrap()
    said: list[object] = []

    def fall() -> None:
        try:
            fall()
        except RecursionError:
            try:
                said.extend((codec.encode(value), codec.decode(value)))
                said.extend((fields.encode({"x": value}), fields.decode({"x": value})))
                said.extend((codec_of(annotation), fields_of({"x": annotation})))
            except RecursionError:  # not even room for the call
                said.clear()
                raise

    fall()
    assert len(said) == 6
    assert any(each.failure().reason.startswith("is nested too deeply for") for each in said if not each.value_or(None))


def test_threads_may_share_a_codec() -> None:
    fields = fields_of({"x": list[dict[str, object]]}).unwrap()
    said: list[object] = []
    work = [threading.Thread(target=lambda: said.append(fields.encode({"x": [{"a": 1}] * 50}))) for _ in range(8)]
    for each in work:
        each.start()
    for each in work:
        each.join()
    assert len({str(each) for each in said}) == 1
