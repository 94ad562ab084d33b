"""Closures: complete, in order, once each; and what is no plan."""

from __future__ import annotations

import sys
from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple

import attrs
import pytest
from attrs import evolve

from lightfx.core.closure import NotPlannableError, instantiate, labelled, leaves
from lightfx.core.config import Config, Reference
from lightfx.core.derivation import Absent, Dependency, Derivation, Observed, Recipe
from lightfx.core.matching import Some
from lightfx.core.refs import DRef


def plan(name: str, *needs: Dependency, observed: str | None = None) -> Derivation[object]:
    config = Config.of(name=name)
    at = Observed(Path(observed)) if observed else None
    return Derivation(Recipe(config, DRef.of(config.text, name), None, needs, at))  # type: ignore[arg-type]  # never run


def names(container: object) -> list[str]:
    return [dref.name.text for dref in instantiate(container).derivations]


BOTTOM = plan("bottom")
LEFT, RIGHT = plan("left", BOTTOM), plan("right", BOTTOM.tolerate())
TOP = plan("top", LEFT, RIGHT, BOTTOM.collect(Some(2)))


def test_needs_come_first_each_once() -> None:
    assert names(TOP) == ["bottom", "left", "right", "top"]
    assert names([TOP, LEFT, BOTTOM, TOP]) == ["bottom", "left", "right", "top"]
    assert names([RIGHT, LEFT]) == ["bottom", "right", "left"]


@attrs.frozen
class Record:
    one: Derivation[object]
    rest: tuple[Derivation[object], ...]


class Pair(NamedTuple):
    a: Derivation[object]
    b: Derivation[object]


@pytest.mark.parametrize(
    ("container", "labels"),
    [
        (TOP, [()]),
        (TOP.tolerate(), [()]),
        ([], []),
        ([LEFT, RIGHT], [(0,), (1,)]),
        ({"a": LEFT, ("b", 1): {"c": RIGHT}}, [("a",), (("b", 1), "c")]),
        (OrderedDict(a=LEFT), [("a",)]),
        ({LEFT}, [(0,)]),
        (frozenset(), []),
        (Pair(LEFT, RIGHT), [(0,), (1,)]),
        (Record(LEFT, (RIGHT, TOP)), [("one",), ("rest", 0), ("rest", 1)]),
    ],
)
def test_containers(container: object, labels: list[object]) -> None:
    assert [label for label, _ in labelled(container)] == labels
    closure = instantiate(container)
    assert closure.result is container
    assert len(closure.targets) == len(labels)
    assert list(leaves(container)) == list(closure.targets)


@pytest.mark.parametrize(
    ("container", "message"),
    [
        (3, "a derivation is wanted, not int: call a stage to get one"),
        ({"a": [LEFT, None]}, "a derivation is wanted at a.1, not NoneType"),
        ("text", "not str"),
        ([plan], "at 0, not function"),
        (attrs.make_class("Odd", ["x"])(3), "at x, not int"),
    ],
)
def test_what_is_no_plan(container: object, message: str) -> None:
    with pytest.raises(NotPlannableError, match=message):
        instantiate(container)


def test_a_plan_known_by_its_reference_alone_cannot_be_realized() -> None:
    absent: Derivation[object] = Derivation(Absent(Reference(BOTTOM.dref)))
    for container in (absent, plan("top", absent)):
        with pytest.raises(NotPlannableError, match="by its reference alone"):
            instantiate(container)


def test_trap_one_relative_path_under_two_working_folders() -> None:
    """As targets, as needs, and as both; in either order."""
    here, there = plan("source", observed="/a/x"), plan("source", observed="/b/x")
    assert here.dref == there.dref
    for container in (
        [here, there],
        [plan("one", here), plan("two", there)],
        [plan("one", here), there],
        [there, plan("one", here)],
        plan("both", plan("one", here), plan("two", there)),
        [plan("source"), plan("one", here)],
    ):
        with pytest.raises(NotPlannableError, match="give absolute paths"):
            instantiate(container)
    assert names([here, plan("one", here), plan("source", observed="/a/x")]) == ["source", "one"]


def test_a_chain_of_100_000_and_a_ladder_of_diamonds() -> None:
    """Trap: recursion, and work for every path in place of every edge."""
    chain, limit = BOTTOM, sys.getrecursionlimit()
    length = 100_000 if sys.gettrace() is None else 10_000  # under coverage, each line costs
    for number in range(length):
        chain = plan(f"n{number}", chain)
    left = right = BOTTOM
    for number in range(200):
        left, right = plan(f"l{number}", left, right), plan(f"r{number}", left, right)
    sys.setrecursionlimit(200)
    try:
        assert len(instantiate(chain).derivations) == length + 1
        assert len(instantiate([left, right]).derivations) == 401
    finally:
        sys.setrecursionlimit(limit)


def test_nothing_is_changed() -> None:
    container = {"a": TOP}
    assert instantiate(container).result == {"a": TOP}
    assert isinstance(TOP.origin, Recipe)
    assert evolve(TOP) == TOP
