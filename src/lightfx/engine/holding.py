"""An executor that holds chosen tasks back, and answers those that were made by hand; for `lightfx.repl`.

It hands all other tasks on to the world's own. When nothing is left to run but
what it holds, it ends the run: what was made is stored, claims are given back,
and what is held can be looked at for as long as one likes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias, final

from attrs import define, field
from returns.io import IOFailure, IOResult, IOSuccess
from returns.result import Failure, Success

from lightfx.core.derivation import Asks, Dependency
from lightfx.core.failures import EngineFailure, Interrupted
from lightfx.core.names import Digest
from lightfx.core.outcome import Left
from lightfx.core.realization import Output
from lightfx.core.refs import DRef
from lightfx.core.terms import Limits
from lightfx.effects.executor import Executor, Finished, Report, Task

Which: TypeAlias = tuple[DRef, Digest, tuple[int, ...]]
BY_HAND: Final = "made by hand, in lightfx.repl\n"


def which(task: Task) -> Which:
    """Tell a task from others, in this run and in the next: what it makes, of what, and which outputs."""
    return task.order.dref, task.order.key, task.order.indices


@final
@define(eq=False)
class Holding:
    """An executor that hands tasks on, except those it holds, and those that were made by hand.

    ``chosen`` says what is held. ``free``: what is not held all the same.
    ``needs``: what was asked for as a task was made by hand; it is asked of the
    engine before the answer is given, so that the record says on what it stands.
    ``over``: what has been made; ``used``: the answers that were taken.
    """

    inner: Executor
    chosen: Callable[[Task], bool]
    answers: dict[Which, tuple[Output | Left, ...]] = field(factory=dict)
    needs: dict[Which, tuple[Dependency, ...]] = field(factory=dict)
    used: set[Which] = field(factory=set)
    free: set[Which] = field(factory=set)
    over: set[DRef] = field(factory=set)
    held: list[Task] = field(factory=list)
    answered: list[Finished] = field(factory=list)
    running: dict[int, DRef] = field(factory=dict)

    @property
    def capacity(self) -> int:
        """As many as the other takes: what is held takes no room."""
        return self.inner.capacity + len(self.held) + len(self.answered)

    @property
    def limits(self) -> Limits:
        """Those of the other."""
        return self.inner.limits

    @property
    def blocking(self) -> bool:
        """As the other is."""
        return self.inner.blocking

    def start(self, tasks: Sequence[Task]) -> IOResult[None, EngineFailure]:
        """Take tasks over."""
        handed: list[Task] = []
        for task in tasks:
            if which(task) in self.answers:
                self.answered.append(self._answer(task))
            elif self._pauses(task):
                self.held.append(task)
            else:
                handed.append(task)
                self.running[task.number] = task.order.dref
        return self.inner.start(handed) if handed else IOSuccess(None)

    def _answer(self, task: Task) -> Finished:
        mark, made_by = which(task), task.realizer.made_by()
        lacking = tuple(each for each in self.needs.get(mark, ()) if each.reference not in task.order.asked)
        if lacking:
            return Finished(task.number, Failure(Asks(lacking)), made_by)
        self.over.add(task.order.dref)
        self.used.add(mark)
        return Finished(task.number, Success(self.answers[mark]), made_by, log=BY_HAND)

    def _pauses(self, task: Task) -> bool:
        return which(task) not in self.free and self.chosen(task)

    def wait(self, seconds: float | None) -> IOResult[Sequence[Report], EngineFailure]:
        """Give what there is to tell; where all that is left is held, end the run."""
        if self.answered:
            told, self.answered = self.answered, []
            return IOSuccess(told)
        if self.held and not self.running:
            return IOFailure(Interrupted())
        return self.inner.wait(seconds).map(self._seen)

    def _seen(self, reports: Sequence[Report]) -> Sequence[Report]:
        for each in reports:
            if isinstance(each, Finished) and each.number in self.running:
                self.over.add(self.running.pop(each.number))
        return reports

    def withdraw(self) -> IOResult[frozenset[int], EngineFailure]:
        """Take back what has not begun."""
        held = frozenset(task.number for task in self.held)
        return self.inner.withdraw().map(lambda numbers: numbers | held)

    def cancel(self) -> IOResult[None, EngineFailure]:
        """Stop what runs; what is held is the session's."""
        self.running.clear()
        return self.inner.cancel()

    def close(self) -> IOResult[None, EngineFailure]:
        """The other is not ours to close."""
        return IOSuccess(None)
