"""Every store collects garbage by the same laws, and every law catches a store that does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from makings import entry, good, ingested
from returns.io import IOSuccess

from lightfx.core.inventory import Anchor, Garbage, Inventory
from lightfx.effects.store import Store
from lightfx.plan.garbage import Rules, judge
from lightfx.shell.store.directory import open_directory
from lightfx.shell.store.memory import MemoryStore

Law = Callable[[Store], None]


@pytest.fixture(params=["memory", "directory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store = MemoryStore(tmp_path) if request.param == "memory" else good(open_directory(tmp_path / "store"))
    yield made
    good(made.close())


def unrooted(inventory: Inventory) -> Garbage:
    return judge(inventory, Rules(), 0.0)


def stocked(store: Store) -> tuple[Any, ...]:
    trees = [ingested(store, {name: name.encode() * 10}) for name in ("a", "b", "shared")]
    entries = (
        entry(0, tree=trees[0]),
        entry(1, tree=trees[1]),
        entry(2, tree=trees[2]),
        entry(3, tree=trees[2]),
        entry(4),
    )
    good(store.commit(entries))
    for number in (1, 3, 4):
        good(store.hold(Anchor(f"r{number}", entries[number].realization.rref)))
    return (*entries, trees)


def what_goes_is_gone(store: Store) -> None:
    *entries, trees = stocked(store)
    garbage = good(store.collect(unrooted))
    assert set(garbage.rrefs) == {entries[0].realization.rref, entries[2].realization.rref}
    assert good(store.listed([each.realization.dref for each in (entries[0], entries[2])], frozenset())) == []
    assert good(store.alike([entries[0].realization.key])) == []
    assert good(store.realizations([entries[2].realization.rref])) == {}
    assert good(store.configs([entries[0].realization.dref])) == {}
    assert good(store.present(trees)) == set(trees[1:])
    assert {row.stored.rref for row in good(store.newest(None, 9))} == {
        each.realization.rref for each in (entries[1], entries[3], entries[4])
    }


def what_stays_is_as_it_was(store: Store) -> None:
    *entries, _ = stocked(store)
    stay = [entries[number] for number in (1, 3, 4)]
    rrefs, drefs = [each.realization.rref for each in stay], [each.realization.dref for each in stay]
    before = good(store.realizations(rrefs)), good(store.configs(drefs))
    good(store.collect(unrooted))
    assert (good(store.realizations(rrefs)), good(store.configs(drefs))) == before
    assert len(before[0]) == len(before[1]) == 3
    tree = stay[0].realization.tree
    assert tree is not None
    assert (store.folder_of(tree) / "b").read_bytes() == b"b" * 10


def only_what_was_judged_goes(store: Store) -> None:
    *entries, trees = stocked(store)
    assert good(store.collect(lambda _: Garbage())) == Garbage()
    assert len(good(store.newest(None, 9))) == len(entries)
    assert good(store.present(trees)) == set(trees)


def the_inventory_lists_all(store: Store) -> None:
    *entries, trees = stocked(store)
    found = good(store.inventory())
    assert {item.rref for item in found.items} == {each.realization.rref for each in entries}
    assert dict(found.objects) == dict(zip(trees, (10, 10, 60), strict=True))
    assert {root.name for root in found.roots} == {"r1", "r3", "r4"}
    assert all(item.size > 100 for item in found.items)
    assert good(store.sizes(trees)) == dict(found.objects)


def the_bill_is_what_is_paid(store: Store) -> None:
    stocked(store)
    garbage = good(store.collect(unrooted))
    assert good(store.inventory()).size == garbage.left_size


def what_went_can_come_again(store: Store) -> None:
    *entries, _ = stocked(store)
    good(store.collect(unrooted))
    tree = ingested(store, {"a": b"a" * 10})
    assert tree == entries[0].realization.tree
    good(store.commit([entries[0]]))
    assert len(good(store.listed([entries[0].realization.dref], frozenset()))) == 1
    assert good(store.configs([entries[0].realization.dref]))


def roots_are_kept_until_let_go(store: Store) -> None:
    stocked(store)
    assert [root.name for root in good(store.roots())] == ["r1", "r3", "r4"]
    assert good(store.let_go("r3")) is True
    assert good(store.let_go("r3")) is False
    assert [root.name for root in good(store.roots())] == ["r1", "r4"]
    assert good(store.collect(unrooted)).left == 2


LAWS: tuple[Law, ...] = (
    what_goes_is_gone,
    what_stays_is_as_it_was,
    only_what_was_judged_goes,
    the_inventory_lists_all,
    the_bill_is_what_is_paid,
    what_went_can_come_again,
    roots_are_kept_until_let_go,
)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_stores_obey(store: Store, law: Law) -> None:
    law(store)


class Wrong:
    """A store that does one thing wrong."""

    def __init__(self, right: MemoryStore, deeds: dict[str, Callable[..., Any]]) -> None:
        self._right, self._deeds = right, deeds

    def __getattr__(self, name: str) -> Any:
        if name in self._deeds:
            return lambda *args: self._deeds[name](self._right, *args)
        return getattr(self._right, name)


def _keeps_objects(store: MemoryStore, judging: Any) -> Any:
    return store.collect(lambda found: Garbage(judging(found).rrefs, (), left=judging(found).left))


def _takes_one_more(store: MemoryStore, judging: Any) -> Any:
    def greedy(found: Inventory) -> Garbage:
        wanted = judging(found)
        more = [item.rref for item in found.items if item.rref not in wanted.rrefs][:1]
        return Garbage((*wanted.rrefs, *more), wanted.objects)

    return store.collect(greedy)


def _forgets_configs(store: MemoryStore, judging: Any) -> Any:
    done = store.collect(judging)
    store._configs.clear()
    return done


def _takes_shared_objects(store: MemoryStore, judging: Any) -> Any:
    def careless(found: Inventory) -> Garbage:
        wanted = judging(found)
        gone = {tree for item in found.items if item.rref in wanted.rrefs for tree in item.trees}
        return Garbage(wanted.rrefs, tuple(gone), wanted.size, 0.0, wanted.left, wanted.left_size)

    return store.collect(careless)


WRONG: dict[str, tuple[Law, dict[str, Callable[..., Any]]]] = {
    "keeps objects": (what_goes_is_gone, {"collect": _keeps_objects}),
    "removes nothing": (what_goes_is_gone, {"collect": lambda store, judging: store.inventory().map(judging)}),
    "takes shared objects": (what_goes_is_gone, {"collect": _takes_shared_objects}),
    "forgets configs": (what_stays_is_as_it_was, {"collect": _forgets_configs}),
    "takes one more": (only_what_was_judged_goes, {"collect": _takes_one_more}),
    "counts nothing": (the_inventory_lists_all, {"sizes": lambda store, trees: IOSuccess({})}),
    "has no roots": (the_inventory_lists_all, {"hold": lambda store, root: IOSuccess(None)}),
    "never lets go": (roots_are_kept_until_let_go, {"let_go": lambda store, name: IOSuccess(True)}),
    "bills too little": (
        the_bill_is_what_is_paid,
        {"collect": lambda store, judging: store.collect(judging).map(lambda done: Garbage(done.rrefs, left_size=0))},
    ),
}


@pytest.mark.parametrize("how", WRONG)
def test_a_wrong_store_is_caught(how: str, tmp_path: Path) -> None:
    law, deeds = WRONG[how]
    with pytest.raises(AssertionError):
        law(Wrong(MemoryStore(tmp_path), deeds))  # type: ignore[arg-type]
