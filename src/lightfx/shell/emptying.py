"""Emptying a folder, whatever goes on in it meanwhile: by descriptors, and never through a link.

What a stage left running may put a link in the place of a folder that is being
removed. By a path, all would be removed that the link leads to. So each folder
is opened from the one above it (`entering`), as where it is stored, and what is in it is
removed by its name there. The way back up is ``..``, which is believed only
where it is the folder that one came from: a folder that somebody moved
elsewhere ends the work, with what is in it gone.

Goes down by a list, not by calls: stages make folders deeper than Python's
stack. One folder is open at a time.
"""

from __future__ import annotations

import errno
from contextlib import suppress
from typing import Final, final

from attrs import define

from lightfx.shell.disk import Disk, Status
from lightfx.shell.entering import FOLDER, enter

_OTHERWISE: Final = (errno.ENOTDIR, errno.ELOOP)


@define
class _Level:
    """A folder on the way down: its name, which it is, and the folders in it that are still to be emptied."""

    name: str
    identity: tuple[int, int]
    folders: list[str]


@final
class Emptying:
    """The removal of all that is in a folder; rights that we lack are taken."""

    def __init__(self, root: str, disk: Disk, above: int | None = None) -> None:
        self._disk = disk
        self._levels: list[_Level] = []
        self._folder, status = enter(root, disk, above)
        self._levels.append(_Level(root, _identity(status), []))

    def run(self) -> None:
        """Remove all of it; the folder itself stays."""
        try:
            self._look_around()
            while len(self._levels) > 1 or self._levels[0].folders:
                if self._levels[-1].folders:
                    self._go_down(self._levels[-1].folders.pop())
                else:
                    self._go_up()
        finally:
            self._disk.close(self._folder)

    def _look_around(self) -> None:
        """Remove what is no folder, and note what is one."""
        level = self._levels[-1]
        with self._disk.scandir(self._folder) as found:
            for each in found:
                if each.is_dir(follow_symlinks=False):
                    level.folders.append(each.name)
                else:
                    self._unlink(self._path(each.name))

    def _go_down(self, name: str) -> None:
        path = self._path(name)
        try:
            below, status = enter(path, self._disk, self._folder)
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno not in _OTHERWISE:
                raise
            self._unlink(path)
            return
        self._stand_in(below)
        self._levels.append(_Level(name, _identity(status), []))
        self._look_around()

    def _go_up(self) -> None:
        path = self._path()
        self._stand_in(self._disk.open(f"{path}/..", FOLDER, 0, self._folder))
        self._levels.pop()
        if _identity(self._disk.fstat(self._folder)) != self._levels[-1].identity:
            raise OSError(errno.EBUSY, "it was moved while it was removed", path)
        try:
            with suppress(FileNotFoundError):
                self._disk.rmdir(path, self._folder)
        except NotADirectoryError:
            self._unlink(path)

    def _stand_in(self, folder: int) -> None:
        before, self._folder = self._folder, folder
        self._disk.close(before)

    def _unlink(self, path: str) -> None:
        with suppress(FileNotFoundError):
            self._disk.unlink(path, self._folder)

    def _path(self, *more: str) -> str:
        """Spell a path, for whoever is told of it: what counts is the last name alone."""
        return "/".join((*(level.name for level in self._levels), *more))


def uproot(path: str, folder: int, disk: Disk) -> None:
    """Remove what is at ``path``, by its name in the open ``folder``, with all that is in it."""
    try:
        disk.unlink(path, folder)
    except (IsADirectoryError, PermissionError):
        Emptying(path, disk, folder).run()
        disk.rmdir(path, folder)


def _identity(status: Status) -> tuple[int, int]:
    return status.st_dev, status.st_ino
