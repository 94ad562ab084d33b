"""What is alive in a store, what goes, and the bill. Pure.

Rules:

- A realization is *held* by a root, by its age, or by being among the last of
  its name. What is held is alive, and so is all that it stands on: its inputs,
  what it asked for, and what a cutoff hit points at. So what stays is complete.
- The rest is garbage. Where a size is given, garbage goes only until the store
  is no larger than that: what was used longest ago goes first, and whatever
  stands on something goes before it. To be used is to be made, or to have
  something made on top.
- An object goes when no realization that stays has it.

The bill counts what a run took once, however many outputs it gave.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Final, TypeAlias, final

from attrs import asdict, frozen

from lightfx.core.inventory import Anchor, Garbage, Inventory, Item, Ref
from lightfx.core.names import Digest
from lightfx.core.refs import DRef, RRef


@final
@frozen
class Rules:
    """What may go of what no root holds; without any rule, all of it.

    ``older_than``: seconds; what was made since stays.
    ``keep_last``: of each name, so many realizations that were made last stay.
    ``max_size``: bytes; garbage goes until the store is no larger.
    """

    older_than: float | None = None
    max_size: int | None = None
    keep_last: int | None = None

    def __attrs_post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value is not None and not value >= 0:
                raise ValueError(f"{name} is {value}: it cannot be less than 0")


NO_RULES: Final = Rules()


@final
@frozen
class Rooted:
    """A root holds it."""

    root: Anchor


@final
@frozen
class Young:
    """It was made so many seconds ago, and that is not long."""

    age: float


@final
@frozen
class Recent:
    """It is among the last of its name: the ``rank``-th, from 1."""

    rank: int


Hold: TypeAlias = Rooted | Young | Recent
"""Why a realization is held."""


@final
@frozen
class Alive:
    """``path`` leads from what is held to what was asked about, each standing on the next; both ends are in it."""

    hold: Hold
    path: tuple[RRef, ...]


@final
@frozen
class Unheld:
    """Nothing keeps ``ref``: the next garbage collection with the same rules removes it, where it is stored."""

    ref: Ref


def judge(inventory: Inventory, rules: Rules, now: float) -> Garbage:
    """Say what goes; ``now`` is in seconds since the epoch.

    >>> one = Item(RRef("r-d-fit"), Digest("k"), 0.0, 2.5, size=100)
    >>> judge(Inventory([one], {}), Rules(), 60.0).seconds
    2.5
    >>> judge(Inventory([one], {}), Rules(older_than=3600), 60.0).rrefs
    ()
    """
    items = {item.rref: item for item in inventory.items}
    alive = _reached(items, (rref for rref, _ in _holds(inventory, rules, now)))
    dead = _oldest_first([item for rref, item in items.items() if rref not in alive])
    if rules.max_size is not None:
        dead = _enough(inventory, dead, rules.max_size)
    return _bill(inventory, dead)


def why_alive(inventory: Inventory, rules: Rules, now: float, ref: Ref) -> Alive | Unheld:
    """Say what keeps a realization, or any realization of a derivation: by the shortest way.

    >>> why_alive(Inventory([], {}), Rules(), 0.0, RRef("r-d-fit"))
    Unheld(ref=RRef(text='r-d-fit'))
    """
    items = {item.rref: item for item in inventory.items}
    holds: dict[RRef, Hold] = {}
    for rref, hold in _holds(inventory, rules, now):
        holds.setdefault(rref, hold)
    above = _reached(items, holds)
    for rref in above:
        if ref in (rref, rref.dref):
            path = [rref]
            while (last := above[path[-1]]) is not None:
                path.append(last)
            path.reverse()
            return Alive(holds[path[0]], tuple(path))
    return Unheld(ref)


def _holds(inventory: Inventory, rules: Rules, now: float) -> Iterator[tuple[RRef, Hold]]:
    """List what is held, and why; the most telling reasons first."""
    by_dref: dict[DRef, list[RRef]] = {}
    for item in inventory.items:
        by_dref.setdefault(item.rref.dref, []).append(item.rref)
    for root in inventory.roots:
        rrefs = [root.ref] if isinstance(root.ref, RRef) else by_dref.get(root.ref, [])
        yield from ((rref, Rooted(root)) for rref in rrefs)
    if rules.keep_last is not None:
        yield from _last(inventory.items, rules.keep_last)
    if rules.older_than is not None:
        for item in inventory.items:
            if now - item.created < rules.older_than:
                yield item.rref, Young(now - item.created)


def _last(items: Iterable[Item], count: int) -> Iterator[tuple[RRef, Hold]]:
    ranks: Counter[str] = Counter()
    for item in sorted(items, key=lambda item: (-item.created, item.rref.text)):
        name = item.rref.dref.name.text
        ranks[name] += 1
        if ranks[name] <= count:
            yield item.rref, Recent(ranks[name])


def _reached(items: Mapping[RRef, Item], held: Iterable[RRef]) -> dict[RRef, RRef | None]:
    """All that what is held stands on, each with what it was reached from; nearest first."""
    above: dict[RRef, RRef | None] = {rref: None for rref in held if rref in items}
    pending = deque(above)
    while pending:
        rref = pending.popleft()
        for need in items[rref].needs:
            if need in items and need not in above:
                above[need] = rref
                pending.append(need)
    return above


def _oldest_first(dead: Sequence[Item]) -> list[Item]:
    """Order garbage by when it was last used; what stands on something comes before it."""
    items = {item.rref: item for item in dead}
    standing = Counter(need for item in dead for need in item.needs if need in items)
    used = {item.rref: item.created for item in dead}
    ready = deque(sorted((rref for rref in items if not standing[rref]), key=lambda rref: rref.text))
    order: dict[RRef, int] = {}
    while ready:
        rref = ready.popleft()
        order[rref] = len(order)
        for need in items[rref].needs:
            if need in items:
                used[need] = max(used[need], used[rref])
                standing[need] -= 1
                if not standing[need]:
                    ready.append(need)
    # What stands on itself can only be damage; it goes all the same.
    return sorted(dead, key=lambda item: (used[item.rref], order.get(item.rref, len(order)), item.rref.text))


def _enough(inventory: Inventory, dead: Sequence[Item], limit: int) -> list[Item]:
    """Take of the garbage, in its order, what must go so that ``limit`` bytes are left."""
    users = Counter(tree for item in inventory.items for tree in item.trees)
    size = inventory.size - sum(_size(inventory, inventory.objects.keys() - users.keys()))
    taken: list[Item] = []
    for item in dead:
        if size <= limit:
            break
        taken.append(item)
        users.subtract(item.trees)
        size -= item.size + sum(_size(inventory, {tree for tree in item.trees if not users[tree]}))
    return taken


def _size(inventory: Inventory, trees: Set[Digest]) -> Iterator[int]:
    return (inventory.objects.get(tree, 0) for tree in trees)


def _bill(inventory: Inventory, dead: Sequence[Item]) -> Garbage:
    gone = {item.rref for item in dead}
    kept = frozenset(tree for item in inventory.items if item.rref not in gone for tree in item.trees)
    objects = tuple(sorted(inventory.objects.keys() - kept))
    size = sum(item.size for item in dead) + sum(inventory.objects[tree] for tree in objects)
    runs = {(item.rref.dref, item.key, item.seconds) for item in dead}
    return Garbage(
        tuple(item.rref for item in dead),
        objects,
        size,
        sum(seconds for _, _, seconds in runs),
        len(inventory.items) - len(dead),
        inventory.size - size,
    )
