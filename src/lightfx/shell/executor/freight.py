"""Freight: the trees that tasks need, sent to a cluster that shares no file system with the store.

A tree becomes a parcel, and the parcel a Dask task of its own that just gives
it: Dask then moves it once to each worker that needs it, and makes it again if
it is lost. It stays in the cluster for as long as any task here needs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, final
from weakref import WeakValueDictionary

from attrs import Factory, define

from lightfx.effects.executor import Task
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.executor.cluster import Cluster
from lightfx.shell.executor.parcels import digest_of_parcel, pack_folder
from lightfx.shell.executor.remote import keep

if TYPE_CHECKING:
    from distributed import Future


@final
@define(eq=False)
class Freight:
    """What one driver has sent; ``sent`` forgets what no task needs any more."""

    cluster: Cluster
    disk: Disk = REAL
    sent: WeakValueDictionary[str, Future[bytes]] = Factory(WeakValueDictionary)
    digests: dict[Path, str] = Factory(dict[Path, str])

    def of(self, task: Task) -> tuple[Mapping[Path, str], list[Future[bytes]]]:
        """Send what a task needs: the digest of each folder's parcel, and the parcels in the cluster."""
        folders = {given.folder for each in task.order.inputs.values() for given in each.given if given.folder}
        found = {folder: self._send(folder) for folder in sorted(folders)}
        digests = {folder: self.digests[folder] for folder in found}
        return digests, list({digests[folder]: tree for folder, tree in found.items()}.values())

    def _send(self, folder: Path) -> Future[bytes]:
        known = self.sent.get(self.digests.get(folder, ""))
        if known is not None:
            return known
        parcel = pack_folder(folder, self.disk)
        digest = self.digests[folder] = digest_of_parcel(parcel)
        made = self.sent.get(digest) or self.cluster.submit(f"lightfx-tree-{digest}", keep, (parcel,), {})
        self.sent[digest] = made
        return made
