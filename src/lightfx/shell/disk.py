"""The one seam to the disk: all that the shell does to files goes through a `Disk`.

A disk is passed, like every capability, to what works on files: the store and
its parts, the journal of runs, archives, executors. So a test can hand in one
that writes down what is asked of it, refuses, breaks off, or leaves a sync out
(``lightfx.testing.faults``), and can show that what was answered was durable.

The methods of `Disk` are of two kinds. A *primitive* is one system call, or
the opening of a folder to list it; it adds nothing to the call but closing what
it opens on exec. The others are *made of primitives*, and touch nothing else.

Some take ``folder``, the descriptor of the folder that a path lies in: then the
last name of the path is looked for there, wherever the rest of it leads by now.
The whole path is for those who watch, and for errors.

What does not go through a disk, and why:

- ``index.sqlite`` and its companions: SQLite does that itself. The index is no
  truth; to look for it, lock its folder and delete it goes through a disk.
- What a stage does, below ``build.out`` and elsewhere: it is the user's code.
- What Python does to import a module, and what other programs do.
- Facts of the system that are no files on a disk: ``/proc``, ``/sys`` and
  ``/etc/machine-id``; sockets, pipes and terminals.
- ``os.path.realpath`` and the entries that `Disk.scandir` gives: they look at
  names and change nothing.
- What a worker process writes its log into: it is handed to it open.
"""

from __future__ import annotations

import errno
import fcntl
import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO, Final, TypeAlias, final

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

Name: TypeAlias = str | os.PathLike[str]
Status: TypeAlias = os.stat_result

_PIECE: Final = 1 << 20
_UNWRITABLE: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_NOTHING: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


class Disk:
    """The disk of this machine. Subclasses are for tests.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     REAL.write_whole(f"{folder}/a", b"text")
    ...     REAL.read_whole(f"{folder}/a"), REAL.exists(f"{folder}/b")
    (b'text', False)
    """

    # Primitives: open files.

    def open(self, path: Name, flags: int, mode: int = 0o666, folder: int | None = None) -> int:
        """Open a file or a folder, or make a file; gives its descriptor."""
        if folder is None:
            return os.open(path, flags | os.O_CLOEXEC, mode)
        try:  # not by `_told_as`, which takes as long as the call
            return os.open(_last(path), flags | os.O_CLOEXEC, mode, dir_fd=folder)
        except OSError as error:
            error.filename = os.fspath(path)
            raise

    def close(self, file: int) -> None:
        """Close what was opened."""
        os.close(file)

    def read(self, file: int, size: int) -> bytes:
        """Read what comes next."""
        return os.read(file, size)

    def read_into(self, file: int, buffer: WriteableBuffer) -> int:
        """Read what comes next into a buffer; gives how much that was."""
        return os.readv(file, [buffer])

    def pread(self, file: int, size: int, start: int) -> bytes:
        """Read a part."""
        return os.pread(file, size, start)

    def write(self, file: int, data: ReadableBuffer) -> int:
        """Write data, or the beginning of it; gives how much that was."""
        return os.write(file, data)

    def fstat(self, file: int) -> Status:
        """Tell the status of an open file."""
        return os.fstat(file)

    def fchmod(self, file: int, mode: int) -> None:
        """Set the rights of an open file."""
        os.fchmod(file, mode)

    def lock(self, file: int, how: int) -> None:
        """Lock a file (``flock``)."""
        fcntl.flock(file, how)

    # Primitives: making durable.

    def fsync(self, file: int) -> None:
        """Make a file durable, or the names in a folder."""
        os.fsync(file)

    def syncfs(self, file: int) -> bool:
        """Make all of a file system durable; False where the system has no call for that."""
        import ctypes  # noqa: PLC0415 -- few runs store many files at once, and most of those that reuse store none

        libc = ctypes.CDLL(None, use_errno=True)
        if not hasattr(libc, "syncfs"):
            return False
        if libc.syncfs(file) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return True

    # Primitives: names.

    def rename(self, old: Name, new: Name, folder: int | None = None) -> None:
        """Give something another name, in one ``folder`` where that is given; whatever file had that is gone."""
        if folder is None:
            os.rename(old, new)  # noqa: PTH104 -- a str, often
        else:
            with _told_as(old):
                os.rename(_last(old), _last(new), src_dir_fd=folder, dst_dir_fd=folder)

    def link(self, old: Name, new: Name) -> None:
        """Give a file one more name."""
        os.link(old, new)

    def symlink(self, target: Name, path: Name) -> None:
        """Make a symbolic link."""
        os.symlink(target, path)  # noqa: PTH211 -- the names may be no text

    def readlink(self, path: Name, folder: int | None = None) -> str:
        """Tell where a symbolic link leads."""
        if folder is None:
            return os.fspath(os.readlink(path))  # noqa: PTH115 -- a str, often
        with _told_as(path):
            return os.readlink(_last(path), dir_fd=folder)

    def unlink(self, path: Name, folder: int | None = None) -> None:
        """Remove the name of a file or a link."""
        if folder is None:
            os.unlink(path)  # noqa: PTH108 -- a str, often
        else:
            with _told_as(path):
                os.unlink(_last(path), dir_fd=folder)

    def mkdir(self, path: Name, mode: int = 0o777) -> None:
        """Make a folder."""
        os.mkdir(path, mode)  # noqa: PTH102 -- a str, often

    def rmdir(self, path: Name, folder: int | None = None) -> None:
        """Remove an empty folder."""
        if folder is None:
            os.rmdir(path)  # noqa: PTH106 -- a str, often
        else:
            with _told_as(path):
                os.rmdir(_last(path), dir_fd=folder)

    def mknod(self, path: Name, mode: int) -> None:
        """Make a socket or a named pipe."""
        os.mknod(path, mode)

    def chmod(self, path: Name, mode: int, folder: int | None = None) -> None:
        """Set rights."""
        if folder is None:
            os.chmod(path, mode)  # noqa: PTH101 -- a str, often
        else:
            with _told_as(path):
                os.chmod(_last(path), mode, dir_fd=folder)

    def utime(self, path: Name, times: tuple[int, int] | None = None, folder: int | None = None) -> None:
        """Set the times of the last access and modification, in nanoseconds; by default to now, by the file server."""
        if times is None:
            os.utime(path)
        elif folder is None:
            os.utime(path, ns=times)
        else:
            with _told_as(path):
                os.utime(_last(path), ns=times, dir_fd=folder)

    # Primitives: looking.

    def stat(self, path: Name) -> Status:
        """Tell the status of what a path leads to."""
        return os.stat(path)  # noqa: PTH116 -- a str, often

    def lstat(self, path: Name) -> Status:
        """Tell the status of what is at a path."""
        return os.lstat(path)

    def scandir(self, path: Name | int) -> AbstractContextManager[Iterator[os.DirEntry[str]]]:
        """List what is in a folder; the entries look for themselves when they are asked for more than their name.

        By the descriptor of the folder, the entries know their names alone, and look while it is open.
        """
        return os.scandir(path) if isinstance(path, int) else os.scandir(os.fspath(path))

    def listdir(self, path: Name) -> list[str]:
        """List the names in a folder."""
        return os.listdir(os.fspath(path))  # noqa: PTH208 -- names are enough

    def listxattr(self, path: Name) -> list[str]:
        """List the names of the extended attributes of what is at a path, where there is such a thing."""
        return os.listxattr(path, follow_symlinks=False) if sys.platform == "linux" else []

    def getxattr(self, path: Name, name: str) -> bytes:
        """Read an extended attribute."""
        return os.getxattr(path, name, follow_symlinks=False) if sys.platform == "linux" else b""

    def statvfs(self, path: Name) -> os.statvfs_result:
        """Tell what room there is on a file system."""
        return os.statvfs(path)

    def may_write(self, path: Name) -> bool:
        """Tell whether we have the right to write."""
        return os.access(path, os.W_OK)

    # Made of primitives.

    def free(self, path: Name) -> int:
        """Tell how many bytes may still be written on a file system."""
        found = self.statvfs(path)
        return found.f_bavail * found.f_frsize

    def lexists(self, path: Name) -> bool:
        """Tell whether anything is at a path, be it a link that leads nowhere."""
        try:
            self.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def exists(self, path: Name) -> bool:
        """Tell whether a path leads to anything."""
        try:
            self.stat(path)
        except OSError as error:
            if error.errno not in _NOTHING:
                raise
            return False
        return True

    def is_folder(self, path: Name) -> bool:
        """Tell whether a path leads to a folder."""
        try:
            return stat.S_ISDIR(self.stat(path).st_mode)
        except OSError as error:
            if error.errno not in _NOTHING:
                raise
            return False

    def is_link(self, path: Name) -> bool:
        """Tell whether a symbolic link is at a path."""
        try:
            return stat.S_ISLNK(self.lstat(path).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False

    def remove(self, path: Name) -> None:
        """Remove the name of a file, if it is there."""
        with suppress(FileNotFoundError):
            self.unlink(path)

    def make_folders(self, path: Name, mode: int = 0o777) -> None:
        """Make a folder, and those above it, where they are not there."""
        try:
            self._make_folder(path, mode)
        except FileNotFoundError:
            above = os.path.dirname(os.path.abspath(path))  # noqa: PTH100, PTH120 -- a str, often
            if above == os.path.abspath(path):  # noqa: PTH100 -- as above
                raise
            self.make_folders(above)
            self._make_folder(path, mode)  # once: where that is not found either, there is no more to make above it

    def _make_folder(self, path: Name, mode: int) -> None:
        try:
            self.mkdir(path, mode)
        except FileNotFoundError:
            raise
        except OSError:
            # Not only on FileExistsError: a read-only file system says that it is read-only.
            if not self.is_folder(path):
                raise

    def write_all(self, file: int, data: ReadableBuffer) -> None:
        """Write data, however little of it the system takes at a time."""
        view = memoryview(data).cast("B")
        while view:
            view = view[self.write(file, view) :]

    def file(self, path: Name, flags: int, mode: int = 0o666) -> BinaryIO:
        """Open a file as Python does, for those who take one; buffered."""
        writing = flags & (os.O_WRONLY | os.O_RDWR)
        raw = _Opened(self, self.open(path, flags, mode), writing=bool(writing))
        return io.BufferedWriter(raw, _PIECE) if writing else io.BufferedReader(raw, _PIECE)

    def open_to_lock(self, path: Name) -> int:
        """Open a file for its lock: to write where that can be, since some file systems lock no other (NFS)."""
        try:
            return self.open(path, os.O_RDWR)
        except OSError as error:
            if error.errno not in _UNWRITABLE:
                raise
            return self.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def read_whole(self, path: Name) -> bytes:
        """Read a file; what has no end, or would be waited for, is an OSError: a pipe, a device."""
        file = self.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            status = self.fstat(file)
            if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
                raise OSError(errno.ENXIO, "it is a pipe or a device, and no file", os.fspath(path))
            pieces = [piece := self.read(file, status.st_size + 1)]
            while piece:
                pieces.append(piece := self.read(file, _PIECE))
        except OSError as error:  # of a descriptor, which has no name
            error.filename = os.fspath(path)
            raise
        finally:
            self.close(file)
        return b"".join(pieces)

    def write_whole(self, path: Name, data: bytes) -> None:
        """Write a new file, in the place of what is there, and never through a link."""
        self.remove(path)
        file = self.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW)
        try:
            self.write_all(file, data)
        finally:
            self.close(file)

    def copy(self, source: Name, target: Name, folder: int | None = None) -> None:
        """Copy a regular file into a new one, with its rights and times; both in one ``folder`` where that is given."""
        old = self.open(source, os.O_RDONLY | os.O_NOFOLLOW, 0, folder)
        try:
            status = self.fstat(old)
            new = self.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, folder)
            try:
                while piece := self.read(old, _PIECE):
                    self.write_all(new, piece)
            finally:
                self.close(new)
        finally:
            self.close(old)
        self.chmod(target, stat.S_IMODE(status.st_mode), folder)
        self.utime(target, (status.st_atime_ns, status.st_mtime_ns), folder)

    def copy_tree(self, source: Name, target: Name) -> None:
        """Copy a folder into a new one: files and folders with their rights, links as links."""
        made: list[tuple[str, Status]] = []
        pending = [(os.fspath(source), os.fspath(target))]
        while pending:
            old, new = pending.pop()
            made.append((new, self.stat(old)))
            self.mkdir(new, 0o700)
            with self.scandir(old) as found:
                for each in found:
                    if each.is_symlink():
                        self.symlink(self.readlink(each.path), f"{new}/{each.name}")
                    elif each.is_dir(follow_symlinks=False):
                        pending.append((each.path, f"{new}/{each.name}"))
                    else:
                        self.copy(each.path, f"{new}/{each.name}")
        for path, status in reversed(made):
            self.chmod(path, stat.S_IMODE(status.st_mode))


def _last(path: Name) -> str:
    return os.fspath(path).rpartition("/")[2]


@contextmanager
def _told_as(path: Name) -> Iterator[None]:
    """Tell of the whole path where its last name is in trouble."""
    try:
        yield
    except OSError as error:
        error.filename = os.fspath(path)
        raise


REAL: Final = Disk()
"""The disk of this machine: what those take who are given none. It holds nothing."""


@final
class _Opened(io.RawIOBase):
    """An open file for Python's buffers."""

    def __init__(self, disk: Disk, file: int, *, writing: bool) -> None:
        self._disk, self._file, self._writing = disk, file, writing

    def readable(self) -> bool:
        return not self._writing

    def writable(self) -> bool:
        return self._writing

    def fileno(self) -> int:
        return self._file

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        return self._disk.read_into(self._file, buffer)

    def write(self, data: ReadableBuffer, /) -> int:
        return self._disk.write(self._file, data)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._disk.close(self._file)
