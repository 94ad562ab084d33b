"""Wrong disks: each leaves out, or does in another order, one thing that a store relies on.

A test of durability must catch every one of them, or it shows nothing
(``tests/reliability``). They behave well as long as nothing crashes.

>>> sorted(MUTANTS)
['direct_write', 'no_folder_sync', 'no_sync', 'record_first', 'sync_retried']
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from typing import Final, final

from lightfx.core.layout import RECORDS, ROOTS
from lightfx.shell.disk import REAL, Disk, Name
from lightfx.testing.faults import Over


@final
class NoSync(Over):
    """Syncs nothing."""

    def fsync(self, file: int) -> None:
        """Say that it is done."""

    def syncfs(self, file: int) -> bool:
        """Say that it is done."""
        return True


@final
class NoFolderSync(Over):
    """Syncs files, and no names."""

    def fsync(self, file: int) -> None:
        """Sync what is no folder."""
        if not stat.S_ISDIR(os.fstat(file).st_mode):
            self.under.fsync(file)


@final
class SyncRetried(Over):
    """Tries a sync that failed once more, on the same file: the kernel may then say that all is well."""

    def fsync(self, file: int) -> None:
        """Sync, and sync again."""
        try:
            self.under.fsync(file)
        except OSError:
            self.under.fsync(file)

    def syncfs(self, file: int) -> bool:
        """Sync, and sync again."""
        try:
            return self.under.syncfs(file)
        except OSError:
            return self.under.syncfs(file)


@final
class DirectWrite(Over):
    """Writes records and roots where they belong, piece by piece, and not aside."""

    def rename(self, old: Name, new: Name, folder: int | None = None) -> None:
        """Write a file anew in the place of a rename."""
        if os.path.basename(os.path.dirname(os.fspath(new))) not in (str(RECORDS), str(ROOTS)):  # noqa: PTH119, PTH120
            self.under.rename(old, new, folder)
            return
        data = self.under.read_whole(old)
        file = self.under.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o444)
        try:
            half = len(data) // 2
            self.under.write_all(file, data[:half])
            self.under.write_all(file, data[half:])
            self.under.fsync(file)
        finally:
            self.under.close(file)
        self.under.unlink(old)


@final
class RecordFirst(Over):
    """Makes objects durable only when the records that name them are."""

    def fsync(self, file: int) -> None:
        """Sync what is of records, and all else after the folder of records."""
        path = os.readlink(f"/proc/self/fd/{file}")  # noqa: PTH115 -- a str is asked for
        if path.endswith((".jsonl", f"/{RECORDS}")):
            self.under.fsync(file)
        if path.endswith(f"/{RECORDS}"):
            self.under.syncfs(file)

    def syncfs(self, file: int) -> bool:
        """Sync later."""
        return True


MUTANTS: Final[Mapping[str, Callable[[Disk], Disk]]] = {
    "no_sync": NoSync,
    "no_folder_sync": NoFolderSync,
    "record_first": RecordFirst,
    "sync_retried": SyncRetried,
    "direct_write": DirectWrite,
}


def mutant(name: str, under: Disk = REAL) -> Disk:
    """Give a wrong disk by its name, over another disk; "" is the disk itself.

    >>> mutant("") is REAL, type(mutant("no_sync")).__name__
    (True, 'NoSync')
    """
    return MUTANTS[name](under) if name else under
