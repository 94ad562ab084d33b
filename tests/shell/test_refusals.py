"""What the operating system refuses: one answer for the store, keys, archives and the settings of caches."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from lightfx.core.failures import DiskFull, NotPermitted, SystemTrouble
from lightfx.shell.refusals import is_full, refusal

AT, ACT = Path("here"), "do it"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_no_room(code: int) -> None:
    assert is_full(OSError(code, os.strerror(code)))
    assert refusal(OSError(code, os.strerror(code), "a/b"), AT, ACT) == DiskFull("a/b", ACT)


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_no_right(code: int) -> None:
    assert refusal(OSError(code, os.strerror(code)), AT, ACT) == NotPermitted("here", ACT)


def test_anything_else_is_told_in_the_words_of_the_system_or_its_own_and_never_without_end() -> None:
    assert refusal(OSError(errno.EIO, "Input/output error"), AT, ACT) == SystemTrouble(
        "here", ACT, "Input/output error"
    )
    assert refusal(OSError("x" * 9000), AT, ACT) == SystemTrouble("here", ACT, "x" * 500)
    assert refusal(BlockingIOError(), AT, ACT) == SystemTrouble("here", ACT, "BlockingIOError")
    assert not is_full(OSError("no number"))
