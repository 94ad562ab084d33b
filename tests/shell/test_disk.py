"""The disk: what is made of its primitives."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest
from makings import fill, listing

from lightfx.shell.disk import REAL, Disk, Name
from lightfx.testing.faults import Refusal, Short, Watched, at, every


def test_written_whole_however_little_is_taken(tmp_path: Path) -> None:
    disk = Watched(plan=every(1, Short(3), {"write"}))
    disk.write_whole(tmp_path / "f", b"0123456789")
    with disk.file(tmp_path / "g", os.O_WRONLY | os.O_CREAT) as file:
        file.write(b"abcdefghij")
    assert listing(tmp_path) == {"f": b"0123456789", "g": b"abcdefghij"}


@pytest.mark.parametrize("size", [0, 1, 1 << 20, 3 << 20])
def test_read_whole(tmp_path: Path, size: int) -> None:
    (tmp_path / "f").write_bytes(b"x" * size)
    assert REAL.read_whole(tmp_path / "f") == b"x" * size
    with REAL.file(tmp_path / "f", os.O_RDONLY) as file:
        assert file.read() == b"x" * size


def test_what_says_that_it_is_empty_is_read(tmp_path: Path) -> None:
    assert REAL.read_whole("/proc/version") == Path("/proc/version").read_bytes()


@pytest.mark.parametrize("what", ["pipe", "socket", "device", "folder"])
def test_what_is_no_file_is_neither_waited_for_nor_read_without_end(what: str, tmp_path: Path) -> None:
    path = tmp_path / "f"
    match what:
        case "pipe":
            os.mkfifo(path)
        case "socket":
            with socket.socket(socket.AF_UNIX) as made:
                made.bind(str(path))
        case "device":
            path.symlink_to("/dev/zero")
        case _:
            path.mkdir()
    with pytest.raises(OSError) as refused:
        REAL.read_whole(path)
    assert refused.value.filename in (str(path), None)


def test_folders_are_made_with_those_above(tmp_path: Path) -> None:
    for _ in range(2):
        REAL.make_folders(tmp_path / "a/b/c", 0o700)
    assert (tmp_path / "a/b/c").stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").touch()
    for path in ("file", "file/below"):
        with pytest.raises(OSError, match=r"File exists|Not a directory"):
            REAL.make_folders(tmp_path / path)


@pytest.mark.parametrize("path", ["/proc/none", "/proc/none/below", "none/../folder"])
def test_trap_a_folder_that_cannot_be_made_below_one_that_is_there(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trap: what is not found although its parent is there was tried again and again, up to RecursionError."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError):
        REAL.make_folders(path)


def test_a_folder_that_another_made_meanwhile_is_fine(tmp_path: Path) -> None:
    class Raced(Disk):
        def mkdir(self, path: Name, mode: int = 0o777) -> None:
            super().mkdir(path, mode)
            if os.fspath(path) == os.fspath(tmp_path / "a"):
                super().mkdir(tmp_path / "a/b", mode)

    Raced().make_folders(tmp_path / "a/b")
    assert (tmp_path / "a/b").is_dir()


def test_what_is_there_and_what_is_not(tmp_path: Path) -> None:
    fill(tmp_path, {"file": b"", "folder/": "", "link": "-> file", "lost": "-> nowhere", "loop": "-> loop"})
    names = ["file", "folder", "link", "lost", "loop", "none", "file/below"]
    assert [REAL.exists(tmp_path / name) for name in names] == [True, True, True, False, False, False, False]
    assert [REAL.lexists(tmp_path / name) for name in names] == [True, True, True, True, True, False, False]
    assert [REAL.is_link(tmp_path / name) for name in names] == [False, False, True, True, True, False, False]
    assert [REAL.is_folder(tmp_path / name) for name in names] == [False, True, False, False, False, False, False]


def test_trouble_is_not_taken_for_absence(tmp_path: Path) -> None:
    """Trap: a disk that fails said that a result was not there, and it was computed again."""
    for ask in ("exists", "lexists"):
        with pytest.raises(OSError, match="Input/output"):
            getattr(Watched(plan=at(1, Refusal(errno.EIO))), ask)(tmp_path)


def test_a_folder_is_copied(tmp_path: Path) -> None:
    content = {"a/b": b"deep", "c": b"file", "d/": "", "l": "-> a/b"}
    (fill(tmp_path / "one", content) / "c").chmod(0o555)
    (tmp_path / "one/a").chmod(0o555)
    REAL.copy_tree(tmp_path / "one", tmp_path / "two")
    assert listing(tmp_path / "two") == listing(tmp_path / "one")
    assert [(tmp_path / "two" / each).stat().st_mode & 0o777 for each in ("a", "c")] == [0o555, 0o555]
    assert (tmp_path / "two/c").stat().st_mtime_ns == (tmp_path / "one/c").stat().st_mtime_ns


def test_descriptors_are_closed_on_exec(tmp_path: Path) -> None:
    file = REAL.open(tmp_path, os.O_RDONLY)
    assert not os.get_inheritable(file)
    REAL.close(file)


def test_what_goes_between_two_looks_is_looked_at_once(tmp_path: Path) -> None:
    """Trap: who opened a store as another was alone on it met `claims/alone` just as it went, and failed."""

    class Vanishing(Disk):
        def lstat(self, path: Name) -> os.stat_result:
            status = super().lstat(path)
            os.unlink(path)
            return status

        def stat(self, path: Name) -> os.stat_result:
            status = super().stat(path)
            os.rmdir(path)
            return status

    (tmp_path / "link").symlink_to("somewhere")
    (tmp_path / "folder").mkdir()
    assert Vanishing().is_link(tmp_path / "link")
    assert Vanishing().is_folder(tmp_path / "folder")
    assert not Vanishing().is_link(tmp_path / "link")
    assert not Vanishing().is_folder(tmp_path / "folder")
