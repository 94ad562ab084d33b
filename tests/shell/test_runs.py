"""Runs, kept: a file for each, of real runs and of told events; who died, and what cannot be written."""

from __future__ import annotations

import fcntl
import gc
import json
import os
import re
import resource
import subprocess
import sys
import typing
from pathlib import Path

import pytest

from lightfx import Build, Derivation, DRef, evaluate, memory_world, open_world, realize, stage, unwrap
from lightfx.core.names import Digest
from lightfx.effects.journal import (
    Advanced,
    CacheRefused,
    CacheWarned,
    Differed,
    JournalEvent,
    Pulled,
    Pushed,
    RunBegan,
    RunEnded,
    Stopping,
    TaskAsked,
    TaskEnded,
    TaskProgressed,
    TaskRetried,
    TaskStarted,
)
from lightfx.journal import Both, Listener
from lightfx.shell.journal.lines import parse, spell
from lightfx.shell.journal.runs import KEPT, RunFile

DREF = DRef.of("{}", "train")
EVENTS: tuple[JournalEvent, ...] = (
    RunBegan(3),
    RunBegan(3, only_stored=True),
    TaskStarted(DREF, 1, 2),
    TaskProgressed(DREF, 1, 0.5, 0.0),
    TaskEnded(DREF, "raised", 'it "said"\n\x1b[2J \udcff é', 0.25, 1),
    TaskRetried(DREF, 1, "killed", 2.0),
    TaskAsked(DREF, 1, 3),
    Differed(DREF, Digest.of(b"1"), Digest.of(b"2")),
    CacheWarned("ours", "the server is silent"),
    CacheRefused("ours", "v1/packs/00", "it is damaged"),
    Pulled("ours", 3),
    Pushed("ours", 4),
    Stopping("interrupted", 2),
    Advanced(5, 1, 1, 1, 2, 1),
    RunEnded(Advanced(5, 1, 1, 1, 2, 1)),
)


@stage(version="1")
def one(build: Build, number: int) -> int:
    return 1 // number


@stage(version="1")
def total(build: Build, numbers: list[Derivation[int]]) -> int:
    return sum(map(build.need, numbers))


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def kinds(path: Path) -> list[object]:
    return [line["event"] for line in lines(path)]


def is_locked(path: Path) -> bool:
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_each_event_has_a_line_and_comes_back(event: JournalEvent) -> None:
    line = spell(event, 12.5)
    assert line.isascii() and line.count("\n") == 1 and line.endswith("\n")
    noted = parse(line.encode())
    assert noted is not None
    assert (noted.event, noted.at) == (event, 12.5)
    assert all(not isinstance(value, dict | list) for value in json.loads(line).values())


def test_no_kind_of_event_is_missing_here() -> None:
    assert {type(event) for event in EVENTS} == set(typing.get_args(JournalEvent))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_a_line_that_was_cut_or_garbled_is_passed_over(event: JournalEvent) -> None:
    line = spell(event, 12.5).strip()
    assert all(parse(line[:end].encode()) is None for end in range(len(line)))
    fields = json.loads(line)
    for name in fields:
        without = {key: value for key, value in fields.items() if key != name}
        for other in ([], {}, None, "x" * 3, True, -(10**400)):
            noted = parse(json.dumps({**without, name: other}).encode())
            fits = isinstance(other, str) or (other is True and isinstance(fields[name], bool))
            assert noted is None or fits
    assert parse(json.dumps({**fields, "more": 1}).encode()) is not None


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        b"1",
        b'{"event":"unheard_of","at":1}',
        b'{"event":"run_began","at":NaN,"total":1}',
        b'{"event":"run_began","at":-1,"total":1}',
        b'{"event":"run_began","at":1e300,"total":1}',
        b'{"event":"task_started","at":1,"dref":"../etc"}',
    ],
)
def test_garbage_is_no_event(line: bytes) -> None:
    assert parse(line) is None


def test_a_run_is_kept_in_the_store(tmp_path: Path) -> None:
    plan = total([one(1), one(2)])
    with open_world(tmp_path / "store") as world:
        assert evaluate(world, plan) == 1
        unwrap(realize(world, one(0)))
    with open_world(tmp_path / "store") as world:
        assert evaluate(world, plan) == 1
    first, second, third = files(tmp_path / "store" / "runs")
    began, *_, ended = lines(first)
    assert (began["event"], began["total"], began["pid"]) == ("run_began", 3, os.getpid())
    assert began["host"] and began["command"] and began["lightfx"]
    assert (ended["event"], ended["settled"], ended["ran"]) == ("run_ended", 3, 3)
    assert kinds(first).count("task_ended") == 3
    (left,) = [line for line in lines(second) if line["event"] == "task_ended"]
    assert left["kind"] == "raised" and "ZeroDivisionError" in str(left["reason"])
    assert "task_started" not in kinds(third) and lines(third)[-1]["reused"] == 3
    assert not any(is_locked(path) for path in (first, second, third))


def test_a_run_that_reuses_everything_costs_a_few_lines(tmp_path: Path) -> None:
    plan = total([one(number + 1) for number in range(2000)])
    for _ in range(2):
        with open_world(tmp_path / "store") as world:
            evaluate(world, plan)
    assert len(lines(files(tmp_path / "store" / "runs")[1])) <= 3


def test_a_loop_over_what_is_stored_is_no_flood(tmp_path: Path) -> None:
    """Trap: a thousand calls of `evaluate` would push all other runs out of the store."""
    now = 1000.0
    journal = RunFile(tmp_path, lambda: now)
    for _ in range(50):
        now += 0.1
        for event in (RunBegan(1), Advanced(1, 1), RunEnded(Advanced(1, 1))):
            journal.tell(event)
    assert 5 <= len(files(tmp_path)) <= 6
    now += 0.1
    for event in (RunBegan(2), TaskStarted(DREF), TaskEnded(DREF, "right", "", 0.1), RunEnded(Advanced(2, 1))):
        journal.tell(event)
    assert kinds(files(tmp_path)[-1]) == ["run_began", "task_started", "task_ended", "run_ended"]


def test_a_run_of_nothing_that_failed_is_kept_however_soon_it_comes(tmp_path: Path) -> None:
    now = 1000.0
    journal = RunFile(tmp_path, lambda: now)
    for failure in ("", "", "it can never run here"):
        now += 0.1
        for event in (RunBegan(1), Advanced(0), RunEnded(Advanced(0), failure)):
            journal.tell(event)
    assert [lines(path)[-1]["failure"] for path in files(tmp_path)] == ["", "it can never run here"]


def test_a_memory_world_keeps_none(tmp_path: Path) -> None:
    with memory_world(tmp_path / "scratch") as world:
        evaluate(world, one(1))
    assert not list(tmp_path.rglob("*.jsonl"))


def test_the_users_journal_hears_the_same(tmp_path: Path) -> None:
    heard: list[JournalEvent] = []
    with open_world(tmp_path / "store", journal=Listener(heard.append)) as world:
        evaluate(world, one(1))
    (path,) = files(tmp_path / "store" / "runs")
    kept = [parse(line.encode()) for line in path.read_text().splitlines()]
    assert [event for event in heard if not isinstance(event, Advanced)] == [
        each.event for each in kept if each and not isinstance(each.event, Advanced)
    ]
    once: list[JournalEvent] = []
    Both(Listener(once.append), Listener(once.append)).tell(RunBegan(1))
    assert once == [RunBegan(1), RunBegan(1)]


def test_what_comes_often_is_written_once_a_second(tmp_path: Path) -> None:
    now = 1000.0
    journal = RunFile(tmp_path, lambda: now)
    journal.tell(RunBegan(2))
    for _ in range(30):
        now += 0.1
        journal.tell(Advanced(1))
        for task in (1, 2):
            journal.tell(TaskProgressed(DREF, task, 1.0, 2.0))
    (path,) = files(tmp_path)
    assert kinds(path).count("advanced") == 3
    assert kinds(path).count("task_progressed") == 6


def test_a_line_is_there_as_soon_as_it_is_told(tmp_path: Path) -> None:
    journal = RunFile(tmp_path)
    journal.tell(RunBegan(2))
    (path,) = files(tmp_path)
    for count in range(1, 4):
        journal.tell(TaskStarted(DREF, count))
        assert len(lines(path)) == 1 + count
    assert is_locked(path)
    journal.tell(RunEnded(Advanced()))
    assert not is_locked(path)


def test_a_new_run_ends_the_writing_of_the_old(tmp_path: Path) -> None:
    """After an interrupt in a notebook there is no end to be told."""
    journal = RunFile(tmp_path)
    journal.tell(RunBegan(1))
    journal.tell(RunBegan(2))
    assert len(files(tmp_path)) == 1
    journal.tell(TaskStarted(DREF))
    first, second = files(tmp_path)
    assert (kinds(first), kinds(second)) == (["run_began"], ["run_began", "task_started"])
    assert not is_locked(first) and is_locked(second)
    del journal
    gc.collect()
    assert not is_locked(second)


def test_names_sort_by_age(tmp_path: Path) -> None:
    moments = iter([1e9, 1e9 + 1.000_001, 1e9 + 3, 2e9])
    journal = RunFile(tmp_path, lambda: next(moments))
    for total_ in range(4):
        journal.tell(RunBegan(total_))
    assert [lines(path)[0]["total"] for path in files(tmp_path)] == [0, 1, 2, 3]


def test_a_file_is_named_and_begins_as_the_document_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/a/b.py", "--token", "x y"])
    journal = RunFile(tmp_path, lambda: 1_795_184_407.123_456)
    journal.tell(RunBegan(1))
    journal.tell(Stopping("why", 0))
    (path,) = tmp_path.iterdir()
    assert re.fullmatch(r"20261120T142007\.123456-[a-z2-7]{10}\.jsonl", path.name)
    assert lines(path)[0]["command"] == "b.py --token 'x y'"


def test_the_oldest_are_forgotten(tmp_path: Path) -> None:
    for number in range(KEPT + 150):
        (tmp_path / f"19990101T000000.{number:06}-aaaaaaaaaa.jsonl").touch()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "19990101T000000.000000-aaaaaaaaaa.jsonl").unlink()
    (tmp_path / "19990101T000000.000000-aaaaaaaaaa.jsonl").mkdir()
    RunFile(tmp_path).tell(RunBegan(1))
    stays, *left = files(tmp_path)
    assert stays.is_dir()
    assert len(left) == KEPT + 1
    assert left[0].name == "19990101T000000.000151-aaaaaaaaaa.jsonl"
    assert left[-1].name == "notes.txt"


def test_no_folder_to_write_in_fails_no_run(tmp_path: Path) -> None:
    """A store from before there were runs gets the folder; where it cannot be made there is no file."""
    with open_world(tmp_path / "store") as world:
        (tmp_path / "store" / "runs").rmdir()
        assert evaluate(world, one(1)) == 1
        assert len(files(tmp_path / "store" / "runs")) == 1
    for path in files(tmp_path / "store" / "runs"):
        path.unlink()
    (tmp_path / "store" / "runs").rmdir()
    (tmp_path / "store" / "runs").touch()
    with open_world(tmp_path / "store") as world:
        assert evaluate(world, one(2)) == 0


def test_a_full_disk_ends_the_writing_and_not_the_run(tmp_path: Path) -> None:
    journal = RunFile(tmp_path)
    journal.tell(RunBegan(9))
    (path,) = files(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 250, hard))
    try:
        for task in range(9):
            journal.tell(TaskStarted(DREF, task))
        journal.tell(RunEnded(Advanced()))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    kept = [parse(line) for line in path.read_bytes().splitlines()]
    assert [type(each.event) for each in kept if each] == [RunBegan, TaskStarted, TaskStarted]
    journal.tell(RunBegan(1))
    journal.tell(TaskStarted(DREF))
    assert kinds(files(tmp_path)[1]) == ["run_began", "task_started"]


def test_a_number_that_is_none_costs_its_line(tmp_path: Path) -> None:
    journal = RunFile(tmp_path)
    journal.tell(RunBegan(1))
    journal.tell(TaskProgressed(DREF, 1, float("nan"), 0.0))
    journal.tell(TaskStarted(DREF))
    assert kinds(files(tmp_path)[0]) == ["run_began", "task_started"]


def test_a_killed_process_leaves_a_file_without_an_end_and_without_a_lock(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from lightfx.shell.journal.runs import RunFile; from lightfx.effects.journal import RunBegan\n"
        "journal = RunFile(Path(sys.argv[1])); journal.tell(RunBegan(1)); print('told', flush=True); input()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, stdin=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"told\n"
        (path,) = files(tmp_path)
        assert is_locked(path) and lines(path)[0]["pid"] == process.pid
        process.kill()
    assert not is_locked(path) and kinds(path) == ["run_began"]
