"""One worker process, from the driver's side: started, listened to, ended with all that it started.

That a process has ended is asked of the kernel (a pidfd), not of a pipe:
whatever the stage forked holds the worker's pipes open, and they stay silent.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Self, final

from attrs import define

from lightfx.effects.executor import Task
from lightfx.shell.executor.worker import Bytes, serve


@final
@define(eq=False)
class Worker:
    """A worker, what it runs, since when; ``ended`` is a descriptor that speaks when its process has ended."""

    process: SpawnProcess
    pipe: Bytes
    lifeline: Bytes
    ended: int
    log: Path
    ready: bool = False
    task: Task | None = None
    began: float = 0.0
    timed_out: bool = False
    reaped: bool = False

    @classmethod
    def hire(cls, log: Path) -> Self:
        """Start a process."""
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        held, watched = context.Pipe()
        process = context.Process(target=serve, args=(theirs, watched, log), daemon=False)
        process.start()
        theirs.close()
        watched.close()
        return cls(process, ours, held, _end_of(process), log)

    @property
    def deadline(self) -> float | None:
        """When its task is out of time; what it takes to come up does not count."""
        timeout = None if self.task is None else self.task.realizer.terms.timeout
        return None if timeout is None or not self.ready or self.timed_out else self.began + timeout

    def kill(self) -> None:
        """Kill it with all that it started. Never once it was reaped: its number may be another's."""
        pid = self.process.pid
        if pid is None or self.reaped:
            return
        with suppress(ProcessLookupError, PermissionError):
            if self.ready:
                os.killpg(pid, signal.SIGKILL)
            else:
                os.kill(pid, signal.SIGKILL)

    def reap(self) -> int | None:
        """End it and what it started, and take in its exit code."""
        if not self.reaped:
            self.kill()
            self.process.join()
            self.reaped = True
        return self.process.exitcode

    def end(self) -> None:
        """End it, and give back what it held."""
        self.reap()
        self.pipe.close()
        self.lifeline.close()
        self.process.close()
        os.close(self.ended)
        self.log.unlink(missing_ok=True)


def _end_of(process: SpawnProcess) -> int:
    if hasattr(os, "pidfd_open") and process.pid is not None:
        with suppress(OSError):
            return os.pidfd_open(process.pid)
    return os.dup(process.sentinel)


def signal_name(number: int) -> str:
    """Name a signal; most of the real-time ones have no name.

    >>> signal_name(9), signal_name(63)
    ('SIGKILL', 'signal 63')
    """
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
