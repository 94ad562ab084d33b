"""Stepping: pauses before chosen derivations, builds by hand, commits and cancels; nothing global."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from returns.result import Failure, Result, Success
from stepping_stages import draw, load, roll, train, weigh

from lightfx import Derivation, EngineError, Right, Stage, World, evaluate, lens, open_world, out, stage
from lightfx.core.outcome import Left, Returned
from lightfx.failures import NotRealized
from lightfx.matchers import latest, some
from lightfx.repl import NotPausedError, OvertakenError, Session, stepping
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
    with pytest.raises(OvertakenError):
        sessions[2].commit(30.0)
    values = [session.outcome.value for session in sessions if isinstance(session.outcome, Right)]
    assert values == [10.0, 20.0, 10.0]  # the third came late: the derivation was stored
    assert (evaluate(world, plans.model), evaluate(world, other)) == (10.0, 20.0)


def test_a_claim_is_not_held_while_one_thinks(plans: Plans, tmp_path: Path) -> None:
    with open_world(tmp_path / "store") as mine, open_world(tmp_path / "store") as theirs:
        session = stepping(mine, plans.model, before=[train])
        assert evaluate(theirs, plans.model) == 3.0
        (session.build.out / "mine").touch()
        folder = session.build.out
        with pytest.raises(OvertakenError, match="is not stored: .*-train was stored first.*force=") as caught:
            session.commit(9.0)
        assert session.outcome == Right(3.0, caught.value.stored)
        assert (caught.value.dref, [each.name for each in folder.iterdir()]) == (plans.model.dref, ["mine"])
        newest = plans.model.choose(latest())
        beside = stepping(mine, newest, before=[train], force=[newest]).commit(9.0).outcome
        assert isinstance(beside, Right)
        assert beside.value == 9.0


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


@stage(version="1", outputs=2)
def risky(build: Build) -> Result[int, str]:
    raise AssertionError


def test_a_result_is_committed_as_the_stage_would_return_it(world: World) -> None:
    session = stepping(world, risky().choose(latest()))
    with pytest.raises(ValueError, match="is of type float, not str"):
        session.commit(Failure(0.5), 1)
    with pytest.raises(ValueError, match="is of type str, not int"):
        session.commit(Success("4"), 1)
    assert session.paused
    (session.builds[1].out / "half").touch()
    session.commit(Success(4), Failure("no"))
    assert isinstance(session.outcome, Right)
    assert session.outcome.value == 4
    rows = world.perform.result(world.store.listed((risky().dref,), frozenset())).unwrap()
    (left,) = (row.realization for row in rows if not row.stored.is_right and row.realization is not None)
    assert left.result == Returned("str", "no")
    assert left.tree is not None
    assert [each.name for each in world.store.folder_of(left.tree).iterdir()] == ["half"]


def test_a_left_made_by_hand_is_inherited(world: World) -> None:
    @stage(version="1")
    def measured(build: Build) -> Result[int, str]:
        raise AssertionError

    @stage(version="1")
    def doubled(build: Build, number: Derivation[int]) -> int:
        return 2 * build.need(number)

    session = stepping(world, doubled(measured()), before=[measured]).commit(Failure("broken"))
    assert isinstance(session.outcome, Left)
    assert session.outcome.kind == "upstream"
    plain = stepping(world, doubled(measured()), before=[doubled])
    assert not plain.paused


def test_a_derivation_that_a_live_build_makes_is_realized_for_it(world: World, plans: Plans) -> None:
    """The trap: `Suspended` is no ``Exception``, and went through the prompt."""
    session = stepping(world, weigh(plans.data, str(plans.ran)), before=[weigh])
    made = [train(plans.data, rate, str(plans.ran)) for rate in (2.0, 3.0)]
    assert session.build.need(made[0]) == 12.0
    assert session.build.need_all(made) == [12.0, 18.0]
    assert plans.lines() == ["load 4", "train 0", "train 0"]
    session.commit(30.0)
    assert isinstance(session.outcome, Right)
    (rref,) = session.outcome.rrefs
    record = world.perform.result(world.store.realizations((rref,))).unwrap()[rref]
    assert {reference.dref for reference, _ in record.asked} == {each.dref for each in made}
    assert plans.lines() == []
    assert evaluate(world, weigh(plans.data, str(plans.ran))) == 30.0


def test_a_left_that_a_live_build_needs_is_an_error_that_says_so(world: World) -> None:
    @stage(version="1")
    def fails(build: Build, what: str) -> int:
        raise ValueError(what)

    @stage(version="1")
    def tries(build: Build) -> int:
        raise AssertionError

    session = stepping(world, tries(), before=[tries])
    with pytest.raises(LookupError, match="is LEFT: raised ValueError: no"):
        session.build.need(fails("no"))
    assert isinstance(session.build.need(fails("no").tolerate()), Left)
    session.commit(3)
    assert isinstance(session.outcome, Right)
    (row,) = world.perform.result(world.store.listed((tries().dref,), frozenset({tries().dref}))).unwrap()
    assert row.realization is not None
    assert [reference.tolerate for reference, _ in row.realization.asked] == [True]


def test_stages_of_one_name_are_told_apart(world: World, plans: Plans) -> None:
    """The trap: stages were matched by their bare names."""

    def other() -> Stage[..., float]:
        @stage(version="2")
        def train(build: Build, model: Derivation[float]) -> float:
            return build.need(model) + 1

        return train

    after = other()
    session = stepping(world, after(plans.model), before=[after])
    assert session.dref == after(plans.model).dref
    assert plans.lines() == ["load 4", "train 0"]
    assert stepping(world, after(plans.model), before=["train"], force=[plans.model]).dref == plans.model.dref
    with pytest.raises(ValueError, match="no derivation of this stage train in the plan, and there is one of another"):
        stepping(world, plans.plot, before=[after])


def test_a_name_that_is_not_in_the_plan_is_refused(world: World, plans: Plans) -> None:
    with pytest.raises(ValueError, match=r"no derivation called tarin in the plan; there are: draw, load, train$"):
        stepping(world, plans.plot, before=["tarin"])
    assert plans.lines() == []
    assert not stepping(world, plans.plot, before=[weigh]).paused  # a stage may be needed as another runs
