"""Local worker processes: deaths, limits, lines of orders, starts that fail."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import cast

import errands
import pytest
from attrs import evolve
from errands import lives, pids, task, until
from executor_laws import cause, finish, finish_one, left, told, value
from makings import good, outcome, trouble
from returns.result import Failure, Success

from lightfx.core.failures import PoolLost, Unshippable
from lightfx.core.outcome import Died, TimedOut
from lightfx.effects.executor import Begun, Finished, Progressed, Report
from lightfx.shell.executor import crew
from lightfx.shell.executor.processes import LocalProcesses
from lightfx.shell.executor.wire import PACKET


def test_tasks_run_in_other_processes_and_workers_are_kept(pool: LocalProcesses, tmp_path: Path) -> None:
    found = finish(pool, [task(number, errands.who, tmp_path / str(number)) for number in range(8)])
    used = {value(each) for each in found.values()}
    assert os.getpid() not in used
    assert len(used) <= 2


@pytest.mark.parametrize(
    ("act", "died"),
    [
        (errands.exit_at_once, Died(3, None)),
        (errands.exit_in_good_health, Died(0, None)),
        (errands.kill_itself, Died(None, "SIGKILL")),
        (errands.segfault, Died(None, "SIGSEGV")),
        (errands.die_of_a_nameless_signal, Died(None, f"signal {signal.SIGRTMIN + 3}")),
        (errands.leave_an_heir, Died(4, None)),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_a_worker_that_dies_takes_its_own_task_along_and_no_other(
    pool: LocalProcesses, tmp_path: Path, act: errands.Act, died: Died
) -> None:
    tasks = [
        task(number, act if number == 3 else errands.double, tmp_path / str(number), x=number) for number in range(8)
    ]
    found = finish(pool, tasks)
    assert cause(found.pop(3)) == died
    assert {number: value(each) for number, each in found.items()} == {n: [n, n] for n in found}
    assert until(lambda: not any(map(lives, pids(tmp_path / "3"))))


def test_of_who_died_the_last_words_and_the_half_done_output_are_kept(pool: LocalProcesses, tmp_path: Path) -> None:
    assert finish_one(pool, errands.exit_at_once, tmp_path / "a").log == "last words\n"
    killed = finish_one(pool, errands.kill_itself, tmp_path / "b")
    assert left(killed).folder == tmp_path / "b/out-0"
    assert killed.cost.seconds > 0


def test_who_dies_while_it_is_idle_takes_no_task_along(tmp_path: Path) -> None:
    """Trap: the next task was given to a dead worker, and stored as `Died`."""
    executor = LocalProcesses(1, tmp_path / "scratch")
    for turn in range(2):
        pid = value(finish_one(executor, errands.die_later, tmp_path / f"a{turn}"))
        assert isinstance(pid, int)
        assert until(lambda pid=pid: not lives(pid))
        assert value(finish_one(executor, errands.double, tmp_path / f"b{turn}", x=1)) == [1, 1]
        pid = cast("int", value(finish_one(executor, errands.who, tmp_path / f"c{turn}")))
        os.kill(pid, signal.SIGKILL)
        assert until(lambda pid=pid: not lives(pid))
        assert value(finish_one(executor, errands.double, tmp_path / f"d{turn}", x=1)) == [1, 1]
    good(executor.close())


def test_a_short_time_limit_does_not_count_the_start_of_a_worker(tmp_path: Path) -> None:
    """Trap: workers that were killed before they were up were taken for a pool that cannot start."""
    executor = LocalProcesses(2, tmp_path / "scratch")
    tasks = [task(number, errands.sleep_for_ever, tmp_path / str(number), timeout=0.05) for number in range(3)]
    assert [cause(each) for each in finish(executor, tasks).values()] == [TimedOut(0.05)] * 3
    good(executor.close())


@pytest.mark.parametrize("timeout", [1e7, 1e300])
def test_a_time_limit_may_be_longer_than_a_poll_takes(pool: LocalProcesses, tmp_path: Path, timeout: float) -> None:
    """Trap: the system counts what it waits for in milliseconds, and not to more than 25 days."""
    (found,) = finish(pool, [task(1, errands.double, tmp_path / "a", timeout=timeout, x=1)]).values()
    assert value(found) == [1, 1]


def test_waiting_for_a_while_gives_nothing_and_loses_nothing(pool: LocalProcesses, tmp_path: Path) -> None:
    good(pool.start([task(1, errands.sleep_for_ever, tmp_path / "1")]))
    assert until(lambda: list(good(pool.wait(0.01))) in ([], [Begun(1)]) and bool(pids(tmp_path / "1")))
    assert until(lambda: list(good(pool.wait(0.05))) == [] and bool(pids(tmp_path / "1")))
    good(pool.cancel())
    assert until(lambda: not any(map(lives, pids(tmp_path / "1"))))
    assert list(good(pool.wait(None))) == []


def test_closing_leaves_no_processes_and_no_files(tmp_path: Path) -> None:
    executor = LocalProcesses(2, tmp_path / "scratch")
    good(executor.start([task(number, errands.sleep_with_a_child, tmp_path / str(number)) for number in range(2)]))
    assert until(lambda: bool(good(executor.wait(0.05)) or True) and all(pids(tmp_path / str(n)) for n in range(2)))
    started = [pid for number in range(2) for pid in pids(tmp_path / str(number))]
    assert len(started) == 6
    assert all(map(lives, started))
    descriptors = len(os.listdir("/proc/self/fd"))
    good(executor.close())
    good(executor.close())
    assert until(lambda: not any(map(lives, started)))
    assert not list((tmp_path / "scratch").iterdir())
    assert len(os.listdir("/proc/self/fd")) < descriptors


UNGUARDED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import errands
from makings import good, trouble
from lightfx.shell.executor.processes import LocalProcesses

executor = LocalProcesses(1, Path(sys.argv[1]))
good(executor.start([errands.task(0, errands.double, Path(sys.argv[1]) / "0", x=1)]))
print(trouble(executor.wait(None)))
good(executor.close())
"""


def test_a_script_without_a_guard_is_told_of_it(tmp_path: Path) -> None:
    script = tmp_path / "unguarded.py"
    script.write_text(UNGUARDED)
    shared = str(Path(errands.__file__).parent)
    ran = subprocess.run([sys.executable, script, tmp_path, shared], capture_output=True, text=True, check=True)
    assert "PoolLost" in ran.stdout
    assert "__main__" in ran.stdout


def test_a_pool_that_has_nowhere_to_write_is_lost(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    executor = LocalProcesses(1, tmp_path / "file/scratch")
    failure = trouble(executor.start([task(1, errands.who, tmp_path)]))
    assert isinstance(failure, PoolLost)
    assert re.search("director", failure.why)
    good(executor.close())


def broken_start(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Let workers run this before they come up."""
    monkeypatch.setattr(crew, "_BEGIN", f"import os; {code}; {crew._BEGIN}")


def test_a_pool_whose_workers_never_come_up_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken_start(monkeypatch, "os.write(2, b'out of luck'); os._exit(5)")
    executor = LocalProcesses(2, tmp_path / "scratch")
    good(executor.start([task(number, errands.who, tmp_path / str(number)) for number in range(3)]))
    failure = trouble(executor.wait(None))
    assert isinstance(failure, PoolLost)
    assert "exit code 5: out of luck" in failure.why
    good(executor.close())


def test_a_worker_that_never_came_up_takes_no_task_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine was short of something once."""
    broken_start(
        monkeypatch,
        f"os.path.exists({str(tmp_path / 'once')!r}) or (os.mkdir({str(tmp_path / 'once')!r}), os._exit(5))",
    )
    executor = LocalProcesses(1, tmp_path / "scratch")
    found = finish(executor, [task(number, errands.double, tmp_path / str(number), x=1) for number in range(3)])
    assert [value(each) for each in found.values()] == [[1, 1]] * 3
    assert (tmp_path / "once").exists()
    good(executor.close())


def test_a_task_that_a_worker_never_got_is_given_to_another(tmp_path: Path) -> None:
    """It ends between our look at it and the moment it is given the task."""
    executor = LocalProcesses(1, tmp_path / "scratch")
    pid = cast("int", value(finish_one(executor, errands.who, tmp_path / "1")))
    os.kill(pid, signal.SIGKILL)
    assert until(lambda: not lives(pid))
    good(executor.start([task(2, errands.double, tmp_path / "2", x=1)]))
    assert len(executor._workers[0].held) == 1, "the driver has not looked yet"
    told = [each for _ in range(3) for each in good(executor.wait(None))]
    assert [value(each) for each in told if isinstance(each, Finished)] == [[1, 1]]
    good(executor.close())


def test_orders_that_wait_in_line_behind_one_that_dies_are_given_to_another(tmp_path: Path) -> None:
    executor = LocalProcesses(1, tmp_path / "scratch")
    finish_one(executor, errands.who, tmp_path / "warm")
    acts = [errands.exit_at_once if number % 3 == 1 else errands.double for number in range(12)]
    good(executor.start([task(number, act, tmp_path / str(number), x=1) for number, act in enumerate(acts)]))
    assert len(executor._workers[0].held) == 12
    found: dict[int, Finished] = {}
    while len(found) < 12:
        found |= {each.number: each for each in good(executor.wait(None)) if isinstance(each, Finished)}
    died = {number for number, each in found.items() if isinstance(each.result, Failure)}
    assert died == {1, 4, 7, 10}
    assert {cause(found[number]) for number in died} == {Died(3, None)}
    good(executor.close())


def test_who_has_nothing_to_do_takes_what_waits_behind_a_long_task(tmp_path: Path) -> None:
    executor = LocalProcesses(2, tmp_path / "scratch")
    finish(executor, [task(number, errands.spin, tmp_path / f"warm-{number}") for number in range(4)])
    acts = [errands.sleep_for_ever, *[errands.double] * 9]
    good(executor.start([task(number, act, tmp_path / str(number), x=1) for number, act in enumerate(acts)]))
    found: set[int] = set()
    while len(found) < 9:
        found |= {each.number for each in good(executor.wait(None)) if isinstance(each, Finished)}
    assert found == set(range(1, 10))
    good(executor.close())


def test_a_task_begins_once_and_then_tells_how_far_it_is(tmp_path: Path) -> None:
    executor = LocalProcesses(2, tmp_path / "scratch")
    reports = told(executor, [task(number, errands.count, tmp_path / str(number)) for number in range(8)])
    for number in range(8):
        mine = [
            evolve(each, result=Success(())) if isinstance(each, Finished) else each
            for each in reports
            if each.number == number
        ]
        assert mine[:3] == [Begun(number), Progressed(number, 1, 3), Progressed(number, 2, 3)]
        assert isinstance(mine[3], Finished)
    good(executor.close())


def test_what_is_told_of_a_running_task_is_given_at_once(tmp_path: Path) -> None:
    executor = LocalProcesses(1, tmp_path / "scratch")
    good(executor.start([task(1, errands.tell_and_sleep, tmp_path / "1")]))
    seen: list[Report] = []
    while len(seen) < 2:
        seen += good(executor.wait(None))
    assert seen == [Begun(1), Progressed(1, 5, 0)]
    good(executor.close())


def test_what_has_not_begun_can_be_withdrawn(tmp_path: Path) -> None:
    executor = LocalProcesses(2, tmp_path / "scratch")
    good(executor.start([task(n, errands.wait_for_leave, tmp_path / str(n)) for n in range(6)]))
    assert until(lambda: bool(good(executor.wait(0.01)) or True) and all(pids(tmp_path / str(n)) for n in (0, 1)))
    assert good(executor.withdraw()) == {2, 3, 4, 5}
    (tmp_path / "go").touch()
    found: set[int] = set()
    while len(found) < 2:
        found |= {each.number for each in good(executor.wait(None)) if isinstance(each, Finished)}
    assert found == {0, 1}
    assert not any(pids(tmp_path / str(number)) for number in range(2, 6))
    assert list(good(executor.wait(None))) == []
    good(executor.close())


def test_long_orders_and_long_answers_arrive(tmp_path: Path) -> None:
    executor = LocalProcesses(2, tmp_path / "scratch")
    for size in (PACKET - 1000, PACKET, 1 << 20):
        found = finish(executor, [task(n, errands.double, tmp_path / "1", x=f"{n}" * size) for n in range(1, 9)])
        assert {number: value(each) for number, each in found.items()} == {n: [f"{n}" * size] * 2 for n in range(1, 9)}
    assert not list((tmp_path / "scratch").glob("order-*"))
    good(executor.start([task(n, errands.double, tmp_path / "1", x="x" * PACKET) for n in range(8)]))
    assert len(list((tmp_path / "scratch").glob("order-*"))) == 8
    good(executor.close())
    assert not list((tmp_path / "scratch").iterdir())


def test_no_more_workers_come_up_at_once_than_there_are_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    executor = LocalProcesses(5, tmp_path / "scratch")
    good(executor.start([task(number, errands.sleep_for_ever, tmp_path / str(number)) for number in range(20)]))
    most = 0
    while sum(bool(each.held) for each in executor._workers) < 5:
        most = max(most, sum(not each.ready for each in executor._workers))
        good(executor.wait(0.01))
    assert most == 2
    good(executor.close())


def test_what_had_finished_comes_before_the_trouble(tmp_path: Path) -> None:
    """A task that cannot be loaded ends the run; what others had finished is not lost with it."""
    executor = LocalProcesses(1, tmp_path / "scratch")
    finish_one(executor, errands.spin, tmp_path / "0")
    good(executor.start([task(1, errands.double, tmp_path / "1", x=1), task(2, errands.Unloadable(), tmp_path / "2")]))
    found: list[Report] = []
    while not any(isinstance(each, Finished) for each in found):
        found += good(executor.wait(None))
    assert [each.number for each in found if isinstance(each, Finished)] == [1]
    while isinstance(ended := outcome(executor.wait(None)), Success):
        assert ended.unwrap() == (Begun(2),)
    assert isinstance(ended.failure(), Unshippable)
    good(executor.close())
