"""Clearing a store of what crashes left in it, for `lightfx.upkeep.doctor`.

Most of it goes when the store is opened: the private folders, claims and files
of the dead, and an index that is broken or behind. Roots go whose link is gone,
and objects that no record names, if nobody else has the store open.
What may be that of one who is just coming, or of another host, stays as long as
``docs/store-format.md`` says. Nothing of a living owner is touched. What could
not be cleared is found again by who looks again, as `doctor` does.
"""

from __future__ import annotations

from lightfx.core.health import Health, OddRoot, Unnamed
from lightfx.core.inventory import Garbage, Inventory
from lightfx.core.layout import INDEX
from lightfx.core.names import Digest
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.store.directory import DirectoryStore


def clear_store(health: Health, disk: Disk = REAL) -> None:
    """Clear what may be cleared of what was found in a store."""
    index = health.path / INDEX
    # Where there is none it may be kept elsewhere, and wanted nowhere else: on the disk of this machine.
    store = DirectoryStore(health.path, index if disk.exists(index) else None, mending=True, disk=disk)
    try:
        for each in health.oddities:
            if isinstance(each, OddRoot) and each.over:
                store.let_go(each.path.name)
            elif isinstance(each, Unnamed):
                store.collect(_unnamed)
    finally:
        store.close()


def _unnamed(found: Inventory) -> Garbage:
    named = frozenset[Digest]().union(*(item.trees for item in found.items))
    return Garbage(objects=tuple(tree for tree in found.objects if tree not in named))
