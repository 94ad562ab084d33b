"""Ephemeral stages: their files go when nobody needs them, and come back only where something must run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from errand_stages import cooked, fickle, joined, length, plain, raw, raw_and_asks, seasoned, slice_of, text

from lightfx import (
    Identical,
    Right,
    World,
    check,
    evaluate,
    evaluate_all,
    memory_world,
    open_world,
    realize,
    realize_all,
    unwrap,
)
from lightfx.journal import Differed, JournalEvent, Listener


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


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    path = tmp_path / "ran.txt"
    path.touch()
    return path


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
