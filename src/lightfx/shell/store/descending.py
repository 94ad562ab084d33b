"""Into a folder, and down: by descriptors, and never through a link.

What a stage left running may put something else in the place of any folder of
its output, at any time. A path would lead there. Here each folder is opened
from the one above it, by its name alone, and refused where that is a link by
now: so what is found in it lies in the output, and nowhere else.

One folder is open at a time, and the outermost: outputs are wider than a process
may open files, and deeper. Who goes on below the last folder opens one; who
goes elsewhere begins at the top.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Final, Self, final

from lightfx.shell.disk import Disk

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY
_RIGHTS: Final = 0o700


@final
class Descent:
    """The folders in ``root``, which may be no link where it is ``ours``; ``taking``: rights that we lack are taken."""

    def __init__(self, root: Path, disk: Disk, *, ours: bool, taking: bool = False) -> None:
        self._root, self._disk, self._taking = str(root), disk, taking
        if taking:
            mode = stat.S_IMODE(disk.lstat(root).st_mode)
            if mode & _RIGHTS != _RIGHTS:
                disk.chmod(root, mode | _RIGHTS)
        self._top = disk.open(root, _FOLDER | (os.O_NOFOLLOW if ours else 0))
        self._prefix, self._last = "", self._top

    def path_of(self, path: str) -> str:
        """Spell the whole path of something in the folder."""
        return f"{self._root}/{path}"

    def to(self, prefix: str) -> int:
        """Give the descriptor of a folder, as long as no other is asked for: ``""``, ``"a/"``, ``"a/b/"``."""
        if not prefix.startswith(self._prefix):
            self._leave("", self._top)
        for name in prefix[len(self._prefix) :].split("/")[:-1]:
            below = self._prefix + name
            self._leave(f"{below}/", self._opened(self.path_of(below)))
        return self._last

    def _opened(self, path: str) -> int:
        try:
            folder = self._disk.open(path, _FOLDER | os.O_NOFOLLOW, 0, self._last)
        except PermissionError:
            if not self._taking:
                raise
            self._disk.chmod(path, _RIGHTS, self._last)
            folder = self._disk.open(path, _FOLDER | os.O_NOFOLLOW, 0, self._last)
        if self._taking:
            mode = stat.S_IMODE(self._disk.fstat(folder).st_mode)
            if mode & _RIGHTS != _RIGHTS:
                self._disk.fchmod(folder, mode | _RIGHTS)
        return folder

    def _leave(self, prefix: str, folder: int) -> None:
        """Stand in another folder."""
        before, self._prefix, self._last = self._last, prefix, folder
        if before != self._top:
            self._disk.close(before)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._leave("", self._top)
        self._disk.close(self._top)
