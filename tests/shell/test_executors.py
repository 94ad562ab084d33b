"""Executors: every one obeys the laws; worker processes that die, hang, or cannot be given a task."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, cast

import errands
import executor_laws as laws
import pytest
from attrs import evolve
from errands import lives, pids, task, until
from executor_laws import LAWS, Law, cause, finish, finish_one, left, value
from makings import good, trouble
from returns.io import IOResult, IOSuccess
from returns.primitives.exceptions import UnwrapFailedError
from returns.result import Success
from scenes import Other

from lightfx.core.failures import EngineFailure, PoolLost, Unshippable
from lightfx.core.outcome import Died, TimedOut
from lightfx.core.realization import Cost
from lightfx.effects.executor import Executor, Finished, Task
from lightfx.shell.executor import crew
from lightfx.shell.executor.crew import signal_name
from lightfx.shell.executor.inline import InlineExecutor
from lightfx.shell.executor.processes import LocalProcesses
from lightfx.shell.executor.work import carry_out, peak_of_process


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalProcesses]:
    """One pool for all: whatever a test does to its workers, the next finds it working."""
    executor = LocalProcesses(2, tmp_path_factory.mktemp("pool"))
    yield executor
    good(executor.close())


def executor_of(kind: str, request: pytest.FixtureRequest) -> Executor:
    return InlineExecutor() if kind == "inline" else request.getfixturevalue("pool")


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("kind", ["inline", "processes"])
def test_executors_obey(kind: str, law: Law, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    law(executor_of(kind, request), tmp_path)


class Plain:
    """A naive executor, all of whose deeds a test may replace by wrong ones."""

    capacity = 4

    def __init__(self, **deeds: Callable[..., Any]) -> None:
        self._waiting: list[Task] = []
        self._deeds = deeds

    def start(self, tasks: Sequence[Task]) -> IOResult[None, EngineFailure]:
        self._waiting += tasks
        return IOSuccess(None)

    def wait(self, seconds: float | None) -> IOResult[Sequence[Finished], EngineFailure]:
        tasks, self._waiting = self._waiting, []
        after = self._deeds.get("after", lambda each, _: each)
        return IOSuccess([after(self._run(each), each) for each in tasks])

    def _run(self, one: Task) -> Finished:
        run = self._deeds.get("run")
        if run is not None:
            return cast("Finished", run(one))
        right = InlineExecutor()
        good(right.start([one]))
        return good(right.wait(None))[0]

    def cancel(self) -> IOResult[None, EngineFailure]:
        self._deeds.get("cancel", self._waiting.clear)()
        return IOSuccess(None)

    def close(self) -> IOResult[None, EngineFailure]:
        return self.cancel()


def _bare(one: Task) -> Finished:
    """No measures at all."""
    return Finished(one.number, one.realizer(one.order))


def _captured_together() -> Callable[[Task], Finished]:
    written = StringIO()

    def run(one: Task) -> Finished:
        with contextlib.redirect_stdout(written), contextlib.redirect_stderr(written):
            return evolve(carry_out(one, peak_of_process), log=written.getvalue())

    return run


def _captured_naively(one: Task) -> Finished:
    out, err = sys.stdout, sys.stderr
    sys.stdout = sys.stderr = written = StringIO()
    try:
        finished = carry_out(one, peak_of_process)
        return evolve(finished, log=written.getvalue())
    except ValueError:
        return Finished(one.number, Success(()))
    finally:
        sys.stdout, sys.stderr = out, err


def _moving(one: Task) -> Finished:
    if one.realizer.act is errands.go_elsewhere:  # type: ignore[attr-defined]
        os.chdir("/")
    return carry_out(one, peak_of_process)


CONTROLS: dict[Law, dict[str, Callable[..., Any]]] = {
    laws.results_come_with_their_numbers: {"after": lambda each, _: evolve(each, number=each.number ^ 1)},
    laws.a_failure_is_data: {"after": lambda each, _: evolve(each, result=Success(()))},
    laws.what_is_raised_is_a_left: {"after": lambda each, _: evolve(each, result=Success(()))},
    laws.what_is_written_goes_to_the_log: {"after": lambda each, _: evolve(each, log=each.log.replace("to err\n", ""))},
    laws.each_task_has_its_own_log: {"run": _captured_together()},
    laws.a_long_log_is_kept_whole_beside_its_end: {"after": lambda each, _: evolve(each, whole_log=None)},
    laws.a_log_that_cannot_be_kept_whole_spoils_no_result: {"after": lambda each, _: evolve(each, log="short")},
    laws.an_attempt_is_measured: {"after": lambda each, _: evolve(each, cost=Cost())},
    laws.no_task_spoils_the_output_of_the_next: {"run": _captured_naively},
    laws.no_task_moves_the_next_elsewhere: {"run": _moving},
    laws.code_that_changed_does_not_run: {"run": _bare},
    laws.nothing_comes_of_what_was_cancelled: {"cancel": lambda: None},
    laws.closing_twice_is_fine: {"cancel": lambda: None},
}


def test_every_law_has_a_negative_control() -> None:
    assert set(CONTROLS) == set(LAWS)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_every_law_catches_a_wrong_executor(law: Law, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises((AssertionError, AttributeError, IndexError, UnwrapFailedError)):
        law(Plain(**CONTROLS[law]), tmp_path)


# Inline.


def test_inline_an_interrupt_comes_after_what_had_finished(tmp_path: Path) -> None:
    executor = InlineExecutor()
    acts = [errands.who, errands.interrupt, errands.who]
    good(executor.start([task(number, act, tmp_path) for number, act in enumerate(acts)]))
    assert [each.number for each in good(executor.wait(None))] == [0]
    with pytest.raises(KeyboardInterrupt):
        executor.wait(None)
    assert [each.number for each in good(executor.wait(None))] == [2]
    good(executor.start([task(1, errands.interrupt, tmp_path)]))
    with pytest.raises(KeyboardInterrupt):
        executor.wait(None)


# Workers.


def test_what_programs_write_is_in_the_log(pool: LocalProcesses, tmp_path: Path) -> None:
    assert finish_one(pool, errands.speak_through_others, tmp_path / "a").log == "from a child\nand its error\n"
    assert finish_one(pool, errands.babble, tmp_path / "b").log == "\ufffd\x00\ufffd binary\n"


def test_a_worker_whose_output_was_closed_under_it_goes_on(pool: LocalProcesses, tmp_path: Path) -> None:
    """Trap: its number is given to the next file that is opened."""
    for turn in range(4):
        assert value(finish_one(pool, errands.close_descriptors, tmp_path / f"a{turn}")) == 1
        assert finish_one(pool, errands.speak, tmp_path / f"b{turn}").log.count("to ") == 2


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


def test_a_time_limit_ends_all_that_the_task_started(pool: LocalProcesses, tmp_path: Path) -> None:
    tasks = [
        task(1, errands.sleep_with_a_child, tmp_path / "1", timeout=1.0),
        task(2, errands.double, tmp_path / "2", x=2, timeout=1000.0),
    ]
    found = finish(pool, tasks)
    assert cause(found[1]) == TimedOut(1.0)
    assert found[1].log == "going to sleep\n"
    assert value(found[2]) == [2, 2]
    started = pids(tmp_path / "1")
    assert len(started) == 2
    assert until(lambda: not any(map(lives, started)))


def test_a_short_time_limit_does_not_count_the_start_of_a_worker(tmp_path: Path) -> None:
    """Trap: workers that were killed before they were up were taken for a pool that cannot start."""
    executor = LocalProcesses(2, tmp_path / "scratch")
    tasks = [task(number, errands.sleep_for_ever, tmp_path / str(number), timeout=0.05) for number in range(3)]
    assert [cause(each) for each in finish(executor, tasks).values()] == [TimedOut(0.05)] * 3
    good(executor.close())


def test_waiting_for_a_while_gives_nothing_and_loses_nothing(pool: LocalProcesses, tmp_path: Path) -> None:
    good(pool.start([task(1, errands.sleep_for_ever, tmp_path / "1")]))
    assert list(good(pool.wait(0.01))) == []
    assert until(lambda: list(good(pool.wait(0.05))) == [] and bool(pids(tmp_path / "1")))
    good(pool.cancel())
    assert until(lambda: not any(map(lives, pids(tmp_path / "1"))))
    assert list(good(pool.wait(None))) == []


def test_closing_leaves_no_processes_and_no_files(tmp_path: Path) -> None:
    executor = LocalProcesses(2, tmp_path / "scratch")
    good(executor.start([task(number, errands.sleep_with_a_child, tmp_path / str(number)) for number in range(2)]))
    assert until(lambda: list(good(executor.wait(0.05))) == [] and all(pids(tmp_path / str(n)) for n in range(2)))
    started = [pid for number in range(2) for pid in pids(tmp_path / str(number))]
    assert len(started) == 4
    assert all(map(lives, started))
    descriptors = len(os.listdir("/proc/self/fd"))
    good(executor.close())
    good(executor.close())
    assert until(lambda: not any(map(lives, started)))
    assert not list((tmp_path / "scratch").iterdir())
    assert len(os.listdir("/proc/self/fd")) < descriptors


def test_workers_end_when_their_driver_is_killed(tmp_path: Path) -> None:
    with Other("pool", tmp_path) as driver:
        workers = [int(word) for word in driver.hear().split()]
        assert len(workers) == 2
        assert all(map(lives, workers))
        driver.kill()
        assert until(lambda: not any(map(lives, workers)))


def test_what_no_worker_can_import_is_shipped_by_value(tmp_path: Path) -> None:
    with Other("closure", tmp_path) as driver:
        assert driver.hear() == "[42]"


def test_without_cloudpickle_it_says_what_to_install(tmp_path: Path) -> None:
    with Other("unshippable", tmp_path) as driver:
        said = driver.hear()
    assert said.startswith("Unshippable(")
    assert "lightfx[notebook]" in said


def test_what_cannot_be_pickled_at_all_is_said(pool: LocalProcesses, tmp_path: Path) -> None:
    lock = threading.Lock()
    failure = trouble(pool.start([task(1, lambda _: lock.locked(), tmp_path)]))
    assert isinstance(failure, Unshippable)
    assert value(finish_one(pool, errands.double, tmp_path, x=1)) == [1, 1]


class Unloadable:
    """It can be pickled, and raises when it is loaded."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return int, ("no number",)

    def __call__(self, _: object) -> None: ...


def test_what_a_worker_cannot_load_is_said(pool: LocalProcesses, tmp_path: Path) -> None:
    good(pool.start([task(1, Unloadable(), tmp_path)]))
    failure = trouble(pool.wait(None))
    assert isinstance(failure, Unshippable)
    assert "no number" in failure.why
    assert value(finish_one(pool, errands.double, tmp_path, x=1)) == [1, 1]


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


def test_a_pool_whose_workers_never_come_up_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "serve", errands.never_come_up)
    executor = LocalProcesses(2, tmp_path / "scratch")
    good(executor.start([task(number, errands.who, tmp_path / str(number)) for number in range(3)]))
    failure = trouble(executor.wait(None))
    assert isinstance(failure, PoolLost)
    assert "exit code 5" in failure.why
    good(executor.close())


def test_a_worker_that_never_came_up_takes_no_task_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "serve", errands.come_up_the_second_time)
    executor = LocalProcesses(1, tmp_path / "scratch")
    found = finish(executor, [task(number, errands.double, tmp_path / str(number), x=1) for number in range(3)])
    assert [value(each) for each in found.values()] == [[1, 1]] * 3
    good(executor.close())


def test_a_task_that_a_worker_never_got_is_given_to_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends between our look at it and the moment it is given the task."""
    executor = LocalProcesses(1, tmp_path / "scratch")
    pid = cast("int", value(finish_one(executor, errands.who, tmp_path / "1")))
    os.kill(pid, signal.SIGKILL)
    assert until(lambda: not lives(pid))
    monkeypatch.setattr(LocalProcesses, "_idle", lambda pool: deque(each for each in pool._workers if not each.task))
    assert value(finish_one(executor, errands.double, tmp_path / "2", x=1)) == [1, 1]
    good(executor.close())


def test_where_the_kernel_tells_of_no_process_the_pipe_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    executor = LocalProcesses(1, tmp_path / "scratch")
    assert cause(finish_one(executor, errands.exit_at_once, tmp_path / "1")) == Died(3, None)
    assert value(finish_one(executor, errands.double, tmp_path / "2", x=1)) == [1, 1]
    good(executor.close())


def test_what_had_finished_comes_before_the_trouble(tmp_path: Path) -> None:
    """A task that cannot be loaded ends the run; what others had finished is not lost with it."""
    executor = LocalProcesses(2, tmp_path / "scratch")
    finish(executor, [task(number, errands.spin, tmp_path / str(number)) for number in range(4)])
    good(executor.start([task(1, errands.double, tmp_path / "1", x=1), task(2, Unloadable(), tmp_path / "2")]))
    for worker in executor._workers:
        assert until(lambda worker=worker: worker.pipe.poll())
    assert [each.number for each in good(executor.wait(None))] == [1]
    assert isinstance(trouble(executor.wait(None)), Unshippable)
    good(executor.close())


def test_signals_have_names() -> None:
    assert [signal_name(number) for number in (9, 11, 63)] == ["SIGKILL", "SIGSEGV", "signal 63"]
