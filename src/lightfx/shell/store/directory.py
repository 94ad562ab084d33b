"""The store on a disk. ``docs/store-format.md`` is the specification of what it writes.

- ``records/`` holds groups of records: immutable files of JSON lines, named by
  the digest of their bytes, one for each commit. Files are the truth.
- ``objects/`` holds read-only folders named by content (`objects`).
- ``claims/`` and ``tmp/<owner>/`` belong to processes that live (`claims`).
- ``index.sqlite`` finds things fast, and can be deleted at any time (`index`).

The order of a commit: objects first, synced and renamed; then the records,
written aside, synced, renamed, their folder synced; then the index; then the
answer. A crash in between leaves garbage that nothing refers to, or a group
that the index has yet to read; never half a result.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from itertools import compress
from pathlib import Path
from typing import TypeVar, final

from returns.io import IOResult

from lightfx.core.config import Config
from lightfx.core.damage import Audit, Damage, LostObject, Repair, Verified
from lightfx.core.derivation import Parts
from lightfx.core.failures import EngineFailure, IndexTrouble, InUse
from lightfx.core.inventory import Anchor, Garbage, Inventory
from lightfx.core.layout import INDEX, IndexPlace
from lightfx.core.listing import Listed
from lightfx.core.manifest import Manifest
from lightfx.core.names import Digest
from lightfx.core.outcome import Cause
from lightfx.core.realization import Realization, Stored
from lightfx.core.refs import DRef, RRef
from lightfx.effects.store import Entry, Forbidden, Ingested
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.store.claims import Claims
from lightfx.shell.store.collecting import Collector
from lightfx.shell.store.database import cannot_write
from lightfx.shell.store.dropping import Dropper
from lightfx.shell.store.founding import found, furnish
from lightfx.shell.store.groups import Groups, Place, spell_group
from lightfx.shell.store.index import Index
from lightfx.shell.store.indexing import Indexer
from lightfx.shell.store.mending import Mender
from lightfx.shell.store.objects import Objects
from lightfx.shell.store.observing import Observer
from lightfx.shell.store.reading import Bystander, IndexInMemory, only_readable
from lightfx.shell.store.rooting import Roots
from lightfx.shell.store.soundness import Checking, Soundness
from lightfx.shell.store.tree import clear_tree, salvage
from lightfx.shell.store.trouble import guarded, translate
from lightfx.shell.store.verifying import Verifier

T = TypeVar("T")


def open_directory(
    root: Path,
    *,
    create: bool = True,
    index: Path | IndexPlace | None = None,
    claims: Callable[[Path], Claims] | None = None,
    disk: Disk = REAL,
    checking: Checking = Checking.STAT,
    mending: bool = False,
) -> IOResult[DirectoryStore, EngineFailure]:
    """Open the store in the folder ``root``; make it where there is none and ``create`` allows.

    ``index`` is where its index lies, by default in the store. ``claims``
    enters the store at a path as one of its owners. All that is done to files
    goes through ``disk``. ``checking`` is how much is asked of files before
    they are handed on. ``mending``: damaged groups are passed over, so that the
    store can be mended; otherwise they are trouble. Where there is no right to
    write, or no room, the store is opened for reading alone, as
    `lightfx.shell.store.reading` tells.
    """

    def work() -> DirectoryStore:
        home = root.absolute()
        found(home, create=create, disk=disk)
        enter = claims or partial(Claims, disk=disk)
        place = None if isinstance(index, IndexPlace) else (index or home / INDEX).absolute()
        try:
            if place is not None and not disk.exists(place.parent):
                disk.make_folders(place.parent)
            return DirectoryStore(home, place, enter, disk, checking, mending=mending)
        except (OSError, sqlite3.OperationalError) as error:
            refusal = only_readable(home, translate(error, home, "open the store"))
            if refusal is None:
                raise
        enter = partial(Bystander, answer=refusal, disk=disk)
        return DirectoryStore(home, place, enter, disk, checking, mending=mending, refusal=refusal)

    return guarded(root, "open the store", work)


@final
class DirectoryStore:
    """A store in a folder. Implements `lightfx.effects.store.Store`."""

    def __init__(
        self,
        root: Path,
        index: Path | None,
        claims: Callable[[Path], Claims] = Claims,
        disk: Disk = REAL,
        checking: Checking = Checking.STAT,
        *,
        mending: bool = False,
        refusal: EngineFailure | None = None,
    ) -> None:
        """Open it, and make what folders it lacks; or as it is, with a ``refusal`` for who wants to write."""
        if refusal is None:
            furnish(root, disk)
        self.root = root
        self._refusal = refusal
        self._disk = disk
        self._places = 0
        self._spare: list[Path] = []
        with ExitStack() as held:
            self._claims = claims(root)
            held.callback(self._claims.close)
            self._private = self._claims.private
            self._index = self._opened(index)
            held.callback(self._index.close)
            self._groups = Groups(root, disk)
            self._soundness = Soundness(root, self._index, checking, disk)
            self._objects = Objects(root, self._soundness, disk=disk)
            self._observer = Observer(self._index, disk)
            self._indexer = Indexer(
                self._groups, self._index, self._soundness, disk, mending=mending, writes=refusal is None
            )
            look_again = self._indexer.look_again
            self._indexer.mending(self._indexer.read_in)
            self._claims.sweep()
            self._dropper = Dropper(root, self._private, self._claims, self._index, self._objects, look_again, disk)
            held.callback(self._dropper.leave)
            self._roots = Roots(root, self._private, disk)
            self._collector = Collector(
                root, self._private, self._claims, self._groups, self._objects, self._roots, look_again, disk
            )
            self._verifier = Verifier(root, self._groups, self._index, self._soundness, disk)
            self._mender = Mender(
                root, self._private, self._claims, self._groups, self._objects, self._verifier, look_again, disk
            )
            self._held = held.pop_all()

    def _opened(self, index: Path | None) -> Index:
        """Open the index: where it cannot be written, or we may not, a copy of it."""
        try:
            if index is None or self._refusal is None:
                return Index(index, self._disk)
        except sqlite3.OperationalError as error:
            if index is None or not cannot_write(error):
                raise
        return IndexInMemory(index, self._disk)

    def _do(self, act: str, work: Callable[[], T]) -> IOResult[T, EngineFailure]:
        return guarded(self.root, act, lambda: self._indexer.mending(work)).alt(self._by_whom)

    def _by_whom(self, failure: EngineFailure) -> EngineFailure:
        """Say of a locked index who may hold it."""
        if isinstance(failure, IndexTrouble) and "locked" in failure.message:
            return InUse(self.root, self._claims.others())
        return failure

    def _change(self, act: str, work: Callable[[], T]) -> IOResult[T, EngineFailure]:
        return self._do(act, work) if self._refusal is None else IOResult.from_failure(self._refusal)

    # What is stored.

    def listed(self, drefs: Sequence[DRef], reading: frozenset[DRef]) -> IOResult[Sequence[Listed], EngineFailure]:
        """List what is stored of these derivations."""

        def work() -> Sequence[Listed]:
            self._indexer.catch_up()
            rows = self._whole(self._index.of_derivations(drefs))
            whose = [stored.rref.text[33:] for stored, _ in rows]
            self._indexer.described.update(whose)
            wanted = {dref.text for dref in reading}
            return self._with_records(
                rows,
                [
                    dref in wanted or not stored.is_right or stored.asks
                    for dref, (stored, _) in zip(whose, rows, strict=True)
                ],
            )

        return self._do("read the index", work)

    def alike(self, keys: Sequence[Digest]) -> IOResult[Sequence[Listed], EngineFailure]:
        """List what is stored under these keys, by whomever, with records."""

        def work() -> Sequence[Listed]:
            self._indexer.catch_up()
            return self._with_records(self._whole(self._index.of_keys(keys)))

        return self._do("read the index", work)

    def realizations(self, rrefs: Sequence[RRef]) -> IOResult[Mapping[RRef, Realization], EngineFailure]:
        """Read records."""

        def work() -> Mapping[RRef, Realization]:
            rows = [(row.stored.rref, row.realization) for row in self._with_records(self._index.of_rrefs(rrefs))]
            return {rref: realization for rref, realization in rows if realization is not None}

        return self._do("read records", work)

    def configs(self, drefs: Sequence[DRef]) -> IOResult[Mapping[DRef, Config], EngineFailure]:
        """Read the configs of derivations."""

        def work() -> Mapping[DRef, Config]:
            self._indexer.catch_up()
            return self._groups.configs(dict(self._index.derivations(drefs)))

        return self._do("read records", work)

    def codes(self, fingerprints: Sequence[str]) -> IOResult[Mapping[str, Parts], EngineFailure]:
        """Read what codes consist of."""

        def work() -> Mapping[str, Parts]:
            self._indexer.catch_up()
            return self._groups.codes(dict(self._index.codes(fingerprints)))

        return self._do("read records", work)

    def names(self, prefix: str, limit: int) -> IOResult[Sequence[str], EngineFailure]:
        """List references that begin with ``prefix``."""
        # References are ASCII; nothing else is asked for, since not all text is text to SQLite.
        return self._do("read the index", lambda: self._index.names(prefix, limit) if prefix.isascii() else ())

    def newest(self, name: str | None, limit: int) -> IOResult[Sequence[Listed], EngineFailure]:
        """List the realizations that were stored last."""

        def work() -> Sequence[Listed]:
            return self._with_records(self._index.newest(name, limit) if name is None or name.isascii() else ())

        return self._do("read the index", work)

    def _whole(self, rows: Sequence[tuple[Stored, Place]]) -> list[tuple[Stored, Place]]:
        """Leave out what has lost its files, or is known to be damaged: as if it were not stored, it is made again.

        What is ephemeral stands without them.
        """
        return [
            row
            for row in rows
            if (tree := row[0].tree) is None
            or row[0].ephemeral
            or (tree not in self._soundness.damaged and self._disk.lexists(self._objects.path_of(tree)))
        ]

    def _with_records(self, rows: Sequence[tuple[Stored, Place]], wanted: Sequence[bool] | None = None) -> list[Listed]:
        flags = [True] * len(rows) if wanted is None else wanted
        records = iter(self._groups.records(list(compress(rows, flags))))
        return [Listed(stored, next(records) if flag else None) for (stored, _), flag in zip(rows, flags, strict=True)]

    def observe(self, paths: Sequence[Path]) -> IOResult[Mapping[Path, Digest | Cause], EngineFailure]:
        """Digest what lies outside."""
        return self._do("read the index", lambda: self._observer.observe(paths))

    # Building.

    def claim(self, keys: Sequence[Digest]) -> IOResult[frozenset[Digest], EngineFailure]:
        """Ask to be the only one who builds these keys."""
        return self._do("claim what is to be built", lambda: self._claims.claim(keys))

    def release(self, keys: Sequence[Digest]) -> IOResult[None, EngineFailure]:
        """Give claims back."""
        return self._do("give claims back", lambda: self._claims.release(keys))

    def place(self) -> Path:
        """Name a private folder for an attempt."""
        return self._spare.pop() if self._spare else self._new_place()

    def _new_place(self) -> Path:
        self._places += 1
        return self._private / str(self._places)

    def discard(self, places: Sequence[Path]) -> IOResult[None, EngineFailure]:
        """Remove private folders."""
        return self._do("remove private folders", lambda: self._discard(places))

    def _discard(self, places: Iterable[Path]) -> None:
        """Empty folders, and give them out again: to remove one takes milliseconds on some file systems.

        Each goes by a new name then, so that nothing which still writes to the old one reaches the next attempt.
        """
        for place in places:
            if clear_tree(place, self._disk):
                with suppress(FileNotFoundError):
                    fresh = self._new_place()
                    self._disk.rename(place, fresh)
                    self._spare.append(fresh)

    def ingest(self, folders: Sequence[Path]) -> IOResult[Mapping[Path, Ingested], EngineFailure]:
        """Make folders into objects."""
        return self._change("store an output folder", lambda: self._objects.ingest(folders))

    def salvage(self, folder: Path) -> IOResult[None, EngineFailure]:
        """Remove what no object may hold."""
        return self._do("clear a half-done output folder", lambda: salvage(folder, self._disk))

    def manifests(self, folders: Sequence[Path]) -> IOResult[Mapping[Path, Manifest | Forbidden], EngineFailure]:
        """List what is in folders."""
        return self._do("list a folder", lambda: self._objects.manifests(folders, self._private))

    def folder_of(self, tree: Digest) -> Path:
        """Name the folder of an object."""
        return self._objects.folder_of(tree)

    def present(self, trees: Sequence[Digest]) -> IOResult[frozenset[Digest], EngineFailure]:
        """Tell which objects are there."""
        return self._do("look for files", lambda: self._objects.present(trees))

    def unsound(self, trees: Sequence[Digest]) -> IOResult[Mapping[Digest, LostObject], EngineFailure]:
        """Tell which objects are not what they are named by, as `lightfx.shell.store.soundness` tells."""
        return self._do("look at files", lambda: self._soundness.unsound(trees))

    def drop(self, trees: Sequence[Digest]) -> IOResult[None, EngineFailure]:
        """Remove objects that nothing keeps, as `lightfx.shell.store.dropping` tells."""
        return self._do("drop files", lambda: self._dropper.drop(trees))

    def commit(self, entries: Sequence[Entry]) -> IOResult[None, EngineFailure]:
        """Store realizations together."""
        return self._change("write records", lambda: self._commit(entries)) if entries else IOResult.from_value(None)

    def _commit(self, entries: Sequence[Entry]) -> None:
        indexer = self._indexer
        indexer.store(spell_group(entries, indexer.described, indexer.coded), self._private)

    # Garbage.

    def roots(self) -> IOResult[Sequence[Anchor], EngineFailure]:
        """List the roots that hold."""
        return self._do("read the roots", self._roots.every)

    def hold(self, root: Anchor) -> IOResult[None, EngineFailure]:
        """Make a root."""
        return self._change("make a root", lambda: self._roots.hold(root))

    def let_go(self, name: str) -> IOResult[bool, EngineFailure]:
        """Remove a root."""
        return self._change("remove a root", lambda: self._roots.let_go(name))

    def sizes(self, trees: Sequence[Digest]) -> IOResult[Mapping[Digest, int], EngineFailure]:
        """Count the bytes of objects."""
        return self._do("count the bytes of files", lambda: self._objects.sizes(trees))

    def inventory(self) -> IOResult[Inventory, EngineFailure]:
        """List all that is there."""
        return self._do("read all records", self._collector.inventory)

    def collect(self, judge: Callable[[Inventory], Garbage]) -> IOResult[Garbage, EngineFailure]:
        """Remove garbage, as `lightfx.shell.store.collecting` tells."""

        def work() -> Garbage:
            garbage = self._collector.collect(judge)
            self._index.unnote(garbage.objects)
            return garbage

        return self._change("collect garbage", work)

    # Damage.

    def verify(self, audit: Audit) -> IOResult[Verified, EngineFailure]:
        """Read what is stored, as `lightfx.shell.store.verifying` tells."""
        return self._do("verify what is stored", lambda: self._verifier.verify(audit))

    def mend(self, damages: Sequence[Damage]) -> IOResult[Sequence[Repair], EngineFailure]:
        """Mend, as `lightfx.shell.store.mending` tells."""
        return self._change("mend the store", lambda: self._mender.mend(damages))

    def close(self) -> IOResult[None, EngineFailure]:
        """Give back claims, the private folder and the index."""
        return guarded(self.root, "close the store", self._held.close)
