"""What a derivation needs: reuse, more, or trouble; and which numbers are free."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from attrs import frozen
from returns.result import Success
from toys import toy

from lightfx.core.derivation import Recipe
from lightfx.core.failures import Undecodable, Unmatched
from lightfx.core.listing import Listed, View
from lightfx.core.matching import (
    Best,
    Candidate,
    Choice,
    Chosen,
    Every,
    Exact,
    First,
    Latest,
    Matcher,
    Need,
    Only,
    Some,
)
from lightfx.core.names import Digest
from lightfx.core.outcome import Died, Left, Raised, Right, Upstream
from lightfx.core.realization import Realization, Result, Stored, Value, content_of
from lightfx.core.records import spell_result
from lightfx.core.refs import RRef
from lightfx.plan.rebuild import Build, Reuse, decide, free_indices, outcome_of, replayed
from lightfx.plan.replay import replay_always, replay_by_cause, retry_always

PLAN = toy("draw", Value(0))
RECIPE = PLAN.origin
assert isinstance(RECIPE, Recipe)
BAD = Raised("ValueError", ("ValueError",), "", "")
KEY = Digest.of(b"key")


def folder_of(tree: Digest) -> Path:
    return Path("/objects") / tree.hex


def row(index: int, result: Result, created: float = 0.0, key: Digest = KEY) -> Listed:
    content = content_of(spell_result(result), None)
    rref = RRef.of(PLAN.dref, key=key.text, index=index, content=content.text)
    return Listed.whole(Realization(rref, key, index, content, result, created=created))


@frozen
class Answers(Matcher[object]):
    """A matcher that is a function."""

    answer: Callable[[Sequence[Candidate[object]]], Choice]
    reads: bool = True  # type: ignore[assignment]  # a field in place of the property

    @property
    def spelling(self) -> str:
        return "answers()"

    def select(self, candidates: Sequence[Candidate[object]], /) -> Choice:
        return self.answer(candidates)


def ask(rows: Sequence[Listed], *matchers: Matcher[object]) -> object:
    demands = {"" if isinstance(each, First) else each.spelling: each for each in matchers}
    decided = decide(RECIPE, rows, demands, folder_of)
    return decided.unwrap() if isinstance(decided, Success) else decided.failure()


R0, R1, L2 = row(0, Value(3), 2.0), row(1, Value(5), 1.0), row(2, BAD)


@pytest.mark.parametrize(
    ("rows", "matchers", "expected"),
    [
        ((), [First()], Build(1, "0 of 1 are stored")),
        ((R0,), [First()], Reuse({"": (R0,)})),
        ((R1, R0), [First()], Reuse({"": (R0,)})),
        ((R0, R1), [Latest()], Reuse({"latest()": (R0,)})),
        ((L2, R1), [First()], Reuse({"": (R1,)})),
        ((L2,), [First()], Reuse({"": (L2,)})),
        ((R0, R1), [Some(4), First()], Build(2, "2 of 4 are stored")),
        ((R0,), [Some(2), Some(4), Some(3)], Build(3, "1 of 4 are stored")),
        ((R0, L2), [Some(2)], Reuse({"some(2)": (R0, L2)})),
        ((R0, R1), [Best(lambda value: value, "c")], Reuse({"best(c,1)": (R1,)})),
        ((R0, R1, L2), [Every()], Reuse({"every()": (R0, R1)})),
        ((R0, R1), [Exact((R1.stored.rref,))], Reuse({Exact((R1.stored.rref,)).spelling: (R1,)})),
    ],
)
def test_reuse_or_build(rows: Sequence[Listed], matchers: list[Matcher[object]], expected: object) -> None:
    assert ask(rows, *matchers) == expected


@pytest.mark.parametrize(
    ("matcher", "why"),
    [
        (Only(), "2 realizations are stored where only one may be"),
        (Exact((R1.stored.rref, L2.stored.rref)), f"{L2.stored.rref} is not stored"),
        (Answers(lambda shown: Chosen(())), "it chose what it was not shown"),
        (Answers(lambda shown: Chosen((L2.stored.rref,))), "it chose what it was not shown"),
        (Answers(lambda shown: Chosen((shown[7].rref,))), "it raised IndexError: list index out of range"),
        (
            Answers(lambda shown: Chosen((shown[0].outcome and shown[0].rref,)), reads=False),
            "it raised LookupError: a matcher whose `reads` is False looked at an outcome",
        ),
        (Best(lambda value: value.score, "c"), "it raised AttributeError: 'int' object has no attribute 'score'"),
    ],
)
def test_a_matcher_that_gives_no_choice_is_named(matcher: Matcher[object], why: str) -> None:
    assert ask((R0, R1), matcher) == Unmatched(PLAN.dref, str(matcher), why)


def test_a_matcher_that_needs_nothing_gets_one() -> None:
    assert ask((R0,), Answers(lambda shown: Need(0, "more"))) == Build(1, "more")


def test_a_value_that_does_not_fit_its_annotation_is_trouble() -> None:
    assert ask((row(0, Value("unreadable")),), Best(lambda value: value, "c")) == Undecodable(
        PLAN.dref, "the value is unreadable"
    )


def test_what_is_not_read_needs_no_record() -> None:
    bare = Listed(R0.stored)
    assert ask((bare, Listed(R1.stored)), Latest()) == Reuse({"latest()": (bare,)})


def test_outcomes_carry_their_realization_folder_and_log() -> None:
    assert R0.view is not None
    assert L2.view is not None
    right = outcome_of(RECIPE, R0.stored.rref, R0.view, folder_of).unwrap()
    assert right == Right(3, (R0.stored.rref,))
    half_done = View(BAD, Digest("blake3:00"), "the end")
    left = outcome_of(RECIPE, L2.stored.rref, half_done, folder_of).unwrap()
    assert left == Left(BAD, (L2.stored.rref,), Path("/objects/00"), "the end")


def test_what_stands() -> None:
    dead, heir = row(3, Died(1, None)), row(4, Upstream((), 0))
    unread = Listed(Stored.of(L2.realization)) if L2.realization else L2
    rows = [R0, L2, dead, heir, unread]
    assert replayed(rows, replay_by_cause) == [R0, L2]
    assert replayed(rows, replay_always) == [R0, L2, dead], "an inherited LEFT is settled anew, always"
    assert replayed(rows, retry_always) == [R0]


@pytest.mark.parametrize(
    ("taken", "count", "per_run", "expected"),
    [
        ([], 1, 1, ((0,),)),
        ([0, 2], 2, 1, ((1,), (3,))),
        ([], 3, 2, ((0, 1), (2, 3))),
        ([1], 3, 3, ((0, 2, 3),)),
        ([0, 1], 1, 2, ((2, 3),)),
    ],
)
def test_free_numbers(taken: list[int], count: int, per_run: int, expected: object) -> None:
    assert free_indices([row(index, Value(0)) for index in taken], count, per_run) == expected
