"""On what kind of file system a folder lies, as Linux tells; elsewhere nothing is known."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Final

_NETWORK: Final = re.compile(r"nfs|cifs|smb|9p|afs|ceph|lustre|gpfs|beegfs|glusterfs|vboxsf|virtiofs|davfs|fuse")
_LOCAL: Final = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "jfs", "tmpfs", "overlay"})


def file_system_of(path: Path) -> str:
    """The type of the file system that a path is on, such as ``ext4``; "" where it is not known."""
    real, best, kind = os.path.realpath(path), "", ""
    with suppress(OSError):
        for line in Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines():
            words, _, rest = line.partition(" - ")
            point = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), words.split()[4])
            if (real == point or real.startswith(point.rstrip("/") + "/")) and len(point) >= len(best):
                best, kind = point, rest.split()[0]
    return kind


def is_network(kind: str) -> bool:
    """Tell whether a file system of this type is, or may be, a server's.

    >>> is_network("nfs4"), is_network("fuse.sshfs"), is_network("ext4")
    (True, True, False)
    """
    return _NETWORK.match(kind) is not None


def is_local(path: Path) -> bool:
    """Tell whether no other machine can have the file system of a path mounted: then locks tell all."""
    return file_system_of(path) in _LOCAL
