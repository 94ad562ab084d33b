"""Making objects again that are damaged or gone: from elsewhere, or by running what made them.

Only the bytes that are recorded take the place of a damaged object. What comes
out otherwise shows that the stage is not deterministic: it is not stored, and
what is damaged stays where it is, named as damaged, so that whoever needs its
sound parts may have them. Runs do not use it: they make a realization of their
own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import assert_never

from returns.io import IOResult
from returns.result import Failure, Result, Success

from lightfx.core.damage import LostObject, Repair
from lightfx.core.failures import EngineFailure
from lightfx.core.names import Digest
from lightfx.core.realization import Value
from lightfx.effects.verifying import Source
from lightfx.effects.world import World
from lightfx.engine.check import RealizerOf, heal
from lightfx.plan.compare import Different, Identical, NotChecked

_OTHERWISE = (
    "it came out otherwise when it was made again: its stage is not deterministic, and the damaged files stay "
    "where they are; no run uses them"
)


def heal_all(
    world: World, lost: Sequence[LostObject], realizer_of: RealizerOf, sources: Iterable[Source] = ()
) -> IOResult[Sequence[Repair], EngineFailure]:
    """Make objects again; says of each what became of it, in the order in which that was found out."""
    repairs: list[Repair] = []
    pending = list(lost)
    for source in sources:
        offered = _offered(world, [each.tree for each in pending], source)
        if isinstance(offered, Failure):
            return IOResult.from_failure(offered.failure())
        repairs += [
            Repair(each, True, "it was got from elsewhere") for each in pending if each.tree in offered.unwrap()
        ]
        pending = [each for each in pending if each.tree not in offered.unwrap()]
    while pending:  # what stands on another that is damaged can be made again when that was
        again: list[tuple[LostObject, str]] = []
        for each in pending:
            made = _made_again(world, each, realizer_of)
            if isinstance(made, Failure):
                return IOResult.from_failure(made.failure())
            settled = made.unwrap()
            if isinstance(settled, Repair):
                repairs.append(settled)
            else:
                again.append((each, settled))
        if len(again) == len(pending):
            repairs += [Repair(each, False, why) for each, why in again]
            break
        pending = [each for each, _ in again]
    return IOResult.from_value(tuple(repairs))


def _offered(world: World, trees: Sequence[Digest], source: Source) -> Result[frozenset[Digest], EngineFailure]:
    """Take in what a source has of these; what is not what it says is let go."""
    place = world.store.place()
    try:
        found = world.perform.result(source(trees, place))
        if isinstance(found, Failure):
            return Failure(found.failure())
        folders = {folder: tree for tree, folder in found.unwrap().items()}
        ingested = world.perform.result(world.store.ingest(tuple(folders))) if folders else Success({})
        return ingested.map(lambda got: frozenset(tree for folder, tree in folders.items() if got[folder] == tree))
    finally:
        world.perform.result(world.store.discard((place,)))


def _made_again(world: World, lost: LostObject, realizer_of: RealizerOf) -> Result[Repair | str, EngineFailure]:
    """Run what made an object; gives why that could not be done, as text, where it may be possible later."""
    read = world.perform.result(world.store.realizations(lost.rrefs))
    if isinstance(read, Failure):
        return Failure(read.failure())
    makers = [each.rref for each in read.unwrap().values() if each.tree == lost.tree]
    if not makers:
        return Success(Repair(lost, False, "it is a log, which cannot be made again; the end of it is in its record"))
    why = ""
    for rref in makers:
        done = world.perform.result(heal(world, rref, realizer_of))
        if isinstance(done, Failure):
            return Failure(done.failure())
        match done.unwrap():
            case Identical(seconds=seconds):
                return Success(Repair(lost, True, f"it was made again, in {seconds:.3g} s"))
            case Different(rref=other, recorded=Value(), found=found) if not isinstance(found, Value):
                what = "it" if other == rref else f"{other}, which it stands on,"
                why = f"it cannot be made again: {what} failed: {found.reason}"
            case Different(rref=other) if other != rref:
                why = f"it cannot be made again: {other}, which it stands on, came out otherwise"
            case Different():
                return Success(Repair(lost, False, _OTHERWISE))
            case NotChecked(why=reason, hint=hint):
                why = f"it cannot be made again: {reason}" + (f" ({hint})" if hint else "")
            case never:
                assert_never(never)
    return Success(why)
