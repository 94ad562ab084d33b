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

import os
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, TypeVar, final

from returns.io import IOResult
from returns.result import Failure

from lightfx.core.config import Config
from lightfx.core.derivation import Parts
from lightfx.core.failures import (
    EngineFailure,
    NoStore,
    NotAStore,
    UnknownFormat,
)
from lightfx.core.layout import (
    ENTRIES,
    FOLDERS,
    FORMAT,
    FORMAT_VERSION,
    INDEX,
    TEMPORARY,
    format_text,
    read_format,
)
from lightfx.core.listing import Listed
from lightfx.core.manifest import Manifest
from lightfx.core.names import Digest
from lightfx.core.outcome import Cause
from lightfx.core.realization import Realization, Stored
from lightfx.core.refs import DRef, RRef
from lightfx.effects.store import Entry, Forbidden, Ingested
from lightfx.shell.store.claims import Claims
from lightfx.shell.store.groups import Group, Groups, Place, spell_group
from lightfx.shell.store.index import Index, is_damage
from lightfx.shell.store.objects import Objects
from lightfx.shell.store.observing import Observer
from lightfx.shell.store.sync import sync_path, write_durably
from lightfx.shell.store.tree import remove_tree, salvage
from lightfx.shell.store.trouble import StoreTroubleError, guarded

T = TypeVar("T")

TICK: Final = 50_000_000


def open_directory(root: Path, *, create: bool = True) -> IOResult[DirectoryStore, EngineFailure]:
    """Open the store in the folder ``root``; make it where there is none and ``create`` allows."""
    return guarded(root, "open the store", lambda: _open(root.absolute(), create=create))


def _open(root: Path, *, create: bool) -> DirectoryStore:
    if root.exists() and not root.is_dir():
        raise StoreTroubleError(NotAStore(root, "it is a file, and a store is a folder"))
    try:
        text = (root / FORMAT).read_text(errors="replace")
    except FileNotFoundError:
        _make(root, create=create)
        text = format_text()
    version = read_format(text)
    if version.value_or(None) != FORMAT_VERSION:
        found = version.failure() if isinstance(version, Failure) else str(version.unwrap())
        raise StoreTroubleError(UnknownFormat(root, found, FORMAT_VERSION))
    return DirectoryStore(root)


def _make(root: Path, *, create: bool) -> None:
    strangers = sorted({each.name for each in root.iterdir()} - ENTRIES) if root.exists() else []
    if strangers:
        raise StoreTroubleError(NotAStore(root, f"it holds {strangers[0]!r}; give a new or an empty folder"))
    if not create:
        raise StoreTroubleError(NoStore(root))
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    aside = root / TEMPORARY / f"format-{uuid.uuid4().hex}"
    try:
        write_durably(root / FORMAT, [format_text().encode()], aside)
    except FileNotFoundError:
        # Someone made the store at the same time, and swept our half of it away.
        if not (root / FORMAT).exists():
            raise
    sync_path(root.parent)


@final
class DirectoryStore:
    """A store in a folder. Implements `lightfx.effects.store.Store`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._places = 0
        self._described: set[DRef] = set()
        self._coded: set[str] = set()
        self._seen = -1
        self._racy = self._own = False
        self._batches: set[str] = set()
        with ExitStack() as held:
            self._claims = Claims(root)
            held.callback(self._claims.close)
            self._private = root / TEMPORARY / self._claims.identity
            self._private.mkdir(mode=0o700)
            held.callback(remove_tree, self._private)
            self._index = Index(root / INDEX)
            held.callback(self._index.close)
            self._groups = Groups(root)
            self._objects = Objects(root)
            self._observer = Observer(self._index)
            self._mending(self._read_in)
            self._claims.sweep()
            self._held = held.pop_all()

    def _do(self, act: str, work: Callable[[], T]) -> IOResult[T, EngineFailure]:
        return guarded(self.root, act, lambda: self._mending(work))

    def _mending(self, work: Callable[[], T]) -> T:
        """Carry out ``work``, and where the index breaks under it make that anew and carry it out again."""
        try:
            return work()
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
        self._index.remake()
        self._read_in()
        return work()

    def _read_in(self) -> None:
        """Index what is not indexed yet."""
        self._seen, self._batches = -1, self._index.batches()
        self._catch_up()

    # What is stored.

    def listed(self, drefs: Sequence[DRef], reading: frozenset[DRef]) -> IOResult[Sequence[Listed], EngineFailure]:
        """List what is stored of these derivations."""

        def work() -> Sequence[Listed]:
            rows = self._whole(self._index.of_derivations(drefs))
            self._described.update(stored.rref.dref for stored, _ in rows)
            return self._with_records(
                rows, lambda stored: not stored.is_right or (bool(reading) and stored.rref.dref in reading)
            )

        return self._do("read the index", work)

    def alike(self, keys: Sequence[Digest]) -> IOResult[Sequence[Listed], EngineFailure]:
        """List what is stored under these keys, by whomever, with records."""

        def work() -> Sequence[Listed]:
            self._catch_up()
            return self._with_records(self._whole(self._index.of_keys(keys)), lambda _: True)

        return self._do("read the index", work)

    def realizations(self, rrefs: Sequence[RRef]) -> IOResult[Mapping[RRef, Realization], EngineFailure]:
        """Read records."""

        def work() -> Mapping[RRef, Realization]:
            rows = self._with_records(self._index.of_rrefs(rrefs), lambda _: True)
            return {row.stored.rref: row.realization for row in rows if row.realization is not None}

        return self._do("read records", work)

    def configs(self, drefs: Sequence[DRef]) -> IOResult[Mapping[DRef, Config], EngineFailure]:
        """Read the configs of derivations."""

        def work() -> Mapping[DRef, Config]:
            self._catch_up()
            return self._groups.configs(dict(self._index.derivations(drefs)))

        return self._do("read records", work)

    def codes(self, fingerprints: Sequence[str]) -> IOResult[Mapping[str, Parts], EngineFailure]:
        """Read what codes consist of."""

        def work() -> Mapping[str, Parts]:
            self._catch_up()
            return self._groups.codes(dict(self._index.codes(fingerprints)))

        return self._do("read records", work)

    def names(self, prefix: str, limit: int) -> IOResult[Sequence[str], EngineFailure]:
        """List references that begin with ``prefix``."""
        # References are ASCII; nothing else is asked for, since not all text is text to SQLite.
        return self._do("read the index", lambda: self._index.names(prefix, limit) if prefix.isascii() else ())

    def newest(self, name: str | None, limit: int) -> IOResult[Sequence[Listed], EngineFailure]:
        """List the realizations that were stored last."""

        def work() -> Sequence[Listed]:
            rows = self._index.newest(name, limit) if name is None or name.isascii() else ()
            return self._with_records(rows, lambda _: True)

        return self._do("read the index", work)

    def _whole(self, rows: Sequence[tuple[Stored, Place]]) -> list[tuple[Stored, Place]]:
        """Leave out what has lost its files: it is as if it were not stored, and is made again."""
        return [row for row in rows if row[0].tree is None or os.path.lexists(self._objects.path_of(row[0].tree))]

    def _with_records(self, rows: Sequence[tuple[Stored, Place]], wanted: Callable[[Stored], bool]) -> list[Listed]:
        read = self._groups.records({stored.rref: place for stored, place in rows if wanted(stored)})
        return [Listed(stored, read.get(stored.rref)) for stored, _ in rows]

    def _catch_up(self) -> None:
        """Index the groups that other processes stored, or that an index made anew has yet to read.

        Whoever stores a group indexes it; the list of the folder finds those of
        processes that died in between. It is as long as the store is old, so it
        is not read again for what we ourselves have added.
        """
        now = time.time_ns()
        changed = self._groups.folder.stat().st_mtime_ns
        if changed == self._seen and not (self._racy and (not self._own or now - changed > TICK)):
            return
        names = self._groups.names()
        if not self._batches <= names:
            self._index.forget()
            self._batches.clear()
            self._described.clear()
            self._coded.clear()
        fresh = sorted(names - self._batches)
        if fresh:
            # Whoever renamed them may not have synced their names yet, and we answer with what they hold.
            sync_path(self._groups.folder)
        for name in fresh:
            self._add(self._groups.read(name))
        # Names may have come after our look within one tick of the folder's clock: look again then.
        self._seen, self._racy, self._own = changed, now - changed <= TICK, False

    def _add(self, group: Group) -> None:
        self._index.add(group.name, group.derivations, group.realizations, group.codes)
        self._batches.add(group.name)

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
        self._places += 1
        return self._private / str(self._places)

    def discard(self, places: Sequence[Path]) -> IOResult[None, EngineFailure]:
        """Remove private folders."""
        return self._do("remove private folders", lambda: _each(remove_tree, places))

    def ingest(self, folders: Sequence[Path]) -> IOResult[Mapping[Path, Ingested], EngineFailure]:
        """Make folders into objects."""
        return self._do("store an output folder", lambda: self._objects.ingest(folders))

    def salvage(self, folder: Path) -> IOResult[None, EngineFailure]:
        """Remove what no object may hold."""
        return self._do("clear a half-done output folder", lambda: salvage(folder))

    def manifests(self, folders: Sequence[Path]) -> IOResult[Mapping[Path, Manifest | Forbidden], EngineFailure]:
        """List what is in folders."""
        return self._do("list a folder", lambda: self._objects.manifests(folders, self._private))

    def folder_of(self, tree: Digest) -> Path:
        """Name the folder of an object."""
        return self._objects.folder_of(tree)

    def commit(self, entries: Sequence[Entry]) -> IOResult[None, EngineFailure]:
        """Store realizations together."""
        return self._do("write records", lambda: self._commit(entries))

    def _commit(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        group = spell_group(entries, self._described, self._coded)
        before = self._groups.folder.stat().st_mtime_ns
        write_durably(self._groups.folder / group.name, [group.data], self._private / group.name)
        if before == self._seen:
            self._seen, self._racy, self._own = self._groups.folder.stat().st_mtime_ns, True, True
        self._described.update(dref for dref, _ in group.derivations)
        self._coded.update(fingerprint for fingerprint, _ in group.codes)
        self._mending(lambda: self._add(group))

    def close(self) -> IOResult[None, EngineFailure]:
        """Give back claims, the private folder and the index."""
        return guarded(self.root, "close the store", self._held.close)


def _each(act: Callable[[Path], None], paths: Iterable[Path]) -> None:
    for path in paths:
        act(path)
