"""The built-in matchers, case by case."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lightfx import matchers
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
from lightfx.core.outcome import Left, Outcome, Returned, Right
from lightfx.core.refs import DRef, RRef

PLAN = DRef.of("{}", "draw")


def one(index: int, created: float, value: float | None) -> Candidate[float]:
    rref = RRef.of(PLAN, key="k", index=index, content=str(created))
    outcome: Outcome[float] = Left(Returned("No", 1), (rref,)) if value is None else Right(value, (rref,))
    return Candidate(rref, index, created, value is not None, lambda: outcome)


A, B, C = one(0, 3.0, 0.5), one(1, 1.0, float("nan")), one(2, 2.0, 2.0)
X, Y = one(3, 0.0, None), one(4, 9.0, None)
LOW = one(5, 4.0, float("-inf"))


def chosen(*candidates: Candidate[float]) -> Chosen:
    return Chosen(tuple(each.rref for each in candidates))


def itself(value: float) -> float:
    return value


BEST = Best(itself, "code")


@pytest.mark.parametrize(
    ("matcher", "shown", "choice"),
    [
        (First(), [], Need(1, "0 of 1 are stored")),
        (First(), [C, B, A, X], chosen(A)),
        (First(), [Y], chosen(Y)),
        (First(), [Y, X], chosen(X)),
        (Latest(), [], Need(1, "0 of 1 are stored")),
        (Latest(), [A, B, C, Y], chosen(A)),
        (Latest(), [X, Y], chosen(Y)),
        (Only(), [B], chosen(B)),
        (Only(), [B, X, Y], chosen(B)),
        (Only(), [X], chosen(X)),
        (Only(), [A, B], Refuse("2 realizations are stored where only one may be")),
        (Only(), [], Need(1, "0 of 1 are stored")),
        (Every(), [], Need(1, "0 of 1 are stored")),
        (Every(), [C, X, A], chosen(A, C)),
        (Every(), [Y, X], chosen(X)),
        (Some(2), [C], Need(1, "1 of 2 are stored")),
        (Some(2), [C, B, A], chosen(A, B)),
        (Some(2), [C, Y, X], chosen(C, X)),
        (Exact((C.rref, A.rref)), [A, B, C], chosen(C, A)),
        (Exact((X.rref,)), [A, X], chosen(X)),
        (Exact((C.rref,)), [], Refuse(f"{C.rref} is not stored")),
        (BEST, [A, B, C], chosen(C)),
        (Best(itself, "code", 3), [B, A, C], chosen(C, A, B)),
        (Best(itself, "code", 2), [B, LOW], chosen(LOW, B)),
        (Best(itself, "code", 2), [LOW, X, B], chosen(LOW, B)),
        (Best(lambda value: 0.0, "code", 2), [C, B, A], chosen(A, B)),
        (BEST, [X], chosen(X)),
        (BEST, [], Need(1, "0 of 1 are stored")),
        (Best(itself, "code", 2), [A], Need(1, "1 of 2 are stored")),
        (Filtered(lambda value: value > 1, "code", First()), [A, B, C], chosen(C)),
        (
            Filtered(lambda value: value > 9, "code", First()),
            [A, B, C],
            Refuse("none of 3 realizations passes the filter"),
        ),
        (Filtered(lambda value: value > 9, "code", First()), [], Need(1, "0 of 1 are stored")),
        (Filtered(lambda value: value > 9, "code", First()), [A, X], chosen(X)),
        (Then(Every(), Latest()), [A, B, C], chosen(A)),
        (Then(Some(2), BEST), [A, B, C], chosen(A)),
        (Then(Some(2), BEST), [A], Need(1, "1 of 2 are stored")),
        (Then(Only(), First()), [A, B], Refuse("2 realizations are stored where only one may be")),
    ],
)
def test_choices(matcher: Matcher[float], shown: list[Candidate[float]], choice: Choice) -> None:
    assert matcher.select(shown) == choice
    assert matcher.select(shown[::-1]) == choice


@pytest.mark.parametrize(
    ("matcher", "spelling", "reads"),
    [
        (First(), "first()", False),
        (Latest(), "latest()", False),
        (Only(), "only()", False),
        (Every(), "every()", False),
        (Some(3), "some(3)", False),
        (Exact((RRef("a-b"), RRef("c-d"))), "exact(a-b,c-d)", False),
        (Best(itself, "abc", 2), "best(abc,2)", True),
        (Filtered(bool, "abc", Latest()), "filtered(abc,latest())", True),
        (Then(Every(), Latest()), "then(every(),latest())", False),
        (Then(Every(), BEST), "then(every(),best(code,1))", True),
        (Then(BEST, Every()), "then(best(code,1),every())", True),
    ],
)
def test_spellings_for_ever(matcher: Matcher[float], spelling: str, reads: bool) -> None:
    """They are part of the names of dependents."""
    assert matcher.spelling == spelling
    assert matcher.reads is reads
    assert spelling.isprintable()
    assert '"' not in spelling
    assert hash(matcher) == hash(matcher)


def test_the_code_of_a_key_is_its_identity() -> None:
    assert Best(itself, "a") == Best(abs, "a")
    assert Best(itself, "a") != Best(itself, "b")
    assert "is_right=True" in repr(A)
    assert "read" not in repr(A)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: matchers.some(1.5), "a whole number of realizations, not 1.5"),
        (lambda: matchers.some("3"), "a whole number of realizations, not '3'"),
        (lambda: matchers.some(True), "a whole number of realizations, not True"),
        (lambda: matchers.best(float, 2.0), "a whole number of realizations, not 2.0"),
        (lambda: matchers.best(3), "best takes a function of the value, not int"),
        (lambda: matchers.filtered("good"), "filtered takes a function of the value, not str"),
        (lambda: matchers.filtered(bool, matchers.latest), r"a matcher is wanted, not function: call it, latest\(\)"),
        (lambda: matchers.then(matchers.every(), 3), "a matcher is wanted, not int"),
        (lambda: matchers.exact("a"), "exact takes references of realizations, not str: RRef.parse"),
        (lambda: matchers.stderr_below(0.5, float), "stderr_below takes a function of the value, not float"),
        (lambda: matchers.until(lambda _: True, at_least=1, at_most=2), r"not function: stderr_below\(key, bound\)"),
        (lambda: matchers.until(matchers.stderr_below(float, 1), at_least=1, at_most=2.5), "not 2.5"),
    ],
)
def test_trap_what_is_no_matcher_was_noticed_when_it_chose(make: Callable[[], object], says: str) -> None:
    with pytest.raises(TypeError, match=says):
        make()
