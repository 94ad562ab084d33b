"""Keepers: what a worker started ends with it, and a worker with its driver; nothing else is touched."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import errands
import pytest
from errands import lives, pids, task, until
from executor_laws import cause, finish, finish_one, value
from makings import good
from scenes import Other

from lightfx.core.outcome import Died, TimedOut
from lightfx.effects.executor import Finished, Report
from lightfx.shell.executor import keeper
from lightfx.shell.executor.processes import LocalProcesses


@pytest.fixture
def innocent() -> Iterator[list[int]]:
    """Processes of the test, of the same name as those of a stage, in this session and in one of their own."""
    started = [subprocess.Popen(["/bin/sleep", "1000"], start_new_session=alone) for alone in (False, True)]
    yield [each.pid for each in started]
    for each in started:
        each.kill()
        each.wait()


def test_a_time_limit_ends_all_that_the_task_started(pool: LocalProcesses, tmp_path: Path, innocent: list[int]) -> None:
    tasks = [
        task(1, errands.sleep_with_a_child, tmp_path / "1", timeout=1.0),
        task(2, errands.double, tmp_path / "2", x=2, timeout=1000.0),
        task(3, errands.flee, tmp_path / "3", timeout=1.0),
    ]
    found = finish(pool, tasks)
    assert cause(found[1]) == cause(found[3]) == TimedOut(1.0)
    assert found[1].log == "going to sleep\n"
    assert value(found[2]) == [2, 2]
    started = pids(tmp_path / "1") + pids(tmp_path / "3")
    assert len(started) == 6
    assert not any(map(lives, started)), "nothing of it is left when it is told"
    assert all(map(lives, innocent))


def test_what_fled_from_a_worker_that_died_is_ended(pool: LocalProcesses, tmp_path: Path, innocent: list[int]) -> None:
    assert cause(finish_one(pool, errands.flee_and_die, tmp_path)) == Died(3, None)
    (daemon,) = pids(tmp_path)
    assert not lives(daemon)
    assert all(map(lives, innocent))


def test_what_a_task_left_behind_ends_with_its_worker(tmp_path: Path) -> None:
    executor = LocalProcesses(1, tmp_path / "scratch")
    assert value(finish_one(executor, errands.flee_and_return, tmp_path)) is None
    (daemon,) = pids(tmp_path)
    assert lives(daemon)
    good(executor.close())
    assert not lives(daemon)


STUBBORN = ("sleep_with_a_child", "flee", "hold_the_interpreter", "block_signals")


def test_nothing_survives_a_driver_that_is_killed(tmp_path: Path, innocent: list[int]) -> None:
    with Other("pool", tmp_path, *STUBBORN) as driver:
        ours = [int(word) for word in driver.hear().split()]
        assert len(ours) == 10
        assert all(map(lives, ours))
        driver.kill()
        assert until(lambda: not any(map(lives, ours)))
    assert all(map(lives, innocent))


def test_nothing_survives_a_driver_whose_child_goes_on(tmp_path: Path) -> None:
    """Trap: what the driver forks holds every line of the pool open."""
    with Other("pool_of_a_parent", tmp_path, *STUBBORN) as driver:
        ours = [int(word) for word in driver.hear().split()]
        child = int(driver.hear())
        driver.kill()
        assert until(lambda: not any(map(lives, ours)))
        assert lives(child), "it is not ours"
        os.kill(child, signal.SIGKILL)


def test_workers_outlive_the_thread_that_hired_them(tmp_path: Path) -> None:
    """Trap: the signal at the death of a parent comes at the end of the thread that started the child."""
    with Other("pool_of_a_thread", tmp_path, *STUBBORN) as driver:
        ours = [int(word) for word in driver.hear().split()]
        assert driver.hear() == "on"
        assert all(map(lives, ours))
        driver.kill()
        assert until(lambda: not any(map(lives, ours)))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_who_kills_a_keeper_kills_its_worker_and_no_other(
    pool: LocalProcesses, tmp_path: Path, number: signal.Signals
) -> None:
    good(pool.start([task(1, errands.flee, tmp_path / "1"), task(2, errands.double, tmp_path / "2", x=1)]))
    told: list[Report] = []
    assert until(lambda: (told.extend(good(pool.wait(0.01))), bool(pids(tmp_path / "1")))[1])
    worker, its_keeper, daemon = pids(tmp_path / "1")
    os.kill(its_keeper, number)
    # Both are waited for: what the other came to must not be there when the next test looks.
    while len(ended := {each.number: each for each in told if isinstance(each, Finished)}) < 2:
        told += good(pool.wait(None))
    assert cause(ended[1]) == Died(None, "SIGKILL")
    assert value(ended[2]) == [1, 1]
    assert until(lambda: not lives(worker))
    if number is signal.SIGKILL:  # who is killed cannot end what fled
        os.kill(daemon, signal.SIGKILL)
    assert until(lambda: not lives(daemon))


def test_other_signals_do_not_trouble_a_keeper(pool: LocalProcesses, tmp_path: Path) -> None:
    good(pool.start([task(1, errands.sleep_for_ever, tmp_path / "1", timeout=1.0)]))
    assert until(lambda: bool(good(pool.wait(0.01)) or True) and bool(pids(tmp_path / "1")))
    worker, its_keeper = pids(tmp_path / "1")
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        os.kill(its_keeper, number)
    os.kill(worker, signal.SIGINT)
    assert [cause(each) for each in good(pool.wait(None))] == [TimedOut(1.0)]  # type: ignore[arg-type]


def test_a_keeper_knows_its_children_and_no_others(innocent: list[int]) -> None:
    child = subprocess.Popen(["/bin/sh", "-c", "sleep 1000 & wait"], stdin=subprocess.DEVNULL, process_group=0)
    try:
        assert {child.pid, *innocent} <= set(keeper._children())
        assert 1 not in keeper._children()
        assert os.getpid() not in keeper._children()
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    assert child.pid not in keeper._children()
