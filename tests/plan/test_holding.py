"""Who holds the files of ephemeral nodes, and when they may go."""

from __future__ import annotations

from pathlib import Path

from toys import toy

from lightfx.core.closure import instantiate
from lightfx.core.listing import Listed
from lightfx.core.names import Digest
from lightfx.core.realization import Context, Realization, Value
from lightfx.core.refs import RRef
from lightfx.plan import schedule
from lightfx.plan.graph import graph_of
from lightfx.plan.holding import hold, let_go, touch
from lightfx.plan.ledger import State
from lightfx.plan.moves import Asked, Built, Run
from lightfx.plan.replay import replay_by_cause

SAME = Digest.of(b"same")


def two_with_one_object(*, touched: bool = True) -> State:
    """Two ephemeral nodes, each used once, that made the same files."""
    sources = [toy(name, Value(1), ephemeral=True) for name in ("a", "b")]
    graph = graph_of(instantiate([toy(f"use-{plan.dref.name}", Value(2), plan) for plan in sources]))
    state, _ = schedule.begin(graph, replay_by_cause, lambda tree: Path("/nowhere"))
    for number in state.users:
        dref = graph.nodes[number].dref
        rref = RRef.of(dref, key="k", index=0, content="c")
        made = Realization(rref, Digest("k"), 0, Digest("c"), Value(1), tree=SAME, ephemeral=True)
        state.ledger[number].candidates.append(Listed.whole(made))
        if touched:
            touch(state, Built(number, (Listed.whole(made),)))
    return state


def test_an_object_goes_with_the_last_node_that_holds_it() -> None:
    state = two_with_one_object()
    one, other = sorted(state.users)
    hold(state, one, one)
    hold(state, other, other)
    assert let_go(state, one, one) == []
    assert let_go(state, other, other) == [SAME]
    assert state.holders == {}


def test_what_is_made_again_of_it_holds_it_though_nobody_uses_the_node() -> None:
    state = two_with_one_object()
    one = min(state.users)
    state.users[one] = 0
    hold(state, one, one)
    assert state.holders == {}
    hold(state, one, ~7)
    assert let_go(state, one, one) == []
    assert let_go(state, one, ~7) == [SAME]


def test_what_the_run_neither_made_nor_read_stays() -> None:
    state = two_with_one_object(touched=False)
    one, other = sorted(state.users)
    hold(state, one, one)
    hold(state, other, other)
    assert (let_go(state, one, one), let_go(state, other, other)) == ([], [])
    assert state.holders == {}


def test_what_a_run_reads_before_it_asks_is_touched() -> None:
    state = two_with_one_object(touched=False)
    one = min(state.users)
    (row,) = state.ledger[one].candidates
    state.ledger[one].chosen = {"": (row,)}
    (user,) = state.graph.nodes[one].dependents
    dref = state.graph.nodes[user].dref
    touch(state, Asked(Run(user, dref, Digest("k"), (0,), Context(())), ()))
    assert let_go(state, one, one) == [SAME]
