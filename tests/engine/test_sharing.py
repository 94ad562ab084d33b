"""Several processes on one store: equal work is done once, and what a dead one left does not stand in the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from lightfx import Build, Derivation, evaluate, open_world, stage
from lightfx.engine import keeping
from lightfx.shell.store import indexing
from lightfx.shell.store.groups import Groups
from lightfx.testing.faults import Watched, world_on

PROGRAM = """
import sys, time
from pathlib import Path
from lightfx import Build, Derivation, evaluate, open_world, realize_all, stage
from lightfx.wiring import unwrap

@stage(version="1")
def slow(build: Build, number: int, note: str) -> int:
    with open(note, "a") as file:
        file.write(f"{number}\\n")
    time.sleep(SECONDS)
    (build.out / "file").write_text(str(number))
    return number

@stage(version="1")
def total(build: Build, numbers: list[Derivation[int]]) -> int:
    return sum(build.need(number) for number in numbers)

if __name__ == "__main__":
    folder, workers, SECONDS = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    with open_world(folder / "store", workers=workers) as world:
        print("open", flush=True)
        sys.stdin.readline()
        plans = [slow(number, str(folder / "note")) for number in range(8)]
        print(evaluate(world, total(plans)), flush=True)
else:
    SECONDS = 0.05
"""


def start(tmp_path: Path, workers: int = 0, seconds: float = 0.05) -> subprocess.Popen[str]:
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(PROGRAM))
    process = subprocess.Popen(
        [sys.executable, str(program), str(tmp_path), str(workers), str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def answer(process: subprocess.Popen[str]) -> str:
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return out


def test_equal_work_at_the_same_time_is_done_once(tmp_path: Path) -> None:
    """Promise 4: not in another process at the same time."""
    processes = [start(tmp_path, workers) for workers in (0, 0, 2)]
    for process in processes:
        go(process)
    assert [answer(process) for process in processes] == ["28\n"] * 3
    ran = (tmp_path / "note").read_text().split()
    assert sorted(ran) == [str(number) for number in range(8)]


def test_work_of_a_killed_process_is_taken_over_and_what_it_finished_is_kept(tmp_path: Path) -> None:
    """Scenario 62: kill -9 of the driver in mid-run."""
    victim = start(tmp_path, seconds=0.2)
    go(victim)
    note = tmp_path / "note"
    while not note.exists() or len(note.read_text().split()) < 4:
        time.sleep(0.01)
    os.kill(victim.pid, signal.SIGKILL)
    victim.communicate()
    heir = start(tmp_path, seconds=0.0)
    go(heir)
    assert answer(heir) == "28\n"
    ran = note.read_text().split()
    assert sorted(set(ran)) == [str(number) for number in range(8)]
    assert len(ran) <= 9, "what had finished was not done again; what was running was"
    store = tmp_path / "store"
    assert not list((store / "tmp").iterdir())
    assert not list((store / "claims").iterdir())


def test_one_who_waits_for_a_claim_goes_on_when_its_holder_is_killed(tmp_path: Path) -> None:
    holder, waiter = start(tmp_path, seconds=30), start(tmp_path, seconds=0)
    go(holder)
    while not (tmp_path / "note").exists():
        time.sleep(0.01)
    go(waiter)
    time.sleep(0.3)
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()
    assert answer(waiter) == "28\n"


def test_two_that_run_inline_share_slow_work(tmp_path: Path) -> None:
    """Trap: the first claims the whole grid, and the second waits for it with nothing to do."""
    processes = [start(tmp_path, seconds=0.3) for _ in range(2)]
    for process in processes:
        go(process)
    assert [answer(process) for process in processes] == ["28\n"] * 2
    records = [path.read_text() for path in (tmp_path / "store" / "records").iterdir()]
    assert len((tmp_path / "note").read_text().split()) == 8
    by_slow = [text for text in records if '-slow"' in text and '"right"' in text]
    assert len(by_slow) >= 6, "slow work is claimed, and stored, a piece at a time"


def test_a_chain_does_not_list_what_it_stores_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trap: each link commits, and each commit made the next link read the list of all commits."""
    listed: list[int] = []
    names = Groups.names

    def counted(self: Groups) -> set[str]:
        found = names(self)
        listed.append(len(found))
        return found

    monkeypatch.setattr(Groups, "names", counted)
    monkeypatch.setattr(keeping, "PATIENCE", 0.0)
    # However slow the machine: whether another may have stored something within a tick is not asked here.
    monkeypatch.setattr(indexing, "TICK", 10**15)
    with open_world(tmp_path / "store") as world:
        plan = first()
        for _ in range(200):
            plan = following(plan)
        assert evaluate(world, plan) == 200
    assert len(list((tmp_path / "store" / "records").iterdir())) > 100
    assert sum(listed) < 400, "a list as long as the chain for each of its links would be 20,000"


def test_quick_links_of_a_chain_are_stored_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trap: two syncs for each link, which took ten times as long as all else."""
    monkeypatch.setattr(keeping, "PATIENCE", 600.0)
    with open_world(tmp_path / "store") as world:
        plan = first()
        for _ in range(200):
            plan = following(plan)
        assert evaluate(world, plan) == 200
    assert len(list((tmp_path / "store" / "records").iterdir())) < 10


def test_what_is_done_is_stored_before_a_task_that_may_be_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "PATIENCE", 600.0)
    with open_world(tmp_path / "store") as world:
        assert evaluate(world, looking(following(first()), str(tmp_path / "store" / "records"))) == 2


def test_claims_are_given_back_when_the_records_are_stored(tmp_path: Path) -> None:
    """Trap: who waits for a claim finds it free, nothing stored, and builds the same again."""
    disk = Watched()
    with world_on(disk, tmp_path / "store") as world:
        assert evaluate(world, following(first())) == 1
    claims = f"{tmp_path}/store/claims/"
    free = [call.number for call in disk.calls if call.act == "unlink" and len(call.paths[0]) == len(claims) + 64]
    groups = [
        call.number for call in disk.calls if call.act == "fsync" and call.paths == (f"{tmp_path}/store/records",)
    ]
    taken = [call.number for call in disk.calls if call.act == "link"]
    assert len(free) == len(taken) == 2
    assert all(any(claim < group < back for group in groups) for claim, back in zip(taken, free, strict=True))


@stage(version="1")
def looking(build: Build, number: Derivation[int], records: str) -> int:
    return len(list(Path(records).iterdir()))


@stage(version="1")
def first(build: Build) -> int:
    return 0


@stage(version="1")
def following(build: Build, number: Derivation[int]) -> int:
    return build.need(number) + 1
