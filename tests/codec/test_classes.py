"""Attrs classes, dataclasses and named tuples."""

from __future__ import annotations

import collections
import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import InitVar, dataclass
from pathlib import Path
from typing import ClassVar, Generic, NamedTuple, ParamSpec, TypeVar

import attr
import attrs
import numpy as np
import pytest

from lightfx.codec.classes import is_record
from lightfx.codec.values import codec_of, fields_of
from lightfx.core.canonical import Tree

T = TypeVar("T")
U = TypeVar("U")


@attrs.frozen
class Settings:
    width: int = 8
    layers: tuple[int, ...] = (4, 2)
    kind: ClassVar[str] = "x"


@attrs.frozen
class Wider(Settings):
    depth: int = 1


@attrs.frozen
class Renamed:
    _secret: int
    shown: int = attrs.field(alias="Shown")


@dataclass(frozen=True)
class Point:
    x: float
    _: dataclasses.KW_ONLY
    y: float = 0.0


class Pair(NamedTuple):
    left: int
    right: str = ""


@attrs.frozen
class Node:
    value: int
    next: Node | None = None
    folder: Path | None = None


@attrs.frozen
class Tree2:
    children: Sequence[Tree2] = ()
    names: Mapping[str, Tree2] = attrs.Factory(dict)


@attrs.frozen
class Left:
    right: Right | None = None


@attrs.frozen
class Right:
    left: Left | None = None


@attrs.frozen
class Box(Generic[T]):
    item: T
    others: tuple[T, ...] = ()


@attrs.frozen
class Labelled(Box[list[T]], Generic[T, U]):
    label: U | None = None


@attrs.frozen
class IntBox(Box[int]):
    pass


class Undecorated(Box[int]):
    pass


@dataclass
class Chain(Generic[T]):
    item: T
    next: Chain[T] | None = None


class Named(NamedTuple, Generic[T]):
    item: T


@attrs.frozen
class Wild:
    tree: Tree
    more: dict[str, Tree] = attrs.Factory(dict)


@attrs.frozen
class Sorted:
    items: tuple[int, ...] = attrs.field(converter=lambda items: tuple(sorted(items)))


@attrs.frozen
class Growing:
    count: int = attrs.field(converter=lambda count: count + 1)


@dataclass
class Posted:
    count: int

    def __post_init__(self) -> None:
        self.count += 1


@attrs.frozen
class Small:
    size: int = attrs.field(validator=attrs.validators.lt(5))


@attrs.frozen
class Oops(Exception):
    step: int


@attrs.define
class Nothing:
    pass


RECORDS = [
    (Settings, Settings(3, ()), {"width": 3, "layers": []}),
    (Wider, Wider(), {"width": 8, "layers": [4, 2], "depth": 1}),
    (Renamed, Renamed(1, 2), {"secret": 1, "Shown": 2}),
    (Point, Point(1.0, y=2.0), {"x": 1.0, "y": 2.0}),
    (Pair, Pair(1), {"left": 1, "right": ""}),
    (Node, Node(1, Node(2)), {
        "value": 1, "next": {"value": 2, "next": None, "folder": None}, "folder": None}),
    (Tree2, Tree2((Tree2(),), {"a": Tree2()}), {
        "children": [{"children": [], "names": {}}], "names": {"a": {"children": [], "names": {}}}}),
    (Left, Left(Right(Left())), {"right": {"left": {"right": None}}}),
    (Box[int], Box(1, (2,)), {"item": 1, "others": [2]}),
    (Labelled[int, str], Labelled([1], ([2],), "a"), {"item": [1], "others": [[2]], "label": "a"}),
    (IntBox, IntBox(1), {"item": 1, "others": []}),
    (Undecorated, Undecorated(1), {"item": 1, "others": []}),
    (Chain[int], Chain(1, Chain(2)), {"item": 1, "next": {"item": 2, "next": None}}),
    (Chain[Chain[int]], Chain(Chain(1)), {"item": {"item": 1, "next": None}, "next": None}),
    (Named[int], Named(1), {"item": 1}),
    (Wild, Wild([1, {"a": None}], {"b": 2.5}), {"tree": [1, {"a": None}], "more": {"b": 2.5}}),
    (Sorted, Sorted((2, 1)), {"items": [1, 2]}),
    (Small, Small(4), {"size": 4}),
    (Nothing, Nothing(), {}),
]  # fmt: skip


@pytest.mark.parametrize(("annotation", "value", "tree"), RECORDS, ids=[str(each[0]) for each in RECORDS])
def test_records_are_spelled_and_read_back(annotation: object, value: object, tree: object) -> None:
    codec = codec_of(annotation).unwrap()
    assert codec.encode(value, Path("/out")).unwrap().tree == tree
    decoded = codec.decode(json.loads(json.dumps(tree, sort_keys=True)), Path("/out")).unwrap()
    assert (decoded, type(decoded)) == (value, type(value))


def test_an_exception_may_be_a_record() -> None:
    codec = codec_of(Oops).unwrap()
    assert codec.encode(Oops(3)).unwrap().tree == {"step": 3}
    assert codec.decode({"step": 3}).unwrap().step == 3


def test_misfits_in_records_are_told_with_their_path() -> None:
    fields = fields_of({"settings": Settings, "nodes": tuple[Node, ...]}).unwrap()
    bad = {"settings": Settings(layers=(1, "2")), "nodes": ()}
    assert fields.encode(bad).failure().sentence == "settings.layers[1] is of type str, not int"
    bad = {"settings": Settings(), "nodes": (Node(1, Node(2, Node("3"))),)}
    assert fields.encode(bad).failure().sentence == "nodes[0].next.next.value is of type str, not int"


@pytest.mark.parametrize(
    ("annotation", "value", "path", "reason"),
    [
        (Settings, Wider(), (), "is of type Wider, not Settings"),  # what it knows beyond would be lost
        (Box[int], IntBox(1), (), "is of type IntBox, not Box"),
        (Pair, (1, ""), (), "is of type tuple, not Pair"),
        (Settings, {"width": 1, "layers": ()}, (), "is of type dict, not Settings"),
        (Point, Point.__new__(Point), ("x",), "was never given a value"),
        (Renamed, Renamed("1", 2), ("secret",), "is of type str, not int"),
    ],
)
def test_what_is_no_such_record_is_refused(annotation: object, value: object, path: object, reason: str) -> None:
    failure = codec_of(annotation).unwrap().encode(value).failure()
    assert (failure.path, failure.reason) == (path, reason)


@pytest.mark.parametrize(
    ("annotation", "tree", "path", "reason"),
    [
        (
            Settings,
            {"width": 1},
            ("layers",),
            "is missing from Settings",
        ),  # with a default, missing all the same
        (Settings, {"width": 1, "layers": [], "x": 1}, ("x",), "is unknown to Settings"),
        (Settings, {"width": "1", "layers": []}, ("width",), "is of type str, not int"),
        (Settings, [1, []], (), "is of type list, not Settings"),
        (Settings, {1: 1}, (), "has a key of type int, not str"),
        (Renamed, {"_secret": 1, "Shown": 2}, ("_secret",), "is unknown to Renamed"),
        (
            Sorted,
            {"items": [2, 1]},
            (),
            "is altered by Sorted as it is made, and would not be stored the same",
        ),
        (Growing, {"count": 1}, (), "is altered by Growing as it is made, and would not be stored the same"),
        (Posted, {"count": 1}, (), "is altered by Posted as it is made, and would not be stored the same"),
        (Node, {"value": 1, "next": {"value": 1}}, ("folder",), "is missing from Node"),
    ],
)
def test_reading_records_is_strict(annotation: object, tree: object, path: object, reason: str) -> None:
    failure = codec_of(annotation).unwrap().decode(tree, Path("/out")).failure()
    assert (failure.path, failure.reason) == (path, reason)


def test_a_validator_refuses_as_a_value() -> None:
    assert codec_of(Small).unwrap().decode({"size": 5}).failure().reason.startswith("is refused by Small: ValueError")


def test_a_validator_may_be_hostile() -> None:
    class Unspeakable(Exception):
        def __str__(self) -> str:
            raise ZeroDivisionError

    def refuse(*_: object) -> None:
        raise Unspeakable

    hostile = attrs.make_class("Hostile", {"x": attrs.field(type=int, validator=refuse)})
    assert codec_of(hostile).unwrap().decode({"x": 1}).failure().reason == "is refused by Hostile: Unspeakable"


@attrs.frozen
class Computed:
    width: int
    area: int = attrs.field(init=False, default=0)


@dataclass
class Late:
    width: int
    area: int = dataclasses.field(init=False)


@dataclass
class Seeded:
    width: int
    seed: InitVar[int]


@attrs.define(init=False)
class OwnConstructor:
    width: int

    def __init__(self, size: int) -> None:
        self.width = size


class LostDecorator(Settings):
    extra: int = 0


@attr.s
class Untyped:
    x = attr.ib()


@attrs.frozen
class Builtin(dict):
    x: int


@attrs.frozen
class Unresolvable:
    x: NoSuchName  # noqa: F821


@attrs.frozen
class Broken:
    x: 1 / 0  # noqa: F722


@attrs.frozen
class HoldsFunction:
    inner: tuple[Box[Callable[[], int]], ...]


@attrs.frozen
class Widening(Generic[T]):
    next: Widening[list[T]] | None


class Plain:
    pass


OldTuple = collections.namedtuple("OldTuple", "a b")  # noqa: PYI024 -- what it lacks is what is tested


@pytest.mark.parametrize(
    ("annotation", "path", "reason"),
    [
        (Computed, ("area",), "init=False"),
        (Late, ("area",), "init=False"),
        (Seeded, (), "fields and constructor differ in 'seed'"),
        (OwnConstructor, (), "fields and constructor differ in 'size'"),
        (LostDecorator, ("extra",), "is no field"),
        (Untyped, ("x",), "without an annotation"),
        (OldTuple, ("a",), "without an annotation"),
        (Builtin, (), "a record that is a builtin too"),
        (Unresolvable, (), "NameError"),
        (Broken, (), "ZeroDivisionError"),
        (HoldsFunction, ("inner", "item"), "is annotated Callable[[], int], which cannot be stored"),
        (Box, ("item",), "is annotated T, a type variable that nothing here binds"),
        (Widening[int], None, "deeper than values may be"),
        (Plain, (), "is annotated Plain, which cannot be stored"),
        (np.ndarray, (), "is annotated ndarray, which cannot be stored"),
    ],
)
def test_records_that_cannot_be_stored_are_refused_before_there_is_a_value(
    annotation: object, path: object, reason: str
) -> None:
    failure = codec_of(annotation).failure()
    assert reason in failure.reason
    assert path is None or failure.path == path
    assert fields_of({"p": annotation}).failure().path[0] == "p"


def test_a_constructor_that_hides_is_refused() -> None:
    hidden = attrs.make_class("Hidden", {"x": attrs.field(type=int)})
    hidden.__signature__ = 7
    assert "cannot be inspected" in codec_of(hidden).failure().reason


def test_variables_of_another_kind_are_refused() -> None:
    parameters = ParamSpec("parameters")

    @attrs.frozen
    class Holder(Generic[parameters, T]):
        call: Callable[parameters, T]

    assert codec_of(Holder[[int], str]).failure().path == ("call",)
    assert "cannot be stored" in codec_of(Holder).failure().reason


def test_made_classes_have_types_too() -> None:
    made = attrs.make_class("Made", {"x": attrs.field(type=int)})
    assert codec_of(made).unwrap().decode({"x": 1}).unwrap() == made(1)


def test_a_class_inside_of_a_function_may_name_itself() -> None:
    @attrs.frozen
    class Local:
        next: Local | None = None

    assert codec_of(Local).unwrap().decode({"next": {"next": None}}).unwrap() == Local(Local())


def nodes(depth: int) -> Node:
    node = Node(0)
    for _ in range(depth - 1):
        node = Node(0, node)
    return node


def test_recursive_records_are_deep_to_the_level() -> None:
    codec = codec_of(Node).unwrap()
    tree = codec.encode(nodes(64)).unwrap().tree
    assert codec.decode(tree).unwrap() == nodes(64)
    failure = codec.encode(nodes(65)).failure()
    assert (failure.path, failure.reason) == (("next",) * 64, "is nested deeper than 64 levels")
    assert fields_of({"node": Node}).unwrap().encode({"node": nodes(64)}).failure().path == (
        "node",
        *["next"] * 63,
    )
    assert codec.decode({"value": 0, "next": tree, "folder": None}).failure().path == ("next",) * 64


def test_cycles_and_abysses_of_records_are_failures() -> None:
    left = Left()
    object.__setattr__(left, "right", Right(left))
    assert len(codec_of(Left).unwrap().encode(left).failure().path) >= 64
    codec_of(Node).unwrap().encode(nodes(20_000)).failure()
    tree: Tree = {"value": 0, "next": None, "folder": None}
    for _ in range(20_000):
        tree = {"value": 0, "next": tree, "folder": None}
    codec_of(Node).unwrap().decode(tree).failure()


def test_an_abyss_of_annotations_is_a_failure() -> None:
    annotation: object = int
    for _ in range(300):
        annotation = list[annotation]
    codec_of(annotation).failure()
    fields_of({"x": annotation}).failure()


def test_what_is_a_record() -> None:
    assert [is_record(each) for each in (Settings, Point, Pair, Settings(), dict, tuple)] == [True] * 3 + [False] * 3
