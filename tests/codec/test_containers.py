"""Tuples, lists, sets, dicts and values without a promised shape."""

from __future__ import annotations

import enum
import typing
from collections import OrderedDict, UserDict, abc, deque
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

import attrs
import pytest

from lightfx.codec.values import codec_of, fields_of


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Pair(typing.NamedTuple):
    left: int
    right: int


@attrs.frozen(eq=False)
class Token:
    """Equal to itself alone."""

    number: int


SPELLED = [
    (list[int], [2, 1], [2, 1], None),
    (list, [1, "a", None], [1, "a", None], None),
    (typing.List[float], [1, 2.5], [1.0, 2.5], [1.0, 2.5]),  # noqa: UP006 -- the old names are met
    (abc.MutableSequence[int], [1], [1], None),
    (tuple[int, ...], (), [], None),
    (tuple[()], (), [], None),
    (tuple, (1, "a"), [1, "a"], None),
    (typing.Tuple, (1, "a"), [1, "a"], None),  # noqa: UP006 -- the old names are met
    (tuple[int, str], (1, "a"), [1, "a"], None),
    (abc.Sequence[int], [1, 2], [1, 2], (1, 2)),
    (abc.Sequence[int], range(2), [0, 1], (0, 1)),
    (abc.Iterable[int], (1, 2), [1, 2], None),
    (set[int], {10, 9, -1}, [-1, 10, 9], None),  # sorted by spelling
    (frozenset[str], frozenset({"b", "a"}), ["a", "b"], None),
    (abc.Set[str], {"b", "a"}, ["a", "b"], frozenset({"a", "b"})),
    (abc.MutableSet[str], {"b"}, ["b"], None),
    (set[tuple[int, str]], {(1, "b"), (1, "a")}, [[1, "a"], [1, "b"]], None),
    (set, {1, "1"}, ["1", 1], None),
    (dict[str, int], {"b": 1, "a": 2}, {"b": 1, "a": 2}, None),
    (dict, {"a": [1]}, {"a": [1]}, None),
    (abc.Mapping[str, int], MappingProxyType({"a": 1}), {"a": 1}, {"a": 1}),
    (abc.MutableMapping[str, int], {"é": 1}, {"é": 1}, None),
    (dict[int, str], {10: "a", 9: "b"}, {"$pairs": [[10, "a"], [9, "b"]]}, None),
    (dict[int, str], {}, {"$pairs": []}, None),
    (dict[Color, int], {Color.RED: 1}, {"$pairs": [["red", 1]]}, None),
    (dict[bool, int], {True: 1, False: 0}, {"$pairs": [[False, 0], [True, 1]]}, None),
    (dict[int | str, int], {1: 1, "1": 2}, {"$pairs": [["1", 2], [1, 1]]}, None),
    (dict[tuple[int, int], int], {(1, 2): 3}, {"$pairs": [[[1, 2], 3]]}, None),
    (object, {"a": (1, [2.5, {"b": None}])}, {"a": [1, [2.5, {"b": None}]]}, {"a": [1, [2.5, {"b": None}]]}),
    (typing.Any, True, True, None),
]


@pytest.mark.parametrize(("annotation", "value", "tree", "again"), SPELLED, ids=range(len(SPELLED)))
def test_containers_are_spelled_and_read_back(annotation: object, value: object, tree: object, again: object) -> None:
    codec = codec_of(annotation).unwrap()
    assert repr(codec.encode(value).unwrap().tree) == repr(tree)
    expected = value if again is None else again
    decoded = codec.decode(tree).unwrap()
    assert (decoded, type(decoded)) == (expected, type(expected))


MISFITS = [
    (abc.Sequence[str], "ab", (), "is of type str, not Sequence[str]"),
    (abc.Iterable[str], "ab", (), "is of type str, not Iterable[str]"),
    (tuple[int, ...], [1], (), "is of type list, not tuple[int, ...]"),
    (tuple[int, ...], Pair(1, 2), (), "is of type Pair, not tuple[int, ...]"),
    (list[int], (1,), (), "is of type tuple, not list[int]"),
    (list[int], deque([1]), (), "is of type deque, not list[int]"),
    (tuple[int, str], (1,), (), "has length 1, not 2 as tuple[int, str]"),
    (tuple[int, str], (1, 2), (1,), "is of type int, not str"),
    (tuple[int, str], [1, "a"], (), "is of type list, not tuple[int, str]"),
    (list[list[int]], [[1], [2, "3"]], (1, 1), "is of type str, not int"),
    (set[int], {1, "a"}, None, "is of type str, not int"),
    (set[int], frozenset({1}), (), "is of type frozenset, not set[int]"),
    (dict[str, int], {"a": 1, "b": "c"}, ("b",), "is of type str, not int"),
    (dict[str, int], {1: 1}, (), "has a key of type int, not str"),
    (dict[str, int], {"$a": 1}, ("$a",), "is a key that begins with '$', which lightfx keeps for itself"),
    (
        dict[str, int],
        {"\ud800": 1},
        ("\ud800",),
        "is a key with a lone surrogate, which has no UTF-8 spelling",
    ),
    (dict[str, int], OrderedDict(a=1), (), "is of type OrderedDict, not dict[str, int]"),
    (dict[str, int], MappingProxyType({"a": 1}), (), "is of type mappingproxy, not dict[str, int]"),
    (dict[int, int], {1: 1, 2: "x"}, (2,), "is of type str, not int"),
    (dict[bool, int], {True: "x"}, ("true",), "is of type str, not int"),
    (dict[int, int], {"x": 1}, (0, 0), "is of type str, not int"),
    (dict[float, int], {2**53: 1, float(2**53 + 2): 2, 1.5: "x"}, ("1.5",), "is of type str, not int"),
    (object, {"a": [1, {2}]}, ("a", 1), "is of type set, which is no JSON value"),
    (object, {"a": {1: 2}}, ("a",), "has a key of type int, not str"),
    (object, [{"$path": 1}], (0, "$path"), "is a key that begins with '$', which lightfx keeps for itself"),
    (object, [float("nan")], (0,), "is NaN, which equals nothing, itself included"),
    (object, datetime(2024, 1, 1), (), "is of type datetime, not a JSON value"),
]


@pytest.mark.parametrize(("annotation", "value", "path", "reason"), MISFITS, ids=[str(i) for i in range(len(MISFITS))])
def test_misfits_in_containers_are_told_with_their_path(
    annotation: object, value: object, path: object, reason: str
) -> None:
    failure = codec_of(annotation).unwrap().encode(value).failure()
    assert failure.reason.replace("which is no", "not a") == reason.replace("which is no", "not a")
    assert path is None or failure.path == path


UNREADABLE = [
    (list[int], {"0": 1}, ()),
    (list[int], [1, "2"], (1,)),
    (tuple[int, str], [1], ()),
    (tuple[int, str], {}, ()),
    (tuple[int, str], [1, 2], (1,)),
    (set[int], [2, 1], ()),
    (set[int], [1, 1], ()),
    (set[list[int]], [[1]], ()),  # cannot be hashed
    (dict[str, int], [], ()),
    (dict[str, int], {"a": "1"}, ("a",)),
    (dict[str, int], {"$a": 1}, ("$a",)),
    (dict[int, int], {"1": 1}, ()),
    (dict[int, int], {"$pairs": {}}, ()),
    (dict[int, int], {"$pairs": [[1]]}, (0,)),
    (dict[int, int], {"$pairs": [[1, 1], [1, 2]]}, ()),
    (dict[int, int], {"$pairs": [[2, 1], [1, 2]]}, ()),
    (dict[int, int], {"$pairs": [["1", 1]]}, (0, 0)),
    (dict[int, int], {"$pairs": [[1, "1"]]}, (1,)),
    (dict[list[int], int], {"$pairs": [[[1], 1]]}, ()),
    (object, {"$bytes": ""}, ("$bytes",)),
    (object, (1, {2}), (1,)),
]


@pytest.mark.parametrize(("annotation", "tree", "path"), UNREADABLE)
def test_reading_containers_is_strict(annotation: object, tree: object, path: object) -> None:
    assert codec_of(annotation).unwrap().decode(tree).failure().path == path


def test_elements_that_are_equal_are_not_read_as_one() -> None:
    """Trap: one instant in two time zones is two spellings and one element."""
    codec = codec_of(set[datetime]).unwrap()
    trees = ["2024-01-01T00:00:00+00:00", "2024-01-01T01:00:00+01:00"]
    assert codec.decode(trees).failure().reason == "has two elements that are equal"


def test_elements_that_are_spelled_alike_are_refused() -> None:
    """Trap: equal to itself alone, a record may be in a set twice, and would be read once."""
    two = {Token(1), Token(1)}
    assert codec_of(set[Token]).unwrap().encode(two).failure().reason == "has two elements that are spelled alike"
    keys = dict.fromkeys(two, 0)
    assert codec_of(dict[Token, int]).unwrap().encode(keys).failure().reason == "has two keys that are spelled alike"


def test_a_view_of_a_hostile_mapping_is_a_failure() -> None:
    class Hostile(UserDict):
        def __iter__(self):
            raise ZeroDivisionError

    codec = codec_of(abc.Mapping[str, int]).unwrap()
    assert codec.encode(MappingProxyType(Hostile())).failure().reason.startswith("cannot be read: ")


def cyclic_list() -> list[object]:
    value: list[object] = []
    value.extend([value, value])
    return value


def deep_list(depth: int) -> list[object]:
    value: list[object] = []
    for _ in range(depth - 1):
        value = [value]
    return value


def test_depth_is_64_to_the_level() -> None:
    codec = codec_of(object).unwrap()
    codec.encode(deep_list(64)).unwrap()
    failure = codec.encode(deep_list(65)).failure()
    assert (len(failure.path), failure.reason) == (64, "is nested deeper than 64 levels")
    fields = fields_of({"x": object}).unwrap()
    fields.encode({"x": deep_list(63)}).unwrap()
    assert fields.encode({"x": deep_list(64)}).failure().path == ("x", *[0] * 63)
    assert codec_of(list[object]).unwrap().encode([deep_list(64)]).failure().path == (0,) * 64


@pytest.mark.parametrize("value", [cyclic_list(), deep_list(20_000)], ids=["cycle", "20,000"])
@pytest.mark.parametrize("annotation", [object, dict, list, set[object], dict[str, object]], ids=range(5))
def test_cycles_and_abysses_are_failures(annotation: object, value: object) -> None:
    codec_of(annotation).unwrap().encode(value).failure()
    codec_of(annotation).unwrap().decode(value).failure()
    fields_of({"x": annotation}).unwrap().encode({"x": value}).failure()


def test_a_path_is_told_apart_from_text() -> None:
    assert codec_of(object | Path).unwrap().encode("a").unwrap().tree == "a"


def test_long_lists_that_fail_late_are_walked_once() -> None:
    """Trap: to walk again at each level for the path costs two to the power of the depth."""
    annotation: object = int
    value: object = "x"
    for _ in range(40):
        annotation, value = list[annotation], [value]
    assert codec_of(annotation).unwrap().encode(value).failure().path == (0,) * 40
