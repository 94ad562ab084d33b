"""A folder as a cache: on this machine, or where several machines see it.

What is written goes aside first, is synced and renamed: a name is seen with all
its bytes, also after a power cut. Whoever may write there may write anything: a
name that is no plain file is as good as gone, so that no pipe keeps a reader
waiting, and no link leads him elsewhere.
"""

from __future__ import annotations

import errno
import os
import stat
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, final

from attrs import field, frozen

from lightfx.effects.cache import Good, Pieces
from lightfx.shell.cache.channel import BrokenError, ChannelCache, GoneError
from lightfx.shell.cache.sealing import PIECE
from lightfx.shell.disk import REAL, Disk

_ABSENT: Final = (FileNotFoundError, NotADirectoryError)
_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL


@final
@frozen
class FolderChannel:
    """Files in a folder. Implements `lightfx.shell.cache.channel.Channel`."""

    root: Path
    lists: bool = True
    writable: bool = True
    disk: Disk = field(default=REAL, eq=False, repr=False)

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
            if not stat.S_ISREG(self.disk.fstat(file).st_mode):
                raise GoneError(name)
            yield _pieces(file, self.disk)
        finally:
            self.disk.close(file)

    def write(self, good: Good) -> None:
        """Write a file aside, and move it to its place."""
        home = self.root / good.name
        aside = home.with_name(f".{uuid.uuid4().hex}")
        try:
            self.disk.make_folders(home.parent)
            try:
                self._write(aside, good)
                self.disk.rename(aside, home)
            finally:
                self.disk.remove(aside)
            _sync(home.parent, self.disk)
        except OSError as error:
            raise _broken(error) from error

    def _write(self, path: Path, good: Good) -> None:
        file = self.disk.open(path, _NEW)
        try:
            for piece in good.pieces():
                self.disk.write_all(file, piece)
            self.disk.fsync(file)
        finally:
            self.disk.close(file)

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
        found: dict[str, int] = {}
        try:
            with self.disk.scandir(self.root / folder) as scan:
                for each in scan:
                    if each.is_file(follow_symlinks=False) and not each.name.startswith("."):
                        with suppress(FileNotFoundError):
                            found[f"{folder}/{each.name}"] = each.stat(follow_symlinks=False).st_size
        except _ABSENT:
            if not self.disk.is_folder(self.root):
                raise BrokenError(f"{self.root} is no folder", again=False) from None
        except OSError as error:
            raise _broken(error) from error
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
    return BrokenError(f"{error.filename}: {error.strerror}", again=error.errno in (errno.EINTR, errno.ESTALE))


def folder_cache(root: Path, name: str = "", *, create: bool = False, disk: Disk = REAL) -> ChannelCache:
    """Share results over a folder; where it is not there it is made, if ``create`` allows, and is trouble if not."""
    if create:
        with suppress(OSError):  # said when something is brought there
            disk.make_folders(root)
    return ChannelCache(name or str(root), FolderChannel(root, disk=disk))
