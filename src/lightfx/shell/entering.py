"""Into a folder by its name in the one above it, with the rights that we lack taken: never through a link.

What a stage left running may put a link, or anything else, in the place of what
is looked at, between any two calls. So a folder is opened as a folder and no
link, and its rights are set as it was opened. Where they do not even let us
open it, it is held without any right first (``O_PATH``), looked at, and set
right by ``/proc/self/fd``, which leads to what is held and nowhere else.

Without ``/proc`` that is refused, with `PermissionError`. Systems other than
Linux have no such way: there the rights are set by the name, and a link that is
put there in that moment leads to whose they are.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable
from typing import Final

from lightfx.shell.disk import Disk, Status

FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_RIGHTS: Final = 0o700


def enter(path: str, disk: Disk, above: int | None = None) -> tuple[int, Status]:
    """Open the folder at ``path``, by its name in the open folder ``above``; gives its descriptor and its status.

    Rights that we lack on it are taken. What is no folder any more is an
    OSError of ``ENOTDIR`` or ``ELOOP``.
    """
    try:
        folder = disk.open(path, FOLDER, 0, above)
    except PermissionError:
        set_rights(path, _RIGHTS, stat.S_ISDIR, disk, above)
        folder = disk.open(path, FOLDER, 0, above)
    try:
        status = disk.fstat(folder)
        mode = stat.S_IMODE(status.st_mode)
        if mode & _RIGHTS != _RIGHTS:
            disk.fchmod(folder, mode | _RIGHTS)
    except BaseException:
        disk.close(folder)
        raise
    return folder, status


def set_rights(path: str, rights: int, is_kind: Callable[[int], bool], disk: Disk, above: int | None = None) -> None:
    """Set the rights of what may not be opened, by its name in the open folder ``above``.

    What became of another kind, a link above all, is an OSError of ``ELOOP``,
    and stays as it is.
    """
    if sys.platform != "linux":
        disk.chmod(path, rights, above)
        return
    held = disk.open(path, os.O_PATH | os.O_NOFOLLOW, 0, above)
    try:
        if not is_kind(disk.fstat(held).st_mode):
            raise OSError(errno.ELOOP, "it became something else", path)
        try:
            disk.chmod(f"/proc/self/fd/{held}", rights)
        except FileNotFoundError as error:
            raise PermissionError(errno.EACCES, "its rights cannot be set without /proc", path) from error
        except OSError as error:
            error.filename = path
            raise
    finally:
        disk.close(held)
