"""The database of an index: its tables, how it is opened, and what its errors tell.

SQLite's own companions (``-wal``, ``-shm``) are found by name. Where somebody
deleted the database alone, they belong to the one that others still hold open:
they go before a new one is made. Making and remaking is done by one process at
a time, under a lock on the store's folder.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from lightfx.shell.disk import Disk

VERSION: Final = 8
_SCHEMA: Final = f"""
CREATE TABLE IF NOT EXISTS batch (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS derivation (
    dref TEXT PRIMARY KEY, batch INTEGER NOT NULL, start INTEGER NOT NULL, size INTEGER NOT NULL,
    checksum INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS code (
    fingerprint TEXT PRIMARY KEY, batch INTEGER NOT NULL, start INTEGER NOT NULL, size INTEGER NOT NULL,
    checksum INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS realization (
    rref TEXT NOT NULL UNIQUE, dref TEXT NOT NULL, key TEXT NOT NULL, number INTEGER NOT NULL,
    content TEXT NOT NULL, kind TEXT NOT NULL, created REAL NOT NULL, tree TEXT,
    batch INTEGER NOT NULL, start INTEGER NOT NULL, size INTEGER NOT NULL,
    checksum INTEGER NOT NULL, asks INTEGER NOT NULL, ephemeral INTEGER NOT NULL, selects INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS realization_dref ON realization (dref);
CREATE INDEX IF NOT EXISTS realization_key ON realization (key);
CREATE INDEX IF NOT EXISTS realization_created ON realization (created);
CREATE TABLE IF NOT EXISTS leftover (tree TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS observed (
    path BLOB PRIMARY KEY, status TEXT NOT NULL, digest TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sound (tree TEXT PRIMARY KEY, note BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sound_not ON sound (tree) WHERE substr(note, 1, 1) = x'21';
PRAGMA user_version = {VERSION};
"""
_CACHE: Final = 65_536  # KiB, of what is in use
_CHECKPOINT: Final = 4_000  # pages, of 4 KiB
_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_NO_ROOM: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY})


def is_damage(error: sqlite3.Error) -> bool:
    """Tell a database that is broken from one that is busy, full, or not ours to write."""
    return getattr(error, "sqlite_errorcode", -1) & 0xFF in _DAMAGE


def cannot_write(error: sqlite3.Error) -> bool:
    """Tell whether the disk is why a database cannot be written: it is full, or read-only, or fails."""
    return getattr(error, "sqlite_errorcode", -1) & 0xFF in _NO_ROOM


def opened(path: Path, disk: Disk) -> sqlite3.Connection:
    """Open the database in a file; one that is no sound database is deleted and made anew."""
    with alone(path, disk):
        if not disk.exists(path):
            delete(path, disk)
        try:
            return connect(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            delete(path, disk)
            return connect(path)


def in_memory() -> sqlite3.Connection:
    """Open a database that is lost when it is closed."""
    return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)


@contextmanager
def alone(path: Path, disk: Disk) -> Iterator[None]:
    """Be the only process that makes or deletes the database."""
    descriptor = disk.open(path.parent, os.O_RDONLY)
    try:
        disk.lock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        disk.close(descriptor)


def delete(path: Path, disk: Disk) -> None:
    """Delete a database and its companions."""
    for suffix in ("", "-wal", "-shm"):
        disk.remove(path.with_name(path.name + suffix))


def connect(path: Path) -> sqlite3.Connection:
    """Open the database in a file as it is."""
    return prepared(sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False))


def prepared(database: sqlite3.Connection) -> sqlite3.Connection:
    """Make the tables of an index in a new database, and look at those of an old one; closes what is none."""
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        # Rows come in the order of hashes, so each group touches most pages: keep them at hand, write them back seldom.
        database.execute(f"PRAGMA cache_size = -{_CACHE}")
        database.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT}")
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version not in (0, VERSION):
            raise sqlite3.DatabaseError("an index of another version")
        if version == 0:
            database.executescript(_SCHEMA)
        # A damaged file may open well and fail later: ask a little of each table.
        database.execute("SELECT count(*) FROM batch").fetchone()
        database.execute("SELECT rref FROM realization ORDER BY rref LIMIT 1").fetchone()
    except BaseException:
        database.close()
        raise
    return database
