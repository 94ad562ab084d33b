"""Carrying out the commands of the schedule, through the world.

What the schedule asks of the store is asked at once. Runs wait until there is
room for them (`attempts`), are claimed just before they start (`claiming`), and
what they made becomes realizations (`harvest`), stored in groups (`keeping`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias, TypeVar, assert_never

from attrs import define, evolve, field
from returns.io import IOResult
from returns.result import Result, Success

from lightfx.core.derivation import Realizer
from lightfx.core.failures import CannotFit, EngineFailure
from lightfx.core.listing import Listed
from lightfx.core.names import Digest
from lightfx.core.realization import Value
from lightfx.core.refs import DRef, RRef
from lightfx.effects.journal import FILES, INTERRUPTED, RESULT, Advanced, Differed, JournalEvent, Stopping, TaskEnded
from lightfx.effects.world import World
from lightfx.engine.answers import answer
from lightfx.engine.attempts import Attempts
from lightfx.engine.claiming import Claimer
from lightfx.engine.harvest import Harvest
from lightfx.engine.keeping import Keeper
from lightfx.plan.budget import Budget
from lightfx.plan.graph import Graph
from lightfx.plan.ledger import State
from lightfx.plan.moves import (
    Built,
    Command,
    Differ,
    Drop,
    Event,
    Fail,
    Keep,
    List,
    Observe,
    Recall,
    Run,
    Seek,
)

T = TypeVar("T")
Answer: TypeAlias = "Result[Sequence[Event], EngineFailure]"


@define(eq=False)
class Performer:
    """What a run has in hand: runs to start, runs that run, results to store; ``trouble`` is what went wrong first."""

    world: World
    graph: Graph
    state: State
    keeper: Keeper = field(init=False)
    claimer: Claimer = field(init=False)
    attempts: Attempts = field(init=False)
    trouble: EngineFailure | None = None
    mended: set[Digest] = field(factory=set)
    remade: set[DRef] = field(factory=set)

    def __attrs_post_init__(self) -> None:
        self.keeper = Keeper(self.world, self.graph, self.state.holders)
        self.claimer = Claimer(self.keeper, self.state)
        self.attempts = Attempts(Budget(self.world.executor.limits))

    @property
    def refused(self) -> EngineFailure | None:
        """What can never fit, where that is known before anything has started."""
        return self.trouble if isinstance(self.trouble, CannotFit) and not self.attempts.tasks else None

    def summary(self) -> Advanced:
        """Count what is settled by now; what was lost to trouble of the engine is not."""
        state = self.state
        ways = (state.reused, state.cut_off, state.inherited, state.ran)
        return Advanced(sum(ways), *ways, state.failed, state.total, len(self.remade))

    def realizer_of(self, run: Run) -> Realizer:
        """What carries a run out."""
        return self.graph.nodes[run.node].recipe.realizer

    def do(self, io: IOResult[T, EngineFailure]) -> Result[T, EngineFailure]:
        """Carry out an effect."""
        return self.world.perform.result(io)

    def tell(self, event: JournalEvent) -> None:
        """Let the journal know."""
        self.world.perform.value(self.world.journal.tell(event))

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.world.perform.value(self.world.clock.now())

    def perform(self, command: Command) -> Answer:
        """Carry out one command; the events are its answer."""
        match command:
            case Observe() | List() | Recall() | Seek():
                return answer(self.world, self.graph, command).map(lambda event: (event,))
            case Run():
                if command.again is not None:
                    self.keeper.spare({command.again})
                self.attempts.add(command, self.graph.nodes[command.node].recipe.realizer.terms)
                self.claimer.expect(command)
            case Keep(number, realization):
                self.keeper.keep(number, evolve(realization, created=self.now()))
            case Drop(trees):
                self.keeper.unused += trees
            case Differ(dref, recorded, found):
                self.tell(Differed(dref, recorded, found))
            case Fail(failure):
                self.trouble = self.trouble or failure
            case never:
                assert_never(never)
        return Success(())

    def book(self, crop: Harvest, task: int) -> Built:
        """Keep what one run gave, and tell of it."""
        if crop.run.again is not None:
            self.mended.add(crop.run.again)
            self.remade.add(crop.run.dref)
        realizations = crop.realizations
        told = {} if crop.run.again is None else self._stored(crop.run.node)
        for realization in realizations:
            if told.get(realization.rref) is not realization.ephemeral:  # made again, as it is stored
                self.keeper.keep(crop.run.node, realization)
        self.keeper.spare({each.tree for each in realizations if each.tree is not None})
        first = next((each for each in realizations if not isinstance(each.result, Value)), realizations[0])
        reason = "" if isinstance(first.result, Value) else first.result.reason
        again = crop.run.again is not None
        self.tell(
            TaskEnded(first.dref, first.result.kind, reason, first.cost.seconds, task, FILES if again else RESULT)
        )
        self.claimer.done_with(crop.run)
        return Built(crop.run.node, tuple(map(Listed.whole, realizations)), again)

    def _stored(self, number: int) -> Mapping[RRef, bool]:
        """The realizations of a node that are stored, or will be, and whether they are ephemeral."""
        stored = (row.stored for row in self.state.ledger[number].candidates)
        return {each.rref: each.ephemeral for each in stored}

    # The end.

    def stop(self, why: str) -> None:
        """Start nothing more; what runs is waited for."""
        if self.state.stopped:
            return
        self.state.stopped = why
        for number in self.do(self.world.executor.withdraw()).value_or(frozenset()):
            self.claimer.done_with(self.attempts.end(number).run)
        self.tell(Stopping(why, len(self.attempts.running)))

    def interrupted(self) -> None:
        """Tell, once, that the user stopped the run, and that nothing is waited for."""
        if not self.state.stopped:
            self.state.stopped = INTERRUPTED
            self.tell(Stopping(INTERRUPTED, 0))

    def abandon(self) -> None:
        """Stop what still runs, and give every claim back."""
        if self.attempts.running:
            self.do(self.world.executor.cancel())
        if self.keeper.unstored:
            self.keeper.finish()
        self.claimer.abandon()
