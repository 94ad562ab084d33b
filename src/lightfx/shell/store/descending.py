"""Into a folder, and down: by descriptors, and never through a link.

What a stage left running may put something else in the place of any folder of
its output, at any time. A path would lead there. Here each folder is opened
from the one above it, by its name alone (`entering`), and refused where that is a
link by now: so what is found in it lies in the output, and nowhere else.

One folder is open at a time, and the outermost: outputs are wider than a process
may open files, and deeper. Who goes on below the last folder opens one; who
goes elsewhere begins at the top.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self, final

from lightfx.shell.disk import Disk
from lightfx.shell.entering import FOLDER, enter


@final
class Descent:
    """The folders in ``root``, which may be no link where it is ``ours``; ``taking``: rights that we lack are taken."""

    def __init__(self, root: Path, disk: Disk, *, ours: bool, taking: bool = False) -> None:
        self._root, self._disk, self._taking = str(root), disk, taking
        self._top = self._opened(self._root) if ours else disk.open(root, FOLDER & ~os.O_NOFOLLOW)
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
            self._leave(f"{below}/", self._opened(self.path_of(below), self._last))
        return self._last

    def _opened(self, path: str, above: int | None = None) -> int:
        if self._taking:
            return enter(path, self._disk, above)[0]
        return self._disk.open(path, FOLDER, 0, above)

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
