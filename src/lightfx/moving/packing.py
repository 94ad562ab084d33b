"""Packing realizations into one file, and taking them out of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from returns.io import IOResult
from returns.result import Failure, Result, Success

from lightfx.core.failures import BadArchive, EngineFailure, NotStored
from lightfx.core.inventory import Ref
from lightfx.core.manifest import Manifest
from lightfx.core.names import Digest
from lightfx.effects.store import Forbidden
from lightfx.effects.world import World
from lightfx.engine.guarding import may_store
from lightfx.moving.gathering import at_hand, gather, take_in, there
from lightfx.plan.packing import Freight, PackingList
from lightfx.shell.archive import Unpacked, read_archive, write_archive
from lightfx.shell.disk import REAL, Disk


def pack(
    world: World, refs: Sequence[Ref], file: str | os.PathLike[str], /, *, disk: Disk = REAL
) -> IOResult[Freight, EngineFailure]:
    """Write realizations, or all of derivations, with all that they stand on, into one file; gives what is in it.

    ``file``: is written whole or not at all, and replaced if it is there. It is
    a tar, compressed by zstd (the extra ``zstd``, before Python 3.14). Fails
    with `NotStored` where something is not there, and with `DamagedObject`
    where files are not what they were. ``disk`` is for tests.
    """
    freight = gather(world, refs)
    if isinstance(freight, Failure):
        return IOResult.from_failure(freight.failure())
    packing = _packing_list(world, freight.unwrap())
    if isinstance(packing, Failure):
        return IOResult.from_failure(packing.failure())
    written = write_archive(Path(file).absolute(), packing.unwrap(), freight.unwrap(), world.store.folder_of, disk)
    return written.map(lambda _: freight.unwrap())


def _packing_list(world: World, freight: Freight) -> Result[PackingList, EngineFailure]:
    trees = at_hand(world, freight)
    if isinstance(trees, Failure):
        return Failure(trees.failure())
    folders = {world.store.folder_of(tree): tree for tree in trees.unwrap()}
    listed = world.perform.result(world.store.manifests(tuple(folders)))
    if isinstance(listed, Failure):
        return Failure(listed.failure())
    objects: dict[Digest, Manifest] = {}
    for folder, manifest in listed.unwrap().items():
        if isinstance(manifest, Forbidden):
            return Failure(NotStored(folders[folder].text, f"{manifest.path} {manifest.why}"))
        objects[folders[folder]] = manifest
    packing = PackingList(freight.refs, objects)
    # Files that were changed on the disk would be refused where they are taken out: better to say so here.
    return PackingList.read(packing.spell()).alt(lambda why: NotStored(str(freight.refs[0]), f"its files: {why}"))


def unpack(world: World, file: str | os.PathLike[str], /, *, disk: Disk = REAL) -> IOResult[Freight, EngineFailure]:
    """Take all realizations out of a file that `pack` wrote, and store them; gives what was in it.

    What is stored already is not stored twice. An archive that is damaged, or
    made to do harm, is refused whole, with `BadArchive`: realizations, objects
    and files must be what they are named by. Whether results are true cannot be
    seen from them: take archives from those whom you would believe. ``disk`` is
    for tests.
    """
    writable = may_store(world)  # before all of it is read and unpacked
    if isinstance(writable, Failure):
        return IOResult.from_failure(writable.failure())
    path, place = Path(file).absolute(), world.store.place()
    try:
        unpacked = world.perform.result(read_archive(path, place, lambda trees: there(world, trees), disk))
        if isinstance(unpacked, Failure):
            return IOResult.from_failure(unpacked.failure())
        return IOResult.from_result(_stored(world, path, unpacked.unwrap()))
    finally:
        world.perform.result(world.store.discard([place]))


def _stored(world: World, path: Path, unpacked: Unpacked) -> Result[Freight, EngineFailure]:
    ingested = world.perform.result(world.store.ingest(tuple(unpacked.folders))) if unpacked.folders else Success({})
    if isinstance(ingested, Failure):
        return Failure(ingested.failure())
    for folder, tree in unpacked.folders.items():
        if ingested.unwrap()[folder] != tree:
            return Failure(BadArchive(path, f"the object {tree} came out otherwise"))
    return take_in(world, unpacked.freight)
