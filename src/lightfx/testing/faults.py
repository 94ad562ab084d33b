"""Disks that watch and disks that are wrong, for tests of what the store does when the disk does not obey.

All that lightfx does to files goes through a `Disk` (``lightfx.shell.disk``).
`Over` passes every call on to the disk under it; what a subclass says of one
call holds for that call. `Watched` notes each call, and asks a plan what is to
happen to it: a plan gives a `Fault`, or None to let the call go its way. A
fault is a `Refusal` (the system says no), a `Short` write, or `Kill` (the
process is gone, before the call).

>>> import errno, tempfile
>>> disk = Watched(plan=every(2, Refusal(errno.EIO), acts={"mkdir"}))
>>> with tempfile.TemporaryDirectory() as folder:
...     disk.mkdir(f"{folder}/a")
...     disk.mkdir(f"{folder}/b")
Traceback (most recent call last):
    ...
OSError: [Errno 5] Input/output error: '.../b'
>>> [call.act for call in disk.calls]
['mkdir', 'mkdir']
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias, assert_never, final

from attrs import define, frozen

from lightfx.core.layout import RUNS
from lightfx.effects.world import World
from lightfx.shell.clock import SystemClock
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.executor.inline import InlineExecutor
from lightfx.shell.journal.runs import RunFile
from lightfx.shell.store.directory import open_directory
from lightfx.wiring import Performing, unwrap

ON_FILES: Final = frozenset(
    {"close", "read", "read_into", "pread", "write", "fstat", "fchmod", "lock", "fsync", "syncfs"}
)
"""The calls of a disk that take a descriptor."""

CHANGES: Final = frozenset(
    {
        *("open", "write", "lock", "fsync", "syncfs", "rename", "link", "symlink", "unlink"),
        *("mkdir", "rmdir", "mknod", "chmod", "fchmod", "utime"),
    }
)
"""Those that may change something, or make it durable."""

_FLAGGED: Final = frozenset({"open", "mkdir", "mknod", "chmod", "may_write"})

PRIMITIVES: Final = (
    ON_FILES
    | CHANGES
    | {"readlink", "stat", "lstat", "scandir", "listdir", "listxattr", "getxattr", "statvfs", "may_write"}
)
"""All that are one system call each; the others are made of these."""


@final
@frozen
class Refusal:
    """The system says no: an ``OSError`` with this number, and nothing is done."""

    number: int


@final
@frozen
class Short:
    """A write takes no more than so many bytes."""

    size: int


@final
@frozen
class Kill:
    """The process is killed, before the call."""


Fault: TypeAlias = Refusal | Short | Kill


@final
@define
class Call:
    """One call: which it is, counted from 1, what it does, and on which absolute paths.

    ``flags`` are those of an `open`, or the mode of what makes or changes
    rights; ``data`` is what was written, ``error`` the number of the error that
    came of it, or 0.
    """

    number: int
    act: str
    paths: tuple[str, ...]
    flags: int = 0
    data: bytes = b""
    error: int = 0


Plan: TypeAlias = Callable[[Call], Fault | None]


def obey(_: Call) -> Fault | None:
    """Let all calls go their way."""
    return None


def at(number: int, fault: Fault) -> Plan:
    """Have the fault at one call."""
    return lambda call: fault if call.number == number else None


def every(step: int, fault: Fault, acts: Collection[str]) -> Plan:
    """Have the fault at every ``step``-th of these calls."""
    seen = 0

    def plan(call: Call) -> Fault | None:
        nonlocal seen
        seen += call.act in acts
        return fault if call.act in acts and seen % step == 0 else None

    return plan


class Over(Disk):
    """A disk over another: it passes on what a subclass does not do itself."""

    def __init__(self, under: Disk = REAL) -> None:
        self.under = under

    def __getattribute__(self, name: str) -> object:
        """Find a primitive in the disk below, unless a subclass has it."""
        if name in PRIMITIVES and getattr(type(self), name) is getattr(Disk, name):
            return getattr(self.under, name)
        return super().__getattribute__(name)


class Watched(Over):
    """A disk that notes all calls in ``calls``, tells each to ``tell`` before it is made, and follows a plan."""

    def __init__(self, under: Disk = REAL, *, plan: Plan = obey, tell: Callable[[Call], None] | None = None) -> None:
        super().__init__(under)
        self.plan = plan
        self.calls: list[Call] = []
        self._tell = tell
        self._names: dict[int, str] = {}

    def __getattribute__(self, name: str) -> object:
        """Find a primitive, with our look at it around it."""
        if name in PRIMITIVES:
            return partial(self._make, name, getattr(self.under, name))
        return super().__getattribute__(name)

    def _make(self, act: str, right: Callable[..., object], *given: object) -> object:
        call = self._call(act, given)
        self.calls.append(call)
        if self._tell is not None:
            self._tell(call)
        try:
            return self._made(call, right, given)
        except OSError as error:
            call.error = error.errno or -1
            raise

    def _call(self, act: str, given: tuple[object, ...]) -> Call:
        number = len(self.calls) + 1
        if act in ON_FILES or isinstance(given[0], int):
            mode = given[1] if act == "fchmod" and isinstance(given[1], int) else 0
            return Call(number, act, (self._names.get(int(str(given[0])), ""),), mode)
        texts = [os.path.abspath(str(each)) for each in given if isinstance(each, str | os.PathLike)]  # noqa: PTH100
        flags = next((each for each in given if isinstance(each, int)), 0) if act in _FLAGGED else 0
        return Call(number, act, tuple(texts), flags)

    def _made(self, call: Call, right: Callable[..., object], given: tuple[object, ...]) -> object:
        match self.plan(call):
            case Refusal(number):
                if call.act == "close":  # what cannot be closed well is closed all the same
                    right(*given)
                raise OSError(number, os.strerror(number), *call.paths[:1])
            case Short(size) if call.act == "write":
                given = (given[0], bytes(memoryview(given[1]))[:size])  # type: ignore[arg-type]  # what a write takes
            case Kill():
                os.kill(os.getpid(), signal.SIGKILL)
            case Short() | None:
                pass
            case never:
                assert_never(never)
        made = right(*given)
        if call.act == "open" and isinstance(made, int):
            self._names[made] = call.paths[0]
        elif call.act == "write" and isinstance(made, int):
            call.data = bytes(memoryview(given[1]))[:made]  # type: ignore[arg-type]  # as above
        return made


@contextmanager
def world_on(disk: Disk, path: str | os.PathLike[str], *, index: Path | None = None) -> Iterator[World]:
    """Open the store at ``path`` by way of ``disk``, with stages in this process, as `lightfx.open_world` does."""
    store = unwrap(open_directory(Path(path), index=index, disk=disk))
    journal = RunFile(store.root / RUNS, disk=disk)
    with World(store, InlineExecutor(disk=disk), SystemClock(), journal, Performing()) as world:
        yield world
