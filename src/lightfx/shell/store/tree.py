"""Folders to content: walk, refuse, digest, make read-only, remove.

A folder is walked without following links, itself included. Regular files,
folders and symbolic links that stay inside are content; anything else is
`Forbidden`. What a stage wrote is ours: rights that we lack on it we take, and
a file with several hard links is unshared first, since making an object
read-only must not reach a file that somebody else holds.
"""

from __future__ import annotations

import os
import shutil
import stat
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeAlias

from blake3 import blake3

from lightfx.core.manifest import Entry, Kind, stays_inside
from lightfx.effects.store import Forbidden

_SMALL: Final = 1 << 20
_PIECE: Final = 4 << 20
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


def digest_now(path: str, status: os.stat_result) -> str:
    """Digest a file by reading it."""
    return digest_file(path, status.st_size)


def entries_of(root: Path, digest: Digester = digest_now, *, ours: bool = True) -> list[Entry]:
    """List the content of the folder ``root``; raises `ForbiddenError`.

    Where the folder is ``ours``, rights that we lack are taken, and files with
    several hard links are unshared.
    """
    if ours and not stat.S_ISDIR(root.lstat().st_mode):
        raise ForbiddenError(".", "is no folder any more")
    entries = [_entry(each, path, digest, ours=ours) for path, each in _walk(root, ours=ours)]
    for link in _escaping(root, entries):
        raise ForbiddenError(link.path, _escapes(link.data))
    return entries


def _walk(root: Path, *, ours: bool) -> Iterator[tuple[str, os.DirEntry[str]]]:
    pending = [("", str(root))]
    while pending:
        prefix, folder = pending.pop()
        if ours:
            _allow(folder, 0o700)
        # Listed before anything is handed out: who walks may put files into the folder.
        with os.scandir(folder) as scan:
            found = list(scan)
        for each in found:
            path = prefix + each.name
            yield path, each
            if each.is_dir(follow_symlinks=False):
                pending.append((path + "/", each.path))


def _allow(path: str, rights: int) -> None:
    """Take rights on what is ours."""
    mode = stat.S_IMODE(os.lstat(path).st_mode)
    if mode & rights != rights:
        os.chmod(path, mode | rights)  # noqa: PTH101 -- a str from scandir


def _entry(found: os.DirEntry[str], path: str, digest: Digester, *, ours: bool) -> Entry:
    if found.is_symlink():
        target = os.readlink(found.path)  # noqa: PTH115 -- a DirEntry, not a Path
        if not stays_inside(path, target):
            raise ForbiddenError(path, _escapes(target))
        return Entry(path, Kind.LINK, target)
    if found.is_dir(follow_symlinks=False):
        return Entry(path, Kind.FOLDER)
    status = found.stat(follow_symlinks=False)
    refuse_special(path, status.st_mode)
    if ours:
        _own(found.path, status)
    return file_entry(path, status, digest(found.path, status))


def _own(path: str, status: os.stat_result) -> None:
    if not status.st_mode & stat.S_IRUSR:
        _allow(path, stat.S_IRUSR)
    if status.st_nlink > 1:
        _unshare(path)


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


def digest_file(path: str, size: int) -> str:
    """Digest the bytes of a file.

    It is read, not mapped: a mapped file that somebody truncates meanwhile
    takes the process down (SIGBUS).
    """
    large = size > _SMALL
    hasher = blake3(max_threads=blake3.AUTO if large else 1)
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if large:
            buffer = memoryview(bytearray(_PIECE))
            while count := os.readv(descriptor, [buffer]):
                hasher.update(buffer[:count])
        else:
            while piece := os.read(descriptor, _SMALL):
                hasher.update(piece)
    finally:
        os.close(descriptor)
    return "blake3:" + hasher.hexdigest()


def _unshare(path: str) -> None:
    copy = f"{os.path.dirname(path)}/{uuid.uuid4().hex}"  # noqa: PTH120 -- a str from scandir
    try:
        shutil.copy2(path, copy, follow_symlinks=False)
        os.replace(copy, path)  # noqa: PTH105 -- a str from scandir
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(copy)  # noqa: PTH108 -- a str
        raise


def make_read_only(root: Path, entries: list[Entry]) -> None:
    """Take the right to write from all that is in ``root``; ``root`` itself stays writable, to be moved."""
    base = str(root)
    for entry in reversed(entries):
        if entry.kind is not Kind.LINK:
            runnable = entry.executable or entry.kind is Kind.FOLDER
            os.chmod(f"{base}/{entry.path}", 0o555 if runnable else 0o444)  # noqa: PTH101 -- hot


def size_of(root: str) -> int:
    """Count the bytes of all regular files in a folder; what goes meanwhile does not count."""
    total, pending = 0, [root]
    while pending:
        with suppress(FileNotFoundError), os.scandir(pending.pop()) as found:
            for each in found:
                if each.is_dir(follow_symlinks=False):
                    pending.append(each.path)
                elif each.is_file(follow_symlinks=False):
                    total += each.stat(follow_symlinks=False).st_size
    return total


def salvage(root: Path) -> None:
    """Remove from ``root`` what no object may hold; where it is no folder at all any more, make it an empty one."""
    if not stat.S_ISDIR(root.lstat().st_mode):
        root.unlink()
        root.mkdir()
    kept: list[Entry] = []
    for path, found in list(_walk(root, ours=True)):
        try:
            kept.append(_entry(found, path, lambda _path, _status: "", ours=False))
        except ForbiddenError:
            Path(found.path).unlink(missing_ok=True)
    for link in list(_escaping(root, kept)):
        (root / link.path).unlink()


def remove_tree(root: Path) -> None:
    """Remove a folder whose parts may be read-only, or a file; what is gone meanwhile is gone."""
    if clear_tree(root):
        with suppress(FileNotFoundError):
            root.rmdir()


def clear_tree(root: Path) -> bool:
    """Remove all that is in a folder, and tell whether it is one; of anything else nothing is left.

    Goes down by a list, not by calls: stages make folders deeper than Python's stack.
    """
    folders: list[str] = []
    pending = [str(root)]
    while pending:
        path = pending.pop()
        with suppress(FileNotFoundError):
            if not stat.S_ISDIR(os.lstat(path).st_mode):
                os.unlink(path)  # noqa: PTH108 -- hot
                continue
            _allow(path, 0o700)
            folders.append(path)
            with os.scandir(path) as found:
                pending += [each.path for each in found if not _dropped(each)]
    for path in reversed(folders[1:]):
        with suppress(FileNotFoundError):
            os.rmdir(path)  # noqa: PTH106 -- hot
    return bool(folders)


def _dropped(found: os.DirEntry[str]) -> bool:
    """Remove what is no folder, and say whether that was so."""
    if found.is_dir(follow_symlinks=False):
        return False
    with suppress(FileNotFoundError):
        os.unlink(found.path)  # noqa: PTH108 -- hot
    return True
