"""The memory double: the store's protocol over dicts, for tests and for plans that need no keeping.

Records live in the process; files, where a stage writes any, in a scratch
folder. It obeys the same laws as the directory store, except that nothing
outlives it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import final

from attrs import evolve
from returns.io import IOResult, IOSuccess

from lightfx.core.config import Config
from lightfx.core.damage import Audit, Damage, LostObject, MissingObject, Repair, Verified
from lightfx.core.derivation import Parts
from lightfx.core.failures import EngineFailure
from lightfx.core.inventory import Anchor, Garbage, Inventory, Item
from lightfx.core.layout import OBJECTS, TEMPORARY
from lightfx.core.listing import Listed
from lightfx.core.manifest import Manifest
from lightfx.core.names import Digest
from lightfx.core.outcome import Cause
from lightfx.core.realization import Realization
from lightfx.core.records import spell_realization
from lightfx.core.refs import DRef, RRef
from lightfx.effects.store import Entry, Forbidden, Ingested
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.store.objects import Objects
from lightfx.shell.store.observing import Observer
from lightfx.shell.store.soundness import Soundness
from lightfx.shell.store.tree import remove_tree, salvage
from lightfx.shell.store.trouble import guarded


@final
class MemoryStore:
    """A store in memory, with its files under ``scratch``. Implements `lightfx.effects.store.Store`."""

    def __init__(self, scratch: Path, disk: Disk = REAL) -> None:
        self._scratch = scratch
        self._disk = disk
        self._soundness = Soundness(scratch, None, disk=disk)
        self._objects = Objects(scratch, self._soundness, durable=False, disk=disk)
        self._observer = Observer(None, disk)
        self._configs: dict[DRef, Config] = {}
        self._codes: dict[str, Parts] = {}
        self._realizations: dict[RRef, Realization] = {}
        self._by_dref: dict[DRef, list[RRef]] = {}
        self._by_key: dict[Digest, list[RRef]] = {}
        self._kept: set[Digest] = set()
        self._places = 0
        self._roots: dict[str, Anchor] = {}

    def listed(
        self,
        drefs: Sequence[DRef],
        reading: frozenset[DRef],  # noqa: ARG002 -- records are at hand
    ) -> IOResult[Sequence[Listed], EngineFailure]:
        """List what is stored of these derivations."""
        return IOSuccess(self._rows(rref for dref in dict.fromkeys(drefs) for rref in self._by_dref.get(dref, ())))

    def alike(self, keys: Sequence[Digest]) -> IOResult[Sequence[Listed], EngineFailure]:
        """List what is stored under these keys."""
        return IOSuccess(self._rows(rref for key in dict.fromkeys(keys) for rref in self._by_key.get(key, ())))

    def _rows(self, rrefs: Iterable[RRef]) -> list[Listed]:
        return [Listed.whole(self._realizations[rref]) for rref in rrefs]

    def realizations(self, rrefs: Sequence[RRef]) -> IOResult[Mapping[RRef, Realization], EngineFailure]:
        """Read records."""
        return IOSuccess({rref: self._realizations[rref] for rref in rrefs if rref in self._realizations})

    def configs(self, drefs: Sequence[DRef]) -> IOResult[Mapping[DRef, Config], EngineFailure]:
        """Read the configs of derivations."""
        return IOSuccess({dref: self._configs[dref] for dref in drefs if dref in self._configs})

    def codes(self, fingerprints: Sequence[str]) -> IOResult[Mapping[str, Parts], EngineFailure]:
        """Read what codes consist of."""
        return IOSuccess({each: self._codes[each] for each in fingerprints if each in self._codes})

    def names(self, prefix: str, limit: int) -> IOResult[Sequence[str], EngineFailure]:
        """List references that begin with ``prefix``."""
        texts = [*(dref.text for dref in self._configs), *(rref.text for rref in self._realizations)]
        return IOSuccess(sorted(text for text in texts if text.startswith(prefix))[:limit])

    def newest(self, name: str | None, limit: int) -> IOResult[Sequence[Listed], EngineFailure]:
        """List the realizations that were stored last."""
        of_name = [each for each in self._realizations.values() if name in (None, each.dref.name.text)]
        ordered = sorted(of_name, key=lambda each: (-each.created, each.rref))
        return IOSuccess([Listed.whole(each) for each in ordered[:limit]])

    def observe(self, paths: Sequence[Path]) -> IOResult[Mapping[Path, Digest | Cause], EngineFailure]:
        """Digest what lies outside."""
        return guarded(self._scratch, "look outside", lambda: self._observer.observe(paths))

    def claim(self, keys: Sequence[Digest]) -> IOResult[frozenset[Digest], EngineFailure]:
        """Ask to be the only one who builds these keys: in one process, one always is."""
        return IOSuccess(frozenset(keys))

    def release(self, keys: Sequence[Digest]) -> IOResult[None, EngineFailure]:  # noqa: ARG002 -- there is no other
        """Give claims back."""
        return IOSuccess(None)

    def place(self) -> Path:
        """Name a private folder for an attempt."""
        self._places += 1
        return self._scratch / TEMPORARY / str(self._places)

    def discard(self, places: Sequence[Path]) -> IOResult[None, EngineFailure]:
        """Remove private folders."""

        def work() -> None:
            for place in places:
                remove_tree(place, self._disk)

        return guarded(self._scratch, "remove private folders", work)

    def ingest(self, folders: Sequence[Path]) -> IOResult[Mapping[Path, Ingested], EngineFailure]:
        """Make folders into objects."""

        def work() -> Mapping[Path, Ingested]:
            self._disk.make_folders(self._scratch / OBJECTS)
            return self._objects.ingest(folders)

        return guarded(self._scratch, "store an output folder", work)

    def salvage(self, folder: Path) -> IOResult[None, EngineFailure]:
        """Remove what no object may hold."""
        return guarded(self._scratch, "clear a half-done output folder", lambda: salvage(folder, self._disk))

    def manifests(self, folders: Sequence[Path]) -> IOResult[Mapping[Path, Manifest | Forbidden], EngineFailure]:
        """List what is in folders."""
        private = self._scratch / TEMPORARY
        return guarded(self._scratch, "list a folder", lambda: self._objects.manifests(folders, private))

    def folder_of(self, tree: Digest) -> Path:
        """Name the folder of an object."""
        return self._objects.folder_of(tree)

    def present(self, trees: Sequence[Digest]) -> IOResult[frozenset[Digest], EngineFailure]:
        """Tell which objects are there."""
        return guarded(self._scratch, "look for files", lambda: self._objects.present(trees))

    def unsound(self, trees: Sequence[Digest]) -> IOResult[Mapping[Digest, LostObject], EngineFailure]:
        """Tell which objects are not what they are named by."""
        return guarded(self._scratch, "look at files", lambda: self._soundness.unsound(trees))

    def verify(self, audit: Audit) -> IOResult[Verified, EngineFailure]:
        """Read the files of what is stored."""
        return guarded(self._scratch, "verify what is stored", lambda: self._verify(audit))

    def _verify(self, audit: Audit) -> Verified:
        records = [each for each in self._realizations.values() if audit.only is None or each.rref in audit.only]
        wanted: dict[Digest, list[RRef]] = {}
        for each in records:
            for tree in Item.of(each).trees:
                wanted.setdefault(tree, []).append(each.rref)
        there = set(self._objects.every()) if self._disk.exists(self._scratch / OBJECTS) else set()
        needed = {tree for each in records if not each.ephemeral for tree in Item.of(each).trees}
        damages: list[LostObject] = [MissingObject(tree, tuple(wanted[tree])) for tree in sorted(needed - there)]
        chosen = sorted(there if audit.only is None else there & wanted.keys())[: audit.sample]
        judged = [(tree, self._soundness.judge(tree)) for tree in chosen]
        damages += [evolve(found, rrefs=tuple(wanted.get(tree, ()))) for tree, found in judged if found is not None]
        size = sum(self._objects.sizes(chosen).values())
        return Verified(0, len(records), len(chosen), len(there), size, audit.seed, tuple(damages))

    def mend(self, damages: Sequence[Damage]) -> IOResult[Sequence[Repair], EngineFailure]:  # noqa: ARG002 -- as it says
        """There are no groups, and files are made again."""
        return IOSuccess(())

    def drop(self, trees: Sequence[Digest]) -> IOResult[None, EngineFailure]:
        """Remove objects that nothing keeps."""

        def work() -> None:
            aside = self.place()
            if self._objects.move_out([tree for tree in trees if tree not in self._kept], aside):
                remove_tree(aside, self._disk)

        return guarded(self._scratch, "drop files", work)

    def commit(self, entries: Sequence[Entry]) -> IOResult[None, EngineFailure]:
        """Store realizations together."""
        for entry in entries:
            realization = entry.realization
            if realization.tree is not None and not realization.ephemeral:
                self._kept.add(realization.tree)
            known = self._realizations.get(realization.rref)
            if known is not None:
                if realization.precedence < known.precedence:
                    self._realizations[realization.rref] = realization
                continue
            if realization.dref not in self._configs:
                self._describe(realization.dref, entry)
            self._realizations[realization.rref] = realization
            self._by_dref.setdefault(realization.dref, []).append(realization.rref)
            self._by_key.setdefault(realization.key, []).append(realization.rref)
        return IOSuccess(None)

    def _describe(self, dref: DRef, entry: Entry) -> None:
        self._configs[dref] = entry.config
        fingerprint = entry.config.fingerprint
        if fingerprint and fingerprint not in self._codes and (parts := entry.parts()):
            self._codes[fingerprint] = parts

    def roots(self) -> IOResult[Sequence[Anchor], EngineFailure]:
        """List the roots; links are not looked at."""
        return IOSuccess(sorted(self._roots.values(), key=lambda root: root.name))

    def hold(self, root: Anchor) -> IOResult[None, EngineFailure]:
        """Make a root."""
        self._roots[root.name] = root
        return IOSuccess(None)

    def let_go(self, name: str) -> IOResult[bool, EngineFailure]:
        """Remove a root."""
        return IOSuccess(self._roots.pop(name, None) is not None)

    def sizes(self, trees: Sequence[Digest]) -> IOResult[Mapping[Digest, int], EngineFailure]:
        """Count the bytes of objects."""
        return guarded(self._scratch, "count the bytes of files", lambda: self._objects.sizes(trees))

    def inventory(self) -> IOResult[Inventory, EngineFailure]:
        """List all that is there."""
        return guarded(self._scratch, "list objects", self._inventory)

    def _inventory(self) -> Inventory:
        items = [Item.of(each, len(spell_realization(each))) for each in self._realizations.values()]
        there = self._objects.every() if self._disk.exists(self._scratch / OBJECTS) else ()
        return Inventory(items, self._objects.sizes(there), tuple(self._roots.values()))

    def collect(self, judge: Callable[[Inventory], Garbage]) -> IOResult[Garbage, EngineFailure]:
        """Remove garbage."""

        def work() -> Garbage:
            garbage = judge(self._inventory())
            for rref in garbage.rrefs:
                gone = self._realizations.pop(rref)
                self._by_dref[gone.dref].remove(rref)
                self._by_key[gone.key].remove(rref)
                if not self._by_dref[gone.dref]:
                    del self._by_dref[gone.dref], self._configs[gone.dref]
            aside = self.place()
            if self._objects.move_out(garbage.objects, aside, logs=True):
                remove_tree(aside, self._disk)
            self._kept.difference_update(garbage.objects)
            return garbage

        return guarded(self._scratch, "collect garbage", work)

    def close(self) -> IOResult[None, EngineFailure]:
        """Nothing is held."""
        return IOSuccess(None)
