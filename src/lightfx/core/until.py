"""Matchers that ask for more until what is there will do: `Until`, and what may be enough for it.

A stage that draws is run some times at least, and then as often as its values
are too few, up to a number that the matcher says (`Matcher.budget`). What is
chosen depends on the stored realizations alone: the first RIGHTs, in the order
of making, that are enough together. What comes later changes nothing in that,
so that what is settled stays settled.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from math import ceil, fsum, inf, isfinite, sqrt
from typing import Generic, TypeVar, final

from attrs import field, frozen

from lightfx.core.choosing import Candidate, Choice, Chosen, Matcher, Need, fill, ranked
from lightfx.core.outcome import Right

T_contra = TypeVar("T_contra", contravariant=True)


class Enough(ABC, Generic[T_contra]):
    """Says whether values are enough. Subclass it as a frozen record to write your own.

    `spelling` names it and all that it depends on, without quotes or
    backslashes; it is part of the spelling of the matcher.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def spelling(self) -> str:
        """The canonical form."""

    @abstractmethod
    def missing(self, values: Sequence[T_contra], /) -> int:
        """Guess how many more values it takes: 0 where these are enough. Pure; the guess may be wrong."""

    def __str__(self) -> str:
        return self.spelling


@final
@frozen
class StderrBelow(Enough[T_contra]):
    """The standard error of the mean of ``key`` is below ``bound``: s / sqrt(n), with s of n - 1.

    ``code`` is the fingerprint of ``key``. Of fewer than two values, and where
    one is no finite number, nothing is known.
    """

    key: Callable[[T_contra], float] = field(eq=False)
    code: str
    bound: float

    @property
    def spelling(self) -> str:
        """The canonical form."""
        return f"stderr_below({self.code},{self.bound!r})"

    def missing(self, values: Sequence[T_contra], /) -> int:
        """Guess by the spread of these how many it takes."""
        spread = _spread([float(self.key(value)) for value in values])
        if not isfinite(spread):
            return 1
        if spread / sqrt(len(values)) < self.bound:
            return 0
        wanted = (spread / self.bound) ** 2
        return max(1, ceil(wanted) - len(values)) if isfinite(wanted) else 1


def _spread(numbers: Sequence[float]) -> float:
    """The standard deviation of a sample; infinite where it is not known."""
    count = len(numbers)
    if count < 2 or not all(map(isfinite, numbers)):
        return inf
    try:
        mean = fsum(numbers) / count
        return sqrt(fsum((number - mean) ** 2 for number in numbers) / (count - 1))
    except OverflowError:
        return inf


@final
@frozen
class Until(Matcher[T_contra]):
    """The first RIGHTs, ``at_least`` so many, that are ``enough``; else the first ``at_most``.

    It asks for more while they are not enough, never for more than there are
    already, and for no more when ``at_most`` are there. A LEFT fills a place:
    where one of the first ``at_least`` fails, that is what is chosen.
    """

    enough: Enough[T_contra]
    at_least: int
    at_most: int

    @property
    def spelling(self) -> str:
        """The canonical form."""
        return f"until({self.enough.spelling},{self.at_least},{self.at_most})"

    @property
    def budget(self) -> int | None:
        """It asks again until so many are there."""
        return self.at_most

    def select(self, candidates: Sequence[Candidate[T_contra]], /) -> Choice:
        """Choose among ``candidates``."""
        rights, lefts = ranked(candidates)
        if len(rights) < self.at_least:
            return fill(rights, lefts, self.at_least)
        values = [outcome.value for each in rights[: self.at_most] if isinstance(outcome := each.outcome, Right)]
        missing = 0
        for count in range(self.at_least, len(values) + 1):
            missing = self.enough.missing(values[:count])
            if missing <= 0:
                return Chosen(tuple(each.rref for each in rights[:count]))
        room = self.at_most - len(rights) - len(lefts)
        if room <= 0:
            return Chosen(tuple(each.rref for each in rights[: self.at_most]))
        return Need(min(missing, room, len(rights)), f"{len(rights)} are not enough for {self.enough.spelling}")

    def __str__(self) -> str:
        return f"until({self.enough}, at_least={self.at_least}, at_most={self.at_most})"
