"""A disk that remembers the order of all that was written to it: ``python blockdisk.py FOLDER SIZE IMAGE LOG``.

It shows, in the folder, a file ``disk`` for a loop device, whose bytes lie in
``IMAGE``, and a file ``said``. What is written to the one, each time the disk is
told to make it durable, and what is written to the other go to ``LOG``, in the
order in which they came. So the log knows what the disk had been told to keep when
something was said; `replayed` makes of it what a disk may hold after a power cut.
"""

from __future__ import annotations

import errno
import os
import pickle
import random
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Entry = tuple[str, int, bytes]
"""``write`` with where and what; ``flush``; ``said`` with what."""


def serve(folder: str, size: int, image: str, log: str) -> None:
    """Be the disk, until it is unmounted."""
    import mfusepy

    class BlockDisk(mfusepy.Operations):
        use_ns = True

        def __init__(self) -> None:
            self.log = open(log, "wb")
            self.file = os.open(image, os.O_RDWR | os.O_CREAT)
            os.ftruncate(self.file, size)

        def note(self, what: str, where: int = 0, data: bytes = b"") -> None:
            pickle.dump((what, where, data), self.log)

        def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
            if path == "/":
                return {"st_mode": stat.S_IFDIR | 0o755, "st_nlink": 2}
            if path in ("/disk", "/said"):
                return {"st_mode": stat.S_IFREG | 0o644, "st_nlink": 1, "st_size": size if path == "/disk" else 0}
            raise mfusepy.FuseOSError(errno.ENOENT)

        def readdir(self, path: str, fh: int) -> list[str]:
            return [".", "..", "disk", "said"]

        def open(self, path: str, flags: int) -> int:
            return 1

        def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
            return os.pread(self.file, size, offset)

        def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
            if path == "/said":
                self.note("said", 0, bytes(data))
            else:
                os.pwrite(self.file, data, offset)
                self.note("write", offset, bytes(data))
            return len(data)

        def fsync(self, path: str, datasync: int, fh: int) -> int:
            if path == "/disk":
                self.note("flush")
            return 0

        def truncate(self, path: str, length: int, fh: int | None = None) -> int:
            return 0

        def destroy(self, path: str) -> None:
            self.log.close()

    mfusepy.FUSE(BlockDisk(), folder, foreground=True, nothreads=True)


@contextmanager
def remembering(folder: Path, size: int, log: Path) -> Iterator[Path]:
    """Show such a disk in a folder; its log is whole in the end."""
    folder.mkdir()
    command = [sys.executable, __file__, folder, str(size), folder.with_suffix(".img"), log]
    server = subprocess.Popen(command)
    try:
        while not (folder / "disk").exists():
            if server.poll() is not None:
                raise OSError(f"the disk could not be shown: {server.returncode}")
            time.sleep(0.01)
        yield folder
    finally:
        subprocess.run(["umount", folder], check=server.poll() is None)
        server.wait()
        folder.with_suffix(".img").unlink(missing_ok=True)
        folder.rmdir()


def entries(log: Path) -> Sequence[Entry]:
    """Read a log."""
    found: list[Entry] = []
    with log.open("rb") as file:
        while True:
            try:
                found.append(pickle.load(file))
            except EOFError:
                return found


def replayed(
    log: Sequence[Entry], image: Path, size: int, sector: int, whole: range, dice: random.Random, count: int
) -> Iterator[tuple[bytes, Path, int]]:
    """Give states that a disk may be in after a power cut: what had been said, an image, and how many writes it lacks.

    A disk holds all that was written before it was last told to make it durable,
    and of what came after that anything: all, nothing, some of it, some of that in part, by
    sectors of so many bytes, but for what lies in ``whole``. Images lie beside ``image``, and must go before the next
    is made.
    """
    first = next(number for number, entry in enumerate(log) if entry[0] == "said")
    done = 0
    with image.open("wb+", buffering=0) as base:
        base.truncate(size)
        for cut in sorted(_moment(log, first, dice) for _ in range(count)):
            kept = max((number for number in range(cut) if log[number][0] == "flush"), default=0)
            for what, where, data in log[done : max(kept, done)]:
                if what == "write":
                    os.pwrite(base.fileno(), data, where)
            done = max(kept, done)
            after = image.with_name("after.img")
            subprocess.run(["cp", "--reflink=always", image, after], check=True)
            share = dice.choice((0.0, 0.1, 0.5, 0.9, 1.0))
            pending = [entry for entry in log[kept:cut] if entry[0] == "write"]
            lacking = _scatter(after, pending, sector, whole, dice, share)
            yield b"".join(data for what, _, data in log[:cut] if what == "said"), after, lacking
            after.unlink()


def _moment(log: Sequence[Entry], first: int, dice: random.Random) -> int:
    """When to cut: at any time, but mostly just after a write, which is not durable then."""
    while True:
        cut = dice.randrange(first + 1, len(log) + 1)
        if log[cut - 1][0] == "write" or dice.random() < 0.3:
            return cut


def _scatter(
    image: Path, pending: Sequence[Entry], sector: int, whole: range, dice: random.Random, share: float
) -> int:
    """Write some of what was not made durable; count what is missing or torn."""
    lacking = 0
    with image.open("rb+", buffering=0) as file:
        for _, where, data in pending:
            if dice.random() >= share:
                lacking += 1
                continue
            if share < 1 and dice.random() < 0.2:
                end = where + dice.randrange(0, len(data), sector)
                data = data[: (end if end not in whole else max(where, whole.start)) - where]
                lacking += 1
            os.pwrite(file.fileno(), data, where)
    return lacking


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])
