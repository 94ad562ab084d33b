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

from attrs import frozen

from lightfx.effects.cache import Good, Pieces
from lightfx.shell.cache.channel import BrokenError, ChannelCache, GoneError
from lightfx.shell.cache.sealing import PIECE

_ABSENT: Final = (FileNotFoundError, NotADirectoryError)
_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


@final
@frozen
class FolderChannel:
    """Files in a folder. Implements `lightfx.shell.cache.channel.Channel`."""

    root: Path
    lists: bool = True
    writable: bool = True

    @contextmanager
    def open(self, name: str) -> Iterator[Pieces]:
        """Read a file."""
        try:
            file = os.open(self.root / name, _FLAGS)
        except _ABSENT:
            raise GoneError(name) from None
        except OSError as error:
            raise _broken(error) from error
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise GoneError(name)
            yield _pieces(file)
        finally:
            os.close(file)

    def write(self, good: Good) -> None:
        """Write a file aside, and move it to its place."""
        home = self.root / good.name
        aside = home.with_name(f".{uuid.uuid4().hex}")
        try:
            home.parent.mkdir(parents=True, exist_ok=True)
            try:
                with aside.open("xb") as file:
                    for piece in good.pieces():
                        file.write(piece)
                    file.flush()
                    os.fsync(file.fileno())
                aside.rename(home)
            finally:
                with suppress(FileNotFoundError):
                    aside.unlink()
            _sync(home.parent)
        except OSError as error:
            raise _broken(error) from error

    def has(self, name: str) -> bool:
        """Whether there is a file."""
        try:
            return stat.S_ISREG((self.root / name).lstat().st_mode)
        except _ABSENT:
            return False
        except OSError as error:
            raise _broken(error) from error

    def names(self, folder: str) -> Mapping[str, int]:
        """List the files of a folder; of a cache that nobody wrote to yet, none."""
        found: dict[str, int] = {}
        try:
            with os.scandir(self.root / folder) as scan:
                for each in scan:
                    if each.is_file(follow_symlinks=False) and not each.name.startswith("."):
                        with suppress(FileNotFoundError):
                            found[f"{folder}/{each.name}"] = each.stat(follow_symlinks=False).st_size
        except _ABSENT:
            if not self.root.is_dir():
                raise BrokenError(f"{self.root} is no folder", again=False) from None
        except OSError as error:
            raise _broken(error) from error
        return found

    def remove(self, name: str) -> None:
        """Remove a file."""
        try:
            (self.root / name).unlink(missing_ok=True)
        except OSError as error:
            raise _broken(error) from error

    def close(self) -> None:
        """Nothing is held."""


def _pieces(file: int) -> Pieces:
    try:
        while piece := os.read(file, PIECE):
            yield piece
    except OSError as error:
        raise _broken(error) from error


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _broken(error: OSError) -> BrokenError:
    return BrokenError(f"{error.filename}: {error.strerror}", again=error.errno in (errno.EINTR, errno.ESTALE))


def folder_cache(root: Path, name: str = "", *, create: bool = False) -> ChannelCache:
    """Share results over a folder; where it is not there it is made, if ``create`` allows, and is trouble if not."""
    if create:
        with suppress(OSError):  # said when something is brought there
            root.mkdir(parents=True, exist_ok=True)
    return ChannelCache(name or str(root), FolderChannel(root))
