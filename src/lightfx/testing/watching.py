"""Effects seen from outside: which files, processes and connections some code asks the system for.

Python tells an audit hook of them. A hook cannot be removed, so there is one in a process, made when it is first
asked for; it does nothing but while something is watched, and hears no more than the thread that watches. What an
import reads is no effect. What is written to a stream that is open already, as by ``print``, is not told to hooks.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from threading import get_ident
from types import FrameType
from typing import Final, final

from attrs import define, field

_FAMILIES: Final = frozenset(
    ("open", "os", "socket", "subprocess", "shutil", "tempfile", "urllib", "http", "sqlite3", "ftplib", "smtplib")
)


@final
@define(eq=False)
class _Ear:
    """What the hook hears: for each thread that watches, from which frame on, and what was seen."""

    watching: dict[int, tuple[FrameType, list[str]]] = field(factory=dict)

    def hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.watching or event.partition(".")[0] not in _FAMILIES:
            return
        watched = self.watching.get(get_ident())
        if watched is not None and not _imports(sys._getframe(1), watched[0]):  # noqa: SLF001 -- the one way to frames
            watched[1].append(f"{event}({', '.join(repr(each)[:80] for each in arguments[:2])})")


def _imports(frame: FrameType | None, floor: FrameType) -> bool:
    """Tell whether an import is under way, between this frame and that of who watches."""
    while frame is not None and frame is not floor:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


@lru_cache(maxsize=1)
def _ear() -> _Ear:
    ear = _Ear()
    sys.addaudithook(ear.hear)
    return ear


@contextmanager
def effects() -> Iterator[list[str]]:
    """Collect what is asked of the system while this is entered, in this thread.

    >>> with effects() as seen:
    ...     _ = sorted([2, 1])
    >>> seen
    []
    """
    seen: list[str] = []
    watching, me, collects = _ear().watching, get_ident(), gc.isenabled()
    gc.disable()  # what it finalizes is not what is watched
    watching[me] = (sys._getframe(), seen)  # noqa: SLF001 -- as above
    try:
        yield seen
    finally:
        del watching[me]
        if collects:
            gc.enable()
