"""Dynamic dependencies: what stages ask for as they run, on a real store, inline and in worker processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from asking_stages import (
    asks_then_fails,
    count,
    dies_once,
    doubled,
    drawn,
    dropped,
    endless,
    given_and_made,
    inner,
    itself,
    length,
    lucky,
    makes_files,
    mirror,
    nested,
    one,
    one_by_one,
    ouroboros,
    outer,
    passes_on,
    reads,
    scarce,
    several,
    square,
    swallows,
    swallows_all,
    thrice,
    tolerant_gather,
    total,
    twice_asked,
    unlucky,
)
from attrs import evolve

from lightfx import (
    Build,
    Derivation,
    Left,
    Raised,
    RRef,
    Upstream,
    World,
    evaluate,
    evaluate_all,
    memory_world,
    open_world,
    plan,
    realize,
    realize_all,
    replay_always,
    source_file,
    stage,
    unwrap,
)
from lightfx.core.config import Reference
from lightfx.core.derivation import Recipe
from lightfx.core.realization import key_with
from lightfx.effects.store import Entry
from lightfx.matchers import latest, some
from lightfx.plan import asking


@pytest.fixture(params=["inline", "workers"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "store", workers=2 if request.param == "workers" else 0) as opened:
        yield opened


LEAKED: list[Derivation[int]] = []


@stage(version="1")
def leaks(build: Build, number: Derivation[int]) -> int:
    LEAKED.append(number)
    return build.need(number)


@stage(version="1")
def takes(build: Build, after: Derivation[int], ran: str) -> int:
    return build.need(after) + build.need(doubled(LEAKED[0], ran))


def notes(ran: Path) -> list[str]:
    lines = sorted(ran.read_text().split())
    ran.write_text("")
    return lines


@pytest.fixture
def number(tmp_path: Path) -> Path:
    path = tmp_path / "number.txt"
    path.write_text("4")
    return path


def test_a_gather_over_a_number_that_another_stage_tells(world: World, number: Path, ran: Path) -> None:
    plan = total(count(source_file(number), str(ran)), str(ran))
    assert evaluate(world, plan) == 0 + 1 + 4 + 9
    assert notes(ran) == ["count", "square-0", "square-1", "square-2", "square-3", "total"]
    assert evaluate(world, plan) == 14
    assert notes(ran) == []
    number.write_text("5")
    assert evaluate(world, plan) == 30
    assert notes(ran) == ["count", "square-4", "total"]
    number.write_text("4")
    assert evaluate(world, plan) == 14
    assert notes(ran) == []


def test_a_later_world_looks_at_what_was_needed_first(tmp_path: Path, number: Path, ran: Path) -> None:
    def run() -> int:
        with open_world(tmp_path / "store") as world:
            return evaluate(world, total(count(source_file(number), str(ran)), str(ran)))

    assert (run(), notes(ran)[-1]) == (14, "total")
    assert (run(), notes(ran)) == (14, [])


def test_needs_one_after_the_other_run_the_stage_again_each_time(world: World, number: Path, ran: Path) -> None:
    plan = one_by_one(count(source_file(number), str(ran)), str(ran))
    assert evaluate(world, plan) == 14
    assert notes(ran).count("began") == 5
    assert (evaluate(world, plan), notes(ran)) == (14, [])


def test_nested_to_any_depth(world: World, number: Path, ran: Path) -> None:
    plan = nested(12, source_file(number), str(ran))
    assert evaluate(world, plan) == 16
    assert len(notes(ran)) == 2 * 13 + 1
    assert (evaluate(world, plan), notes(ran)) == (16, [])
    number.write_text("7")
    assert evaluate(world, plan) == 19
    number.write_text("4")
    notes(ran)
    assert (evaluate(world, plan), notes(ran)) == (16, [])


# Early cutoff: what a stage asked for comes out the same.


def test_what_was_asked_for_came_out_the_same_and_the_work_was_done_again(
    world: World, number: Path, ran: Path
) -> None:
    """Trap: the stage is started to learn what it asks for, and need not go on; to any depth."""
    number.write_text("aaa")
    plan = outer(str(number), str(ran))
    assert evaluate(world, plan) == 3
    notes(ran)
    number.write_text("bbb")
    (first,) = unwrap(realize(world, plan)).rrefs
    assert notes(ran) == ["inner-starts", "length", "outer-starts"]
    assert (evaluate(world, plan), notes(ran)) == (3, [])
    number.write_text("cc")
    assert evaluate(world, plan) == 2
    assert [each for each in notes(ran) if each.endswith("works")] == ["inner-works", "outer-works"]
    number.write_text("ccc")
    (again,) = unwrap(realize(world, plan)).rrefs
    assert again == first
    assert notes(ran) == ["inner-starts", "length", "outer-starts"]


def test_equal_work_under_another_name_is_told_what_came_of_the_same(tmp_path: Path, number: Path, ran: Path) -> None:
    twin = stage(version="1", name="twin")(outer.core.function)
    with open_world(tmp_path / "store") as world:
        number.write_text("aaa")
        assert evaluate(world, outer(str(number), str(ran))) == 3
        number.write_text("bbb")
        notes(ran)
        assert evaluate(world, twin(str(number), str(ran))) == 3
        assert notes(ran) == ["inner-starts", "length", "outer-starts"]
        assert (evaluate(world, twin(str(number), str(ran))), notes(ran)) == (3, [])
        assert evaluate(world, outer(str(number), str(ran))) == 3
        assert notes(ran) == []


def test_what_is_asked_for_second_may_come_to_the_same(world: World, number: Path, ran: Path) -> None:
    plan = twice_asked(str(number), str(ran))
    number.write_text("aaa")
    assert evaluate(world, plan) == 9
    notes(ran)
    number.write_text("bbb")
    assert (evaluate(world, plan), notes(ran)) == (9, ["length"])
    number.write_text("cc")
    assert (evaluate(world, plan), notes(ran)) == (4, ["length", "square-2", "twice-works"])


def test_what_is_forced_below_and_comes_out_the_same_runs_nothing_above(world: World, number: Path, ran: Path) -> None:
    plan, below = outer(str(number), str(ran)), length(source_file(number), str(ran))
    evaluate(world, plan)
    notes(ran)
    evaluate(world, plan, force=[below])
    assert notes(ran) == ["inner-starts", "length", "outer-starts"]
    evaluate(world, plan, force=[plan])
    assert notes(ran) == ["outer-starts", "outer-starts", "outer-works"]
    evaluate(world, plan, force=[inner(str(number), str(ran))])
    assert notes(ran) == ["inner-starts", "inner-starts", "inner-works", "outer-starts"]


def test_of_several_outputs_those_are_made_that_are_not_stored(world: World, number: Path, ran: Path) -> None:
    """A LEFT that is tried again is made again, with its siblings; what stands counts, and counts once."""
    plan = drawn(str(number), str(ran))
    number.write_text("aaa")
    Path(f"{ran}.up").touch()
    assert evaluate(world, plan.collect(some(2))) == (3, 13)
    notes(ran)
    number.write_text("bbb")
    assert evaluate(world, plan.collect(some(4))) == (3, 13, 23, 33)
    assert notes(ran) == ["drawn-2", "drawn-3", "length"]
    number.write_text("ccc")
    assert (evaluate(world, plan.collect(some(3))), notes(ran)) == ((3, 13, 23), ["length"])


def test_a_left_that_is_tried_again_is_not_cut_off(world: World, number: Path, ran: Path) -> None:
    plan = scarce(str(number), str(ran))
    number.write_text("aaa")
    assert isinstance(unwrap(realize(world, plan)), Left)
    notes(ran)
    number.write_text("bbb")
    assert isinstance(unwrap(realize(world, plan, replay=replay_always)), Left)
    assert notes(ran) == ["length"]
    number.write_text("ccc")
    assert isinstance(unwrap(realize(world, plan)), Left)
    assert notes(ran) == ["length", "scarce-works"]
    Path(f"{ran}.up").touch()
    assert evaluate(world, plan) == 3


def test_files_that_are_made_again_are_made_though_what_was_asked_for_is_the_same(
    world: World, number: Path, ran: Path
) -> None:
    plan = dropped(str(number), str(ran))
    number.write_text("aaa")
    assert evaluate(world, reads(plan, 1, str(ran))) == 4
    notes(ran)
    number.write_text("bbb")
    assert evaluate(world, reads(plan, 1, str(ran))) == 4
    assert notes(ran) == ["length"]
    assert evaluate(world, reads(plan, 2, str(ran))) == 5
    assert notes(ran) == ["dropped-works", "reads-2"]


def test_a_left_that_was_asked_for_is_inherited_or_tolerated(world: World, ran: Path) -> None:
    assert evaluate(world, lucky(15, str(ran))) == 2
    outcome = unwrap(realize(world, unlucky(str(ran))))
    assert isinstance(outcome, Left)
    assert isinstance(outcome.cause, Upstream)
    assert [root.rref.dref.name.text for root in outcome.cause.roots] == ["square"]
    notes(ran)
    again = unwrap(realize(world, unlucky(str(ran))))
    assert isinstance(again, Left)
    assert again.kind == "upstream"
    assert evaluate(world, lucky(15, str(ran))) == 2
    assert notes(ran) == []


def test_what_was_given_is_handed_on(world: World, number: Path, ran: Path) -> None:
    plan = passes_on(count(source_file(number), str(ran)).choose(latest()), str(ran))
    assert evaluate(world, plan) == 16
    assert notes(ran) == ["count", "doubled"]


def test_a_ring_of_needs_is_a_left_and_does_not_hang(world: World, ran: Path) -> None:
    outcome = unwrap(realize(world, ouroboros(str(ran))))
    assert isinstance(outcome, Left)
    roots = outcome.cause.roots if isinstance(outcome.cause, Upstream) else ()
    assert "CyclicNeedError" in (roots[0].reason if roots else outcome.cause.reason)


def test_another_use_of_what_is_settled_may_ask_for_more_of_it(world: World, ran: Path) -> None:
    assert evaluate(world, several(str(ran))) == 28
    assert notes(ran) == ["noisy"] * 3
    assert (evaluate(world, several(str(ran))), notes(ran)) == (28, [])


def test_several_outputs_ask_at_once(world: World, ran: Path) -> None:
    assert evaluate(world, thrice(str(ran)).collect(some(3))) == (0, 2, 6)
    assert notes(ran) == ["square-0", "square-1", "square-2"]


def test_a_stage_that_catches_its_errors_lets_the_suspension_pass(world: World, ran: Path) -> None:
    assert evaluate(world, swallows(str(ran))) == "9"


def test_each_attempt_has_a_folder_of_its_own(world: World, ran: Path) -> None:
    path = evaluate(world, makes_files(str(ran)))
    assert [each.name for each in path.parent.iterdir()] == ["9.txt"]


def test_a_left_after_a_need_is_replayed(world: World, ran: Path) -> None:
    for wanted in (["asks", "asks", "square-3"], []):
        outcome = unwrap(realize(world, asks_then_fails(str(ran))))
        assert isinstance(outcome, Left)
        assert isinstance(outcome.cause, Raised)
        assert notes(ran) == wanted


def test_two_plans_of_one_key_share_what_one_asked_for(world: World, number: Path, ran: Path) -> None:
    plan = one(count(source_file(number), str(ran)), str(ran))
    assert evaluate(world, plan) == 16


def test_need_all_of_parameters_asks_for_nothing(world: World, ran: Path) -> None:
    plan = tolerant_gather([square(each, str(ran)).tolerate() for each in (12, 13, 14)])
    assert evaluate(world, plan) == 2


def test_a_stage_that_catches_all_there_is_is_suspended_all_the_same(world: World, ran: Path) -> None:
    """Trap: what it gives in place of the value would be stored as its result."""
    assert evaluate(world, swallows_all(str(ran))) == 9


def test_a_stage_that_asks_for_something_new_each_time_comes_to_an_end(
    tmp_path: Path, ran: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "MAX_TIMES", 5)
    with open_world(tmp_path / "store") as world:
        outcome = unwrap(realize(world, endless(str(ran))))
    assert isinstance(outcome, Left)
    assert "EndlessNeedError" in outcome.reason
    assert notes(ran).count("endless") == 6


def test_a_stage_that_asks_for_itself_is_left_for_each_output(world: World, ran: Path) -> None:
    """Found by a random history: the use that asked was another one than that which was built, and both waited."""
    for only_stored in (False, True):
        outcome = unwrap(realize(world, itself(str(ran)).collect(some(3)), only_stored=only_stored))
        assert isinstance(outcome, Left)
        assert isinstance(outcome.cause, Raised)
        assert outcome.cause.type == "CyclicNeedError"


def test_a_ring_by_way_of_equal_work_does_not_hang(world: World, ran: Path) -> None:
    """What is asked for stands on a derivation with the key of the one that asks, and waits for its run."""
    outcome = unwrap(realize(world, mirror(str(ran))))
    assert isinstance(outcome, Left)
    assert isinstance(outcome.cause, Upstream)
    assert "CyclicNeedError" in outcome.cause.roots[0].reason


def test_what_is_asked_for_counts_though_a_parameter_means_the_same(world: World, tmp_path: Path, ran: Path) -> None:
    """Trap: a wrong hit. Equal work with another parameter stands on what the stage made, and on that alone."""
    one, other = tmp_path / "one.txt", tmp_path / "other.txt"
    one.write_text("4")
    other.write_text("4")
    of_one, of_other = (given_and_made(count(source_file(file), str(ran)), str(one), str(ran)) for file in (one, other))
    assert (evaluate(world, of_one), evaluate(world, of_other)) == (44, 44)
    notes(ran)
    one.write_text("5")
    assert evaluate(world, of_other) == 45


def test_a_left_that_was_inherited_by_asking_stands_for_all_outputs(world: World, ran: Path) -> None:
    for only_stored in (False, True):
        outcome = unwrap(realize(world, unlucky(str(ran)).collect(some(2)), only_stored=only_stored))
        assert isinstance(outcome, Left)
        assert isinstance(outcome.cause, Upstream)


def test_a_trace_that_meets_a_source_that_is_gone_does_not_stand_until_it_is_back(
    world: World, tmp_path: Path, number: Path, ran: Path
) -> None:
    asked = tmp_path / "asked.txt"
    asked.write_text("7")
    plan = given_and_made(count(source_file(number), str(ran)), str(asked), str(ran))
    assert evaluate(world, plan) == 47
    asked.rename(tmp_path / "aside.txt")
    outcome = unwrap(realize(world, plan))
    assert isinstance(outcome, Left)
    (tmp_path / "aside.txt").rename(asked)
    notes(ran)
    assert (evaluate(world, plan), notes(ran)) == (47, [])


def test_a_worker_that_dies_after_its_stage_asked_takes_no_need_along(tmp_path: Path, ran: Path) -> None:
    with open_world(tmp_path / "store", workers=2) as world:
        assert evaluate(world, dies_once(str(ran))) == 9
        assert notes(ran) == ["dies_once", "dies_once", "square-3"]


def test_what_is_asked_for_may_be_forced(world: World, number: Path, ran: Path) -> None:
    """The stage that asked runs again to have it run: its trace names what is to be made anew."""
    size = count(source_file(number), str(ran))
    assert evaluate(world, total(size, str(ran))) == 14
    notes(ran)
    assert evaluate(world, total(size, str(ran)), force=[square(2, str(ran))]) == 14
    assert notes(ran) == ["square-2"], "it came out the same"
    assert evaluate(world, total(size, str(ran)), only_stored=True) == 14


def test_what_another_stage_was_given_is_not_needed_by_the_back_door(tmp_path: Path, ran: Path) -> None:
    """Nobody says what it is: it is known by reference alone, and stands in no parameter."""
    LEAKED.clear()
    with memory_world(tmp_path) as world:
        outcome = unwrap(realize(world, takes(leaks(square(3, str(ran))), str(ran))))
    assert isinstance(outcome, Left)
    assert isinstance(outcome.cause, Raised)
    assert outcome.cause.type == "UndeclaredNeedError"


def test_records_that_contradict_each_other_are_given_up(tmp_path: Path, ran: Path) -> None:
    """Two traces, each of which stands where the other does: nothing comes of that, and both run."""
    plans = [square(number, str(ran)) for number in (2, 3)]
    with memory_world(tmp_path / "one") as world:
        outcomes = unwrap(realize_all(world, plans))
        made = unwrap(world.store.realizations([outcome.rrefs[0] for outcome in outcomes]))
    rows = [made[outcome.rrefs[0]] for outcome in outcomes]
    notes(ran)
    entries = []
    for own, other, planned in zip(rows, rows[::-1], plans, strict=True):
        asked = ((Reference(other.dref), (other.content,)),)
        rref = RRef.of(own.dref, key=key_with(own.key, asked), index=0, content=own.content.text)
        assert isinstance(planned.origin, Recipe)
        entries.append(Entry(planned.origin.config, evolve(own, rref=rref, asked=asked)))
    with memory_world(tmp_path / "two") as world:
        unwrap(world.store.commit(entries))
        assert not unwrap(plan(world, plans)).realized
        assert evaluate_all(world, plans) == [4, 9]
    assert notes(ran) == ["square-2", "square-3"]
