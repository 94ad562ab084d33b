"""The inline executor: tasks run in the caller's own process and thread, one after the other.

It has the least overhead, and the least protection: a stage that takes the
process down takes the run along, and a time limit cannot be kept. What is
printed while a stage runs goes to its log, by whomever: Python, native code,
programs that it starts (`lightfx.shell.executor.capturing`).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import Final, final

from attrs import evolve
from returns.io import IOFailure, IOResult, IOSuccess

from lightfx.core.derivation import Realizer
from lightfx.core.failures import EngineFailure, SystemTrouble
from lightfx.core.realization import BuildOrder
from lightfx.core.terms import Limits
from lightfx.effects.executor import Finished, Report, Task
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.executor.capturing import Capture, CaptureError
from lightfx.shell.executor.unveiling import unveiled
from lightfx.shell.executor.work import carry_out, file_log, peak_of_process

BATCH: Final = 256
PATIENCE: Final = 0.05
_NO_LIMITS: Final = Limits()


@final
class InlineExecutor:
    """Runs tasks in `wait`, as many as `PATIENCE` seconds allow. Implements `lightfx.effects.executor.Executor`."""

    def __init__(self, limits: Limits = _NO_LIMITS, disk: Disk = REAL) -> None:
        self._limits = limits
        self._disk = disk
        self._waiting: deque[Task] = deque()
        self._interrupt: KeyboardInterrupt | None = None
        self._capture: Capture | None = None
        self._seconds: dict[Realizer, float] = {}
        self._pace = PATIENCE

    @property
    def capacity(self) -> int:
        """How many tasks it takes at once: enough for their commits to be grouped, if they are quick.

        What is taken is claimed, and another process finds nothing to do: of
        slow tasks, or unknown ones, it takes one.
        """
        return max(1, min(BATCH, int(PATIENCE / self._pace))) if self._pace else BATCH

    @property
    def limits(self) -> Limits:
        """What a task may take: they run one at a time, so each may take all of it."""
        return self._limits

    @property
    def blocking(self) -> bool:
        """Yes: tasks run in `wait`."""
        return True

    def start(self, tasks: Sequence[Task]) -> IOResult[None, EngineFailure]:
        """Take tasks over."""
        self._waiting.extend(tasks)
        return IOSuccess(None)

    def wait(self, seconds: float | None) -> IOResult[Sequence[Report], EngineFailure]:  # noqa: ARG002 -- it works while it waits
        """Run the next tasks."""
        began = time.perf_counter()
        if self._interrupt is not None:
            interrupt, self._interrupt = self._interrupt, None
            raise interrupt
        finished: list[Finished] = []
        try:
            self._run(finished)
        except KeyboardInterrupt as interrupt:
            if self._capture is not None:
                self._capture.leave()  # it may have come in the midst of that
            # What had finished is handed on first; the next wait passes the interrupt on.
            if not finished:
                raise
            self._interrupt = interrupt
        except CaptureError as error:
            if not finished:
                place = str(self._waiting[0].order.place)  # of the task that was about to begin
                return IOFailure(SystemTrouble(place, "lead what a stage prints to its log", str(error)))
        if finished:
            self._pace = (time.perf_counter() - began) / len(finished)
        return IOSuccess(finished)

    def _run(self, finished: list[Finished]) -> None:
        if not self._waiting:
            return
        end = time.perf_counter() + PATIENCE
        self._capture = self._capture or Capture()
        with self._capture:
            while self._waiting and (not finished or self._is_quick(self._waiting[0], end)):
                task = self._waiting[0]
                order = unveiled(task.order, self._disk)
                done = self._carried_out(task, order, self._capture)
                finished.append(done)
                self._seconds[task.realizer] = done.cost.seconds

    def _carried_out(self, task: Task, order: BuildOrder, capture: Capture) -> Finished:
        """Carry out the task that waits first, and give it a log."""
        if order.veil and not capture.veil:
            with Capture(order.veil) as own:
                return self._carried_out(task, order, own)
        capture.take()
        self._waiting.popleft()
        order = evolve(order, tell=capture.outside(order.tell))
        ordered = Task(task.number, order, task.realizer, task.attempt, task.resources)  # hot: `evolve` takes longer
        done = carry_out(ordered, peak_of_process, self._disk)
        text = capture.cut()
        if not text:
            return done
        log, whole = file_log(text, order.place, order.veil, self._disk)
        return evolve(done, log=log, whole_log=whole)

    def _is_quick(self, task: Task, end: float) -> bool:
        """Whether a task may join the batch: results wait to be stored while it runs, so only if its like was quick."""
        return time.perf_counter() + self._seconds.get(task.realizer, PATIENCE) < end

    def withdraw(self) -> IOResult[frozenset[int], EngineFailure]:
        """Take back what has not begun."""
        numbers = frozenset(task.number for task in self._waiting)
        self._waiting.clear()
        return IOSuccess(numbers)

    def cancel(self) -> IOResult[None, EngineFailure]:
        """Forget what has not begun."""
        return self.withdraw().map(lambda _: None)

    def close(self) -> IOResult[None, EngineFailure]:
        """Let go of the file that output was captured in."""
        self._capture = None
        return self.cancel()
