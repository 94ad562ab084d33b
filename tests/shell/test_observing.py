"""Observing: what has not changed is not read again, and what may have changed is."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lightfx.core.names import Digest
from lightfx.core.outcome import Raised
from lightfx.shell.disk import Disk
from lightfx.shell.store import observing
from lightfx.shell.store.index import Index
from lightfx.shell.store.observing import GRAIN, Observer

LATER = 2 * GRAIN


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    made = Index(tmp_path / "index.sqlite")
    yield made
    made.close()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was read, from the disk."""
    seen: list[str] = []
    digest = observing.digest_file

    def note(path: str, size: int, disk: Disk) -> str:
        seen.append(Path(path).name)
        return digest(path, size, disk)

    monkeypatch.setattr(observing, "digest_file", note)
    return seen


def pass_by(monkeypatch: pytest.MonkeyPatch, nanoseconds: int) -> None:
    """Let the clock be ahead of the files' times."""
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + nanoseconds)


def test_what_was_just_written_is_read_again(tmp_path: Path, index: Index, reads: list[str]) -> None:
    """Racily clean: it could change within one grain of its time."""
    (tmp_path / "f").write_bytes(b"1")
    observer = Observer(index)
    for _ in range(3):
        observer.observe([tmp_path / "f"])
    assert reads == ["f"] * 3


def test_what_is_old_is_read_once(
    tmp_path: Path, index: Index, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f").write_bytes(b"1")
    (tmp_path / "t").mkdir()
    (tmp_path / "t/g").write_bytes(b"2")
    pass_by(monkeypatch, LATER)
    seen = [Observer(index).observe([tmp_path / "f", tmp_path / "t"]) for _ in range(3)]
    assert reads == ["f", "g"]
    assert seen[0] == seen[1] == seen[2]


def test_an_old_time_put_back_deceives_nobody(
    tmp_path: Path, index: Index, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time of the last change of status cannot be set."""
    path = tmp_path / "f"
    path.write_bytes(b"1")
    old = path.stat()
    pass_by(monkeypatch, LATER)
    first = Observer(index).observe([path])
    path.write_bytes(b"2")
    os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns))
    assert Observer(index).observe([path]) != first
    assert reads == ["f", "f"]


def test_what_changes_while_it_is_read_is_not_noted(
    tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trap: reading took longer than the grain, and the file was young when it began."""
    path = tmp_path / "f"
    path.write_bytes(b"1")
    digest = observing.digest_file

    def slow(name: str, size: int, disk: Disk) -> str:
        found = digest(name, size, disk)
        pass_by(monkeypatch, LATER)
        return found

    monkeypatch.setattr(observing, "digest_file", slow)
    Observer(index).observe([path])
    assert index.recall(str(path)) is None


def test_another_file_in_its_place_is_read(
    tmp_path: Path, index: Index, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one").write_bytes(b"1")
    (tmp_path / "two").write_bytes(b"2")
    (tmp_path / "l").symlink_to("one")
    pass_by(monkeypatch, LATER)
    first = Observer(index).observe([tmp_path / "l"])
    (tmp_path / "l").unlink()
    (tmp_path / "l").symlink_to("two")
    assert Observer(index).observe([tmp_path / "l"]) != first
    assert reads == ["one", "two"]


def test_a_link_to_a_file_is_the_file_under_its_own_name(tmp_path: Path, index: Index) -> None:
    (tmp_path / "data").write_bytes(b"1")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/data").symlink_to(tmp_path / "data")
    seen = Observer(index).observe([tmp_path / "data", tmp_path / "elsewhere/data"])
    assert len(set(seen.values())) == 1


def test_without_an_index_all_is_read(tmp_path: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "f").write_bytes(b"1")
    pass_by(monkeypatch, LATER)
    observer = Observer(None)
    assert isinstance(observer.observe([tmp_path / "f"])[tmp_path / "f"], Digest)
    observer.observe([tmp_path / "f"])
    assert reads == ["f", "f"]


def test_an_error_without_words_is_told_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> str:
        raise OSError("only this")

    (tmp_path / "f").write_bytes(b"1")
    monkeypatch.setattr(observing, "digest_file", fail)
    found = Observer(None).observe([tmp_path / "f"])[tmp_path / "f"]
    assert isinstance(found, Raised)
    assert found.message == "f: only this"
