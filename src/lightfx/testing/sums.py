"""Small plans for the laws: sums of few numbers, so that contents collide and cutoff happens; draws; failures.

They are stages like a user's own, and write no files; worker processes import
them from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

from attrs import frozen
from returns.result import Failure, Result, Success

from lightfx.core.derivation import Derivation, Tolerant
from lightfx.core.outcome import Right
from lightfx.stages.build import Build
from lightfx.stages.stage import stage

FEW: Final = 3
"""Values are numbers below it: two stages in three give the same."""

TOLERATED: Final = 7
"""What a LEFT counts that is tolerated."""


@final
@frozen
class Node:
    """One stage of a dag: what it does, its parameter, and which nodes before it it needs, some of them tolerated."""

    operation: str
    param: int = 0
    needs: tuple[int, ...] = ()
    tolerant: frozenset[int] = frozenset()


Needs = Sequence[Derivation[int]]
Tolerated = Sequence[Tolerant[int]]


@stage(version="1", name="add")
def _add(build: Build, param: int, needs: Needs, tolerated: Tolerated) -> int:
    """Add up its inputs."""
    return (param + _total(build, needs, tolerated)) % FEW


@stage(version="1", name="blind")
def _blind(build: Build, param: int, needs: Needs, tolerated: Tolerated) -> int:
    """Give the same whatever it needs: what stands on it is cut off."""
    return 0


@stage(version="1", name="draw")
def _draw(build: Build, param: int, needs: Needs, tolerated: Tolerated) -> int:
    """Give another value for each output."""
    return (param + _total(build, needs, tolerated) + build.index) % FEW


@stage(version="1", name="even")
def _even(build: Build, param: int, needs: Needs, tolerated: Tolerated) -> Result[int, str]:
    """Be LEFT where the sum is even."""
    total = param + _total(build, needs, tolerated)
    return Success(total % FEW) if total % 2 else Failure(f"{total} is even")


@stage(version="1", name="fail")
def _fail(build: Build, param: int, needs: Needs, tolerated: Tolerated) -> int:
    """Raise."""
    raise ValueError(param)


def _total(build: Build, needs: Needs, tolerated: Tolerated) -> int:
    outcomes = [build.need(each) for each in tolerated]
    worth = [each.value if isinstance(each, Right) else TOLERATED for each in outcomes]
    return sum(build.need(each) for each in needs) + sum(worth)


_STAGES: Final = {"add": _add, "blind": _blind, "draw": _draw, "even": _even, "fail": _fail}
OPERATIONS: Final = ("add", "add", "blind", "draw", "even", "even", "fail")
"""What the nodes of a dag may do; those that occur more often are drawn more often."""


def plans_of(nodes: Sequence[Node]) -> list[Derivation[int]]:
    """Plan every node, in order.

    >>> [plan.dref.name.text for plan in plans_of([Node("add", 1), Node("even", 0, (0,))])]
    ['add', 'even']
    """
    plans: list[Derivation[int]] = []
    for node in nodes:
        needs = [plans[at] for at in node.needs if at not in node.tolerant]
        tolerated = [plans[at].tolerate() for at in node.needs if at in node.tolerant]
        plans.append(_STAGES[node.operation](node.param, needs, tolerated))
    return plans
