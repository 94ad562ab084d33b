"""Making things durable: one sync of the file system for many files, one a file for a few.

A sync that failed is never retried on the same file: the kernel may have
dropped the dirty pages and report success the second time (the fsync trap that
PostgreSQL met in 2018). The error goes up, and the attempt is dropped.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from lightfx.shell.disk import REAL, Disk

FEW: Final = 4


def sync_path(path: Path | str, disk: Disk = REAL) -> None:
    """Make one file, or the names in one folder, durable."""
    descriptor = disk.open(path, os.O_RDONLY)
    try:
        disk.fsync(descriptor)
    finally:
        disk.close(descriptor)


def sync_all(paths: Sequence[str], home: Path, disk: Disk = REAL) -> None:
    """Make files and folders durable, which all lie on the file system of ``home``."""
    if len(paths) <= FEW or not _sync_file_system(home, disk):
        for path in paths:
            sync_path(path, disk)


def _sync_file_system(home: Path, disk: Disk) -> bool:
    descriptor = disk.open(home, os.O_RDONLY)
    try:
        return disk.syncfs(descriptor)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(home)) from None
    finally:
        disk.close(descriptor)


def write_durably(path: Path, pieces: Iterable[bytes], temporary: Path, disk: Disk = REAL) -> None:
    """Write a file wholly or not at all: aside, synced, renamed, and its folder synced."""
    descriptor = disk.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
    try:
        for piece in pieces:
            disk.write_all(descriptor, piece)
        disk.fsync(descriptor)
        disk.rename(temporary, path)
    except BaseException:
        disk.remove(temporary)
        raise
    finally:
        disk.close(descriptor)
    sync_path(path.parent, disk)
