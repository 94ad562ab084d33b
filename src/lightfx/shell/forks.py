"""Forks: what a child that this process forks must not keep of it.

A lock (``flock``) belongs to an open file, and a forked child has the same file
open: while such a child lives its parent seems to live, although it was killed.
Those who hold a lock that says that they live ask to be told in each child, and
close it there. A child that runs another program keeps nothing: all is closed
on exec.

Python tells of forks once and for all, so there is one list of whom to tell for
the whole process; it keeps nobody alive.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Protocol
from weakref import WeakSet


class Holder(Protocol):
    """Who holds what is its process's own."""

    def let_go(self) -> None:
        """Close it: this process is a child of the one that it says lives."""
        ...


def tell_in_children(holder: Holder) -> None:
    """Have ``holder`` let go in each child that is forked from now on, for as long as there is that holder."""
    _holders().add(holder)


@cache
def _holders() -> WeakSet[Holder]:
    holders: WeakSet[Holder] = WeakSet()
    os.register_at_fork(after_in_child=lambda: _tell(holders))
    return holders


def _tell(holders: WeakSet[Holder]) -> None:
    for each in tuple(holders):
        each.let_go()
    holders.clear()
