"""The index: SQLite beside the records, to find them fast; never needed for correctness.

It holds where each record lies and what planning asks of it, and the digests of
observed files. All of it can be made anew from the records; a group of records
that it does not know yet is read in when it is next opened or asked for what is
new. In WAL mode with ``synchronous=NORMAL`` a power cut may cost its last rows,
not its integrity; a file that is no sound database any more is deleted and
remade, on opening or whenever SQLite finds out (`Index.remake`).
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias

from lightfx.core.names import Digest
from lightfx.core.realization import Stored
from lightfx.core.refs import DRef, RRef
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.store.database import alone, connect, delete, in_memory, opened, prepared
from lightfx.shell.store.groups import Place, Span

Status: TypeAlias = tuple[int, int, int, int, int]
_Row: TypeAlias = tuple[str, str, int, str, str, float, str | None, int, int, int, str, int, int, int]

_STORED: Final = (
    "r.rref, r.key, r.number, r.content, r.kind, r.created, r.tree, r.asks, r.ephemeral, r.selects,"
    " b.name, r.start, r.size, r.checksum"
    " FROM realization r JOIN batch b ON b.id = r.batch"
)
# On a conflict the record with the least `Realization.precedence` stays, in whatever order groups are read.
_ADD: Final = (
    "INSERT INTO realization VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (rref) DO UPDATE SET"
    " created = excluded.created, batch = excluded.batch, start = excluded.start, size = excluded.size,"
    " checksum = excluded.checksum, ephemeral = excluded.ephemeral, selects = excluded.selects"
    " WHERE (excluded.ephemeral, -excluded.selects, iif(excluded.selects, -excluded.created, excluded.created))"
    " < (ephemeral, -selects, iif(selects, -created, created))"
)
# Made by the first who drops anything: it would cost every commit of files, and most stores drop none.
_BY_TREE: Final = (
    "CREATE INDEX IF NOT EXISTS realization_tree ON realization (tree) WHERE tree IS NOT NULL AND ephemeral = 0"
)


_NOTE: Final = "INSERT OR REPLACE INTO sound VALUES (?, ?)"


class Index:
    """The index of one store, in the file ``path``; None: in memory, of this process alone."""

    def __init__(self, path: Path | None, disk: Disk = REAL) -> None:
        self.path = path
        self._disk = disk
        self._database = prepared(in_memory()) if path is None else opened(path, disk)
        self._inode = 0 if path is None else disk.stat(path).st_ino

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def remake(self) -> None:
        """Leave a database that turned out to be broken for a new one; the first who does so makes it."""
        self._database.close()
        if self.path is None or self._inode == 0:
            self._database = prepared(in_memory())
            return
        with alone(self.path, self._disk):
            if not self._disk.exists(self.path) or self._disk.stat(self.path).st_ino == self._inode:
                delete(self.path, self._disk)
            self._database = connect(self.path)
            self._inode = self._disk.stat(self.path).st_ino

    def go_aside(self) -> bool:
        """Go on in memory, with all that is there, where the disk takes no more; False where that was done before."""
        if self._inode == 0:
            return False
        memory = in_memory()
        self._database.backup(memory)
        self._database.close()
        self._database, self._inode = memory, 0
        return True

    def batches(self) -> set[str]:
        """Name the groups of records that are indexed."""
        return {name for (name,) in self._database.execute("SELECT name FROM batch")}

    def add(
        self,
        batch: str,
        derivations: Iterable[tuple[DRef, Span]],
        realizations: Iterable[tuple[Stored, Span]],
        codes: Iterable[tuple[str, Span]] = (),
        notes: Mapping[Digest, bytes] = MappingProxyType({}),
    ) -> None:
        """Index one group of records, with what was noted of objects, all at once."""
        with self._writing() as run:
            if notes:
                run.executemany(_NOTE, ((tree.text, note) for tree, note in notes.items()))
            run.execute("INSERT OR IGNORE INTO batch (name) VALUES (?)", (batch,))
            (number,) = run.execute("SELECT id FROM batch WHERE name = ?", (batch,)).fetchone()
            run.executemany(
                "INSERT OR IGNORE INTO derivation VALUES (?, ?, ?, ?, ?)",
                ((dref.text, number, *span) for dref, span in derivations),
            )
            run.executemany(
                "INSERT OR IGNORE INTO code VALUES (?, ?, ?, ?, ?)",
                ((fingerprint, number, *span) for fingerprint, span in codes),
            )
            run.executemany(
                _ADD,
                (
                    (
                        s.rref.text, s.rref.text[33:], s.key.text, s.index, s.content.text, s.kind, s.created,
                        None if s.tree is None else s.tree.text, number, *span, s.asks, s.ephemeral, s.selects,
                    )
                    for s, span in realizations
                ),
            )  # fmt: skip

    def forget(self) -> None:
        """Forget all records: somebody took groups of them away."""
        with self._writing() as run:
            for table in ("realization", "derivation", "code", "batch"):
                run.execute(f"DELETE FROM {table}")

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Write all or nothing."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield self._database
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:  # SQLite itself rolls back on a full disk
                self._database.execute("ROLLBACK")
            raise

    def of_derivations(self, drefs: Sequence[DRef]) -> list[tuple[Stored, Place]]:
        """List the realizations of these derivations."""
        return self._stored("WHERE r.dref IN (SELECT value FROM json_each(?))", [ref.text for ref in drefs])

    def of_keys(self, keys: Sequence[Digest]) -> list[tuple[Stored, Place]]:
        """List the realizations under these keys."""
        return self._stored("WHERE r.key IN (SELECT value FROM json_each(?))", [key.text for key in keys])

    def of_rrefs(self, rrefs: Sequence[RRef]) -> list[tuple[Stored, Place]]:
        """List these realizations."""
        return self._stored("WHERE r.rref IN (SELECT value FROM json_each(?))", [ref.text for ref in rrefs])

    def kept(self, trees: Sequence[Digest]) -> frozenset[Digest]:
        """Tell which of these objects belong to realizations that are not ephemeral."""
        query = (
            "SELECT DISTINCT tree FROM realization WHERE tree IS NOT NULL AND ephemeral = 0"
            " AND tree IN (SELECT value FROM json_each(?))"
        )
        self._database.execute(_BY_TREE)
        rows = self._database.execute(query, (json.dumps([tree.text for tree in trees]),))
        return frozenset(Digest(tree) for (tree,) in rows)

    def leave(self, trees: Iterable[Digest]) -> None:
        """Note objects that are to be dropped, and could not be yet."""
        with self._writing() as run:
            run.executemany("INSERT OR IGNORE INTO leftover VALUES (?)", ((tree.text,) for tree in trees))

    def leftovers(self) -> list[Digest]:
        """List what was left."""
        return [Digest(tree) for (tree,) in self._database.execute("SELECT tree FROM leftover")]

    def settle(self, trees: Iterable[Digest]) -> None:
        """Forget that these were left."""
        with self._writing() as run:
            run.executemany("DELETE FROM leftover WHERE tree = ?", ((tree.text,) for tree in trees))

    def newest(self, name: str | None, limit: int) -> list[tuple[Stored, Place]]:
        """List the realizations stored last, newest first."""
        which = "" if name is None else "WHERE substr(r.dref, 34) = ?"
        query = f"SELECT {_STORED} {which} ORDER BY r.created DESC, r.rref LIMIT ?"
        return [_row(row) for row in self._database.execute(query, (*([] if name is None else [name]), limit))]

    def _stored(self, which: str, values: list[str]) -> list[tuple[Stored, Place]]:
        query = f"SELECT {_STORED} {which}"
        return [_row(row) for row in self._database.execute(query, (json.dumps(values),))]

    def derivations(self, drefs: Sequence[DRef]) -> list[tuple[DRef, Place]]:
        """Say where the configs of these derivations lie."""
        return [(DRef(dref), place) for dref, place in self._places("derivation", "dref", [ref.text for ref in drefs])]

    def codes(self, fingerprints: Sequence[str]) -> list[tuple[str, Place]]:
        """Say where it lies what the codes with these fingerprints consist of."""
        return self._places("code", "fingerprint", fingerprints)

    def _places(self, table: str, column: str, values: Sequence[str]) -> list[tuple[str, Place]]:
        query = (
            f"SELECT t.{column}, b.name, t.start, t.size, t.checksum FROM {table} t JOIN batch b ON b.id = t.batch"
            f" WHERE t.{column} IN (SELECT value FROM json_each(?))"
        )
        rows = self._database.execute(query, (json.dumps(list(values)),))
        return [(value, (batch, (start, size, checksum))) for value, batch, start, size, checksum in rows]

    def names(self, prefix: str, limit: int) -> list[str]:
        """List references that begin with ``prefix``, sorted."""
        end = prefix + "\U0010ffff"
        query = (
            "SELECT dref FROM derivation WHERE dref >= ? AND dref < ?"
            " UNION SELECT rref FROM realization WHERE rref >= ? AND rref < ? ORDER BY 1 LIMIT ?"
        )
        return [name for (name,) in self._database.execute(query, (prefix, end, prefix, end, limit))]

    def noted(self, trees: Sequence[Digest], most: int = sys.maxsize) -> Mapping[Digest, bytes]:
        """Recall what was noted of objects, where that has at most ``most`` bytes."""
        query = "SELECT tree, note FROM sound WHERE tree IN (SELECT value FROM json_each(?)) AND length(note) <= ?"
        rows = self._database.execute(query, (json.dumps([tree.text for tree in trees]), most))
        return {Digest(tree): note for tree, note in rows}

    def note(self, notes: Mapping[Digest, bytes]) -> None:
        """Note what objects looked like when they were digested; what cannot be written is left out."""
        with suppress(sqlite3.OperationalError), self._writing() as run:
            run.executemany(_NOTE, ((tree.text, note) for tree, note in notes.items()))

    def unnote(self, trees: Iterable[Digest]) -> None:
        """Forget what was noted of objects that are gone."""
        with self._writing() as run:
            run.executemany("DELETE FROM sound WHERE tree = ?", ((tree.text,) for tree in trees))

    def damaged(self) -> frozenset[Digest]:
        """List the objects that were found damaged."""
        rows = self._database.execute("SELECT tree FROM sound WHERE substr(note, 1, 1) = x'21'")
        return frozenset(Digest(tree) for (tree,) in rows)

    def lines(self, batch: str) -> dict[int, tuple[int, int, str]]:
        """Say what was indexed of a group: by where a line begins, its size, its checksum, and what it is about."""
        query = " UNION ALL ".join(
            f"SELECT t.start, t.size, t.checksum, t.{column} FROM {table} t JOIN batch b ON b.id = t.batch"
            " WHERE b.name = :batch"
            for table, column in (("realization", "rref"), ("derivation", "dref"), ("code", "fingerprint"))
        )
        rows = self._database.execute(query, {"batch": batch})
        return {start: (size, checksum, about) for start, size, checksum, about in rows}

    def recall(self, path: str) -> tuple[Status, str] | None:
        """Remember what status and digest a file had when it was last read."""
        query = "SELECT status, digest FROM observed WHERE path = ?"
        row = self._database.execute(query, (os.fsencode(path),)).fetchone()
        return None if row is None else (_read_status(row[0]), row[1])

    def remember(self, seen: Iterable[tuple[str, Status, str]]) -> None:
        """Note the status and the digest of files that were read."""
        with self._writing() as run:
            run.executemany(
                "INSERT OR REPLACE INTO observed VALUES (?, ?, ?)",
                ((os.fsencode(path), _spell_status(status), digest) for path, status, digest in seen),
            )


def _spell_status(status: Status) -> str:
    """Spell a status as text: inode numbers of some file systems are larger than SQLite's integers."""
    return " ".join(map(str, status))


def _read_status(text: str) -> Status:
    device, inode, size, modified, changed = map(int, text.split())
    return device, inode, size, modified, changed


def _row(row: _Row) -> tuple[Stored, Place]:
    rref, key, number, content, kind, created, tree, asks, ephemeral, selects, batch, start, size, checksum = row
    stored = Stored(
        RRef(rref),
        Digest(key),
        number,
        Digest(content),
        kind,
        created,
        None if tree is None else Digest(tree),
        asks == 1,
        ephemeral == 1,
        selects == 1,
    )
    return stored, (batch, (start, size, checksum))
