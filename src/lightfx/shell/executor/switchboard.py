"""The switchboard: sleeps until a worker speaks, ends, or is out of time."""

from __future__ import annotations

import select
import time
from collections.abc import Iterable, Mapping
from typing import final

from lightfx.core.terms import DAY
from lightfx.shell.executor.crew import Worker


@final
class Switchboard:
    """Knows on which line each worker speaks (its words), and on which its keeper tells of its end."""

    def __init__(self) -> None:
        self._poller = select.poll()
        self._workers: dict[int, Worker] = {}

    def connect(self, worker: Worker) -> None:
        """Listen to a worker."""
        for line in worker.lines:
            self._workers[line] = worker
            self._poller.register(line, select.POLLIN)

    def disconnect(self, worker: Worker, lines: Iterable[int]) -> None:
        """Listen no more on these lines of a worker."""
        for line in lines:
            if self._workers.get(line) is worker:
                del self._workers[line]
                self._poller.unregister(line)

    def listen(self, seconds: float | None) -> Mapping[Worker, bool]:
        """Give who has something to say, or after ``seconds``, or a day, nobody; true for who is at its end."""
        patience = None if seconds is None else int(min(seconds, DAY) * 1000) + bool(seconds)
        spoken = [line for line, _ in self._poller.poll(patience)]
        found: dict[Worker, bool] = {}
        for line in spoken:
            worker = self._workers[line]
            found[worker] = found.get(worker, False) or line == worker.leash.fileno()
        return found


def nearest(workers: Iterable[Worker], left: float | None) -> float | None:
    """Seconds until the next worker is out of time, or ``left`` if that is less."""
    deadlines = [worker.deadline for worker in workers if worker.deadline is not None]
    if not deadlines:
        return left
    until = max(0.0, min(deadlines) - time.monotonic())
    return until if left is None else min(left, until)
