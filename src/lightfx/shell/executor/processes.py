"""Local worker processes: a warm pool that survives the death of any worker.

Workers are spawned, never forked, as they are first needed, and kept. Each
holds one task at a time, so a worker that dies takes its own task along and no
other. Nothing polls: the driver sleeps until a pipe speaks, a process ends, or
the next time limit is reached.

Why not a pool from a library: see ``docs/decisions/0006-own-process-pool.md``.
"""

from __future__ import annotations

import pickle  # to our own workers, over our own pipes
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from typing import Final, final

from returns.io import IOFailure, IOResult, IOSuccess
from returns.result import Failure

from lightfx.core.failures import EngineFailure, PoolLost, Unshippable
from lightfx.core.outcome import Cause, Died, Left, TimedOut
from lightfx.core.realization import Cost
from lightfx.core.terms import Limits
from lightfx.effects.executor import Finished, Report, Task
from lightfx.shell.executor.crew import Worker, signal_name
from lightfx.shell.executor.shipping import TroubleError, pack
from lightfx.shell.executor.work import file_log
from lightfx.shell.executor.worker import Ready, Unloadable

_OOM: Final = (
    Path("/sys/fs/cgroup/memory.events"),
    Path("/sys/fs/cgroup/memory/memory.oom_control"),
)
_MAX_FALSE_STARTS: Final = 3


@final
class LocalProcesses:
    """Up to ``workers`` processes; logs under ``scratch``. Implements `lightfx.effects.executor.Executor`."""

    def __init__(self, workers: int, scratch: Path, limits: Limits | None = None) -> None:
        self._size = workers
        self._limits = Limits(cores=workers) if limits is None else limits
        self._scratch = scratch
        self._workers: list[Worker] = []
        self._waiting: deque[tuple[Task, bytes]] = deque()
        self._started = 0
        self._false_starts = 0
        self._oom_kills = _oom_kills()
        self._trouble: EngineFailure | None = None

    @property
    def capacity(self) -> int:
        """How many tasks it takes at once: enough that no worker waits while the driver commits."""
        return self._size * 4

    @property
    def limits(self) -> Limits:
        """What tasks that run at the same time share."""
        return self._limits

    @property
    def blocking(self) -> bool:
        """No: workers work while the driver does other things."""
        return False

    def start(self, tasks: Sequence[Task]) -> IOResult[None, EngineFailure]:
        """Take tasks over."""
        for task in tasks:
            try:
                self._waiting.append((task, pack(task)))
            except TroubleError as trouble:
                return IOFailure(trouble.failure)
        return self._guard(self._hand_out)

    def wait(self, seconds: float | None) -> IOResult[Sequence[Report], EngineFailure]:
        """Give what has finished."""
        if self._trouble is not None:
            trouble, self._trouble = self._trouble, None
            return IOFailure(trouble)
        finished: list[Finished] = []
        end = None if seconds is None else time.monotonic() + seconds

        def work() -> None:
            while not finished and (self._waiting or any(worker.task for worker in self._workers)):
                self._hand_out()
                left = None if end is None else end - time.monotonic()
                finished.extend(self._listen(left))
                if left is not None and left <= 0:
                    return
            self._hand_out()

        def gathered(_: None) -> Sequence[Report]:
            return finished

        return self._guard(work).map(gathered).lash(lambda trouble: self._later(trouble, finished))

    def _later(self, trouble: EngineFailure, finished: Sequence[Report]) -> IOResult[Sequence[Report], EngineFailure]:
        """Hand on first what had finished; the next wait tells of the trouble."""
        if not finished:
            return IOFailure(trouble)
        self._trouble = trouble
        return IOSuccess(finished)

    def withdraw(self) -> IOResult[frozenset[int], EngineFailure]:
        """Take back what no worker has."""
        numbers = frozenset(task.number for task, _ in self._waiting)
        self._waiting.clear()
        return IOSuccess(numbers)

    def cancel(self) -> IOResult[None, EngineFailure]:
        """Stop every task at once."""
        self._waiting.clear()
        self._trouble = None
        for worker in list(self._workers):
            if worker.task is not None:
                self._end(worker)
        return IOSuccess(None)

    def close(self) -> IOResult[None, EngineFailure]:
        """End all workers."""
        self._waiting.clear()
        for worker in list(self._workers):
            self._end(worker)
        return IOSuccess(None)

    def _guard(self, work: Callable[[], None]) -> IOResult[None, EngineFailure]:
        try:
            work()
        except TroubleError as trouble:
            return IOFailure(trouble.failure)
        except OSError as error:
            return IOFailure(PoolLost(str(error)))
        return IOSuccess(None)

    # Handing out.

    def _hand_out(self) -> None:
        if not self._waiting:
            return
        idle = self._idle()
        while self._waiting and (idle or len(self._workers) < self._size):
            worker = idle.popleft() if idle else self._hire()
            task, order = self._waiting.popleft()
            try:
                worker.pipe.send_bytes(order)
            except (BrokenPipeError, ConnectionResetError):  # it ended just now, and never got the task
                self._waiting.appendleft((task, order))
                if worker.ready:
                    self._end(worker)
                else:
                    return  # `_listen` hears of it, and counts it
            else:
                worker.task, worker.began = task, time.monotonic()

    def _idle(self) -> deque[Worker]:
        """Find who has nothing to do; one that ended while it had nothing to do is replaced."""
        idle = deque(worker for worker in self._workers if worker.task is None and not worker.timed_out)
        ended = set(wait_for([worker.ended for worker in idle], 0)) if idle else set()
        for worker in [worker for worker in idle if worker.ended in ended and worker.ready]:
            idle.remove(worker)
            self._end(worker)
        return idle

    def _hire(self) -> Worker:
        self._scratch.mkdir(parents=True, exist_ok=True)
        self._started += 1
        self._workers.append(Worker.hire(self._scratch / f"worker-{self._started}.log"))
        return self._workers[-1]

    # Listening.

    def _listen(self, seconds: float | None) -> Iterator[Finished]:
        deadlines = [worker.deadline for worker in self._workers if worker.deadline is not None]
        if deadlines:
            nearest = max(0.0, min(deadlines) - time.monotonic())
            seconds = nearest if seconds is None else min(seconds, nearest)
        sources = [source for worker in self._workers for source in (worker.pipe, worker.ended)]
        spoken = set(wait_for(sources, None if seconds is None else max(0.0, seconds)))
        for worker in list(self._workers):
            if worker.pipe in spoken and worker.pipe.poll():
                yield from self._hear(worker)
            elif worker.ended in spoken:
                yield from self._bury(worker)
            elif worker.deadline is not None and worker.deadline <= time.monotonic():
                worker.timed_out = True
                worker.kill()

    def _hear(self, worker: Worker) -> Iterator[Finished]:
        try:
            answer = pickle.loads(worker.pipe.recv_bytes())  # noqa: S301 -- from our own worker
        except (EOFError, OSError):
            yield from self._bury(worker)
            return
        if isinstance(answer, Ready):
            worker.ready, self._false_starts = True, 0
            worker.began = time.monotonic()
            return
        task, worker.task = worker.task, None
        if isinstance(answer, Unloadable) and task is not None:
            raise TroubleError(Unshippable(task.order.dref, f"a worker cannot load it: {answer.why}"))
        if isinstance(answer, Finished):
            yield answer

    def _bury(self, worker: Worker) -> Iterator[Finished]:
        code = worker.reap()
        log = worker.log.read_bytes() if worker.log.exists() else b""
        self._end(worker)
        if not worker.ready:
            self._false_start(worker, code)
            return
        if worker.task is not None:
            tail, whole = file_log(log, worker.task.order.place)
            cause = self._cause(worker, code)
            cost = Cost(time.monotonic() - worker.began)
            left = Left(cause, folder=_half_done(worker.task))
            yield Finished(worker.task.number, Failure(left), cost=cost, log=tail, whole_log=whole)

    def _false_start(self, worker: Worker, code: int | None) -> None:
        """A worker that never came up takes no blame for its task: another gets it."""
        self._false_starts += 1
        if self._false_starts >= _MAX_FALSE_STARTS:
            raise TroubleError(
                PoolLost(
                    f"{self._false_starts} workers in a row ended before they were up (exit code {code}): a script that"
                    " opens a world with workers must do so under `if __name__ == '__main__':`"
                )
            )
        if worker.task is not None:
            self._waiting.appendleft((worker.task, pack(worker.task)))

    def _cause(self, worker: Worker, code: int | None) -> Cause:
        timeout = None if worker.task is None else worker.task.realizer.terms.timeout
        if worker.timed_out and timeout is not None:
            return TimedOut(timeout)
        kills, self._oom_kills = self._oom_kills, _oom_kills()
        if code is None or code >= 0:
            return Died(code, None)
        full = code == -signal.SIGKILL and self._oom_kills > kills
        return Died(None, signal_name(-code), out_of_memory=full)

    def _end(self, worker: Worker) -> None:
        self._workers.remove(worker)
        worker.end()


def _half_done(task: Task) -> Path | None:
    folders = [task.order.folder(index) for index in task.order.indices]
    return next((folder for folder in folders if folder.exists()), None)


def _oom_kills() -> int:
    """How many processes the system has killed for memory in our control group, where it tells."""
    for path in _OOM:
        with suppress(OSError, ValueError):
            words = path.read_text().split()
            return int(words[words.index("oom_kill") + 1])
    return 0
