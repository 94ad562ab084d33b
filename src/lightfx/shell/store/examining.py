"""Examining a store from outside, for people: nothing is changed, and it is not opened.

To open a store is to clear it of what the dead left. So who wants to see that
looks without opening: at the files of owners and whether they are locked, at
folders that nobody owns, at roots, runs, and the index. Times of files are
compared with the clock of this machine, which is good enough to tell people.

Others come, work and leave meanwhile, and what they have in hand is no leftover:
a name is looked at again after it was found out that nobody has it, and while
somebody has the store open nothing is said of what is less than a minute old
and may be about to be named, nor of groups that an index is about to know.
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
from pathlib import Path, PurePosixPath
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
from lightfx.core.layout import ALONE, CLAIMS, FOLDERS, FORMAT_VERSION, INDEX, OBJECTS, RECORDS, ROOTS, RUNS, TEMPORARY
from lightfx.core.names import Digest
from lightfx.core.realization import Realization
from lightfx.core.refs import RRef
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.store.database import VERSION
from lightfx.shell.store.founding import found
from lightfx.shell.store.groups import SUFFIX, Groups
from lightfx.shell.store.mounts import file_system_of, is_local, is_network
from lightfx.shell.store.objects import Objects
from lightfx.shell.store.owners import LEASE, describe_owner, read_owner, read_since, this_host, try_lock
from lightfx.shell.store.rooting import Roots
from lightfx.shell.store.tree import size_of
from lightfx.shell.store.trouble import StoreTroubleError

_OWNER: Final = "owner-"
_MOMENT: Final = 0.05  # seconds
_ENDED: Final = b'"event":"run_ended"'


def examine_store(root: Path, disk: Disk = REAL) -> Health:
    """Say how the store at ``root`` is; raises `StoreTroubleError` where there is none of this format."""
    home = root.absolute()
    found(home, create=False, disk=disk)
    seen = _Examiner(home, disk)
    owners = tuple(seen.owners())
    return Health(home, FORMAT_VERSION, FORMAT_VERSION, _place(home, disk), owners, tuple(seen.oddities(owners)))


def builders(root: Path, disk: Disk = REAL) -> tuple[Owner, ...]:
    """Say who builds something in the store at ``root``; nobody where that cannot be seen."""
    with suppress(OSError):
        return tuple(
            each for each in _Examiner(root.absolute(), disk).owners(sized=False) if each.alive and each.claims
        )
    return ()


@final
@frozen
class _Examiner:
    root: Path
    disk: Disk

    def owners(self, *, sized: bool = True) -> Iterator[Owner]:
        """Tell of each owner; ``sized``: count the bytes in his private folder, too."""
        names = self._names(CLAIMS)
        held = Counter(self._inode(name) for name in names if name != ALONE and not name.startswith(_OWNER))
        for name in sorted(names):
            if name.startswith(_OWNER):
                with suppress(FileNotFoundError, IsADirectoryError):  # it is just leaving, or was never one
                    yield self._owner(name, held, sized=sized)

    def _names(self, folder: PurePosixPath) -> list[str]:
        """List a folder; one that is missing is made by whoever opens the store."""
        with suppress(FileNotFoundError):
            return sorted(self.disk.listdir(self.root / folder))
        return []

    def _inode(self, name: str) -> int:
        with suppress(OSError):
            return self.disk.stat(self.root / CLAIMS / name).st_ino
        return -1  # gone, or a link to who is

    def _owner(self, name: str, held: Counter[int], *, sized: bool) -> Owner:
        path, identity = self.root / CLAIMS / name, name.removeprefix(_OWNER)
        status, data = self.disk.stat(path), self.disk.read_whole(path)
        private = self.root / TEMPORARY / identity
        return Owner(
            identity,
            describe_owner(data, status.st_uid),
            self._lives(path, data, status),
            read_since(data),
            held[status.st_ino],
            size_of(str(private), self.disk) if sized else 0,
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
        busy = any(each.alive for each in owners)
        yield from self._folders()
        yield from self._claims()
        yield from self._records(busy=busy)
        yield from self._roots()
        yield from self._index(busy=busy)
        yield from self._runs()

    def _folders(self) -> Iterator[Leftover]:
        for name in self._names(TEMPORARY):
            path, owner = self.root / TEMPORARY / name, self.root / CLAIMS / f"{_OWNER}{name}"
            size = 0
            with suppress(FileNotFoundError):
                size = size_of(str(path), self.disk) if self.disk.is_folder(path) else self.disk.lstat(path).st_size
            # Who comes makes his file first, and who leaves removes it last.
            if self.disk.lexists(path) and not self.disk.lexists(owner) and self.disk.lexists(path):
                yield Leftover(path, "nobody owns it", size)

    def _claims(self) -> Iterator[Leftover]:
        names = self._names(CLAIMS)
        fleeting = [name for name in names if name.partition("-")[0] in ("newborn", "buried")]
        if fleeting:
            time.sleep(_MOMENT)  # their locks are not tried: who comes tries his just now, and once
        # Asked for after the claims: who leaves removes his file last.
        owners = {self._inode(name) for name in self._names(CLAIMS) if name.startswith(_OWNER)} - {-1}
        for name in names:
            path = self.root / CLAIMS / name
            if name.startswith(_OWNER) or (self._inode(name) in owners and name not in fleeting):
                continue
            what = "its maker was killed as he came, or took a claim over" if name in fleeting else "a claim of nobody"
            if self.disk.lexists(path):
                yield Leftover(path, what, 0)

    def _records(self, *, busy: bool) -> Iterator[Oddity]:
        groups, objects = Groups(self.root, self.disk), Objects(self.root, disk=self.disk)
        times, sizes, named = Counter[RRef](), dict[RRef, int](), set[Digest]()
        damaged = False
        # Listed first: what a group names was there before the group.
        there = objects.every() if self._names(OBJECTS) else []
        for name in (each for each in self._names(RECORDS) if each.endswith(SUFFIX)):
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
            except FileNotFoundError:  # it was collected as garbage
                pass
            except PermissionError as error:
                damaged = True
                yield DamagedGroup(groups.folder / name, f"it cannot be read: {error.strerror}", 0, 0)
        twice = {rref: count - 1 for rref, count in times.items() if count > 1}
        if twice:
            yield StoredTwice(len(twice), sum(sizes[rref] * count for rref, count in twice.items()))
        unnamed = [tree for tree in there if tree not in named and not (busy and self._is_young(tree))]
        if unnamed and not damaged:  # who knows whose they are
            yield Unnamed(len(unnamed), sum(objects.sizes(unnamed).values()))

    def _is_young(self, tree: Digest) -> bool:
        """Whether an object may be of a commit that goes on, or is gone."""
        with suppress(FileNotFoundError):
            return abs(time.time() - self.disk.lstat(self.root / OBJECTS / tree.hex).st_ctime) < LEASE.lease
        return True

    def _roots(self) -> Iterator[OddRoot]:
        roots = Roots(self.root, self.root / TEMPORARY, self.disk)
        for name in self._names(ROOTS):
            holds = roots.judge(self.root / ROOTS / name)
            if holds is None:
                yield OddRoot(self.root / ROOTS / name, "it cannot be read, so nothing is collected", over=False)
            elif not holds:
                yield OddRoot(self.root / ROOTS / name, "the link that it stands for is gone", over=True)

    def _index(self, *, busy: bool) -> Iterator[OddIndex]:
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
        there = {name for name in self._names(RECORDS) if name.endswith(SUFFIX)}
        if there != known and not busy:
            gone = len(known - there)
            yield OddIndex(path, f"it lacks {len(there - known):,} groups, and knows {gone:,} that are gone")

    def _runs(self) -> Iterator[UnendedRun]:
        for name in self._names(RUNS):
            path = self.root / RUNS / name
            with suppress(OSError):
                if stat.S_ISREG(self.disk.lstat(path).st_mode) and not self._ended(path):
                    yield UnendedRun(path)

    def _ended(self, path: Path) -> bool:
        file = self.disk.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            self.disk.lock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            size = self.disk.fstat(file).st_size
            # It is locked before there is anything in it: one that is empty is just being made.
            return not size or _ENDED in self.disk.pread(file, 4096, max(0, size - 4096)).replace(b" ", b"")
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
