"""Who stands on whom, and how much room that takes."""

from __future__ import annotations

from lightfx.core.inventory import Inventory, Item
from lightfx.core.names import Digest
from lightfx.core.refs import RRef
from lightfx.plan.relations import needs_of_realizations, reached, tops, upside_down, usage_of

A, B, C, D = (RRef(f"{letter * 32}-{'d' * 32}-fit") for letter in "abce")
NEEDS = {A: (), B: (A,), C: (A, B), D: ()}


def test_near_and_far() -> None:
    assert reached(NEEDS, [C]) == (A, B)
    assert reached(NEEDS, [B], deep=False) == (A,)
    assert set(reached(upside_down(NEEDS), [A])) == {B, C}
    assert reached(upside_down(NEEDS), [B], deep=False) == (C,)
    assert reached({A: (B,), B: (A,)}, [A]) == (B,), "what stands on itself is damage and hangs nobody"


def test_tops() -> None:
    assert tops(NEEDS) == (C, D)


def test_an_object_counts_once() -> None:
    items = [Item(rref, Digest("k"), 0.0, 1.0, trees=frozenset([Digest("t")]), size=10) for rref in (A, B)]
    inventory = Inventory(items, {Digest("t"): 100})
    known = {item.rref: item for item in items}
    usage = usage_of(inventory, known, [A, B, A, C])
    assert (usage.realizations, usage.objects, usage.size) == (2, 1, 120)


def test_what_is_not_stored_is_no_need() -> None:
    item = Item(A, Digest("k"), 0.0, 1.0, needs=(B,))
    assert needs_of_realizations([item]) == {A: ()}
