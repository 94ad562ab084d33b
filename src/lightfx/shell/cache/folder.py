"""A folder as a cache: on this machine, or where several machines see it.

What is written goes aside first, is synced and renamed: a name is seen with all
its bytes, also after a power cut. Whoever may write there may write anything: a
name that is no plain file is as good as gone, so that no pipe keeps a reader
waiting, and no link leads him elsewhere.

Aside is ``v1/tmp``. Who is killed as he writes leaves a file there. Who writes
next removes those that are older than `OLD`, by the clock of the file server,
which sets the times of his own files too. Whoever writes holds a lock on his file until
it has its name, so what another is writing stays, however slow he is. Where
the file system knows no locks, age has to do; then who took longer is told that
his file is gone, and the next push brings it. Nothing is removed through a link:
whoever may write there could have made ``v1/tmp`` one that leads to files of ours.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Final, final

from attrs import field, frozen

from lightfx.core.layout import TEMPORARY
from lightfx.effects.cache import Good, Pieces
from lightfx.plan.sharing import VERSION
from lightfx.shell.cache.channel import BrokenError, ChannelCache, GoneError
from lightfx.shell.cache.sealing import PIECE
from lightfx.shell.disk import REAL, Disk

ASIDE: Final = f"{VERSION}/{TEMPORARY}"
OLD: Final = 24 * 3600.0
"""So many seconds after it was last written to, what lies aside and is nobody's is removed."""

_OURS: Final = re.compile(r"[0-9a-f]{32}")
_ABSENT: Final = (FileNotFoundError, NotADirectoryError)
_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_HELD: Final = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
_AGAIN: Final = (errno.EINTR, errno.ESTALE)


@final
@frozen
class FolderChannel:
    """Files in a folder. Implements `lightfx.shell.cache.channel.Channel`."""

    root: Path
    lists: bool = True
    writable: bool = True
    disk: Disk = field(default=REAL, eq=False, repr=False)
    swept: Lock = field(factory=Lock, init=False, eq=False, repr=False)

    @contextmanager
    def open(self, name: str) -> Iterator[Pieces]:
        """Read a file."""
        try:
            file = self.disk.open(self.root / name, _FLAGS)
        except _ABSENT:
            raise GoneError(name) from None
        except OSError as error:
            raise _broken(error) from error
        try:
            if not self._is_file(file):
                raise GoneError(name)
            yield _pieces(file, self.disk)
        finally:
            with suppress(OSError):  # what was read is compared with its digest, whatever is said in the end
                self.disk.close(file)

    def _is_file(self, file: int) -> bool:
        try:
            return stat.S_ISREG(self.disk.fstat(file).st_mode)
        except OSError as error:
            raise _broken(error) from error

    def write(self, good: Good) -> None:
        """Write a file aside, and move it to its place."""
        home = self.root / good.name
        aside = self.root / ASIDE / uuid.uuid4().hex
        try:
            self.disk.make_folders(home.parent)
            self.disk.make_folders(aside.parent)
            try:
                self._write(aside, home, good)
            finally:
                self.disk.remove(aside)
            _sync(home.parent, self.disk)
        except OSError as error:
            raise _broken(error) from error

    def _write(self, aside: Path, home: Path, good: Good) -> None:
        file = self.disk.open(aside, _NEW)
        try:
            with suppress(OSError):  # there are file systems without locks
                self.disk.lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if self.swept.acquire(blocking=False):  # never given back: once is enough
                self._sweep(self.disk.fstat(file).st_mtime)
            for piece in good.pieces():
                self.disk.write_all(file, piece)
            self.disk.fsync(file)
            self.disk.rename(aside, home)
        finally:
            self.disk.close(file)

    def _sweep(self, now: float) -> None:
        """Remove what those left aside who were killed. What cannot be removed is none of our business."""
        with suppress(OSError), self._aside() as folder, self.disk.scandir(self.root / ASIDE) as scan:
            for each in scan:
                with suppress(OSError):
                    if _OURS.fullmatch(each.name) and self._is_old(each.path, now):
                        self._remove_unless_held(each.path, folder)

    @contextmanager
    def _aside(self) -> Iterator[int]:
        """Open the folder aside, by way of no link."""
        version = self.disk.open(self.root / VERSION, _FOLDER)
        try:
            folder = self.disk.open(self.root / ASIDE, _FOLDER, 0, version)
        finally:
            self.disk.close(version)
        try:
            yield folder
        finally:
            self.disk.close(folder)

    def _is_old(self, path: str, now: float) -> bool:
        status = self.disk.lstat(path)
        return stat.S_ISREG(status.st_mode) and now - status.st_mtime > OLD

    def _remove_unless_held(self, path: str, folder: int) -> None:
        file = self.disk.open(path, _FLAGS, 0, folder)
        try:
            self._ask_for(file)
            self.disk.unlink(path, folder)
        finally:
            self.disk.close(file)

    def _ask_for(self, file: int) -> None:
        """Fail where somebody holds it."""
        try:
            self.disk.lock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _HELD:
                raise

    def has(self, name: str) -> bool:
        """Whether there is a file."""
        try:
            return stat.S_ISREG(self.disk.lstat(self.root / name).st_mode)
        except _ABSENT:
            return False
        except OSError as error:
            raise _broken(error) from error

    def names(self, folder: str) -> Mapping[str, int]:
        """List the files of a folder; of a cache that nobody wrote to yet, none."""
        try:
            return self._listed(folder)
        except OSError as error:
            raise _broken(error) from error

    def _listed(self, folder: str) -> Mapping[str, int]:
        found: dict[str, int] = {}
        try:
            with self.disk.scandir(self.root / folder) as scan:
                for each in scan:
                    if each.is_file(follow_symlinks=False):
                        with suppress(FileNotFoundError):
                            found[f"{folder}/{each.name}"] = each.stat(follow_symlinks=False).st_size
        except _ABSENT:
            if not self.disk.is_folder(self.root):
                nothing = "" if self.disk.lexists(self.root) else ": nothing is there"
                raise BrokenError(f"{self.root} is no folder{nothing}", again=False) from None
        return found

    def remove(self, name: str) -> None:
        """Remove a file."""
        try:
            self.disk.remove(self.root / name)
        except OSError as error:
            raise _broken(error) from error

    def close(self) -> None:
        """Nothing is held."""


def _pieces(file: int, disk: Disk) -> Pieces:
    try:
        while piece := disk.read(file, PIECE):
            yield piece
    except OSError as error:
        raise _broken(error) from error


def _sync(folder: Path, disk: Disk) -> None:
    descriptor = disk.open(folder, os.O_RDONLY)
    try:
        disk.fsync(descriptor)
    finally:
        disk.close(descriptor)


def _broken(error: OSError) -> BrokenError:
    return BrokenError(f"{error.filename}: {error.strerror}", again=error.errno in _AGAIN)


def folder_cache(root: Path, name: str = "", *, create: bool = False, disk: Disk = REAL) -> ChannelCache:
    """Share results over a folder; where it is not there it is made, if ``create`` allows, and is trouble if not."""
    if create:
        with suppress(OSError):  # said when something is brought there
            disk.make_folders(root)
    return ChannelCache(name or str(root), FolderChannel(root, disk=disk))
