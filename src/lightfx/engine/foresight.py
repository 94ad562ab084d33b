"""Foresight: the step machine driven by what is stored, and by nothing else.

The commands that read are carried out as in a run. A run is noted, and gives
nothing; so what stands on it stays open. Nothing is claimed, nothing is
committed, no folder is made.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from math import inf
from typing import Final, assert_never, final

from attrs import Factory, define
from returns.io import IOResult
from returns.result import Failure, Result, Success

from lightfx.core.derivation import Parts
from lightfx.core.failures import EngineFailure
from lightfx.core.listing import Listed
from lightfx.core.realization import Realization
from lightfx.core.refs import DRef
from lightfx.effects.world import World
from lightfx.engine.answers import answer
from lightfx.plan.explain import Plan
from lightfx.plan.graph import Graph
from lightfx.plan.ledger import State
from lightfx.plan.moves import (
    Command,
    Differ,
    Drop,
    Event,
    Fail,
    Gone,
    Keep,
    List,
    Observe,
    Recall,
    Run,
    Seek,
    Stuck,
)
from lightfx.plan.nearest import Past
from lightfx.plan.reasons import Forecast, History, plan_of
from lightfx.plan.replay import ReplayPolicy
from lightfx.plan.schedule import begin, step
from lightfx.plan.wishes import Wishes

LOOKED_AT: Final = 5_000


def foresee(world: World, graph: Graph, policy: ReplayPolicy, force: frozenset[DRef]) -> Result[Plan, EngineFailure]:
    """Drive the step machine through ``graph`` as far as it gets without a run, and say what it would do."""
    seen = _look(world, graph, policy, Wishes(force=force, limits=world.executor.limits))
    if isinstance(seen, Failure):
        return Failure(seen.failure())
    state, reader = seen.unwrap()
    forecast = Forecast(graph, state, reader.runs, force)
    return _history_of(world, forecast).map(lambda history: plan_of(forecast, history))


def look(world: World, graph: Graph, policy: ReplayPolicy) -> Result[State, EngineFailure]:
    """Drive the step machine through ``graph`` as far as it gets without a run, and give the ledger."""
    return _look(world, graph, policy, Wishes()).map(lambda seen: seen[0])


def _look(
    world: World, graph: Graph, policy: ReplayPolicy, wishes: Wishes
) -> Result[tuple[State, _Reader], EngineFailure]:
    state, commands = begin(graph, policy, world.store.folder_of, wishes)
    reader = _Reader(world, graph)
    queue = deque(commands)
    while True:
        resting = not queue
        answered = reader.rest(state) if resting else reader.read(queue.popleft())
        if isinstance(answered, Failure):
            return Failure(answered.failure())
        events = answered.unwrap()
        if resting and not events:
            break
        for event in events:
            queue.extend(step(state, event)[1])
    if reader.trouble is not None:
        return Failure(reader.trouble)
    return Success((state, reader))


@final
@define(eq=False)
class _Reader:
    """Carries out the commands that read, and notes the others."""

    world: World
    graph: Graph
    runs: dict[int, list[Run]] = Factory(dict)
    unasked: list[Run] = Factory(list)
    targets_asked: bool = False
    told_stuck: bool = False
    trouble: EngineFailure | None = None

    def read(self, command: Command) -> Result[Sequence[Event], EngineFailure]:
        """Answer one command."""
        match command:
            case Observe() | List() | Recall() | Seek():
                return answer(self.world, self.graph, command).map(lambda event: (event,))
            case Run():
                self.runs.setdefault(command.node, []).append(command)
                self.unasked.append(command)
            case Keep() | Drop() | Differ():
                pass
            case Fail(failure):
                self.trouble = self.trouble or failure
            case never:
                assert_never(never)
        return Success(())

    def rest(self, state: State) -> Result[Sequence[Event], EngineFailure]:
        """Where no command is left: find what is to be made again before it can be run on, or read."""
        unasked, self.unasked = self.unasked, []
        rows: list[tuple[Run | None, list[Listed]]] = [
            (run, _ephemeral(state, self.graph.nodes[run.node].needs)) for run in unasked
        ]
        if not self.targets_asked:
            self.targets_asked = True
            rows.append((None, _ephemeral(state, [number for number, _ in self.graph.targets])))
        trees = tuple({row.stored.tree for _, found in rows for row in found if row.stored.tree is not None})
        if not trees:
            return Success(() if state.finished or self.runs else self._stuck())
        present = self.world.perform.result(self.world.store.present(trees))
        return present.map(
            lambda there: tuple(
                Gone(run, gone)
                for run, found in rows
                if (gone := tuple(row.stored.rref for row in found if row.stored.tree not in there))
            )
        )

    def _stuck(self) -> Sequence[Event]:
        """Tell once that what waits for records that contradict each other waits in vain."""
        told, self.told_stuck = self.told_stuck, True
        return () if told else (Stuck(),)


def _ephemeral(state: State, numbers: Iterable[int]) -> list[Listed]:
    """List the ephemeral realizations with files that settled nodes were resolved to."""
    chosen = (row for number in dict.fromkeys(numbers) for rows in state.ledger[number].chosen.values() for row in rows)
    return [row for row in chosen if row.stored.ephemeral and row.stored.tree is not None]


def _history_of(world: World, forecast: Forecast) -> Result[History, EngineFailure]:
    """Read what was realized before of the stages that run, or may."""
    made: dict[DRef, list[Realization]] = {}
    pasts: dict[str, Past] = {}
    for name in forecast.names:
        read = _past_of(world, name, inf)
        if isinstance(read, Failure):
            return Failure(read.failure())
        realizations, pasts[name] = read.unwrap()
        for each in realizations:
            made.setdefault(each.dref, []).append(each)
    now: dict[str, Parts] = {}
    for node in forecast.graph.nodes:
        fingerprint = node.recipe.config.fingerprint
        if fingerprint and fingerprint not in now and node.dref.name.text in pasts:
            now[fingerprint] = node.recipe.realizer.parts()
    before = {each.config.fingerprint for past in pasts.values() for each in past.newest}
    codes = world.perform.result(world.store.codes(tuple(before - {""})))
    return codes.map(lambda found: History(made, pasts, {**now, **found}))


def past_of(
    world: World, name: str, *, before: float = inf
) -> IOResult[tuple[Sequence[Realization], Past], EngineFailure]:
    """Read what was realized last under a name, ``before`` a moment: all of it, newest first, and as a past."""
    return IOResult.from_result(_past_of(world, name, before))


def _past_of(world: World, name: str, before: float) -> Result[tuple[Sequence[Realization], Past], EngineFailure]:
    rows = world.perform.result(world.store.newest(name, LOOKED_AT))
    if isinstance(rows, Failure):
        return Failure(rows.failure())
    records = [row.realization for row in rows.unwrap() if row.stored.created < before]
    made = [each for each in records if each is not None]
    configs = world.perform.result(world.store.configs(tuple({each.dref: None for each in made})))
    return configs.map(lambda found: (made, Past.of(made, found)))
