"""The laws of whole histories: random programs that evolve, are interrupted, killed and run again, on one store.

Ten thousand of them, each told by its seed; `test_a_history` is the same with
Hypothesis, for what it can shrink. The naive build stands in `programs`, the
laws in `histories`. A wrong engine must break a law within a few hundred.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from random import Random
from unittest import mock

import histories
import pytest
from attrs import evolve
from histories import chronicle, history, real_shop, virtual_shop
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import ASKING, BLURRING, PICKING, Program, Spec

from lightfx.core.listing import Listed
from lightfx.core.realization import BuildOrder, Context
from lightfx.core.terms import Retry, names_of
from lightfx.engine import starting
from lightfx.engine.keeping import Keeper
from lightfx.engine.perform import Performer
from lightfx.plan import asking, holding, remaking, schedule, traces
from lightfx.plan import desk as desk_module
from lightfx.plan.budget import Budget
from lightfx.plan.desk import Desk
from lightfx.plan.graph import Node
from lightfx.plan.holding import let_go
from lightfx.plan.ledger import Progress, State
from lightfx.plan.moves import Run

# A fifth of them unless asked for all: under coverage they take some minutes (`make laws`).
PARTS = 20
EACH = int(os.environ.get("HISTORIES", "2000")) // PARTS
PICKED = EACH // 4
BLURRED = EACH // 4
FEW = 600
FOUND = (0, 14, 81, 135, 154, 458, 2145, 2682, 5861, 6068, 7994)


def live_through(seed: int, asking: Sequence[str] = ASKING) -> None:
    """Live through the history of a seed, and name it should it break a law."""
    try:
        with virtual_shop() as shop:
            chronicle(history(Random(seed), asking=asking), shop)
    except BaseException as error:
        error.add_note(f"in the history of seed {seed}")
        raise


def live_through_all(seeds: Iterable[int], asking: Sequence[str] = ASKING) -> None:
    for seed in seeds:
        live_through(seed, asking)


@pytest.mark.parametrize("part", range(PARTS))
def test_thousands_of_histories(part: int) -> None:
    live_through_all(range(part * EACH, (part + 1) * EACH))


@pytest.mark.parametrize("part", range(4))
def test_histories_with_matchers_that_take_a_function(part: int) -> None:
    live_through_all(range(part * PICKED, (part + 1) * PICKED), PICKING)


@pytest.mark.parametrize("part", range(4))
def test_histories_in_which_what_was_asked_for_comes_out_the_same(part: int) -> None:
    live_through_all(range(part * BLURRED, (part + 1) * BLURRED), BLURRING)


@pytest.mark.parametrize("seed", FOUND)
def test_a_history_in_which_something_was_found(seed: int) -> None:
    live_through(seed)


def test_trap_a_result_of_the_same_key_under_another_name_was_not_looked_for() -> None:
    """What was asked for is known by its config alone; a namesake of it by key had been made, and nobody looked."""
    live_through(10207, BLURRING)


@settings(max_examples=100)
@given(st.randoms(use_true_random=False))
def test_a_history(chance: Random) -> None:
    with virtual_shop() as shop:
        chronicle(history(chance, 5), shop)


@pytest.mark.parametrize("part", range(4))
def test_histories_on_a_disk(part: int) -> None:
    """The same on a real store, where files are files."""
    for seed in range(part * 5, part * 5 + 5):
        with real_shop() as shop:
            chronicle([step for step in history(Random(seed)) if step.end != "kill"], shop)


def test_stages_that_ask_in_a_chain_of_thousands() -> None:
    """No stack overflows, neither where they run nor where their traces are checked."""
    chain = Program((Spec("asks_deep", 5000, ()),), (0,), (0, 0))
    with mock.patch.object(histories, "STEPS", 100_000), virtual_shop() as shop:
        first, ran = shop.run(chain, 1, fair=True), len(shop.around.done)
        again = shop.run(chain, 2, fair=True, only_stored=True)
        assert (first, ran, shop.around.done) == (again, 5002, [])


# Wrong engines, each caught.


def _resume_whatever_came(desk: Desk, node: Node, progress: Progress) -> None:
    """Hand on a LEFT that is not tolerated, as if it were a value."""
    aside = progress.margin
    held, aside.held = aside.held, []
    rows = {reference: asking.rows_of(desk, number, reference) for reference, number in aside.asked.items()}
    entries = tuple((ref, tuple(row.stored.rref for row in found)) for ref, found in rows.items())
    asked = tuple((ref, tuple(row.stored.content for row in found)) for ref, found in rows.items())
    context = Context((*progress.context.entries, *entries))
    progress.runs += sum(run.again is None for run in held)
    desk.commands += [evolve(run, context=context, asked=asked) for run in held]


def _what_asked_goes_on(
    desk: Desk, node: Node, progress: Progress, held: list[Run], found: object, *, selections: object
) -> list[Run]:
    return held


def _all_that_has_the_key_stands(
    desk: Desk, node: Node, progress: Progress, held: list[Run], found: object, *, selections: object
) -> list[Run]:
    with mock.patch.object(asking, "came_to", return_value=True):
        return CUT_OFF(desk, node, progress, held, found, selections=selections)  # type: ignore[arg-type]


def _drop_with_the_first_use(desk: Desk, number: int) -> None:
    for need in {*desk.state.graph.nodes[number].needs} & desk.state.users.keys():
        desk._drop(let_go(desk.state, need, need))


def _one_object_one_owner(state: State, number: int, holder: int) -> object:
    stored = (row.stored for row in state.ledger[number].candidates)
    return [each.tree for each in stored if each.ephemeral and each.tree is not None]


def _whoever_read_it(state: State, number: int, holder: int) -> object:
    state.touched.update(holding._trees(state, number))
    return let_go(state, number, holder)


def _there_whatever_it_is(desk: Desk, number: int, row: Listed) -> None:
    progress = desk.state.ledger[number]
    for rref in tuple(progress.margin.remade):
        if remaking._of(progress, rref).stored.index == row.stored.index:
            remaking._there(desk, number, rref)


def _nothing_is_asked_for_that_is_given(*how: object) -> BuildOrder:
    order = ORDER_FOR(*how)  # type: ignore[arg-type]
    return evolve(order, asked=frozenset(order.inputs))


def _heirs_are_judged(desk: Desk, node: Node, progress: Progress, *, sought: bool) -> None:
    if progress.aside is not None and progress.aside.traces:
        desk.tell(node, progress, traces.standing(desk, progress))
    desk.judge(node, progress, sought=sought)


def _abandon(performer: Performer) -> None:
    performer.do(performer.world.executor.cancel())


def _again_and_again(retry: Retry, left: object, attempt: int) -> bool:
    return not names_of(left).isdisjoint(retry.on)  # type: ignore[arg-type]


# What is rare takes a history in which it happens.
RARE = {
    "what is given is not asked for": 2145,
    "what is to be dropped is dropped, come what may": 3374,
}
CUT_OFF = asking._cut_off
FILING = ("asks_file", "asks_file", "asks_temp_on", "asks_temp_asks", "temp_asks")
KINDS: dict[str, Sequence[str]] = {
    "what asked for the same goes on": BLURRING,
    "what asked for anything stands": BLURRING,
    "what is to be dropped is dropped, come what may": FILING,
    "nobody says what was selected": PICKING,
}
ORDER_FOR = starting.order_for
WRONG: dict[str, tuple[object, str, object]] = {
    "nobody says what was selected": (traces, "selected_before", lambda state, reference, rows: None),
    "every trace stands": (traces, "_stands", lambda desk, row: True),
    "no trace stands": (traces, "_stands", lambda desk, row: False),
    "shadows do not look outside": (traces, "_observed", lambda config: None),
    "what asked for the same goes on": (asking, "_cut_off", _what_asked_goes_on),
    "what asked for anything stands": (asking, "_cut_off", _all_that_has_the_key_stands),
    "a LEFT that was asked for is a value": (asking, "resume", _resume_whatever_came),
    "a LEFT that was inherited by asking is one of many": (schedule, "_checked", _heirs_are_judged),
    "a stage may wait for itself": (asking, "_stands_on", lambda desk, numbers, target: False),
    "what is given is not asked for": (starting, "order_for", _nothing_is_asked_for_that_is_given),
    "other bytes are the same": (remaking, "_compare", _there_whatever_it_is),
    "to make files again is not to run": (remaking, "_is_barred", lambda desk, number: False),
    "files go with their first use": (Desk, "_used_up", _drop_with_the_first_use),
    "files never go": (Desk, "_drop", lambda desk, trees: None),
    "one object has one owner": (desk_module, "let_go", _one_object_one_owner),
    "files go though nobody read them": (desk_module, "let_go", _whoever_read_it),
    "what is to be dropped is dropped, come what may": (Keeper, "spare", lambda keeper, trees: None),
    "half an output stays": (starting, "_discard", lambda performer, job: None),
    "tickets are for all": (Budget, "fits", lambda budget, resources: True),
    "attempts are not counted": (Retry, "allows", _again_and_again),
    "an interrupted run forgets what had finished": (Performer, "abandon", _abandon),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_engine_breaks_a_law(fault: str) -> None:
    where, name, change = WRONG[fault]
    seeds = [RARE[fault]] if fault in RARE else range(FEW)
    with mock.patch.object(where, name, change), pytest.raises((AssertionError, LookupError)):
        live_through_all(seeds, KINDS.get(fault, ASKING))
