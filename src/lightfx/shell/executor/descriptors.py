"""Descriptors by number: to tell what the standard ones are, to put them aside, and to give them back."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from typing import Final

_OTHERS: Final = 3  # the first number that is no standard descriptor


def memory() -> int:
    """Open a file in memory, to be written at its end by whoever has it. Raises OSError where there is no room."""
    opened = os.memfd_create("log")
    try:
        file = fcntl.fcntl(opened, fcntl.F_DUPFD_CLOEXEC, _OTHERS)  # lower ones may have been free
    finally:
        os.close(opened)
    fcntl.fcntl(file, fcntl.F_SETFL, os.O_APPEND)
    return file


def is_standard(descriptor: int) -> bool:
    """Whether programs inherit a descriptor; else it is closed, or a file of somebody's who found the number free."""
    try:
        return os.get_inheritable(descriptor)
    except OSError:
        return False


def put_aside(descriptor: int, kept: dict[int, int | None]) -> None:
    """Note in ``kept`` another number for what is behind this one; None: it is closed. What is not standard stays.

    Raises OSError where there is no room.
    """
    try:
        standard = os.get_inheritable(descriptor)
    except OSError:
        kept[descriptor] = None
        return
    if standard:
        kept[descriptor] = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _OTHERS)


def give_back(descriptor: int, kept: int | None) -> None:
    """Let a number lead to what was behind it, which is ``kept``; None: it was closed."""
    with suppress(OSError):  # a stage closed all the numbers that there are
        if kept is None:
            os.close(descriptor)
        else:
            os.dup2(kept, descriptor)
