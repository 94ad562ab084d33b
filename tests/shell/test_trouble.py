"""From the errors of the system to failures."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import pytest
from makings import good, trouble

from lightfx.core.failures import (
    DiskFull,
    EngineFailure,
    IndexTrouble,
    NoStore,
    NotPermitted,
    SplitStore,
    SystemTrouble,
)
from lightfx.shell.store.trouble import StoreTroubleError, guarded, translate

AT, ACT = Path("store"), "write records"


def os_error(code: int, *more: str) -> OSError:
    return OSError(code, os.strerror(code), *more)


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (os_error(errno.ENOSPC), DiskFull("store", ACT)),
        (os_error(errno.ENOSPC, "store/tmp/1"), DiskFull("store/tmp/1", ACT)),
        (os_error(errno.EDQUOT), DiskFull("store", ACT)),
        (os_error(errno.EFBIG), DiskFull("store", ACT)),
        (os_error(errno.EACCES), NotPermitted("store", ACT)),
        (os_error(errno.EPERM, "x"), NotPermitted("x", ACT)),
        (os_error(errno.EROFS), NotPermitted("store", ACT)),
        (
            OSError(errno.EXDEV, "it crosses", "store/tmp/1/a", None, "store/objects/b"),
            SplitStore("store/tmp/1", "store/objects"),
        ),
        (os_error(errno.EXDEV, "x"), SystemTrouble("x", ACT, os.strerror(errno.EXDEV))),
        (os_error(errno.EIO, "x"), SystemTrouble("x", ACT, "Input/output error")),
        (os_error(errno.EMFILE), SystemTrouble("store", ACT, "Too many open files")),
        (OSError("in its own words"), SystemTrouble("store", ACT, "in its own words")),
        (sqlite3.OperationalError("database or disk is full"), DiskFull("store", ACT)),
        (sqlite3.OperationalError("attempt to write a readonly database"), NotPermitted("store", ACT)),
        (
            sqlite3.DatabaseError("database disk image is malformed"),
            IndexTrouble(AT, "database disk image is malformed"),
        ),
        (StoreTroubleError(NoStore(AT)), NoStore(AT)),
    ],
    ids=str,
)
def test_errors_become_failures(error: Exception, failure: EngineFailure) -> None:
    assert translate(error, AT, ACT) == failure

    def work() -> int:
        raise error

    assert trouble(guarded(AT, ACT, work)) == failure


def test_what_is_no_trouble_of_the_system_is_a_bug_and_seen_as_one() -> None:
    with pytest.raises(ZeroDivisionError):
        guarded(AT, ACT, lambda: 1 // 0)
    assert good(guarded(AT, ACT, lambda: 1)) == 1
