"""Assertions say what they found, and pass where they should."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lightfx import Build, Left, Right, TimedOut, World, memory_world, realize, realize_all, stage, unwrap
from lightfx.testing import (
    RunForbiddenError,
    assert_all_right,
    assert_left,
    assert_ran,
    assert_reused,
    assert_right,
    idle,
)


@stage(version="1")
def half(build: Build, number: int) -> int:
    if number % 2:
        raise ValueError(f"{number} is odd")
    build.log("halving")
    return number // 2


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with memory_world(tmp_path) as made:
        yield made


def test_what_ran_and_what_did_not(world: World) -> None:
    with pytest.raises(AssertionError, match=r"all was to be reused, and 2 ran: \w+-half, \w+-half"):
        assert_reused(world, [half(2), half(4)])
    assert_reused(world, {"a": half(2), "b": half(4)})
    assert_ran(world, half(6), "half")
    assert_ran(world, half(6))
    with pytest.raises(AssertionError, match=r"these were to run: \['half'\]; and these ran: \[\]"):
        assert_ran(world, half(6), "half")


def test_a_left_of_a_kind(world: World) -> None:
    found = assert_left(unwrap(realize(world, half(1))), "raised", reason="1 is odd")
    assert found.kind == "raised"
    with pytest.raises(
        AssertionError, match="a LEFT of kind 'died' is wanted, and one of kind 'raised' is LEFT: .*odd"
    ):
        assert_left(found, "died")
    with pytest.raises(AssertionError, match="a reason with 'even' in it is wanted"):
        assert_left(found, reason="even")
    with pytest.raises(AssertionError, match="a LEFT is wanted, and it is RIGHT: 1"):
        assert_left(unwrap(realize(world, half(2))))


def test_a_right_or_all_of_the_left(world: World) -> None:
    assert assert_right(unwrap(realize(world, half(2)))) == 1
    with pytest.raises(AssertionError, match="(?s)it is LEFT: raised ValueError: 3 is odd.*Traceback"):
        assert_right(unwrap(realize(world, half(3))))
    outcomes = unwrap(realize_all(world, {"two": half(2), "three": half(3)}))
    with pytest.raises(AssertionError, match="(?s)1 of 2 are LEFT:.*'three': raised ValueError"):
        assert_all_right(outcomes)
    assert assert_all_right({"x": Right(1)}) == {"x": 1}
    with pytest.raises(AssertionError, match="'y'"):
        assert_all_right({"y": Left(TimedOut(1.0))})


def test_an_idle_world_reuses_and_runs_nothing(world: World) -> None:
    unwrap(realize(world, half(2)))
    assert_reused(idle(world), half(2))
    with pytest.raises(RunForbiddenError) as caught:
        unwrap(realize(idle(world), half(4)))
    assert [name[33:] for name in caught.value.names] == ["half"]
