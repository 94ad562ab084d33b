"""A plan as a value, and the decisions behind it, on a shelf instead of a store."""

from __future__ import annotations

from typing import get_args

import pytest

from lightfx import reasons
from lightfx.core.refs import DRef
from lightfx.plan.explain import Action, Estimate, Forced, Plan, Reason, Step, StoredReason

F = DRef(f"{'a' * 32}-f")


def step(action: Action, seconds: float | None = None, cores: int = 1) -> Step:
    return Step(F, action, seconds=seconds, cores=cores)


def test_what_runs_and_what_is_realized() -> None:
    plan = Plan(tuple(step(action) for action in Action), (F,))
    assert [each.action for each in plan.running] == [Action.BUILD, Action.MAYBE]
    assert not plan.realized
    assert [plan.count(action) for action in Action] == [1] * 6
    still = Plan(tuple(step(action) for action in (Action.REUSE, Action.CUT_OFF, Action.REPLAY, Action.INHERIT)), ())
    assert still.realized
    assert list(still) == list(still.steps)


def test_an_estimate_is_no_less_than_the_longest_chain_and_no_less_than_all_the_work() -> None:
    work = Plan(tuple(step(Action.BUILD, 2.0) for _ in range(8)), (), longest=4.0)
    assert [work.estimate(workers).seconds for workers in (0, 1, 2, 4, 100)] == [16.0, 16.0, 8.0, 4.0, 4.0]


def test_what_takes_several_cores_leaves_less_room() -> None:
    wide = Plan((step(Action.BUILD, 3.0, cores=2), step(Action.BUILD, 3.0, cores=2)), (), longest=3.0)
    assert wide.estimate(4).seconds == 3.0
    assert wide.estimate(2).seconds == 6.0
    assert wide.estimate(1).seconds == 6.0, "it takes no more than there is"


def test_an_estimate_says_what_it_does_not_know() -> None:
    steps = (step(Action.BUILD), step(Action.MAYBE, 1.0), step(Action.MAYBE), step(Action.REUSE))
    assert Plan(steps, (), longest=1.0).estimate() == Estimate(1.0, unknown=2, maybe=2)


def test_every_reason_is_public() -> None:
    kinds = {*get_args(Reason), *get_args(StoredReason)}
    assert Forced in kinds
    assert {kind.__name__ for kind in kinds} <= set(reasons.__all__)


@pytest.mark.parametrize("action", Action)
def test_only_what_is_built_runs(action: Action) -> None:
    assert step(action).runs is (action.value.startswith("build"))
