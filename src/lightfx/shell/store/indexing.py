"""Indexing: what lies in ``records/`` and the index does not know yet is read in.

Whoever stores a group indexes it; the list of the folder finds those of
processes that died in between, and those that an index made anew has yet to
read. That list is as long as the store is old, so it is asked for only when the
folder's time of change tells of something new, and never for what we ourselves
have added. Two changes within one tick of the folder's clock show as one, so a
look that came that soon after a change does not count as the last.

An index that breaks is made anew; one that finds no room goes aside, into
memory. Nothing is lost by either.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar, final

from lightfx.shell.disk import Disk
from lightfx.shell.store.database import cannot_write, is_damage
from lightfx.shell.store.groups import Group, Groups
from lightfx.shell.store.index import Index
from lightfx.shell.store.soundness import Soundness
from lightfx.shell.store.sync import sync_path, write_durably
from lightfx.shell.store.trouble import StoreTroubleError

T = TypeVar("T")

TICK: Final = 50_000_000


@final
class Indexer:
    """Keeps the index of a store level with its groups.

    ``described`` and ``coded`` are the derivations and codes that are known to
    be stored: they need not be spelled again. ``mending``: damaged groups are
    passed over. ``writes``: false where the store is open for reading alone.
    """

    def __init__(
        self, groups: Groups, index: Index, soundness: Soundness, disk: Disk, *, mending: bool, writes: bool
    ) -> None:
        self._groups, self._index, self._soundness, self._disk = groups, index, soundness, disk
        self._passing_over = mending
        self._writes = writes
        self.described: set[str] = set()
        self.coded: set[str] = set()
        self._batches: set[str] = set()
        self._seen = -1
        self._racy = self._own = False

    def mending(self, work: Callable[[], T]) -> T:
        """Carry out ``work``; where the index breaks under it, or finds no room, do without and carry it out again."""
        try:
            return work()
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                self._index.remake()
                self.read_in()
            elif not (cannot_write(error) and self._index.go_aside()):
                raise
        return work()

    def read_in(self) -> None:
        """Index what is not indexed yet, whatever was seen before."""
        self._seen, self._batches = -1, self._index.batches()
        self.catch_up()

    def look_again(self) -> None:
        """Catch up, and trust no moment that another group could have come in unseen."""
        self._own = False
        self.catch_up()

    def catch_up(self) -> None:
        """Index what others stored, if the folder shows that there may be any."""
        now = time.time_ns()
        changed = self._disk.stat(self._groups.folder).st_mtime_ns
        if changed == self._seen and not (self._racy and (not self._own or now - changed > TICK)):
            return
        names = self._groups.names()
        if not self._batches <= names:
            self._index.forget()
            self._batches.clear()
            self.described.clear()
            self.coded.clear()
        fresh = sorted(names - self._batches)
        if fresh and self._writes:
            # Whoever renamed them may not have synced their names yet, and we answer with what they hold.
            sync_path(self._groups.folder, self._disk)
        for name in fresh:
            self._take_up(name)
        # Names may have come after our look within one tick of the folder's clock: look again then.
        self._seen, self._racy, self._own = changed, now - changed <= TICK, False

    def _take_up(self, name: str) -> None:
        try:
            group = self._groups.read(name)
        except (StoreTroubleError, OSError):
            if not self._passing_over:
                raise
        else:
            self._add(group)

    def store(self, group: Group, private: Path) -> None:
        """Write a group, by way of the folder ``private``, and index it: it is durable then."""
        before = self._disk.stat(self._groups.folder).st_mtime_ns
        write_durably(self._groups.folder / group.name, [group.data], private / group.name, self._disk)
        if before == self._seen:
            self._seen, self._racy, self._own = self._disk.stat(self._groups.folder).st_mtime_ns, True, True
        self.described.update(dref.text for dref, _ in group.derivations)
        self.coded.update(fingerprint for fingerprint, _ in group.codes)
        try:
            self.mending(lambda: self._add(group))
        except BaseException:
            self._seen = -1  # it is stored, and not indexed: to be read in by whoever asks next
            raise

    def _add(self, group: Group) -> None:
        notes = self._soundness.unwritten()
        self._index.add(group.name, group.derivations, group.realizations, group.codes, notes)
        self._batches.add(group.name)
