"""`plan` and `table`: what a run would do, and what is stored, as values, without a run.

What it takes, the step machine and the past of the stages, is imported by the
first plan that is asked for: a program that only realizes does without.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, TypeVar

from returns.io import IOResult

from lightfx.core.closure import Plans, instantiate
from lightfx.core.derivation import Derivation
from lightfx.core.failures import EngineFailure
from lightfx.core.refs import DRef
from lightfx.effects.world import Tabled, World
from lightfx.plan.explain import Plan
from lightfx.plan.replay import ReplayPolicy, replay_by_cause

if TYPE_CHECKING:
    from lightfx.report.tables import Table

T = TypeVar("T")
K = TypeVar("K")


def plan(
    world: World,
    plans: Plans[K],
    /,
    *,
    replay: ReplayPolicy = replay_by_cause,
    force: Collection[DRef | Derivation[object]] = (),
) -> IOResult[Plan, EngineFailure]:
    """Say what `realize` would do with one plan or with many, and why. Runs nothing, and stores nothing.

    ``replay`` says which stored LEFTs stand, as in `realize`. ``force`` names
    derivations that are to be run whatever is stored of them. Of what stands on
    something that would be run, it is not known what a run would do: it is told
    as `Action.MAYBE`.

    Fails as a run would: with `Unmatched` where a matcher refuses, and on
    trouble of the engine.
    """
    from lightfx.engine.foresight import foresee  # noqa: PLC0415 -- see the head of the file
    from lightfx.plan.graph import graph_of  # noqa: PLC0415 -- as above

    anew = frozenset(each.dref if isinstance(each, Derivation) else each for each in force)
    with world.perform.turn(), world.perform.undisturbed():
        return IOResult.from_result(foresee(world, graph_of(instantiate(plans)), replay, anew))


def table(world: World, of: Tabled[T, K], /) -> IOResult[Table[T], EngineFailure]:
    """Show what is stored of plans, or of all that a stage ever made. Runs nothing, and stores nothing.

    ``of``: a plan, plans in a container, or a stage, with what older code of its
    own made, and nothing of its namesakes elsewhere. A plan that collects
    several realizations has a row for each; one that would have to run has a
    row without.

    Fails as a run would: where a matcher refuses, and on trouble of the engine.
    """
    from lightfx.engine.tabling import tabled  # noqa: PLC0415 -- see the head of the file

    return tabled(world, of)
