"""Executors beyond this machine, for ``open_world(path, executor=...)``.

>>> maker = dask("tcp://127.0.0.1:8786")  # nothing is reached before a world is opened
>>> maker.shared
True
"""

from __future__ import annotations

from typing import final

from attrs import field, frozen
from returns.io import IOResult

from lightfx.core.failures import EngineFailure
from lightfx.core.terms import Limits
from lightfx.effects.executor import Executor, ExecutorMaker

__all__ = ["Dask", "ExecutorMaker", "dask"]


def _time(seconds: float) -> float:
    if not 0 < seconds < float("inf"):
        raise ValueError(f"{seconds} s is no time to wait")
    return seconds


@final
@frozen
class Dask:
    """How a Dask cluster is reached; see `dask`. Called by `open_world`."""

    address: str
    shared: bool = True
    heartbeat: float = field(default=30.0, converter=_time)
    patience: float = field(default=600.0, converter=_time)

    def __call__(self, limits: Limits, /) -> IOResult[Executor, EngineFailure]:
        """Connect."""
        from lightfx.shell.executor.dask import open_dask  # noqa: PLC0415 -- asked for

        return open_dask(self.address, limits, shared=self.shared, heartbeat=self.heartbeat, patience=self.patience)


def dask(address: str, /, *, shared: bool = True, heartbeat: float = 30.0, patience: float = 600.0) -> Dask:
    """Run stages on the workers of a Dask scheduler: ``open_world(path, executor=dask("tcp://host:8786"))``.

    ``address``: of the scheduler, as Dask writes it.
    ``shared``: whether workers see the store under the path that it has here;
    if not, the files that a task needs and makes travel through Dask.
    ``heartbeat``: seconds without a sign of life after which a worker is taken
    for hung: its tasks are run elsewhere.
    ``patience``: seconds to wait for a worker that could take a task, where
    there is none.

    Each task runs in a child process of a Dask worker, so logs, time limits and
    deaths are as with local workers. A task that lost its worker is given to
    another, and is LEFT as `Died` when it has lost three. Cores and memory
    become the Dask resources ``cores`` and ``memory`` where workers declare
    these, and tickets those of their names. See ``docs/clusters.md``.

    Opening the world raises `EngineError` where there is no scheduler, and a
    run fails with `PoolLost` when it goes away.
    """
    return Dask(address, shared, heartbeat, patience)
