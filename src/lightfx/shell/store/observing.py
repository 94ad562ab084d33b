"""Looking at files and folders outside the store, and not reading twice what has not changed.

A file is taken as unchanged when device, inode, size, and the nanosecond times
of its last modification and of its last change of status are those that were
noted with its digest. Times have a grain: a file that was touched less than
`GRAIN` before we began to read it could change again without a new time, so it
is not noted, and is read again the next time ("racily clean" entries, as git
names them).
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from lightfx.core.manifest import digest_of
from lightfx.core.names import Digest
from lightfx.core.outcome import BadOutput, Cause, Raised
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.store.index import Index, Status
from lightfx.shell.store.tree import ForbiddenError, digest_file, entries_of, file_entry, refuse_special

GRAIN: Final = 2_000_000_000


class Observer:
    """Digests what lies outside; ``index`` remembers what was read, None reads always."""

    def __init__(self, index: Index | None, disk: Disk = REAL) -> None:
        self._index = index
        self._disk = disk
        self._fresh: list[tuple[str, Status, str]] = []

    def observe(self, paths: Sequence[Path]) -> dict[Path, Digest | Cause]:
        """Digest files and folders, each as an object that holds it would be."""
        seen = {path: self._look(path) for path in paths}
        if self._fresh and self._index is not None:
            self._index.remember(self._fresh)
        self._fresh = []
        return seen

    def _look(self, path: Path) -> Digest | Cause:
        try:
            status = self._disk.stat(path)
            if stat.S_ISDIR(status.st_mode):
                return digest_of(entries_of(path, self._digest, ours=False, disk=self._disk))
            refuse_special(path.name, status.st_mode)
            return digest_of([file_entry(path.name, status, self._digest(str(path), status))])
        except ForbiddenError as error:
            return BadOutput(error.forbidden.path, error.forbidden.why)
        except OSError as error:
            kind = type(error)
            bases = tuple(each.__name__ for each in kind.__mro__ if issubclass(each, Exception))
            return Raised(kind.__name__, bases, f"{path.name}: {error.strerror or error}", "")

    def _digest(self, path: str, status: os.stat_result) -> str:
        now = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        known = self._index.recall(path) if self._index is not None else None
        if known is not None and known[0] == now:
            return known[1]
        begun = time.time_ns()
        digest = digest_file(os.path.realpath(path), status.st_size, self._disk)
        if max(status.st_mtime_ns, status.st_ctime_ns) < begun - GRAIN:
            self._fresh.append((path, now, digest))
        return digest
