"""The inline executor: tasks run in the caller's own process and thread, one after the other.

It has the least overhead, and the least protection: a stage that takes the
process down takes the run along, and a time limit cannot be kept. What a stage
prints through Python goes to its log; what a program that it starts prints goes
where the caller's own output goes. Of a stage that is given secrets it goes to
the log too, where they are covered.
"""

from __future__ import annotations

import fcntl
import io
import os
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from typing import Final, final

from attrs import evolve
from returns.io import IOResult, IOSuccess

from lightfx.core.derivation import Realizer
from lightfx.core.failures import EngineFailure
from lightfx.core.terms import Limits
from lightfx.effects.executor import Finished, Report, Task
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.executor.unveiling import unveiled
from lightfx.shell.executor.work import carry_out, file_log, peak_of_process

BATCH: Final = 256
PATIENCE: Final = 0.05
_NO_LIMITS: Final = Limits()


class _Written(io.StringIO):
    """What a stage wrote; it stays open, whatever the stage closes."""

    def close(self) -> None:
        """Stay open."""


def _watched(task: Task, disk: Disk) -> tuple[Finished, bytes]:
    """Carry out a task, and give what it printed through Python."""
    written = _Written()
    with redirect_stdout(written), redirect_stderr(written):
        done = carry_out(task, peak_of_process, disk)
    return done, written.getvalue().encode("utf-8", "backslashreplace")


def _captured(task: Task, disk: Disk) -> tuple[Finished, bytes]:
    """As `_watched`, with what programs print that it starts, after the rest."""
    for stream in filter(None, (sys.__stdout__, sys.__stderr__)):
        with suppress(OSError, ValueError):  # what the caller had printed is the caller's; it may be closed
            stream.flush()
    memory = os.memfd_create("log")
    before = [(each, kept) for each in (1, 2) if (kept := _kept(each)) is not None]
    try:
        for each, _ in before:
            os.dup2(memory, each)
        done, text = _watched(task, disk)
        return done, text + os.pread(memory, os.fstat(memory).st_size, 0)
    finally:
        for each, kept in before:
            os.dup2(kept, each)
            os.close(kept)
        os.close(memory)


def _kept(descriptor: int) -> int | None:
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)
    except OSError:  # it is closed
        return None


@final
class InlineExecutor:
    """Runs tasks in `wait`, as many as `PATIENCE` seconds allow. Implements `lightfx.effects.executor.Executor`."""

    def __init__(self, limits: Limits = _NO_LIMITS, disk: Disk = REAL) -> None:
        self._limits = limits
        self._disk = disk
        self._waiting: deque[Task] = deque()
        self._interrupt: KeyboardInterrupt | None = None
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
            # What had finished is handed on first; the next wait passes the interrupt on.
            if not finished:
                raise
            self._interrupt = interrupt
        if finished:
            self._pace = (time.perf_counter() - began) / len(finished)
        return IOSuccess(finished)

    def _run(self, finished: list[Finished]) -> None:
        end = time.perf_counter() + PATIENCE
        while self._waiting and (not finished or self._is_quick(self._waiting[0], end)):
            task = self._waiting.popleft()
            task = evolve(task, order=unveiled(task.order, self._disk))
            done, text = _captured(task, self._disk) if task.order.veil else _watched(task, self._disk)
            if text:
                log, whole = file_log(text, task.order.place, task.order.veil, self._disk)
                done = evolve(done, log=log, whole_log=whole)
            finished.append(done)
            self._seconds[task.realizer] = done.cost.seconds

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
        """Nothing is held."""
        return self.cancel()
