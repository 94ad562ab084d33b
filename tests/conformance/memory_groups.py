"""Control groups with little memory, for tests in which the system kills for memory.

A group is made below the one that this process is in, of either version of
control groups, and nowhere else; it is entered by programs that the test
starts, before they do anything, and by nobody else. In the end whoever is left
in it is killed, and it is removed. Needs Linux, and as a rule root: where it
cannot be, the test is skipped, and says why.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Final

import pytest
from attrs import frozen

MIB: Final = 1 << 20
GROUPS: Final = Path("/sys/fs/cgroup")
ENTER: Final = 'echo $$ > "$0" && exec "$@"'
_NUMBERS: Final = count(1)


@frozen
class MemoryGroup:
    """A group that was made; ``modern`` tells that it is one of version 2."""

    folder: Path
    modern: bool

    def inside(self, command: Sequence[str]) -> list[str]:
        """Give the command that enters the group and becomes this command."""
        return ["/bin/sh", "-c", ENTER, str(self.folder / "cgroup.procs"), *command]

    def limit(self, size: int) -> None:
        """Let all in it have so many bytes, and no swap."""
        (self.folder / ("memory.max" if self.modern else "memory.limit_in_bytes")).write_text(str(size))
        with suppress(OSError):  # there is nothing to set where swap is not counted
            if self.modern:
                (self.folder / "memory.swap.max").write_text("0")
            else:
                (self.folder / "memory.memsw.limit_in_bytes").write_text(str(size))

    @property
    def kills(self) -> int:
        """How many of its processes the system killed for memory."""
        words = (self.folder / ("memory.events" if self.modern else "memory.oom_control")).read_text().split()
        return int(words[words.index("oom_kill") + 1])

    @property
    def peak(self) -> int:
        """The most bytes that all in it ever had at once, files that the system keeps in memory among them."""
        return int((self.folder / ("memory.peak" if self.modern else "memory.max_usage_in_bytes")).read_text())


@contextmanager
def memory_group(size: int | None = None) -> Iterator[MemoryGroup]:
    """Make a group whose processes may have ``size`` bytes together; or any number, until it is limited."""
    own, modern = _own()
    group = MemoryGroup(own / f"lightfx-{os.getpid()}-{next(_NUMBERS)}", modern)
    try:
        group.folder.mkdir()
    except OSError as error:
        pytest.skip(f"no control group for memory can be made here: {error.strerror}")
    try:
        try:
            _ = group.kills
            group.limit(size or 1 << 40)
        except (OSError, ValueError) as error:
            pytest.skip(f"the control group does not limit memory, or does not count who is killed: {error}")
        yield group
    finally:
        _remove(group.folder)


def _own() -> tuple[Path, bool]:
    """Our own group: where memory is counted, and whether that is version 2."""
    with suppress(OSError, ValueError):
        lines = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
        for _, kinds, path in lines:
            home = GROUPS / "memory" / path.lstrip("/")
            if "memory" in kinds.split(",") and (home / "memory.oom_control").exists():
                return home, False
        for _, kinds, path in lines:
            for home in (GROUPS / path.lstrip("/"), GROUPS / "unified" / path.lstrip("/")):
                handed_on = home / "cgroup.subtree_control"
                if not kinds and handed_on.exists() and "memory" in handed_on.read_text().split():
                    return home, True
    pytest.skip("there are no control groups for memory here, or ours may not be divided")


def _remove(folder: Path) -> None:
    for _ in range(1000):
        for pid in (folder / "cgroup.procs").read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        try:
            folder.rmdir()
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            time.sleep(0.01)  # the dead leave it when they are waited for
        else:
            return
    raise AssertionError(f"somebody stays in {folder}")
