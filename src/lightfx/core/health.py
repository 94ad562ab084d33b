"""The health of a store: who has it open, what its disk promises, what crashes left in it, and what is odd about it."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias, final

from attrs import frozen

from lightfx.core.damage import DamagedGroup


@final
@frozen
class Owner:
    """Who has, or had, the store open: ``who`` is for people; ``since`` in seconds since the epoch, None: not known.

    ``claims``: how many input keys it builds, ``size``: the bytes in its
    private folder. What a dead one left is cleared by whoever opens the store.
    """

    identity: str
    who: str
    alive: bool
    since: float | None
    claims: int
    size: int


@final
@frozen
class Disk:
    """Where a store lies: ``kind`` is the type of the file system, ``free`` and ``size`` are in bytes.

    ``network``: it is one of which less is promised, as ``docs/store-format.md``
    says. ``free_files``: how many more files there may be, None where there is
    no limit.
    """

    kind: str
    network: bool
    free: int
    size: int
    free_files: int | None


@final
@frozen
class Leftover:
    """A file or folder, of ``size`` bytes, that someone who died left at ``path``: ``what``."""

    path: Path
    what: str
    size: int


@final
@frozen
class StoredTwice:
    """So many records stand in several groups, as after a crash in a garbage collection; no harm."""

    records: int
    size: int


@final
@frozen
class Unnamed:
    """So many objects that no record names, as after a crash in a commit; they may be removed."""

    objects: int
    size: int


@final
@frozen
class OddRoot:
    """The root at ``path`` holds nothing: ``why``. ``over``: its link is gone, so that it may go."""

    path: Path
    why: str
    over: bool


@final
@frozen
class OddIndex:
    """The index at ``path`` is not up to the records: ``why``. Whoever opens the store makes it so."""

    path: Path
    why: str


@final
@frozen
class UnendedRun:
    """The run that the file at ``path`` tells of did not end: its process was killed. No harm; the file tells of it."""

    path: Path


@final
@frozen
class NoRight:
    """We have no right to write to ``path``."""

    path: Path


Oddity: TypeAlias = Leftover | StoredTwice | Unnamed | OddRoot | OddIndex | UnendedRun | NoRight | DamagedGroup


@final
@frozen
class Health:
    """What `doctor` found of the store at ``path``; it has format ``version``, and this lightfx knows ``known``."""

    path: Path
    version: int
    known: int
    disk: Disk
    owners: tuple[Owner, ...] = ()
    oddities: tuple[Oddity, ...] = ()

    @property
    def well(self) -> bool:
        """Whether there is nothing to clear and nothing to mend; of what does no harm people are told all the same."""
        harmless = all(isinstance(each, StoredTwice | UnendedRun) for each in self.oddities)
        return harmless and all(owner.alive for owner in self.owners)
