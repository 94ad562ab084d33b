"""The loop of a run: carry out commands, feed the step machine what came of them.

The schedule says what to do; `Performer` does it, through the world. The loop
itself decides one thing only, when to make results durable: a realization that
wrote no files counts as soon as it is made, and is stored with others, at most
`GROUP` of them or after `PATIENCE` seconds, and in any case before the run
answers. Files are made durable before anything may read them.

Whatever ends the run, a failure of the engine or an interrupt of the user, what
had finished is stored first, claims are given back, and running tasks are
stopped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from returns.result import Failure, Result, Success

from lightfx.core.failures import EngineFailure
from lightfx.effects.journal import RunBegan, RunEnded
from lightfx.effects.world import World
from lightfx.engine.perform import Answer, Performer
from lightfx.plan.graph import Graph
from lightfx.plan.ledger import State
from lightfx.plan.moves import Command
from lightfx.plan.replay import ReplayPolicy
from lightfx.plan.schedule import begin, step


def drive(world: World, graph: Graph, policy: ReplayPolicy) -> Result[State, EngineFailure]:
    """Settle every node of ``graph``: reuse what is stored, build the rest, store what was built."""
    state, commands = begin(graph, policy, world.store.folder_of)
    performer = Performer(world, graph, state)
    world.perform.value(world.journal.tell(RunBegan(len(graph.nodes))))
    try:
        with world.perform.undisturbed():
            opened = _carry_out(performer, state, commands)
        failure = opened.failure() if isinstance(opened, Failure) else _loop(performer, state, opened.unwrap())
        stored = performer.finish()
    finally:
        performer.abandon()
    failure = failure or performer.trouble
    if failure is not None:
        return Failure(failure)
    if isinstance(stored, Failure):
        return Failure(stored.failure())
    world.perform.value(world.journal.tell(RunEnded(performer.summary())))
    return Success(state)


def _carry_out(
    performer: Performer, state: State, commands: Iterable[Command]
) -> Result[Sequence[Command], EngineFailure]:
    """Carry out commands, each once, and give those that their answers bring."""
    brought: list[Command] = []
    for command in commands:
        answered = performer.perform(command)
        if isinstance(answered, Failure):
            return Failure(answered.failure())
        for event in answered.unwrap():
            brought += step(state, event)[1]
    return Success(brought)


def _loop(performer: Performer, state: State, commands: Iterable[Command]) -> EngineFailure | None:
    queue = deque(commands)
    answered: Answer
    while queue or not state.finished:
        if queue:
            answered = performer.perform(queue.popleft())
        elif performer.pending:
            answered = performer.advance()
        else:
            answered = performer.rest()
        if isinstance(answered, Failure):
            failure: EngineFailure = answered.failure()
            return failure
        for event in (*answered.unwrap(), *performer.tick()):
            _, more = step(state, event)
            queue.extend(more)
    return None
