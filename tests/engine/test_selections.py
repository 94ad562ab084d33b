"""Dynamic needs whose matcher takes a function: looked at first by a later run, as any others are."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from unittest import mock

import pytest
from selecting_stages import (
    asks_asking,
    asks_twice,
    best_of,
    by_code,
    drawn,
    file_of_best,
    minus,
    of_all_kinds,
    of_exact,
    of_heirs,
    of_lefts,
    size_of,
    twice,
    value,
    worst_of,
)

from lightfx import (
    Build,
    Derivation,
    Left,
    Right,
    World,
    evaluate,
    evaluate_all,
    memory_world,
    open_world,
    plan,
    realize,
    retry_failed,
    stage,
    unwrap,
)
from lightfx.garbage import add_root, gc
from lightfx.matchers import best, some
from lightfx.moving import pack, unpack
from lightfx.plan import selections

Opening = Callable[[], AbstractContextManager[World]]


@pytest.fixture
def opening(tmp_path: Path) -> Opening:
    """Open the same store anew, as a later program does."""
    return lambda: open_world(tmp_path / "store")


@pytest.fixture(params=["directory", "memory"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    if request.param == "memory":
        made = memory_world(tmp_path / "scratch")
    else:
        made = open_world(tmp_path / "store")
    with made as opened:
        yield opened


def notes(ran: Path) -> list[str]:
    lines = sorted(ran.read_text().split())
    ran.write_text("")
    return lines


PROGRAM = """
import sys
from selecting_stages import best_of
from lightfx import evaluate, open_world
with open_world(sys.argv[1]) as world:
    print(evaluate(world, best_of(sys.argv[2], 3)))
"""


def test_a_later_program_runs_nothing(tmp_path: Path, ran: Path) -> None:
    call = [sys.executable, "-c", PROGRAM, str(tmp_path / "store"), str(ran)]
    for expected in (["best_of-3"] * 2 + ["drawn"] * 3, []):
        done = subprocess.run(call, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
        assert done.stdout == "109\n"
        assert notes(ran) == expected


@pytest.mark.parametrize("make", [asks_twice, asks_asking, worst_of, of_all_kinds, of_exact, of_heirs])
def test_an_unchanged_second_run_executes_nothing(
    world: World, ran: Path, make: Callable[[str], Derivation[object]]
) -> None:
    """In the plan of what is asked for, nested, with each matcher that no record can spell."""
    asks = make(str(ran))
    first = evaluate(world, asks)
    notes(ran)
    assert unwrap(plan(world, asks)).realized
    assert evaluate(world, asks) == first
    assert evaluate(world, asks, only_stored=True) == first
    assert notes(ran) == []


def test_a_better_candidate_changes_the_choice(opening: Opening, ran: Path) -> None:
    asks = asks_twice(str(ran))
    with opening() as world:
        assert evaluate(world, asks) == 4 * 3
        evaluate(world, drawn(str(ran)).collect(some(2)))
    notes(ran)
    with opening() as world:
        assert evaluate(world, asks) == 4 * 9
    assert notes(ran) == ["asks_twice", "asks_twice", "twice", "twice"]
    with opening() as world:
        assert evaluate(world, asks) == 4 * 9
    assert notes(ran) == []


@pytest.mark.parametrize("make", [by_code, asks_twice])
def test_a_worse_candidate_costs_one_start(world: World, ran: Path, make: Callable[[str], Derivation[int]]) -> None:
    """The realization is the same, recorded once more without a run: what was selected last counts."""
    asks = make(str(ran))
    evaluate(world, drawn(str(ran)).collect(some(2)))
    first = unwrap(realize(world, asks))
    evaluate(world, drawn(str(ran)).collect(some(4)))
    notes(ran)
    assert unwrap(realize(world, asks)) == first
    assert notes(ran) == [asks.dref.name.text]
    assert unwrap(realize(world, asks)) == first
    assert notes(ran) == []


def test_the_index_is_made_again_with_what_was_selected_last(opening: Opening, tmp_path: Path, ran: Path) -> None:
    asks = by_code(str(ran))
    for count in (2, 4):
        with opening() as world:
            evaluate(world, drawn(str(ran)).collect(some(count)))
            evaluate(world, asks)
    notes(ran)
    for each in (tmp_path / "store").glob("index.sqlite*"):
        each.unlink()
    with opening() as world:
        assert evaluate(world, asks) == 9
    assert notes(ran) == []


def test_what_was_not_chosen_may_be_collected(opening: Opening, ran: Path) -> None:
    asks = best_of(str(ran), 1)
    with opening() as world:
        evaluate(world, drawn(str(ran)).collect(some(3)))
        outcome = unwrap(realize(world, asks))
        unwrap(add_root(world, outcome.rrefs[0]))
    with opening() as world:
        assert len(unwrap(gc(world, older_than=0)).rrefs) > 0
    notes(ran)
    with opening() as world:
        for expected in (True, False):
            assert evaluate(world, asks) == 109
            assert bool(notes(ran)) is expected


def test_a_stage_that_asks_for_too_many_choices_is_started_each_time(world: World, ran: Path) -> None:
    asks = by_code(str(ran))
    evaluate(world, asks)
    evaluate(world, drawn(str(ran)).collect(some(2)))
    for most, expected in ((0, 2), (0, 1), (1, 1), (1, 0)):
        notes(ran)
        with mock.patch.object(selections, "MOST", most):
            assert evaluate(world, asks) == 9
        assert len(notes(ran)) == expected


def test_another_replay_policy_shows_other_candidates(world: World, ran: Path) -> None:
    """A LEFT that is tried again is no candidate: what was chosen beside it is chosen anew."""
    asks = of_lefts(str(ran))
    assert isinstance(unwrap(realize(world, asks)), Left)
    notes(ran)
    assert isinstance(unwrap(realize(world, asks, replay=retry_failed)), Right)
    assert notes(ran) == ["drawn", "of_lefts", "of_lefts"]
    for expected in (["of_lefts"], []):
        assert evaluate(world, asks) == 9
        assert notes(ran) == expected


def test_a_left_that_was_chosen_is_inherited_again(world: World, ran: Path) -> None:
    asks = of_lefts(str(ran))
    for expected in (["drawn", "of_lefts"], []):
        outcome = unwrap(realize(world, asks))
        assert isinstance(outcome, Left)
        assert outcome.kind == "upstream"
        assert notes(ran) == expected


def test_another_function_is_another_derivation(ran: Path) -> None:
    def made(key: Callable[[int], float]) -> Derivation[int]:
        @stage(name="asks")
        def asks(build: Build, ran: str) -> int:
            return build.need(drawn(ran).choose(best(key)))

        return asks(str(ran))

    assert made(value) == made(value)
    assert made(value) != made(minus)


def test_what_is_made_again_selects_again(world: World, ran: Path) -> None:
    data = file_of_best(str(ran))
    assert evaluate(world, size_of(data, str(ran))) == 1
    notes(ran)
    assert evaluate(world, size_of(data, str(ran), unit=2)) == 2
    assert set(notes(ran)) == {"file_of_best", "size_of"}
    assert evaluate(world, size_of(data, str(ran), unit=2), only_stored=True) == 2


def test_it_moves_along_and_stands_where_there_are_the_same_candidates(
    opening: Opening, tmp_path: Path, ran: Path
) -> None:
    asks, file = by_code(str(ran)), tmp_path / "all.lightfx"
    with opening() as world:
        outcome = unwrap(realize(world, asks))
        unwrap(pack(world, outcome.rrefs, file))
    notes(ran)
    with open_world(tmp_path / "there") as there:
        unwrap(unpack(there, file))
        assert evaluate(there, asks, only_stored=True) == 3
        evaluate(there, drawn(str(ran)).collect(some(2)))
        assert evaluate(there, asks) == 9
    with opening() as world:
        assert evaluate(world, asks, only_stored=True) == 3


def test_of_many_that_ask_each_says_what_was_selected(world: World, ran: Path) -> None:
    """A plan over what asked stands on the realizations that were recorded last, and is not run for it."""
    plans = [twice(by_code(str(ran)), str(ran)), by_code(str(ran)), asks_twice(str(ran))]
    evaluate(world, drawn(str(ran)).collect(some(2)))
    first = evaluate_all(world, plans)
    evaluate(world, drawn(str(ran)).collect(some(4)))
    notes(ran)
    assert evaluate_all(world, plans) == first
    assert "twice" not in notes(ran)
    assert evaluate_all(world, plans) == first
    assert notes(ran) == []
