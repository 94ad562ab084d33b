"""`realize` and `realize_all`: from plans to outcomes.

What only a run needs, the plan's floor and the loop, is imported by the first
run: a program that plans, or asks, does without.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar, overload

from returns.io import IOResult
from returns.result import Failure, Result

from lightfx.core.closure import instantiate
from lightfx.core.derivation import Derivation, Tolerant
from lightfx.core.failures import EngineFailure
from lightfx.core.outcome import Outcome
from lightfx.effects.world import World
from lightfx.plan.replay import ReplayPolicy, replay_by_cause

T = TypeVar("T")
K = TypeVar("K")


def realize(
    world: World, plan: Derivation[T], /, *, replay: ReplayPolicy = replay_by_cause
) -> IOResult[Outcome[T], EngineFailure]:
    """Realize one plan: reuse what is stored, build the rest, and give the outcome.

    ``replay`` says which stored LEFTs stand (see `replay_by_cause`). When the
    answer is there, all that it stands on is stored and durable.
    """
    if not isinstance(plan, Derivation):
        raise TypeError(f"a derivation is wanted, not {type(plan).__name__}: {_hint(plan)}")
    return realize_all(world, (plan,), replay=replay).map(_first)


def _hint(plan: object) -> str:
    if isinstance(plan, Tolerant):
        return "a stage can tolerate a LEFT; `realize` gives the outcome as it is"
    if isinstance(plan, World):
        return "the world comes first"
    if isinstance(plan, Mapping | Sequence):
        return "`realize_all` and `evaluate_all` take many"
    return "call a stage to get one"


def _first(outcomes: Sequence[Outcome[T]]) -> Outcome[T]:
    return outcomes[0]


@overload
def realize_all(
    world: World, plans: Mapping[K, Derivation[T]], /, *, replay: ReplayPolicy = ...
) -> IOResult[Mapping[K, Outcome[T]], EngineFailure]: ...
@overload
def realize_all(
    world: World, plans: Sequence[Derivation[T]], /, *, replay: ReplayPolicy = ...
) -> IOResult[Sequence[Outcome[T]], EngineFailure]: ...
def realize_all(
    world: World,
    plans: Mapping[K, Derivation[T]] | Sequence[Derivation[T]],
    /,
    *,
    replay: ReplayPolicy = replay_by_cause,
) -> IOResult[Mapping[K, Outcome[T]], EngineFailure] | IOResult[Sequence[Outcome[T]], EngineFailure]:
    """Realize many plans in one run, and give the outcomes in the same container.

    What fails sinks only what stands on it: everything that can still run does.
    """
    _check(world, plans)
    if isinstance(plans, Mapping):
        keys = tuple(plans)
        outcomes = _realize(world, tuple(plans.values()), replay)
        return IOResult.from_result(outcomes.map(lambda found: dict(zip(keys, found, strict=True))))
    return IOResult.from_result(_realize(world, tuple(plans), replay))


def _check(world: object, plans: object) -> None:
    """Say what is wrong with a call, where no type checker did."""
    if not isinstance(world, World):
        raise TypeError(f"a World is wanted first, not {type(world).__name__}: open_world(path) gives one")
    if isinstance(plans, Derivation):
        raise TypeError("a mapping or a sequence of derivations is wanted: `realize` and `evaluate` take one")


def _realize(
    world: World, plans: Sequence[Derivation[T]], replay: ReplayPolicy
) -> Result[tuple[Outcome[T], ...], EngineFailure]:
    from lightfx.engine.drive import drive  # noqa: PLC0415 -- see the head of the file
    from lightfx.engine.reading import read_outcomes  # noqa: PLC0415 -- as above
    from lightfx.plan.graph import graph_of  # noqa: PLC0415 -- as above

    with world.perform.undisturbed():
        graph = graph_of(instantiate(plans))
    settled = drive(world, graph, replay)
    if isinstance(settled, Failure):
        return Failure(settled.failure())
    with world.perform.undisturbed():
        return read_outcomes(world, graph, settled.unwrap())
