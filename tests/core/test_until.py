"""`until`: what is enough, what is asked for, and what is chosen."""

from __future__ import annotations

import random
from math import inf, nan

import pytest

from lightfx.core.choosing import Candidate, Chosen, Need
from lightfx.core.until import StderrBelow, Until
from lightfx.matchers import stderr_below, until
from lightfx.testing import candidate, left_candidate

NARROW = StderrBelow(float, "code", 0.5)
MATCHER = Until(NARROW, 3, 6)


def rights(*values: float, since: int = 0) -> list[Candidate[float]]:
    return [candidate(since + number, float(since + number), value) for number, value in enumerate(values)]


def lefts(count: int, since: int = 50) -> list[Candidate[float]]:
    return [left_candidate(since + number, float(since + number)) for number in range(count)]


def chosen(*candidates: Candidate[float]) -> Chosen:
    return Chosen(tuple(each.rref for each in candidates))


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ([], 1),
        ([1.0], 1),
        ([1.0, 1.0], 0),
        ([0.0, 2.0], 7),  # s is sqrt(2): below the bound are those of more than 8
        ([0.0, 2.0] * 5, 0),
        ([1.0, nan], 1),
        ([1.0, inf, 1.0], 1),
        ([1e308, -1e308, 1e308], 1),
    ],
)
def test_the_standard_error_and_how_many_it_takes(values: list[float], missing: int) -> None:
    assert NARROW.missing(values) == missing


def test_too_few_are_asked_for_at_once() -> None:
    assert MATCHER.select([]) == Need(3, "0 of 3 are stored")
    assert MATCHER.select(rights(1.0)) == Need(2, "1 of 3 are stored")


def test_the_first_that_are_enough_are_chosen_whatever_comes_later() -> None:
    shown = rights(1.0, 1.0, 1.0, 9.0, -9.0)
    assert MATCHER.select(shown[:3]) == chosen(*shown[:3])
    random.Random(1).shuffle(shown)
    assert MATCHER.select(shown) == chosen(*sorted(shown, key=lambda each: each.rank)[:3])


def test_it_asks_for_no_more_than_there_are_and_than_it_may() -> None:
    wide = rights(0.0, 90.0, -90.0)
    assert isinstance(MATCHER.select(wide), Need)
    assert MATCHER.select(wide).count == 3  # type: ignore[union-attr]
    assert Until(NARROW, 3, 5).select(wide).count == 2  # type: ignore[union-attr]
    assert Until(NARROW, 3, 99).select(wide).count == 3  # type: ignore[union-attr]


def test_when_its_budget_is_spent_it_takes_what_there_is() -> None:
    wide = rights(0.0, 90.0, -90.0, 90.0, -90.0, 90.0, 0.0)
    assert MATCHER.select(wide) == chosen(*wide[:6])


def test_lefts_fill_places() -> None:
    wide = rights(0.0, 90.0, -90.0)
    assert MATCHER.select([*wide, *lefts(2)]) == Need(1, "3 are not enough for stderr_below(code,0.5)")
    assert MATCHER.select([*wide, *lefts(3)]) == chosen(*wide)
    failed = lefts(2)
    assert MATCHER.select([*wide[:1], *failed]) == chosen(wide[0], *failed)


def test_its_spelling_says_all() -> None:
    assert MATCHER.spelling == "until(stderr_below(code,0.5),3,6)"
    one, other = stderr_below(lambda value: value, 0.1), stderr_below(lambda value: -value, 0.1)
    assert one.spelling != other.spelling


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="at_most is 2"):
        until(stderr_below(float, 1), at_least=3, at_most=2)
    with pytest.raises(ValueError, match="at least one"):
        until(stderr_below(float, 1), at_least=0, at_most=2)
    for bound in (0, -1, nan):
        with pytest.raises(ValueError, match="bound"):
            stderr_below(float, bound)
