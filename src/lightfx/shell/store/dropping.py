"""Dropping the files of ephemeral realizations.

An object is dropped only by an owner who is alone on the store, and only where
no realization that is to be kept has it: nobody else can be reading it, or be
about to store the same bytes and find them there. It is renamed away, whole,
and removed afterwards.

Where others have the store open nothing is dropped. What was asked for is noted
in the index as a leftover, and who closes the store and finds himself alone
drops the leftovers of all: at his close none of his own runs needs them. The
notes are lost with the index; then files are left over, which is no harm.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import final

from attrs import frozen

from lightfx.core.layout import OBJECTS
from lightfx.core.names import Digest
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.store.burying import DROPPED
from lightfx.shell.store.claims import Claims
from lightfx.shell.store.index import Index
from lightfx.shell.store.objects import Objects
from lightfx.shell.store.sync import sync_path
from lightfx.shell.store.tree import remove_tree


@final
@frozen
class Dropper:
    """Drops objects of the store at ``root``, by way of the ``private`` folder; ``catch_up`` brings the index up."""

    root: Path
    private: Path
    claims: Claims
    index: Index
    objects: Objects
    catch_up: Callable[[], None]
    disk: Disk = REAL

    def drop(self, trees: Sequence[Digest]) -> None:
        """Drop what nobody keeps; where others are here, note it for later."""
        aside = self.private / f"{DROPPED}{uuid.uuid4().hex}"
        with self.claims.alone() as alone:
            if not alone:
                self.index.leave(trees)
                return
            self.catch_up()
            kept = self.index.kept(trees)
            moved = self.objects.move_out([tree for tree in trees if tree not in kept], aside)
        if moved:
            # The files go after their name has gone for good: a power cut leaves the object whole, or none.
            try:
                sync_path(self.root / OBJECTS, self.disk)
            except OSError:
                self.claims.leave_behind()
                raise
            remove_tree(aside, self.disk)

    def leave(self) -> None:
        """Drop what was left over, by whomever; what cannot be dropped now is left to the next who closes."""
        with suppress(OSError, sqlite3.Error):
            if leftovers := self.index.leftovers():
                self.index.settle(leftovers)
                self.drop(leftovers)
