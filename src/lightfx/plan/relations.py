"""Who stands on whom: among the realizations of an inventory, and among derivations by their configs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar, final

from attrs import frozen

from lightfx.core.config import Config
from lightfx.core.inventory import Inventory, Item
from lightfx.core.names import Digest
from lightfx.core.refs import DRef, RRef

R = TypeVar("R", DRef, RRef)


@final
@frozen
class Usage:
    """How much room something takes: ``realizations``, ``objects``, and ``size``, the bytes of both."""

    realizations: int
    objects: int
    size: int


def needs_of_realizations(items: Iterable[Item]) -> Mapping[RRef, tuple[RRef, ...]]:
    """Say what each realization stands on, as far as it is stored."""
    known = {item.rref: item.needs for item in items}
    return {rref: tuple(need for need in needs if need in known) for rref, needs in known.items()}


def needs_of_derivations(configs: Mapping[DRef, Config]) -> Mapping[DRef, tuple[DRef, ...]]:
    """Say what the config of each derivation refers to."""
    return {
        dref: tuple(dict.fromkeys(reference.dref for reference in config.references))
        for dref, config in configs.items()
    }


def upside_down(needs: Mapping[R, Sequence[R]]) -> Mapping[R, tuple[R, ...]]:
    """Say of each who stands on it.

    >>> upside_down({DRef("b"): (DRef("a"),), DRef("a"): ()})[DRef("a")]
    (DRef(text='b'),)
    """
    users: dict[R, list[R]] = {each: [] for each in needs}
    for user, own in needs.items():
        for need in own:
            users.setdefault(need, []).append(user)
    return {each: tuple(sorted(own)) for each, own in users.items()}


def reached(needs: Mapping[R, Sequence[R]], start: Iterable[R], *, deep: bool = True) -> tuple[R, ...]:
    """List what is reached from ``start``, which is not in it; at one step, or at any number of them.

    >>> chain = {DRef("c"): (DRef("b"),), DRef("b"): (DRef("a"),)}
    >>> [each.text for each in reached(chain, [DRef("c")])]
    ['b', 'a']
    """
    begin = tuple(dict.fromkeys(start))
    found: dict[R, None] = {}
    pending = list(begin)
    for each in pending:
        for need in needs.get(each, ()):
            if need not in found and need not in begin:
                found[need] = None
                if deep:
                    pending.append(need)
    return tuple(found)


def tops(needs: Mapping[R, Sequence[R]]) -> tuple[R, ...]:
    """List what nothing else stands on.

    >>> tops({DRef("b"): (DRef("a"),), DRef("a"): ()})
    (DRef(text='b'),)
    """
    return tuple(sorted(each for each, users in upside_down(needs).items() if not users))


def usage_of(inventory: Inventory, items: Mapping[RRef, Item], rrefs: Iterable[RRef]) -> Usage:
    """Count what these realizations take, alone; each object once. ``items`` are those of the inventory."""
    own = [items[rref] for rref in dict.fromkeys(rrefs) if rref in items]
    trees: set[Digest] = {tree for item in own for tree in item.trees if tree in inventory.objects}
    size = sum(item.size for item in own) + sum(inventory.objects[tree] for tree in trees)
    return Usage(len(own), len(trees), size)
