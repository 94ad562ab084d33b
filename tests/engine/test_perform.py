"""Trouble of the engine: from whatever effect it comes, it ends the run, and what had finished is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
from returns.io import IOFailure, IOSuccess
from returns.result import Failure, Success

from lightfx import (
    BadOutput,
    Build,
    Derivation,
    Left,
    Raised,
    Right,
    Tolerant,
    World,
    memory_world,
    open_world,
    realize,
    realize_all,
    source_file,
    stage,
    unwrap,
)
from lightfx.core.failures import DiskFull, EngineFailure, PoolLost
from lightfx.core.names import Digest
from lightfx.core.outcome import Cancelled
from lightfx.core.realization import Context, Output
from lightfx.core.refs import DRef
from lightfx.effects.executor import Finished
from lightfx.engine import harvest
from lightfx.plan.moves import Run
from lightfx.wiring import Performing

RAN: list[int] = []
FULL = DiskFull("/store", "write")


@stage(version="1")
def number(build: Build, value: int) -> int:
    RAN.append(value)
    return value


@stage(version="1")
def written(build: Build, value: int) -> Path:
    RAN.append(value)
    (build.out / "x").write_text(str(value))
    if value < 0:
        raise ValueError("negative")
    return build.out / "x"


@stage(version="1")
def length(build: Build, file: Derivation[Path]) -> int:
    return len(build.need(file).read_text())


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    RAN.clear()
    with memory_world(tmp_path) as made:
        yield made


class Wrapped:
    """A capability whose method ``name`` answers otherwise from its ``after``-th call on."""

    def __init__(self, inner: object, name: str, instead: Callable[..., object], after: int = 0) -> None:
        self._inner, self._name, self._instead, self._left = inner, name, instead, after

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name != self._name:
            return found

        def call(*arguments: object) -> object:
            self._left -= 1
            return found(*arguments) if self._left >= 0 else self._instead(*arguments)

        return call


def failing(*_: object) -> object:
    return IOFailure(FULL)


def with_store(world: World, name: str, instead: Callable[..., object] = failing, after: int = 0) -> World:
    """The same world with another store, and turns of its own: what it calls back may realize in the one before."""
    store = Wrapped(world.store, name, instead, after)
    return attrs.evolve(world, store=store, perform=Performing())  # type: ignore[arg-type]  # a double


def with_executor(world: World, name: str, instead: Callable[..., object] = failing, after: int = 0) -> World:
    return attrs.evolve(world, executor=Wrapped(world.executor, name, instead, after))  # type: ignore[arg-type]  # a double


def failure_of(world: World, *plans: Derivation[object]) -> EngineFailure:
    result = world.perform.result(realize_all(world, plans))
    assert isinstance(result, Failure), result
    failure: EngineFailure = result.failure()
    return failure


@pytest.mark.parametrize(
    ("name", "after"),
    [
        ("listed", 0),
        ("alike", 0),
        ("alike", 1),
        ("claim", 0),
        ("commit", 0),
        ("release", 0),
        ("ingest", 0),
        ("salvage", 0),
    ],
)
def test_a_store_that_fails_ends_the_run(world: World, name: str, after: int) -> None:
    plan = written(-1) if name == "salvage" else written(3)
    assert failure_of(with_store(world, name, after=after), plan) == FULL


def test_records_that_cannot_be_read(world: World) -> None:
    unwrap(realize(world, written(3)))
    assert failure_of(with_store(world, "realizations"), length(written(3))) == FULL

    def without_records(*arguments: object) -> object:
        rows = unwrap(world.store.listed(*arguments))  # type: ignore[arg-type]  # as they came
        return IOSuccess([attrs.evolve(row, record=None) for row in rows])

    bare = with_store(world, "listed", without_records)
    assert failure_of(with_store(bare, "realizations"), written(3)) == FULL
    outcome = unwrap(realize(bare, written(3)))
    assert isinstance(outcome, Right)
    assert outcome.value.read_text() == "3"


def test_sources_that_cannot_be_observed(world: World, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert failure_of(with_store(world, "observe"), source_file(tmp_path / "file")) == FULL


@pytest.mark.parametrize("name", ["start", "wait"])
def test_an_executor_that_fails_ends_the_run(world: World, name: str) -> None:
    lost = PoolLost("no more processes")
    assert failure_of(with_executor(world, name, lambda *_: IOFailure(lost)), number(1)) == lost


def test_trouble_in_a_task_is_no_left(world: World) -> None:
    lost = PoolLost("the task says so")

    def troubled(*_: object) -> object:
        return IOSuccess([Finished(1, Failure(lost))])

    assert failure_of(with_executor(world, "wait", troubled), number(1)) == lost
    assert unwrap(world.store.listed([number(1).dref], frozenset())) == []


def test_what_had_finished_before_the_trouble_is_stored(tmp_path: Path) -> None:
    """Promise 3 and 4: the next run goes on from there."""
    RAN.clear()
    plans = [number(value) for value in range(1000)]
    with open_world(tmp_path / "store") as world:
        assert failure_of(with_executor(world, "wait", after=2), *plans) == FULL
        done = len(RAN)
        assert 0 < done < 1000
        assert not list((tmp_path / "store" / "claims").glob("[0-9a-f]*")), "no claim is left behind"
        unwrap(realize_all(world, plans))
    assert len(RAN) == 1000


def test_a_commit_that_fails_gives_no_answer_and_no_claims_stay(tmp_path: Path) -> None:
    with open_world(tmp_path / "store") as world:
        assert failure_of(with_store(world, "commit"), number(1), written(2)) == FULL
        assert not list((tmp_path / "store" / "claims").glob("[0-9a-f]*"))
        assert unwrap(world.store.listed([number(1).dref, written(2).dref], frozenset())) == []
        assert isinstance(unwrap(realize(world, number(1))), Right)


@pytest.mark.parametrize("count", [0, 2])
def test_a_realizer_that_gives_another_number_of_outputs(world: World, count: int) -> None:
    def miscounted(*_: object) -> object:
        return IOSuccess([Finished(1, Success((Output(1),) * count))])

    outcome = unwrap(realize(with_executor(world, "wait", miscounted), number(1)))
    assert isinstance(outcome, Left)
    assert isinstance(outcome.cause, BadOutput)
    assert f"are {count}, and 1 were asked for" in outcome.reason


def test_a_source_that_changes_while_it_is_read_is_tried_again(world: World, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("before")

    def changing(*arguments: object) -> object:
        file.write_text("after!")
        return world.executor.start(*arguments)  # type: ignore[arg-type]  # as they came

    outcome = unwrap(realize(with_executor(world, "start", changing), length(source_file(file))))
    assert isinstance(outcome, Left)
    assert "changed while it was read" in outcome.reason
    assert unwrap(realize(world, length(source_file(file)))) == Right(
        6, unwrap(realize(world, length(source_file(file)))).rrefs
    )


def test_what_someone_else_stored_between_question_and_claim_is_taken(world: World) -> None:
    """Single flight: the store is asked again once the claim is ours."""
    others = number(7)

    def late(*arguments: object) -> object:
        granted = world.store.claim(*arguments)  # type: ignore[arg-type]  # as they came
        unwrap(realize(world, others))
        return granted

    outcome = unwrap(realize(with_store(world, "claim", late), others))
    assert outcome == Right(7, outcome.rrefs)
    assert RAN == [7]


@stage(version="1", outputs=2)
def pair(build: Build) -> int:
    RAN.append(build.index)
    return build.index


def test_needless_runs_are_withdrawn_also_those_without_room_yet(world: World) -> None:
    from lightfx.matchers import some

    plan = pair().collect(some(6))

    def late(*arguments: object) -> object:
        granted = world.store.claim(*arguments)  # type: ignore[arg-type]  # as they came
        unwrap(realize(world, plan))
        return granted

    narrow = with_store(world, "claim", late)
    narrow = attrs.evolve(narrow, executor=Narrow(world.executor))  # type: ignore[arg-type]  # a double
    outcome = unwrap(realize(narrow, plan))
    assert isinstance(outcome, Right)
    assert outcome.value == (0, 1, 2, 3, 4, 5)
    assert RAN == list(range(6))


class Narrow:
    """An executor with room for one task."""

    def __init__(self, inner: object) -> None:
        self._inner = inner
        self.capacity = 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def test_a_busy_key_is_asked_for_again(world: World) -> None:
    """Someone else builds it: we wait, and take what comes of it."""
    asked: list[int] = []

    def taken(keys: Sequence[object]) -> object:
        asked.append(len(keys))
        if len(asked) == 3:
            unwrap(realize(world, number(5)))
        return IOSuccess(frozenset())

    outcome = unwrap(realize(with_store(world, "claim", taken), number(5)))
    assert outcome == Right(5, outcome.rrefs)
    assert RAN == [5]
    assert len(asked) >= 3


@stage(version="1")
def kinds(build: Build, cells: list[Tolerant[Path]]) -> list[str]:
    found = [build.need(cell) for cell in cells]
    return [outcome.kind if isinstance(outcome, Left) else "right" for outcome in found]


def test_a_run_that_ends_as_a_whole_is_left_for_each_output_and_its_folder_goes_with_the_first(tmp_path: Path) -> None:
    dref = DRef("d" * 32 + "-x")
    pieces = harvest._all_left(
        Run(0, dref, Digest("k"), (0, 1, 2), Context(())), Left(Cancelled("why"), folder=tmp_path)
    )
    assert [(piece.result, piece.folder) for piece in pieces] == [
        (Cancelled("why"), tmp_path),
        (Cancelled("why"), None),
        (Cancelled("why"), None),
    ]


def test_a_half_done_folder_goes_along_with_its_left(world: World) -> None:
    plans = [written(-1), written(1)]
    outcome = unwrap(realize(world, kinds([plan.tolerate() for plan in plans])))
    assert outcome == Right(["raised", "right"], outcome.rrefs)
    left = unwrap(realize(world, plans[0]))
    assert isinstance(left, Left)
    assert isinstance(left.cause, Raised)
    assert left.folder is not None
    assert (left.folder / "x").read_text() == "-1"
