"""Choosing: what a matcher is shown, what it may say, and the matcher that is meant when none is named.

A matcher is a frozen record with a spelling, which is part of the edge that
uses it: a pure choice among the candidate realizations of one derivation. It
sees candidates (refs, times, decoded outcomes) and says which are `Chosen`,
that it `Need`s more of them, or that it must `Refuse`. Its laws:

- it chooses a subset, whatever the order of the candidates, and the same again;
- given what it said it needs, it chooses (or refuses, saying why), or asks
  again within its `Matcher.budget`;
- a later RIGHT stays reachable: LEFTs are chosen only where too few RIGHTs are.

The engine shows a matcher only those LEFTs that the replay policy replays; a
slot that failed for good counts as filled, so that nothing is run again in the
vain hope of another end.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Generic, TypeAlias, TypeVar, final

from attrs import field, frozen

from lightfx.core.outcome import Outcome
from lightfx.core.refs import RRef

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
T_contra = TypeVar("T_contra", contravariant=True)


@final
@frozen
class Candidate(Generic[T_co]):
    """One realization to choose from; ``read`` decodes its outcome when it is asked for."""

    rref: RRef
    index: int
    created: float
    is_right: bool
    read: Callable[[], Outcome[T_co]] = field(repr=False, eq=False)

    @property
    def outcome(self) -> Outcome[T_co]:
        """The decoded outcome."""
        return self.read()

    @property
    def rank(self) -> tuple[int, float, RRef]:
        """The order of making: output index, then time, then reference."""
        return (self.index, self.created, self.rref)


@final
@frozen
class Chosen:
    """These realizations, in this order."""

    rrefs: tuple[RRef, ...]


@final
@frozen
class Need:
    """There are too few candidates: ``count`` more, because ``why``."""

    count: int
    why: str


@final
@frozen
class Refuse:
    """No number of further candidates would do, because ``why``."""

    why: str


Choice: TypeAlias = Chosen | Need | Refuse


class Matcher(ABC, Generic[T_contra]):
    """A pure choice among candidates. Subclass it as a frozen record to write your own.

    `spelling` names the matcher and all that it depends on, without quotes or
    backslashes; two matchers with one spelling must choose alike.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def spelling(self) -> str:
        """The canonical form."""

    @abstractmethod
    def select(self, candidates: Sequence[Candidate[T_contra]], /) -> Choice:
        """Choose among ``candidates``; their order carries no meaning."""

    @property
    def reads(self) -> bool:
        """Whether outcomes are looked at; those that do not read are much faster."""
        return True

    @property
    def budget(self) -> int | None:
        """Up to how many candidates it may ask again, once it got what it asked for; None: it asks once.

        A matcher that says no budget must choose, or refuse, when it got what
        it asked for. One that does may ask as often as it likes, for at least
        one more each time, until so many candidates are there, LEFTs among them.
        """
        return None

    def __str__(self) -> str:
        return self.spelling


def ranked(candidates: Sequence[Candidate[T]]) -> tuple[list[Candidate[T]], list[Candidate[T]]]:
    """RIGHTs and LEFTs apart, each in the order of making."""
    ranked = sorted(candidates, key=lambda candidate: candidate.rank)
    return [each for each in ranked if each.is_right], [each for each in ranked if not each.is_right]


def fill(rights: Sequence[Candidate[T]], lefts: Sequence[Candidate[T]], count: int) -> Choice:
    """Take ``count`` RIGHTs; fill up with LEFTs; ask for what is missing."""
    filled = [*rights, *lefts][:count]
    missing = count - len(filled)
    if missing:
        return Need(missing, f"{len(filled)} of {count} are stored")
    return Chosen(tuple(each.rref for each in filled))


@final
@frozen
class First(Matcher[object]):
    """The RIGHT that was made first: what is settled stays settled. The default."""

    @property
    def spelling(self) -> str:
        """The canonical form."""
        return "first()"

    @property
    def reads(self) -> bool:
        """Whether outcomes are looked at."""
        return False

    def select(self, candidates: Sequence[Candidate[object]], /) -> Choice:
        """Choose among ``candidates``."""
        if len(candidates) == 1:
            return Chosen((candidates[0].rref,))
        return fill(*ranked(candidates), 1)
