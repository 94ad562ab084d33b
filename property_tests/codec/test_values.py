"""The laws of the codec, in worlds small enough to collide.

Each law is a function of a codec, and is judged itself: a codec that is wrong in one
respect must break it.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from returns.result import Failure, Result, Success

from lightfx.codec.values import Encoded, codec_of
from lightfx.core.canonical import Tree, Unstorable, read, spell_checked

# ruff: noqa: E501 -- tables

T = TypeVar("T")
World: TypeAlias = "tuple[Any, st.SearchStrategy[Any]]"
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Coder(Protocol):
    """What a codec does."""

    def encode(self, value: object) -> Result[Encoded, Unstorable]: ...
    def decode(self, tree: Tree) -> Result[object, Unstorable]: ...


class Color(enum.Enum):
    """Spelled as text that is in the world of text too."""

    A = "a"
    ONE = "1"


@attrs.frozen
class Box(Generic[T]):
    """A record of anything."""

    item: T


@attrs.frozen
class Case(Generic[T]):
    """Another one of the same shape."""

    item: T


LEAVES: list[World] = [
    (None, st.none()),
    (bool, st.booleans()),
    (int, st.integers(-2, 2)),
    (float, st.sampled_from([0.0, -0.0, 1.0, -2.0, 0.5])),
    (str, st.sampled_from(["", "a", "1", "1.0", "true", "null", "é", "\u2028", "2024-01-01"])),
    (bytes, st.sampled_from([b"", b"a", b"1"])),
    (Decimal, st.sampled_from([Decimal(1), Decimal("1.0"), Decimal("-0")])),
    (date, st.just(date(2024, 1, 1))),
    (Color, st.sampled_from(Color)),
]
KEYS: list[World] = [leaf for leaf in LEAVES if leaf[0] is not None]


def _grown(inner: st.SearchStrategy[World]) -> st.SearchStrategy[World]:
    some = {"max_size": 3}
    return st.one_of(
        inner.map(lambda world: (list[world[0]], st.lists(world[1], **some))),
        inner.map(lambda world: (tuple[world[0], ...], st.lists(world[1], **some).map(tuple))),
        st.tuples(inner, inner).map(lambda two: (tuple[two[0][0], two[1][0]], st.tuples(two[0][1], two[1][1]))),
        st.sampled_from(KEYS).map(lambda key: (frozenset[key[0]], st.frozensets(key[1], **some))),
        st.tuples(st.sampled_from(KEYS), inner).map(
            lambda two: (dict[two[0][0], two[1][0]], st.dictionaries(two[0][1], two[1][1], **some))
        ),
        inner.map(lambda world: (Box[world[0]], world[1].map(Box))),
        inner.map(lambda world: (world[0] | None, world[1] | st.none()) if world[0] else world),
        st.lists(inner.filter(lambda world: world[0] is not None), min_size=2, max_size=3).map(_union),
        inner.map(lambda world: (Box[world[0]] | Case[world[0]], world[1].map(Box) | world[1].map(Case))),
    )


def _union(worlds: list[World]) -> World:
    annotation, values = worlds[0]
    for other, others in worlds[1:]:
        annotation, values = annotation | other, values | others
    return annotation, values


WORLDS = st.recursive(st.sampled_from(LEAVES), _grown, max_leaves=4)


def shape(value: object) -> object:
    """Tell a value from every other, as ``==`` does not: ``1``, ``1.0`` and ``True`` are three."""
    kind = type(value).__name__
    if isinstance(value, list | tuple):
        return kind, [shape(each) for each in value]
    if isinstance(value, frozenset):
        return kind, sorted((shape(each) for each in value), key=repr)
    if isinstance(value, Mapping):
        return kind, sorted(((shape(key), shape(each)) for key, each in value.items()), key=repr)
    if isinstance(value, Box | Case):
        return kind, shape(value.item)
    return kind, repr(value)


def _coder(annotation: object) -> Coder | None:
    """Make a codec; none for a union whose members have one name, which is refused."""
    return codec_of(annotation).value_or(None)


def spelled(codec: Coder, value: object) -> str:
    """Spell a value that the codec must take."""
    return spell_checked(codec.encode(value).unwrap().tree)


def what_is_stored_comes_back(codec: Coder, value: object) -> bool:
    """Law: reading is the inverse of writing, through the text too."""
    text = spelled(codec, value)
    return shape(codec.decode(json.loads(text)).value_or(Ellipsis)) == shape(value)


def spelling_tells_values_apart(codec: Coder, left: object, right: object) -> bool:
    """Law: two values have one spelling if and only if they are one."""
    return (spelled(codec, left) == spelled(codec, right)) == (shape(left) == shape(right))


def spelling_is_canonical(codec: Coder, value: object) -> bool:
    """Law: the spelling is read as canonical."""
    text = spelled(codec, value)
    return read(text).map(spell_checked).value_or("") == text


def nothing_else_is_read(codec: Coder, tree: Tree) -> bool:
    """Law: what is read is what would have been written, to the letter."""
    return codec.decode(tree).map(lambda value: spelled(codec, value) == spell_checked(tree)).value_or(True)


@QUICK
@given(st.data(), WORLDS)
def test_what_is_stored_comes_back(data: st.DataObject, world: World) -> None:
    """The law, in every world."""
    if codec := _coder(world[0]):
        value = data.draw(world[1])
        assert what_is_stored_comes_back(codec, value)
        assert spelling_is_canonical(codec, value)


@QUICK
@given(st.data(), WORLDS)
def test_spelling_tells_values_apart(data: st.DataObject, world: World) -> None:
    """The law, in every world."""
    if codec := _coder(world[0]):
        assert spelling_tells_values_apart(codec, data.draw(world[1]), data.draw(world[1]))


TREES = st.recursive(
    st.sampled_from([None, True, 0, 1, 1.0, -0.0, "", "a", "1", "int", "2024-01-01", "1.0", "YQ=="]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["item", "a", "$bytes", "$pairs", "$value"]), inner, max_size=2)
        | st.fixed_dictionaries({"$type": st.sampled_from(["int", "str", "Box[int]", "date"]), "$value": inner})
        | st.lists(st.tuples(inner, inner).map(list), max_size=2).map(lambda pairs: {"$pairs": pairs})
    ),
    max_leaves=5,
)


@QUICK
@given(TREES, WORLDS)
def test_nothing_else_is_read(tree: Tree, world: World) -> None:
    """The law, for any tree in any world, most of which do not fit."""
    if codec := _coder(world[0]):
        assert nothing_else_is_read(codec, tree)


@QUICK
@given(st.data(), WORLDS)
def test_nothing_near_is_read(data: st.DataObject, world: World) -> None:
    """The law, for the trees of one world in another."""
    other = data.draw(WORLDS)
    ours, theirs = _coder(world[0]), _coder(other[0])
    if ours and theirs:
        assert nothing_else_is_read(ours, theirs.encode(data.draw(other[1])).unwrap().tree)


@QUICK
@given(st.lists(st.sampled_from(["list", "tuple", "dict", "box", "optional", "union"]), max_size=8))
def test_a_misfit_is_told_where_it_is(steps: list[str]) -> None:
    """Law: the path of a failure leads to the culprit, both ways."""
    annotation, value, path = int, "culprit", []
    for step in steps:
        annotation, value, taken = {
            "list": (list[annotation], [value], [0]),
            "tuple": (tuple[str, annotation], ("", value), [1]),
            "dict": (dict[str, annotation], {"key": value}, ["key"]),
            "box": (Box[annotation], Box(value), ["item"]),
            "optional": (annotation | None, value, []),
            "union": (annotation | bytes, value, []),
        }[step]
        path = [*taken, *path]
    failure = codec_of(annotation).unwrap().encode(value).failure()
    assert failure.path == tuple(path)
    assert failure.reason.startswith("is of type str, not ")


@attrs.frozen
class Wrong:
    """A codec that is wrong in one respect."""

    to_tree: Callable[[Any], Tree]
    of_tree: Callable[[Any], object]

    def encode(self, value: object) -> Result[Encoded, Unstorable]:
        """Spell, carelessly."""
        return Success(Encoded(self.to_tree(value)))

    def decode(self, tree: Tree) -> Result[object, Unstorable]:
        """Read, carelessly."""
        try:
            return Success(self.of_tree(tree))
        except (TypeError, ValueError, KeyError) as error:
            return Failure(Unstorable((), str(error)))


same: Callable[[Any], Any] = lambda value: value  # noqa: E731

WRONG = [
    ("tuples come back as lists", what_is_stored_comes_back, Wrong(list, same), [(1, 2)]),
    ("a text that reads as a number", what_is_stored_comes_back, Wrong(str, json.loads), ["1"]),
    ("bytes are as good as text", spelling_tells_values_apart, Wrong(lambda value: value if isinstance(value, str) else value.decode(), same), ["a", b"a"]),
    ("True is 1", spelling_tells_values_apart, Wrong(int, same), [1, True]),
    ("a Decimal is a float", spelling_tells_values_apart, Wrong(float, Decimal), [Decimal(1), Decimal("1.0")]),
    ("one class is as good as another", spelling_tells_values_apart, Wrong(lambda value: {"item": value.item}, same), [Box(1), Case(1)]),
    ("a lone surrogate is spelled", spelling_is_canonical, Wrong(lambda _: {"a": "\ud800"}, same), [1]),
    ("text is taken for a number", nothing_else_is_read, Wrong(same, int), ["7"]),
    ("numbers are cut", nothing_else_is_read, Wrong(same, int), [1.5]),
    ("unknown keys are dropped", nothing_else_is_read, Wrong(lambda value: {"item": value.item}, lambda tree: Box(tree["item"])), [{"item": 1, "a": 2}]),
    ("sets in any order", nothing_else_is_read, Wrong(sorted, frozenset), [[2, 1]]),
    ("sets with repetition", nothing_else_is_read, Wrong(sorted, frozenset), [[1, 1]]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "law", "codec", "given"), WRONG, ids=[each[0] for each in WRONG])
def test_a_wrong_codec_breaks_its_law(name: str, law: Callable[..., bool], codec: Coder, given: list[Any]) -> None:
    """The negative controls: each law catches what it is there to catch."""
    assert not law(codec, *given)
