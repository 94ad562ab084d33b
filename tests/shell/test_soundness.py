"""Notes of objects: one that is damaged itself is as none, and damage is told all the same."""

from __future__ import annotations

import sys
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
        self.given: list[Mapping[Digest, bytes]] = []

    def noted(self, trees: Sequence[Digest], most: int = sys.maxsize) -> Mapping[Digest, bytes]:
        found = {tree: self.notes[tree] for tree in trees if tree in self.notes}
        self.given.append({tree: note for tree, note in found.items() if len(note) <= most})
        return self.given[-1]

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


def many(root: Path, count: int, files: int = 1) -> list[Digest]:
    """Make objects with files of a few bytes."""
    trees = []
    for number in range(count):
        data = b"%d" % number
        entries = [Entry(f"{each}.txt", Kind.FILE, Digest.of(data).text, len(data)) for each in range(files)]
        trees.append(digest_of(entries))
        for entry in entries:
            path = root / "objects" / trees[-1].hex / entry.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return trees


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
    trees = many(tmp_path, 200)
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


@pytest.mark.parametrize("room", [1, 3, 10])
def test_trap_notes_of_many_objects_drove_each_other_out_before_they_were_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    """Trap: with notes of one batch that did not fit at hand, objects were digested in full each time."""
    trees, kept, disk = many(tmp_path, 4, files=5), Kept(), Watched()
    unsound(tmp_path, kept, trees)
    monkeypatch.setattr(soundness, "_AT_HAND", room * max(map(len, kept.notes.values())))
    monkeypatch.setattr(soundness, "TRUST", 0.0)
    asked = Soundness(tmp_path, kept, disk=disk)
    for _ in range(3):
        assert asked.unsound(trees) == {}
    assert [call for call in disk.calls if call.act == "open"] == []


def test_trap_notes_of_many_objects_were_recalled_all_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trap: notes of 64 objects were loaded together, however large they were."""
    trees, kept = many(tmp_path, 100, files=5), Kept()
    unsound(tmp_path, kept, trees)
    at_hand = 10 * max(map(len, kept.notes.values()))
    monkeypatch.setattr(soundness, "_AT_HAND", at_hand)
    kept.given.clear()
    assert unsound(tmp_path, kept, trees) == {}
    assert kept.given
    assert all(len(given) <= 1 or sum(map(len, given.values())) <= at_hand / 4 for given in kept.given)


def test_small_notes_are_asked_for_together(tmp_path: Path) -> None:
    """One question to the database for many objects, where their notes are small."""
    trees, kept = many(tmp_path, 100), Kept()
    unsound(tmp_path, kept, trees)
    kept.given.clear()
    assert unsound(tmp_path, kept, trees) == {}
    assert [len(given) for given in kept.given] == [64, 36]
