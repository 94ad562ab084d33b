"""The dead: telling them from owners that live, and removing what they left.

A dead owner's claim is taken over under the dead owner's own lock, by a rename:
so one process at a time buries it, and only where the name still leads to the
dead. Where locks do not reach across hosts two may think so at once; the one
who finds that he renamed another's claim puts it back.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Final, final

from lightfx.core.layout import CLAIMS, OBJECTS, TEMPORARY
from lightfx.shell.disk import Disk
from lightfx.shell.store.mounts import is_local
from lightfx.shell.store.owners import Host, Watch, read_owner
from lightfx.shell.store.sync import sync_path
from lightfx.shell.store.tree import remove_tree

NEWBORN: Final = 60.0  # seconds
DROPPED: Final = "dropped-"


@final
class Undertaker:
    """Buries the dead of the store at ``root``, for one who is on ``host``.

    ``try_lock`` tries to lock a file; ``shared``: whether other hosts may have
    the store open; None: whether they may is asked of the system.
    """

    def __init__(
        self,
        root: Path,
        *,
        host: Host,
        watch: Watch,
        try_lock: Callable[[int], bool | None],
        shared: bool | None,
        disk: Disk,
    ) -> None:
        self._root = root
        self._host = host
        self._watch = watch
        self._try_lock = try_lock
        self._shared = shared
        self._disk = disk

    def lives(self, owner: Path) -> bool:
        """Tell whether the owner of a file lives."""
        with self._dead(owner) as dead:
            return dead is None and self._disk.exists(owner)

    def bury(self, path: Path, *, sweeping: bool = False) -> bool:
        """Remove a claim whose owner is dead; tell whether the key may be free now."""
        with self._dead(path, sweeping=sweeping) as dead:
            if dead is not None:
                with suppress(FileNotFoundError):
                    self._remove(path, self._disk.fstat(dead).st_ino)
            elif self._disk.is_link(path) and not self._disk.exists(path):
                self._disk.remove(path)
            return dead is not None or not self._disk.lexists(path)

    def _remove(self, path: Path, inode: int) -> None:
        """Remove a name of a dead owner's file, and no other's claim that came to that name since."""
        if self._disk.stat(path).st_ino != inode:
            return
        aside = self._root / CLAIMS / f"buried-{uuid.uuid4().hex}"
        self._disk.rename(path, aside)
        if self._disk.stat(aside).st_ino != inode:
            with suppress(FileExistsError):
                if self._disk.is_link(aside):
                    self._disk.symlink(self._disk.readlink(aside), path)
                else:
                    self._disk.link(aside, path)
        self._disk.unlink(aside)

    @contextmanager
    def _dead(self, path: Path, *, sweeping: bool = False) -> Iterator[int | None]:
        """Hold the lock of a file whose owner is dead; give None where it lives, or is gone."""
        try:
            descriptor = self._disk.open_to_lock(path)
        except FileNotFoundError:
            yield None
            return
        try:
            yield descriptor if self._is_dead(descriptor, sweeping=sweeping) else None
        finally:
            self._disk.close(descriptor)

    def _is_dead(self, descriptor: int, *, sweeping: bool) -> bool:
        locked = self._try_lock(descriptor)
        if locked is False:
            return False
        host = read_owner(self._disk.pread(descriptor, 4096, 0))
        if locked and ((host is not None and host.is_surely(self._host)) or not self._is_shared):
            return True
        status = self._disk.fstat(descriptor)
        return self._watch.age(status) > self._watch.lease.grace if sweeping else self._watch.is_over(status)

    @cached_property
    def _is_shared(self) -> bool:
        """Whether there may be owners whose locks we cannot see: on a disk of this machine alone there are none."""
        return not is_local(self._root) if self._shared is None else self._shared

    def sweep(self, ours: Path) -> None:
        """Remove what dead owners left: private folders, claims, and last their owner files; not ``ours``.

        A folder that does not go now, since something that the dead owner
        started still writes into it, is left to the next who sweeps. What lies
        there without an owner may be that of one who is just coming or going.
        """
        for name in self._disk.listdir(self._root / TEMPORARY):
            folder, owner = self._root / TEMPORARY / name, self._root / CLAIMS / f"owner-{name}"
            with self._dead(owner, sweeping=True) as dead, suppress(OSError):
                if owner != ours and (dead is not None or (not self._disk.exists(owner) and self._is_old(folder))):
                    self._clear(folder)
        for name in sorted(self._disk.listdir(self._root / CLAIMS), key=lambda name: name.startswith("owner-")):
            path, private = self._root / CLAIMS / name, self._root / TEMPORARY / name.removeprefix("owner-")
            if name.startswith("newborn-"):
                if self._is_old(path):
                    self._disk.remove(path)
            elif path != ours and not self._disk.exists(private):
                with suppress(IsADirectoryError):  # what makes snapshots, or shares folders, puts its own anywhere
                    self.bury(path, sweeping=True)

    def _clear(self, folder: Path) -> None:
        """Remove the folder of a dead owner; files that it was dropping go after their name has gone for good."""
        if self._disk.is_folder(folder) and any(name.startswith(DROPPED) for name in self._disk.listdir(folder)):
            sync_path(self._root / OBJECTS, self._disk)
        remove_tree(folder, self._disk)

    def _is_old(self, path: Path) -> bool:
        """Whether a file is too old to be between its making and the next step."""
        with suppress(FileNotFoundError):
            return self._watch.age(self._disk.lstat(path)) > NEWBORN
        return False
