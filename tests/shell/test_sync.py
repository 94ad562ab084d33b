"""Durable writing: whole, or not at all; and what a failing disk is asked once."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from makings import listing

from lightfx.shell.store import sync
from lightfx.shell.store.sync import FEW, sync_all, sync_path, write_durably

EIO = OSError(5, "Input/output error")


def failing(calls: list[int], at: int, right: Callable[..., int]) -> Callable[..., int]:
    """A system call that fails the ``at``-th time, and notes on what it was called."""

    def call(descriptor: int, *rest: object) -> int:
        calls.append(descriptor)
        if len(calls) == at:
            raise EIO
        return right(descriptor, *rest)

    return call


def test_written_whole(tmp_path: Path) -> None:
    write_durably(tmp_path / "f", [b"one", b"", b"two" * 100_000], tmp_path / "aside")
    assert listing(tmp_path) == {"f": b"one" + b"two" * 100_000}
    assert not (tmp_path / "f").stat().st_mode & 0o222


def test_written_whole_though_the_system_takes_little_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
    write_durably(tmp_path / "f", [b"0123456789", b"ab"], tmp_path / "aside")
    monkeypatch.undo()
    assert listing(tmp_path) == {"f": b"0123456789ab"}


@pytest.mark.parametrize("at", [1, 2, 3])
def test_nothing_is_left_of_a_write_that_fails_midway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    (tmp_path / "f").write_bytes(b"old")
    monkeypatch.setattr(os, "write", failing([], at, os.write))
    with pytest.raises(OSError, match="Input/output"):
        write_durably(tmp_path / "f", [b"1", b"2", b"3"], tmp_path / "aside")
    monkeypatch.undo()
    assert listing(tmp_path) == {"f": b"old"}


def test_a_sync_that_fails_is_never_retried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr(os, "fsync", failing(calls, 1, os.fsync))
    with pytest.raises(OSError, match="Input/output"):
        write_durably(tmp_path / "f", [b"new"], tmp_path / "aside")
    monkeypatch.undo()
    assert len(calls) == 1
    assert listing(tmp_path) == {}


def test_a_rename_that_fails_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    """Trap: the half that was left made every later attempt fail."""
    (tmp_path / "f").mkdir()
    for _ in range(2):
        with pytest.raises(IsADirectoryError):
            write_durably(tmp_path / "f", [b"new"], tmp_path / "aside")
    assert listing(tmp_path) == {"f": None}


def test_who_finds_something_aside_does_not_write_over_it(tmp_path: Path) -> None:
    (tmp_path / "aside").write_bytes(b"another's")
    with pytest.raises(FileExistsError):
        write_durably(tmp_path / "f", [b"new"], tmp_path / "aside")
    assert listing(tmp_path) == {"aside": b"another's"}


def test_the_folder_is_synced_after_the_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, bool]] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        seen.append((os.readlink(f"/proc/self/fd/{descriptor}"), (tmp_path / "f").exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    write_durably(tmp_path / "f", [b"new"], tmp_path / "aside")
    assert seen == [(str(tmp_path / "aside"), False), (str(tmp_path), True)]


@pytest.mark.parametrize("count", [0, 1, FEW, FEW + 1, 30])
@pytest.mark.parametrize("has_syncfs", [True, False])
def test_many_are_synced_at_once_and_few_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, has_syncfs: bool
) -> None:
    paths = [tmp_path / str(number) for number in range(count)]
    for path in paths:
        path.touch()
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.readlink(f"/proc/self/fd/{descriptor}")))
    if not has_syncfs:
        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
    sync_all([str(path) for path in paths], tmp_path)
    assert synced == ([] if has_syncfs and count > FEW else [str(path) for path in paths])


def test_a_sync_of_all_that_fails_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        @staticmethod
        def syncfs(_: int) -> int:
            ctypes.set_errno(28)
            return -1

    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: Broken)
    with pytest.raises(OSError, match="No space") as caught:
        sync_all([str(tmp_path)] * (FEW + 1), tmp_path)
    assert caught.value.filename == str(tmp_path)


def test_descriptors_are_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = len(os.listdir("/proc/self/fd"))

    def fail(_: int) -> None:
        raise EIO

    monkeypatch.setattr(os, "fsync", fail)
    for _ in range(3):
        with pytest.raises(OSError, match="Input/output"):
            sync_path(tmp_path)
        with pytest.raises(OSError, match="Input/output"):
            sync.write_durably(tmp_path / "f", [b""], tmp_path / "aside")
    assert len(os.listdir("/proc/self/fd")) == before
