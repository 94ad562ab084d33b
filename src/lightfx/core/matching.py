"""The built-in matchers, but for the default one; what a matcher is stands in `lightfx.core.choosing`.

A module of their own, since most plans name none of them: they need not be made
whenever lightfx is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar, final

from attrs import field, frozen

from lightfx.core.choosing import Candidate, Choice, Chosen, First, Matcher, Need, Refuse, fill, ranked
from lightfx.core.outcome import Left
from lightfx.core.raising import relative
from lightfx.core.refs import RRef

__all__ = [
    "Best",
    "Candidate",
    "Choice",
    "Chosen",
    "Every",
    "Exact",
    "Filtered",
    "First",
    "Latest",
    "Matcher",
    "Need",
    "Only",
    "Refuse",
    "Some",
    "Then",
]

T_contra = TypeVar("T_contra", contravariant=True)


def _named(function: Callable[..., object]) -> str:
    """A function by its name and where it stands."""
    code = getattr(function, "__code__", None)
    name = getattr(function, "__name__", repr(function))
    return name if code is None else f"{name} of {relative(code.co_filename)}:{code.co_firstlineno}"


@final
@frozen
class Latest(Matcher[object]):
    """The RIGHT that was stored last."""

    @property
    def spelling(self) -> str:
        """The canonical form."""
        return "latest()"

    @property
    def reads(self) -> bool:
        """Whether outcomes are looked at."""
        return False

    def select(self, candidates: Sequence[Candidate[object]], /) -> Choice:
        """Choose among ``candidates``."""
        rights, lefts = ranked(candidates)
        latest = sorted(rights or lefts, key=lambda each: (each.created, *each.rank), reverse=True)
        return fill(latest, (), 1)


@final
@frozen
class Only(Matcher[object]):
    """The one RIGHT; refuses when there are several."""

    @property
    def spelling(self) -> str:
        """The canonical form."""
        return "only()"

    @property
    def reads(self) -> bool:
        """Whether outcomes are looked at."""
        return False

    def select(self, candidates: Sequence[Candidate[object]], /) -> Choice:
        """Choose among ``candidates``."""
        rights, lefts = ranked(candidates)
        if len(rights) > 1:
            return Refuse(f"{len(rights)} realizations are stored where only one may be")
        return fill(rights, lefts, 1)


@final
@frozen
class Every(Matcher[object]):
    """All RIGHTs that are stored, at least one."""

    @property
    def spelling(self) -> str:
        """The canonical form."""
        return "every()"

    @property
    def reads(self) -> bool:
        """Whether outcomes are looked at."""
        return False

    def select(self, candidates: Sequence[Candidate[object]], /) -> Choice:
        """Choose among ``candidates``."""
        rights, lefts = ranked(candidates)
        return fill(rights, lefts, max(1, len(rights)))


@final
@frozen
class Some(Matcher[object]):
    """The first ``count`` RIGHTs; runs the stage until there are as many."""

    count: int

    @property
    def spelling(self) -> str:
        """The canonical form."""
        return f"some({self.count})"

    @property
    def reads(self) -> bool:
        """Whether outcomes are looked at."""
        return False

    def select(self, candidates: Sequence[Candidate[object]], /) -> Choice:
        """Choose among ``candidates``."""
        return fill(*ranked(candidates), self.count)


@final
@frozen
class Exact(Matcher[object]):
    """These realizations and no others, in this order; refuses when one is not stored."""

    rrefs: tuple[RRef, ...]

    @property
    def spelling(self) -> str:
        """The canonical form."""
        return f"exact({','.join(rref.text for rref in self.rrefs)})"

    @property
    def reads(self) -> bool:
        """Whether outcomes are looked at."""
        return False

    def select(self, candidates: Sequence[Candidate[object]], /) -> Choice:
        """Choose among ``candidates``."""
        stored = {candidate.rref for candidate in candidates}
        absent = [rref for rref in self.rrefs if rref not in stored]
        if absent:
            return Refuse(f"{absent[0]} is not stored")
        return Chosen(self.rrefs)


@final
@frozen
class Best(Matcher[T_contra]):
    """The ``count`` RIGHTs with the highest ``key``; a key that is NaN comes last.

    ``code`` is the fingerprint of ``key``: it is part of the spelling.
    """

    key: Callable[[T_contra], float] = field(eq=False)
    code: str
    count: int = 1

    @property
    def spelling(self) -> str:
        """The canonical form."""
        return f"best({self.code},{self.count})"

    def select(self, candidates: Sequence[Candidate[T_contra]], /) -> Choice:
        """Choose among ``candidates``."""
        rights, lefts = ranked(candidates)
        return fill(sorted(rights, key=self._merit, reverse=True), lefts, self.count)

    def __str__(self) -> str:
        return f"best({_named(self.key)}, {self.count})"

    def _merit(self, candidate: Candidate[T_contra]) -> tuple[bool, float]:
        outcome = candidate.outcome
        merit = float("nan") if isinstance(outcome, Left) else float(self.key(outcome.value))
        known = merit == merit  # noqa: PLR0124 -- NaN alone differs from itself
        return (known, merit if known else 0.0)


@final
@frozen
class Filtered(Matcher[T_contra]):
    """Those RIGHTs whose value pleases ``keep``, and of these what ``inner`` chooses."""

    keep: Callable[[T_contra], bool] = field(eq=False)
    code: str
    inner: Matcher[T_contra]

    @property
    def spelling(self) -> str:
        """The canonical form."""
        return f"filtered({self.code},{self.inner.spelling})"

    @property
    def budget(self) -> int | None:
        """That of ``inner``: what the filter drops counts as well."""
        return self.inner.budget

    def select(self, candidates: Sequence[Candidate[T_contra]], /) -> Choice:
        """Choose among ``candidates``."""
        kept = [each for each in candidates if self._pleases(each)]
        if candidates and not kept:
            return Refuse(f"none of {len(candidates)} realizations passes the filter")
        choice = self.inner.select(kept)
        budget = self.inner.budget
        if isinstance(choice, Need) and budget is not None and len(candidates) >= budget:
            return Refuse(f"only {len(kept)} of {len(candidates)} realizations pass the filter: {choice.why}")
        return choice

    def __str__(self) -> str:
        return f"filtered({_named(self.keep)}, {self.inner})"

    def _pleases(self, candidate: Candidate[T_contra]) -> bool:
        outcome = candidate.outcome
        return isinstance(outcome, Left) or self.keep(outcome.value)


@final
@frozen
class Then(Matcher[T_contra]):
    """What ``second`` chooses among what ``first`` chose."""

    first: Matcher[T_contra]
    second: Matcher[T_contra]

    @property
    def spelling(self) -> str:
        """The canonical form."""
        return f"then({self.first.spelling},{self.second.spelling})"

    @property
    def reads(self) -> bool:
        """Whether outcomes are looked at."""
        return self.first.reads or self.second.reads

    @property
    def budget(self) -> int | None:
        """That of ``first``: ``second`` chooses among no more."""
        return self.first.budget

    def select(self, candidates: Sequence[Candidate[T_contra]], /) -> Choice:
        """Choose among ``candidates``."""
        choice = self.first.select(candidates)
        if not isinstance(choice, Chosen):
            return choice
        chosen = set(choice.rrefs)
        return self.second.select([each for each in candidates if each.rref in chosen])
