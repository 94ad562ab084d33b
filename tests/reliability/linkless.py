"""A file system that makes no hard links: ``python linkless.py FOLDER BEHIND ERRNO``.

It shows in ``FOLDER`` what lies in ``BEHIND``, by way of FUSE, and answers ``ERRNO`` to
who wants to make a hard link, as file systems do that know none.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

STATUS = ("st_atime", "st_ctime", "st_mtime")
WHOLE = ("st_gid", "st_mode", "st_nlink", "st_size", "st_uid", "st_ino")


def serve(folder: str, behind: str, code: int) -> None:
    """Be the file system, until it is unmounted."""
    import mfusepy

    class Linkless(mfusepy.Operations):
        use_ns = True

        def at(self, path: str) -> str:
            return behind + path

        def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
            status = os.lstat(self.at(path))
            return {name: getattr(status, name) for name in WHOLE} | {
                name: getattr(status, f"{name}_ns") for name in STATUS
            }

        def readdir(self, path: str, fh: int) -> list[str]:
            return [".", "..", *os.listdir(self.at(path))]

        def link(self, target: str, source: str) -> int:
            raise mfusepy.FuseOSError(code)

        def open(self, path: str, flags: int) -> int:
            return os.open(self.at(path), flags & ~os.O_NOFOLLOW)

        def create(self, path: str, mode: int, fi: Any = None) -> int:
            return os.open(self.at(path), os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)

        def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
            return os.pread(fh, size, offset)

        def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
            return os.pwrite(fh, data, offset)

        def truncate(self, path: str, length: int, fh: int | None = None) -> int:
            os.truncate(self.at(path), length)
            return 0

        def flush(self, path: str, fh: int) -> int:
            return 0

        def fsync(self, path: str, datasync: int, fh: int) -> int:
            os.fsync(fh)
            return 0

        def release(self, path: str, fh: int) -> int:
            os.close(fh)
            return 0

        def fsyncdir(self, path: str, datasync: int, fh: int) -> int:
            return 0

        def rename(self, old: str, new: str) -> int:
            os.rename(self.at(old), self.at(new))
            return 0

        def symlink(self, target: str, source: str) -> int:
            os.symlink(source, self.at(target))
            return 0

        def readlink(self, path: str) -> str:
            return os.readlink(self.at(path))

        def unlink(self, path: str) -> int:
            os.unlink(self.at(path))
            return 0

        def mkdir(self, path: str, mode: int) -> int:
            os.mkdir(self.at(path), mode)
            return 0

        def rmdir(self, path: str) -> int:
            os.rmdir(self.at(path))
            return 0

        def chmod(self, path: str, mode: int) -> int:
            os.chmod(self.at(path), mode)
            return 0

        def utimens(self, path: str, times: tuple[int, int] | None = None) -> int:
            os.utime(self.at(path), ns=times) if times else os.utime(self.at(path))
            return 0

        def statfs(self, path: str) -> dict[str, int]:
            found = os.statvfs(self.at(path))
            return {name: getattr(found, name) for name in dir(found) if name.startswith("f_") and name != "f_fsid"}

    mfusepy.FUSE(Linkless(), folder, foreground=True, nothreads=True, attr_timeout=0, entry_timeout=0)


@contextmanager
def linkless(folder: Path, code: int) -> Iterator[Path]:
    """Show such a file system in a folder; what is in it lies beside it."""
    behind = folder.with_suffix(".behind")
    for each in (folder, behind):
        each.mkdir()
    server = subprocess.Popen([sys.executable, __file__, folder, behind, str(code)])
    try:
        while not os.path.ismount(folder):
            if server.poll() is not None:
                raise OSError(f"it could not be shown: {server.returncode}")
            time.sleep(0.01)
        yield folder
    finally:
        subprocess.run(["umount", folder], check=server.poll() is None)
        server.wait()


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], int(sys.argv[3]))
