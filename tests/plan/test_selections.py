"""Selections: which matchers a record can spell, and what it says of the others."""

from __future__ import annotations

import pytest

from lightfx.core.config import Reference
from lightfx.core.listing import Listed
from lightfx.core.matching import Best, Every, First, Latest, Only, Some
from lightfx.core.names import Digest
from lightfx.core.realization import Selection, Stored
from lightfx.core.refs import DRef, RRef
from lightfx.plan.graph import Graph
from lightfx.plan.ledger import State
from lightfx.plan.replay import replay_by_cause
from lightfx.plan.selections import among, learn, matcher_of, selected_before
from lightfx.plan.wishes import Wishes

DREF = DRef.of("{}", "x")


def row(number: int, created: float) -> Listed:
    rref = RRef.of(DREF, key="k", index=number, content="c")
    return Listed(Stored(rref, Digest("k"), number, Digest("c"), "right", created))


def fresh() -> State:
    return State(Graph([], (), {}), replay_by_cause, lambda tree: NotImplemented, Wishes(), [], 0)


@pytest.mark.parametrize("matcher", [Latest(), Only(), Every(), Some(1), Some(12)])
def test_a_matcher_without_a_function_is_found_by_its_spelling(matcher: Latest | Only | Every | Some) -> None:
    assert matcher_of(matcher.spelling) == matcher


def test_the_default_is_spelled_by_nothing() -> None:
    assert matcher_of("") == First()


@pytest.mark.parametrize("spelling", ["some(0)", "some(03)", "some(-1)", "some(2) ", "latest", Best(len, "n").spelling])
def test_what_only_the_program_has_is_not_guessed(spelling: str) -> None:
    assert matcher_of(spelling) is None


def test_candidates_are_told_by_who_they_are_and_the_order_of_making() -> None:
    one, two = row(0, 1.0), row(1, 2.0)
    assert among([one, two]) == among([two, one])
    assert among([one, two]) != among([row(0, 3.0), two])
    assert among([one, two]) != among([one])


def test_what_a_record_says_holds_for_the_same_candidates_matcher_and_derivation() -> None:
    state, rows = fresh(), [row(0, 1.0), row(1, 2.0)]
    best = Reference(DREF, "best(a,1)")
    assert selected_before(state, best, rows) is None
    learn(state, [Selection(DREF, "best(a,1)", among(rows), (rows[1].stored.rref,))])
    assert selected_before(state, best, rows) == (rows[1],)
    assert selected_before(state, best, rows[1:]) is None
    assert selected_before(state, Reference(DREF, "best(b,1)"), rows) is None
    assert selected_before(state, Reference(DRef.of("{}", "y"), "best(a,1)"), rows) is None


def test_a_record_that_says_what_cannot_be_is_not_believed() -> None:
    state, rows = fresh(), [row(0, 1.0)]
    learn(state, [Selection(DREF, "best(a,1)", among(rows), (row(7, 1.0).stored.rref,))])
    assert selected_before(state, Reference(DREF, "best(a,1)"), rows) is None
