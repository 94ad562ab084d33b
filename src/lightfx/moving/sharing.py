"""Pushing realizations to a cache, and pulling them from there, with all that they stand on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import final

from attrs import evolve, frozen
from returns.io import IOResult
from returns.result import Failure, Result, Success

from lightfx.core.failures import CacheTrouble, EngineFailure, NotStored
from lightfx.core.inventory import Ref, check_all_refs
from lightfx.core.names import Digest
from lightfx.core.refs import RRef
from lightfx.effects.journal import CacheRefused, CacheWarned, JournalEvent
from lightfx.effects.store import Entry
from lightfx.effects.world import World
from lightfx.moving.gathering import gather_known, stored_of
from lightfx.plan.packing import PackingList
from lightfx.plan.policies import Trust
from lightfx.shell.cache.catalogue import Catalogue
from lightfx.shell.cache.following import believed_of, closure_of, lacking_of
from lightfx.shell.cache.opening import partner_of
from lightfx.shell.cache.partner import Partner, Refusal
from lightfx.shell.cache.pulling import Fetching, take_in
from lightfx.shell.cache.pushing import Pushing
from lightfx.shell.cache.setups import CacheSetup, check_setup, read_caches
from lightfx.shell.disk import REAL


@final
@frozen
class Traffic:
    """What went to a cache, or came from it.

    ``rrefs`` are the realizations that went: what was there already did not.
    ``refused`` says what was not used, and why. ``lacking`` are those that were
    to come, since something that was asked for stands on them, and that are
    still not here, or not with all their files.
    """

    cache: str
    rrefs: tuple[RRef, ...]
    refused: tuple[Refusal, ...] = ()
    lacking: tuple[RRef, ...] = ()


def push(world: World, refs: Sequence[Ref], cache: CacheSetup, /) -> IOResult[Traffic, EngineFailure]:
    """Bring realizations, or all of derivations, to a cache, with all that is stored of what they stand on.

    What is there already is not brought again; what the cache tells of and has
    lost files of is. Fails with `NotStored` where
    nothing is stored of a reference, and with `CacheTrouble`: then some of it
    may be there, and nothing that lacks its files.
    """
    check_setup(cache)
    freight = gather_known(world, refs)
    if isinstance(freight, Failure):
        return IOResult.from_failure(freight.failure())
    found = freight.unwrap()
    entries = [
        Entry(found.configs[each.dref], each, told=found.parts_of(found.configs[each.dref]))
        for each in found.realizations
        if each.dref in found.configs
    ]
    partner = partner_of(evolve(cache, push=True), world.perform)
    try:
        brought = Pushing(partner, Catalogue(partner), world.store, closely=True).run(entries)
    finally:
        world.perform.result(partner.cache.close())
    return IOResult.from_result(brought.map(lambda rrefs: Traffic(cache.title, rrefs, tuple(partner.refusals()))))


def objects_from(
    world: World, caches: Sequence[CacheSetup], /
) -> Callable[[Sequence[Digest], Path], IOResult[Mapping[Digest, Path], EngineFailure]]:
    """Offer objects that caches have, to mend a store with.

    Gives a function: of the objects that it is asked for it puts what the
    caches have into folders below a path, which is private and not made yet,
    and says which folder is which. Files are compared with their digests as
    they come. A cache that gives trouble offers nothing; the journal of
    ``world`` is told of that, and of what is not used. Raises ``TypeError`` for
    what is no sequence of caches.
    """
    setups = read_caches(caches)

    def offer(trees: Sequence[Digest], place: Path) -> IOResult[Mapping[Digest, Path], EngineFailure]:
        found: dict[Digest, Path] = {}
        for number, cache in enumerate(setups):
            partner = partner_of(evolve(cache, push=False, trust=Trust("any")), world.perform)
            try:
                lacking = [tree for tree in trees if tree not in found]
                found.update(_fetched(partner, lacking, place / str(number)) if lacking else {})
                _tell(world, partner)
            finally:
                world.perform.result(partner.cache.close())
        return IOResult.from_value(found)

    return offer


def _tell(world: World, partner: Partner) -> None:
    told: list[JournalEvent] = [CacheRefused(partner.name, each.what, each.why) for each in partner.refusals()]
    if partner.trouble is not None:
        told.append(CacheWarned(partner.name, partner.why))
    for event in told:
        world.perform.value(world.journal.tell(event))


def _fetched(partner: Partner, trees: Sequence[Digest], place: Path) -> Mapping[Digest, Path]:
    # Nothing is judged here: an object is what its name says, whoever has it, or it is none.
    told = Catalogue(partner).told_of(tree.text for tree in trees)
    offered = {tree: rows for each in told if each.group is not None for tree, rows in each.group.objects.items()}
    wanted = PackingList((), {tree: offered[tree] for tree in trees if tree in offered})
    return {tree: folder for folder, tree in Fetching(partner, wanted, place, REAL).run(told).items()} if told else {}


def pull(world: World, refs: Sequence[Ref], cache: CacheSetup, /) -> IOResult[Traffic, EngineFailure]:
    """Take realizations, or all of derivations, from a cache, with what it has of all that they stand on.

    What is stored already is not taken again, unless files of it are gone; what
    it stands on is taken all the same, where it is not here. What the cache has not,
    or what is refused of it, is told by ``lacking``. Fails with `NotStored` where there
    is nothing of a reference, here or there, and with `CacheTrouble`.
    """
    check_all_refs(refs)
    check_setup(cache)
    partner = partner_of(evolve(cache, push=False), world.perform)
    try:
        return IOResult.from_result(_pulled(world, refs, partner))
    finally:
        world.perform.result(partner.cache.close())


def _pulled(world: World, refs: Sequence[Ref], partner: Partner) -> Result[Traffic, EngineFailure]:
    catalogue = Catalogue(partner)
    told = believed_of([ref.text for ref in dict.fromkeys(refs)], catalogue)
    stored = stored_of(world, refs)
    if isinstance(stored, Failure):
        return Failure(stored.failure())
    here = [rref for rrefs in stored.unwrap().values() for rref in rrefs]
    closed = closure_of(told, here, catalogue, world.store)
    taken = closed.bind(lambda closure: take_in(closure.told, partner, world.store))
    lacking = closed.bind(lambda closure: lacking_of(closure.lacking, partner, world.store))
    if isinstance(taken, Failure) or isinstance(lacking, Failure):
        return Failure((taken if isinstance(taken, Failure) else lacking).failure())
    traffic = Traffic(partner.name, taken.unwrap(), tuple(partner.refusals()), lacking.unwrap())
    return _judged(world, refs, traffic, partner.trouble)


def _judged(
    world: World, refs: Sequence[Ref], traffic: Traffic, trouble: CacheTrouble | None
) -> Result[Traffic, EngineFailure]:
    if trouble is not None:
        return Failure(trouble)
    there = stored_of(world, refs)
    if isinstance(there, Failure):
        return Failure(there.failure())
    missing = next((ref for ref in refs if ref not in there.unwrap()), None)
    if missing is not None:
        why = "neither here nor in the cache is anything of it"
        if traffic.refused:
            why = f"what the cache {traffic.cache} has is not used: {traffic.refused[0].why}"
        return Failure(NotStored(missing.text, why))
    return Success(traffic)
