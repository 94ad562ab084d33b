"""Folders to content: walk, refuse, digest, make read-only, remove.

A folder is walked without following links, itself included. Regular files, folders and symbolic links that
stay inside are content; anything else is `Forbidden`. What a stage wrote is ours: rights that we lack on it
we take, and a file with several hard links is unshared first, since making an object read-only must not reach
a file that somebody else holds. It may be changing all the same, under what a stage left behind: a file is
digested, and made read-only, as it was opened, never through a link that was put in its place, or of a folder
on the way to it (`descending`).
"""

from __future__ import annotations

import errno
import os
import stat
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias, final

from blake3 import blake3

from lightfx.core.manifest import Entry, Kind, stays_inside
from lightfx.effects.store import Forbidden
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.emptying import Emptying, uproot
from lightfx.shell.entering import set_rights
from lightfx.shell.store.descending import Descent

_SMALL: Final = 1 << 20
_PIECE: Final = 4 << 20
_LONGEST: Final = (
    3_800  # bytes of a whole path, of the 4,096 that Linux takes: a name fits, and forty bytes for where it is moved
)
_CHANGED: Final = (errno.ELOOP, errno.ENXIO, errno.ENOENT, errno.ENOTDIR)
_NO_LINK: Final = errno.EINVAL
_SPECIAL: Final = (
    (stat.S_ISSOCK, "is a socket"),
    (stat.S_ISFIFO, "is a named pipe"),
    (stat.S_ISBLK, "is a block device"),
    (stat.S_ISCHR, "is a character device"),
)


class ForbiddenError(Exception):
    """Something in a folder that no object may hold."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(path, why)
        self.forbidden: Forbidden = Forbidden(path, why)


Digester: TypeAlias = Callable[[str, os.stat_result], str]


def entries_of(
    root: Path,
    digest: Digester | None = None,
    *,
    ours: bool = True,
    disk: Disk = REAL,
    seen: dict[str, os.stat_result] | None = None,
) -> list[Entry]:
    """List the content of the folder ``root``; raises `ForbiddenError`.

    Where the folder is ``ours``, rights that we lack are taken, and files with
    several hard links are unshared. ``digest`` digests a file, by default by
    reading it; then ``seen`` gets what the system told of each as it was read.
    """
    if ours and not stat.S_ISDIR(disk.lstat(root).st_mode):
        raise ForbiddenError(".", "is no folder any more")

    entries = [_entry(each, digest, seen, ours=ours, disk=disk) for each in _walk(root, ours=ours, disk=disk)]
    for link in _escaping(root, entries):
        raise ForbiddenError(link.path, _escapes(link.data))
    return entries


@final
class _Found(NamedTuple):
    """What stands at ``path`` in the folder that is walked: ``whole`` with that folder, and in the open ``folder``."""

    path: str
    whole: str
    entry: os.DirEntry[str]
    folder: int


def _walk(root: Path, *, ours: bool, disk: Disk) -> Iterator[_Found]:
    """Find all; what is found can be looked at until the next is."""
    with Descent(root, disk, ours=ours, taking=ours) as descent:
        pending = [""]
        while pending:
            prefix = pending.pop()
            with _as_it_was(prefix[:-1], ours=ours):
                folder = descent.to(prefix)
            # Listed before anything is handed out: who walks may put files into the folder.
            with disk.scandir(folder) as scan:
                found = list(scan)
            for each in found:
                path = prefix + each.name
                yield _Found(path, descent.path_of(path), each, folder)
                if each.is_dir(follow_symlinks=False) and not (ours and too_deep(descent.path_of(path))):
                    pending.append(path + "/")


def _entry(
    found: _Found, digest: Digester | None, seen: dict[str, os.stat_result] | None, *, ours: bool, disk: Disk
) -> Entry:
    path, whole, entry, folder = found
    if ours and too_deep(whole):
        raise ForbiddenError(f"{path[:100]}…", "lies deeper than a path can say")
    if entry.is_symlink():
        with _as_it_was(path, _NO_LINK, ours=ours):
            target = disk.readlink(whole, folder)
        if not stays_inside(path, target):
            raise ForbiddenError(path, _escapes(target))
        return Entry(path, Kind.LINK, target)
    if entry.is_dir(follow_symlinks=False):
        return Entry(path, Kind.FOLDER)
    with _as_it_was(path, ours=ours):
        status = _status(found)
    refuse_special(path, status.st_mode)
    with _as_it_was(path, ours=ours):
        if ours:
            _own(found, status, disk)
        if digest is not None:
            return file_entry(path, status, digest(whole, status))
        text, status = _digested(whole, status.st_size, disk, folder)
    if seen is not None:
        seen[path] = status
    return file_entry(path, status, text)


def _status(found: _Found) -> os.stat_result:
    try:
        return found.entry.stat(follow_symlinks=False)
    except OSError as error:  # which names a file as its folder does
        error.filename = found.whole
        raise


@contextmanager
def _as_it_was(path: str, *more: int, ours: bool = True) -> Iterator[None]:
    """Refuse what is gone, or became something else, since it was listed; that is trouble where it is not ``ours``."""
    try:
        yield
    except OSError as error:
        if not ours or error.errno not in (*_CHANGED, *more):
            raise
        raise ForbiddenError(path, "was changed while it was stored") from error


def _own(found: _Found, status: os.stat_result, disk: Disk) -> None:
    if not status.st_mode & stat.S_IRUSR:
        rights = stat.S_IMODE(status.st_mode) | stat.S_IRUSR
        set_rights(found.whole, rights, stat.S_ISREG, disk, found.folder)
    if status.st_nlink > 1:
        _unshare(found.whole, found.folder, disk)


def _escaping(root: Path, entries: Iterable[Entry]) -> Iterator[Entry]:
    """Follow each link to its end: one that goes up from where another one leads may leave the folder."""
    doubtful = [entry for entry in entries if entry.kind is Kind.LINK and ".." in entry.data]
    top = os.path.realpath(root) if doubtful else ""
    for entry in doubtful:
        end = os.path.realpath(f"{top}/{entry.path}")
        if end != top and not end.startswith(f"{top}/"):
            yield entry


def _escapes(target: str) -> str:
    return f"is a symbolic link out of the folder, to {target}"


def file_entry(path: str, status: os.stat_result, digest: str) -> Entry:
    """Make the entry of a regular file."""
    return Entry(path, Kind.FILE, digest, status.st_size, bool(status.st_mode & stat.S_IXUSR))


def refuse_special(path: str, mode: int) -> None:
    """Raise `ForbiddenError` on whatever is neither file, folder nor link."""
    for is_kind, why in _SPECIAL:
        if is_kind(mode):
            raise ForbiddenError(path, why)


def digest_file(path: str, size: int, disk: Disk = REAL, folder: int | None = None) -> str:
    """Digest the bytes of a file, by its name in the open ``folder`` where that is given.

    It is read, not mapped: a mapped file that somebody truncates meanwhile
    takes the process down (SIGBUS).
    """
    return _digested(path, size, disk, folder)[0]


def _digested(path: str, size: int, disk: Disk, folder: int | None) -> tuple[str, os.stat_result]:
    """Digest a file, and give what the system tells of what was read."""
    large = size > _SMALL
    hasher = blake3(max_threads=blake3.AUTO if large else 1)
    descriptor = disk.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, 0, folder)  # it may be a pipe by now
    try:
        status = disk.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.ENXIO, os.strerror(errno.ENXIO), path)
        if large:
            buffer = memoryview(bytearray(_PIECE))
            while count := disk.read_into(descriptor, buffer):
                hasher.update(buffer[:count])
        else:
            while piece := disk.read(descriptor, _SMALL):
                hasher.update(piece)
    finally:
        disk.close(descriptor)
    return "blake3:" + hasher.hexdigest(), status


def _unshare(path: str, folder: int, disk: Disk) -> None:
    copy = f"{os.path.dirname(path)}/{uuid.uuid4().hex}"  # noqa: PTH120 -- a str, of the walk
    try:
        disk.copy(path, copy, folder)
        disk.rename(copy, path, folder)
    except BaseException:
        with suppress(FileNotFoundError):
            disk.unlink(copy, folder)
        raise


def make_read_only(root: Path, entries: list[Entry], disk: Disk = REAL) -> None:
    """Take the right to write from all that is in ``root``; ``root`` itself stays writable, to be moved."""
    with Descent(root, disk, ours=True) as descent:
        for entry in entries:
            if entry.kind is not Kind.LINK:
                is_folder = entry.kind is Kind.FOLDER
                mode = 0o555 if entry.executable or is_folder else 0o444
                with _as_it_was(entry.path):
                    folder = descent.to(entry.path[: entry.path.rfind("/") + 1])
                    _set_rights(descent.path_of(entry.path), folder, mode, disk, is_folder=is_folder)


def _set_rights(path: str, folder: int, mode: int, disk: Disk, *, is_folder: bool) -> None:
    kind = os.O_DIRECTORY if is_folder else os.O_NONBLOCK
    file = disk.open(path, os.O_RDONLY | os.O_NOFOLLOW | kind, 0, folder)
    try:
        disk.fchmod(file, mode)
    finally:
        disk.close(file)


def size_of(root: str, disk: Disk = REAL) -> int:
    """Count the bytes of all regular files in a folder; what goes meanwhile, or cannot be seen, does not count."""
    total, pending = 0, [root]
    while pending:
        with suppress(FileNotFoundError, NotADirectoryError, PermissionError), disk.scandir(pending.pop()) as found:
            for each in found:
                if each.is_dir(follow_symlinks=False):
                    pending += [] if too_deep(each.path) else [each.path]
                elif each.is_file(follow_symlinks=False):
                    total += each.stat(follow_symlinks=False).st_size
    return total


def salvage(root: Path, disk: Disk = REAL) -> None:
    """Remove from ``root`` what no object may hold.

    Where it is no folder at all any more, make it an empty one. What is changed meanwhile, by what a stage left
    running, may stay: who stores the folder looks for himself.
    """
    if not stat.S_ISDIR(disk.lstat(root).st_mode):
        disk.unlink(root)
        disk.mkdir(root)
    with suppress(ForbiddenError):
        _clear(root, disk)


def _clear(root: Path, disk: Disk) -> None:
    kept: list[Entry] = []
    for found in _walk(root, ours=True, disk=disk):
        try:
            with _as_it_was(found.path, _NO_LINK):
                if too_deep(found.whole):
                    uproot(found.whole, found.folder, disk)
                else:
                    kept.append(_entry(found, lambda _path, _status: "", None, ours=False, disk=disk))
        except ForbiddenError:
            with suppress(FileNotFoundError, IsADirectoryError):
                disk.unlink(found.whole, found.folder)
    with Descent(root, disk, ours=True) as descent:
        for link in list(_escaping(root, kept)):
            with _as_it_was(link.path, errno.EISDIR):
                disk.unlink(descent.path_of(link.path), descent.to(link.path[: link.path.rfind("/") + 1]))


def remove_tree(root: Path, disk: Disk = REAL) -> None:
    """Remove a folder whose parts may be read-only, or a file; what is gone meanwhile is gone."""
    if clear_tree(root, disk):
        with suppress(FileNotFoundError):
            disk.rmdir(root)


def clear_tree(root: Path, disk: Disk = REAL) -> bool:
    """Remove all that is in a folder, and tell whether it is one; of anything else nothing is left."""
    with suppress(FileNotFoundError):
        if stat.S_ISDIR(disk.lstat(root).st_mode):
            Emptying(str(root), disk).run()
            return True
        disk.unlink(root)
    return False


def too_deep(path: str) -> bool:
    """Tell whether what lies at a path lies too deep to be kept.

    >>> too_deep("/store/tmp/a"), too_deep("/a" * 2000)
    (False, True)
    """
    return len(path) * 4 > _LONGEST and len(os.fsencode(path)) > _LONGEST
