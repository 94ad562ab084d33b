"""A store that can be read and not written to: on a read-only disk, of another user, on a full disk.

Who reads is no owner: he makes no file, holds no lock and no lease, so that
what he looks at may be collected as garbage meanwhile. His index is a copy in
memory of the one that is there, if nobody is at work in that, and else is made
anew from the records. Whatever would write is refused, before anything is
tried, with one failure that says so.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, final

from lightfx.core.failures import DiskFull, EngineFailure, NotPermitted
from lightfx.core.layout import CLAIMS
from lightfx.core.names import Digest
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.store.claims import Claims
from lightfx.shell.store.database import in_memory, prepared
from lightfx.shell.store.index import Index
from lightfx.shell.store.owners import describe_owner
from lightfx.shell.store.trouble import StoreTroubleError

_ACT: Final = "write to the store, which can be read"


def only_readable(root: Path, failure: EngineFailure) -> EngineFailure | None:
    """Say what a store in ``root`` answers to who wants to write, if this is why it could not be entered.

    >>> only_readable(Path("results"), NotPermitted("results/claims/newborn-1", "open the store"))
    NotPermitted(path='results', act='write to the store, which can be read')
    """
    match failure:
        case NotPermitted():
            return NotPermitted(str(root), _ACT)
        case DiskFull():
            return DiskFull(str(root), _ACT)
        case _:
            return None


@final
class Bystander(Claims):
    """One who has a store open, and leaves no trace of it."""

    def __init__(self, root: Path, answer: EngineFailure, disk: Disk = REAL) -> None:
        self._home = root
        self._answer = answer
        super().__init__(root, disk=disk)

    def _enter(self) -> None:
        """Make nothing."""

    def _wait_for_the_lonely(self) -> None:
        """Wait for nobody: whoever is alone on the store cannot see us."""

    def sweep(self) -> None:
        """Remove nothing."""

    def claim(self, keys: Iterable[Digest]) -> frozenset[Digest]:
        """Claim nothing: who wants to build wants to write."""
        if tuple(keys):
            raise StoreTroubleError(self._answer)
        return frozenset()

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Say that there may be others."""
        yield False

    def others(self) -> tuple[str, ...]:
        """Tell who has the store open, or had; whether he lives is not asked, since that takes a right to write."""
        found: list[str] = []
        for name in sorted(self._disk.listdir(self._home / CLAIMS)):
            if name.startswith("owner-"):
                path = self._home / CLAIMS / name
                with suppress(OSError):
                    found.append(describe_owner(self._disk.read_whole(path), self._disk.stat(path).st_uid))
        return tuple(found)


@final
class IndexInMemory(Index):
    """A copy of an index, or a new one, that is lost when it is closed."""

    def __init__(self, path: Path, disk: Disk = REAL) -> None:
        self.path: Path | None = path
        self._disk, self._inode = disk, 0
        self._database = _copied(path, disk) or prepared(in_memory())


def _copied(path: Path, disk: Disk) -> sqlite3.Connection | None:
    """Copy an index in which nobody is at work: whoever is has a log beside it."""
    log = path.with_name(f"{path.name}-wal")
    with suppress(OSError, sqlite3.DatabaseError):
        if not disk.exists(log):
            data = disk.read_whole(path)
            database = in_memory()
            database.deserialize(data[:18] + b"\x01\x01" + data[20:])  # as one that needs no log
            return None if disk.exists(log) else prepared(database)
    return None
