"""The matchers that are built in obey the laws of the kit, and some more; wrong ones are in ``tests/testing``."""

from __future__ import annotations

import pytest
from hypothesis import given

from lightfx.core.choosing import Choice
from lightfx.core.matching import (
    Best,
    Chosen,
    Every,
    Exact,
    Filtered,
    First,
    Latest,
    Matcher,
    Only,
    Some,
    Then,
)
from lightfx.core.outcome import Right
from lightfx.core.refs import RRef
from lightfx.core.until import StderrBelow, Until
from lightfx.testing import Scene, candidate, check_matcher_laws
from lightfx.testing.strategies import FLOATS, scenes


def positive(value: float) -> bool:
    return value > 0


def itself(value: float) -> float:
    return value


KNOWN = candidate(0, 0.0, 1.0)
GOOD: list[Matcher[float]] = [
    First(),
    Latest(),
    Only(),
    Every(),
    Some(1),
    Some(3),
    Exact((KNOWN.rref,)),
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
    Until(StderrBelow(itself, "code", 0.4), 2, 5),
    Filtered(positive, "code", Until(StderrBelow(itself, "code", 0.4), 2, 5)),
]


def rrefs(choice: Choice) -> tuple[RRef, ...]:
    return choice.rrefs if isinstance(choice, Chosen) else ()


@pytest.mark.parametrize("matcher", GOOD, ids=str)
def test_a_matcher_obeys_the_laws(matcher: Matcher[float]) -> None:
    check_matcher_laws(matcher)


@given(scenes(FLOATS))
def test_best_is_best_and_nan_comes_last(scene: Scene[float]) -> None:
    values = {each.rref: each.outcome.value for each in scene.shown if isinstance(each.outcome, Right)}
    choice = Best(itself, "code", len(values) or 1).select(scene.shown)
    if values:
        merits = [values[rref] for rref in rrefs(choice)]
        numbers = [merit for merit in merits if merit == merit]
        assert numbers == sorted(numbers, reverse=True)
        assert merits[: len(numbers)] == numbers


def test_spellings_tell_matchers_apart() -> None:
    assert len({each.spelling for each in GOOD}) == len(GOOD)
    assert Best(itself, "code") == Best(positive, "code"), "the code stands for the key"
