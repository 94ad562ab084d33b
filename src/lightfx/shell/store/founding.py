"""Making a store where there is none, and refusing what is no store or one of another format.

The folders are made first, and synced with all that is above them and new; the
file ``format`` comes last, whole. To see it is to see a store whose folders
outlast a power cut, whoever made it, and whatever became of him. ``format``
itself may be lost then: where there are records, it is written again.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Final

from returns.result import Failure

from lightfx.core.failures import NoStore, NotAStore, UnknownFormat
from lightfx.core.layout import (
    CLAIMS,
    ENTRIES,
    FOLDERS,
    FORMAT,
    FORMAT_VERSION,
    OBJECTS,
    RECORDS,
    TEMPORARY,
    format_text,
    read_format,
)
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.store.sync import sync_path, write_durably
from lightfx.shell.store.trouble import StoreTroubleError

_NEEDED: Final = (RECORDS, OBJECTS, CLAIMS, TEMPORARY)
_WITHOUT: Final = (
    "its folder records/ is gone, and objects/ is not empty: put it back, or make an empty one if all may be forgotten"
)
_RIGHTS: Final = 0o775  # less the umask: whoever may write here may do anything to the store, and that is never anybody


def found(root: Path, *, create: bool, disk: Disk = REAL) -> None:
    """See to it that there is a store of this format at ``root``; raises `StoreTroubleError`."""
    if disk.exists(root) and not disk.is_folder(root):
        raise StoreTroubleError(NotAStore(root, "it is a file, and a store is a folder"))
    try:
        text = disk.read_whole(root / FORMAT).decode(errors="replace")
    except FileNotFoundError:
        _make(root, create=create, disk=disk)
        text = format_text()
    except NotADirectoryError:
        file = next(each for each in root.parents if disk.lexists(each))
        raise StoreTroubleError(NotAStore(root, f"{file} is a file")) from None
    version = read_format(text)
    if version.value_or(None) != FORMAT_VERSION:
        seen = version.failure() if isinstance(version, Failure) else str(version.unwrap())
        raise StoreTroubleError(UnknownFormat(root, seen, FORMAT_VERSION))


def furnish(root: Path, disk: Disk = REAL) -> None:
    """Make folders that a store lacks: object storage, git and zip keep none that are empty."""
    missing = [folder for folder in _NEEDED if not disk.lexists(root / folder)]
    if RECORDS in missing and OBJECTS not in missing and disk.listdir(root / OBJECTS):
        raise StoreTroubleError(NotAStore(root, _WITHOUT))
    for folder in missing:
        disk.make_folders(root / folder, _RIGHTS)
    if missing:
        sync_path(root, disk)


def _make(root: Path, *, create: bool, disk: Disk) -> None:
    if disk.is_link(root) and not disk.exists(root):
        raise StoreTroubleError(NotAStore(root, "it is a symbolic link that leads nowhere"))
    strangers = sorted(set(disk.listdir(root)) - ENTRIES) if disk.exists(root) else []
    if strangers:
        instead = "; give a new or an empty folder" if create else ""
        raise StoreTroubleError(NotAStore(root, f"it holds {strangers[0]!r}{instead}"))
    if not create and not _has_records(root, disk):
        raise StoreTroubleError(NoStore(root))
    there = next(each for each in (root, *root.parents) if disk.exists(each))
    disk.make_folders(root, _RIGHTS)
    for folder in FOLDERS:
        disk.make_folders(root / folder, _RIGHTS)
    for each in (root, *root.parents):
        sync_path(each, disk)
        if each in (there, there.parent) and each != root:
            break
    aside = root / TEMPORARY / f"format-{uuid.uuid4().hex}"
    try:
        write_durably(root / FORMAT, [format_text().encode()], aside, disk)
    except FileNotFoundError:
        # Someone made the store at the same time, and swept our half of it away.
        if not disk.exists(root / FORMAT):
            raise


def _has_records(root: Path, disk: Disk) -> bool:
    return disk.exists(root / RECORDS) and bool(disk.listdir(root / RECORDS))
