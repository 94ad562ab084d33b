"""Runs that were kept: reading the files in a store's ``runs/``, as far as they make sense.

A file may end in the middle of a line, or hold what a later version wrote: what
is not understood is passed over. Whether a run lives is asked of the lock on its
file (``docs/store-format.md``); a file with nothing in it yet is not asked, since
it may not be locked yet, and is no run yet.

The list of runs reads the first line and the last ones of each file: where the
end was written, it says all that a list shows.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from enum import Enum
from functools import cached_property
from io import BufferedReader
from pathlib import Path
from typing import Final, final

from attrs import evolve, frozen

from lightfx.cli.tally import Tally
from lightfx.effects.journal import Advanced, RunBegan, RunEnded, Stopping
from lightfx.shell.journal.lines import Noted, parse
from lightfx.shell.journal.runs import SUFFIX

_LAST: Final = 32_768  # bytes


class State(Enum):
    """What became of a run."""

    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    DIED = "died"
    RUNNING = "running"


@final
@frozen
class Past:
    """One kept run: its name, its events in order, the first of which is its beginning, and whether it lives.

    ``noted`` holds all events, or the first and the last ones where these say how it ended.
    """

    name: str
    noted: tuple[Noted, ...]
    lives: bool

    @property
    def id(self) -> str:
        """What people call it by."""
        return self.name.rpartition("-")[2]

    @property
    def first(self) -> Noted:
        """Its beginning, with who runs it."""
        return self.noted[0]

    @property
    def state(self) -> State:
        """What became of it."""
        if self._ended is not None:
            if self._ended.failure:
                return State.FAILED
            return State.FINISHED if self.stopping is None else State.STOPPED
        if self.lives:
            return State.RUNNING
        return State.DIED if self.stopping is None else State.STOPPED

    @property
    def stopping(self) -> Stopping | None:
        """Why it was stopped, if it was."""
        return next((each.event for each in self.noted if isinstance(each.event, Stopping)), None)

    @property
    def why(self) -> str:
        """Why it did not finish: the trouble that ended it, or why it was stopped; "" where neither was told."""
        failure = "" if self._ended is None else self._ended.failure
        return failure or ("" if self.stopping is None else self.stopping.why)

    @property
    def _ended(self) -> RunEnded | None:
        return next((each.event for each in self.noted if isinstance(each.event, RunEnded)), None)

    def seconds(self, now: float) -> float:
        """How long it took, as far as is known; ``now`` is what a run that lives has come to."""
        until = now if self.state is State.RUNNING else max(each.at for each in self.noted)
        return max(0.0, until - self.first.at)

    @property
    def total(self) -> int:
        """How many derivations it was over."""
        return self._tally.total

    @property
    def counts(self) -> Advanced:
        """How far it came; what ran after the last count is counted, as what was settled by running."""
        tally = self._tally
        told = evolve(tally.counts, total=self.total)
        if self._ended is not None:  # it says all, also where what ran was not settled by it
            return told
        ran = max(told.ran, len(tally.built))
        settled = min(self.total, told.settled + ran - told.ran)
        return evolve(told, settled=settled, ran=ran, left=tally.lefts, remade=max(told.remade, len(tally.remade)))

    @cached_property
    def _tally(self) -> Tally:
        tally = Tally(lambda: 0.0)
        for each in self.noted:
            tally.hear(each.event)
        return tally


def names(folder: Path) -> Sequence[str]:
    """The names of all kept runs, newest first."""
    try:
        found = os.listdir(folder)  # noqa: PTH208 -- names are enough
    except (FileNotFoundError, NotADirectoryError):  # a store from before runs were kept
        return ()
    return sorted((name.removesuffix(SUFFIX) for name in found if name.endswith(SUFFIX)), reverse=True)


def glance(folder: Path, name: str) -> Past | None:
    """Read of a run what a list shows; nothing where it is no run, or is gone by now."""
    with suppress(OSError), _opened(folder, name) as file:
        first = file.readline()
        file.seek(max(len(first), os.fstat(file.fileno()).st_size - _LAST))
        noted = _noted([first, *file])
        if noted and isinstance(noted[-1].event, RunEnded):
            return _past(name, noted, lives=False)
    return whole(folder, name)


def whole(folder: Path, name: str) -> Past | None:
    """Read all of a run; nothing where it is no run, or is gone by now."""
    with suppress(OSError), _opened(folder, name) as file:
        lives = bool(file.peek(1)) and _is_locked(file.fileno())
        return _past(name, _noted(file), lives=lives)
    return None


def _opened(folder: Path, name: str) -> BufferedReader:
    """Open the file of a run; a pipe or a device in its place is neither waited for nor read without end."""
    file = os.fdopen(os.open(folder / f"{name}{SUFFIX}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))
    return file


def _noted(lines: Iterable[bytes]) -> tuple[Noted, ...]:
    return tuple(noted for noted in map(parse, lines) if noted is not None)


def _past(name: str, noted: tuple[Noted, ...], *, lives: bool) -> Past | None:
    return Past(name, noted, lives) if noted and isinstance(noted[0].event, RunBegan) else None


def _is_locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two who ask at a time are no run that lives
    except BlockingIOError:
        return True
    fcntl.flock(file, fcntl.LOCK_UN)
    return False
