"""What a store holds, what stands on what, and how much room it takes."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar, overload

from returns.io import IOResult
from returns.result import Failure, Result, Success

from lightfx.core.canonical import Tree
from lightfx.core.config import Config
from lightfx.core.failures import EngineFailure, NotStored
from lightfx.core.inventory import Inventory, Ref, check_refs
from lightfx.core.realization import Realization
from lightfx.core.refs import DRef, RRef
from lightfx.effects.world import World
from lightfx.plan.relations import (
    Usage,
    needs_of_derivations,
    needs_of_realizations,
    reached,
    tops,
    upside_down,
    usage_of,
)
from lightfx.plan.searching import STATUSES, Search, Status

R = TypeVar("R", DRef, RRef)


def alldrefs(world: World, /) -> IOResult[tuple[DRef, ...], EngineFailure]:
    """List all derivations of which something is stored, sorted."""
    return world.store.inventory().map(lambda found: tuple(sorted({item.rref.dref for item in found.items})))


def allrrefs(world: World, /) -> IOResult[tuple[RRef, ...], EngineFailure]:
    """List all realizations, sorted."""
    return world.store.inventory().map(lambda found: tuple(sorted(item.rref for item in found.items)))


def roots(world: World, /) -> IOResult[tuple[RRef, ...], EngineFailure]:
    """List the realizations that no other one stands on, sorted: what was asked for in the end.

    What garbage collection keeps are other roots: `lightfx.garbage.list_roots`.
    """
    return world.store.inventory().map(lambda found: tops(needs_of_realizations(found.items)))


@overload
def deps(world: World, ref: DRef, /, *, deep: bool = False) -> IOResult[tuple[DRef, ...], EngineFailure]: ...
@overload
def deps(world: World, ref: RRef, /, *, deep: bool = False) -> IOResult[tuple[RRef, ...], EngineFailure]: ...
def deps(
    world: World, ref: Ref, /, *, deep: bool = False
) -> IOResult[tuple[DRef, ...], EngineFailure] | IOResult[tuple[RRef, ...], EngineFailure]:
    """List what it stands on: of a derivation, derivations by its config; of a realization, realizations.

    ``deep``: also what these stand on, and so on. Fails with `NotStored`.
    """
    check_refs(ref)
    if isinstance(ref, RRef):
        return IOResult.from_result(_realizations(world).bind(lambda needs: _from(needs, ref, deep=deep)))
    return IOResult.from_result(_derivations(world).bind(lambda needs: _from(needs, ref, deep=deep)))


@overload
def rdeps(world: World, ref: DRef, /, *, deep: bool = False) -> IOResult[tuple[DRef, ...], EngineFailure]: ...
@overload
def rdeps(world: World, ref: RRef, /, *, deep: bool = False) -> IOResult[tuple[RRef, ...], EngineFailure]: ...
def rdeps(
    world: World, ref: Ref, /, *, deep: bool = False
) -> IOResult[tuple[DRef, ...], EngineFailure] | IOResult[tuple[RRef, ...], EngineFailure]:
    """List what stands on it; ``deep``: also what stands on that, and so on. Fails with `NotStored`."""
    check_refs(ref)
    if isinstance(ref, RRef):
        users = _realizations(world).map(upside_down)
        return IOResult.from_result(users.bind(lambda found: _from(found, ref, deep=deep)))
    return IOResult.from_result(_derivations(world).map(upside_down).bind(lambda found: _from(found, ref, deep=deep)))


def _realizations(world: World) -> Result[Mapping[RRef, tuple[RRef, ...]], EngineFailure]:
    return world.perform.result(world.store.inventory()).map(lambda found: needs_of_realizations(found.items))


def _derivations(world: World) -> Result[Mapping[DRef, tuple[DRef, ...]], EngineFailure]:
    inventory = world.perform.result(world.store.inventory())
    return inventory.bind(lambda found: _configs(world, found)).map(needs_of_derivations)


def _from(needs: Mapping[R, Sequence[R]], ref: R, *, deep: bool) -> Result[tuple[R, ...], EngineFailure]:
    return Success(reached(needs, [ref], deep=deep)) if ref in needs else Failure(NotStored(ref.text))


def _configs(world: World, inventory: Inventory) -> Result[Mapping[DRef, Config], EngineFailure]:
    return world.perform.result(world.store.configs(tuple({item.rref.dref for item in inventory.items})))


def find(
    world: World,
    name: str = "*",
    /,
    *,
    newer_than: float | timedelta | datetime | None = None,
    status: Status = "",
    fields: Mapping[str, Tree] | None = None,
) -> IOResult[tuple[Realization, ...], EngineFailure]:
    """Find realizations, newest first.

    ``name``: a pattern, such as ``fit*``.
    ``newer_than``: seconds or a time span before now, or a moment.
    ``status``: "right"; "left" for any LEFT; or the kind of a LEFT, "raised".
    ``fields``: values of the config by path: ``{"rate": 0.1, "code.version": "2"}``;
    a path that is none of the config is one of its parameters.

    Raises ValueError for a ``status`` that there is none of.
    """
    if status not in STATUSES:
        raise ValueError(f"status is {status!r}; it is one of {', '.join(filter(None, STATUSES))}")
    search = Search(name, _moment(world, newer_than), status, dict(fields or {}))
    rows = world.perform.result(world.store.newest(None, sys.maxsize))
    if isinstance(rows, Failure):
        return IOResult.from_failure(rows.failure())
    read = (row.realization for row in rows.unwrap())
    found = [each for each in read if each is not None and search.likes(each)]
    if not search.fields:
        return IOResult.from_value(tuple(found))
    configs = world.store.configs(tuple({each.dref for each in found}))
    return configs.map(
        lambda by: tuple(each for each in found if each.dref in by and search.likes_config(by[each.dref]))
    )


def _moment(world: World, newer_than: float | timedelta | datetime | None) -> float | None:
    if newer_than is None:
        return None
    if isinstance(newer_than, datetime):
        return newer_than.timestamp()
    age = newer_than.total_seconds() if isinstance(newer_than, timedelta) else newer_than
    return world.perform.value(world.clock.now()) - age


def du(world: World, /, *refs: Ref) -> IOResult[Mapping[Ref | str, Usage], EngineFailure]:
    """Say how much room things take: each of ``refs`` with all that it stands on; without any, all of each name.

    An object that several have counts once in each line.
    """
    check_refs(*refs)
    return world.store.inventory().map(lambda found: _usage(found, refs))


def _usage(inventory: Inventory, refs: Sequence[Ref]) -> Mapping[Ref | str, Usage]:
    items = {item.rref: item for item in inventory.items}
    by_name, by_dref = dict[str, list[RRef]](), dict[DRef, list[RRef]]()
    for item in inventory.items:
        by_name.setdefault(item.rref.dref.name.text, []).append(item.rref)
        by_dref.setdefault(item.rref.dref, []).append(item.rref)
    if not refs:
        return {name: usage_of(inventory, items, rrefs) for name, rrefs in sorted(by_name.items())}
    needs = needs_of_realizations(inventory.items)
    usage: dict[Ref | str, Usage] = {}
    for ref in refs:
        own = [ref] if isinstance(ref, RRef) else by_dref.get(ref, [])
        usage[ref] = usage_of(inventory, items, [*own, *reached(needs, own)])
    return usage
