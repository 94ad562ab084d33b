"""Executors: where realizers run.

One protocol for all: `start` hands tasks over, `wait` gives what has finished.
An executor runs each task in its private folder, keeps its output in a log, and
measures it; it decides nothing. A task that takes its process down is finished
as `Died`, and no other task with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeAlias, final

from attrs import frozen
from returns.io import IOResult
from returns.result import Result

from lightfx.core.derivation import Asks, Realizer
from lightfx.core.failures import EngineFailure
from lightfx.core.outcome import Left
from lightfx.core.realization import BuildOrder, Cost, MadeBy, Outputs
from lightfx.core.terms import PLAIN, Limits, Resources


@final
@frozen
class Task:
    """One order for one realizer; ``number`` is the engine's own name for it.

    ``resources`` is what this attempt takes: those of the realizer's terms,
    scaled where attempts before it failed.
    """

    number: int
    order: BuildOrder
    realizer: Realizer
    attempt: int = 1
    resources: Resources = PLAIN


@final
@frozen
class Finished:
    """What came of a task: outputs, a LEFT, needs that it asks for, or trouble that is none of the stage's.

    ``log`` is the end of its output, ``whole_log`` a folder that holds all of
    a longer one.
    """

    number: int
    result: Result[Outputs, Left | Asks | EngineFailure]
    made_by: MadeBy = MadeBy()
    cost: Cost = Cost()
    log: str = ""
    whole_log: Path | None = None


@final
@frozen
class Begun:
    """A task began: it has a worker, and waits no longer."""

    number: int


@final
@frozen
class Progressed:
    """How far a running task is: ``done`` of ``total``, 0 where the total is not known."""

    number: int
    done: float
    total: float


Report: TypeAlias = Begun | Progressed | Finished


class Executor(Protocol):
    """Runs tasks. One thread at a time may call it."""

    @property
    def capacity(self) -> int:
        """How many tasks it takes before any has finished."""
        ...

    @property
    def limits(self) -> Limits:
        """What tasks that run at the same time share; who starts them keeps within it."""
        ...

    @property
    def blocking(self) -> bool:
        """Whether `wait` itself runs tasks: then nothing made before may wait with it to be stored."""
        ...

    def start(self, tasks: Sequence[Task]) -> IOResult[None, EngineFailure]:
        """Take tasks over; they begin as soon as there is room."""
        ...

    def wait(self, seconds: float | None) -> IOResult[Sequence[Report], EngineFailure]:
        """Give what there is to tell; wait for the first, up to ``seconds``. Gives nothing when the time is over."""
        ...

    def withdraw(self) -> IOResult[frozenset[int], EngineFailure]:
        """Take back what has not begun, by number; nothing more will come of it."""
        ...

    def cancel(self) -> IOResult[None, EngineFailure]:
        """Stop every task at once. Nothing more will come of them."""
        ...

    def close(self) -> IOResult[None, EngineFailure]:
        """Give back all processes."""
        ...


ExecutorMaker: TypeAlias = Callable[[Limits], IOResult[Executor, EngineFailure]]
"""Opens an executor for a world, given the limits that the user set."""
