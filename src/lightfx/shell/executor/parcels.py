"""Parcels: a folder as bytes, for machines that share no file system.

A parcel is a tar, with nothing in it of times, owners and the order of
directory entries: equal folders give equal bytes, so a parcel may be named by
its digest. Who unpacks it trusts no name in it: only a relative path that goes
down is made, in a new folder, and links are made last, so that nothing is ever
written through one. What no object may hold (a socket, a named pipe) is made
anew as such: the store judges what came as if it had been written here.
"""

from __future__ import annotations

import io
import os
import stat
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from blake3 import blake3

from lightfx.shell.disk import REAL, Disk
from lightfx.shell.emptying import Emptying

_SOCKET: Final = b"s"  # of our own: a tar has no word for it
_SPECIAL: Final = {tarfile.FIFOTYPE: stat.S_IFIFO, _SOCKET: stat.S_IFSOCK}
_FORMAT: Final = tarfile.GNU_FORMAT


class ParcelError(ValueError):
    """A parcel that is not what it should be."""


def digest_of_parcel(parcel: bytes) -> str:
    """Name a parcel by its content.

    >>> digest_of_parcel(b"") == digest_of_parcel(b" ")
    False
    """
    return blake3(parcel).hexdigest()


def pack_folder(root: Path, disk: Disk = REAL) -> bytes:
    """Make a parcel of a folder; of one that is not there, an empty one."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=_FORMAT, encoding="utf-8", errors="surrogateescape") as tar:
        for path, found in _walk(root, disk):
            entry = _entry(path, found, disk)
            if entry.isreg():
                _allow(found.path, stat.S_IRUSR, disk)
                with disk.file(found.path, os.O_RDONLY) as content:
                    tar.addfile(entry, content)
            else:
                tar.addfile(entry)
    return packed.getvalue()


def _walk(root: Path, disk: Disk) -> Iterator[tuple[str, os.DirEntry[str]]]:
    pending = [("", str(root))] if disk.is_folder(root) else []
    while pending:
        prefix, folder = pending.pop()
        _allow(folder, stat.S_IRUSR | stat.S_IXUSR, disk)
        with disk.scandir(folder) as scan:
            found = sorted(scan, key=lambda each: each.name)
        for each in found:
            yield prefix + each.name, each
            if each.is_dir(follow_symlinks=False):
                pending.append((f"{prefix}{each.name}/", each.path))


def _allow(path: str, rights: int, disk: Disk) -> None:
    """Take rights that a stage took from itself; what the store holds has those that are asked for."""
    mode = stat.S_IMODE(disk.lstat(path).st_mode)
    if mode & rights != rights:
        with suppress(PermissionError):  # it is not ours, and may be readable all the same
            disk.chmod(path, mode | rights)


def _entry(path: str, found: os.DirEntry[str], disk: Disk) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    status = found.stat(follow_symlinks=False)
    entry.mode = 0o755 if status.st_mode & stat.S_IXUSR else 0o644
    if found.is_symlink():
        entry.type, entry.linkname = tarfile.SYMTYPE, disk.readlink(found.path)
    elif found.is_dir(follow_symlinks=False):
        entry.type = tarfile.DIRTYPE
    elif found.is_file(follow_symlinks=False):
        entry.size = status.st_size
    else:
        entry.type = _SOCKET if stat.S_ISSOCK(status.st_mode) else tarfile.FIFOTYPE
    return entry


def unpack_folder(parcel: bytes, root: Path, *, read_only: bool = False, disk: Disk = REAL) -> None:
    """Make the new folder ``root`` of a parcel; raises `ParcelError` on one that would reach out of it."""
    disk.make_folders(root.parent)
    disk.mkdir(root)
    links: list[tuple[str, str]] = []
    folders = [str(root)]
    try:
        with tarfile.open(fileobj=io.BytesIO(parcel), encoding="utf-8", errors="surrogateescape") as tar:
            for entry in tar:
                path = f"{root}/{_safe(entry.name)}"
                if entry.issym():
                    links.append((entry.linkname, path))
                elif entry.isdir():
                    disk.mkdir(path)
                    folders.append(path)
                else:
                    _make(tar, entry, path, read_only=read_only, disk=disk)
    except tarfile.TarError as error:
        raise ParcelError(str(error)) from error
    for target, path in links:
        disk.symlink(target, path)
    for folder in reversed(folders) if read_only else ():
        disk.chmod(folder, 0o555)  # as objects are


def _safe(name: str) -> str:
    if name.startswith("/") or any(step in ("", ".", "..") for step in name.split("/")):
        raise ParcelError(f"it names {name!r}")
    return name


def _make(tar: tarfile.TarFile, entry: tarfile.TarInfo, path: str, *, read_only: bool, disk: Disk) -> None:
    if entry.type in _SPECIAL:
        disk.mknod(path, _SPECIAL[entry.type] | 0o600)
        return
    content = tar.extractfile(entry) if entry.isreg() else None
    if content is None:
        raise ParcelError(f"{entry.name!r} is of an unknown kind")
    mode = (0o555 if entry.mode & stat.S_IXUSR else 0o444) if read_only else entry.mode
    descriptor = disk.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        while piece := content.read(1 << 20):
            disk.write_all(descriptor, piece)
    finally:
        disk.close(descriptor)
    disk.chmod(path, mode & 0o777)


def remove_folder(root: Path, disk: Disk = REAL) -> None:
    """Remove a folder that is ours, and may hold what is read-only; what does not go, goes with the worker."""
    with suppress(OSError):
        Emptying(str(root), disk).run()
        disk.rmdir(root)
