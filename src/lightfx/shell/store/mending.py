"""Mending a store, crash-safe, by one who is alone on it: what can be mended without anything being made again.

- Of a damaged group the sound lines are written into a new group, which is
  synced; then the damaged one is moved away, and that is synced. What was not
  sound is computed anew when it is wanted. Killed in between, the sound lines
  stand twice.
  A group that cannot be read is left where it is: nobody knows what it holds.
- Rights are set: those to read are given back first, and what is sound then is mended.
- A damaged object that nobody names is moved away.

What is moved away goes into the private folder, and is removed when the store
is everybody's again; or by the next who opens it, where we were killed.
"""

from __future__ import annotations

import stat
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, final

from attrs import frozen

from lightfx.core.damage import (
    Damage,
    DamagedGroup,
    DamagedObject,
    MissingObject,
    Repair,
    Stray,
    WrongRights,
)
from lightfx.core.failures import InUse
from lightfx.core.layout import OBJECTS, records_path
from lightfx.core.names import Digest
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.store.claims import Claims
from lightfx.shell.store.groups import Groups
from lightfx.shell.store.objects import Objects
from lightfx.shell.store.sync import sync_path, write_durably
from lightfx.shell.store.tree import remove_tree
from lightfx.shell.store.trouble import StoreTroubleError
from lightfx.shell.store.verifying import Judged, Verifier

_OF_ANOTHER: Final = "it is another user's: let him set it right"
_GONE: Final = "it is gone by now"
_UNNAMED: Final = "nothing names it: it was removed"
_DOUBTFUL: Final = "it was left as it is, since records that could not be read may name it: verify again"
_UNREAD: Final = "it was left as it is; if it never can be, move it away by hand, and what it held is computed anew"


@final
@frozen
class Mender:
    """Mends the store at ``root``; ``reread`` brings the index up."""

    root: Path
    private: Path
    claims: Claims
    groups: Groups
    objects: Objects
    verifier: Verifier
    reread: Callable[[], None]
    disk: Disk = REAL

    def mend(self, damages: Sequence[Damage]) -> list[Repair]:
        """Mend what is ours to mend; raises `StoreTroubleError` where others have the store open."""
        trash = self.private / f"mended-{uuid.uuid4().hex}"
        with self.claims.alone() as alone:
            if not alone or self.claims.building:
                raise StoreTroubleError(InUse(self.root, self.claims.others()))
            # What such a group names is not known, and looks as if nothing named it.
            unread = any(isinstance(each, DamagedGroup) and not (each.sound or each.lost) for each in damages)
            repairs = [done for each in damages if (done := self._mend(each, trash, unread=unread)) is not None]
            sync_path(self.groups.folder, self.disk)
            sync_path(self.root / OBJECTS, self.disk)
            self.reread()
        remove_tree(trash, self.disk)
        return repairs

    def _mend(self, damage: Damage, trash: Path, *, unread: bool) -> Repair | None:
        match damage:
            case DamagedGroup():
                return self._mend_group(damage, trash)
            case WrongRights():
                return self._set_right(damage)
            case DamagedObject():
                return self._made_readable(damage) or self._removed(damage, trash, unread=unread)
            case Stray():
                return Repair(damage, healed=False, how="move it away by hand")
            case MissingObject():
                return None

    def _made_readable(self, damage: DamagedObject) -> Repair | None:
        """Give the rights to read back, where they are lacking: it may be sound."""
        try:
            if _allow_reading(damage.path, self.disk) and self.verifier.soundness.judge(damage.tree) is None:
                return Repair(damage, healed=True, how="it can be read again, and is sound")
        except FileNotFoundError:  # it was dropped, or moved, meanwhile
            return None
        except PermissionError:
            return Repair(damage, healed=False, how=_OF_ANOTHER)
        return None

    def _removed(self, damage: DamagedObject, trash: Path, *, unread: bool) -> Repair | None:
        """Take away what nobody names."""
        if damage.rrefs:
            return None
        if unread:
            return Repair(damage, healed=False, how=_DOUBTFUL)
        moved = self.objects.move_out((damage.tree,), trash, logs=True)
        if not moved and self.disk.lexists(self.objects.path_of(damage.tree)):
            return Repair(damage, healed=False, how=_OF_ANOTHER)
        return Repair(damage, healed=True, how=_UNNAMED if moved else _GONE)

    def _set_right(self, damage: WrongRights) -> Repair:
        if damage.owner is not None:
            return Repair(damage, healed=False, how="give it to its owner with chown, by hand")
        try:
            self.disk.chmod(damage.path, damage.wanted)
        except FileNotFoundError:
            return Repair(damage, healed=True, how="what had it was damaged, and is gone")
        except PermissionError:
            return Repair(damage, healed=False, how=_OF_ANOTHER)
        return Repair(damage, healed=True, how=f"its mode is {damage.wanted:04o} again")

    def _mend_group(self, damage: DamagedGroup, trash: Path) -> Repair:
        path = damage.path
        judged = self._judged(path)
        if not judged.read:
            return Repair(damage, healed=False, how=f"{judged.why}: {_UNREAD}")
        if not judged.why:
            return Repair(damage, healed=True, how="it can be read again, and is sound")
        data = b"".join(line for line, _ in judged.lines)
        name = records_path(Digest.of(data)).name
        if data and name != path.name:
            write_durably(self.groups.folder / name, [data], self.private / name, self.disk)
        if not data or name != path.name:
            self.disk.make_folders(trash, 0o700)
            self.disk.rename(path, trash / path.name)
        told = f"{len(judged.lines)} of its lines were saved, {judged.lost} are computed anew when they are wanted"
        return Repair(damage, healed=True, how=told)

    def _judged(self, path: Path) -> Judged:
        """Read a group; where the right to is lacking, it is given back first."""
        judged = self.verifier.judge(path.name)
        if not judged.read and stat.S_ISREG(self.disk.lstat(path).st_mode):
            with suppress(OSError):
                self.disk.chmod(path, 0o444)
            judged = self.verifier.judge(path.name)
        return judged


def _allow_reading(root: Path, disk: Disk) -> bool:
    """Give back the rights to read that a stored folder lacks; tell whether it lacked any."""
    changed, pending = False, [str(root)]
    while pending:
        path = pending.pop()
        status = disk.lstat(path)
        is_folder = stat.S_ISDIR(status.st_mode)
        if not is_folder and not stat.S_ISREG(status.st_mode):
            continue
        mode = 0o555 if is_folder or status.st_mode & stat.S_IXUSR else 0o444
        if status.st_mode & mode != mode:
            disk.chmod(path, mode)
            changed = True
        if is_folder:
            with disk.scandir(path) as found:
                pending += [each.path for each in found]
    return changed
