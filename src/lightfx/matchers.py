"""The matchers, by the names that plans use.

`first` is what a plan uses when nothing is said: the realization that was
stored first, so that what is settled stays settled. The rest ask for another
choice, by ``plan.choose(matcher)`` for one value, or ``plan.collect(matcher)``
for all that the matcher chooses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import index
from typing import SupportsIndex, TypeVar

from returns.result import Failure

from lightfx.codec.values import codec_of
from lightfx.core.canonical import spell_checked
from lightfx.core.config import UnstorableError
from lightfx.core.derivation import check_matcher
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
from lightfx.core.names import short_hash
from lightfx.core.refs import RRef
from lightfx.core.until import Enough, StderrBelow, Until
from lightfx.stages.signature import StageError

__all__ = [
    "Candidate",
    "Choice",
    "Chosen",
    "Enough",
    "Matcher",
    "Need",
    "Refuse",
    "best",
    "every",
    "exact",
    "filtered",
    "first",
    "latest",
    "only",
    "some",
    "stderr_below",
    "then",
    "until",
]

T = TypeVar("T")


def first() -> Matcher[object]:
    """Choose the RIGHT that was made first. What plans do when nothing is said.

    >>> first().spelling
    'first()'
    """
    return First()


def latest() -> Matcher[object]:
    """Choose the RIGHT that was stored last.

    >>> latest().spelling
    'latest()'
    """
    return Latest()


def only() -> Matcher[object]:
    """Choose the one RIGHT, and refuse when there are several.

    >>> only().spelling
    'only()'
    """
    return Only()


def every() -> Matcher[object]:
    """Choose all RIGHTs that are stored, at least one.

    >>> every().spelling
    'every()'
    """
    return Every()


def some(count: int) -> Matcher[object]:
    """Choose the first ``count`` RIGHTs, and run the stage until there are as many.

    >>> some(5).spelling
    'some(5)'
    """
    return Some(_at_least_one(count))


def exact(*rrefs: RRef) -> Matcher[object]:
    """Choose these realizations, in this order, and refuse when one is not stored."""
    if not rrefs:
        raise ValueError("exact() names at least one realization")
    _check_rrefs(rrefs)
    return Exact(rrefs)


def best(key: Callable[[T], float], n: int = 1) -> Matcher[T]:
    """Choose the ``n`` RIGHTs with the highest ``key``, highest first.

    ``key`` gets the decoded value. Its code is part of the edge: another key is
    another plan. NaN counts as lowest; of equals, the one made first wins.

    >>> best(lambda model: model.accuracy).spelling.startswith("best(")
    True
    """
    _check_key("best", key)
    return Best(key, _code(key), _at_least_one(n))


def filtered(keep: Callable[[T], bool], inner: Matcher[T] | None = None) -> Matcher[T]:
    """Choose by ``inner`` (`first`, if nothing is said) among the RIGHTs whose value ``keep`` likes.

    >>> filtered(lambda model: model.accuracy > 0.9, latest()).reads
    True
    """
    _check_key("filtered", keep)
    chooser: Matcher[T] = First() if inner is None else inner
    check_matcher(chooser)
    return Filtered(keep, _code(keep), chooser)


def then(one: Matcher[T], other: Matcher[T]) -> Matcher[T]:
    """Choose by ``other`` among what ``one`` chooses.

    >>> then(every(), latest()).spelling
    'then(every(),latest())'
    """
    check_matcher(one)
    check_matcher(other)
    return Then(one, other)


def until(enough: Enough[T], *, at_least: int, at_most: int) -> Matcher[T]:
    """Run the stage until its values are ``enough``, and choose the first RIGHTs that are.

    There are ``at_least`` so many, and no more than ``at_most``: when these are
    there they are chosen, enough or not. A LEFT fills a place. Use it with
    ``plan.collect``; what it chooses depends on what is stored alone.

    >>> until(stderr_below(float, 0.5), at_least=3, at_most=30).budget
    30
    """
    _check_enough(enough)
    at_least, at_most = _at_least_one(at_least), _at_least_one(at_most)
    if at_most < at_least:
        raise ValueError(f"at_most is {at_most}, which is less than at_least, {at_least}")
    return Until(enough, at_least, at_most)


def stderr_below(key: Callable[[T], float], bound: float) -> Enough[T]:
    """Tell values enough when the standard error of the mean of ``key`` is below ``bound``.

    It is s / sqrt(n), with s the standard deviation of n values (n - 1 in its
    denominator): about two thirds of such intervals around the mean hold the
    true one. The code of ``key`` is part of the edge.

    >>> stderr_below(float, 0.5).missing([1.0, 2.0, 1.0, 2.0])
    0
    """
    _check_key("stderr_below", key)
    if not bound > 0:
        raise ValueError(f"bound is {bound}; it must be more than nothing")
    return StderrBelow(key, _code(key), float(bound))


def _at_least_one(count: int) -> int:
    if isinstance(count, bool) or not isinstance(count, SupportsIndex):
        raise TypeError(f"a matcher chooses a whole number of realizations, not {count!r}")
    if count < 1:
        raise ValueError(f"a matcher chooses at least one realization, not {count}")
    return index(count)


def _check_key(name: str, key: object) -> None:
    if not callable(key):
        raise TypeError(f"{name} takes a function of the value, not {type(key).__name__}")


def _check_rrefs(rrefs: Iterable[object]) -> None:
    for each in rrefs:
        if not isinstance(each, RRef):
            hint = "RRef.parse(text) reads one" if isinstance(each, str) else "a Right holds its own in `rrefs`"
            raise TypeError(f"exact takes references of realizations, not {type(each).__name__}: {hint}")


def _check_enough(enough: object) -> None:
    if not isinstance(enough, Enough):
        hint = "stderr_below(key, bound) is one, and a subclass of Enough"
        raise TypeError(f"until takes what says that values are enough, not {type(enough).__name__}: {hint}")


def _code(function: Callable[..., object]) -> str:
    """Fingerprint a key with what it captures: both decide what it chooses."""
    from lightfx.stages.constants import held_as  # noqa: PLC0415 -- needed by matchers with a key alone
    from lightfx.stages.fingerprint import fingerprint  # noqa: PLC0415 -- as above

    made = fingerprint(function)
    if isinstance(made, Failure):
        raise StageError(made.failure().sentence)
    found = made.unwrap()
    captured = codec_of(object).unwrap().encode(dict(found.captured))
    if isinstance(captured, Failure):
        raise UnstorableError(captured.failure(), "captured variable ")
    return short_hash(f"{found.digest}\n{spell_checked(captured.unwrap().tree)}{held_as(found.captured)}")
