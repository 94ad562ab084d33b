"""Runs, kept: a journal that writes down what happens, a file for each run.

A file is named by when its run began, in UTC, and by an id of its own, so that
names sort by age. It holds a line for each event (`lines`); ``docs/store-format.md``
specifies it. It is for people who ask what happened, and no truth: nothing is
synced, nothing in the store depends on it, and trouble in writing it ends the
writing, and never the run.

Each line is handed to the system at once. That costs less than two
microseconds, so a buffer would save little, and it would keep back the last
lines of a process that is killed, or that waits for hours on what it started.
What comes more often than people read, counts and progress, is written once a
second at most. To make a file costs a hundred times as much as a line: where
runs follow one another within a second, one in which nothing is run is not
kept, unless it fails.

A file is locked for as long as its run lives: the system drops the lock with
the process, however that ended. It is locked before there is anything in it.
"""

from __future__ import annotations

import base64
import fcntl
import os
import shlex
import socket
import sys
import time
import uuid
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeAlias, assert_never, final

from returns.io import IO

from lightfx._version import __version__
from lightfx.core.refs import DRef
from lightfx.effects.journal import (
    Advanced,
    CacheRefused,
    CacheWarned,
    Differed,
    JournalEvent,
    Pulled,
    Pushed,
    RunBegan,
    RunEnded,
    Stopping,
    TaskAsked,
    TaskEnded,
    TaskProgressed,
    TaskRetried,
    TaskStarted,
)
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.forks import tell_in_children
from lightfx.shell.journal.lines import spell

SUFFIX: Final = ".jsonl"
KEPT: Final = 1000
_SPARE: Final = 100
_OFTEN: Final = 1.0  # seconds
_COMMAND: Final = 1000  # characters
_DONE: Final = IO(None)
_Task: TypeAlias = tuple[DRef, int]


@final
class RunFile:
    """Keeps each run in a file under ``folder``, which is made. Implements `lightfx.effects.journal.Journal`."""

    def __init__(self, folder: Path, now: Callable[[], float] = time.time, disk: Disk = REAL) -> None:
        self._folder, self._now, self._disk = folder, now, disk
        self._runs = 0
        self._made = self._since = 0.0
        self._first = ""
        self._file: int | None = None
        self._close: weakref.finalize[[int], RunFile] | None = None
        self._counted = 0.0
        self._progressed: dict[_Task, float] = {}
        tell_in_children(self)

    def tell(self, event: JournalEvent, /) -> IO[None]:
        """Write the event down, if there is room and it is time for it."""
        try:
            self._note(event, self._now())
        except OSError:  # no room, no right, no folder: the run goes on, and is kept no more
            self._end()
        except ValueError:  # a number that is none, in what a stage told
            pass
        return _DONE

    def _note(self, event: JournalEvent, now: float) -> None:
        match event:
            case RunBegan():
                self._end()
                self._since, self._first = now, spell(event, now, _facts())
                if abs(now - self._made) >= _OFTEN:
                    self._write("")
            case Advanced():
                if self._file is not None and abs(now - self._counted) >= _OFTEN:
                    self._counted = now
                    self._write(spell(event, now))
            case TaskProgressed(dref=dref, task=task):
                if abs(now - self._progressed.get((dref, task), 0.0)) >= _OFTEN:
                    self._progressed[dref, task] = now
                    self._write(spell(event, now))
            case TaskEnded(dref=dref, task=task) | TaskRetried(dref=dref, task=task) | TaskAsked(dref=dref, task=task):
                self._progressed.pop((dref, task), None)
                self._write(spell(event, now))
            case TaskStarted() | Differed() | Stopping() | CacheWarned() | CacheRefused() | Pulled() | Pushed():
                self._write(spell(event, now))
            case RunEnded(failure=failure):
                if self._file is not None or failure:
                    self._write(spell(event, now))
                self._end()
            case never:
                assert_never(never)

    def _write(self, line: str) -> None:
        """Write a line of the run that is on, if there is one; before its first, make the file."""
        if self._file is None and self._first:
            line = self._first + line
            self._file = self._make()
        if self._file is not None:
            self._disk.write_all(self._file, line.encode())

    def _make(self) -> int:
        self._disk.make_folders(self._folder, 0o775)
        if self._runs % _SPARE == 0:
            _forget_the_oldest(self._folder, self._disk)
        self._runs += 1
        self._made = self._since
        path = self._folder / f"{datetime.fromtimestamp(self._since, UTC):%Y%m%dT%H%M%S.%f}-{_short_id()}{SUFFIX}"
        file = self._disk.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        self._close = weakref.finalize(self, self._disk.close, file)
        self._disk.lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return file

    def let_go(self) -> None:
        """Write no more, in a child that was forked: the run is its parent's, and lives no longer than that."""
        self._end()

    def _end(self) -> None:
        self._file, close, self._close = None, self._close, None
        self._first, self._counted = "", 0.0
        self._progressed.clear()
        if close is not None:
            with suppress(OSError):
                close()


def _short_id() -> str:
    """Ten characters, as many as people are shown of a reference."""
    return base64.b32encode(uuid.uuid4().bytes)[:10].decode().lower()


def _facts() -> Mapping[str, object]:
    """Who runs: what is said of a run beside its events."""
    first, *others = sys.argv or [""]
    command = shlex.join([Path(first).name, *others])[:_COMMAND]
    return {"pid": os.getpid(), "host": socket.gethostname(), "command": command, "lightfx": __version__}


def _forget_the_oldest(folder: Path, disk: Disk) -> None:
    """Make room for a new run among the newest `KEPT`, where there are many more."""
    names = sorted(name for name in disk.listdir(folder) if name.endswith(SUFFIX))
    if len(names) > KEPT + _SPARE:
        for name in names[: 1 - KEPT]:
            with suppress(OSError):
                disk.unlink(folder / name)
