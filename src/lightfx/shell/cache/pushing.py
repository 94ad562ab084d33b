"""Bringing realizations to a cache: files first, then records, then the table that leads to them.

Whoever is killed at any moment leaves files that nobody asks for, and nothing
else. To bring what is there already is to bring nothing: what the tables tell of
is left out, and large files are looked for by name. Files of the store are
hashed before they go, so what was damaged here is not spread.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, final

from attrs import define
from returns.result import Failure, Result, Success

from lightfx.core.failures import CacheTrouble, EngineFailure
from lightfx.core.inventory import Item
from lightfx.core.manifest import Kind, Manifest, digest_of
from lightfx.core.names import Digest
from lightfx.core.realization import Realization
from lightfx.core.refs import RRef
from lightfx.effects.cache import Good
from lightfx.effects.store import Entry, Forbidden, Store
from lightfx.plan.limits import MOST_DEPTH, is_too_deep
from lightfx.plan.packing import Freight
from lightfx.plan.sharing import (
    BLOBS,
    GROUPS,
    MOST_GROUP,
    PACKS,
    TABLE_COUNT,
    TABLE_LIST,
    TABLES,
    Group,
    Row,
    batches,
    large_files,
    small_files,
    spell_table,
    table_list,
    to_merge,
    tokens_of,
)
from lightfx.shell.cache.catalogue import Catalogue
from lightfx.shell.cache.channel import BrokenError
from lightfx.shell.cache.partner import Partner
from lightfx.shell.cache.presence import Presence
from lightfx.shell.cache.pulling import is_right, is_whole
from lightfx.shell.cache.sealing import PIECE, sealed, sealed_stream
from lightfx.shell.disk import REAL, Disk

_PACKS_AT_ONCE: Final = 16


@final
@define(eq=False)
class Pushing:
    """One push to one cache; ``closely``: what its tables tell of is looked at, one by one."""

    partner: Partner
    catalogue: Catalogue
    store: Store
    closely: bool = False

    def run(self, entries: Sequence[Entry]) -> Result[tuple[RRef, ...], EngineFailure]:
        """Bring what is shared and is not there yet; gives the realizations that were brought."""
        try:
            return self._run(entries)
        except BrokenError as error:  # a file of the store
            return Failure(CacheTrouble(self.partner.name, "be written to", error.why))

    def _run(self, entries: Sequence[Entry]) -> Result[tuple[RRef, ...], EngineFailure]:
        listed = self.catalogue.refresh()
        if isinstance(listed, Failure):
            return Failure(listed.failure())
        wanted = self._wanted(entries)
        if isinstance(wanted, Failure):
            return Failure(wanted.failure())
        by_rref = {entry.realization.rref: entry for entry in wanted.unwrap()}
        rows, brought = list[Row](), list[RRef]()
        for batch in batches(entry.realization for entry in by_rref.values()):
            done = self._bring([by_rref[each.rref] for each in batch])
            if isinstance(done, Failure):
                return Failure(done.failure())
            for row, rrefs in done.unwrap():
                rows.append(row)
                brought += rrefs
        return self._tell(rows).map(lambda _: tuple(brought))

    # What to bring.

    def _wanted(self, entries: Sequence[Entry]) -> Result[list[Entry], EngineFailure]:
        sharing = self.partner.terms.sharing
        may = [each for each in entries if sharing.shares(each.realization)]
        absent = Presence(self.partner, self.catalogue, self.closely).absent([each.realization for each in may])
        if isinstance(absent, Failure):
            return Failure(absent.failure())
        shared = [each for each in may if each.realization.rref in absent.unwrap()]
        doubts = {each.realization.rref: sharing.doubts(each.config, each.realization) for each in shared}
        asked = tuple(dict.fromkeys(rref for own in doubts.values() for rref in own))
        known = self.partner.perform.result(self.store.realizations(asked)) if asked else Success({})
        if isinstance(known, Failure):
            return Failure(known.failure())
        by = known.unwrap()
        return Success(
            [each for each in shared if all(is_right(by.get(rref)) for rref in doubts[each.realization.rref])]
        )

    # Bringing it.

    def _bring(self, entries: Sequence[Entry]) -> Result[list[tuple[Row, list[RRef]]], EngineFailure]:
        objects = self._objects(entries)
        if isinstance(objects, Failure):
            return Failure(objects.failure())
        found = objects.unwrap()
        whole = [entry for entry in entries if is_whole(entry.realization, found.keys())]
        if not whole:
            return Success([])
        mine = {tree: found[tree] for entry in whole for tree in Item.of(entry.realization).trees if tree in found}
        packs: dict[Digest, tuple[Digest, ...]] = {}
        brought = self._bring_files(mine, packs)
        if isinstance(brought, Failure):
            return Failure(brought.failure())
        return self._bring_group(whole, mine, packs)

    def _objects(self, entries: Sequence[Entry]) -> Result[Mapping[Digest, Manifest], EngineFailure]:
        """List the files of the objects that are there, and are what they are named by."""
        named: dict[Digest, set[str]] = {}
        for entry in entries:
            for tree in Item.of(entry.realization).trees:
                named.setdefault(tree, set()).add(entry.realization.rref.text)
        trees = named.keys()
        present = self.partner.perform.result(self.store.present(tuple(sorted(trees))))
        if isinstance(present, Failure):
            return Failure(present.failure())
        for rref in (each.rref for each in map(_made, entries) if not is_whole(each, present.unwrap())):
            self.partner.refuse(rref.text, "its files here are gone: `lightfx verify --repair` makes them again")
        folders = {self.store.folder_of(tree): tree for tree in sorted(present.unwrap())}
        listed = self.partner.perform.result(self.store.manifests(tuple(folders))) if folders else Success({})
        if isinstance(listed, Failure):
            return Failure(listed.failure())
        objects: dict[Digest, Manifest] = {}
        for folder, manifest in listed.unwrap().items():
            if isinstance(manifest, Forbidden) or digest_of(manifest) != folders[folder]:
                whose = ", ".join(sorted(named[folders[folder]]))
                why = "its files here are not what they were: `lightfx verify --repair` mends them"
                self.partner.refuse(whose, why)
            elif is_too_deep(manifest):
                self.partner.refuse(folders[folder].text, f"it has more than {MOST_DEPTH} folders in one another")
            else:
                objects[folders[folder]] = manifest
        return Success(objects)

    def _bring_files(
        self, objects: Mapping[Digest, Manifest], packs: dict[Digest, tuple[Digest, ...]]
    ) -> Result[None, CacheTrouble]:
        paths = {
            Digest(entry.data): self.store.folder_of(tree) / entry.path
            for tree, manifest in objects.items()
            for entry in manifest
            if entry.kind is Kind.FILE
        }
        large = {f"{BLOBS}/{file.hex}": (file, size) for file, size in large_files(objects).items()}
        there = self.partner.do(self.partner.cache.there(tuple(large))) if large else Success(frozenset[str]())
        if isinstance(there, Failure):
            return Failure(there.failure())
        blobs = [
            sealed_stream(name, size, _reader(paths[file], REAL))
            for name, (file, size) in large.items()
            if name not in there.unwrap() or name in self.partner.unfit
        ]
        if blobs and isinstance(put := self._put(blobs), Failure):
            return put
        goods = self._packs(small_files(objects), paths, packs)
        while some := list(islice(goods, _PACKS_AT_ONCE)):
            if isinstance(put := self._put(some), Failure):
                return put
        return Success(None)

    def _packs(
        self,
        files: Sequence[Sequence[Digest]],
        paths: Mapping[Digest, Path],
        packs: dict[Digest, tuple[Digest, ...]],
    ) -> Iterator[Good]:
        for each in files:
            data = b"".join(piece for file in each for piece in _reader(paths[file], REAL)())
            digest = Digest.of(data)
            packs[digest] = tuple(each)
            yield sealed(f"{PACKS}/{digest.hex}", data)

    def _bring_group(
        self, entries: Sequence[Entry], objects: Mapping[Digest, Manifest], packs: Mapping[Digest, tuple[Digest, ...]]
    ) -> Result[list[tuple[Row, list[RRef]]], EngineFailure]:
        sign = self.partner.terms.sign
        made = tuple(entry.realization for entry in entries)
        configs = {entry.realization.dref: entry.config for entry in entries}
        prints = sorted({config.fingerprint for config in configs.values()} - {""})
        codes = self.partner.perform.result(self.store.codes(prints)).value_or({})
        signatures = {} if sign is None else {each.rref: (sign(each),) for each in made}
        data = Group(Freight((), made, configs, codes), objects, packs, signatures).spell()
        if len(data) > MOST_GROUP:
            return self._bring_halves(entries)
        digest = Digest.of(data)
        row = Row(digest, len(data), tuple(each for one in made for each in tokens_of(one)))
        put = self._put([sealed(f"{GROUPS}/{digest.hex}", data)])
        if isinstance(put, Success):
            self.partner.spoilt.difference_update(each.rref for each in made)
            self.catalogue.unfit.discard(f"{GROUPS}/{digest.hex}")
            self.catalogue.gone.discard(f"{GROUPS}/{digest.hex}")
        return put.map(lambda _: [(row, [each.rref for each in made])])

    def _bring_halves(self, entries: Sequence[Entry]) -> Result[list[tuple[Row, list[RRef]]], EngineFailure]:
        """Part a group that is too large, since its objects have many files."""
        if len(entries) == 1:
            self.partner.refuse(entries[0].realization.rref.text, "it has too many files to be shared")
            return Success([])
        middle = len(entries) // 2
        first = self._bring(entries[:middle])
        return first.bind(lambda done: self._bring(entries[middle:]).map(lambda more: [*done, *more]))

    # Telling of it.

    def _tell(self, rows: Sequence[Row]) -> Result[None, CacheTrouble]:
        if not rows:
            return Success(None)
        for table in _tables(rows):
            told = self._put([self._sealed_table(table)])
            if isinstance(told, Failure):
                return told
        listed = self.catalogue.refresh()
        if self._merge(listed.value_or({})):
            listed = self.catalogue.refresh()
        # Those who cannot list; what another brings at the same time may be missing in it until the next push.
        return listed.bind(lambda names: self._put([sealed(TABLE_LIST, table_list(names))]))

    def _merge(self, names: Mapping[str, int]) -> bool:
        """Put small tables together, if there are many; that it does not work is no harm."""
        merged = to_merge(names) if self.partner.terms.drops else ()
        rows = [row for name in merged for row in self.catalogue.tables.get(name, ())]
        if not rows or any(name not in self.catalogue.tables for name in merged):
            return False
        tables = [self._sealed_table(table) for table in _tables(rows)]
        done = self.partner.perform.result(self.partner.cache.put(tables))
        if isinstance(done, Success):
            old = tuple(name for name in merged if all(table.name != name for table in tables))
            self.partner.perform.result(self.partner.cache.drop(old))
        return isinstance(done, Success)

    def _sealed_table(self, rows: Sequence[Row]) -> Good:
        data = spell_table(rows)
        return sealed(f"{TABLES}/{Digest.of(data).hex}", data)

    def _put(self, goods: Sequence[Good]) -> Result[None, CacheTrouble]:
        again = self.partner.unfit.intersection(good.name for good in goods)
        if again and self.partner.terms.drops:  # a server may keep the first of two
            self.partner.perform.result(self.partner.cache.drop(tuple(sorted(again))))
        put = self.partner.do(self.partner.cache.put(goods))
        return put.map(lambda _: self.partner.unfit.difference_update(again))


def _made(entry: Entry) -> Realization:
    return entry.realization


def _tables(rows: Sequence[Row]) -> Iterator[list[Row]]:
    table, count = list[Row](), 0
    for row in rows:
        if table and count + len(row.tokens) > 3 * TABLE_COUNT:
            yield table
            table, count = [], 0
        table.append(row)
        count += len(row.tokens)
    yield table


def _reader(path: Path, disk: Disk) -> Callable[[], Iterator[bytes]]:
    def read() -> Iterator[bytes]:
        try:
            with disk.file(path, os.O_RDONLY) as file:
                while piece := file.read(PIECE):
                    yield piece
        except OSError as error:
            raise BrokenError(f"{path}: {error.strerror}", again=False) from error

    return read
