"""Roots on the disk: ``roots/<name>``, each a file of JSON that says what it keeps.

A root with a ``link`` is one only while a symbolic link at that path leads to
the object that it led to when it was made (indirect roots, as in Nix): to
remove the link is all that a user has to do. A file that cannot be read is
damage: nothing is removed from a store of which it is not known what to keep.
"""

from __future__ import annotations

import errno
import json
import os
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import final

from attrs import frozen

from lightfx.core.failures import DamagedRecord
from lightfx.core.inventory import Anchor, parse_ref
from lightfx.core.layout import ROOTS
from lightfx.core.names import Digest
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.store.sync import sync_path, write_durably
from lightfx.shell.store.trouble import StoreTroubleError


@final
@frozen
class Roots:
    """The roots of the store at ``root``; they are written by way of the ``private`` folder."""

    root: Path
    private: Path
    disk: Disk = REAL

    @property
    def folder(self) -> Path:
        """Where they lie."""
        return self.root / ROOTS

    def every(self) -> list[Anchor]:
        """List those that hold, by name."""
        return [each for each in self._read() if self._holds(each)]

    def hold(self, root: Anchor) -> None:
        """Make a root, or replace the one of that name."""
        fields = {"ref": root.ref.text}
        if root.link and root.tree is not None:
            fields |= {"link": os.fsencode(root.link).hex(), "tree": root.tree.text}
        self.disk.make_folders(self.folder, 0o775)  # founders of old may have left it out
        data = (json.dumps(fields, sort_keys=True) + "\n").encode()
        write_durably(self.folder / root.name, [data], self.private / f"root-{uuid.uuid4().hex}", self.disk)

    def let_go(self, name: str) -> bool:
        """Remove a root; tell whether it was there."""
        if name not in {each.name for each in self._read()}:
            return False
        self.disk.remove(self.folder / name)
        sync_path(self.folder, self.disk)
        return True

    def sweep(self) -> None:
        """Remove those whose link is gone."""
        for each in self._read():
            if not self._holds(each):
                self.disk.remove(self.folder / each.name)

    def judge(self, path: Path) -> bool | None:
        """Tell whether the root at ``path`` holds; None where it cannot be read."""
        try:
            return self._holds(self._anchor(path))
        except StoreTroubleError:
            return None

    def _read(self) -> list[Anchor]:
        with suppress(FileNotFoundError):
            return [self._anchor(self.folder / name) for name in sorted(self.disk.listdir(self.folder))]
        return []

    def _anchor(self, path: Path) -> Anchor:
        try:
            fields = json.loads(self.disk.read_whole(path))
            root = _spelled(path.name, fields) if isinstance(fields, dict) else None
        except (ValueError, RecursionError):
            root = None
        if root is None:
            why = "it is no root that this version can read, so nothing is removed from the store; remove it by hand"
            raise StoreTroubleError(DamagedRecord(str(path), why))
        return root

    def _holds(self, root: Anchor) -> bool:
        if not root.link or root.tree is None:
            return True
        try:
            target = self.disk.readlink(root.link)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            if error.errno == errno.EINVAL:  # something else stands there now
                return False
            raise
        return os.path.basename(target) == root.tree.hex  # noqa: PTH119 -- a str that may be no text


def _spelled(name: str, fields: Mapping[str, object]) -> Anchor | None:
    ref, link, tree = (fields.get(each) for each in ("ref", "link", "tree"))
    found = parse_ref(ref) if isinstance(ref, str) else None
    if found is None:
        return None
    if link is None:
        return Anchor(name, found)
    digest = Digest.parse(tree).value_or(None) if isinstance(tree, str) else None
    if not isinstance(link, str) or digest is None:
        return None
    return Anchor(name, found, os.fsdecode(bytes.fromhex(link)), digest)
