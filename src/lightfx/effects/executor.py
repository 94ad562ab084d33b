"""Executors: where realizers run.

One protocol for all: `start` hands tasks over, `wait` gives what has finished.
An executor runs each task in its private folder, keeps its output in a log, and
measures it; it decides nothing. A task that takes its process down is finished
as `Died`, and no other task with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, final

from attrs import frozen
from returns.io import IOResult
from returns.result import Result

from lightfx.core.derivation import Realizer
from lightfx.core.failures import EngineFailure
from lightfx.core.outcome import Left
from lightfx.core.realization import BuildOrder, Cost, MadeBy, Outputs


@final
@frozen
class Task:
    """One order for one realizer; ``number`` is the engine's own name for it."""

    number: int
    order: BuildOrder
    realizer: Realizer


@final
@frozen
class Finished:
    """What came of a task: outputs, a LEFT, or trouble that is none of the stage's.

    ``log`` is the end of its output, ``whole_log`` a folder that holds all of
    a longer one.
    """

    number: int
    result: Result[Outputs, Left | EngineFailure]
    made_by: MadeBy = MadeBy()
    cost: Cost = Cost()
    log: str = ""
    whole_log: Path | None = None


class Executor(Protocol):
    """Runs tasks. One thread at a time may call it."""

    @property
    def capacity(self) -> int:
        """How many tasks it takes before any has finished."""
        ...

    @property
    def blocking(self) -> bool:
        """Whether `wait` itself runs tasks: then nothing made before may wait with it to be stored."""
        ...

    def start(self, tasks: Sequence[Task]) -> IOResult[None, EngineFailure]:
        """Take tasks over; they begin as soon as there is room."""
        ...

    def wait(self, seconds: float | None) -> IOResult[Sequence[Finished], EngineFailure]:
        """Give what has finished; wait for the first, up to ``seconds``. Gives nothing when the time is over."""
        ...

    def cancel(self) -> IOResult[None, EngineFailure]:
        """Stop every task at once. Nothing more will come of them."""
        ...

    def close(self) -> IOResult[None, EngineFailure]:
        """Give back all processes."""
        ...
