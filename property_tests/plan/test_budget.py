"""The laws of the budget: what runs together fits, nobody waits for ever, equals start in their order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from unittest import mock

import pytest
from attrs import Factory, define
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lightfx.core.terms import PLAIN, Limits, Resources
from lightfx.plan import budget as budget_module
from lightfx.plan.budget import PATIENCE, Budget, admitted, lacking

RESOURCES = st.one_of(
    st.just(PLAIN),
    st.builds(
        Resources,
        st.integers(1, 4),
        st.integers(0, 4),
        st.dictionaries(st.sampled_from("ab"), st.integers(1, 2), max_size=2),
    ),
)
LIMITS = st.builds(Limits, st.none() | st.integers(1, 4), st.none() | st.integers(1, 4), st.just({"a": 1, "b": 2}))
ROOM = 8


@define(eq=False)
class Machine:
    """A machine on which tasks start as the budget says, and end as chance says."""

    limits: Limits
    budget: Budget = Factory(lambda self: Budget(self.limits), takes_self=True)
    waiting: list[tuple[int, Resources]] = Factory(list)
    passed: dict[int, int] = Factory(dict)
    running: list[tuple[int, Resources]] = Factory(list)

    def come(self, number: int, resources: Resources) -> None:
        if not lacking(resources, self.limits):
            self.waiting.append((number, resources))
            self.passed[number] = 0

    def start(self) -> list[tuple[int, Resources]]:
        """Start who is admitted; those before the last of them were passed over."""
        room = ROOM - len(self.running)
        chosen = budget_module.admitted(
            [each for _, each in self.waiting], [self.passed[number] for number, _ in self.waiting], self.budget, room
        )
        started = [self.waiting[position] for position in chosen]
        for position, (number, _) in enumerate(self.waiting[: chosen[-1] if chosen else 0]):
            self.passed[number] += position not in chosen
        self.waiting = [each for position, each in enumerate(self.waiting) if position not in chosen]
        self.running += started
        return started

    def end(self, at: int) -> None:
        if self.running:
            self.budget.give_back(self.running.pop(at % len(self.running))[1])


def what_runs_together_fits(limits: Limits, tasks: Sequence[Resources], ends: Sequence[int]) -> None:
    machine = Machine(limits)
    for number, resources in enumerate(tasks):
        machine.come(number, resources)
        machine.start()
        if ends[number % len(ends)]:
            machine.end(ends[number % len(ends)])
        running = [each for _, each in machine.running]
        assert len(running) <= ROOM
        if not all(each is PLAIN for each in running):  # plain ones may queue, as long as all are plain
            special = [each for each in running if each is not PLAIN]
            assert limits.memory is None or sum(each.memory for each in special) <= limits.memory
            for name, count in limits.tickets.items():
                assert sum(each.tickets.get(name, 0) for each in special) <= count


def cores_are_shared(limits: Limits, tasks: Sequence[Resources], ends: Sequence[int]) -> None:
    """What is not plain starts where there are cores for it beside all that runs."""
    machine = Machine(limits)
    for number, resources in enumerate(tasks):
        machine.come(number, resources)
        before = sum(each.cores for _, each in machine.running)
        for _, started in machine.start():
            before += started.cores
            assert started is PLAIN or limits.cores is None or before <= limits.cores
        if ends[number % len(ends)]:
            machine.end(ends[number % len(ends)])


def nobody_waits_for_ever(limits: Limits, tasks: Sequence[Resources], ends: Sequence[int]) -> None:
    """Under any stream of others that come and end, each task that can fit starts."""
    machine = Machine(limits)
    for number, resources in enumerate(tasks):
        machine.come(number, resources)
    late = len(tasks)
    for turn in range(len(tasks) * (PATIENCE + ROOM) * 2):
        if not any(number < len(tasks) for number, _ in machine.waiting):
            return
        machine.start()
        machine.end(ends[turn % len(ends)])
        machine.come(late + turn, PLAIN)
    raise AssertionError([each for each in machine.waiting if each[0] < len(tasks)])


def equals_keep_their_order(limits: Limits, tasks: Sequence[Resources], ends: Sequence[int]) -> None:
    machine = Machine(limits)
    begun: dict[str, list[int]] = {}
    for number, resources in enumerate(tasks):
        machine.come(number, resources)
        for each, what in machine.start():
            begun.setdefault(str(what), []).append(each)
        if ends[number % len(ends)]:
            machine.end(ends[number % len(ends)])
    assert all(numbers == sorted(numbers) for numbers in begun.values())


LAWS = [what_runs_together_fits, cores_are_shared, nobody_waits_for_ever, equals_keep_their_order]
TASKS = st.lists(RESOURCES, min_size=1, max_size=12)
ENDS = st.lists(st.integers(0, 9), min_size=1, max_size=5)


@pytest.mark.parametrize("law", LAWS)
def test_a_law_of_the_budget(law: Callable[[Limits, Sequence[Resources], Sequence[int]], None]) -> None:
    @given(LIMITS, TASKS, ENDS)
    def holds(limits: Limits, tasks: list[Resources], ends: list[int]) -> None:
        law(limits, tasks, ends)

    holds()


# Wrong budgets, each caught.


def _never_patient(waiting: Sequence[Resources], passed: Sequence[int], budget: Budget, room: int) -> list[int]:
    return admitted(waiting, [0] * len(passed), budget, room)


def _last_come_first(waiting: Sequence[Resources], passed: Sequence[int], budget: Budget, room: int) -> list[int]:
    found = admitted(waiting[::-1], passed[::-1], budget, room)
    return sorted(len(waiting) - 1 - position for position in found)


WRONG: dict[str, tuple[object, str, object]] = {
    "passes over for ever": (budget_module, "admitted", _never_patient),
    "the last comes first": (budget_module, "admitted", _last_come_first),
    "everything fits": (Budget, "fits", lambda budget, resources: True),
    "nothing is taken": (Budget, "take", lambda budget, resources: None),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_budget_breaks_a_law(fault: str) -> None:
    where, name, change = WRONG[fault]

    @settings(max_examples=300, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck))
    @given(LIMITS, TASKS, ENDS)
    def laws(limits: Limits, tasks: list[Resources], ends: list[int]) -> None:
        for law in LAWS:
            law(limits, tasks, ends)

    with mock.patch.object(where, name, change), pytest.raises(AssertionError):
        laws()
