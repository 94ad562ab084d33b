"""A store, asked as it is: what wrappers of a store begin with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from returns.io import IOResult

from lightfx.core.config import Config
from lightfx.core.derivation import Parts
from lightfx.core.failures import EngineFailure
from lightfx.core.inventory import Anchor, Garbage, Inventory
from lightfx.core.listing import Listed
from lightfx.core.manifest import Manifest
from lightfx.core.names import Digest
from lightfx.core.outcome import Cause
from lightfx.core.realization import Realization
from lightfx.core.refs import DRef, RRef
from lightfx.effects.store import Entry, Forbidden, Ingested, Store


class Around:
    """Hands everything on to ``store``. Implements `lightfx.effects.store.Store`."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def listed(self, drefs: Sequence[DRef], reading: frozenset[DRef]) -> IOResult[Sequence[Listed], EngineFailure]:
        """List what is stored of these derivations."""
        return self.store.listed(drefs, reading)

    def alike(self, keys: Sequence[Digest]) -> IOResult[Sequence[Listed], EngineFailure]:
        """List what is stored under these keys."""
        return self.store.alike(keys)

    def realizations(self, rrefs: Sequence[RRef]) -> IOResult[Mapping[RRef, Realization], EngineFailure]:
        """Read records."""
        return self.store.realizations(rrefs)

    def configs(self, drefs: Sequence[DRef]) -> IOResult[Mapping[DRef, Config], EngineFailure]:
        """Read configs."""
        return self.store.configs(drefs)

    def codes(self, fingerprints: Sequence[str]) -> IOResult[Mapping[str, Parts], EngineFailure]:
        """Read what codes consist of."""
        return self.store.codes(fingerprints)

    def names(self, prefix: str, limit: int) -> IOResult[Sequence[str], EngineFailure]:
        """List references."""
        return self.store.names(prefix, limit)

    def newest(self, name: str | None, limit: int) -> IOResult[Sequence[Listed], EngineFailure]:
        """List what was stored last."""
        return self.store.newest(name, limit)

    def observe(self, paths: Sequence[Path]) -> IOResult[Mapping[Path, Digest | Cause], EngineFailure]:
        """Digest what lies outside."""
        return self.store.observe(paths)

    def claim(self, keys: Sequence[Digest]) -> IOResult[frozenset[Digest], EngineFailure]:
        """Ask to be the only one who builds these keys."""
        return self.store.claim(keys)

    def release(self, keys: Sequence[Digest]) -> IOResult[None, EngineFailure]:
        """Give claims back."""
        return self.store.release(keys)

    def place(self) -> Path:
        """Name a private folder."""
        return self.store.place()

    def discard(self, places: Sequence[Path]) -> IOResult[None, EngineFailure]:
        """Remove private folders."""
        return self.store.discard(places)

    def ingest(self, folders: Sequence[Path]) -> IOResult[Mapping[Path, Ingested], EngineFailure]:
        """Make folders into objects."""
        return self.store.ingest(folders)

    def salvage(self, folder: Path) -> IOResult[None, EngineFailure]:
        """Remove what no object may hold."""
        return self.store.salvage(folder)

    def present(self, trees: Sequence[Digest]) -> IOResult[frozenset[Digest], EngineFailure]:
        """Tell which objects are there."""
        return self.store.present(trees)

    def drop(self, trees: Sequence[Digest]) -> IOResult[None, EngineFailure]:
        """Remove objects that nothing keeps."""
        return self.store.drop(trees)

    def manifests(self, folders: Sequence[Path]) -> IOResult[Mapping[Path, Manifest | Forbidden], EngineFailure]:
        """List what is in folders."""
        return self.store.manifests(folders)

    def commit(self, entries: Sequence[Entry]) -> IOResult[None, EngineFailure]:
        """Store realizations."""
        return self.store.commit(entries)

    def folder_of(self, tree: Digest) -> Path:
        """Name the folder of an object."""
        return self.store.folder_of(tree)

    def roots(self) -> IOResult[Sequence[Anchor], EngineFailure]:
        """List the roots."""
        return self.store.roots()

    def hold(self, root: Anchor) -> IOResult[None, EngineFailure]:
        """Make a root."""
        return self.store.hold(root)

    def let_go(self, name: str) -> IOResult[bool, EngineFailure]:
        """Remove a root."""
        return self.store.let_go(name)

    def sizes(self, trees: Sequence[Digest]) -> IOResult[Mapping[Digest, int], EngineFailure]:
        """Count the bytes of objects."""
        return self.store.sizes(trees)

    def inventory(self) -> IOResult[Inventory, EngineFailure]:
        """List all that is there."""
        return self.store.inventory()

    def collect(self, judge: Callable[[Inventory], Garbage]) -> IOResult[Garbage, EngineFailure]:
        """Remove garbage."""
        return self.store.collect(judge)

    def close(self) -> IOResult[None, EngineFailure]:
        """Give back what is held."""
        return self.store.close()
