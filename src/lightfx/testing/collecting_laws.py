"""The laws of garbage collection: what goes, what stays, what it stands on, and what it is said to take.

A law is a function of a `Rig` that raises ``AssertionError``, and is named for
what it asks.
"""

from __future__ import annotations

from collections.abc import Sequence

from lightfx.core.inventory import Anchor, Garbage, Inventory
from lightfx.core.names import Digest
from lightfx.effects.store import Entry, Store
from lightfx.plan.garbage import Rules, judge
from lightfx.testing.broken import hold, of_kind, same
from lightfx.testing.makings import entry, good, ingested
from lightfx.testing.rig import Rig


def _unrooted(inventory: Inventory) -> Garbage:
    return judge(inventory, Rules(), 0.0)


def _stocked(store: Store) -> tuple[Sequence[Entry], Sequence[Digest]]:
    """Commit five, of which the second, the fourth and the fifth are rooted; the third and the fourth share files."""
    trees = [ingested(store, {name: name.encode() * 10}) for name in ("a", "b", "shared")]
    trees_of = (trees[0], trees[1], trees[2], trees[2], None)
    entries = [entry(number, tree=tree) for number, tree in enumerate(trees_of)]
    good(store.commit(entries))
    for number in (1, 3, 4):
        good(store.hold(Anchor(f"r{number}", entries[number].realization.rref)))
    return entries, trees


def what_is_collected_is_gone(rig: Rig) -> None:
    """With its files, unless another that stays has them, and with what only it was found by."""
    store = rig.store
    entries, trees = _stocked(store)
    gone, stay = [entries[number].realization for number in (0, 2)], [entries[number] for number in (1, 3, 4)]
    garbage = good(store.collect(_unrooted))
    same(set(garbage.rrefs), {each.rref for each in gone}, "what is said to go")
    same(list(good(store.listed([each.dref for each in gone], frozenset()))), [])
    same(list(good(store.alike([gone[0].key]))), [])
    same(good(store.realizations([gone[1].rref])), {})
    same(good(store.configs([gone[0].dref])), {})
    same(good(store.present(trees)), set(trees[1:]))
    same({row.stored.rref for row in good(store.newest(None, 9))}, {each.realization.rref for each in stay})


def what_is_rooted_stays_as_it_was(rig: Rig) -> None:
    """Its record, its config, its files."""
    store = rig.store
    entries, _ = _stocked(store)
    stay = [entries[number].realization for number in (1, 3, 4)]
    rrefs, drefs = [each.rref for each in stay], [each.dref for each in stay]
    before = good(store.realizations(rrefs)), good(store.configs(drefs))
    good(store.collect(_unrooted))
    same((good(store.realizations(rrefs)), good(store.configs(drefs))), before)
    same((len(before[0]), len(before[1])), (3, 3))
    same((store.folder_of(of_kind(stay[0].tree, Digest)) / "b").read_bytes(), b"b" * 10)


def only_what_was_judged_goes(rig: Rig) -> None:
    """What the judge does not name stays, rooted or not."""
    entries, trees = _stocked(rig.store)
    same(good(rig.store.collect(lambda _: Garbage())), Garbage())
    same(len(good(rig.store.newest(None, 9))), len(entries))
    same(good(rig.store.present(trees)), set(trees))


def the_inventory_lists_all(rig: Rig) -> None:
    """Realizations, objects and roots, with their sizes in bytes."""
    store = rig.store
    entries, trees = _stocked(store)
    found = good(store.inventory())
    same({item.rref for item in found.items}, {each.realization.rref for each in entries})
    same(dict(found.objects), dict(zip(trees, (10, 10, 60), strict=True)))
    same({root.name for root in found.roots}, {"r1", "r3", "r4"})
    hold(all(item.size > 100 for item in found.items), "every record has a size")


def sizes_are_told(rig: Rig) -> None:
    """Of those objects that are there, in bytes."""
    tree = ingested(rig.store, {"a": b"a" * 10, "b/c": b"c" * 5})
    same(dict(good(rig.store.sizes([tree, Digest.of(b"never")]))), {tree: 15})


def the_bill_is_what_is_paid(rig: Rig) -> None:
    """As many bytes are left as was said."""
    _stocked(rig.store)
    garbage = good(rig.store.collect(_unrooted))
    same(good(rig.store.inventory()).size, garbage.left_size)


def what_went_can_come_again(rig: Rig) -> None:
    """Under its old name, and is found again."""
    store = rig.store
    entries, _ = _stocked(store)
    good(store.collect(_unrooted))
    first = entries[0].realization
    same(list(good(store.listed([first.dref], frozenset()))), [], "what went")
    same(ingested(store, {"a": b"a" * 10}), first.tree)
    good(store.commit([entries[0]]))
    same([row.stored.rref for row in good(store.listed([first.dref], frozenset()))], [first.rref])
    hold(good(store.configs([first.dref])), "its config is found again")


def roots_are_kept_until_let_go(rig: Rig) -> None:
    """Another view of the store sees them; what is let go keeps nothing any more."""
    store = rig.store
    _stocked(store)
    beside = rig.again()
    for view in (store, beside):
        same([root.name for root in good(view.roots())], ["r1", "r3", "r4"])
    same(good(store.let_go("r3")), True, "whether there was one to let go")
    same(good(store.let_go("r3")), False, "whether there was one to let go, again")
    for view in (store, beside):
        same([root.name for root in good(view.roots())], ["r1", "r4"])
    if not rig.alone:
        good(beside.close())  # nothing is collected beside others
    same(good(store.collect(_unrooted)).left, 2, "how many are left")
