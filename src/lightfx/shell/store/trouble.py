"""From errors of the operating system and of SQLite to `EngineFailure`: the one place.

`guarded` carries out a piece of work and turns the errors it names, and no
others, into failures that say on what path what could not be done.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from returns.io import IOFailure, IOResult, IOSuccess

from lightfx.core.failures import (
    Closed,
    DiskFull,
    EngineFailure,
    IndexTrouble,
    NotPermitted,
    SplitStore,
)
from lightfx.shell.refusals import refusal

T = TypeVar("T")


class StoreTroubleError(Exception):
    """Carries a failure that was already put into its record up to the rim of the store."""

    def __init__(self, failure: EngineFailure) -> None:
        super().__init__(failure)
        self.failure = failure


def guarded(path: Path, act: str, work: Callable[[], T]) -> IOResult[T, EngineFailure]:
    """Carry out ``work``; say that we could not ``act`` on ``path`` where the system refuses."""
    # Not by `impure_safe`, which makes a decorated function of each piece of work, for 20 us: a store is asked often.
    try:
        return IOSuccess(work())
    except (OSError, sqlite3.Error, StoreTroubleError) as error:
        return IOFailure(translate(error, path, act))


def translate(error: Exception, path: Path, act: str) -> EngineFailure:
    """Find the failure that an error stands for.

    >>> translate(OSError(errno.ENOSPC, "No space left on device"), Path("store"), "write records")
    DiskFull(path='store', act='write records')
    """
    if isinstance(error, StoreTroubleError):
        return error.failure
    if isinstance(error, OSError):
        if error.errno == errno.EXDEV and error.filename2 is not None:
            return SplitStore(_folder_of(error.filename), _folder_of(error.filename2))
        return refusal(error, path, act)
    if isinstance(error, sqlite3.ProgrammingError) and "closed" in str(error):
        return Closed(path)
    if "disk is full" in str(error):
        return DiskFull(str(path), act)
    if "readonly" in str(error):
        return NotPermitted(str(path), act)
    return IndexTrouble(path, str(error))


def _folder_of(path: object) -> str:
    return os.path.dirname(str(path))  # noqa: PTH120 -- a str, often
