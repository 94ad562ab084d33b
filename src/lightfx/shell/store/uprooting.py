"""Removing what lies deeper than paths can say: by descriptors, one name at a time.

A path has 4,096 bytes at most, and a stage that goes down with its working folder
can make folders below any path. Nothing that is asked for by a path reaches them,
to be stored or to be removed. So no object holds such, and what was made is
removed from its end: down into one folder after the other, and up by ``..``.
"""

from __future__ import annotations

import os
from typing import Final

from lightfx.shell.disk import Disk

LONGEST: Final = 3800  # bytes of a whole path: one more name fits, and what is made is moved some forty bytes deeper
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_ALL: Final = 0o700


def too_deep(path: str) -> bool:
    """Tell whether what lies at a path lies too deep to be kept.

    >>> too_deep("/store/tmp/a"), too_deep("/a" * 2000)
    (False, True)
    """
    return len(path) * 4 > LONGEST and len(os.fsencode(path)) > LONGEST


def uproot(path: str, folder: int, disk: Disk) -> None:
    """Remove what is at ``path``, by its name in the open ``folder``, with all that is in it."""
    try:
        disk.unlink(path, folder)
    except (IsADirectoryError, PermissionError):
        file = _opened(path, folder, disk)
        try:
            clear(path, file, disk)
        finally:
            disk.close(file)
        disk.rmdir(path, folder)


def clear(path: str, folder: int, disk: Disk) -> None:
    """Remove all that is in the open ``folder`` at ``path``."""
    names: list[str] = []
    at = folder
    try:
        while True:
            here = "/".join((path, *names))
            inner = _without_files(here, at, disk)
            if inner:
                names.append(inner)
                at = _gone_on(at, _opened(f"{here}/{inner}", at, disk), folder, disk)
            elif names:
                at = _gone_on(at, disk.open(f"{here}/..", _FOLDER, 0, at), folder, disk)
                names.pop()
                disk.rmdir(here, at)
            else:
                return
    finally:
        if at != folder:
            disk.close(at)


def _without_files(path: str, at: int, disk: Disk) -> str:
    """Remove what is no folder from an open folder, and name one that is in it; "" where there is none."""
    with disk.scandir(at) as found:
        kinds = [(each.name, each.is_dir(follow_symlinks=False)) for each in found]
    for name, is_folder in kinds:
        if not is_folder:
            disk.unlink(f"{path}/{name}", at)
    return next((name for name, is_folder in kinds if is_folder), "")


def _opened(path: str, folder: int, disk: Disk) -> int:
    """Open a folder of ours, with all rights to it."""
    disk.chmod(path, _ALL, folder)
    return disk.open(path, _FOLDER, 0, folder)


def _gone_on(before: int, now: int, first: int, disk: Disk) -> int:
    if before != first:
        disk.close(before)
    return now
