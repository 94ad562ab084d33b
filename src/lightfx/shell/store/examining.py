"""Examining a store from outside, for people: nothing is changed, and it is not opened.

To open a store is to clear it of what the dead left. So who wants to see that
looks without opening: at the files of owners and whether they are locked, at
folders that nobody owns, at roots, runs, and the index. Times of files are
compared with the clock of this machine, which is good enough to tell people.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import stat
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Final, final

from attrs import frozen

from lightfx.core.damage import DamagedGroup
from lightfx.core.failures import DamagedRecord
from lightfx.core.health import (
    Disk as Place,
)
from lightfx.core.health import (
    Health,
    Leftover,
    NoRight,
    OddIndex,
    Oddity,
    OddRoot,
    Owner,
    StoredTwice,
    UnendedRun,
    Unnamed,
)
from lightfx.core.inventory import Item
from lightfx.core.layout import CLAIMS, FOLDERS, FORMAT_VERSION, INDEX, ROOTS, RUNS, TEMPORARY
from lightfx.core.names import Digest
from lightfx.core.realization import Realization
from lightfx.core.refs import RRef
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.store.database import VERSION
from lightfx.shell.store.founding import found
from lightfx.shell.store.groups import Groups
from lightfx.shell.store.mounts import file_system_of, is_local, is_network
from lightfx.shell.store.objects import Objects
from lightfx.shell.store.owners import LEASE, describe_owner, read_owner, read_since, this_host, try_lock
from lightfx.shell.store.rooting import Roots
from lightfx.shell.store.tree import size_of
from lightfx.shell.store.trouble import StoreTroubleError

_OWNER: Final = "owner-"
_ENDED: Final = b'"event":"run_ended"'


def examine_store(root: Path, disk: Disk = REAL) -> Health:
    """Say how the store at ``root`` is; raises `StoreTroubleError` where there is none of this format."""
    home = root.absolute()
    found(home, create=False, disk=disk)
    seen = _Examiner(home, disk)
    owners = tuple(seen.owners())
    return Health(home, FORMAT_VERSION, FORMAT_VERSION, _place(home, disk), owners, tuple(seen.oddities(owners)))


@final
@frozen
class _Examiner:
    root: Path
    disk: Disk

    def owners(self) -> Iterator[Owner]:
        names = self.disk.listdir(self.root / CLAIMS)
        held = Counter(self._inode(name) for name in names if not name.startswith(_OWNER))
        for name in sorted(names):
            if name.startswith(_OWNER):
                with suppress(FileNotFoundError):  # it is just leaving
                    yield self._owner(name, held)

    def _inode(self, name: str) -> int:
        with suppress(OSError):
            return self.disk.stat(self.root / CLAIMS / name).st_ino
        return -1

    def _owner(self, name: str, held: Counter[int]) -> Owner:
        path, identity = self.root / CLAIMS / name, name.removeprefix(_OWNER)
        status, data = self.disk.stat(path), self.disk.read_whole(path)
        private = self.root / TEMPORARY / identity
        return Owner(
            identity,
            describe_owner(data, status.st_uid),
            self._lives(path, data, status),
            read_since(data),
            held[status.st_ino],
            size_of(str(private), self.disk),
        )

    def _lives(self, path: Path, data: bytes, status: os.stat_result) -> bool:
        file = self.disk.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            locked = try_lock(file, self.disk)
        finally:
            self.disk.close(file)
        if locked is False:
            return True
        host = read_owner(data)
        if locked and (is_local(self.root) or (host is not None and host.is_surely(this_host()))):
            return False
        return abs(time.time() - status.st_mtime) <= LEASE.lease

    def oddities(self, owners: tuple[Owner, ...]) -> Iterator[Oddity]:
        for folder in (Path(), *FOLDERS):
            path = self.root / folder
            if self.disk.exists(path) and not self.disk.may_write(path):
                yield NoRight(path)
        yield from self._leftovers({each.identity for each in owners})
        yield from self._records()
        yield from self._roots()
        yield from self._index()
        yield from self._runs()

    def _leftovers(self, owned: set[str]) -> Iterator[Leftover]:
        for name in sorted(self.disk.listdir(self.root / TEMPORARY)):
            if name not in owned:
                path = self.root / TEMPORARY / name
                size = size_of(str(path), self.disk) if self.disk.is_folder(path) else self.disk.lstat(path).st_size
                yield Leftover(path, "nobody owns it", size)
        owners = {self._inode(f"{_OWNER}{each}") for each in owned}
        for name in sorted(self.disk.listdir(self.root / CLAIMS)):
            kind = name.partition("-")[0]
            if kind in ("newborn", "buried"):
                yield Leftover(self.root / CLAIMS / name, "its maker was killed as he came, or took a claim over", 0)
            elif kind != "owner" and self._inode(name) not in owners:
                yield Leftover(self.root / CLAIMS / name, "a claim of nobody", 0)

    def _records(self) -> Iterator[Oddity]:
        groups, objects = Groups(self.root, self.disk), Objects(self.root, disk=self.disk)
        times, sizes, named = Counter[RRef](), dict[RRef, int](), set[Digest]()
        damaged = False
        for name in sorted(groups.names()):
            try:
                for line, about in groups.lines(name):
                    if isinstance(about, Realization):
                        times[about.rref] += 1
                        sizes[about.rref] = len(line)
                        named |= Item.of(about).trees
            except StoreTroubleError as error:
                why = error.failure.why if isinstance(error.failure, DamagedRecord) else "it cannot be read"
                damaged = True
                yield DamagedGroup(groups.folder / name, why.partition(";")[0], 0, 0)
        twice = {rref: count - 1 for rref, count in times.items() if count > 1}
        if twice:
            yield StoredTwice(len(twice), sum(sizes[rref] * count for rref, count in twice.items()))
        unnamed = [tree for tree in objects.every() if tree not in named]
        if unnamed and not damaged:  # who knows whose they are
            yield Unnamed(len(unnamed), sum(objects.sizes(unnamed).values()))

    def _roots(self) -> Iterator[OddRoot]:
        if not self.disk.exists(self.root / ROOTS):
            return
        roots = Roots(self.root, self.root / TEMPORARY, self.disk)
        for name in sorted(self.disk.listdir(self.root / ROOTS)):
            holds = roots.judge(self.root / ROOTS / name)
            if holds is None:
                yield OddRoot(self.root / ROOTS / name, "it cannot be read, so nothing is collected", over=False)
            elif not holds:
                yield OddRoot(self.root / ROOTS / name, "the link that it stands for is gone", over=True)

    def _index(self) -> Iterator[OddIndex]:
        path = self.root / INDEX
        if not self.disk.exists(path):
            return
        # SQLite makes companions of a file in WAL mode as it reads it, unless it is told that nobody writes.
        how = "mode=ro" if self.disk.exists(f"{path}-wal") else "immutable=1"
        try:
            with closing(sqlite3.connect(f"{path.as_uri()}?{how}", uri=True, timeout=5)) as database:
                (version,) = database.execute("PRAGMA user_version").fetchone()
                if version != VERSION:
                    yield OddIndex(path, f"it is of version {version}, and this lightfx writes {VERSION}")
                    return
                known = {name for (name,) in database.execute("SELECT name FROM batch")}
        except sqlite3.Error as error:
            yield OddIndex(path, f"SQLite says: {error}")
            return
        there = Groups(self.root, self.disk).names()
        if there != known:
            gone = len(known - there)
            yield OddIndex(path, f"it lacks {len(there - known):,} groups, and knows {gone:,} that are gone")

    def _runs(self) -> Iterator[UnendedRun]:
        if not self.disk.exists(self.root / RUNS):
            return
        for name in sorted(self.disk.listdir(self.root / RUNS)):
            path = self.root / RUNS / name
            with suppress(OSError):
                if stat.S_ISREG(self.disk.lstat(path).st_mode) and not self._ended(path):
                    yield UnendedRun(path)

    def _ended(self, path: Path) -> bool:
        file = self.disk.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            self.disk.lock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            size = self.disk.fstat(file).st_size
            return _ENDED in self.disk.pread(file, 4096, max(0, size - 4096)).replace(b" ", b"")
        except BlockingIOError:  # it goes on
            return True
        finally:
            self.disk.close(file)


def _place(root: Path, disk: Disk) -> Place:
    kind = file_system_of(root)
    status = disk.statvfs(root)
    files = status.f_favail if status.f_files else None
    return Place(
        kind,
        is_network(kind),
        status.f_bavail * status.f_frsize,
        status.f_blocks * status.f_frsize,
        files,
    )
