"""Tables of what is stored: of plans, of stages, and what they leave as it was."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from returns.result import Failure, Result, Success

from lightfx import (
    Build,
    Derivation,
    EngineError,
    Left,
    Right,
    Stage,
    World,
    evaluate_all,
    memory_world,
    open_world,
    realize_all,
    stage,
    table,
    unwrap,
)
from lightfx.matchers import every, only, some
from lightfx.report import Table


@attrs.frozen
class Score:
    accuracy: float
    size: int


@attrs.frozen
class Net:
    depth: int
    kind: str = "wide"


@stage(version="1")
def rows(build: Build, count: int) -> int:
    return count


@stage(version="1")
def train(build: Build, data: Derivation[int], net: Net, rate: float) -> Result[Score, str]:
    if rate > 1:
        return Failure("too fast")
    return Success(Score(rate * net.depth, build.need(data)))


@stage(version="1")
def draw(build: Build) -> int:
    return build.index


@pytest.fixture(params=["memory", "directory"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    opened = memory_world(tmp_path) if request.param == "memory" else open_world(tmp_path / "store")
    with opened as made:
        yield made


def grid() -> dict[tuple[int, float], Derivation[Score]]:
    return {(depth, rate): train(rows(3), Net(depth), rate) for depth in (1, 2) for rate in (0.5, 2.0)}


def test_a_plan_has_a_row_for_each_target(world: World) -> None:
    unwrap(realize_all(world, grid()))
    found = world.table(grid())
    assert [row.label for row in found] == ["(1, 0.5)", "(1, 2.0)", "(2, 0.5)", "(2, 2.0)"]
    first, second, *_ = found
    assert first.config == {
        "args.data": rows(3).dref.text,
        "args.net.depth": 1,
        "args.net.kind": "wide",
        "args.rate": 0.5,
    }
    assert first.value == {"value.accuracy": 0.5, "value.size": 3}
    assert isinstance(first.outcome, Right)
    assert first.outcome.value == Score(0.5, 3)
    assert first.rref in first.outcome.rrefs
    assert (first.kind, first.message) == ("right", "")
    assert first.created is not None
    assert (second.kind, second.value) == ("returned", {})
    assert "too fast" in second.message
    assert isinstance(second.outcome, Left)


def test_what_is_not_realized_is_a_row_without_one_and_nothing_runs(world: World) -> None:
    evaluate_all(world, [rows(1)])
    before = [row.stored.rref for row in unwrap(world.store.newest(None, 99))]
    found = list(world.table([rows(1), rows(2), train(rows(2), Net(1), 0.5)]))
    assert [row.kind for row in found] == ["right", "", ""]
    assert [row.rref is None for row in found] == [False, True, True]
    assert found[1].config == {"args.count": 2}
    assert found[1].outcome is None
    assert [row.stored.rref for row in unwrap(world.store.newest(None, 99))] == before


def test_a_plan_that_collects_has_a_row_for_each_realization(world: World) -> None:
    collected = draw().collect(some(3))
    evaluate_all(world, [collected])
    found = world.table(collected)
    assert [row.value for row in found] == [{"value": 0}, {"value": 1}, {"value": 2}]
    assert {row.label for row in found} == {"draw"}
    assert all(isinstance(row.outcome, Right) and row.outcome.value == (0, 1, 2) for row in found)


def test_what_another_plan_made_is_told(world: World) -> None:
    """Early cutoff: the same inputs by content, under another name."""
    same = train(rows(3), Net(1), 0.5)

    @stage(version="2")
    def other_rows(build: Build, count: int) -> int:
        return 3

    evaluate_all(world, [same, other_rows(0)])
    (row,) = world.table(train(other_rows(0), Net(1), 0.5))
    assert row.value == {"value.accuracy": 0.5, "value.size": 3}


def test_a_stage_has_a_row_for_all_that_it_made(world: World) -> None:
    unwrap(realize_all(world, grid()))
    found: Table[Score] = world.table(train)
    assert len(found) == 4
    assert [row.created for row in found] == sorted((row.created for row in found), reverse=True)
    assert {row.kind for row in found} == {"right", "returned"}
    values = [row.outcome.value for row in found if isinstance(row.outcome, Right)]
    assert sorted(value.accuracy for value in values) == [0.5, 1.0]
    assert list(world.table(draw)) == []


def test_a_value_that_fits_the_annotation_no_more_is_shown_undecoded(world: World) -> None:
    def written(*, as_text: bool) -> Stage[[], object]:
        if as_text:

            @stage(version="1")
            def drawn(build: Build) -> str:
                return ""

            return drawn

        @stage(version="1")  # type: ignore[no-redef]  # the same stage, as it was before
        def drawn(build: Build) -> int:
            return 0

        return drawn

    evaluate_all(world, [written(as_text=False)()])
    (row,) = world.table(written(as_text=True))
    assert row.value == {"value": 0}
    assert row.outcome is None


def test_namesakes_of_another_module_are_no_rows(world: World) -> None:
    """The trap: a table by name alone listed the rows of another stage, RIGHT, and without an outcome."""

    @stage(name="draw")
    def other(build: Build, text: str) -> str:
        return text

    @stage(name="draw", version="1")
    def third(build: Build) -> str:
        return "c"

    unwrap(realize_all(world, [draw(), other("a"), other("b"), third()]))
    assert [row.value for row in world.table(draw)] == [{"value": 0}]
    assert sorted(str(row.value["value"]) for row in world.table(other)) == ["a", "b"]
    assert [row.value["value"] for row in world.table(third)] == ["c"]


def test_rows_of_older_code_of_the_same_stage_stay(world: World) -> None:
    def written(kind: str) -> Stage[[], int]:
        if kind == "old":

            @stage
            def counted(build: Build) -> int:
                return 1

            return counted
        if kind == "versioned":

            @stage(version="7")  # type: ignore[no-redef]  # the same stage, as it was in between
            def counted(build: Build) -> int:
                return 2

            return counted

        @stage  # type: ignore[no-redef]  # and as it is
        def counted(build: Build) -> int:
            return 3

        return counted

    for kind in ("old", "versioned", "new"):
        evaluate_all(world, [written(kind)()])
    assert {row.value["value"] for row in world.table(written("new"))} == {1, 2, 3}


def test_an_upstream_left_was_made_when_it_was_stored(world: World) -> None:
    """The trap: it is told anew by each look, and what is told anew was made at no time."""

    @stage(version="1")
    def after(build: Build, score: Derivation[Score]) -> float:
        return build.need(score).accuracy

    failing = after(train(rows(3), Net(1), 2.0))
    unwrap(realize_all(world, [failing]))
    (row,), (same,) = world.table(failing), world.table(after)
    assert (row.kind, row.rref, row.created) == ("upstream", same.rref, same.created)
    assert row.created


def test_trouble_is_trouble(world: World) -> None:
    evaluate_all(world, [draw().collect(some(2))])
    assert isinstance(world.perform.result(table(world, draw().choose(only()))), Failure)
    with pytest.raises(EngineError, match="only"):
        world.table(draw().choose(only()))
    assert len(world.table(draw().collect(every()))) == 2


def test_what_is_no_plan_is_refused(world: World) -> None:
    for wrong in (3, lambda: draw(), [draw]):
        with pytest.raises(TypeError, match="derivation"):
            world.table(wrong)  # type: ignore[arg-type]


def test_a_table_of_a_store_that_is_read_writes_nothing(tmp_path: Path) -> None:
    with open_world(tmp_path / "store") as made:
        evaluate_all(made, [rows(1)])
    before = sorted(os.listdir(tmp_path / "store" / "records"))
    with open_world(tmp_path / "store", create=False) as made:
        assert len(made.table([rows(1), rows(2)])) == 2
    assert sorted(os.listdir(tmp_path / "store" / "records")) == before
