"""Stepping: pauses before chosen derivations, builds by hand, commits and cancels; nothing global."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from stepping_stages import draw, load, roll, train

from lightfx import Derivation, EngineError, Right, World, evaluate, lens, open_world, out, stage
from lightfx.core.outcome import Left
from lightfx.failures import NotRealized
from lightfx.matchers import latest, some
from lightfx.repl import NotPausedError, Session, stepping
from lightfx.stages.build import Build


@pytest.fixture(params=["inline", "workers"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "store", workers=1 if request.param == "workers" else 0) as opened:
        yield opened


class Plans:
    def __init__(self, tmp_path: Path) -> None:
        self.ran = tmp_path / "ran.txt"
        self.ran.touch()
        self.data = load(4, str(self.ran))
        self.model = train(self.data, 0.5, str(self.ran))
        self.plot = draw(self.model, str(self.ran))

    def lines(self) -> list[str]:
        found = self.ran.read_text().splitlines()
        self.ran.write_text("")
        return found


@pytest.fixture
def plans(tmp_path: Path) -> Plans:
    return Plans(tmp_path)


def private(tmp_path: Path) -> list[str]:
    return [str(each) for each in (tmp_path / "store" / "tmp").rglob("*") if each.is_file() and "out-" in str(each)]


def test_what_is_made_by_hand_goes_on(world: World, plans: Plans, tmp_path: Path) -> None:
    session = stepping(world, plans.plot, before=[train, plans.plot])
    assert (session.paused, session.dref, plans.lines()) == (True, plans.model.dref, ["load 4"])
    assert session.build.need(plans.data) == [0, 1, 2, 3]
    assert lens(session.build).rate.value == 0.5
    session.commit(77.0)
    assert session.dref == plans.plot.dref
    assert session.build.need(plans.model) == 77.0
    (session.build.out / "mine.txt").write_text("by hand")
    session.commit()
    assert not session.paused
    outcome = session.outcome
    assert isinstance(outcome, Right)
    assert [each.read_text() for each in outcome.value.iterdir()] == ["by hand"]
    assert plans.lines() == []
    assert evaluate(world, plans.plot, only_stored=True) == outcome.value
    assert private(tmp_path) == []


def test_what_was_made_by_hand_says_so(world: World, plans: Plans) -> None:
    stepping(world, plans.model, before=["train"]).commit(1.0)
    (row,) = world.perform.result(world.store.listed((plans.model.dref,), frozenset())).unwrap()
    record = world.perform.result(world.store.realizations((row.stored.rref,))).unwrap()[row.stored.rref]
    assert record.log is not None
    assert record.log.tail == "made by hand, in lightfx.repl\n"
    assert dict(record.context.entries)


def test_all_that_would_run_is_paused_for_and_may_run_by_itself(world: World, plans: Plans) -> None:
    session = stepping(world, plans.plot)
    seen = []
    while session.paused:
        seen.append(session.dref.name.text)
        (session.build.out / "scrap").touch()
        session.proceed()
    assert seen == ["load", "train", "draw"]
    assert plans.lines() == ["load 4", "train 0", "draw"]
    assert isinstance(session.outcome, Right)
    assert [each.name for each in session.outcome.value.iterdir()] == ["plot.txt"]
    assert not stepping(world, plans.plot).paused


def test_what_cannot_be_stored_leaves_the_session_as_it_is(world: World, plans: Plans) -> None:
    session = stepping(world, plans.plot, before=[train, draw])
    with pytest.raises(ValueError, match="is of type str, not float"):
        session.commit("much")
    with pytest.raises(ValueError, match="1 values are to be made"):
        session.commit(1.0, 2.0)
    session.commit(1.5)
    with pytest.raises(ValueError, match="does not exist"):
        session.commit(session.build.out / "missing")
    assert session.paused
    (session.build.out / "a").touch()
    session.commit()
    with pytest.raises(NotPausedError):
        session.commit(1.0)
    with pytest.raises(NotPausedError):
        session.proceed()


def test_a_cancelled_session_leaves_no_trace_but_what_was_committed(world: World, plans: Plans, tmp_path: Path) -> None:
    with stepping(world, plans.plot, before=[train]) as session:
        (session.build.out / "scrap").write_text("x")
        assert private(tmp_path)
    assert not session.paused
    assert private(tmp_path) == []
    with pytest.raises(NotPausedError):
        _ = session.outcome
    with pytest.raises(EngineError) as caught:
        evaluate(world, plans.model, only_stored=True)
    assert caught.value.failure == NotRealized(plans.model.dref)
    assert evaluate(world, plans.plot).is_dir()
    assert plans.lines() == ["load 4", "train 0", "draw"]


def test_sessions_stand_side_by_side(world: World, tmp_path: Path, plans: Plans) -> None:
    other = train(load(5, str(plans.ran)), 2.0, str(plans.ran))
    sessions = [stepping(world, each, before=[train]) for each in (plans.model, other, plans.model)]
    for number, session in enumerate(sessions):
        (session.build.out / f"{number}").touch()
    sessions[1].commit(20.0)
    sessions[0].commit(10.0)
    assert sessions[2].paused
    sessions[2].commit(30.0)
    values = [session.outcome.value for session in sessions if isinstance(session.outcome, Right)]
    assert values == [10.0, 20.0, 10.0]  # the third came late: the derivation was stored
    assert (evaluate(world, plans.model), evaluate(world, other)) == (10.0, 20.0)


def test_a_claim_is_not_held_while_one_thinks(plans: Plans, tmp_path: Path) -> None:
    with open_world(tmp_path / "store") as mine, open_world(tmp_path / "store") as theirs:
        session = stepping(mine, plans.model, before=[train])
        assert evaluate(theirs, plans.model) == 3.0
        session.commit(9.0)
        assert session.outcome == Right(3.0, session.outcome.rrefs)


def test_several_outputs_are_made_together(world: World) -> None:
    session: Session[tuple[float, ...]] = stepping(world, roll(6).collect(some(2)), before=[roll])
    assert [each.index for each in session.builds] == [0, 1]
    with pytest.raises(ValueError, match="2 values are to be made, one for each output, and 1 are given"):
        session.commit(1.0)
    session.commit(10.0, 11.0)
    assert isinstance(session.outcome, Right)
    assert session.outcome.value == (10.0, 11.0)


def test_what_is_stored_is_paused_for_when_it_is_forced(world: World, plans: Plans) -> None:
    assert evaluate(world, plans.model) == 3.0
    newest: Derivation[float] = plans.model.choose(latest())
    session = stepping(world, newest, before=[train], force=[plans.model])
    session.commit(8.0)
    assert isinstance(session.outcome, Right)
    assert session.outcome.value == 8.0
    assert (evaluate(world, newest), evaluate(world, plans.model)) == (8.0, 3.0)


def test_promises_and_builds_of_ones_own(world: World) -> None:
    class Mine(Build):
        state = 5

    @stage(version="1")
    def writes(build: Mine, to: Path) -> int:
        raise AssertionError

    session = stepping(world, writes(out("x.txt")))
    assert isinstance(session.build, Mine)
    with pytest.raises(ValueError, match=r"x\.txt was promised"):
        session.commit(1)
    (session.build.out / "x.txt").touch()
    assert lens(session.build).to.path == session.build.out / "x.txt"
    assert isinstance(session.commit(1).outcome, Right)


def test_a_left_ends_the_session_with_it(world: World) -> None:
    @stage(version="1")
    def fails(build: Build) -> int:
        raise ValueError("no")

    session = stepping(world, fails(), before=[])
    assert isinstance(session.outcome, Left)
