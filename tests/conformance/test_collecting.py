"""Wrong ways to collect garbage, each caught by its law; that right stores obey is asked in ``test_stores.py``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest
from returns.io import IOSuccess

from lightfx.core.inventory import Garbage, Inventory
from lightfx.effects.store import Store
from lightfx.shell.store.memory import MemoryStore
from lightfx.testing import BrokenLawError, StoreLaw, check_store_laws
from lightfx.testing import store_laws as laws


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


WRONG: dict[str, tuple[StoreLaw, dict[str, Callable[..., Any]]]] = {
    "keeps objects": (laws.what_is_collected_is_gone, {"collect": _keeps_objects}),
    "removes nothing": (
        laws.what_is_collected_is_gone,
        {"collect": lambda store, judging: store.inventory().map(judging)},
    ),
    "takes shared objects": (laws.what_is_collected_is_gone, {"collect": _takes_shared_objects}),
    "forgets configs": (laws.what_is_rooted_stays_as_it_was, {"collect": _forgets_configs}),
    "takes one more": (laws.only_what_was_judged_goes, {"collect": _takes_one_more}),
    "counts nothing": (laws.the_inventory_lists_all, {"inventory": lambda store: IOSuccess(Inventory())}),
    "keeps away what went": (
        laws.what_went_can_come_again,
        {"commit": lambda store, entries: store.commit([each for each in entries if len(entries) > 1])},
    ),
    "has no roots": (laws.the_inventory_lists_all, {"hold": lambda store, root: IOSuccess(None)}),
    "forgets roots": (laws.roots_are_kept_until_let_go, {"roots": lambda store: IOSuccess(())}),
    "knows no sizes": (laws.sizes_are_told, {"sizes": lambda store, trees: IOSuccess({})}),
    "never lets go": (laws.roots_are_kept_until_let_go, {"let_go": lambda store, name: IOSuccess(True)}),
    "bills too little": (
        laws.the_bill_is_what_is_paid,
        {"collect": lambda store, judging: store.collect(judging).map(lambda done: Garbage(done.rrefs, left_size=0))},
    ),
}


@pytest.mark.parametrize("how", WRONG)
def test_a_wrong_store_is_caught_by_its_law(how: str) -> None:
    law, deeds = WRONG[how]
    with pytest.raises(BrokenLawError) as caught:
        check_store_laws(lambda folder: cast("Store", Wrong(MemoryStore(folder), deeds)), shared=False, laws=[law])
    assert caught.value.law == law.__name__.replace("_", " ")


def test_every_law_of_collecting_is_listed_and_catches_a_wrong_store() -> None:
    """The trap: laws that are there, and not in the list that users' stores are asked."""
    asked = {each for each in laws.STORE_LAWS if each.__module__ == "lightfx.testing.collecting_laws"}
    assert asked == {law for law, _ in WRONG.values()}


def test_what_a_store_raises_names_the_law() -> None:
    def drops_the_last(store: Store, entries: Any) -> Any:
        return store.commit(entries[:-1] if len(entries) > 1 else entries)

    with pytest.raises(BrokenLawError, match=r"^broken: .*\n(.*\n)*it raises KeyError: ") as caught:
        check_store_laws(
            lambda folder: cast("Store", Wrong(MemoryStore(folder), {"commit": drops_the_last})),
            shared=False,
        )
    assert isinstance(caught.value.__cause__, KeyError)
