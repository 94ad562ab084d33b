"""Why a worker ended: what its exit says, and whether the system hunted for memory.

Where there are control groups, the system counts the processes of ours that it
killed for memory; it says of none which it was. A worker that was killed by
SIGKILL while the count went up is held to be the one. Where it went up by more,
they are others who died at the same time: whose order had begun by then.
"""

from __future__ import annotations

import signal
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, final

from returns.result import Failure

from lightfx.core.outcome import Died, Left, TimedOut
from lightfx.core.realization import Cost, MadeBy
from lightfx.effects.executor import Finished, Task
from lightfx.shell.executor.crew import Order
from lightfx.shell.executor.sealing import Sealed
from lightfx.shell.executor.unveiling import veiled
from lightfx.shell.executor.work import file_log

GROUPS: Final = Path("/sys/fs/cgroup")
OWN: Final = Path("/proc/self/cgroup")


@final
class Deaths:
    """Tells what came of the tasks of those who died."""

    def __init__(self) -> None:
        self._files = _counters()
        self._kills = _kills(self._files)
        self._looked = time.monotonic()
        self._untold = 0

    def obituary(self, order: Order, code: int | None, log: bytes, *, timed_out: bool) -> Finished:
        """Say what came of the order that a worker was at when it ended with ``code``; ``log`` is all that it wrote."""
        task = order.task
        timeout = task.realizer.terms.timeout
        cause = TimedOut(timeout) if timed_out and timeout is not None else self._cause(code, order.began)
        folders = (task.order.folder(index) for index in task.order.indices)
        left = Left(cause, folder=next(filter(order.disk.exists, folders), None))
        tail, whole = file_log(log, task.order.place, order.veil, order.disk)
        cost = Cost(time.monotonic() - order.began)
        finished = Finished(task.number, Failure(left), _made_by(task), cost, tail, whole)
        return veiled(finished, order.veil, order.disk)

    def _cause(self, code: int | None, began: float) -> Died:
        hunted = self._hunted(began)
        if code is None or code >= 0:
            return Died(code, None)
        out_of_memory = code == -signal.SIGKILL and hunted
        self._untold -= out_of_memory
        return Died(None, signal_name(-code), out_of_memory=out_of_memory)

    def _hunted(self, began: float) -> bool:
        """Tell whether somebody was killed for memory, of whom nothing is told, and since when this one was at work."""
        before, self._kills = self._kills, _kills(self._files)
        # Who began after the last look was none of those counted then.
        self._untold = self._kills - before + (self._untold if began <= self._looked else 0)
        self._looked = time.monotonic()
        return self._untold > 0


def _made_by(task: Task) -> MadeBy:
    """Say who ran a task, as far as is known here; the worker was of our machine, our Python and our user."""
    if not isinstance(task.realizer, Sealed):
        return task.realizer.made_by()
    import platform  # noqa: PLC0415 -- few runs have deaths on a cluster

    # The user's code may not be loaded in this process; the packages that it imports are its own knowledge.
    return MadeBy(host=socket.gethostname(), python=platform.python_version())


def _counters() -> tuple[Path, ...]:
    """The files that count for our own groups, of either version; in a container ours is the root."""
    found: list[Path] = []
    with suppress(OSError, ValueError):
        for line in OWN.read_text().splitlines():
            _, kinds, path = line.split(":", 2)
            if not kinds:
                homes = (GROUPS, GROUPS / "unified")
                found += [home / part / "memory.events" for home in homes for part in (path.lstrip("/"), "")]
            elif "memory" in kinds.split(","):
                found += [GROUPS / "memory" / part / "memory.oom_control" for part in (path.lstrip("/"), "")]
    return tuple(found)


def _kills(files: tuple[Path, ...]) -> int:
    for file in files:
        with suppress(OSError, ValueError):
            words = file.read_text().split()
            return int(words[words.index("oom_kill") + 1])
    return 0


def signal_name(number: int) -> str:
    """Name a signal; most of the real-time ones have no name.

    >>> signal_name(9), signal_name(63)
    ('SIGKILL', 'signal 63')
    """
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
