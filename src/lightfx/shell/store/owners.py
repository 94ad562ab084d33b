"""Owners of claims: on which host they are, and whether they live.

An owner holds a lock (``flock``) on its file for as long as it lives. On one
host that tells all: the system drops the lock with the process. Seen from
another host a lock may be free although its owner lives, since not every file
system carries locks across. So owners keep their file fresh as well (`Heart`),
and an owner of another host is dead where its lock can be had *and* its file
was not touched for a `Lease`.

All times are those of the file server: a file is touched with the server's
time, and its age is the difference to another file that was touched just now.
No clock of any host is compared with one of another. Since the server's clock
may be set too, an owner that is overdue is watched for two beats more, by our
own clock that only runs forward: one that lives touches its file by then.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, final

from attrs import Factory, define, field, frozen

from lightfx.shell.disk import REAL, Disk

FAR: Final = 1e11  # seconds, some thousand years
_MOST_PID: Final = 1 << 32
# EBADF: NFS locks no file that is open for reading alone.
_NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF})


@final
@frozen
class Lease:
    """How long an owner of another host is believed to live, in seconds.

    It touches its file every ``beat``. ``lease`` after the last touch its
    claims may be taken over; its private folder is removed after ``grace``: a
    machine that was suspended finds its work where it left it.
    """

    beat: float = 5.0
    lease: float = 60.0
    grace: float = 24 * 3600.0


LEASE: Final = Lease()


@final
@frozen
class Host:
    """A running system: its name, the id of the machine, and that of its boot. What is not known is empty."""

    name: str
    machine: str
    boot: str

    def is_surely(self, other: Host) -> bool:
        """Tell whether locks of the one are those of the other.

        >>> Host("a", "1", "2").is_surely(Host("a", "1", "2")), Host("a", "1", "").is_surely(Host("a", "1", ""))
        (True, False)
        """
        return self == other and bool(self.boot)


def this_host() -> Host:
    """Find out on which host this process is."""
    return Host(socket.gethostname(), _text("/etc/machine-id"), _text("/proc/sys/kernel/random/boot_id"))


def _text(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace").strip()
    except OSError:
        return ""


def spell_owner(host: Host) -> bytes:
    """Spell what the file of an owner in this process holds; process id and times are for those who look into it."""
    status = _text("/proc/self/stat").rpartition(")")[2].split()
    started = int(status[19]) if len(status) > 19 else 0
    fields = {
        "boot": host.boot,
        "host": host.name,
        "machine": host.machine,
        "pid": os.getpid(),
        "since": round(time.time(), 3),
        "started": started,
    }
    return json.dumps(fields, sort_keys=True).encode() + b"\n"


def read_owner(data: bytes) -> Host | None:
    """Read the host of an owner; None where it is not said.

    >>> read_owner(spell_owner(Host("a", "1", "2")))
    Host(name='a', machine='1', boot='2')
    """
    fields = _fields(data)
    name, machine, boot = (fields.get(each) for each in ("host", "machine", "boot"))
    if not (isinstance(name, str) and isinstance(machine, str) and isinstance(boot, str)):
        return None
    return Host(name, machine, boot)


def describe_owner(data: bytes, user: int | None = None) -> str:
    """Say for people who an owner is; ``user`` whose file it is: told where it is not our own.

    >>> describe_owner(b'{"host": "a", "pid": 12, "since": 0.5}'), describe_owner(b"junk")
    ('process 12 on a, since 1970-01-01T00:00:00+00:00', 'an unknown process')
    """
    fields = _fields(data)
    pid = fields.get("pid")
    if not isinstance(pid, int) or not 0 < pid < _MOST_PID:
        return "an unknown process"
    whose = "" if user in (None, os.getuid()) else f", of {name_of_user(user)}"
    since = read_since(data)
    when = "" if since is None else f", since {datetime.fromtimestamp(since, UTC).isoformat(timespec='seconds')}"
    return f"process {pid} on {str(fields.get('host', ''))[:100] or 'an unknown host'}{whose}{when}"


def name_of_user(number: int) -> str:
    """What a user is called; the number where the system knows no name.

    >>> name_of_user(0), name_of_user(4_000_000_000)
    ('root', 'user 4000000000')
    """
    import pwd  # noqa: PLC0415 -- asked for where something is wrong

    try:
        return pwd.getpwuid(number).pw_name
    except (KeyError, OverflowError):
        return f"user {number}"


def read_since(data: bytes) -> float | None:
    """Read when an owner came, in seconds since the epoch by the clock of its host; None where it is not said.

    >>> read_since(b'{"since": 0.5}'), read_since(b'{"since": "now"}')
    (0.5, None)
    """
    since = _fields(data).get("since")
    return float(since) if isinstance(since, int | float) and 0 <= since < FAR else None


def _fields(data: bytes) -> Mapping[str, object]:
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def try_lock(descriptor: int, disk: Disk = REAL) -> bool | None:
    """Try to lock a file: whether we have it now, or None where the file system has no locks."""
    try:
        disk.lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return None
    return True


@final
@define(eq=False)
class Watch:
    """Tells owners of other hosts that are overdue.

    ``touch`` touches a file of ours and gives its time, in nanoseconds of the
    server; ``clock`` gives seconds that only run forward.
    """

    lease: Lease
    touch: Callable[[], int]
    clock: Callable[[], float]
    _overdue: dict[int, tuple[int, float]] = field(factory=dict, init=False)
    _now: tuple[int, float] | None = field(default=None, init=False)

    def is_over(self, status: os.stat_result) -> bool:
        """Tell whether the lease is over of the owner whose file has this status."""
        inode, touched = status.st_ino, status.st_mtime_ns
        if self.age(status) <= self.lease.lease:
            self._overdue.pop(inode, None)
            return False
        seen, since = self._overdue.get(inode, (None, 0.0))
        if seen != touched:
            self._overdue[inode] = (touched, self.clock())
            return False
        return self.clock() - since >= 2 * self.lease.beat

    def age(self, status: os.stat_result) -> float:
        """How far a file's last touch is from now, in seconds; also where the server's clock was set back."""
        return abs(self._server_now() - status.st_mtime_ns) / 1e9

    def _server_now(self) -> int:
        """The server's time; asked for once a beat, since to be late here is to be patient."""
        if self._now is None or self.clock() - self._now[1] >= self.lease.beat / 2:
            self._now = (self.touch(), self.clock())
        return self._now[0]


@final
@define(eq=False)
class Heart:
    """A thread that carries out ``touch`` every ``beat`` seconds, from `start` to `stop`.

    It keeps no process alive. A forked child has no such thread, and lets its
    parent's be.
    """

    touch: Callable[[], object]
    beat: float
    _process: int = field(factory=os.getpid, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)
    _end: threading.Event = field(default=Factory(threading.Event), init=False)

    def start(self) -> None:
        """Begin to beat, if that was not done yet."""
        if self._thread is None and self._process == os.getpid():
            self._thread = threading.Thread(target=self._run, name="lightfx-heart", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Beat no more."""
        if self._thread is not None and self._process == os.getpid():
            self._end.set()
            self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(self.beat):
            # A server that does not answer now may do so at the next beat.
            with suppress(OSError):
                self.touch()
