"""Notes of objects: one that is damaged itself is as none, and damage is told all the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest

from lightfx.core.damage import DamagedObject
from lightfx.core.manifest import Entry, Kind, digest_of
from lightfx.core.names import Digest
from lightfx.shell.store import soundness
from lightfx.shell.store.soundness import Soundness
from lightfx.testing.faults import Watched

FILE = Entry("a.txt", Kind.FILE, Digest.of(b"text").text, 4)
TREE = digest_of([FILE])


class Kept:
    """Notes, as the index keeps them."""

    def __init__(self) -> None:
        self.notes: dict[Digest, bytes] = {}

    def noted(self, trees: Sequence[Digest]) -> Mapping[Digest, bytes]:
        return {tree: self.notes[tree] for tree in trees if tree in self.notes}

    def note(self, notes: Mapping[Digest, bytes]) -> None:
        self.notes.update(notes)

    def damaged(self) -> frozenset[Digest]:
        return frozenset()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "objects" / TREE.hex / FILE.path
    path.parent.mkdir(parents=True)
    path.write_bytes(b"text")
    return path


def unsound(tmp_path: Path, kept: Kept, trees: Iterable[Digest] = (TREE,)) -> Mapping[Digest, object]:
    return Soundness(tmp_path, kept).unsound(trees)


def test_what_is_noted_tells_which_file_differs(tmp_path: Path, file: Path) -> None:
    kept = Kept()
    assert unsound(tmp_path, kept) == {}
    assert TREE in kept.notes
    file.write_bytes(b"other")
    found = unsound(tmp_path, kept)[TREE]
    assert isinstance(found, DamagedObject)
    assert found.files == ("a.txt",)


@pytest.mark.parametrize("damage", [b"", b"a", b"\0\0", b"\0\0\0", b"\0folder\0\0x\0a.txt\0file\0b\0", b"\xff\0" * 4])
def test_a_note_that_is_damaged_is_as_none(tmp_path: Path, file: Path, damage: bytes) -> None:
    kept = Kept()
    kept.notes[TREE] = damage
    assert unsound(tmp_path, kept) == {}
    file.write_bytes(b"other")
    kept.notes[TREE] = damage
    assert isinstance(unsound(tmp_path, kept)[TREE], DamagedObject)


def test_notes_of_many_files_are_not_all_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are kept, and recalled: nothing is digested again for that."""
    trees = []
    for number in range(200):
        entry = Entry("a.txt", Kind.FILE, Digest.of(b"%d" % number).text, len(str(number)))
        trees.append(digest_of([entry]))
        path = tmp_path / "objects" / trees[-1].hex / entry.path
        path.parent.mkdir(parents=True)
        path.write_bytes(b"%d" % number)
    kept = Kept()
    monkeypatch.setattr(soundness, "_AT_HAND", 32 << 10)
    monkeypatch.setattr(soundness, "TRUST", 0.0)
    disk = Watched()
    asked = Soundness(tmp_path, kept, disk=disk)
    for tree in trees:
        assert asked.judge(tree) is None
    assert 0 < len(kept.notes) < 200
    assert asked.unsound(trees) == {}
    asked.write()
    assert sum(map(len, asked._notes.values())) == asked._size <= 32 << 10
    assert set(kept.notes) == {*trees}
    disk.calls.clear()
    assert asked.unsound(trees) == {}
    assert [call for call in disk.calls if call.act == "open"] == []
