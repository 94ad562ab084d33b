"""Disks that do less than they are told to: what the tests of this folder must catch, so that they have teeth."""

from __future__ import annotations

import os
import stat
from typing import Final

from attrs import Factory, define

from lightfx.shell.disk import REAL, Disk, Name


class NoSync(Disk):
    """Nothing is ever synced."""

    def fsync(self, file: int) -> None: ...

    def syncfs(self, file: int) -> bool:
        return True


class NoFolderSync(Disk):
    """Files are synced, names are not."""

    def fsync(self, file: int) -> None:
        if not stat.S_ISDIR(self.fstat(file).st_mode):
            super().fsync(file)


class Direct(Disk):
    """A group of records is not written aside and renamed, but where it will be read."""

    def open(self, path: Name, flags: int, mode: int = 0o666) -> int:
        folder, name = os.path.split(os.fspath(path))
        if flags & os.O_CREAT and name.endswith(".jsonl") and os.path.basename(os.path.dirname(folder)) == "tmp":
            path = f"{folder}/../../records/{name}"
        return super().open(path, flags, mode)

    def rename(self, old: Name, new: Name) -> None:
        if not os.fspath(old).endswith(".jsonl"):
            super().rename(old, new)


@define(eq=False)
class RecordFirst(Disk):
    """Objects come to their names when the records that name them are stored already."""

    waiting: dict[str, str] = Factory(dict)

    def rename(self, old: Name, new: Name) -> None:
        store, kind = os.path.split(os.path.dirname(new))
        if kind == "objects":
            aside = f"{store}/tmp/late-{os.path.basename(new)}"
            super().rename(old, aside)
            self.waiting[os.fspath(new)] = aside
            return
        super().rename(old, new)
        if kind == "records":
            for home, aside in self.waiting.items():
                super().rename(aside, home)
            self.waiting.clear()

    def chmod(self, path: Name, mode: int) -> None:
        super().chmod(self.waiting.get(os.fspath(path), path), mode)


MUTANTS: Final[dict[str, type[Disk]]] = {
    "none": Disk,
    "no-sync": NoSync,
    "no-folder-sync": NoFolderSync,
    "direct": Direct,
    "record-first": RecordFirst,
}


def disk_of(name: str) -> Disk:
    """The disk of that name; ``none`` is the real one."""
    return REAL if name == "none" else MUTANTS[name]()
