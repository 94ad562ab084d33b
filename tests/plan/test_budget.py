"""The budget: who may start now."""

from __future__ import annotations

from lightfx.core.terms import PLAIN, Limits, Resources
from lightfx.plan.budget import PATIENCE, Budget, admitted, lacking

WIDE = Resources(cores=2)
GPU = Resources(tickets={"gpu": 1})


def test_what_can_never_fit_is_told_with_all_that_it_lacks() -> None:
    assert lacking(Resources(cores=3, memory=2000), Limits(cores=2, memory=1000)) == (
        "takes 3 cores of 2, and 2,000 bytes of memory of 1,000"
    )
    assert lacking(GPU, Limits()) == "takes 1 gpu of 0"
    assert lacking(Resources(cores=99, memory=99), Limits()) == ""


def test_plain_tasks_queue_beyond_the_cores_while_all_are_plain() -> None:
    budget = Budget(Limits(cores=2, tickets={"gpu": 1}))
    assert admitted([PLAIN] * 4, [0] * 4, budget, 3) == [0, 1, 2]
    assert admitted([GPU], [0], budget, 9) == []
    for _ in range(2):
        budget.give_back(PLAIN)
    assert admitted([GPU, PLAIN], [0, 0], budget, 9) == [0]


def test_one_that_was_passed_over_often_is_passed_no_more() -> None:
    budget = Budget(Limits(cores=2))
    budget.take(PLAIN)
    assert admitted([WIDE, PLAIN], [PATIENCE - 1, 0], budget, 9) == [1]
    budget.give_back(PLAIN)
    assert admitted([WIDE, PLAIN], [PATIENCE, 0], budget, 9) == []
    budget.give_back(PLAIN)
    assert admitted([WIDE, PLAIN], [PATIENCE, 0], budget, 9) == [0]


def test_what_was_scaled_up_stays_within_what_there_is() -> None:
    budget = Budget(Limits(cores=4, memory=100, tickets={"gpu": 2}))
    assert budget.capped(Resources(8, 200, {"gpu": 4})) == Resources(4, 100, {"gpu": 2})
    assert Budget(Limits()).capped(Resources(8, 200)) == Resources(8, 200)
