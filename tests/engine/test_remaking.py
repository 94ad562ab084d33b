"""Ephemeral stages: their files go when nobody needs them, and come back only where something must run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from errand_stages import (
    cooked,
    fetches,
    fickle,
    joined,
    length,
    listing,
    moody,
    penned,
    plain,
    raw,
    raw_and_asks,
    seasoned,
    slice_of,
    text,
)

from lightfx import (
    Derivation,
    EngineError,
    Identical,
    Left,
    Right,
    World,
    check,
    evaluate,
    evaluate_all,
    memory_world,
    open_world,
    plan,
    realize,
    realize_all,
    realized,
    unwrap,
)
from lightfx.failures import EngineFailure, MissingObject, NotRealized
from lightfx.journal import Differed, JournalEvent, Listener
from lightfx.matchers import some


@pytest.fixture
def told() -> list[JournalEvent]:
    return []


@pytest.fixture(params=["directory", "memory", "workers"])
def world(request: pytest.FixtureRequest, tmp_path: Path, told: list[JournalEvent]) -> Iterator[World]:
    journal = Listener(told.append)
    if request.param == "memory":
        made = memory_world(tmp_path / "scratch", journal=journal)
    else:
        made = open_world(tmp_path / "store", workers=2 if request.param == "workers" else 0, journal=journal)
    with made as opened:
        yield opened


# What workers have no part in.
IN_PROCESS = pytest.mark.parametrize("world", ["directory", "memory"], indirect=True)


def notes(ran: Path) -> list[str]:
    lines = sorted(ran.read_text().split())
    ran.write_text("")
    return lines


def objects(tmp_path: Path) -> list[str]:
    """Files of objects in the store."""
    return sorted(path.name for path in tmp_path.rglob("objects/*/*"))


def test_files_go_and_the_second_run_makes_nothing(world: World, tmp_path: Path, ran: Path) -> None:
    plan = length(cooked(raw(100, str(ran)), str(ran)), str(ran))
    assert evaluate(world, plan) == 100
    assert notes(ran) == ["cooked-0", "length-1", "raw"]
    assert objects(tmp_path) == []
    assert evaluate(world, plan) == 100
    assert notes(ran) == []


def test_what_must_run_gets_its_files_made_again_and_what_they_are_made_of(
    world: World, tmp_path: Path, ran: Path
) -> None:
    data = cooked(raw(100, str(ran)), str(ran))
    evaluate(world, length(data, str(ran)))
    notes(ran)
    assert evaluate(world, length(data, str(ran), unit=10)) == 10
    assert notes(ran) == ["cooked-0", "length-10", "raw"]
    assert objects(tmp_path) == []


def test_a_middle_stage_that_changes_needs_its_own_files(world: World, tmp_path: Path, ran: Path) -> None:
    evaluate(world, length(cooked(raw(8, str(ran)), str(ran)), str(ran)))
    notes(ran)
    evaluate(world, length(cooked(raw(8, str(ran)), str(ran), salt=1), str(ran)))
    assert notes(ran) == ["cooked-1", "length-1", "raw"]


def test_several_that_wait_for_the_same_files_get_them_made_once(world: World, tmp_path: Path, ran: Path) -> None:
    data = raw(64, str(ran))
    evaluate(world, length(data, str(ran)))
    notes(ran)
    assert evaluate_all(world, [length(data, str(ran), unit=unit) for unit in (2, 4, 8)]) == [32, 16, 8]
    assert notes(ran) == ["length-2", "length-4", "length-8", "raw"]
    assert objects(tmp_path) == []


def test_a_target_keeps_its_files_and_gets_them_back(world: World, tmp_path: Path, ran: Path) -> None:
    data = raw(16, str(ran))
    evaluate(world, length(data, str(ran)))
    assert objects(tmp_path) == []
    notes(ran)
    assert evaluate(world, data).read_bytes() == b"x" * 16
    assert notes(ran) == ["raw"]
    assert evaluate(world, data).read_bytes() == b"x" * 16
    assert notes(ran) == []


def test_a_run_that_reads_no_files_took_those_of_what_was_a_target_before(
    world: World, tmp_path: Path, ran: Path
) -> None:
    """Trap: all of it was reused, and the files that another run had been asked for were gone."""
    data = raw(16, str(ran))
    evaluate(world, data)
    evaluate(world, length(data, str(ran)), force=[length(data, str(ran))])
    assert objects(tmp_path) == [], "it read them"
    evaluate(world, data)
    evaluate(world, length(data, str(ran)))
    assert objects(tmp_path) == ["raw.bin"], "it reads nothing"
    assert evaluate(world, data, only_stored=True).read_bytes() == b"x" * 16
    evaluate(world, length(cooked(data, str(ran)), str(ran)))
    assert objects(tmp_path) == []


def test_files_that_a_stage_read_before_it_was_cut_off_go(world: World, tmp_path: Path, ran: Path) -> None:
    number = tmp_path / "number.txt"
    plan = length(raw_and_asks(raw(16, str(ran)), str(number), str(ran)), str(ran))
    for letter in ("a", "b"):
        number.write_text(letter)
        assert evaluate(world, plan) == 1
        assert {"raw.bin", "asks.bin"}.isdisjoint(objects(tmp_path))
    assert notes(ran).count("asks-works") == 1


def test_other_bytes_are_told_and_the_old_dependents_stay_valid(
    world: World, ran: Path, told: list[JournalEvent]
) -> None:
    data = fickle(str(ran))
    first = evaluate(world, text(data, str(ran)))
    assert not [event for event in told if isinstance(event, Differed)]
    notes(ran)
    second = evaluate(world, text(data, str(ran), unit=2))
    assert notes(ran) == ["fickle", "text-2"]
    differed = [event for event in told if isinstance(event, Differed)]
    assert [event.dref for event in differed] == [data.dref]
    assert second != first
    assert evaluate(world, text(data, str(ran))) == first
    assert notes(ran) == []
    unwrap(realize(world, text(data, str(ran), unit=2)))


def test_files_that_two_stages_made_alike_stay_while_one_is_needed(world: World, ran: Path) -> None:
    """Trap: one object, two owners. The last use of the one took the files of the other."""
    plans = [plain(1, str(ran)), length(plain(2, str(ran)), str(ran))]
    for expected in (["length-1", "plain-1", "plain-2"], []):
        path, size = unwrap(realize_all(world, plans))
        assert isinstance(path, Right)
        assert isinstance(path.value, Path)
        assert path.value.read_bytes() == b"plain"
        assert notes(ran) == expected


def test_a_stage_that_asks_is_made_again_of_other_bytes(world: World, ran: Path) -> None:
    """Trap: suspended, it forgot that what it is made of had come out otherwise."""
    data = seasoned(fickle(str(ran)), str(ran))
    first = evaluate(world, text(data, str(ran)))
    notes(ran)
    assert evaluate(world, text(data, str(ran), unit=2)) != first
    assert notes(ran) == ["fickle", "seasoned", "seasoned", "text-2"]


def test_files_stay_while_another_makes_its_own_again_of_them(world: World, ran: Path) -> None:
    """Trap: the first of two that were made again had the files dropped under the second, which became LEFT."""
    data = raw(100, str(ran))
    slices = [slice_of(data, str(ran), wait) for wait in (0.0, 0.4)]
    assert evaluate(world, joined(slices, str(ran))) == "xxxx0.0xxxx0.4"
    assert evaluate(world, joined(slices, str(ran), unit=2)) == "xxxx0.0xxxx0.4"


def test_check_of_what_stands_on_dropped_files_makes_them_again(world: World, tmp_path: Path, ran: Path) -> None:
    """Trap: it was told as a difference, which it is not."""
    plan = length(cooked(raw(100, str(ran)), str(ran)), str(ran))
    outcome = unwrap(realize(world, plan))
    notes(ran)
    assert isinstance(unwrap(check(world, outcome.rrefs[0], plan)), Identical)
    assert notes(ran) == ["cooked-0", "length-1", "raw"]
    assert objects(tmp_path) == []


def test_of_two_that_made_the_same_files_one_makes_them_again(tmp_path: Path, ran: Path) -> None:
    """There is room for one at a time: the second finds the files there."""
    parts = [penned(number, str(ran)) for number in (1, 2)]
    with open_world(tmp_path / "store", tickets={"pen": 1}) as world:
        evaluate(world, joined(parts, str(ran)))
        assert len(notes(ran)) == 3
        assert evaluate(world, joined(parts, str(ran), unit=2)) == "penpen"
    assert len(notes(ran)) == 2
    assert objects(tmp_path) == []


@IN_PROCESS
def test_files_that_a_stage_asks_for_as_it_runs_go_and_come_back(world: World, tmp_path: Path, ran: Path) -> None:
    assert evaluate(world, fetches(str(ran))) == 16
    assert objects(tmp_path) == []
    notes(ran)
    assert evaluate(world, fetches(str(ran))) == 16
    assert notes(ran) == []
    assert evaluate(world, fetches(str(ran), unit=2)) == 10
    assert notes(ran).count("raw") == 1
    assert objects(tmp_path) == []


@IN_PROCESS
@pytest.mark.parametrize("mood", ["left", "itself"])
def test_what_is_made_again_and_asks_for_what_is_left_is_left(
    world: World, ran: Path, told: list[JournalEvent], mood: str
) -> None:
    """Its stage is not deterministic: that is told, what had to run on it is LEFT, what was built on it stays."""
    data = moody(str(ran), mood)
    first = evaluate(world, text(data, str(ran)))
    outcome = unwrap(realize(world, text(data, str(ran), unit=2)))
    assert isinstance(outcome, Left)
    assert outcome.kind == "upstream"
    assert [event.dref for event in told if isinstance(event, Differed)] == [data.dref]
    assert evaluate(world, text(data, str(ran))) == first


@IN_PROCESS
def test_a_target_that_lists_files_gets_them_back(world: World, tmp_path: Path, ran: Path) -> None:
    """Also where they are no ephemeral ones: somebody removed them."""
    (path,) = evaluate(world, listing(str(ran)))
    path.parent.chmod(0o755)
    path.parent.rename(tmp_path / "removed")
    notes(ran)
    (again,) = evaluate(world, listing(str(ran)))
    assert (again, again.read_text()) == (path, "one")
    assert notes(ran) == ["listing"]


# To make files again is to run: what may not run is not made again.


def refused(world: World, *plans: Derivation[object]) -> EngineFailure:
    with pytest.raises(EngineError) as caught:
        evaluate_all(world, plans)
    return caught.value.failure


@IN_PROCESS
def test_what_may_not_run_is_not_made_again(world: World, ran: Path) -> None:
    data = raw(100, str(ran))
    evaluate(world, length(data, str(ran)))
    notes(ran)
    barred = realized(data)
    assert evaluate(world, length(barred, str(ran))) == 100, "nothing has to run on the files"
    for plans in (length(barred, str(ran), unit=2), barred, length(barred, str(ran), unit=5).collect(some(3))):
        assert refused(world, plans) == NotRealized(data.dref)
    assert notes(ran) == []
    assert evaluate(world, length(data, str(ran), unit=2)) == 50, "the plan without the ban makes them again"
    assert notes(ran) == ["length-2", "raw"]


@IN_PROCESS
def test_what_does_not_stand_on_it_goes_on(world: World, ran: Path) -> None:
    data, another = raw(100, str(ran)), raw(10, str(ran))
    evaluate_all(world, [length(data, str(ran)), length(another, str(ran))])
    notes(ran)
    plans = [length(realized(data), str(ran), unit=2), length(another, str(ran), unit=2), another]
    assert refused(world, *plans) == NotRealized(data.dref)
    assert notes(ran) == ["length-2", "raw"]
    assert evaluate_all(world, plans[1:], only_stored=True)[0] == 5


@IN_PROCESS
def test_what_stands_on_files_that_may_not_be_made_again_is_not_made_again_either(world: World, ran: Path) -> None:
    data = raw(100, str(ran))
    stew, barred = (cooked(each, str(ran)) for each in (data, realized(data)))
    evaluate(world, length(stew, str(ran)))
    notes(ran)
    plans = [length(barred, str(ran), unit=unit) for unit in (2, 4)]
    assert refused(world, *plans, barred) == NotRealized(data.dref)
    assert refused(world, barred) == NotRealized(data.dref)
    assert notes(ran) == []
    assert evaluate(world, length(stew, str(ran), unit=2)) == 50
    assert notes(ran) == ["cooked-0", "length-2", "raw"]


@IN_PROCESS
def test_files_that_are_there_are_used(world: World, ran: Path) -> None:
    data = raw(100, str(ran))
    evaluate(world, data)
    notes(ran)
    assert evaluate(world, length(realized(data), str(ran))) == 100
    assert notes(ran) == ["length-1"]


@IN_PROCESS
def test_a_look_ahead_says_that_it_would_have_to_run(world: World, ran: Path) -> None:
    data = raw(100, str(ran))
    evaluate(world, length(cooked(data, str(ran)), str(ran)))
    barred = realized(data)
    for each in (barred, length(barred, str(ran), unit=2), length(cooked(barred, str(ran)), str(ran), unit=2)):
        assert world.perform.result(plan(world, each)).failure() == NotRealized(data.dref)
    assert unwrap(plan(world, length(cooked(barred, str(ran)), str(ran)))).realized


@IN_PROCESS
def test_files_that_are_asked_for_are_not_made_again_where_nothing_may_run(world: World, ran: Path) -> None:
    """A whole run that may run nothing starts nothing to have files, and says which are gone."""
    data = cooked(raw(100, str(ran)), str(ran))
    evaluate(world, length(data, str(ran)))
    notes(ran)
    with pytest.raises(EngineError) as caught:
        evaluate(world, data, only_stored=True)
    assert isinstance(caught.value.failure, MissingObject)
    with pytest.raises(EngineError) as caught:
        evaluate(world, length(data, str(ran), unit=2), only_stored=True)
    assert caught.value.failure == NotRealized(length(data, str(ran), unit=2).dref)
    assert notes(ran) == []


@IN_PROCESS
def test_what_is_made_again_and_asks_for_what_may_not_run_is_lost(world: World, ran: Path) -> None:
    """Trap: nobody told it that what it asked for was lost, and the run waited for ever."""
    data = moody(str(ran))
    evaluate(world, text(data, str(ran)))
    assert isinstance(refused(world, text(data, str(ran), unit=2)), NotRealized)
    assert evaluate(world, text(data, str(ran))) == "6d"
