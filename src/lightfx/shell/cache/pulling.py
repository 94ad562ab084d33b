"""Taking in what a cache tells of: judged, fetched, hashed as it comes, and committed as everything is.

Bytes go into a private folder of the store, and nowhere else, until a whole
object is there and is what its name says: `Store.ingest` reads it again and
decides that. Then the record is committed. So whatever is wrong with a file, a
pack or a record, nothing of it is ever seen, and what depends on it is made
here. What is right of a batch is taken in all the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import groupby
from pathlib import Path
from typing import Final, TypeAlias, assert_never, final

from attrs import Factory, define, evolve
from blake3 import blake3
from returns.result import Failure, Result, Success

from lightfx.core.failures import EngineFailure
from lightfx.core.inventory import Item
from lightfx.core.manifest import Manifest
from lightfx.core.names import Digest
from lightfx.core.realization import Realization, Value
from lightfx.core.refs import RRef
from lightfx.effects.cache import Failed, Missing, Pieces, Taken, Unfit, Want
from lightfx.effects.store import Entry, Store
from lightfx.plan.packing import PackingList
from lightfx.plan.sharing import BLOBS, MOST_PACK, PACKS, Group, Told, trees_of
from lightfx.plan.trust import Accepted, Refused
from lightfx.shell.archive import lay_out, spread
from lightfx.shell.cache.channel import UnfitError
from lightfx.shell.cache.partner import Partner
from lightfx.shell.cache.sealing import most_of, opened
from lightfx.shell.disk import REAL, Disk

MOST_AT_ONCE: Final = 512
Homes: TypeAlias = list[tuple[Path, bool]]
File: TypeAlias = tuple[Digest, int]


def believed(told: Sequence[Told], partner: Partner) -> list[Told]:
    """Judge records; gives one for each realization that may be taken in.

    What gives the same result is judged record by record: beside one that is
    signed somebody may have put a copy that says otherwise on what it stands.
    """
    shared = [each for each in told if partner.terms.sharing.shares(each.realization)]
    accepted: dict[RRef, list[Told]] = {}
    refused: dict[RRef, str] = {}
    for each, verdict in zip(shared, partner.terms.judge(shared), strict=True):
        rref = each.realization.rref
        match verdict:
            case Refused(why):
                refused.setdefault(rref, why.reason)
            case Accepted():
                accepted.setdefault(rref, []).append(each)
            case never:
                assert_never(never)
    for rref, reason in refused.items():
        if rref not in accepted:
            partner.refuse(rref.text, reason)
    return list(map(_first, accepted.values()))


def _first(alike: Sequence[Told]) -> Told:
    """The record that counts, and in which other groups its files are told of."""
    best = min(alike, key=_order)
    others = tuple(each.group for each in alike if each.group is not None and each is not best)
    return evolve(best, others=others) if others else best


def _order(told: Told) -> tuple[bool, bool, float]:
    return told.realization.precedence


def take_in(
    told: Sequence[Told], partner: Partner, store: Store, after: Callable[[Sequence[RRef]], None] = lambda _: None
) -> Result[tuple[RRef, ...], EngineFailure]:
    """Fetch the files of records and store both; gives the realizations that are stored now.

    ``after`` is told what was stored, each time that some are: it may leave the cache alone. A failure is one of the
    store. Trouble with the cache is noted with the partner.
    """
    doubts = {each.realization.rref: partner.terms.sharing.doubts(each.config, each.realization) for each in told}
    asked = tuple(dict.fromkeys([*doubts, *(rref for own in doubts.values() for rref in own)]))
    known = partner.perform.result(store.realizations(asked))
    if isinstance(known, Failure):
        return Failure(known.failure())
    by = known.unwrap()
    # What stands on a LEFT that it tolerates is left out where that is not shared; it may come along itself.
    made = {**{each.realization.rref: each.realization for each in told}, **by}
    shared = [each for each in told if all(is_right(made.get(rref)) for rref in doubts[each.realization.rref])]
    taken: list[RRef] = []
    for batch in _batches(shared):
        if partner.is_left_alone:
            break
        stored = _take(batch, by, partner, store)
        if isinstance(stored, Failure):
            return Failure(stored.failure())
        taken += stored.unwrap()
        after(stored.unwrap())
    return Success(tuple(taken))


def _batches(told: Sequence[Told]) -> Iterator[list[Told]]:
    """Part records in their order, where one group ends and another begins: what was packed together comes once."""
    batch = list[Told]()
    for _, alike in groupby(told, lambda each: id(each.group)):
        group = list(alike)
        if batch and len(batch) + len(group) > MOST_AT_ONCE:
            yield batch
            batch = []
        batch += group
        while len(batch) > MOST_AT_ONCE:  # of records without a group, or of a group that others made larger
            yield batch[:MOST_AT_ONCE]
            batch = batch[MOST_AT_ONCE:]
    if batch:
        yield batch


def is_right(made: object) -> bool:
    """Whether a record is known, and a RIGHT."""
    return isinstance(getattr(made, "result", None), Value)


def _take(
    told: Sequence[Told], known: Mapping[RRef, Realization], partner: Partner, store: Store
) -> Result[list[RRef], EngineFailure]:
    objects: dict[Digest, Manifest] = {}
    for each in told:
        offered = {} if each.group is None else each.group.objects
        objects.update((tree, offered[tree]) for tree in trees_of(each.realization, offered))
    present = partner.perform.result(store.present(tuple(objects)))
    if isinstance(present, Failure):
        return Failure(present.failure())
    wanted = {tree: manifest for tree, manifest in objects.items() if tree not in present.unwrap()}
    place = store.place()
    try:
        fetching = Fetching(partner, PackingList((), wanted), place, REAL)
        whole = fetching.run(told) if wanted else {}
        ingested = partner.perform.result(store.ingest(tuple(whole))) if whole else Success({})
    finally:
        partner.perform.result(store.discard([place]))
    if isinstance(ingested, Failure):
        return Failure(ingested.failure())
    fetched = {tree for folder, tree in whole.items() if ingested.unwrap()[folder] == tree}
    if lost := fetching.lost:
        partner.spoilt.update(each.realization.rref for each in told if not lost.isdisjoint(_files(each)))
    there = present.unwrap() | fetched
    fresh = [each for each in told if _is_new(each.realization, known) and is_whole(each.realization, there)]
    entries = [Entry(each.config, each.realization, told=each.parts) for each in fresh]
    committed = partner.perform.result(store.commit(entries)) if entries else Success(None)
    rrefs = {each.realization.rref for each in fresh}  # to compare records whole is slow, and they are many
    mended = [each for each in told if each.realization.rref not in rrefs and not fetched.isdisjoint(_trees(each))]
    return committed.map(lambda _: [each.realization.rref for each in (*fresh, *mended)])


def _is_new(made: Realization, known: Mapping[RRef, Realization]) -> bool:
    """Whether a record is not stored, or is one whose files may not be dropped, beside one whose files may."""
    stored = known.get(made.rref)
    return stored is None or (stored.ephemeral and not made.ephemeral)


def _trees(told: Told) -> frozenset[Digest]:
    return Item.of(told.realization).trees


def _files(told: Told) -> frozenset[Digest]:
    objects = {} if told.group is None else told.group.objects
    return frozenset(PackingList((), {tree: objects[tree] for tree in trees_of(told.realization, objects)}).files)


def is_whole(made: Realization, there: AbstractSet[Digest]) -> bool:
    """Whether its objects are there, but for the files of an ephemeral one, which may be dropped."""
    return all(tree in there or (made.ephemeral and tree == made.tree) for tree in Item.of(made).trees)


@final
@define(eq=False)
class Fetching:
    """Fetches the files of objects into a private folder; ``bad`` are those that did not come, or came wrong.

    A file may be in several packs. It is taken from one of them, since these
    come at the same time; where that one is ``unfit``, from another. ``gone``
    are files that the cache did not have where it says, or had damaged;
    ``unkept`` is what there was no room or no right for here.
    """

    partner: Partner
    packing: PackingList
    place: Path
    disk: Disk
    homes: Mapping[Digest, Homes] = Factory(dict)
    bad: set[Digest] = Factory(set)
    unfit: set[str] = Factory(set)
    packed: set[Digest] = Factory(set)
    gone: set[Digest] = Factory(set)
    unkept: set[str] = Factory(set)

    def run(self, told: Sequence[Told]) -> Mapping[Path, Digest]:
        """Fetch them, and give the folders of the objects that are whole."""
        self.bad = set(self.packing.files)
        try:
            self.disk.make_folders(self.place, 0o700)
            free = self.disk.free(self.place)
            if self.packing.size > free:
                why = f"they hold {self.packing.size:,} bytes, and there is room for {free:,}"
                self.partner.refuse(f"{len(self.packing.objects)} objects", why)
                return {}
            self.homes = lay_out(self.packing, set(self.packing.objects), self.place, self.disk)
        except OSError as error:
            self.partner.refuse(f"{len(self.packing.objects)} objects", f"no room for them here: {error.strerror}")
            return {}
        groups = [each.group for each in told if each.group is not None]
        self._fetch(self._wants(groups))
        if self.bad:
            self._fetch(self._wants([*groups, *(group for each in told for group in each.others)]))
        return {
            self.place / tree.hex: tree
            for tree, manifest in self.packing.objects.items()
            if not any(entry.data and Digest(entry.data) in self.bad for entry in manifest)
        }

    @property
    def lost(self) -> AbstractSet[Digest]:
        """Files that did not come, since the cache has them no more, or has something else in their place."""
        return self.gone & self.bad

    def _wants(self, groups: Iterable[Group]) -> Mapping[str, tuple[Want, AbstractSet[Digest]]]:
        """Want what is lacking of each file once, from where it was not tried in vain."""
        wants: dict[str, tuple[Want, AbstractSet[Digest]]] = {}
        left = {file: size for file, size in self.packing.files.items() if file in self.bad}
        for group in {id(group): group for group in groups}.values():
            sizes = group.sizes
            for pack, files in group.packs.items():
                mine = left.keys() & files
                name = f"{PACKS}/{pack.hex}"
                if mine and name not in self.unfit and self._may_be(name, size := sum(sizes[file] for file in files)):
                    wants[name] = (self._want(name, pack, size, [(file, sizes[file]) for file in files], mine), mine)
                    for file in mine:
                        del left[file]
                self.packed |= mine
        for file, size in left.items():
            if file not in self.packed and (name := f"{BLOBS}/{file.hex}") not in self.unfit:
                wants[name] = (self._want(name, file, size, [(file, size)], {file}), {file})
        return wants

    def _may_be(self, name: str, size: int) -> bool:
        if size > MOST_PACK:
            self.unfit.add(name)
            self.partner.refuse(name, f"it would hold {size:,} bytes, and {MOST_PACK:,} are the most")
        return size <= MOST_PACK

    def _want(self, name: str, digest: Digest, size: int, files: Sequence[File], mine: AbstractSet[Digest]) -> Want:
        def take(pieces: Pieces) -> Result[None, str]:
            try:
                self._spread(opened(pieces, digest, size, size), files, mine)
            except UnfitError as error:
                return Failure(str(error))
            except OSError as error:
                self.unkept.add(name)
                return Failure(f"it cannot be kept here: {error.strerror}")
            return Success(None)

        return Want(name, most_of(size), take)

    def _fetch(self, wants: Mapping[str, tuple[Want, AbstractSet[Digest]]]) -> None:
        for name, fate in self.partner.fetch([want for want, _ in wants.values()]).items():
            if isinstance(fate, Missing | Unfit) and name not in self.unkept:  # else it would be taken from all others
                self.partner.unfit.add(name)
                self.gone |= wants[name][1]
            if not isinstance(fate, Taken):
                self.unfit.add(name)
            match fate:
                case Taken():
                    self.bad.difference_update(wants[name][1])
                case Unfit(why):
                    self.partner.refuse(name, why)
                case Missing():
                    self.partner.refuse(name, "it is missing")
                case Failed():  # it is counted
                    pass

    def _spread(self, pieces: Pieces, files: Sequence[File], mine: AbstractSet[Digest]) -> None:
        """Part what comes into files, and hash each; a piece may hold parts of several. Mine alone are kept."""
        rest = b""
        for digest, size in files:
            homes = self.homes.get(digest, []) if digest in mine else []
            hasher, left = blake3(), size
            with Target(homes, self.disk) as target:
                while left:
                    piece = rest or next(pieces, b"")
                    if not piece:
                        raise UnfitError("it ends too early")
                    piece, rest = piece[:left], piece[left:]
                    hasher.update(piece)
                    target.write(piece)
                    left -= len(piece)
            if hasher.hexdigest() != digest.hex:
                raise UnfitError(f"the file {digest} in it is not what it is named by")
            if homes:
                spread(homes, self.disk)
        for piece in pieces:  # only at its end it is known to be what it is named by
            if piece:
                raise UnfitError("it holds more than its files")


@final
class Target:
    """Where a file is written; nowhere, where nobody wants it. What another try had written is replaced."""

    def __init__(self, homes: Homes, disk: Disk) -> None:
        for path, _ in homes:
            disk.remove(path)
        self._file = disk.file(homes[0][0], os.O_WRONLY | os.O_CREAT | os.O_EXCL) if homes else None

    def __enter__(self) -> Target:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, piece: bytes) -> None:
        """Write more of it."""
        if self._file is not None:
            self._file.write(piece)
