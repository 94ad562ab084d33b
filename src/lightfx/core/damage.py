"""Damage: what is wrong with a store, as a closed union of records, and what came of looking for it.

What is stored is named by its content, so that everything can be judged by
itself: a group by its name, a record by its digest, an object by its manifest.
Records of damage carry facts; the faces put them into words.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias, final

from attrs import field, frozen

from lightfx.core.names import Digest
from lightfx.core.refs import RRef


@final
@frozen
class MissingObject:
    """An object that is not there, though ``rrefs`` have it and none of them is ephemeral.

    ``rrefs`` is empty where it is not asked whose it is.
    """

    tree: Digest
    rrefs: tuple[RRef, ...] = ()


@final
@frozen
class DamagedObject:
    """The folder at ``path`` is not the object that it is named by.

    ``found``: the digest of what is there; None where no object can be made of
    it, and ``why`` says so. ``files``: what differs, by path, where it was
    noted what stood there. ``rrefs``: the realizations that have it, where that
    was asked.
    """

    tree: Digest
    path: Path
    found: Digest | None = None
    files: tuple[str, ...] = ()
    why: str = ""
    rrefs: tuple[RRef, ...] = ()


@final
@frozen
class DamagedGroup:
    """The group of records at ``path`` is not what it was: ``why``.

    ``sound``: so many of its lines are as they were; ``lost``: so many are not.
    ``rrefs``: the realizations whose records are lost, as far as the index knows.
    """

    path: Path
    why: str
    sound: int
    lost: int
    rrefs: tuple[RRef, ...] = ()


@final
@frozen
class WrongRights:
    """What is at ``path``, of an object or of a group, is not read-only, or is another user's than what is around it.

    ``found`` and ``wanted`` are modes, as in ``chmod``; ``owner`` is the user
    whose it is, where that is what is wrong, else None.
    """

    path: Path
    found: int
    wanted: int
    owner: int | None = None


@final
@frozen
class Stray:
    """What is at ``path`` has no place there: ``why``."""

    path: Path
    why: str


LostObject: TypeAlias = MissingObject | DamagedObject
"""An object that cannot be read: not there, or not what it is named by."""

Damage: TypeAlias = DamagedGroup | MissingObject | DamagedObject | WrongRights | Stray


@final
@frozen
class Audit:
    """What is to be verified: all, or ``sample`` objects that ``seed`` chooses, or what belongs to ``only`` these."""

    sample: int | None = None
    seed: int = 0
    only: frozenset[RRef] | None = None


@final
@frozen
class Repair:
    """What became of one piece of damage; ``healed`` or not, and ``how``, or why not."""

    damage: Damage
    healed: bool
    how: str


@final
@frozen
class Verified:
    """What `verify` looked at, and what it found: records, objects and their bytes.

    ``of``: how many objects there are; more than ``objects`` where a sample was
    asked for, which ``seed`` chose. ``repairs``: what became of the damage,
    where repair was asked for.
    """

    groups: int
    records: int
    objects: int
    of: int
    size: int
    seed: int | None = None
    damages: tuple[Damage, ...] = ()
    repairs: tuple[Repair, ...] = field(default=())

    @property
    def sound(self) -> bool:
        """Whether nothing was found, or all of it was healed."""
        return not self.damages or (bool(self.repairs) and all(each.healed for each in self.repairs))
