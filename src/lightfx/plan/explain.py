"""A plan as a value: what a run would do with each derivation, why, and how long that may take.

Nothing here has an effect. A `Plan` is made by `lightfx.plan.reasons` from
what the step machine (`lightfx.plan.schedule`) would do; reasons are data, and
become sentences at the faces.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import TypeAlias, final

from attrs import frozen

from lightfx.core.config import Reference
from lightfx.core.refs import DRef, RRef
from lightfx.plan.changes import CodeChanged, FieldChanged, ReferenceChanged


class Action(Enum):
    """What a run would do with a derivation."""

    REUSE = "reuse"
    """What is stored of it will do."""
    CUT_OFF = "cut off"
    """Another derivation has the same inputs, by content: its result is taken."""
    REPLAY = "replay"
    """A LEFT of it is stored, and stands."""
    INHERIT = "inherit"
    """It stands on a LEFT: it is not run."""
    BUILD = "build"
    """It is run."""
    MAYBE = "build unless cut off"
    """It is run, unless what it needs, which is run first, comes out the same."""


@final
@frozen
class NeverBuilt:
    """Nothing of this name was realized before."""


@final
@frozen
class InputChanged:
    """The same plan, on another realization of what ``reference`` names."""

    reference: Reference
    old: tuple[RRef, ...]
    new: tuple[RRef, ...]


@final
@frozen
class OutsideChanged:
    """The same plan, and what it reads outside changed."""


@final
@frozen
class MoreWanted:
    """``stored`` realizations are there, and a matcher asks for ``more``."""

    stored: int
    more: int


@final
@frozen
class FilesGone:
    """A realization of it is stored, and has lost its files."""

    rref: RRef


@final
@frozen
class Forced:
    """It is to be run whatever is stored."""


@final
@frozen
class LeftRetried:
    """It is LEFT, of this kind and for this reason, and is tried again."""

    rref: RRef
    kind: str
    reason: str


@final
@frozen
class LeftStands:
    """It is LEFT, of this kind and for this reason, and that stands."""

    rref: RRef
    kind: str
    reason: str


@final
@frozen
class StandsOn:
    """It needs ``dref``, which is LEFT."""

    dref: DRef


@final
@frozen
class SameAs:
    """Its inputs are those of ``dref``, by content; that one is stored, or built before."""

    dref: DRef


@final
@frozen
class WaitsFor:
    """These, which it needs, are run before it."""

    drefs: tuple[DRef, ...]


@final
@frozen
class Unobservable:
    """What it reads outside cannot be read: it becomes LEFT, for this reason."""

    reason: str


@final
@frozen
class AskedChanged:
    """It asked for ``dref`` as it ran, or for what stands on that, and this is not what it was."""

    dref: DRef


@final
@frozen
class AskedGone:
    """It asked for ``dref`` as it ran, or for what stands on that, and nothing is stored of this any more."""

    dref: DRef


@final
@frozen
class AskedRetried:
    """It asked for ``rref`` as it ran, or for what stands on that: a LEFT of this kind that is tried again."""

    rref: RRef
    kind: str
    reason: str


@final
@frozen
class AskedForced:
    """It asked for ``dref`` as it ran, or for what stands on that, and this is to be run whatever is stored."""

    dref: DRef


AskedReason: TypeAlias = AskedChanged | AskedGone | AskedRetried | AskedForced
"""Reasons in what the stage asked for as it ran."""

StoredReason: TypeAlias = MoreWanted | FilesGone | Forced | LeftRetried | LeftStands
"""Reasons in what is stored of the derivation itself."""

Reason: TypeAlias = (
    NeverBuilt
    | FieldChanged
    | CodeChanged
    | ReferenceChanged
    | InputChanged
    | OutsideChanged
    | StoredReason
    | AskedReason
    | StandsOn
    | SameAs
    | WaitsFor
    | Unobservable
)


@final
@frozen
class Step:
    """What a run would do with one derivation, and why.

    ``nearest`` is the earlier derivation that changes are told against, if
    any. ``seconds`` is what its runs may take together, None where nothing
    like it was run before; ``cores`` is what each takes.
    """

    dref: DRef
    action: Action
    why: tuple[Reason, ...] = ()
    nearest: DRef | None = None
    seconds: float | None = None
    cores: int = 1

    @property
    def runs(self) -> bool:
        """Whether it is run, or may be."""
        return self.action in (Action.BUILD, Action.MAYBE)


@final
@frozen
class Estimate:
    """The seconds that a run may take; ``unknown`` counts steps that are not in it: nothing like them was run before.

    It is at most that where ``maybe`` steps may turn out not to run.
    """

    seconds: float
    unknown: int
    maybe: int


@final
@frozen
class Plan:
    """What a run would do: a step for each derivation, needs before dependents.

    ``longest`` is the number of seconds of the longest chain of steps that
    have to wait for one another.
    """

    steps: tuple[Step, ...]
    targets: tuple[DRef, ...]
    longest: float = 0.0

    @property
    def running(self) -> tuple[Step, ...]:
        """The steps that run, or may."""
        return tuple(each for each in self.steps if each.runs)

    @property
    def realized(self) -> bool:
        """Whether all is there: a run would start nothing."""
        return not any(each.runs for each in self.steps)

    def count(self, action: Action) -> int:
        """Count the steps with this action."""
        return sum(each.action is action for each in self.steps)

    def estimate(self, workers: int = 1) -> Estimate:
        """Estimate the time of the run with so many workers, from what earlier runs took.

        It takes as long as its longest chain, and no less than all the work
        takes, spread evenly.

        >>> step = Step(DRef("a-f"), Action.BUILD, seconds=3.0)
        >>> Plan((step, step, step), (), longest=3.0).estimate(workers=2).seconds
        4.5
        """
        there = max(1, workers)
        work = sum((each.seconds or 0.0) * min(each.cores, there) for each in self.running) / there
        unknown = sum(each.seconds is None for each in self.running)
        return Estimate(max(work, self.longest), unknown, self.count(Action.MAYBE))

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)
