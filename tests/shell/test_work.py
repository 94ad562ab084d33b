"""Carrying out one task: measures, and logs."""

from __future__ import annotations

import mmap
from pathlib import Path

import errands
import pytest
from errands import task

from lightfx.core.realization import INLINE_LOG
from lightfx.core.secrets import Veil
from lightfx.shell.executor import work
from lightfx.shell.executor.work import carry_out, file_log, forget_peak, peak_of_process, peak_since


def _held(size: int) -> None:
    """Hold memory that is new to this process: an allocator may give what lay free and resident in its heap."""
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as pages:
        for start in range(0, size, mmap.PAGESIZE):
            pages[start] = 1


def test_the_peak_begins_anew() -> None:
    _held(64 << 20)
    forget_peak()
    before = peak_since()
    _held(32 << 20)
    assert peak_since() - before > 16 << 20
    assert peak_of_process() >= peak_since() // 2


def test_where_the_system_does_not_tell_the_process_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "_STATUS", tmp_path / "absent")
    monkeypatch.setattr(work, "_CLEAR", tmp_path / "absent/too")
    forget_peak()
    assert peak_since() == peak_of_process()
    (tmp_path / "absent").write_text("Name: x\n")
    assert peak_since() == peak_of_process()


@pytest.mark.parametrize("size", [0, 1, INLINE_LOG])
def test_a_short_log_is_all_text(tmp_path: Path, size: int) -> None:
    assert file_log(b"x" * size, tmp_path / "place", Veil()) == ("x" * size, None)
    assert not (tmp_path / "place").exists()


def test_a_long_log_is_cut_between_bytes(tmp_path: Path) -> None:
    text = ("é" * INLINE_LOG + "x").encode()
    tail, whole = file_log(text, tmp_path / "place", Veil())
    assert whole == tmp_path / "place/log"
    assert (whole / "log.txt").read_bytes() == text
    assert tail.encode("utf-8", "replace").endswith("éx".encode())
    assert tail.startswith("\ufffd")


def test_an_interrupt_is_nobodys_result(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        carry_out(task(1, errands.interrupt, tmp_path), peak_of_process)


def test_a_working_folder_that_is_gone_hinders_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert carry_out(task(1, errands.who, tmp_path), peak_of_process).result.unwrap()
