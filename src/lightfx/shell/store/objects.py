"""Objects: read-only folders named by content, each stored once.

A folder becomes an object in this order: walk and digest, take the right to
write, sync (once for the whole batch), rename to the content's name, sync the
folder of objects. To find the name taken is to succeed: someone stored the same
bytes first, and ours are dropped.

Where the object that has the name is damaged ours takes its place: it is moved
aside first, so that for a moment there is none, and never half of one.

What is at its name is looked at once more as it is noted: a process that a stage
left running may have changed it after it was digested. Then it goes, and
is refused: where it was there is an empty folder.

An object goes by a rename out of the folder of objects, so that it is there
whole or not at all.
"""

from __future__ import annotations

import errno
import os
import stat
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from lightfx.core.failures import NotPermitted
from lightfx.core.layout import OBJECTS, object_path
from lightfx.core.manifest import Entry, Kind, Manifest, digest_of
from lightfx.core.names import Digest
from lightfx.core.realization import LOG_NAME
from lightfx.effects.store import Forbidden, Ingested
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.store.soundness import Soundness, examine
from lightfx.shell.store.sync import sync_all, sync_path
from lightfx.shell.store.tree import ForbiddenError, entries_of, make_read_only, remove_tree, size_of
from lightfx.shell.store.trouble import StoreTroubleError

_WRITE: Final = 0o222
_READ_ONLY: Final = 0o555
_MOVABLE: Final = 0o755


class Objects:
    """The objects under ``root``; ``durable`` is False where losing them is no loss."""

    def __init__(
        self, root: Path, soundness: Soundness | None = None, *, durable: bool = True, disk: Disk = REAL
    ) -> None:
        self._root = root
        self._disk = disk
        self._soundness = soundness or Soundness(root, None, disk=disk)
        self._durable = durable

    def ingest(self, folders: Sequence[Path]) -> dict[Path, Ingested]:
        """Make folders into objects."""
        walked: dict[Path, Ingested] = {}
        fresh: list[tuple[Path, Digest, list[Entry]]] = []
        seen: dict[Path, dict[str, os.stat_result]] = {}
        for folder in folders:
            try:
                entries = entries_of(folder, disk=self._disk, seen=seen.setdefault(folder, {}))
            except ForbiddenError as error:
                walked[folder] = error.forbidden
                continue
            tree = walked[folder] = digest_of(entries)
            if not self._is_there(self._root / object_path(tree)) or self._soundness.unsound((tree,)):
                try:
                    make_read_only(folder, entries, self._disk)
                except ForbiddenError as error:
                    walked[folder] = error.forbidden
                    continue
                fresh.append((folder, tree, entries))
        if fresh and self._durable:
            paths = [path for folder, _, entries in fresh for path in _to_sync(folder, entries)]
            sync_all(paths, self._root / OBJECTS, self._disk)
        for folder, tree, entries in fresh:
            if self._move(folder, tree) and not self._is_as_digested(folder, tree, entries, seen[folder]):
                walked[folder] = Forbidden(".", "was changed while it was stored")
        stored = [folder for folder, ingested in walked.items() if isinstance(ingested, Digest)]
        if stored and self._durable:
            # Also where all were there already: who came first may not have synced the name yet.
            sync_path(self._root / OBJECTS, self._disk)
        for folder in stored:
            remove_tree(folder, self._disk)
        return walked

    def _move(self, folder: Path, tree: Digest) -> bool:
        """Give a folder the name of its content; tell whether it has it now."""
        home = self._root / object_path(tree)
        if self._moved(folder, home):
            return True
        if not self._soundness.unsound((tree,)):
            return False
        trash = folder.with_name(f"damaged-{uuid.uuid4().hex}")
        self.move_out((tree,), trash, logs=True)
        moved = self._moved(folder, home)
        remove_tree(trash, self._disk)
        if not moved and self._soundness.unsound((tree,)):
            # What is answered as stored is there: so what is damaged, and not ours to move, is trouble.
            raise StoreTroubleError(NotPermitted(str(home), "put a sound object in the place of the damaged one"))
        return moved

    def _is_as_digested(
        self, folder: Path, tree: Digest, entries: Sequence[Entry], seen: Mapping[str, os.stat_result]
    ) -> bool:
        """Note what was stored just now; or drop it, if something a stage left running changed it."""
        home = self.folder_of(tree)
        if self._soundness.note(tree, entries, seen) or not self._disk.lexists(home):
            return True
        damage, again = examine(tree, home, b"", self._disk)
        if damage is None:
            self._soundness.note(tree, again)
            return True
        trash = folder.with_name(f"changed-{uuid.uuid4().hex}")
        self.move_out((tree,), trash, logs=True)
        remove_tree(trash, self._disk)
        self._disk.mkdir(folder)  # and not what was in it: whoever changed that would reach it again by its name
        return False

    def present(self, trees: Iterable[Digest]) -> frozenset[Digest]:
        """Tell which objects are there."""
        return frozenset(tree for tree in trees if self._disk.lexists(self.path_of(tree)))

    def move_out(self, trees: Iterable[Digest], aside: Path, *, logs: bool = False) -> int:
        """Move objects into the new folder ``aside``; count them. What is not there, or not ours, stays as it is.

        ``logs``: also what may be the log of a realization, of which no index says whose.
        """
        moved = 0
        for tree in dict.fromkeys(trees):
            home = self.folder_of(tree)
            with suppress(FileNotFoundError, PermissionError):
                is_folder = stat.S_ISDIR(self._disk.lstat(home).st_mode)
                if not logs and is_folder and self._disk.listdir(home) == [LOG_NAME]:
                    continue
                if is_folder:  # a link that came to its place is moved, and what it leads to is not changed
                    self._disk.chmod(home, _MOVABLE)
                self._disk.make_folders(aside, 0o700)
                self._disk.rename(home, aside / tree.hex)
                moved += 1
        return moved

    def every(self) -> list[Digest]:
        """List the objects that are there."""
        names = self._disk.listdir(self._root / OBJECTS)
        digests = (Digest.parse(f"blake3:{name}").value_or(None) for name in names)
        return [digest for digest in digests if digest is not None]

    def sizes(self, trees: Iterable[Digest]) -> dict[Digest, int]:
        """Count the bytes of the files of objects; those that are there."""
        return {tree: size_of(self.path_of(tree), self._disk) for tree in self.present(trees)}

    def manifests(self, folders: Sequence[Path], private: Path) -> dict[Path, Manifest | Forbidden]:
        """List what is in folders; rights are taken on those in ``private`` alone."""
        listed: dict[Path, Manifest | Forbidden] = {}
        for folder in folders:
            with suppress(FileNotFoundError, NotADirectoryError):
                try:
                    found = entries_of(folder, ours=folder.is_relative_to(private), disk=self._disk)
                    listed[folder] = tuple(sorted(found, key=lambda entry: entry.path))
                except ForbiddenError as error:
                    listed[folder] = error.forbidden
        return listed

    def path_of(self, tree: Digest) -> str:
        """Where an object lies, as text: for those who ask by the thousand."""
        return f"{self._root}/{OBJECTS}/{tree.hex}"

    def folder_of(self, tree: Digest) -> Path:
        """Where an object lies."""
        return self._root / OBJECTS / tree.hex

    def _is_there(self, home: Path) -> bool:
        """Tell whether an object is stored; finish what a crash between its rename and its last chmod left."""
        try:
            found = self._disk.lstat(home).st_mode
        except FileNotFoundError:
            return False
        mode = found if stat.S_ISDIR(found) else 0  # what else is there is damage, and is not followed
        if mode & _WRITE:
            with suppress(PermissionError):  # somebody else's, who does it himself
                self._disk.chmod(home, _READ_ONLY)
        return True

    def _moved(self, folder: Path, home: Path) -> bool:
        """Rename a folder, unless there is something by that name."""
        try:
            self._disk.rename(folder, home)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                raise
            return False
        self._disk.chmod(home, _READ_ONLY)
        return True


def _to_sync(folder: Path, entries: Sequence[Entry]) -> list[str]:
    """Files, and the folders that hold names; a link is a name."""
    base = str(folder)
    return [f"{base}/{each.path}" for each in entries if each.kind is not Kind.LINK] + [base]
