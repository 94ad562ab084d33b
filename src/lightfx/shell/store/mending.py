"""Mending a store, crash-safe, by one who is alone on it: what can be mended without anything being made again.

- Of a damaged group the sound lines are written into a new group, which is
  synced; then the damaged one is moved away, and that is synced. What was not
  sound is computed anew when it is wanted. Killed in between, the sound lines
  stand twice.
- Rights are set.
- A damaged object that nobody names is moved away.

What is moved away goes into the private folder, and is removed when the store
is everybody's again; or by the next who opens it, where we were killed.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import final

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
from lightfx.shell.store.verifying import Verifier


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
            repairs = [done for each in damages if (done := self._mend(each, trash)) is not None]
            sync_path(self.groups.folder, self.disk)
            sync_path(self.root / OBJECTS, self.disk)
            self.reread()
        remove_tree(trash, self.disk)
        return repairs

    def _mend(self, damage: Damage, trash: Path) -> Repair | None:
        match damage:
            case DamagedGroup(path):
                return Repair(damage, healed=True, how=self._mend_group(path, trash))
            case WrongRights():
                return self._set_right(damage)
            case DamagedObject(tree=tree, rrefs=()):
                self.objects.move_out((tree,), trash, logs=True)
                return Repair(damage, healed=True, how="nothing names it: it was removed")
            case Stray():
                return Repair(damage, healed=False, how="move it away by hand")
            case DamagedObject() | MissingObject():
                return None

    def _set_right(self, damage: WrongRights) -> Repair:
        if damage.owner is not None:
            return Repair(damage, healed=False, how="give it to its owner with chown, by hand")
        try:
            self.disk.chmod(damage.path, damage.wanted)
        except FileNotFoundError:
            return Repair(damage, healed=True, how="what had it was damaged, and is gone")
        except PermissionError:
            return Repair(damage, healed=False, how="it is another user's: let him set it right")
        return Repair(damage, healed=True, how=f"its mode is {damage.wanted:04o} again")

    def _mend_group(self, path: Path, trash: Path) -> str:
        judged = self.verifier.judge(path.name)
        data = b"".join(line for line, _ in judged.lines)
        name = records_path(Digest.of(data)).name
        if data and name != path.name:
            write_durably(self.groups.folder / name, [data], self.private / name, self.disk)
        if not data or name != path.name:
            self.disk.make_folders(trash, 0o700)
            self.disk.rename(path, trash / path.name)
        return f"{len(judged.lines)} of its lines were saved, {judged.lost} are computed anew when they are wanted"
