"""Many hosts on one store, each a process whose locks reach nobody: work is done once, and survives its owners.

The hosts are one machine in truth. What is pretended is what claims go by: who
they are, and locks that anybody gets.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

import pytest

from lightfx import open_world

HOSTS: Final = 8
CELLS: Final = 20
SLOW: Final = 0.1  # seconds: longer than a group of results waits for others

PROGRAM = """
import os, sys, time
from pathlib import Path
from attrs import evolve
from lightfx import Build, evaluate_all, stage
from lightfx.shell.store.claims import Claims
from lightfx.shell.store.directory import open_directory
from lightfx.shell.store.owners import Host, Lease
from lightfx.wiring import memory_world, unwrap

@stage(version="1")
def cell(build: Build, number: int, note: str) -> int:
    descriptor = os.open(note, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{number} {HOST}\\n".encode())
    os.close(descriptor)
    time.sleep(SLOW)
    (build.out / "file").write_text(str(number))
    return number * number

def enter(root):
    return Claims(root, host=Host(HOST, HOST, "boot"), lease=Lease(beat=0.2, lease=3.0), lock=lambda _: True,
                  shared=True)

folder, HOST, SLOW, cells = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
store = unwrap(open_directory(folder / "store", claims=enter))
with evolve(memory_world(folder / "scratch"), store=store) as world:
    print("open", flush=True)
    sys.stdin.readline()
    plans = [cell(number, str(folder / "note")) for number in range(cells)]
    print(*evaluate_all(world, plans), flush=True)
"""


class Visit(Protocol):
    """Makes a `Visitor`."""

    def __call__(self, host: str, *, slow: float = SLOW, cells: int = CELLS) -> Visitor: ...


class Visitor:
    """A process that says that it is on a host."""

    def __init__(self, folder: Path, host: str, *, slow: float, cells: int) -> None:
        program = folder / "program.py"
        program.write_text(PROGRAM)
        self.process = subprocess.Popen(
            [sys.executable, str(program), str(folder), host, str(slow), str(cells)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "open\n"

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def answer(self) -> list[int]:
        out, _ = self.process.communicate(timeout=120)
        assert self.process.returncode == 0
        return [int(number) for number in out.split()]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


@pytest.fixture
def visit(tmp_path: Path) -> Iterator[Visit]:
    """Let processes visit the store; none outlives the test."""
    visitors: list[Visitor] = []

    def come(host: str, *, slow: float = SLOW, cells: int = CELLS) -> Visitor:
        visitors.append(Visitor(tmp_path, host, slow=slow, cells=cells))
        return visitors[-1]

    yield come
    for visitor in visitors:
        visitor.kill()


def executions(folder: Path) -> list[int]:
    """What was begun, in the order of time."""
    note = folder / "note"
    return [int(line.split()[0]) for line in note.read_text().splitlines()] if note.exists() else []


def stored(folder: Path) -> int:
    """How many realizations there are."""
    with open_world(folder / "store") as world:
        rows = world.perform.result(world.store.newest(None, 10_000)).unwrap()
    return len(rows)


def test_equal_work_of_many_hosts_is_done_once(tmp_path: Path, visit: Visit) -> None:
    visitors = [visit(f"host-{number}") for number in range(HOSTS)]
    for visitor in visitors:
        visitor.go()
    answers = [visitor.answer() for visitor in visitors]
    assert answers == [[number * number for number in range(CELLS)]] * HOSTS
    assert sorted(executions(tmp_path)) == list(range(CELLS))
    assert stored(tmp_path) == CELLS


@pytest.mark.quick
@pytest.mark.reliability("D11", "four of eight hosts are killed", passes="at most one execution more for each")
@pytest.mark.parametrize("seed", [1, 2])
def test_the_living_finish_what_killed_hosts_began(tmp_path: Path, visit: Visit, seed: int) -> None:
    """For each that was killed, one piece of work at most is done again: the one that it was at."""
    chance = random.Random(seed)
    visitors = [visit(f"host-{number}") for number in range(HOSTS)]
    for visitor in visitors:
        visitor.go()
    kills = 0
    for visitor in visitors[: HOSTS // 2]:
        time.sleep(chance.uniform(0.0, 0.3))
        kills += visitor.process.poll() is None
        visitor.kill()
    answers = [visitor.answer() for visitor in visitors[HOSTS // 2 :]]
    assert answers == [[number * number for number in range(CELLS)]] * (HOSTS - HOSTS // 2)
    begun = executions(tmp_path)
    assert sorted(set(begun)) == list(range(CELLS))
    assert len(begun) <= CELLS + kills
    assert stored(tmp_path) == CELLS


@pytest.mark.quick
@pytest.mark.reliability(
    "D13",
    "a host is stopped past its lease, and goes on later",
    passes="two executions, one result; its late commit changes nothing",
)
def test_a_host_that_sleeps_past_its_lease_does_no_harm(tmp_path: Path, visit: Visit) -> None:
    """It finishes what another did meanwhile: two executions, one result, and both go on."""
    sleeper = visit("sleeper", slow=1.0, cells=1)
    sleeper.go()
    while not executions(tmp_path):
        time.sleep(0.01)
    os.kill(sleeper.process.pid, signal.SIGSTOP)
    other = visit("other", slow=0.0, cells=2)
    other.go()
    assert other.answer() == [0, 1]
    os.kill(sleeper.process.pid, signal.SIGCONT)
    assert sleeper.answer() == [0]
    assert sorted(executions(tmp_path)) == [0, 0, 1]
    assert stored(tmp_path) == 2
    third = visit("third", cells=2)
    third.go()
    assert third.answer() == [0, 1]
    assert len(executions(tmp_path)) == 3
    assert not list((tmp_path / "store" / "claims").iterdir())
