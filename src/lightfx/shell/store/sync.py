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

FEW: Final = 4


def sync_path(path: Path | str) -> None:
    """Make one file, or the names in one folder, durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_all(paths: Sequence[str], home: Path) -> None:
    """Make files and folders durable, which all lie on the file system of ``home``."""
    if len(paths) <= FEW or not _syncfs(home):
        for path in paths:
            sync_path(path)


def _syncfs(home: Path) -> bool:
    import ctypes  # noqa: PLC0415 -- few runs store many files at once, and most of those that reuse store none

    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "syncfs"):
        return False
    descriptor = os.open(home, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.syncfs(descriptor) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(home))
    finally:
        os.close(descriptor)
    return True


def write_durably(path: Path, pieces: Iterable[bytes], temporary: Path) -> None:
    """Write a file wholly or not at all: aside, synced, renamed, and its folder synced."""
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
    try:
        for piece in pieces:
            view = memoryview(piece)
            while view:
                view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    sync_path(path.parent)
