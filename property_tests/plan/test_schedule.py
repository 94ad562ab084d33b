"""The laws of the step machine, on small graphs, against the simplest possible reckoning.

A law is a function of a graph, or of a history of graphs, that asserts; each
is judged by step machines that are wrong in one respect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from unittest import mock

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from toys import KilledError, Report, Shelf, simulate
from worlds import REPLAYED_OPS, Small, Spec, Use, fates, histories, plans, small_worlds

from lightfx.core.listing import Listed
from lightfx.core.matching import Best, Every, Latest, Matcher
from lightfx.core.outcome import Left, Root, Upstream
from lightfx.core.realization import Value
from lightfx.plan import desk as desk_module
from lightfx.plan import schedule
from lightfx.plan.desk import Desk
from lightfx.plan.graph import Node
from lightfx.plan.ledger import Progress
from lightfx.plan.rebuild import free_indices
from lightfx.plan.replay import Verdict, replay_always, replay_by_cause

SEEDS = st.integers(0, 99)
Pair = tuple[str, int]


def pairs(report: Report) -> list[Pair]:
    """What ran, by key and index."""
    return [(run.key.text, index) for run in report.ran for index in run.indices]


def standing(shelf: Shelf) -> set[Pair]:
    """What is stored and need not be run again, by key and index."""
    return {
        (each.key.text, each.index)
        for each in shelf.stored.values()
        if isinstance(each.result, Value)
        or (each.result.kind != "upstream" and replay_by_cause(Left(each.result)) is Verdict.REPLAY)
    }


def choices(report: Report) -> list[dict[str, tuple[str, ...]]]:
    """What each node chose, by matcher."""
    return [
        {spelling: tuple(row.stored.rref.text for row in rows) for spelling, rows in sorted(each.chosen.items())}
        for each in report.state.ledger
    ]


# The laws.


def outcomes_are_as_reckoned(world: Small, seed: int) -> None:
    """Promises 2 and 5: the values are right, and a failure sinks what stands on it, no less and no more."""
    made = plans(world)
    report = simulate(made, Shelf(), seed=seed)
    for number, fate in enumerate(fates(world)):
        result = report.result(number)
        if fate.stands_on_left:
            assert isinstance(result, Upstream), f"{world[number]} stands on a LEFT and is {result}"
            blamed = {root.rref.dref for root in result.roots}
            assert blamed == {made[root].dref for root in fate.roots}
            stored = [each for each in report.known.values() if each.dref == made[number].dref]
            assert any(isinstance(each.result, Upstream) for each in stored)
        else:
            assert result == fate.made(0)


def equal_work_runs_once(world: Small, seed: int) -> None:
    """Promise 4, in one run: nodes with one key, early or late, stored or not yet."""
    ran = pairs(simulate(plans(world), Shelf(), seed=seed))
    assert len(ran) == len(set(ran))


def no_right_stands_on_a_left(world: Small, seed: int) -> None:
    """Except on one that it tolerates; and each says on what it stands."""
    report = simulate(plans(world), Shelf(), seed=seed)
    for each in report.known.values():
        untolerated = [rref for ref, rrefs in each.context.entries if not ref.tolerate for rref in rrefs]
        lefts = [rref for rref in untolerated if not isinstance(report.known[rref].result, Value)]
        assert bool(lefts) == isinstance(each.result, Upstream)


def a_second_run_runs_nothing(world: Small, seed: int) -> None:
    """Nothing runs and nothing is stored; what died dies again, or stands where the policy says so."""
    made, shelf = plans(world), Shelf()
    first = simulate(made, shelf, seed=seed)
    stored = dict(shelf.stored)
    again = simulate(made, shelf, seed=seed + 1, policy=replay_always)
    assert again.ran == []
    assert shelf.stored == stored
    assert choices(again) == choices(first)
    third = simulate(made, shelf, seed=seed + 2)
    assert all(run.dref.text[33:].startswith("dies") for run in third.ran)
    assert len(pairs(third)) == len(set(pairs(third)))
    assert third.contents == first.contents
    assert set(shelf.stored) == set(stored)


def the_order_of_ends_does_not_count(world: Small, seed: int) -> None:
    """Whatever task ends first, every node chooses the same realizations."""
    made = plans(world)
    one, other = (simulate(made, Shelf(), seed=each) for each in (seed, seed + 1000))
    assert choices(one) == choices(other)


def what_is_stored_is_not_run(history: list[Small], seed: int) -> None:
    """Promise 4, between runs: flipping back, and early cutoff."""
    shelf = Shelf()
    for run, world in enumerate(history):
        stored = standing(shelf)
        report = simulate(plans(world), shelf, seed=seed + run)
        assert stored.isdisjoint(pairs(report))
        for number, fate in enumerate(fates(world)):
            assert fate.stands_on_left or report.result(number) == fate.made(0)
    assert simulate(plans(history[0]), shelf, seed=seed).ran == []


def a_killed_run_goes_on(world: Small, seed: int) -> None:
    """What was stored before the end is not run again."""
    made, shelf = plans(world), Shelf()
    whole = pairs(simulate(made, Shelf(), seed=seed))
    with suppress(KilledError):
        simulate(made, shelf, seed=seed, kill_after=seed % 4)
    done = standing(shelf)
    rest = pairs(simulate(made, shelf, seed=seed + 1))
    assert done.isdisjoint(rest)
    assert {pair for pair in whole if pair not in done} >= set(rest)


OF_WORLDS: list[Callable[[Small, int], None]] = [
    outcomes_are_as_reckoned,
    equal_work_runs_once,
    no_right_stands_on_a_left,
    a_second_run_runs_nothing,
    the_order_of_ends_does_not_count,
    a_killed_run_goes_on,
]

LATE_TWIN = (
    Spec("blind"),
    Spec("add", 0, (Use(0),)),
    Spec("add", 1, (Use(0),)),
    Spec("add", 2, (Use(2),)),
    Spec("blind", 0, (Use(3),)),
    Spec("add", 0, (Use(4),)),
)
TWO_TWINS_OF_A_PAIR = (Spec("pair"), Spec("pair"), Spec("add", 0, (Use(0, 3),)), Spec("add", 0, (Use(1, 1),)))


@pytest.mark.parametrize("law", OF_WORLDS)
def test_a_law_of_graphs(law: Callable[[Small, int], None]) -> None:
    @settings(max_examples=150)
    @given(small_worlds(), SEEDS)
    @example(LATE_TWIN, 1)
    @example(TWO_TWINS_OF_A_PAIR, 2)
    def holds(world: Small, seed: int) -> None:
        law(world, seed)

    holds()


@settings(max_examples=150)
@given(histories(), SEEDS)
def test_what_is_stored_is_not_run(history: list[Small], seed: int) -> None:
    what_is_stored_is_not_run(history, seed)


@settings(max_examples=150)
@given(small_worlds(REPLAYED_OPS), SEEDS, st.sampled_from([Latest(), Every(), Best(lambda value: value, "code", 2)]))
def test_a_choice_stays_when_nothing_runs(world: Small, seed: int, matcher: Matcher[object]) -> None:
    """A matcher chooses now what it will choose of the same realizations once they are stored."""
    shelf = Shelf()
    made = plans(world)
    targets = [*made, *(plan.collect(matcher) for plan in made)]
    first = simulate(targets, shelf, seed=seed)
    again = simulate(targets, shelf, seed=seed + 1)
    assert again.ran == []
    assert again.contents == first.contents


# Wrong step machines, each caught.


@contextmanager
def changed(name: str, change: object, where: object = Desk) -> Iterator[None]:
    with mock.patch.object(where, name, change):
        yield


def _lefts_are_fine() -> object:
    right = schedule._enter

    def enter(desk: Desk, node: Node, progress: Progress) -> None:
        with mock.patch.object(Desk, "settle_left"):
            right(desk, node, progress)
        if not progress.settled and progress.runs == 0 and (node.number, progress.key) not in desk.seeking:
            desk.judge(node, progress, sought=False)

    return enter


def _blame_the_nearest(desk: Desk, lefts: Iterable[Listed]) -> Upstream:
    roots = {row.stored.rref: Root(row.stored.rref, "left") for row in lefts}
    return Upstream(tuple(roots.values()), len(roots))


def _no_cutoff() -> object:
    right = Desk.tell

    def tell(desk: Desk, node: Node, progress: Progress, rows: Iterable[Listed]) -> None:
        right(desk, node, progress, [row for row in rows if row.stored.rref.dref == node.dref])

    return tell


def _first_to_end_wins(desk: Desk, node: Node, progress: Progress, **how: bool) -> None:
    rows = progress.candidates
    if len(rows) >= 3:
        desk.settle(node.number, dict.fromkeys(node.demands, (rows[0],)))
    else:
        RIGHT_JUDGE(desk, node, progress, **how)


RIGHT_JUDGE = Desk.judge
WRONG: dict[str, tuple[str, object, object]] = {
    "treats a LEFT as fine": ("_enter", _lefts_are_fine(), schedule),
    "blames the nearest, not the root": ("blame", _blame_the_nearest, Desk),
    "knows no early cutoff": ("tell", _no_cutoff(), Desk),
    "drops followers": ("tell_followers", lambda *given: None, Desk),
    "forgets what it just made": ("tell_made", lambda *given: None, Desk),
    "keys that ignore contents": ("spell_contents", lambda rows, reference: "{}", schedule),
    "lets everything stand": ("replayed", lambda rows, policy: list(rows), schedule),
    "lets nothing stand": (
        "replayed",
        lambda rows, policy: [row for row in rows if row.stored.is_right],
        schedule,
    ),
    "numbers outputs from 0 always": (
        "free_indices",
        lambda occupied, count, per_run: free_indices([], count, per_run),
        desk_module,
    ),
    "takes what ends first": ("judge", _first_to_end_wins, Desk),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_step_machine_breaks_a_law(fault: str) -> None:
    name, change, where = WRONG[fault]

    @settings(
        max_examples=300,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(histories(), small_worlds(), SEEDS)
    @example([LATE_TWIN, LATE_TWIN], LATE_TWIN, 1)
    @example([LATE_TWIN, LATE_TWIN], LATE_TWIN, 2)
    @example([LATE_TWIN, LATE_TWIN], LATE_TWIN, 3)
    def laws(history: list[Small], world: Small, seed: int) -> None:
        for law in OF_WORLDS:
            law(world, seed)
        what_is_stored_is_not_run(history, seed)
        stale_lefts_are_retried(world, seed)

    with changed(name, change, where), pytest.raises(AssertionError):
        laws()


def stale_lefts_are_retried(world: Small, seed: int) -> None:
    """What died is tried again by the next run: no LEFT blocks a derivation for ever."""
    made, shelf = plans(world), Shelf()
    died = {run.dref for run in simulate(made, shelf, seed=seed).ran if run.dref.text[33:].startswith("dies")}
    again = {run.key for run in simulate(made, shelf, seed=seed).ran}
    assert again == {each.key for each in shelf.stored.values() if each.dref in died}


@given(small_worlds(), SEEDS)
def test_stale_lefts_are_retried(world: Small, seed: int) -> None:
    stale_lefts_are_retried(world, seed)
