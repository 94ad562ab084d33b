"""The laws of matchers hold of every one that is built in, and each planted wrong one breaks the law it is for."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest
from attrs import field, frozen
from hypothesis import strategies as st

from lightfx.core.choosing import Candidate, Choice, Chosen, First, Matcher, Need, Refuse
from lightfx.core.matching import Best
from lightfx.core.refs import RRef
from lightfx.matchers import best, every, exact, filtered, first, latest, only, some, stderr_below, then, until
from lightfx.testing import MATCHER_LAWS, BrokenLawError, Scene, candidate, check_matcher_laws, left_candidate
from lightfx.testing.matcher_laws import PLAN

Answer = Callable[[Sequence[Candidate[float]]], Choice]
COUNTS: list[int] = []


def itself(value: float) -> float:
    return value


RIGHT_ONES = [
    first(),
    latest(),
    only(),
    every(),
    some(1),
    some(7),
    exact(candidate(0, 0.0, 1.0).rref),
    best(itself),
    best(itself, 3),
    filtered(lambda value: value > 0),
    filtered(lambda value: value > 0, some(2)),
    then(some(3), best(itself)),
    until(stderr_below(itself, 0.4), at_least=2, at_most=6),
    then(until(stderr_below(itself, 0.4), at_least=2, at_most=6), best(itself)),
    filtered(lambda value: value > 0, until(stderr_below(itself, 0.4), at_least=2, at_most=6)),
    then(filtered(lambda value: value > 0, some(2)), only()),
]


@pytest.mark.parametrize("matcher", RIGHT_ONES, ids=str)
def test_a_matcher_that_is_built_in_obeys(matcher: Matcher[float]) -> None:
    check_matcher_laws(matcher)


def test_a_matcher_of_other_values_obeys() -> None:
    @frozen
    class Shortest(Matcher[str]):
        @property
        def spelling(self) -> str:
            return "shortest()"

        def select(self, candidates: Sequence[Candidate[str]], /) -> Choice:
            return Best(lambda text: -len(text), "length").select(candidates)

    check_matcher_laws(Shortest(), st.text("ab", max_size=3))


@frozen
class Wrong(Matcher[float]):
    """A matcher that is a function."""

    answer: Answer
    says: str = "wrong()"
    says_it_reads: bool = True
    says_its_budget: int | None = None
    state: list[int] = field(factory=list)

    @property
    def spelling(self) -> str:
        return self.says

    @property
    def reads(self) -> bool:
        return self.says_it_reads

    @property
    def budget(self) -> int | None:
        return self.says_its_budget

    def select(self, candidates: Sequence[Candidate[float]], /) -> Choice:
        return self.answer(candidates)


@frozen
class Restless(Matcher[float]):
    """Its spelling changes as it chooses."""

    seen: list[int] = field(factory=list)

    @property
    def spelling(self) -> str:
        return f"restless({len(self.seen)})"

    def select(self, candidates: Sequence[Candidate[float]], /) -> Choice:
        self.seen.append(1)
        return First().select(candidates)


def as_shown(shown: Sequence[Candidate[float]]) -> Choice:
    rights = [each for each in shown if each.is_right]
    return Chosen((rights[0].rref,)) if rights else First().select(shown)


def invents(shown: Sequence[Candidate[float]]) -> Choice:
    return Chosen((RRef("x" * 32 + "-" + PLAN.text),))


def nothing_at_all(shown: Sequence[Candidate[float]]) -> Choice:
    return Chosen(())


def greedy(shown: Sequence[Candidate[float]]) -> Choice:
    return Need(1, "never enough")


def needs_nothing(shown: Sequence[Candidate[float]]) -> Choice:
    return Need(0, "") if len(shown) < 2 else First().select(shown)


def rights_alone(shown: Sequence[Candidate[float]]) -> Choice:
    """Wants RIGHTs, whatever came: the stage would be run again and again."""
    rights = sorted(each.rref for each in shown if each.is_right)
    return Chosen(tuple(rights)) if len(rights) >= 3 else Need(3 - len(rights), "")


def one_by_one(shown: Sequence[Candidate[float]]) -> Choice:
    return Need(1, "") if len(shown) < 4 else First().select(shown)


def lefts_first(shown: Sequence[Candidate[float]]) -> Choice:
    """The LEFT that sticks."""
    ranked = sorted(shown, key=lambda each: (each.is_right, each.rank))
    return Chosen((ranked[0].rref,)) if ranked else Need(1, "")


def left_vetoes(shown: Sequence[Candidate[float]]) -> Choice:
    return Refuse("there is a LEFT") if any(not each.is_right for each in shown) else First().select(shown)


def all_but_the_last(shown: Sequence[Candidate[float]]) -> Choice:
    ranked = sorted(each.rref for each in shown)
    return Chosen(tuple(ranked[: max(1, len(ranked) - 1)])) if ranked else Need(1, "")


def sorts_in_place(shown: Sequence[Candidate[float]]) -> Choice:
    if isinstance(shown, list):
        shown.sort(key=lambda each: each.rank, reverse=True)
    return First().select(shown)


def by_chance(shown: Sequence[Candidate[float]]) -> Choice:
    return Chosen((random.choice(sorted(shown, key=lambda each: each.rank)).rref,)) if shown else Need(1, "")


def counts_its_calls(shown: Sequence[Candidate[float]]) -> Choice:
    COUNTS.append(1)
    ranked = sorted(shown, key=lambda each: each.rank)
    return Chosen((ranked[len(COUNTS) % len(ranked)].rref,)) if ranked else Need(1, "")


def twice(shown: Sequence[Candidate[float]]) -> Choice:
    least = min(shown, key=lambda each: each.rref, default=None)
    return Chosen((least.rref,) * 2) if least else Need(1, "")


def peeks(shown: Sequence[Candidate[float]]) -> Choice:
    return Best(itself, "code").select(shown)


WRONG_ONES = {
    "order-dependent": (Wrong(as_shown), "the order of candidates does not count"),
    "invents": (Wrong(invents), "it chooses a subset"),
    "chooses nothing": (Wrong(nothing_at_all), "it chooses a subset"),
    "chooses twice": (Wrong(twice), "it chooses a subset"),
    "unsatisfiable": (Wrong(greedy), "it is satisfiable"),
    "unsatisfiable within a budget": (Wrong(greedy, says_its_budget=9), "it keeps to its budget"),
    "asks again without a budget": (Wrong(one_by_one), "it is satisfiable"),
    "asks for RIGHTs beyond its budget": (Wrong(rights_alone, says_its_budget=6), "it keeps to its budget"),
    "needs nothing": (Wrong(needs_nothing), "it keeps to its budget"),
    "a LEFT that sticks": (Wrong(lefts_first), "a later right stays reachable"),
    "a LEFT that vetoes": (Wrong(left_vetoes), "a later right stays reachable"),
    "not idempotent": (Wrong(all_but_the_last), "it is idempotent"),
    "sorts what it is shown": (Wrong(sorts_in_place), "it is pure"),
    "chooses by chance": (Wrong(by_chance), None),
    "counts its calls": (Wrong(counts_its_calls), None),
    "reads, and says it does not": (Wrong(peeks, says_it_reads=False), "it reads only if it says so"),
    "a quote in its spelling": (Wrong(peeks, says='wrong("x")'), "it has a sound spelling"),
    "a spelling that changes": (Restless(), "it has a sound spelling"),
}


@pytest.mark.parametrize("name", WRONG_ONES)
def test_a_planted_wrong_matcher_breaks_a_law(name: str) -> None:
    matcher, law = WRONG_ONES[name]
    with pytest.raises(BrokenLawError) as caught:
        check_matcher_laws(matcher)
    assert law is None or caught.value.law == law
    assert str(caught.value).startswith("broken: ")


def test_every_law_is_broken_by_some_wrong_matcher() -> None:
    named = {law for _, law in WRONG_ONES.values()}
    assert {law.__name__.replace("_", " ") for law in MATCHER_LAWS} <= named


def test_a_budget_lets_it_ask_again() -> None:
    check_matcher_laws(Wrong(one_by_one, says_its_budget=4))


def test_a_law_names_what_it_found() -> None:
    scene = Scene((left_candidate(0, 1.0), candidate(1, 2.0, 0.5), candidate(2, 2.0, 0.5)), (1.0,))
    with pytest.raises(AssertionError, match="another order of the same candidates"):
        for law in MATCHER_LAWS:
            law(Wrong(as_shown), scene)
