"""Manifests: the content of a folder, as a list of entries with one digest.

An entry is a relative path, a kind, and what the kind tells: for a file its
size, whether it is executable, and the digest of its bytes; for a symbolic link
its target; for a folder nothing. Times, owners and the order of directory
entries do not count; names, and where one ends and the next begins, do.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import TypeAlias, final

from attrs import frozen

from lightfx.core.canonical import Tree, spell_checked
from lightfx.core.names import Digest


class Kind(Enum):
    """What an entry of a folder may be."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"


@final
@frozen(order=True)
class Entry:
    """One entry: ``data`` is the digest of a file, or the target of a link."""

    path: str
    kind: Kind
    data: str = ""
    size: int = 0
    executable: bool = False

    @property
    def tree(self) -> list[Tree]:
        """The entry as it is digested."""
        return [self.path, self.kind.value, self.data, self.size, self.executable]


Manifest: TypeAlias = tuple[Entry, ...]
"""The content of a folder, sorted by path."""


def digest_of(entries: Iterable[Entry]) -> Digest:
    """Digest a manifest.

    >>> one = [Entry("a", Kind.FILE, "blake3:1", 3), Entry("b", Kind.FOLDER)]
    >>> digest_of(one) == digest_of(reversed(one))
    True
    >>> digest_of(one) == digest_of(one[:1])
    False
    """
    ordered: list[Tree] = [entry.tree for entry in sorted(entries, key=lambda entry: entry.path)]
    return Digest.of(spell_checked(ordered).encode("utf-8", "surrogateescape"))


def stays_inside(path: str, target: str) -> bool:
    """Tell whether a link at ``path`` to ``target`` stays inside its tree, by its text alone.

    >>> stays_inside("a/b", "../c"), stays_inside("a/b", "../../c"), stays_inside("a", "/etc")
    (True, False, False)
    """
    if not target or target.startswith("/"):
        return False
    folder = path.rpartition("/")[0]
    depth = folder.count("/") + 1 if folder else 0
    for step in target.split("/"):
        depth += -1 if step == ".." else step not in ("", ".")
        if depth < 0:
            return False
    return True
