"""The Dask executor: tasks run on the workers of a scheduler, on other machines or on this one.

Dask decides where a task runs, and runs it elsewhere when its worker is gone.
What it decides, this side keeps account of:

- An *execution* of a task begins with a word of its own, under a new token.
  Another token means that the one before was lost, with its worker. After
  `LOSSES` of them a task is finished as `Died`; also when it lost one, and no
  worker is left to try another `GRACE` seconds later.
- An execution that gives no heartbeat has a worker that hangs. The scheduler
  is told to take it for dead, and the task goes on as above. So is a worker
  that runs nothing of ours, and has told the scheduler nothing for as long.
- Each execution has a folder of its own. The one whose answer comes is moved
  to where the order wants it; whatever the others do later reaches nobody.
- What asks for more than any worker could ever give is refused at once.
- The scheduler is asked for the workers every second or so, within a time
  limit. One that is gone, or hangs, fails all that is asked from then on.
"""

from __future__ import annotations

import pickle  # between a driver and its own workers; nothing stored is unpickled
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from queue import Empty
from typing import Final, assert_never, final
from uuid import uuid4

from attrs import evolve
from returns.io import IOFailure, IOResult, IOSuccess

from lightfx.core.failures import EngineFailure, PoolLost, Unshippable
from lightfx.core.realization import tell_nobody
from lightfx.core.terms import Limits
from lightfx.effects.executor import Begun, Executor, Finished, Progressed, Report, Task
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.executor.account import LOSSES, Run, Silence, died, offered, request_of, takers
from lightfx.shell.executor.adopting import adopt
from lightfx.shell.executor.cluster import Answered, Cluster, Failed, News, Node, Said, SchedulerLost, Seen
from lightfx.shell.executor.freight import Freight
from lightfx.shell.executor.parcels import ParcelError, unpack_folder
from lightfx.shell.executor.remote import Answer, Errand, carry
from lightfx.shell.executor.sealing import Script, names_script, opened
from lightfx.shell.executor.shipping import TroubleError, pack
from lightfx.shell.executor.work import carry_out, peak_of_process

GRACE: Final = 4.0
SETTLE: Final = 5.0
AHEAD: Final = 64


def open_dask(
    address: str, limits: Limits, *, shared: bool, heartbeat: float, patience: float
) -> IOResult[Executor, EngineFailure]:
    """Connect to the scheduler at ``address``; see `lightfx.executors.dask`."""
    try:
        cluster = Cluster.connect(address, f"lightfx-{uuid4().hex}", heartbeat)
    except ImportError as error:
        return IOFailure(PoolLost(f"Dask cannot be imported (pip install 'lightfx[dask]'): {error}"))
    except (OSError, ValueError) as error:
        return IOFailure(PoolLost(f"no Dask scheduler answers at {address}: {error}"))
    return IOSuccess(DaskExecutor(cluster, address, limits, shared=shared, patience=patience, disk=REAL))


@final
class DaskExecutor:
    """Runs tasks on a Dask cluster. Implements `lightfx.effects.executor.Executor`."""

    def __init__(
        self, cluster: Cluster, address: str, limits: Limits, *, shared: bool, patience: float, disk: Disk = REAL
    ) -> None:
        self._cluster = cluster
        self._address = address
        self._limits = limits
        self._freight = None if shared else Freight(cluster, disk)
        self._disk = disk
        self._patience = patience
        self._runs: dict[str, Run] = {}
        self._local: deque[Task] = deque()
        self._reports: list[Report] = []
        self._nodes: Mapping[str, Node] = {}
        self._silence = Silence(cluster.heartbeat)
        self._trouble: EngineFailure | None = None  # for good: the scheduler is gone
        self._later: EngineFailure | None = None
        self._settled = False
        self._script = Script.running()

    @property
    def capacity(self) -> int:
        """How many tasks it takes at once: enough that no worker waits, and that a cluster knows to grow."""
        return max(AHEAD, 2 * sum(node.threads for node in self._nodes.values()))

    @property
    def limits(self) -> Limits:
        """What the user limits in all; of the rest, Dask keeps account."""
        return evolve(self._limits, counted=True)

    @property
    def blocking(self) -> bool:
        """No: workers work while the driver does other things."""
        return False

    def start(self, tasks: Sequence[Task]) -> IOResult[None, EngineFailure]:
        """Take tasks over."""
        return self._guard(lambda: self._start(tasks))

    def wait(self, seconds: float | None) -> IOResult[Sequence[Report], EngineFailure]:
        """Give what there is to tell."""
        waited = self._guard(lambda: self._wait(seconds))
        reports, self._reports = self._reports, []
        if not reports:
            return waited.map(lambda _: ())
        waited.alt(self._tell_later)  # what had finished comes before the trouble
        return IOSuccess(reports)

    def _tell_later(self, trouble: EngineFailure) -> None:
        self._later = trouble

    def withdraw(self) -> IOResult[frozenset[int], EngineFailure]:
        """Take back what has not begun; where one begins just now, the worker hears that nobody wants it."""
        fresh = {key: run for key, run in self._runs.items() if not run.token and not run.losses}
        numbers = frozenset(task.number for task in (*self._local, *(run.task for run in fresh.values())))
        self._local.clear()
        self._runs = {key: run for key, run in self._runs.items() if key not in fresh}
        if self._trouble is None:
            self._cluster.drop([run.future for run in fresh.values()])
        return IOSuccess(numbers)

    def cancel(self) -> IOResult[None, EngineFailure]:
        """Stop every task: a worker looks several times a second whether it is wanted."""
        self._local.clear()
        self._reports.clear()
        self._later = None
        runs, self._runs = self._runs, {}
        if self._trouble is None:
            self._cluster.drop([run.future for run in runs.values()])
        return IOSuccess(None)

    def close(self) -> IOResult[None, EngineFailure]:
        """Leave the cluster."""
        self.cancel()
        return self._guard(self._cluster.close)

    def _guard(self, work: Callable[[], None]) -> IOResult[None, EngineFailure]:
        try:
            work()
        except TroubleError as trouble:
            return IOFailure(trouble.failure)
        except (OSError, ParcelError) as error:
            return IOFailure(PoolLost(str(error)))
        return IOSuccess(None)

    # Handing over.

    def _start(self, tasks: Sequence[Task]) -> None:
        self._settle()
        for task in tasks:
            if task.realizer.terms.local:
                self._local.append(task)
            else:
                self._hand_over(task, losses=0)

    def _settle(self) -> None:
        """Look who is there, before the first task: what workers declare decides what is asked of them."""
        end = time.monotonic() + SETTLE
        while not self._nodes and not self._settled and self._trouble is None and (left := end - time.monotonic()) > 0:
            self._listen(left)
        self._settled = True
        if self._trouble is not None:
            raise TroubleError(self._trouble)

    def _hand_over(self, task: Task, *, losses: int) -> None:
        request = request_of(task.resources, self._nodes, self._limits)
        if self._nodes and not takers(self._nodes, request):
            why = f"no worker of {self._address} declares what it takes: {offered(request, self._nodes)}"
            raise TroubleError(Unshippable(task.order.dref, why))
        packed = pack(task)
        script = self._script if names_script(packed) else None
        digests, trees = (None, []) if self._freight is None else self._freight.of(task)
        key = f"{task.order.dref.name.text}-{uuid4().hex}"  # Dask counts what begins alike together
        order = evolve(task.order, inputs={}, args={}, tell=tell_nobody)
        beat = self._cluster.heartbeat / 4
        errand = Errand(
            key,
            self._cluster.topic,
            task.number,
            order,
            task.realizer.terms,
            packed,
            script,
            digests,
            beat,
        )
        future = self._cluster.submit(key, carry, (pickle.dumps(errand), *trees), request)
        self._runs[key] = Run(task, request, future, trees, losses=losses)
        self._cluster.follow(key, future)

    # Listening.

    def _wait(self, seconds: float | None) -> None:
        if self._later is not None:
            later, self._later = self._later, None
            raise TroubleError(later)
        end = None if seconds is None else time.monotonic() + seconds
        while not self._reports and (self._runs or self._local):
            if self._trouble is not None:
                raise TroubleError(self._trouble)
            left = None if end is None else end - time.monotonic()
            if self._local:
                task = self._local.popleft()
                self._reports += [Begun(task.number), carry_out(task, peak_of_process, self._disk)]
                left = 0.0
            self._listen(left)
            if left is not None and left <= 0:
                return

    def _listen(self, seconds: float | None) -> None:
        """Take in what is heard; the scheduler is looked at all the time, so there is always some news to come."""
        try:
            self._take_in(self._cluster.news.get(timeout=None if seconds is None else max(0.0, seconds)))
            while True:
                self._take_in(self._cluster.news.get_nowait())
        except Empty:
            return

    def _take_in(self, news: News) -> None:
        match news:
            case Said():
                self._hear(news)
            case Answered(key, answer):
                run = self._runs.pop(key, None)
                if run is not None:
                    self._reports.append(self._adopted(run, answer))
            case Failed():
                self._fail(news)
            case Seen():
                self._look(news)
            case SchedulerLost(why):
                self._trouble = self._trouble or PoolLost(f"the Dask scheduler at {self._address} is gone: {why}")
            case never:
                assert_never(never)

    def _hear(self, said: Said) -> None:
        run = self._runs.get(said.key)
        if run is None:
            return
        if said.what == "began":
            if not run.token:
                self._reports.append(Begun(run.task.number))
            run.began(said.token, said.worker)
            if run.losses >= LOSSES:
                self._bury(said.key, run)
        elif said.token == run.token:
            run.silent, run.ended = 0.0, said.what == "ended"
            if said.what == "told":
                self._reports.append(Progressed(run.task.number, said.done, said.total))

    def _adopted(self, run: Run, packed: bytes) -> Finished:
        answer = pickle.loads(packed)  # noqa: S301 -- from our own worker
        if not isinstance(answer, Answer):
            raise TroubleError(PoolLost(f"a worker answered with {type(answer).__name__}"))
        place = run.task.order.place
        private = place / answer.token
        if answer.parcel is not None:
            unpack_folder(answer.parcel, private, disk=self._disk)
        return adopt(opened(answer.finished), answer.private, private, place, self._disk)

    def _fail(self, failed: Failed) -> None:
        run = self._runs.get(failed.key)
        if run is None or self._trouble is not None:  # they all fail with the scheduler
            return
        del self._runs[failed.key]
        if not failed.lost:
            raise TroubleError(PoolLost(f"a worker of {self._address} cannot work: {failed.why}"))
        run.losses += 1
        if run.losses < LOSSES:
            self._hand_over(run.task, losses=run.losses)
        else:
            self._reports.append(died(run))

    # Looking after.

    def _look(self, seen: Seen) -> None:
        for worker in self._silence.hung(seen, self._runs.values()):
            self._cluster.expel(worker)
        self._nodes = seen.nodes
        for key, run in list(self._runs.items()):
            there = run.worker in seen.nodes or takers(seen.nodes, run.request)
            run.stranded = 0.0 if there else run.stranded + seen.after
            if (run.token or run.losses) and run.stranded >= GRACE:
                self._bury(key, run)
            elif run.stranded >= self._patience:
                asked = offered(run.request, seen.nodes) or "at all"
                why = f"{self._address} had no worker for {self._patience:g} s that could take a task: {asked}"
                self._trouble = self._trouble or PoolLost(why)

    def _bury(self, key: str, run: Run) -> None:
        """Give a task up that loses its workers."""
        del self._runs[key]
        self._cluster.drop([run.future])
        self._reports.append(died(run))
