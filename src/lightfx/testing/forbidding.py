"""A world in which nothing runs: a wrapper of an executor that refuses every task.

It is for tests that are to be fast, or to touch no network: what is stored is
reused, and a stage that would have to run is an error that names it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from attrs import evolve, frozen
from returns.io import IOResult, IOSuccess

from lightfx.core.failures import EngineFailure
from lightfx.core.terms import Limits
from lightfx.effects.executor import Executor, Report, Task
from lightfx.effects.world import World


class RunForbiddenError(AssertionError):
    """A stage would have to run, in a world where none may; ``names`` are those of the derivations."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(names)
        self.names: tuple[str, ...] = tuple(names)

    def __str__(self) -> str:
        return f"no stage may run here, and these would have to: {', '.join(self.names)}"


@final
@frozen
class Idle:
    """Refuses every task of an executor. Implements `lightfx.effects.executor.Executor`."""

    executor: Executor

    @property
    def capacity(self) -> int:
        """As many as the executor takes: the first is refused."""
        return self.executor.capacity

    @property
    def limits(self) -> Limits:
        """Those of the executor."""
        return self.executor.limits

    @property
    def blocking(self) -> bool:
        """As the executor: nothing waits."""
        return self.executor.blocking

    def start(self, tasks: Sequence[Task]) -> IOResult[None, EngineFailure]:
        """Raise `RunForbiddenError`."""
        raise RunForbiddenError([task.order.dref.text for task in tasks])

    def wait(self, seconds: float | None) -> IOResult[Sequence[Report], EngineFailure]:
        """Tell nothing: nothing runs."""
        return IOSuccess(())

    def withdraw(self) -> IOResult[frozenset[int], EngineFailure]:
        """Give nothing back: nothing was taken."""
        return IOSuccess(frozenset())

    def cancel(self) -> IOResult[None, EngineFailure]:
        """Stop nothing."""
        return IOSuccess(None)

    def close(self) -> IOResult[None, EngineFailure]:
        """Close the executor."""
        return self.executor.close()


def idle(world: World, /) -> World:
    """Give the same world, in which nothing runs: a stage that would have to raises `RunForbiddenError`.

    >>> from lightfx import evaluate, memory_world
    >>> from lightfx.testing.sums import Node, plans_of
    >>> (plan,) = plans_of([Node("add", 1)])
    >>> with memory_world("never-made") as world:
    ...     evaluate(idle(world), plan)
    Traceback (most recent call last):
    ...
    lightfx.testing.forbidding.RunForbiddenError: no stage may run here, and these would have to: ...-add
    """
    return evolve(world, executor=Idle(world.executor))
