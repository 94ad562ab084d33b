"""What the operating system refuses, as a failure: no right, no room, or anything else. The one place.

>>> refusal(OSError(errno.ENOSPC, "No space left on device"), Path("store"), "write records")
DiskFull(path='store', act='write records')
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Final

from lightfx.core.failures import DiskFull, NotPermitted, SystemTrouble

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_LONGEST: Final = 500


def is_full(error: OSError) -> bool:
    """Whether there is no room: on the disk, for this user, or for a file of that size."""
    return error.errno in _FULL


def refusal(error: OSError, path: Path, act: str) -> NotPermitted | DiskFull | SystemTrouble:
    """Find the failure that an error stands for: we could not ``act`` on what it names, or else on ``path``."""
    where = str(error.filename or path)
    if is_full(error):
        return DiskFull(where, act)
    if error.errno in _FORBIDDEN:
        return NotPermitted(where, act)
    return SystemTrouble(where, act, error.strerror or str(error)[:_LONGEST] or type(error).__name__)
