"""Whether an object is still what it is named by: asked before its files are read.

A disk may change what it holds, and so may people. So whoever hands files of an
object on asks here first. To read all bytes each time would cost as much as the
work itself; so it is noted of each object what the system told of its files
(inode, mode, size, and the nanosecond times of their last change) when their
bytes were last digested: when it was stored, or verified. Rules:

- What is as it was noted is sound. What is not, or was never noted, is digested
  in full, and noted where it is sound.
- ``HASH``: what other openings of the store noted does not count, so each
  object is digested once by each that reads it. ``NEVER``: only what is not
  there is told.
- An object is not looked at again for a hundred times (`TRUST`) as long as that
  took, so that thousands of stages which read one folder with many files do not
  each look at all of them: half a millisecond for one file, a second for 5,000.
- Damage is noted too. Nothing is moved or mended here.

What a disk flips below the file system changes no times: ``STAT`` cannot see
it. ``HASH`` does, and so does `lightfx.upkeep.verify`.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol

from lightfx.core.damage import DamagedObject, LostObject, MissingObject
from lightfx.core.layout import OBJECTS
from lightfx.core.manifest import Entry, Kind, digest_of
from lightfx.core.names import Digest
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.store.tree import ForbiddenError, entries_of

TRUST: Final = 100.0
DAMAGED: Final = b"!"
_AT_HAND: Final = 64 << 20  # bytes of notes; that of an object with 100,000 files has 20 MB
_AT_ONCE: Final = 64  # objects; their notes have a quarter of that, and larger ones come alone
_UNREADABLE: Final = frozenset(
    {errno.EIO, errno.EUCLEAN, errno.EBADMSG, errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG}
)
_FIELDS: Final = 4
_FORMATS: Final = {Kind.FILE: stat.S_IFREG, Kind.FOLDER: stat.S_IFDIR, Kind.LINK: stat.S_IFLNK}


class Checking(Enum):
    """How much is asked before files are handed on."""

    STAT = "stat"
    HASH = "hash"
    NEVER = "never"

    @classmethod
    def _missing_(cls, value: object) -> None:
        raise ValueError(f"verify is {repr(value)[:100]}; it is 'stat', 'hash' or 'never'")


class Notes(Protocol):
    """Where it is kept what was noted; the index, as a rule."""

    def noted(self, trees: Sequence[Digest], most: int = sys.maxsize) -> Mapping[Digest, bytes]:
        """Recall notes of at most ``most`` bytes each; that of a damaged object begins with `DAMAGED`."""
        ...

    def note(self, notes: Mapping[Digest, bytes]) -> None:
        """Keep notes, if that can be done."""
        ...

    def damaged(self) -> frozenset[Digest]:
        """List the objects that were found damaged."""
        ...


class Soundness:
    """Tells sound objects of the store at ``root`` from others; ``notes`` may be None: nothing is kept."""

    def __init__(self, root: Path, notes: Notes | None, checking: Checking = Checking.STAT, disk: Disk = REAL) -> None:
        self._folder = f"{root}/{OBJECTS}"
        self._kept = notes
        self._checking = checking
        self._disk = disk
        self._notes: dict[Digest, bytes] = {}
        self._size = 0
        self._trusted: dict[Digest, float] = {}
        self._unwritten: dict[Digest, bytes] = {}
        self.damaged: set[Digest] = set(notes.damaged()) if notes is not None else set()

    def unsound(self, trees: Iterable[Digest]) -> dict[Digest, LostObject]:
        """Give those objects that are gone or damaged."""
        now = time.monotonic()
        lost: dict[Digest, LostObject] = {}
        doubtful: list[Digest] = []
        for tree in dict.fromkeys(trees):
            if not self._disk.lexists(f"{self._folder}/{tree.hex}"):
                lost[tree] = MissingObject(tree)
            elif self._checking is not Checking.NEVER and now >= self._trusted.get(tree, now):
                doubtful.append(tree)
        for start in range(0, len(doubtful), _AT_ONCE):
            some = doubtful[start : start + _AT_ONCE]
            notes = self._recalled(some)
            # Taken out one by one: what is not at hand any more is not held here either.
            lost |= {tree: found for tree in some if (found := self._look(tree, notes.pop(tree, None))) is not None}
        if doubtful:
            self.write()
        return lost

    def _recalled(self, trees: Sequence[Digest]) -> dict[Digest, bytes]:
        """Give notes that are at hand, and those that are small, with one question for many."""
        notes = {tree: self._notes[tree] for tree in trees if tree in self._notes}
        unknown = [tree for tree in trees if tree not in notes]
        if unknown and self._kept is not None and self._checking is Checking.STAT:
            notes.update(self._kept.noted(unknown, _AT_HAND // (4 * _AT_ONCE)))
        return notes

    def _look(self, tree: Digest, note: bytes | None) -> LostObject | None:
        home, begun = f"{self._folder}/{tree.hex}", time.monotonic()
        if note is None and self._checking is Checking.STAT:  # too large for many at once, or there is none
            note = self._note_of(tree)
        if note and not note.startswith(DAMAGED) and _is_as_noted(home, note, self._disk):
            self._keep(tree, note)
            self._trust(tree, begun)
            return None
        return self.judge(tree)

    def judge(self, tree: Digest) -> LostObject | None:
        """Digest an object in full, and note what came of it."""
        home = Path(f"{self._folder}/{tree.hex}")
        if not self._disk.lexists(home):
            return MissingObject(tree)
        known = self.known(tree)
        found, entries = examine(tree, home, known, self._disk)
        if found is None:
            self.note(tree, entries)
        else:
            self._trusted.pop(tree, None)
            self._unwritten[tree] = DAMAGED + known
            self._keep(tree, DAMAGED + known)
            self.damaged.add(tree)
        return found

    def note(
        self, tree: Digest, entries: Iterable[Entry], seen: Mapping[str, os.stat_result] = MappingProxyType({})
    ) -> bool:
        """Note an object that was digested just now, of which this is the manifest.

        ``seen``: what the system told of files as they were read. False where what is there is something else by now.
        """
        begun = time.monotonic()
        note = _spell_note(f"{self._folder}/{tree.hex}", entries, seen, self._disk)
        if note is None:
            return False
        self._unwritten[tree] = note
        self._keep(tree, note)
        self._trust(tree, begun)
        if tree in self.damaged:
            self.damaged.discard(tree)
            self.write()  # nothing may be written after this, and the next to open the store would make it again
        return True

    def _keep(self, tree: Digest, note: bytes) -> None:
        """Have a note at hand; those at hand for longest go, where there are too many."""
        self._size += len(note) - len(self._notes.pop(tree, b""))
        self._notes[tree] = note
        while self._size > _AT_HAND and len(self._notes) > 1:
            oldest = next(iter(self._notes))
            if oldest in self._unwritten:
                self.write()
            self._trusted.pop(oldest, None)
            self._size -= len(self._notes.pop(oldest))

    def _trust(self, tree: Digest, begun: float) -> None:
        now = time.monotonic()
        self._trusted[tree] = now + TRUST * (now - begun)

    def known(self, tree: Digest) -> bytes:
        """Give what was noted of an object when it was sound, whatever the policy; b"" where nothing was."""
        return self._note_of(tree).removeprefix(DAMAGED)

    def _note_of(self, tree: Digest) -> bytes:
        note = self._notes.get(tree)
        if note is None:
            note = b"" if self._kept is None else self._kept.noted((tree,)).get(tree, b"")
        return note

    def unwritten(self) -> Mapping[Digest, bytes]:
        """Take what is to be kept, so that it is written with what is written anyway."""
        notes, self._unwritten = self._unwritten, {}
        return notes

    def write(self) -> None:
        """Keep what was noted."""
        notes = self.unwritten()
        if notes and self._kept is not None:
            self._kept.note(notes)


def examine(tree: Digest, home: Path, note: bytes, disk: Disk) -> tuple[DamagedObject | None, Sequence[Entry]]:
    """Digest the folder of an object, and compare; ``note`` tells which files differ. Gives its entries as well."""
    try:
        if not stat.S_ISDIR(disk.lstat(home).st_mode):
            return DamagedObject(tree, home, why="it is no folder"), ()
        entries = entries_of(home, ours=False, disk=disk)
    except ForbiddenError as error:
        return DamagedObject(tree, home, why=f"{error.forbidden.path} {error.forbidden.why}"), ()
    except OSError as error:
        if error.errno not in _UNREADABLE:
            raise
        return unreadable(tree, home, error), ()
    found = digest_of(entries)
    if found == tree:
        return None, entries
    return DamagedObject(tree, home, found, _differing(note, entries) if note else ()), entries


def unreadable(tree: Digest, home: Path, error: OSError) -> DamagedObject:
    """Say of an object that something in it cannot be read."""
    where = os.path.relpath(error.filename, home) if isinstance(error.filename, str) else "."
    what = "it" if where == "." else where
    return DamagedObject(tree, home, why=f"{what} cannot be read: {error.strerror}")


def _spell_status(status: os.stat_result) -> str:
    return f"{status.st_ino} {status.st_mode} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


def _spell_note(home: str, entries: Iterable[Entry], seen: Mapping[str, os.stat_result], disk: Disk) -> bytes | None:
    """Spell the entries of an object with what the system tells of them: fours of texts; the first is the folder."""
    try:
        pieces = ["", "folder", "", _spell_status(disk.lstat(home))]
        for each in entries:
            status = disk.lstat(f"{home}/{each.path}")
            if stat.S_IFMT(status.st_mode) != _FORMATS[each.kind]:
                return None
            if (as_read := seen.get(each.path)) is not None and not _is_as_read(status, as_read):
                return None
            pieces += (each.path, each.kind.value, each.data, _spell_status(status))
    except (FileNotFoundError, NotADirectoryError):  # dropped, or taken away, meanwhile
        return None
    return os.fsencode("\0".join(pieces))


def _is_as_read(status: os.stat_result, as_read: os.stat_result) -> bool:
    """Whether it is the file that was read, and holds what it held; only rights may have been taken from it."""
    now, then = ((each.st_ino, each.st_size, each.st_mtime_ns) for each in (status, as_read))
    return now == then


def _is_as_noted(home: str, note: bytes, disk: Disk) -> bool:
    noted = _read_note(note)
    try:
        for path, _, _, status in noted:
            if _spell_status(disk.lstat(f"{home}/{path}" if path else home)) != status:
                return False
    except OSError:
        return False
    return bool(noted)


def _read_note(note: bytes) -> Sequence[tuple[str, str, str, str]]:
    """Read what was spelled; nothing where it is damaged itself."""
    pieces = os.fsdecode(note).split("\0")
    if len(pieces) % _FIELDS:
        return ()
    return tuple(zip(pieces[0::4], pieces[1::4], pieces[2::4], pieces[3::4], strict=True))


def _differing(note: bytes, entries: Iterable[Entry]) -> tuple[str, ...]:
    """Say which entries are not those that were noted; nothing where that is not known."""
    fours = _read_note(note)
    if not fours:
        return ()
    try:
        noted = {
            path: (kind, data, kind == Kind.FILE.value and bool(int(status.split()[1]) & 0o100))
            for path, kind, data, status in fours
            if path
        }
    except (ValueError, LookupError):  # the note is damaged too
        return ()
    found = {each.path: (each.kind.value, each.data, each.executable) for each in entries}
    return tuple(sorted(path for path in {*noted, *found} if noted.get(path) != found.get(path)))
