"""Copying realizations from one store to another."""

from __future__ import annotations

from collections.abc import Sequence

from returns.io import IOResult
from returns.result import Failure, Result, Success

from lightfx.core.failures import EngineFailure, NotStored
from lightfx.core.inventory import Ref
from lightfx.core.names import Digest
from lightfx.effects.world import World
from lightfx.moving.gathering import at_hand, gather, take_in, there
from lightfx.plan.packing import Freight
from lightfx.shell.archive import copy_folder
from lightfx.shell.disk import REAL, Disk

AT_ONCE = 64


def copy_closure(
    refs: Sequence[Ref], source: World, target: World, /, *, disk: Disk = REAL
) -> IOResult[Freight, EngineFailure]:
    """Copy realizations, or all of derivations, with all that they stand on; gives what was copied.

    What is in the ``target`` already is not copied. Objects are read as they
    are copied, and compared with their names. Fails with `NotStored` where
    something is not in the ``source``, and with `DamagedObject` where files are
    not what they were. ``disk`` is for tests.
    """
    freight = gather(source, refs)
    if isinstance(freight, Failure):
        return IOResult.from_failure(freight.failure())
    trees = at_hand(source, freight.unwrap())
    if isinstance(trees, Failure):
        return IOResult.from_failure(trees.failure())
    known = there(target, trees.unwrap())
    if isinstance(known, Failure):
        return IOResult.from_failure(known.failure())
    lacking = [tree for tree in trees.unwrap() if tree not in known.unwrap()]
    for start in range(0, len(lacking), AT_ONCE):
        copied = _copy(source, target, lacking[start : start + AT_ONCE], disk)
        if isinstance(copied, Failure):
            return IOResult.from_failure(copied.failure())
    return IOResult.from_result(take_in(target, freight.unwrap()))


def _copy(source: World, target: World, trees: Sequence[Digest], disk: Disk) -> Result[None, EngineFailure]:
    place = target.store.place()
    folders = {place / tree.hex: tree for tree in trees}
    try:
        for folder, tree in folders.items():
            copied = target.perform.result(copy_folder(source.store.folder_of(tree), folder, disk))
            if isinstance(copied, Failure):
                return copied
        ingested = target.perform.result(target.store.ingest(tuple(folders)))
    finally:
        target.perform.result(target.store.discard([place]))
    if isinstance(ingested, Failure):
        return Failure(ingested.failure())
    changed = next((tree for folder, tree in folders.items() if ingested.unwrap()[folder] != tree), None)
    return (
        Success(None)
        if changed is None
        else Failure(NotStored(changed.text, "its files are not what they were: `lightfx verify --repair` mends them"))
    )
