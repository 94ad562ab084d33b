"""What is in a realization: its files, and what differs from another."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import final, overload

from attrs import frozen
from returns.io import IOResult
from returns.result import Failure, Result, Success

from lightfx.core.failures import EngineFailure, NotStored
from lightfx.core.inventory import Ref, check_refs
from lightfx.core.manifest import Entry
from lightfx.core.names import Digest
from lightfx.core.refs import DRef, RRef
from lightfx.effects.store import Forbidden
from lightfx.effects.world import World
from lightfx.engine.guarding import intact
from lightfx.plan.changes import Change, FieldChanged, changes
from lightfx.plan.compare import FileDifference, field_differences, file_differences
from lightfx.shell.disk import REAL
from lightfx.shell.visiting import read_file


@final
@frozen
class Difference:
    """What differs between two: their ``config``, their values (``fields``), and their ``files``.

    ``files_gone``: the files of one of them are ephemeral and were dropped, so that they were not compared.
    """

    config: tuple[Change, ...] = ()
    fields: tuple[FieldChanged, ...] = ()
    files: tuple[FileDifference, ...] = ()
    files_gone: bool = False

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not (self.config or self.fields or self.files or self.files_gone)


def ls(world: World, rref: RRef, path: str = "", /) -> IOResult[tuple[Entry, ...], EngineFailure]:
    """List the files, folders and links of a realization, or those below ``path`` in it, sorted by path.

    Fails with `NotStored` where there are none, and where there is no such path in it.
    """
    tree = tree_of(world, rref)
    if isinstance(tree, Failure):
        return IOResult.from_failure(tree.failure())
    listed = _manifest(world, rref, tree.unwrap())
    return IOResult.from_result(listed.bind(lambda found: _below(found, PurePosixPath(path), rref)))


def _below(found: tuple[Entry, ...], path: PurePosixPath, rref: RRef) -> Result[tuple[Entry, ...], EngineFailure]:
    entries = tuple(each for each in found if PurePosixPath(each.path).is_relative_to(path))
    if path.parts and not entries:
        return Failure(NotStored(rref.text, f"there is no {str(path)!r} in it"))
    return Success(entries)


def cat(world: World, rref: RRef, path: str, /, *, limit: int | None = None) -> IOResult[bytes, EngineFailure]:
    """Read a file of a realization, or its first ``limit`` bytes.

    Fails with `NotStored` where it is not there, and with `DamagedObject` where the files are not what they were.
    """
    tree = sound_tree_of(world, rref)
    if isinstance(tree, Failure):
        return IOResult.from_failure(tree.failure())
    wanted = PurePosixPath(path)
    if wanted.is_absolute() or ".." in wanted.parts:
        return IOResult.from_failure(NotStored(rref.text, f"{path!r} is no path in it"))
    return read_file(world.store.folder_of(tree.unwrap()), wanted, rref, limit, REAL)


@overload
def diff(world: World, one: DRef, other: DRef, /) -> IOResult[Difference, EngineFailure]: ...
@overload
def diff(world: World, one: RRef, other: RRef, /) -> IOResult[Difference, EngineFailure]: ...
def diff(world: World, one: Ref, other: Ref, /) -> IOResult[Difference, EngineFailure]:
    """Compare two derivations, by their configs, or two realizations: config, value and files.

    Fails with `NotStored` where one of them is not there.
    """
    check_refs(one, other)
    if isinstance(one, RRef) and isinstance(other, RRef):
        apart = _configs_compared(world, one.dref, other.dref)
        return IOResult.from_result(apart.bind(lambda found: _compared(world, one, other, found)))
    return IOResult.from_result(_configs_compared(world, _dref(one), _dref(other)))


def _dref(ref: Ref) -> DRef:
    return ref.dref if isinstance(ref, RRef) else ref


def _configs_compared(world: World, one: DRef, other: DRef) -> Result[Difference, EngineFailure]:
    read = world.perform.result(world.store.configs((one, other)))
    if isinstance(read, Failure):
        return Failure(read.failure())
    configs = read.unwrap()
    missing = next((each for each in (one, other) if each not in configs), None)
    if missing is not None:
        return Failure(NotStored(missing.text))
    old, new = configs[one], configs[other]
    codes = world.store.codes([each.fingerprint for each in (old, new) if each.fingerprint])
    return world.perform.result(codes).map(lambda found: Difference(changes(old, new, found)))


def _compared(world: World, one: RRef, other: RRef, apart: Difference) -> Result[Difference, EngineFailure]:
    read = world.perform.result(world.store.realizations((one, other)))
    if isinstance(read, Failure):
        return Failure(read.failure())
    known = read.unwrap()
    missing = next((each for each in (one, other) if each not in known), None)
    if missing is not None:
        return Failure(NotStored(missing.text))
    old, new = known[one], known[other]
    fields = field_differences(old.result, new.result)
    if old.tree == new.tree:
        return Success(Difference(apart.config, fields))
    sides = [() if each.tree is None else _manifest(world, each.rref, each.tree).value_or(None) for each in (old, new)]
    if sides[0] is None or sides[1] is None:
        return Success(Difference(apart.config, fields, files_gone=True))
    return Success(Difference(apart.config, fields, file_differences(sides[0], sides[1])))


def tree_of(world: World, rref: RRef) -> Result[Digest, EngineFailure]:
    """Say which object has the files of a realization; fails with `NotStored` where it has none."""
    check_refs(rref)
    given: Ref = rref
    if isinstance(given, DRef):
        raise TypeError(f"a realization is wanted, RRef, not DRef: `allrrefs` lists those of {given}")
    read = world.perform.result(world.store.realizations((rref,)))
    if isinstance(read, Failure):
        return Failure(read.failure())
    realization = read.unwrap().get(rref)
    if realization is None:
        return Failure(NotStored(rref.text))
    if realization.tree is None:
        return Failure(NotStored(rref.text, "it has no files: its value is in its record"))
    return Success(realization.tree)


def sound_tree_of(world: World, rref: RRef) -> Result[Digest, EngineFailure]:
    """Say which object has the files of a realization; fails where it is damaged too."""
    return tree_of(world, rref).bind(lambda tree: intact(world, (tree,)).map(lambda _: tree))


def _manifest(world: World, rref: RRef, tree: Digest) -> Result[tuple[Entry, ...], EngineFailure]:
    folder = world.store.folder_of(tree)
    listed = world.perform.result(world.store.manifests((folder,)))
    if isinstance(listed, Failure):
        return Failure(listed.failure())
    found = listed.unwrap().get(folder)
    if found is None:
        return Failure(NotStored(rref.text, "its files are gone: `lightfx verify --repair` makes them again"))
    return (
        Failure(NotStored(rref.text, f"{found.path} {found.why}")) if isinstance(found, Forbidden) else Success(found)
    )
