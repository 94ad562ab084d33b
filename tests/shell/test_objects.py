"""Objects: the order of the steps."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from makings import fill, listing

from lightfx.core.failures import NotPermitted
from lightfx.core.names import Digest
from lightfx.effects.store import Forbidden
from lightfx.shell.disk import Name
from lightfx.shell.store import objects
from lightfx.shell.store.objects import Objects
from lightfx.shell.store.trouble import StoreTroubleError
from lightfx.testing.faults import Over, Refusal, Watched


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is synced, and what is moved, in order."""
    seen: list[str] = []
    rename = os.rename

    def move(path: Path, target: Path) -> None:
        seen.append("move")
        rename(path, target)

    monkeypatch.setattr(objects, "sync_all", lambda paths, *_: seen.append(f"sync {len(paths)}"))
    monkeypatch.setattr(objects, "sync_path", lambda path, _: seen.append(f"sync {Path(path).name}"))
    monkeypatch.setattr(os, "rename", move)
    return seen


def test_synced_then_moved_then_the_names_synced(tmp_path: Path, steps: list[str]) -> None:
    (tmp_path / "objects").mkdir()
    store = Objects(tmp_path)
    folders = [fill(tmp_path / f"f{number}", {"a": b"a", "b/c": b"c", "l": "-> a"}) for number in range(2)]
    found = store.ingest(folders)
    assert steps == ["sync 8", "move", "move", "sync objects"]
    assert len({each.hex for each in found.values() if isinstance(each, Digest)}) == 1
    assert len(os.listdir(tmp_path / "objects")) == 1
    assert not any(folder.exists() for folder in folders)


def test_what_another_has_just_stored_is_synced_too(tmp_path: Path, steps: list[str]) -> None:
    """Trap: who was first may not have synced the name yet when we answer."""
    (tmp_path / "objects").mkdir()
    store = Objects(tmp_path)
    store.ingest([fill(tmp_path / "one", {"a": b"a"})])
    steps.clear()
    store.ingest([fill(tmp_path / "two", {"a": b"a"})])
    assert steps == ["sync objects"]


def test_a_name_that_is_taken_meanwhile_is_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another stores the same content between our look and our rename."""
    (tmp_path / "objects").mkdir()
    rename = os.rename

    def late(path: Path, target: Path) -> None:
        monkeypatch.undo()
        assert Objects(tmp_path).ingest([fill(tmp_path / "theirs", {"a": b"a"})])
        rename(path, target)

    monkeypatch.setattr(os, "rename", late)
    folder = fill(tmp_path / "ours", {"a": b"a"})
    (tree,) = Objects(tmp_path).ingest([folder]).values()
    assert isinstance(tree, Digest)
    assert [path.name for path in tmp_path.iterdir()] == ["objects"]
    assert listing(tmp_path / "objects") == {tree.hex: None, f"{tree.hex}/a": b"a"}


def test_where_nothing_need_last_nothing_is_synced(tmp_path: Path, steps: list[str]) -> None:
    (tmp_path / "objects").mkdir()
    Objects(tmp_path, durable=False).ingest([fill(tmp_path / "one", {"a": b"a"})])
    assert steps == ["move"]


def test_a_move_that_fails_is_an_error(tmp_path: Path) -> None:
    folder = fill(tmp_path / "one", {"a": b"a"})
    with pytest.raises(FileNotFoundError):
        Objects(tmp_path).ingest([folder])
    assert listing(folder) == {"a": b"a"}


class Ghost(Over):
    """A disk on which somebody does something to a folder just before it gets its name."""

    def __init__(self, deed: Callable[[Path], None]) -> None:
        super().__init__()
        self.deed = deed

    def rename(self, source: Name, target: Name, folder: int | None = None) -> None:
        if Path(target).parent.name == "objects":
            self.deed(Path(source))
        super().rename(source, target, folder)


def behind_a_link(folder: Path) -> None:
    (folder / "a").rename(folder / "aside")
    (folder / "a").symlink_to(folder.parent / "elsewhere")


def gone(folder: Path) -> None:
    (folder / "a").rename(folder / "aside")


def another(folder: Path) -> None:
    (folder / "a").unlink()
    (folder / "a").write_bytes(b"b")


def written_to(folder: Path) -> None:
    (folder / "a").chmod(0o644)
    (folder / "a").write_bytes(b"longer")


@pytest.mark.parametrize("deed", [behind_a_link, gone, another, written_to])
def test_trap_what_is_changed_on_the_way_to_its_name_is_refused(tmp_path: Path, deed: Callable[[Path], None]) -> None:
    """Trap: it was stored, and the run failed of damage; and a link in the place of a file was noted as that file."""
    (tmp_path / "objects").mkdir()
    (tmp_path / "elsewhere").write_bytes(b"theirs")
    folder = fill(tmp_path / "one", {"a": b"a", "b/c": b"c"})
    found = Objects(tmp_path, disk=Ghost(deed)).ingest([folder])
    assert found == {folder: Forbidden(".", "was changed while it was stored")}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "objects", "one"]
    assert listing(tmp_path / "objects") == {}
    assert listing(folder) == {}
    assert (tmp_path / "elsewhere").read_bytes() == b"theirs"


def test_what_only_looks_changed_is_digested_once_more_and_stored(tmp_path: Path) -> None:
    """There are file systems on which a file has another number after each move."""

    def copied(folder: Path) -> None:
        (folder / "a").rename(folder / "aside")
        (folder / "a").write_bytes((folder / "aside").read_bytes())
        (folder / "aside").unlink()

    (tmp_path / "objects").mkdir()
    (tree,) = Objects(tmp_path, disk=Ghost(copied)).ingest([fill(tmp_path / "one", {"a": b"a"})]).values()
    assert isinstance(tree, Digest)
    assert listing(tmp_path / "objects") == {tree.hex: None, f"{tree.hex}/a": b"a"}


def test_what_cannot_take_the_place_of_a_damaged_object_is_not_said_to_be_stored(tmp_path: Path) -> None:
    """It is another user's: a record would name files that are not those that the stage wrote."""
    (tmp_path / "objects").mkdir()
    (tree,) = Objects(tmp_path).ingest([fill(tmp_path / "theirs", {"a": b"a"})]).values()
    assert isinstance(tree, Digest)
    home = tmp_path / "objects" / tree.hex
    (home / "a").chmod(0o644)
    (home / "a").write_bytes(b"b")
    disk = Watched(plan=lambda call: Refusal(errno.EPERM) if (call.act, *call.paths) == ("chmod", str(home)) else None)
    with pytest.raises(StoreTroubleError) as caught:
        Objects(tmp_path, disk=disk).ingest([fill(tmp_path / "ours", {"a": b"a"})])
    assert caught.value.failure == NotPermitted(str(home), "put a sound object in the place of the damaged one")
    assert Objects(tmp_path).ingest([fill(tmp_path / "again", {"a": b"a"})])
    assert (home / "a").read_bytes() == b"a"
