"""Local worker processes: a warm pool that survives the death of any worker.

Workers are spawned, never forked, as they are first needed, no more at a time
than there are cores, and kept. A worker gets more orders than one, so that it
need not wait for the driver; but an order that it has not read is not its own:
when it dies, or another has nothing to do, its unread orders are taken back.
So a worker that dies takes one task along, the one that it was at. Nothing
polls: the driver sleeps until a worker speaks, a keeper tells of an end, or the
next time limit is reached.

Why not a pool from a library: see ``docs/decisions/0006-own-process-pool.md``.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, assert_never, final

from returns.io import IOFailure, IOResult, IOSuccess

from lightfx.core.failures import EngineFailure, PoolLost, Unshippable
from lightfx.core.terms import Limits
from lightfx.effects.executor import Begun, Progressed, Report, Task
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.executor.crew import Order, Worker
from lightfx.shell.executor.deaths import Deaths
from lightfx.shell.executor.deferring import undisturbed
from lightfx.shell.executor.shipping import TroubleError, pack, unpack_answer
from lightfx.shell.executor.switchboard import Switchboard, nearest
from lightfx.shell.executor.wire import Word, read_progress, read_veil

PATIENCE: Final = 0.02
BATCH: Final = 32
_MAX_FALSE_STARTS: Final = 3
_UNKNOWN: Final = 1.0


@final
class LocalProcesses:
    """Up to ``workers`` processes; logs under ``scratch``. Implements `lightfx.effects.executor.Executor`."""

    def __init__(self, workers: int, scratch: Path, limits: Limits | None = None, disk: Disk = REAL) -> None:
        self._size = workers
        self._limits = Limits(cores=workers) if limits is None else limits
        self._scratch = scratch
        self._disk = disk
        self._workers: list[Worker] = []
        self._board = Switchboard()
        self._waiting: deque[Order] = deque()
        self._told: list[Report] = []
        self._trouble: EngineFailure | None = None
        self._named = 0
        self._false_starts = 0
        self._deaths = Deaths()
        self._pace = _UNKNOWN

    @property
    def capacity(self) -> int:
        """How many tasks it takes at once: enough that no worker waits while the driver commits.

        What is taken is claimed, and another process finds nothing to do: so of
        slow tasks, or unknown ones, it takes two a worker.
        """
        return self._size * max(2, min(BATCH, int(PATIENCE / self._pace)))

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

        def work() -> None:
            for task in tasks:
                self._named += 1
                self._waiting.append(Order.of(self._named, task, pack(task), self._scratch, self._disk))
            self._hand_out()

        return self._guard(work)

    def wait(self, seconds: float | None) -> IOResult[Sequence[Report], EngineFailure]:
        """Tell what there is; an interrupt in the meantime loses nothing, and the next call tells it."""
        end = None if seconds is None else time.monotonic() + seconds
        spoken = self._board.listen(0.0)
        while True:
            with undisturbed():
                self._take_in(spoken)
            left = None if end is None else end - time.monotonic()
            idle = not self._waiting and not any(worker.held for worker in self._workers)
            if self._told or self._trouble or idle or (left is not None and left <= 0):
                break
            spoken = self._board.listen(nearest(self._workers, left))
        if self._told or not self._trouble:
            # What is told is forgotten last: from here to the caller, Python looks for no signal.
            told: IOResult[Sequence[Report], EngineFailure] = IOSuccess(tuple(self._told))
            self._told = []
            return told
        trouble: IOResult[Sequence[Report], EngineFailure] = IOFailure(self._trouble)
        self._trouble = None
        return trouble

    def withdraw(self) -> IOResult[frozenset[int], EngineFailure]:
        """Take back what no worker has begun."""
        numbers: set[int] = set()

        def work() -> None:
            for order in self._all_back():
                numbers.add(order.task.number)
                order.forget()

        return self._guard(work).map(lambda _: frozenset(numbers))

    def cancel(self) -> IOResult[None, EngineFailure]:
        """Stop every task at once."""

        def work() -> None:
            for order in self._all_back():
                order.forget()
            self._forget()
            self._end([worker for worker in self._workers if worker.held])

        return self._guard(work)

    def close(self) -> IOResult[None, EngineFailure]:
        """End all workers."""

        def work() -> None:
            self._forget()
            self._end(list(self._workers))

        return self._guard(work)

    def _all_back(self) -> Sequence[Order]:
        """Take back all that was not read."""
        back = [*self._waiting, *(order for worker in self._workers for order in worker.take_back())]
        self._waiting.clear()
        return back

    def _forget(self) -> None:
        for order in (*self._waiting, *(order for worker in self._workers for order in worker.held)):
            order.forget()
        self._waiting.clear()
        self._told, self._trouble = [], None

    def _guard(self, work: Callable[[], None]) -> IOResult[None, EngineFailure]:
        with undisturbed():
            try:
                work()
            except TroubleError as trouble:
                return IOFailure(trouble.failure)
            except OSError as error:
                return IOFailure(PoolLost(str(error)))
        return IOSuccess(None)

    # Handing out.

    def _hand_out(self) -> None:
        """Give each idle worker an order, hire for the rest, and let the rest wait in the lines of workers."""
        crew = [worker for worker in self._workers if worker.ready and not worker.let_go]
        idle = deque(worker for worker in crew if not worker.held)
        if len(idle) > len(self._waiting):
            for worker in crew:
                if len(worker.held) > 1:
                    self._waiting.extend(worker.take_back())
        while self._waiting and idle:
            self._give(idle.popleft())
        coming = sum(not worker.ready for worker in self._workers)
        if self._waiting and len(crew) + coming < self._size:
            for _ in range(min(len(self._waiting), os.cpu_count() or 1, self._size - len(crew)) - coming):
                self._hire()
        while self._waiting and crew and self._give(min(crew, key=lambda worker: len(worker.held))):
            pass

    def _give(self, worker: Worker) -> bool:
        given = worker.give(self._waiting[0])
        if given:
            self._waiting.popleft()
            self._begin_next(worker)
        return given

    def _begin_next(self, worker: Worker) -> None:
        """Take the time of the first order in its line; who was taken back begins again."""
        if worker.held and worker.held[0].holder is not worker:
            order = worker.held[0]
            order.holder, order.began = worker, time.monotonic()
            if not order.announced:
                order.announced = True
                self._told.append(Begun(order.task.number))

    def _hire(self) -> None:
        self._disk.make_folders(self._scratch)
        worker = Worker.hire(self._scratch, self._disk)
        self._workers.append(worker)
        self._board.connect(worker)

    # Taking in.

    def _take_in(self, spoken: Mapping[Worker, bool]) -> None:
        """Listen to who spoke, end who is out of time, hand out what there is."""
        try:
            for worker, at_its_end in spoken.items():
                self._hear(worker)
                if at_its_end:
                    self._bury(worker)
            now = time.monotonic()
            for worker in self._workers:
                if worker.deadline is not None and worker.deadline <= now:
                    worker.timed_out = True
                    worker.drop()
            self._hand_out()
        except TroubleError as trouble:
            self._trouble = trouble.failure
        except OSError as error:
            self._trouble = PoolLost(str(error))

    def _hear(self, worker: Worker) -> None:
        for word, body in worker.hear():
            match word:
                case Word.READY:
                    worker.ready, self._false_starts = True, 0
                case Word.PROGRESSED:
                    self._progressed(worker, *read_progress(body))
                case Word.UNVEILED:
                    worker.unveil(read_veil(body))
                case Word.FINISHED:
                    self._finished(worker, body)
                case Word.UNLOADABLE:
                    order = self._over(worker)
                    self._cannot(order, f"a worker cannot load it: {body.decode('utf-8', 'replace')}")
                case never:
                    assert_never(never)
        if worker.let_go:  # it closed its line, or is out of time: its keeper tells the end
            self._board.disconnect(worker, [worker.answers.fileno()])

    def _progressed(self, worker: Worker, number: int, done: float, total: float) -> None:
        if worker.held and worker.held[0].task.number == number:
            self._told.append(Progressed(number, done, total))

    def _finished(self, worker: Worker, body: bytes) -> None:
        order = self._over(worker)
        try:
            finished = unpack_answer(body)
        except Exception as error:  # noqa: BLE001 -- what a stage asks for is the user's own code
            self._cannot(order, f"what it asks for cannot be loaded: {type(error).__name__}: {error}")
            return
        self._told.append(finished)
        self._pace += (finished.cost.seconds - self._pace) / 4

    def _cannot(self, order: Order, why: str) -> None:
        self._trouble = self._trouble or Unshippable(order.task.order.dref, why)

    def _over(self, worker: Worker) -> Order:
        order = worker.held.popleft()
        order.forget()
        self._begin_next(worker)
        return order

    # Ends.

    def _bury(self, worker: Worker) -> None:
        """Take back what it had not read; the one that it was at went with it."""
        self._waiting.extendleft(reversed(worker.take_back()))
        log = worker.said()
        (code,) = self._end([worker])
        if not worker.ready:
            self._false_start(code, log)
        for order in worker.held:
            self._told.append(self._deaths.obituary(order, code, log, timed_out=worker.timed_out))
            order.forget()

    def _false_start(self, code: int | None, log: bytes) -> None:
        """It never came up, and had no order yet."""
        self._false_starts += 1
        if self._false_starts >= _MAX_FALSE_STARTS:
            said = log.decode("utf-8", "replace").strip().rpartition("\n")[2]
            raise TroubleError(
                PoolLost(
                    f"{self._false_starts} workers in a row ended before they were up (exit code {code}"
                    f"{': ' + said if said else ''}): a script that opens a world with workers must do so under"
                    " `if __name__ == '__main__':`"
                )
            )

    def _end(self, workers: Sequence[Worker]) -> Sequence[int | None]:
        """End workers, side by side."""
        for worker in workers:
            self._board.disconnect(worker, worker.lines)
            worker.drop()
            self._workers.remove(worker)
        return [worker.end() for worker in workers]
