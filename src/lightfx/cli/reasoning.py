"""Why a realization is there, as a value: how it came about, on what inputs, and what is new about it.

The nearest earlier derivation is looked for among what was stored last under
the same name: this derivation itself on other inputs, or else the one whose
config differs least (`lightfx.plan.nearest`).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TypeAlias, final

from attrs import frozen

from lightfx.cli.finding import Subject
from lightfx.core.config import Reference
from lightfx.core.outcome import Upstream
from lightfx.core.realization import Realization
from lightfx.core.refs import DRef, RRef
from lightfx.effects.world import World
from lightfx.engine.foresight import past_of
from lightfx.plan.changes import Change, changes, places
from lightfx.plan.nearest import Moved, Past, moved
from lightfx.wiring import unwrap


class How(Enum):
    """How a realization came about."""

    BUILT = "built"
    CUT_OFF = "cut off"
    INHERITED = "inherited"
    NOT_RUN = "settled without a run"


@final
@frozen
class Input:
    """One use of another derivation: where it stands in the config, and what it was resolved to."""

    reference: Reference
    where: tuple[str, ...]
    resolved: tuple[tuple[RRef, str], ...]


@final
@frozen
class SamePlan:
    """The same config had other inputs: these references came to other realizations, or what it observes changed."""

    earlier: Realization
    moved: Moved


@final
@frozen
class OtherPlan:
    """The nearest earlier derivation of the stage, and what differs."""

    dref: DRef
    created: float
    changes: tuple[Change, ...]


@final
@frozen
class NothingEarlier:
    """There is no earlier derivation of this name."""


Nearest: TypeAlias = SamePlan | OtherPlan | NothingEarlier


@final
@frozen
class Why:
    """All there is to say."""

    realization: Realization
    how: How
    inputs: tuple[Input, ...]
    retried: tuple[Realization, ...]
    nearest: Nearest


def why_of(world: World, subject: Subject) -> Why:
    """Find out why the realization of ``subject`` that is spoken of is there."""
    realization = subject.chosen
    made, past = unwrap(past_of(world, subject.dref.name.text, before=realization.created))
    own = [each for each in made if each.dref == subject.dref]
    return Why(
        realization,
        _how(realization),
        _inputs(world, subject, realization),
        tuple(each for each in own if each.key == realization.key and each.result.kind != "right"),
        _same_plan(realization, own) or _other_plan(world, subject, past),
    )


def _how(realization: Realization) -> How:
    if isinstance(realization.result, Upstream):
        return How.INHERITED
    if realization.like is not None:
        return How.CUT_OFF
    return How.BUILT if realization.made_by.host or realization.cost.seconds else How.NOT_RUN


def _inputs(world: World, subject: Subject, realization: Realization) -> tuple[Input, ...]:
    where: dict[Reference, list[str]] = {}
    for reference, place in places(subject.config.tree):
        where.setdefault(reference, []).append(place)
    rrefs = {rref for _, resolved in realization.context.entries for rref in resolved}
    records = unwrap(world.store.realizations(tuple(rrefs)))
    return tuple(
        Input(
            reference,
            tuple(where.get(reference, ())),
            tuple((rref, records[rref].result.kind if rref in records else "missing") for rref in resolved),
        )
        for reference, resolved in realization.context.entries
    )


def _same_plan(realization: Realization, own: Sequence[Realization]) -> SamePlan | None:
    """Compare with the newest earlier realization of the same config under another input key."""
    others = [each for each in own if each.key != realization.key]
    if not others:
        return None
    return SamePlan(others[0], moved(others[0].context, realization.context))


def _other_plan(world: World, subject: Subject, past: Past) -> OtherPlan | NothingEarlier:
    nearest = past.nearest(subject.config)
    if nearest is None:
        return NothingEarlier()
    codes = unwrap(world.store.codes((nearest.config.fingerprint, subject.config.fingerprint)))
    return OtherPlan(nearest.dref, nearest.created, changes(nearest.config, subject.config, codes))
