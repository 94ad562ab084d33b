"""Matchers: pure choice among the candidate realizations of one derivation.

A matcher is a frozen record with a spelling, which is part of the edge that
uses it. It sees candidates (refs, times, decoded outcomes) and says which are
`Chosen`, that it `Need`s more of them, or that it must `Refuse`. Its laws:

- it chooses a subset, whatever the order of the candidates, and the same again;
- given what it said it needs, it chooses (or refuses, saying why);
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

from lightfx.core.outcome import Left, Outcome
from lightfx.core.raising import relative
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

    def __str__(self) -> str:
        return self.spelling


def _ranked(candidates: Sequence[Candidate[T]]) -> tuple[list[Candidate[T]], list[Candidate[T]]]:
    ranked = sorted(candidates, key=lambda candidate: candidate.rank)
    return [each for each in ranked if each.is_right], [each for each in ranked if not each.is_right]


def _fill(rights: Sequence[Candidate[T]], lefts: Sequence[Candidate[T]], count: int) -> Choice:
    """Take ``count`` RIGHTs; fill up with LEFTs; ask for what is missing."""
    filled = [*rights, *lefts][:count]
    missing = count - len(filled)
    if missing:
        return Need(missing, f"{len(filled)} of {count} are stored")
    return Chosen(tuple(each.rref for each in filled))


def _named(function: Callable[..., object]) -> str:
    """A function by its name and where it stands."""
    code = getattr(function, "__code__", None)
    name = getattr(function, "__name__", repr(function))
    return name if code is None else f"{name} of {relative(code.co_filename)}:{code.co_firstlineno}"


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
        return _fill(*_ranked(candidates), 1)


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
        rights, lefts = _ranked(candidates)
        latest = sorted(rights or lefts, key=lambda each: (each.created, *each.rank), reverse=True)
        return _fill(latest, (), 1)


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
        rights, lefts = _ranked(candidates)
        if len(rights) > 1:
            return Refuse(f"{len(rights)} realizations are stored where only one may be")
        return _fill(rights, lefts, 1)


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
        rights, lefts = _ranked(candidates)
        return _fill(rights, lefts, max(1, len(rights)))


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
        return _fill(*_ranked(candidates), self.count)


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
        rights, lefts = _ranked(candidates)
        return _fill(sorted(rights, key=self._merit, reverse=True), lefts, self.count)

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

    def select(self, candidates: Sequence[Candidate[T_contra]], /) -> Choice:
        """Choose among ``candidates``."""
        kept = [each for each in candidates if self._pleases(each)]
        if candidates and not kept:
            return Refuse(f"none of {len(candidates)} realizations passes the filter")
        return self.inner.select(kept)

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

    def select(self, candidates: Sequence[Candidate[T_contra]], /) -> Choice:
        """Choose among ``candidates``."""
        choice = self.first.select(candidates)
        if not isinstance(choice, Chosen):
            return choice
        chosen = set(choice.rrefs)
        return self.second.select([each for each in candidates if each.rref in chosen])
