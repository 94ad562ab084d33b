"""The keeper of one worker: starts it, and ends it with all that came of it.

It stands between driver and worker, and runs no code of a user. To the system
it is the reaper of all that descends from it: a process whose parent is gone,
whatever session it fled to, becomes a child of the keeper. A child that was not
waited for keeps its number, so the keeper kills children and no one else. It
kills them, and those that they leave behind, until it has none:

- when the worker ends, by itself or by another's hand;
- when the driver lets go of the leash: a time limit, a cancelled run;
- when the driver ends, however that is.

Then it tells the driver how the worker ended, and ends. It is a script, run
without the site and without lightfx, so that it is small and quickly there:
``python -I -S keeper.py <leash> <driver> <command...>``.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import struct
import sys
from contextlib import suppress
from types import FrameType
from typing import Final

STATUS: Final = struct.Struct("<i")
_PDEATHSIG: Final = 1
_SUBREAPER: Final = 36


def main(leash: int, driver: int, command: list[str]) -> None:
    """Keep a worker until it or its driver ends."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # a thread of the driver may have blocked what we wait for
    _process_control(_SUBREAPER, 1)
    os.set_inheritable(leash, False)
    news = _signals()
    poller = select.poll()
    watched = [leash, news]
    if hasattr(os, "pidfd_open"):  # who the driver forked holds the leash too, and may outlive it
        with suppress(OSError):
            watched.append(os.pidfd_open(driver))
    for descriptor in watched:
        poller.register(descriptor, select.POLLIN)
    status = None
    if os.getppid() == driver:
        # Never in vain: it takes our number as its last argument, to see whether we are still there.
        worker = os.posix_spawn(command[0], [*command, str(os.getpid())], os.environ)
        os.chdir("/")
        while status is None and _is_kept(poller, news):
            status = _reap(worker)
        status = _end_all(worker, status)
    with suppress(OSError):  # the driver may be gone
        os.write(leash, STATUS.pack(status or 0))


def end_with(parent: int) -> None:
    """Let this process be killed when its parent ends; its parent may have ended by now."""
    _process_control(_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _process_control(option: int, value: int) -> None:
    with suppress(OSError, AttributeError):  # not on every system
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _signals() -> int:
    """Give a descriptor that tells of signals; those handled here have their own meaning again in the worker."""
    ours, theirs = os.pipe()
    os.set_blocking(ours, False)
    os.set_blocking(theirs, False)
    signal.set_wakeup_fd(theirs, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _take_note)
    return ours


def _take_note(number: int, frame: FrameType | None) -> None:
    """The number is in the pipe."""


def _is_kept(poller: select.poll, news: int) -> bool:
    """Sleep until a child ends; False if the driver let go, or ended, or somebody asks us to end."""
    spoken = {descriptor for descriptor, _ in poller.poll()}
    numbers = set()
    with suppress(BlockingIOError):
        numbers = set(os.read(news, 4096))
    return spoken <= {news} and signal.SIGTERM not in numbers


def _reap(worker: int) -> int | None:
    """Take in who has ended; the status of the worker, if it is among them."""
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == worker:
                return status
            if not pid:
                return None
    return None


def _end_all(worker: int, status: int | None) -> int | None:
    """Kill all children, and those that they leave behind, until there are none."""
    while True:
        try:
            pid, ended = os.waitpid(-1, os.WNOHANG)
            if not pid:
                if not sum(map(_kill, _children())):
                    return status  # what is left runs with another's rights: it is not ours to end
                pid, ended = os.waitpid(-1, 0)
        except ChildProcessError:
            return status
        if pid == worker:
            status = ended


def _kill(child: int) -> bool:
    try:
        os.kill(child, signal.SIGKILL)
    except PermissionError:
        return False
    return True


def _children() -> list[int]:
    me = os.getpid()
    try:
        with open(f"/proc/{me}/task/{me}/children", encoding="ascii") as file:  # noqa: PTH123 -- pathlib is slow to import
            return list(map(int, file.read().split()))
    except OSError:  # few kernels are built without it
        return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _parent(pid) == me]  # noqa: PTH208


def _parent(pid: int) -> int | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 -- as above
            return int(file.read().rpartition(b")")[2].split()[1])
    except OSError:
        return None


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
