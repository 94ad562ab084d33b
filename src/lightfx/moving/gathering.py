"""What is moved: realizations with all that they stand on, read from one store and taken in by another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from returns.result import Failure, Result, Success

from lightfx.core.failures import EngineFailure, NotStored
from lightfx.core.inventory import Item, Ref, check_all_refs
from lightfx.core.names import Digest
from lightfx.core.realization import Realization
from lightfx.core.refs import DRef, RRef
from lightfx.effects.store import Entry
from lightfx.effects.world import World
from lightfx.engine.guarding import intact
from lightfx.plan.packing import Freight

_MOST: Final = 10_000
"""So many realizations of one name are looked through for those of a derivation that have lost their files."""


def gather(world: World, refs: Sequence[Ref]) -> Result[Freight, EngineFailure]:
    """Read realizations, or all of derivations, with all that they stand on; needs come first."""
    found = gather_known(world, refs)
    if isinstance(found, Failure):
        return found
    known = {each.rref for each in found.unwrap().realizations}
    lacking = (need for each in found.unwrap().realizations for need in Item.of(each).needs if need not in known)
    missing = next(lacking, None)
    if missing is not None:
        return Failure(NotStored(missing.text, "it is needed, and it is not stored here: `lightfx pull` may get it"))
    return found


def gather_known(world: World, refs: Sequence[Ref]) -> Result[Freight, EngineFailure]:
    """Read realizations, or all of derivations, with what is stored of all that they stand on; needs come first.

    What a run took from a cache may stand on what never came here.
    """
    check_all_refs(refs)
    started = _named(world, refs)
    if isinstance(started, Failure):
        return Failure(started.failure())
    found: dict[RRef, Realization] = {}
    layer: Iterable[RRef] = started.unwrap()
    asked: set[RRef] = set()
    while wanted := tuple(dict.fromkeys(rref for rref in layer if rref not in asked)):
        read = world.perform.result(world.store.realizations(wanted))
        if isinstance(read, Failure):
            return Failure(read.failure())
        known = read.unwrap()
        found.update(known)
        asked.update(wanted)
        layer = [need for made in known.values() for need in Item.of(made).needs]
    ordered = tuple(reversed(found.values()))
    return _described(world, tuple(refs), ordered)


def _named(world: World, refs: Sequence[Ref]) -> Result[tuple[RRef, ...], EngineFailure]:
    found = stored_of(world, refs)
    if isinstance(found, Failure):
        return Failure(found.failure())
    there = found.unwrap()
    missing = next((ref for ref in refs if ref not in there), None)
    if missing is not None:
        return Failure(NotStored(missing.text))
    return Success(tuple(rref for rrefs in there.values() for rref in rrefs))


def stored_of(world: World, refs: Sequence[Ref]) -> Result[Mapping[Ref, Sequence[RRef]], EngineFailure]:
    """Give what is stored of each of these: it itself, or all realizations of it; only those of which there is any.

    Of a derivation those that have their files; where none has, all of them, so that it is told what is lacking.
    """
    drefs = tuple(ref for ref in refs if isinstance(ref, DRef))
    rows = world.perform.result(world.store.listed(drefs, frozenset())) if drefs else Success(())
    if isinstance(rows, Failure):
        return Failure(rows.failure())
    single = tuple(ref for ref in refs if isinstance(ref, RRef))
    known = world.perform.result(world.store.realizations(single))
    if isinstance(known, Failure):
        return Failure(known.failure())
    there: dict[Ref, list[RRef]] = {rref: [rref] for rref in single if rref in known.unwrap()}
    for row in rows.unwrap():
        there.setdefault(row.stored.rref.dref, []).append(row.stored.rref)
    for dref in (each for each in drefs if each not in there):
        newest = world.perform.result(world.store.newest(dref.name.text, _MOST))
        if isinstance(newest, Failure):
            return Failure(newest.failure())
        if lost := [row.stored.rref for row in newest.unwrap() if row.stored.rref.dref == dref]:
            there[dref] = lost
    return Success(there)


def _described(world: World, refs: tuple[Ref, ...], made: tuple[Realization, ...]) -> Result[Freight, EngineFailure]:
    configs = world.perform.result(world.store.configs(tuple({each.dref for each in made})))
    if isinstance(configs, Failure):
        return Failure(configs.failure())
    prints = {config.fingerprint for config in configs.unwrap().values()} - {""}
    codes = world.perform.result(world.store.codes(sorted(prints)))
    return codes.map(lambda found: Freight(refs, made, configs.unwrap(), found))


def at_hand(world: World, freight: Freight) -> Result[tuple[Digest, ...], EngineFailure]:
    """List the objects to move; fails where one is gone that should be there, or where one is damaged."""
    trees = there(world, freight.trees).bind(lambda present: complete(freight, present))
    return trees.bind(lambda found: intact(world, found).map(lambda _: found))


def there(world: World, trees: Iterable[Digest]) -> Result[frozenset[Digest], EngineFailure]:
    """Say which objects are in a store."""
    return world.perform.result(world.store.present(tuple(trees)))


def complete(freight: Freight, present: frozenset[Digest]) -> Result[tuple[Digest, ...], EngineFailure]:
    """List the objects to move; fails where one is gone that should be there."""
    gone = next((tree for tree, needed in freight.trees.items() if needed and tree not in present), None)
    if gone is not None:
        whose = next(each.rref for each in freight.realizations if gone in Item.of(each).trees)
        return Failure(NotStored(whose.text, "its files are gone: `lightfx verify --repair` makes them again"))
    return Success(tuple(tree for tree in freight.trees if tree in present))


def take_in(world: World, freight: Freight) -> Result[Freight, EngineFailure]:
    """Store the realizations that are not stored yet; their objects are there."""
    known = world.perform.result(world.store.realizations([each.rref for each in freight.realizations]))
    if isinstance(known, Failure):
        return Failure(known.failure())
    stored = known.unwrap()
    entries = [
        Entry(freight.configs[each.dref], each, told=freight.parts_of(freight.configs[each.dref]))
        for each in freight.realizations
        if each.rref not in stored or (stored[each.rref].ephemeral and not each.ephemeral)
    ]
    return world.perform.result(world.store.commit(entries)).map(lambda _: freight)
