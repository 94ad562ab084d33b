"""One more wrong disk, beside those of `lightfx.testing.mutants`: it gives records their names after the answer."""

from __future__ import annotations

import os

from lightfx.core.layout import RECORDS
from lightfx.shell.disk import REAL, Disk, Name
from lightfx.testing.faults import Over
from lightfx.testing.mutants import mutant


class AnswerFirst(Over):
    """Moves groups to their place when the store is left, and syncs nothing of them until then."""

    def __init__(self, under: Disk = REAL) -> None:
        super().__init__(under)
        self._late: list[tuple[Name, Name]] = []

    def rename(self, old: Name, new: Name, folder: int | None = None) -> None:
        """Put off what makes a record seen."""
        if os.path.basename(os.path.dirname(os.fspath(new))) == str(RECORDS):
            self._late.append((old, new))
        else:
            self.under.rename(old, new, folder)

    def unlink(self, path: Name, folder: int | None = None) -> None:
        """Who leaves removes his owner file; before that, all that was put off is done."""
        while self._late and os.path.basename(os.fspath(path)).startswith("owner-"):
            self.under.rename(*self._late.pop())
        self.under.unlink(path, folder)


def wrong_disk(name: str) -> Disk:
    """Give a wrong disk by its name; "" is the disk itself."""
    return AnswerFirst() if name == "answer_first" else mutant(name)
