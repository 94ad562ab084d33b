"""The Dask executor, on a real scheduler and workers over TCP: it obeys the laws, and survives what may end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import errands
import pytest

pytest.importorskip("distributed")

import distant
from attrs import evolve, frozen
from clusters import HERE, SOURCES, DaskCluster
from errands import lives, pids, task, until
from executor_laws import LAWS, Law, cause, finish, finish_one, left, value
from makings import good, trouble
from memory_groups import MIB, memory_group
from returns.io import IOResult, IOSuccess
from returns.result import Failure

from lightfx import (
    Died,
    EngineError,
    Outcome,
    Resources,
    Returned,
    TimedOut,
    World,
    open_world,
    realize_all,
    source_file,
    unwrap,
)
from lightfx.core.derivation import Asks
from lightfx.core.failures import EngineFailure, PoolLost, Unshippable
from lightfx.core.terms import Limits
from lightfx.effects.executor import Begun, Executor, ExecutorMaker, Finished, Progressed, Report, Task
from lightfx.executors import dask
from lightfx.journal import JournalEvent, Listener, TaskProgressed
from lightfx.shell.executor import cluster as connection
from lightfx.shell.executor import dask as driver
from lightfx.shell.executor.cluster import Answered, Said
from lightfx.shell.executor.dask import DaskExecutor

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
NO_LIMITS = Limits()


@frozen
class Finishing:
    """An executor of which only ends are told; the laws are about these."""

    executor: Executor

    @property
    def capacity(self) -> int:
        return self.executor.capacity

    def start(self, tasks: Sequence[Task]) -> IOResult[None, EngineFailure]:
        return self.executor.start(tasks)

    def wait(self, seconds: float | None) -> IOResult[Sequence[Report], EngineFailure]:
        while True:
            reports = good(self.executor.wait(seconds))
            finished = [each for each in reports if isinstance(each, Finished)]
            if finished or not reports:
                return IOSuccess(finished)

    def cancel(self) -> IOResult[None, EngineFailure]:
        return self.executor.cancel()

    def close(self) -> IOResult[None, EngineFailure]:
        return self.executor.close()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """One cluster for all that do it no lasting harm."""
    with DaskCluster(tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest.fixture(scope="module")
def executors(cluster: DaskCluster) -> Iterator[dict[bool, Executor]]:
    """With a shared file system, and without."""
    cluster.staff(2)
    made = {shared: opened(cluster, shared=shared) for shared in (True, False)}
    yield made
    for each in made.values():
        good(each.close())


def opened(
    cluster: DaskCluster, *, shared: bool = True, heartbeat: float = 30.0, limits: Limits = NO_LIMITS
) -> Executor:
    return good(dask(cluster.address, shared=shared, heartbeat=heartbeat)(limits))


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("shared", [True, False], ids=["shared", "apart"])
def test_it_obeys(law: Law, executors: dict[bool, Executor], tmp_path: Path, *, shared: bool) -> None:
    law(Finishing(executors[shared]), tmp_path)  # type: ignore[arg-type]


# Runs.


def plans(home: Path) -> dict[str, object]:
    (home / "input").write_text("some input\n")
    halves = [distant.halve(number) for number in (4, 5)]
    books = [distant.write(title, halves[0]) for title in ("A", "B")]
    return {
        "right": halves[0],
        "returned": halves[1],
        "book": books[0],
        "upstream": distant.write("C", halves[1]),
        "read": distant.read(books, source_file(home / "input")),
        "count": distant.count([each.tolerate() for each in halves]),
        "raised": distant.divide(0),
        "forbidden": distant.bad(1),
    }


def told(world: World, found: dict[str, Outcome[object]]) -> dict[str, object]:
    """What is stored of each: its names, its log, the content of its folder."""
    records = unwrap(world.store.realizations([rref for each in found.values() for rref in each.rrefs]))
    return {
        name: [(rref.text, records[rref].log, records[rref].tree) for rref in outcome.rrefs]
        for name, outcome in found.items()
    }


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "apart"])
def test_a_run_stores_what_an_inline_run_stores(cluster: DaskCluster, tmp_path: Path, *, shared: bool) -> None:
    cluster.staff(2)
    makers: list[ExecutorMaker | None] = [None, dask(cluster.address, shared=shared)]
    stored = []
    for number, maker in enumerate(makers):
        with open_world(tmp_path / str(number), executor=maker) as world:
            stored.append(told(world, unwrap(realize_all(world, plans(tmp_path)))))  # type: ignore[arg-type]
    assert stored[0] == stored[1]
    assert not any((tmp_path / "1/tmp").iterdir())


SCRIPT = """
import sys
from pathlib import Path
from attrs import frozen
from lightfx import Build, Derivation, evaluate, open_world, stage
from lightfx.executors import dask
from lightfx.journal import JournalEvent, Listener, TaskProgressed

@frozen
class Pair:
    left: int
    right: int

def helper(number: int) -> int:
    return number * 2

@stage
def pair(build: Build, number: int) -> Pair:
    return Pair(number, helper(number))

@stage
def added(build: Build, pair: Derivation[Pair]) -> int:
    made = build.need(pair)
    return made.left + made.right

if __name__ == "__main__":
    with open_world(sys.argv[1], executor=dask(sys.argv[2])) as world:
        print(evaluate(world, added(pair(14))))
"""


def run_script(text: str, cluster: DaskCluster, home: Path) -> subprocess.CompletedProcess[str]:
    (home / "script.py").write_text(text)
    command = [sys.executable, str(home / "script.py"), str(home / "store"), cluster.address]
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_the_script_that_runs_goes_along(cluster: DaskCluster, tmp_path: Path) -> None:
    """Its stages, its records, its helpers are found by name."""
    cluster.staff(2)
    done = run_script(SCRIPT, cluster, tmp_path)
    assert done.stdout == "42\n", done.stderr


def test_a_script_without_a_guard_is_told_of_it(cluster: DaskCluster, tmp_path: Path) -> None:
    cluster.staff(1)
    done = run_script(SCRIPT.replace('if __name__ == "__main__":', "if True:"), cluster, tmp_path)
    assert done.returncode == 1
    assert "cannot be given to a worker process" in done.stderr
    assert "under `if __name__ == '__main__':`" in done.stderr


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "apart"])
def test_a_stage_may_need_what_it_finds_out_and_tell_how_far_it_is(
    cluster: DaskCluster, tmp_path: Path, *, shared: bool
) -> None:
    cluster.staff(2)
    heard: list[JournalEvent] = []
    maker = dask(cluster.address, shared=shared)
    with open_world(tmp_path / "store", executor=maker, journal=Listener(heard.append)) as world:
        assert [each.value for each in unwrap(realize_all(world, [distant.deep(3)]))] == [4]  # type: ignore[union-attr]
    assert any(isinstance(each, TaskProgressed) for each in heard)


def test_what_a_stage_asks_for_comes_back(cluster: DaskCluster, tmp_path: Path) -> None:
    cluster.staff(1)
    executor = opened(cluster)
    good(executor.start([evolve(task(1, errands.who, tmp_path), realizer=distant.Asking(errands.who))]))
    (finished,) = ends(executor)
    asks = finished.result.failure()
    assert isinstance(asks, Asks)
    assert [need.dref for need in asks.needs] == [distant.halve(8).dref, distant.halve(9).dref]
    good(executor.close())


# What a worker may do.


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "apart"])
def test_a_process_that_dies_leaves_its_dask_worker_alone(
    cluster: DaskCluster, tmp_path: Path, *, shared: bool
) -> None:
    cluster.staff(2)
    before = set(cluster.workers)
    executor = Finishing(opened(cluster, shared=shared))
    killed = finish_one(executor, errands.kill_itself, tmp_path / "a")  # type: ignore[arg-type]
    assert cause(killed) == Died(None, "SIGKILL")
    assert left(killed).folder == tmp_path / "a/out-0"
    assert (tmp_path / "a/out-0/a").read_text() == "a"
    late = finish_one(executor, errands.sleep_with_a_child, tmp_path / "b", timeout=1.5)  # type: ignore[arg-type]
    assert cause(late) == TimedOut(1.5)
    assert late.log == "going to sleep\n"
    assert set(cluster.staff(2).workers) == before
    good(executor.close())


def begin(executor: Executor, act: errands.Act, home: Path, number: int = 1) -> Path:
    """Start one task that lingers, and give its home when it is at work."""
    home.mkdir(exist_ok=True)
    good(executor.start([task(number, act, home / "place", x=str(home))]))
    assert until(lambda: bool(good(executor.wait(0.05))) or bool(pids(home)))
    assert until(lambda: bool(pids(home)))
    return home


def ends(executor: Executor, seconds: float = 30.0) -> list[Finished]:
    """Wait for the end of all that runs."""
    found: list[Finished] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        reports = good(executor.wait(end - time.monotonic()))
        found += [each for each in reports if isinstance(each, Finished)]
        if not reports:
            return found
    raise AssertionError("it did not end in time")


@pytest.mark.quick
@pytest.mark.reliability(
    "E1", "a Dask worker is killed in the midst of a task", passes="another finishes it; one result"
)
@pytest.mark.parametrize("shared", [True, False], ids=["shared", "apart"])
def test_a_worker_killed_in_mid_task_gives_another_a_try(cluster: DaskCluster, tmp_path: Path, *, shared: bool) -> None:
    cluster.staff(2)
    executor = opened(cluster, shared=shared)
    home = begin(executor, distant.linger_the_first_time, tmp_path)
    (stage_process,) = pids(home)
    cluster.let_go(cluster.worker_of(stage_process))
    (finished,) = ends(executor)
    assert cause(finished) == Returned("second", None)
    assert (left(finished).folder or home).joinpath("who").read_text() == "second"
    assert until(lambda: not lives(stage_process))
    good(executor.close())


@pytest.mark.quick
@pytest.mark.reliability(
    "E1", "a task kills each Dask worker that it gets", passes="it is LEFT within ten seconds, and no other"
)
@pytest.mark.parametrize("workers", [2, 5])  # a fifth is never touched
def test_a_task_that_always_kills_its_worker_ends_as_died(cluster: DaskCluster, tmp_path: Path, workers: int) -> None:
    """Within ten seconds, whether workers are left or not; and no other task with it."""
    cluster.staff(workers)
    (tmp_path / "workers").write_text(" ".join(str(each.pid) for each in cluster.workers.values()))
    executor = opened(cluster)
    warm = [task(number, errands.spin, tmp_path / str(number)) for number in range(4 * workers)]
    finish(Finishing(executor), warm)  # type: ignore[arg-type]
    good(executor.start([task(1, distant.kill_its_worker, tmp_path / "place", x=str(tmp_path))]))
    (finished,) = ends(executor, 10.0)
    assert cause(finished) == Died(None, None)
    assert len((tmp_path / "deaths").read_text()) in (2, 3, 4)
    cluster.staff(1)
    assert value(finish_one(Finishing(executor), errands.double, tmp_path / "next", x=1)) == [1, 1]  # type: ignore[arg-type]
    good(executor.close())


@pytest.mark.reliability(
    "E1", "memory runs out on a Dask worker", passes="the task is LEFT, out of memory; its worker lives, and goes on"
)
def test_a_worker_outlives_a_task_that_is_killed_for_memory(tmp_path: Path) -> None:
    """The system kills who has most, the process of the stage. A worker that is killed itself is lost, as above."""
    with memory_group(512 * MIB) as group, DaskCluster(tmp_path) as cluster:
        worker = cluster.hire(group=group)
        executor = Finishing(opened(cluster))
        eaten = finish_one(executor, errands.take_all_memory, tmp_path / "eaten")  # type: ignore[arg-type]
        assert cause(eaten) == Died(None, "SIGKILL", out_of_memory=True)
        assert value(finish_one(executor, errands.double, tmp_path / "next", x=1)) == [1, 1]  # type: ignore[arg-type]
        assert (worker.poll(), group.kills) == (None, 1)
        good(executor.close())


@pytest.mark.quick
@pytest.mark.reliability(
    "E1",
    "a Dask worker is stopped, and goes on later",
    passes="another finishes the task; what comes late reaches nobody",
)
def test_a_worker_that_hangs_is_noticed_and_what_it_does_later_reaches_nobody(
    cluster: DaskCluster, tmp_path: Path
) -> None:
    cluster.staff(2)
    executor = opened(cluster, heartbeat=1.5)
    home = begin(executor, distant.linger_the_first_time, tmp_path)
    (stage_process,) = pids(home)
    hung = cluster.worker_of(stage_process)
    os.kill(hung, signal.SIGSTOP)
    (finished,) = ends(executor)
    assert cause(finished) == Returned("second", None)
    (home / "go").touch()
    assert until((home / "late").exists)
    os.kill(hung, signal.SIGCONT)
    assert until(lambda: not lives(stage_process))
    assert list(good(executor.wait(0.5))) == []
    assert (home / "place/out-0/who").read_text() == "second"
    good(executor.close())
    cluster.let_go(hung)


def test_a_worker_that_hangs_before_it_gets_a_task_is_noticed(cluster: DaskCluster, tmp_path: Path) -> None:
    cluster.staff(2)
    executor = opened(cluster, heartbeat=1.5)
    hung = next(iter(cluster.workers.values())).pid
    os.kill(hung, signal.SIGSTOP)
    found = finish(Finishing(executor), [task(number, errands.who, tmp_path / str(number)) for number in range(6)])  # type: ignore[arg-type]
    assert len({value(each) for each in found.values()}) == 1
    good(executor.close())
    cluster.let_go(hung)


# What it takes.


def test_resources_are_those_of_dask(tmp_path: Path) -> None:
    with DaskCluster(tmp_path) as cluster:
        cluster.hire("--resources", "gpu=1 cores=3 memory=100", threads=4)
        executor = opened(cluster)
        for name, taken in {
            "gpu": Resources(tickets={"gpu": 1}),
            "cores": Resources(cores=2),
            "memory": Resources(memory=60),
        }.items():
            home = tmp_path / name
            home.mkdir()
            one = evolve(task(0, distant.count_at_once, home / "place", x=str(home)), resources=taken)
            found = finish(Finishing(executor), [evolve(one, number=number) for number in range(4)])  # type: ignore[arg-type]
            assert {value(each) for each in found.values()} == {1}, name
        assert executor.capacity == 64
        impossible = evolve(task(1, errands.who, tmp_path), resources=Resources(tickets={"gpu": 2}))
        refused = trouble(executor.start([impossible]))
        assert isinstance(refused, Unshippable)
        assert "gpu=2 (the most: 1)" in refused.why
        assert list(good(executor.wait(None))) == []
        good(executor.close())
        with open_world(tmp_path / "store", executor=dask(cluster.address)) as world:
            grid = [distant.with_gpu(str(tmp_path), number) for number in range(4)]
            assert {each.value for each in unwrap(realize_all(world, grid))} == {1}  # type: ignore[union-attr]
            assert isinstance(trouble(realize_all(world, [distant.with_two()])), Unshippable)


def test_tickets_that_the_world_counts_are_not_asked_of_dask(cluster: DaskCluster, tmp_path: Path) -> None:
    cluster.staff(1)
    one = evolve(task(1, errands.double, tmp_path, x=1), resources=Resources(tickets={"licence": 1}))
    executor = opened(cluster, limits=Limits(tickets={"licence": 1}))
    assert value(finish(Finishing(executor), [one])[1]) == [1, 1]  # type: ignore[arg-type]
    good(executor.close())


# What may go away.


@pytest.mark.quick
@pytest.mark.reliability("E1", "the Dask scheduler is killed", passes="a failure of the engine; the next run goes on")
def test_a_scheduler_that_goes_away_is_a_failure_of_the_engine_and_the_next_run_goes_on(tmp_path: Path) -> None:
    quick, late = (distant.slow(str(tmp_path), number, seconds) for number, seconds in ((1, 0.0), (2, 0.0)))
    stuck = distant.slow(str(tmp_path), 3, 1000.0)
    with DaskCluster(tmp_path) as cluster:
        cluster.staff(2)
        with open_world(tmp_path / "store", executor=dask(cluster.address)) as world:
            unwrap(realize_all(world, [quick]))
            executor = world.executor
            begun = realize_in_thread(world, [stuck])
            assert until((tmp_path / "ran-3").exists)
            cluster.scheduler.kill()
            failed = begun()
            assert isinstance(failed, PoolLost)
            assert "the Dask scheduler at" in failed.why
            assert isinstance(trouble(executor.start([task(1, errands.who, tmp_path / "x")])), PoolLost)
        stage_process = int((tmp_path / "ran-3").read_text())
        assert until(lambda: not lives(stage_process))
    with open_world(tmp_path / "store") as world:
        assert [each.value for each in unwrap(realize_all(world, [quick, late]))] == [1, 2]  # type: ignore[union-attr]
    assert len((tmp_path / "ran-1").read_text().splitlines()) == 1


def realize_in_thread(world: World, wanted: Sequence[object]) -> Callable[[], EngineFailure]:
    """Realize beside the test; what is called then gives the failure."""
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(1)
    future = pool.submit(lambda: trouble(realize_all(world, wanted)))  # type: ignore[arg-type,type-var]
    pool.shutdown(wait=False)
    return partial(future.result, 30.0)


def test_a_scheduler_that_hangs_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with DaskCluster(tmp_path) as cluster:
        cluster.staff(1)
        executor = opened(cluster, heartbeat=1.0)
        monkeypatch.setattr(connection, "CONNECT", 1.0)
        good(executor.start([task(1, errands.sleep_for_ever, tmp_path / "1")]))
        os.kill(cluster.scheduler.pid, signal.SIGSTOP)
        while good_or(reported := executor.wait(None)) is not None:
            pass
        assert isinstance(trouble(reported), PoolLost)
        good(executor.close())


def good_or(io: IOResult[Sequence[Report], EngineFailure]) -> Sequence[Report] | None:
    found: list[Sequence[Report]] = []
    io.map(found.append)
    return found[0] if found else None


DRIVER = """
import sys
from pathlib import Path
import distant
from lightfx import open_world, realize_all
from lightfx.executors import dask
from lightfx.journal import JournalEvent, Listener, TaskProgressed

with open_world(Path(sys.argv[1]) / "store", executor=dask(sys.argv[2])) as world:
    realize_all(world, [distant.slow(sys.argv[1], number, 1000.0 if number < 2 else 0.0) for number in range(6)])
"""


@pytest.mark.quick
@pytest.mark.reliability(
    "E1", "the driver of a Dask run is killed", passes="the next run executes what is missing, and no more"
)
def test_queued_work_of_a_dead_driver_is_settled_by_the_next_run(cluster: DaskCluster, tmp_path: Path) -> None:
    cluster.staff(2)
    (tmp_path / "driver.py").write_text(DRIVER)
    command = [sys.executable, str(tmp_path / "driver.py"), str(tmp_path), cluster.address]
    dead = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": f"{SOURCES}:{HERE}"})
    assert until(lambda: len(list(tmp_path.glob("ran-*"))) == 2)
    dead.kill()
    dead.wait()
    at_work = [int(path.read_text()) for path in tmp_path.glob("ran-*")]
    wanted = [distant.slow(str(tmp_path), number, 0.0) for number in range(2, 6)]
    with open_world(tmp_path / "store", executor=dask(cluster.address)) as world:
        assert [each.value for each in unwrap(realize_all(world, wanted))] == [2, 3, 4, 5]  # type: ignore[union-attr]
    assert {path.name: path.read_text().count("\n") for path in tmp_path.glob("ran-*")} == {
        f"ran-{number}": 1 for number in range(6)
    }
    assert until(lambda: not any(map(lives, at_work)))


def test_without_a_scheduler_no_world_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECT", 0.3)
    for address in ("tcp://127.0.0.1:1", "nonsense://here"):
        with pytest.raises(EngineError) as raised:
            open_world(tmp_path / "store", executor=dask(address))
        assert isinstance(raised.value.failure, PoolLost)
        assert address in raised.value.failure.why
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "distributed", None)
        with pytest.raises(EngineError, match=r"pip install 'lightfx\[dask\]'"):
            open_world(tmp_path / "store", executor=dask("tcp://127.0.0.1:1"))
    with pytest.raises(ValueError, match="workers is 2"):
        open_world(tmp_path / "store", executor=dask("tcp://127.0.0.1:1"), workers=2)
    for wrong in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="no time to wait"):
            dask("tcp://127.0.0.1:1", heartbeat=wrong)


def test_nothing_of_dask_is_imported_before_a_world_is_opened() -> None:
    code = "import sys, lightfx.executors as e; e.dask('tcp://x:1'); print({'dask', 'distributed'} & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(SOURCES)}, capture_output=True, text=True
    )
    assert done.stdout == "set()\n", done.stderr


def test_without_workers_it_waits_and_not_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "SETTLE", 0.1)
    with DaskCluster(tmp_path) as cluster:
        late = opened(cluster)
        good(late.start([evolve(task(0, errands.who, tmp_path / "0"), realizer=distant.Local(errands.who))]))
        (at_home,) = ends(late)
        assert value(at_home) == os.getpid()
        good(late.start([task(1, errands.double, tmp_path / "1", x=1)]))
        hasty = good(dask(cluster.address, patience=0.5)(NO_LIMITS))
        good(hasty.start([task(1, errands.double, tmp_path / "2", x=1)]))
        failed = trouble(hasty.wait(None))
        assert isinstance(failed, PoolLost)
        assert "no worker for 0.5 s" in failed.why
        good(hasty.close())
        cluster.hire(nanny=True)  # under which a worker may have no children, by default
        (finished,) = ends(late)
        assert value(finished) == [1, 1]
        good(late.close())


def test_another_version_is_refused(cluster: DaskCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.staff(1)
    monkeypatch.setattr(driver, "Errand", partial(driver.Errand, versions="lightfx 0.0.0, Python 2.7"))
    executor = opened(cluster)
    good(executor.start([task(1, errands.who, tmp_path)]))
    while good_or(reported := executor.wait(None)) is not None:
        pass
    assert "the driver has lightfx 0.0.0, Python 2.7" in str(trouble(reported))
    good(executor.close())


# What is told.


def test_a_task_begins_once_tells_how_far_it_is_and_answers_once(cluster: DaskCluster, tmp_path: Path) -> None:
    cluster.staff(1)
    executor = opened(cluster)
    assert isinstance(executor, DaskExecutor)
    good(executor.start([task(7, errands.sleep_for_ever, tmp_path / "7")]))
    assert list(good(executor.wait(None))) == [Begun(7)]
    ((key, run),) = executor._runs.items()
    said = Said(key, run.token, run.worker, "told", 1.0, 4.0)
    executor._cluster.news.put(said)
    executor._cluster.news.put(evolve(said, token="of an execution before"))
    executor._cluster.news.put(Answered("a task that was given up", b""))
    assert list(good(executor.wait(0.5))) == [Progressed(7, 1.0, 4.0)]
    good(executor.cancel())
    assert list(good(executor.wait(None))) == []
    assert until(lambda: not any(map(lives, [int(p.read_text()) for p in tmp_path.glob("7/*/pids")])))
    good(executor.close())


def test_what_has_not_begun_can_be_withdrawn(cluster: DaskCluster, tmp_path: Path) -> None:
    workers = len(cluster.staff(1).workers)
    executor = opened(cluster)
    assert isinstance(executor, DaskExecutor)
    home = begin(executor, distant.linger_the_first_time, tmp_path)
    waiting = range(2, 4 + workers)
    good(executor.start([task(number, errands.sleep_for_ever, tmp_path / str(number)) for number in waiting]))
    withdrawn = good(executor.withdraw())
    assert withdrawn <= {*waiting}
    assert len(withdrawn) > len(waiting) - workers
    (home / "go").touch()
    assert until(lambda: any(isinstance(each, Finished) for each in good(executor.wait(0.05))))
    assert {run.task.number for run in executor._runs.values()} == {*waiting} - withdrawn
    good(executor.close())


def test_what_cannot_be_shipped_is_said(cluster: DaskCluster, tmp_path: Path) -> None:
    cluster.staff(1)
    executor = opened(cluster)
    lock = threading.Lock()
    assert isinstance(trouble(executor.start([task(1, lambda _: lock.locked(), tmp_path)])), Unshippable)
    good(executor.start([task(1, distant.Unloadable(), tmp_path)]))
    (finished,) = ends(executor)
    assert isinstance(finished.result, Failure)
    assert isinstance(finished.result.failure(), Unshippable)
    good(executor.close())
