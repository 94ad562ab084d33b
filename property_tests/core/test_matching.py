"""The laws of matchers, for all that are built in, and matchers that are wrong in one respect each."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from typing import TypeAlias

import pytest
from attrs import field, frozen
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from lightfx.core.matching import (
    Best,
    Candidate,
    Choice,
    Chosen,
    Every,
    Exact,
    Filtered,
    First,
    Latest,
    Matcher,
    Need,
    Only,
    Refuse,
    Some,
    Then,
)
from lightfx.core.names import Digest
from lightfx.core.outcome import Left, Outcome, Returned, Right
from lightfx.core.refs import DRef, RRef

PLAN = DRef.of("{}", "draw")
Candidates: TypeAlias = "list[Candidate[float]]"


def candidate(index: int, created: float, value: float | None) -> Candidate[float]:
    """One candidate; None makes a LEFT."""
    content = Digest.of(repr((created, value)).encode()).text
    rref = RRef.of(PLAN, key="k", index=index, content=content)
    outcome: Outcome[float] = Left(Returned("No", index), (rref,)) if value is None else Right(value, (rref,))
    return Candidate(rref, index, created, value is not None, lambda: outcome)


VALUES = st.sampled_from([0.0, 1.0, 2.0, float("nan"), float("-inf"), None])
SETS = st.lists(
    st.builds(candidate, st.integers(0, 3), st.integers(0, 3).map(float), VALUES),
    max_size=5,
    unique_by=lambda each: each.rref,
)


def positive(value: float) -> bool:
    return value > 0


def itself(value: float) -> float:
    return value


KNOWN = [candidate(0, 0.0, 1.0), candidate(1, 1.0, None)]
GOOD: list[Matcher[float]] = [
    First(),
    Latest(),
    Only(),
    Every(),
    Some(1),
    Some(3),
    Exact((KNOWN[0].rref,)),
    Best(itself, "code"),
    Best(itself, "code", 2),
    Filtered(positive, "code", First()),
    Filtered(positive, "code", Some(2)),
    Filtered(positive, "code", Best(itself, "code")),
    Then(Every(), Latest()),
    Then(Some(3), Best(itself, "code")),
    Then(Best(itself, "code", 2), First()),
    Then(Filtered(positive, "code", Some(2)), Only()),
    Filtered(positive, "code", Then(Some(2), Latest())),
]


def rrefs(choice: Choice) -> tuple[RRef, ...]:
    return choice.rrefs if isinstance(choice, Chosen) else ()


# The laws.


def it_chooses_a_subset(matcher: Matcher[float], shown: Candidates) -> None:
    chosen = rrefs(matcher.select(shown))
    assert set(chosen) <= {each.rref for each in shown}
    assert len(set(chosen)) == len(chosen)


def the_order_of_candidates_does_not_count(matcher: Matcher[float], shown: Candidates) -> None:
    answers = [matcher.select(list(order)) for order in itertools.islice(itertools.permutations(shown), 24)]
    assert all(_plain(each) == _plain(answers[0]) for each in answers)


def it_is_idempotent(matcher: Matcher[float], shown: Candidates) -> None:
    """Among what it chose it chooses the same. `Then` narrows: it may ask for the rest, and never chooses another."""
    choice = matcher.select(shown)
    if isinstance(choice, Chosen):
        again = matcher.select([each for each in shown if each.rref in choice.rrefs])
        assert again == choice or (isinstance(again, Need) and "then(" in matcher.spelling)


def it_is_satisfiable(matcher: Matcher[float], shown: Candidates) -> None:
    """Given what it said it needs, it chooses, or refuses; it does not ask for ever."""
    at = itertools.count(10)
    for _ in range(2):
        choice = matcher.select(shown)
        if not isinstance(choice, Need):
            break
        assert choice.count > 0
        shown = shown + [candidate(next(at), 10.0, 2.0) for _ in range(choice.count)]
    assert isinstance(matcher.select(shown), Chosen | Refuse)


def a_later_right_stays_reachable(matcher: Matcher[float], shown: Candidates) -> None:
    """No LEFT blocks for ever: it is not chosen any more when RIGHTs enough are there."""
    if isinstance(matcher, Exact):
        return  # it names what it wants
    lefts = [each for each in shown if not each.is_right]
    rights = [candidate(index, 20.0 + index, 2.0) for index in range(20, 24)]
    only = _plain(matcher.select(rights))
    both = matcher.select(lefts + rights)
    assert _plain(both) == only
    assert not {each.rref for each in lefts} & set(rrefs(both))


def nothing_is_changed(matcher: Matcher[float], shown: Candidates) -> None:
    before, state = list(shown), repr(matcher)
    one, other = matcher.select(shown), matcher.select(tuple(shown))
    assert shown == before
    assert _plain(one) == _plain(other)
    assert repr(matcher) == state


def it_reads_only_if_it_says_so(matcher: Matcher[float], shown: Candidates) -> None:
    def forbidden() -> Outcome[float]:
        raise AssertionError("read")

    if not matcher.reads:
        matcher.select([Candidate(e.rref, e.index, e.created, e.is_right, forbidden) for e in shown])


def _plain(choice: Choice) -> object:
    return choice if isinstance(choice, Chosen) else type(choice), getattr(choice, "count", 0)


LAWS: list[Callable[[Matcher[float], Candidates], None]] = [
    it_chooses_a_subset,
    the_order_of_candidates_does_not_count,
    it_is_idempotent,
    it_is_satisfiable,
    a_later_right_stays_reachable,
    nothing_is_changed,
    it_reads_only_if_it_says_so,
]


@pytest.mark.parametrize("law", LAWS)
def test_a_law_of_matchers(law: Callable[[Matcher[float], Candidates], None]) -> None:
    @given(st.sampled_from(GOOD), SETS)
    def holds(matcher: Matcher[float], shown: Candidates) -> None:
        law(matcher, shown)

    holds()


@given(SETS)
def test_best_is_best_and_nan_comes_last(shown: Candidates) -> None:
    values = {each.rref: each.outcome.value for each in shown if isinstance(each.outcome, Right)}
    choice = Best(itself, "code", len(values) or 1).select(shown)
    if values:
        merits = [values[rref] for rref in rrefs(choice)]
        numbers = [merit for merit in merits if merit == merit]
        assert numbers == sorted(numbers, reverse=True)
        assert merits[: len(numbers)] == numbers


def test_spellings_tell_matchers_apart() -> None:
    assert len({each.spelling for each in GOOD}) == len(GOOD)
    assert Best(itself, "code") == Best(positive, "code"), "the code stands for the key"


# Wrong matchers, each caught.


@frozen
class Wrong(Matcher[float]):
    """A matcher that is a function."""

    answer: Callable[[Sequence[Candidate[float]]], Choice]
    says_it_reads: bool = True
    state: list[int] = field(factory=list)

    @property
    def spelling(self) -> str:
        return "wrong()"

    @property
    def reads(self) -> bool:
        return self.says_it_reads

    def select(self, candidates: Sequence[Candidate[float]], /) -> Choice:
        return self.answer(candidates)


def _as_shown(shown: Sequence[Candidate[float]]) -> Choice:
    return Chosen((shown[0].rref,)) if shown else Need(1, "")


def _invents(shown: Sequence[Candidate[float]]) -> Choice:
    return Chosen((RRef("x" * 32 + "-" + PLAN.text),))


def _greedy(shown: Sequence[Candidate[float]]) -> Choice:
    return Need(1, "never enough")


def _needs_nothing(shown: Sequence[Candidate[float]]) -> Choice:
    return Need(0, "") if len(shown) < 2 else First().select(shown)


def _lefts_first(shown: Sequence[Candidate[float]]) -> Choice:
    ranked = sorted(shown, key=lambda each: (each.is_right, each.rank))
    return Chosen((ranked[0].rref,)) if ranked else Need(1, "")


def _all_but_the_last(shown: Sequence[Candidate[float]]) -> Choice:
    ranked = sorted(each.rref for each in shown)
    return Chosen(tuple(ranked[: max(1, len(ranked) - 1)])) if ranked else Need(1, "")


def _sorts_in_place(shown: Sequence[Candidate[float]]) -> Choice:
    if isinstance(shown, list):
        shown.sort(key=lambda each: each.rank, reverse=True)
    return First().select(shown)


def _by_chance(shown: Sequence[Candidate[float]]) -> Choice:
    return Chosen((random.choice(shown).rref,)) if shown else Need(1, "")


def _twice(shown: Sequence[Candidate[float]]) -> Choice:
    return Chosen((shown[0].rref,) * 2) if shown else Need(1, "")


def _peeks(shown: Sequence[Candidate[float]]) -> Choice:
    return Best(itself, "code").select(shown)


@pytest.mark.parametrize(
    ("answer", "reads"),
    [
        (_as_shown, True),
        (_invents, True),
        (_greedy, True),
        (_needs_nothing, True),
        (_lefts_first, True),
        (_all_but_the_last, True),
        (_sorts_in_place, True),
        (_by_chance, True),
        (_twice, True),
        (_peeks, False),
    ],
)
def test_a_wrong_matcher_breaks_a_law(answer: Callable[[Sequence[Candidate[float]]], Choice], reads: bool) -> None:
    wrong = Wrong(answer, reads)

    @settings(phases=[Phase.generate], report_multiple_bugs=False)
    @given(SETS)
    def laws(shown: Candidates) -> None:
        for law in LAWS:
            law(wrong, list(shown))

    with pytest.raises(AssertionError):
        laws()
