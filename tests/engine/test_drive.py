"""How a run ends, and what its journal says of that."""

from __future__ import annotations

from pathlib import Path

import pytest
from returns.result import Failure

from lightfx import Build, Left, Resources, evaluate, open_world, realize, stage
from lightfx.failures import CannotFit
from lightfx.journal import JournalEvent, Listener, RunEnded, Stopping
from lightfx.plan.replay import Verdict


@stage(version="1")
def bad(build: Build) -> int:
    raise ValueError("no")


@stage(version="1", resources=Resources(tickets={"gpu": 1}))
def wide(build: Build) -> int:
    return 1


@stage(version="1")
def halting(build: Build) -> int:
    raise KeyboardInterrupt


def ends(told: list[JournalEvent]) -> list[JournalEvent]:
    return [each for each in told if isinstance(each, RunEnded | Stopping)]


def test_an_end_tells_of_the_failure(tmp_path: Path) -> None:
    told: list[JournalEvent] = []
    with open_world(tmp_path / "store", journal=Listener(told.append)) as world:
        result = world.perform.result(realize(world, wide()))
    assert isinstance(result, Failure) and isinstance(result.failure(), CannotFit)
    (end,) = ends(told)
    assert isinstance(end, RunEnded) and "it can never run here" in end.failure


def test_an_end_tells_of_a_fault(tmp_path: Path) -> None:
    """What a user's own policy raises goes on to the caller: a run that ended so was listed as finished."""

    def broken(_: Left) -> Verdict:
        raise RuntimeError("a broken policy")

    told: list[JournalEvent] = []
    with open_world(tmp_path / "store", journal=Listener(told.append)) as world:
        realize(world, bad())
        with pytest.raises(RuntimeError, match="a broken policy"):
            realize(world, bad(), replay=broken)
    fine, faulty = ends(told)
    assert isinstance(fine, RunEnded) and fine.failure == ""
    assert isinstance(faulty, RunEnded) and faulty.failure == "RuntimeError: a broken policy"


def test_an_interrupt_within_an_outer_failure_is_an_interrupt(tmp_path: Path) -> None:
    """What is being handled around the run is none of its own; an interrupt is told before the end."""
    told: list[JournalEvent] = []
    with open_world(tmp_path / "store", journal=Listener(told.append)) as world:
        try:
            raise RuntimeError("outside")
        except RuntimeError:
            realize(world, bad())
        with pytest.raises(KeyboardInterrupt):
            evaluate(world, halting())
    fine, stopping, end = ends(told)
    assert isinstance(fine, RunEnded) and fine.failure == ""
    assert stopping == Stopping("interrupted", 0)
    assert isinstance(end, RunEnded) and end.failure == ""
