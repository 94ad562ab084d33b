"""Verifying a store: reading all of it, and saying what is not as it was written.

Groups are judged by their names and line by line, objects by their manifests,
both by their rights. Objects that nobody names are read too. Nothing is changed
but the notes about what was read (`soundness`), so that runs may go on
meanwhile: groups and objects are added only, and removed by one who is alone.

Groups are listed first and objects after: what a record names was there before
the record.

One thread reads. On two cores, two threads took a quarter longer over files of
1 KB, and twice as long over those of 300 KB, since most of the time goes to
Python; larger files are digested by as many threads as there are cores.
"""

from __future__ import annotations

import os
import random
import stat
from collections.abc import Iterator, Sequence, Set
from pathlib import Path
from typing import Final, TypeAlias, final
from zlib import crc32

from attrs import define, field, frozen

from lightfx.core.damage import Audit, Damage, DamagedGroup, DamagedObject, MissingObject, Stray, Verified, WrongRights
from lightfx.core.layout import OBJECTS, records_path
from lightfx.core.names import Digest
from lightfx.core.realization import Realization
from lightfx.core.refs import DRef, RRef
from lightfx.plan.packing import read_line
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.store.groups import SUFFIX, Groups
from lightfx.shell.store.index import Index
from lightfx.shell.store.soundness import Soundness, unreadable
from lightfx.shell.store.tree import size_of

_FOLDER: Final = 0o555
_FILE: Final = 0o444
_Line: TypeAlias = tuple[bytes, "Realization | DRef | str"]


@final
@frozen
class Judged:
    """A group, line by line: the sound lines with what they are about, and how many are not sound.

    ``read``: whether its bytes could be read at all; if not, nobody knows what it holds.
    """

    name: str
    lines: Sequence[_Line]
    lost: int
    why: str
    read: bool = True


@define(eq=False)
class _Seen:
    """What is learned on the way; ``wanted`` tells of each object who has it, and ``needed`` which must be there."""

    damages: list[Damage] = field(factory=list)
    groups: int = 0
    records: int = 0
    wanted: dict[Digest, list[RRef]] = field(factory=dict)
    needed: set[Digest] = field(factory=set)


@final
@frozen
class Verifier:
    """Verifies the store at ``root``."""

    root: Path
    groups: Groups
    index: Index
    soundness: Soundness
    disk: Disk = REAL

    def verify(self, audit: Audit) -> Verified:
        """Read what is asked for, and say what is wrong."""
        seen = _Seen()
        self._see_groups(seen, audit.only)
        there = self._objects(seen)
        ours = there & seen.wanted.keys() if audit.only is not None else there
        chosen = sorted(ours)
        if audit.sample is not None and audit.sample < len(chosen):
            chosen = sorted(random.Random(audit.seed).sample(chosen, audit.sample))  # noqa: S311 -- a sample
        seen.damages += [MissingObject(tree, tuple(sorted(seen.wanted[tree]))) for tree in sorted(seen.needed - there)]
        size = 0
        for tree in chosen:
            self._see_object(tree, seen)
            size += size_of(f"{self.root}/{OBJECTS}/{tree.hex}", self.disk)
        self.soundness.write()
        seed = None if audit.sample is None else audit.seed
        return Verified(seen.groups, seen.records, len(chosen), len(ours), size, seed, tuple(seen.damages))

    # Groups.

    def _see_groups(self, seen: _Seen, only: Set[RRef] | None) -> None:
        for name in sorted(self.disk.listdir(self.groups.folder)):
            path = self.groups.folder / name
            if Digest.parse(f"blake3:{name.removesuffix(SUFFIX)}").value_or(None) is None or not name.endswith(SUFFIX):
                seen.damages.append(Stray(path, "it is no group of records"))
                continue
            judged = self.judge(name)
            seen.groups += 1
            for _, about in judged.lines:
                if isinstance(about, Realization):
                    seen.records += 1
                    if only is None or about.rref in only:
                        _claim(about, seen)
            if judged.why:
                sound, lost = len(judged.lines), judged.lost
                seen.damages.append(DamagedGroup(path, judged.why, sound, lost, self._lost(judged)))
            mode = stat.S_IMODE(self.disk.lstat(path).st_mode)
            if mode & ~_FILE:  # it may be less, by the mask of who wrote it
                seen.damages.append(WrongRights(path, mode, _FILE))

    def judge(self, name: str) -> Judged:
        """Read a group line by line; ``why`` is empty where all of it is as it was written."""
        try:
            data = self.disk.read_whole(self.groups.folder / name)
        except OSError as error:
            return Judged(name, (), 0, f"it cannot be read: {error.strerror}", read=False)
        named = records_path(Digest.of(data)).name == name
        indexed = {} if named else self.index.lines(name)
        lines: list[_Line] = []
        start = lost = 0
        for line in data.splitlines(keepends=True):
            about = _sound(line, indexed.get(start), complete=not indexed)
            if about is None:
                lost += 1
            else:
                lines.append((line, about))
            start += len(line)
        why = "" if named and not lost else "a line of it is no record" if named else "it is not what it is named by"
        return Judged(name, lines, lost, why)

    def _lost(self, judged: Judged) -> tuple[RRef, ...]:
        """Whose records are gone with a damaged group, as far as the index knows."""
        kept = {about.rref for _, about in judged.lines if isinstance(about, Realization)}
        known = (RRef.parse(about).value_or(None) for _, _, about in self.index.lines(judged.name).values())
        return tuple(sorted(rref for rref in known if rref is not None and rref not in kept))

    # Objects.

    def _objects(self, seen: _Seen) -> frozenset[Digest]:
        there: set[Digest] = set()
        folder = self.root / OBJECTS
        for name in sorted(self.disk.listdir(folder)):
            tree = Digest.parse(f"blake3:{name}").value_or(None)
            if tree is None:
                seen.damages.append(Stray(folder / name, "it is no object"))
            else:
                there.add(tree)
        return frozenset(there)

    def _see_object(self, tree: Digest, seen: _Seen) -> None:
        rrefs = tuple(sorted(seen.wanted.get(tree, ())))
        home = self.root / OBJECTS / tree.hex
        try:
            lost = self.soundness.judge(tree)
        except PermissionError as error:  # a run says whose it is, and is not told that it is damaged
            lost = unreadable(tree, home, error)
        match lost:
            case None:
                seen.damages += _rights_within(home, self.disk, finished=bool(rrefs))
            case DamagedObject(_, path, found, files, why):
                seen.damages.append(DamagedObject(tree, path, found, files, why, rrefs))
            case MissingObject():  # it was dropped meanwhile
                pass


def _claim(realization: Realization, seen: _Seen) -> None:
    """Note which objects a realization has, and which of them must be there."""
    logs = [each.whole for each in (realization.log, *(each.log for each in realization.earlier)) if each]
    for tree in {realization.tree, *logs} - {None}:
        if tree is not None:
            seen.wanted.setdefault(tree, []).append(realization.rref)
            if tree != realization.tree or not realization.ephemeral:
                seen.needed.add(tree)


def _sound(line: bytes, indexed: tuple[int, int, str] | None, *, complete: bool) -> Realization | DRef | str | None:
    """Read a line, if it is as it was written: by what it is named by, and by the checksum that was taken of it.

    Names do not cover all of a record, so where the index knows the group a line that it does not know is not believed.
    """
    if not line.endswith(b"\n") or (indexed is None and not complete):
        return None
    record = line[:-1]
    if indexed is not None and (len(record), crc32(record)) != indexed[:2]:
        return None
    try:
        text = record.decode()
    except UnicodeDecodeError:
        return None
    return read_line(text).value_or(None)


# Rights.


def _rights_within(home: Path, disk: Disk, *, finished: bool) -> Iterator[WrongRights]:
    """Say what is not read-only in an object; who stores it may not have ``finished`` the folder itself."""
    status = disk.lstat(home)
    if finished:
        yield from _rights(home, status, _FOLDER, None)
    pending = [str(home)]
    while pending:
        with disk.scandir(pending.pop()) as found:
            for each in found:
                if each.is_symlink():
                    continue
                if folder := each.is_dir(follow_symlinks=False):
                    pending.append(each.path)
                inner = each.stat(follow_symlinks=False)
                runs = folder or inner.st_mode & stat.S_IXUSR
                yield from _rights(Path(each.path), inner, _FOLDER if runs else _FILE, status.st_uid)


def _rights(path: Path, status: os.stat_result, wanted: int, owner: int | None) -> Iterator[WrongRights]:
    mode = stat.S_IMODE(status.st_mode)
    stranger = owner is not None and status.st_uid != owner
    if mode != wanted or stranger:
        yield WrongRights(path, mode, wanted, status.st_uid if stranger else None)
