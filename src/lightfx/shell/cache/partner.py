"""A cache as a world uses it: whom to believe there, what to bring there, and what came of asking it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar, final

from attrs import Factory, define, frozen
from returns.io import IOResult
from returns.result import Failure, Result, Success

from lightfx.core.failures import CacheTrouble
from lightfx.core.refs import RRef
from lightfx.effects.cache import Cache, Failed, Fate, Trouble, Want
from lightfx.effects.world import Perform
from lightfx.plan.sharing import Judge, Sharing, Sign, anyone

T = TypeVar("T")

ENOUGH: Final = 3
"""So many troubles in a row, and a cache is left alone for the rest of the run."""

TOO_LONG: Final = 60.0
"""So many seconds lost on troubles, in a row or not, and it is too: what lists well and then drips is no use."""


DEAR: Final = 0.1
"""What answers, and slowly, is left alone when that took `TOO_LONG` more than it saved, and this share of the run."""


LONGEST: Final = 300.0
"""So many seconds a run waits for what a cache tells of, before it is known whether anything comes of it."""


@final
@frozen
class Terms:
    """On what terms a cache is used.

    ``judge``: which of its records are believed. ``sign``: signs what is
    brought there. ``sharing``: what is shared, both ways. ``pushes``: whether a
    run brings there what it makes. ``drops``: whether anything can be removed.
    """

    judge: Judge = anyone
    sign: Sign | None = None
    sharing: Sharing = Sharing()
    pushes: bool = False
    drops: bool = True


@final
@frozen
class Refusal:
    """Something that a cache holds is not used."""

    what: str
    why: str


@final
@define(eq=False)
class Partner:
    """A cache in use: troubles in a row, the last, the time lost on all, and what was refused and not told yet.

    ``balance``: seconds that it was waited for, less those that it saved.
    ``hurried``: whether a run waits for it that could go on without it; else it
    is waited for whatever that takes.
    ``spoilt``: realizations of which it has lost files, and ``unfit``, the names
    that were asked for in vain: what is brought there again.
    """

    cache: Cache
    perform: Perform
    terms: Terms = Terms()
    troubles: int = 0
    trouble: CacheTrouble | None = None
    lost: float = 0.0
    refused: list[Refusal] = Factory(list)
    elapsed: Callable[[], float] = time.monotonic
    began: float = 0.0
    balance: float = 0.0
    hurried: bool = False
    spoilt: set[RRef] = Factory(set)
    unfit: set[str] = Factory(set)
    dear: bool = False

    @property
    def name(self) -> str:
        """What people call it."""
        return self.cache.name

    @property
    def why(self) -> str:
        """What the last trouble was, in words that follow its name."""
        return "" if self.trouble is None else f"cannot {self.trouble.act}: {self.trouble.why}"

    @property
    def is_left_alone(self) -> bool:
        """Whether it gave so much trouble that it is asked no more."""
        return self.troubles >= ENOUGH or self.lost >= TOO_LONG or self.dear

    def begin_anew(self, *, hurried: bool = True) -> None:
        """Forget what trouble it gave: another run begins."""
        self.troubles, self.trouble, self.lost = 0, None, 0.0
        self.began, self.balance, self.dear = self.elapsed(), 0.0, False
        self.hurried = hurried

    def takes_too_long(self, since: float) -> bool:
        """Whether a run has waited for what it tells of for so long that it is told of, and given up."""
        waited = self.elapsed() - since
        if not self.hurried or waited <= LONGEST:
            return False
        why = f"it was not through with what it tells of after {waited:.0f} s"
        self.note(Trouble(self.name, "be waited for", why, seconds=waited))
        return True

    def weigh(self, seconds: float, saved: float) -> None:
        """Count how long it was waited for, and how long it would have taken without it."""
        self.balance += seconds - saved
        least = max(TOO_LONG, DEAR * (self.elapsed() - self.began))
        if self.balance > least and self.hurried and not self.is_left_alone:
            self.dear = True
            why = f"it took {self.balance:.0f} s more to ask it than to make what it gave"
            self.trouble = CacheTrouble(self.name, "be waited for", why)

    def do(self, io: IOResult[T, Trouble]) -> Result[T, CacheTrouble]:
        """Ask it for something, and count trouble."""
        result = self.perform.result(io)
        if isinstance(result, Failure):
            return Failure(self.note(result.failure()))
        self.troubles = 0
        return Success(result.unwrap())

    def fetch(self, wants: Sequence[Want]) -> Mapping[str, Fate]:
        """Fetch from it; trouble is counted, once however much of it there is, and what had none is the answer."""
        before = self.troubles
        fates = self.do(self.cache.fetch(wants)).value_or({}) if wants else {}
        failed = [fate.trouble for fate in fates.values() if isinstance(fate, Failed)]
        if failed:
            self.troubles = before
            self.note(max(failed, key=lambda trouble: trouble.seconds))  # they were waited for at the same time
        return fates

    def note(self, trouble: Trouble) -> CacheTrouble:
        """Count trouble."""
        self.troubles += 1
        self.lost += trouble.seconds
        self.trouble = trouble.failure
        return self.trouble

    def refuse(self, what: str, why: str) -> None:
        """Note what is not used."""
        self.refused.append(Refusal(what, why))

    def refusals(self) -> list[Refusal]:
        """Give what was refused since this was last asked."""
        refused, self.refused = self.refused, []
        return refused
