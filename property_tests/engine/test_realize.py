"""The laws of a whole run, through a world in memory, with an executor whose tasks end in any order."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from unittest import mock

import pytest
from attrs import evolve
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from returns.io import IOResult, IOSuccess
from toys import RAN
from worlds import REPLAYED_OPS, Small, Spec, Use, compute, fates, histories, plans, small_worlds

from lightfx import Left, Outcome, Right, Upstream, World, memory_world, realize_all, replay_always
from lightfx.core.failures import EngineFailure
from lightfx.core.matching import Some
from lightfx.core.realization import Value
from lightfx.core.terms import Limits
from lightfx.effects.executor import Finished, Task
from lightfx.plan import schedule
from lightfx.plan.desk import Desk
from lightfx.shell.executor.work import carry_out
from lightfx.wiring import unwrap

SEEDS = st.integers(0, 99)


class Shuffling:
    """Runs tasks in an order given by a seed; interrupts the run after ``budget`` of them."""

    def __init__(self, seed: int, budget: int | None = None, capacity: int = 3) -> None:
        self.capacity = capacity
        self.blocking = False
        self.limits = Limits()
        self._chance = random.Random(seed)
        self._waiting: list[Task] = []
        self._budget = budget

    def withdraw(self) -> IOResult[frozenset[int], EngineFailure]:
        numbers = frozenset(task.number for task in self._waiting)
        self._waiting.clear()
        return IOSuccess(numbers)

    def start(self, tasks: Sequence[Task]) -> IOResult[None, EngineFailure]:
        self._waiting.extend(tasks)
        return IOSuccess(None)

    def wait(self, seconds: float | None) -> IOResult[Sequence[Finished], EngineFailure]:
        finished: list[Finished] = []
        for _ in range(self._chance.randint(1, max(1, len(self._waiting)))):
            if self._budget == 0 and finished:
                break
            if self._budget == 0:
                raise KeyboardInterrupt
            if self._budget is not None:
                self._budget -= 1
            task = self._waiting.pop(self._chance.randrange(len(self._waiting)))
            finished.append(carry_out(task, lambda: 0))
        return IOSuccess(finished)

    def cancel(self) -> IOResult[None, EngineFailure]:
        self._waiting.clear()
        return IOSuccess(None)

    def close(self) -> IOResult[None, EngineFailure]:
        return self.cancel()


@contextmanager
def new_world() -> Iterator[World]:
    with tempfile.TemporaryDirectory() as scratch, memory_world(scratch) as world:
        yield world


def run(
    world: World, small: Small, seed: int, *, budget: int | None = None, replay: object = None
) -> tuple[Sequence[Outcome[object]], list[tuple[str, int]]]:
    """Realize all plans, and tell what ran."""
    RAN.clear()
    shuffled = evolve(world, executor=Shuffling(seed, budget))
    made = plans(small)
    policy = {} if replay is None else {"replay": replay}
    outcomes = unwrap(realize_all(shuffled, made, **policy))
    return outcomes, list(RAN)


def told(outcomes: Sequence[Outcome[object]]) -> list[tuple[str, ...]]:
    return [tuple(map(str, outcome.rrefs)) for outcome in outcomes]


# The laws.


def outcomes_are_as_reckoned(small: Small, seed: int) -> None:
    made = plans(small)
    with new_world() as world:
        outcomes, _ = run(world, small, seed)
        for number, fate in enumerate(fates(small)):
            outcome, first = outcomes[number], fate.made(0) if not fate.stands_on_left else None
            match outcome:
                case Right(value):
                    assert first == Value(value)
                case Left(Upstream(roots)):
                    assert first is None
                    assert {root.rref.dref for root in roots} == {made[root].dref for root in fate.roots}
                    rows = unwrap(world.store.listed([made[number].dref], frozenset()))
                    assert [row.stored.kind for row in rows] == ["upstream"]
                case Left(cause):
                    assert first == cause


def an_unchanged_second_run_runs_nothing(small: Small, seed: int) -> None:
    with new_world() as world:
        first, _ = run(world, small, seed)
        second, again = run(world, small, seed + 1, replay=replay_always)
        assert again == []
        assert told(first) == told(second)
        _, third = run(world, small, seed + 2)
        assert all(name.startswith("dies") for name, _ in third)


def the_order_of_ends_does_not_count(small: Small, seed: int) -> None:
    with new_world() as one, new_world() as other:
        assert told(run(one, small, seed)[0]) == told(run(other, small, seed + 1000)[0])


def equal_work_runs_once(small: Small, seed: int) -> None:
    """The double of a store commits in groups: what is made and not yet stored counts."""
    with new_world() as world:
        _, ran = run(world, small, seed)
        listed = unwrap(world.store.newest(None, 10_000))
        originals = {
            (row.stored.key, row.stored.index)
            for row in listed
            if row.realization is not None and row.realization.like is None and row.stored.kind != "upstream"
        }
        assert len(ran) <= len(originals)


def an_interrupted_run_goes_on(small: Small, seed: int) -> None:
    """What had finished when the user stopped the run is stored, and not made again."""
    with new_world() as world:
        try:
            _, ran = run(world, small, seed, budget=seed % 5)
        except KeyboardInterrupt:
            ran = list(RAN)
        outcomes, rest = run(world, small, seed + 1)
        assert [isinstance(each, Left) for each in outcomes] == [bool(fate.roots) for fate in fates(small)]
        assert {each for each in ran if not each[0].startswith("dies")}.isdisjoint(rest)


def flipping_back_runs_nothing(history: list[Small], seed: int) -> None:
    with new_world() as world:
        seen: list[list[tuple[str, ...]]] = []
        for number, small in enumerate(history):
            outcomes, ran = run(world, small, seed + number)
            seen.append(told(outcomes))
            if small in history[:number]:
                assert ran == []
                assert told(outcomes) == seen[history.index(small)]
            for outcome, fate in zip(outcomes, fates(small), strict=True):
                assert isinstance(outcome, Left) == bool(fate.roots)
                assert isinstance(outcome, Left) or Value(outcome.value) == fate.made(0)


LAWS: list[Callable[[Small, int], None]] = [
    outcomes_are_as_reckoned,
    an_unchanged_second_run_runs_nothing,
    the_order_of_ends_does_not_count,
    equal_work_runs_once,
    an_interrupted_run_goes_on,
]
LATE_TWIN = (
    Spec("blind"),
    Spec("add", 0, (Use(0),)),
    Spec("add", 1, (Use(0),)),
    Spec("add", 2, (Use(2),)),
    Spec("blind", 0, (Use(3),)),
    Spec("add", 0, (Use(4),)),
)


@pytest.mark.parametrize("law", LAWS)
def test_a_law_of_runs(law: Callable[[Small, int], None]) -> None:
    @settings(max_examples=80)
    @given(small_worlds(), SEEDS)
    @example(LATE_TWIN, 1)
    def holds(small: Small, seed: int) -> None:
        law(small, seed)

    holds()


@settings(max_examples=60)
@given(histories(), SEEDS)
def test_flipping_back_runs_nothing(history: list[Small], seed: int) -> None:
    flipping_back_runs_nothing(history, seed)


@settings(max_examples=60)
@given(small_worlds(REPLAYED_OPS), SEEDS, st.integers(1, 4), st.integers(1, 4))
def test_more_are_made_only_as_far_as_they_are_missing(small: Small, seed: int, few: int, many: int) -> None:
    """``some(n)``: what is there is taken first, and the answer does not depend on who asked before."""
    with new_world() as world, new_world() as fresh:
        made = plans(small)
        executor = Shuffling(seed)
        unwrap(realize_all(evolve(world, executor=executor), [plan.collect(Some(few)) for plan in made]))
        RAN.clear()
        found = unwrap(realize_all(evolve(world, executor=executor), [plan.collect(Some(many)) for plan in made]))
        if few >= many:
            assert RAN == []
        anew = unwrap(realize_all(evolve(fresh, executor=executor), [plan.collect(Some(many)) for plan in made]))
        assert [type(each) for each in found] == [type(each) for each in anew]
        assert [each.value for each in found if isinstance(each, Right)] == [
            each.value for each in anew if isinstance(each, Right)
        ]


def test_the_reckoning_is_no_tautology() -> None:
    """The reference knows failures, tolerance and counts by itself."""
    small = (Spec("raises"), Spec("add", 0, (Use(0, 2, tolerate=True),)), Spec("add", 0, (Use(0),)))
    fate = fates(small)
    assert fate[1].made(0) == compute("add", 0, 14, 0) == Value(2)
    assert fate[2].stands_on_left
    assert fate[2].roots == {0}


# Wrong engines, each caught.

WRONG: dict[str, tuple[object, str, object]] = {
    "forgets what it just made": (Desk, "tell_made", lambda *given: None),
    "keys that ignore contents": (schedule, "spell_contents", lambda rows, reference: "{}"),
    "lets nothing stand": (
        schedule,
        "replayed",
        lambda rows, policy: [row for row in rows if row.stored.is_right],
    ),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_engine_breaks_a_law(fault: str) -> None:
    where, name, change = WRONG[fault]

    @settings(max_examples=60, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck))
    @given(small_worlds(), SEEDS)
    @example(LATE_TWIN, 1)
    @example(LATE_TWIN, 2)
    @example(LATE_TWIN, 3)
    def laws(small: Small, seed: int) -> None:
        for law in LAWS:
            law(small, seed)

    with mock.patch.object(where, name, change), pytest.raises(AssertionError):
        laws()
