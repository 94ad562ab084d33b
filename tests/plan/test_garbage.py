"""What is alive, what goes, and the bill: without a disk."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from lightfx.core.inventory import Anchor, Inventory, Item
from lightfx.core.names import Digest
from lightfx.core.refs import DRef, RRef
from lightfx.plan.garbage import Alive, Recent, Rooted, Rules, Unheld, Young, judge, why_alive


def ref(number: int, name: str = "fit", of: int | None = None) -> RRef:
    dref = DRef.of(str(number if of is None else of), name)
    return RRef.of(dref, key="k", index=0, content=str(number))


def item(
    number: int,
    *needs: RRef,
    created: float = 0.0,
    trees: Iterable[str] = (),
    seconds: float = 1.0,
    size: int = 10,
    name: str = "fit",
    key: str = "",
) -> Item:
    digests = frozenset(map(Digest, trees))
    return Item(ref(number, name), Digest(key or f"k{number}"), created, seconds, needs, digests, size)


def shop(*items: Item, roots: Iterable[Anchor] = (), **objects: int) -> Inventory:
    return Inventory(items, {Digest(tree): size for tree, size in objects.items()}, tuple(roots))


def numbers(rrefs: Iterable[RRef]) -> set[int]:
    known = {ref(number): number for number in range(50)}
    return {known[rref] for rref in rrefs}


CHAIN = (item(0), item(1, ref(0)), item(2, ref(1)), item(3))


def test_what_a_root_stands_on_stays() -> None:
    held = shop(*CHAIN, roots=[Anchor("r", ref(1))])
    assert numbers(judge(held, Rules(), 0.0).rrefs) == {2, 3}


def test_a_root_on_a_derivation_holds_all_its_realizations() -> None:
    one, other = (Item(ref(n, of=7), Digest(str(n)), 0.0, 1.0) for n in (1, 2))
    garbage = judge(shop(one, other, item(3), roots=[Anchor("r", one.rref.dref)]), Rules(), 0.0)
    assert garbage.rrefs == (ref(3),)


def test_what_is_held_may_stand_on_what_is_not_stored() -> None:
    """A run takes records from caches without what they stand on; what stands beyond a gap is not known."""
    held = shop(item(0), item(2, ref(1)), item(3, ref(2)), roots=[Anchor("r", ref(3))])
    assert numbers(judge(held, Rules(), 0.0).rrefs) == {0}


def test_without_roots_all_goes_and_orphans_too() -> None:
    garbage = judge(shop(item(0, trees=["a"]), a=100, orphan=5), Rules(), 0.0)
    assert numbers(garbage.rrefs) == {0}
    assert set(garbage.objects) == {Digest("a"), Digest("orphan")}
    assert (garbage.size, garbage.left, garbage.left_size) == (115, 0, 0)


def test_an_orphan_goes_also_where_all_realizations_stay() -> None:
    garbage = judge(shop(item(0), roots=[Anchor("r", ref(0))], orphan=5), Rules(), 0.0)
    assert (garbage.rrefs, garbage.objects, garbage.size) == ((), (Digest("orphan"),), 5)


def test_an_object_that_another_has_stays() -> None:
    held = shop(item(0, trees=["a", "b"]), item(1, trees=["a"]), roots=[Anchor("r", ref(1))], a=100, b=7)
    garbage = judge(held, Rules(), 0.0)
    assert (garbage.objects, garbage.size) == ((Digest("b"),), 17)


def test_a_run_of_several_outputs_is_on_the_bill_once() -> None:
    outputs = [Item(RRef.of(ref(0).dref, key="k", index=n, content=str(n)), Digest("k"), 0.0, 60.0) for n in range(3)]
    assert judge(shop(*outputs, item(1, seconds=5.0)), Rules(), 0.0).seconds == 65.0


def test_what_is_young_stays_with_all_that_it_stands_on() -> None:
    old, young = item(0, created=0.0), item(1, ref(0), created=90.0)
    lone = item(2, created=50.0)
    assert numbers(judge(shop(old, young, lone), Rules(older_than=20), 100.0).rrefs) == {2}


def test_the_last_of_each_name_stay() -> None:
    fits = [item(number, created=float(number)) for number in range(4)]
    other = item(9, created=0.0, name="data")
    garbage = judge(shop(*fits, other), Rules(keep_last=2), 100.0)
    assert numbers(garbage.rrefs) == {0, 1}


def test_a_store_that_is_small_enough_loses_nothing() -> None:
    held = shop(item(0, trees=["a"]), item(1), a=100)
    assert judge(held, Rules(max_size=120), 0.0).rrefs == ()
    assert len(judge(held, Rules(max_size=119), 0.0).rrefs) == 1


def test_orphans_go_before_anything_else_does() -> None:
    held = shop(item(0, trees=["a"]), a=100, orphan=1000)
    garbage = judge(held, Rules(max_size=110), 0.0)
    assert (garbage.rrefs, garbage.objects) == ((), (Digest("orphan"),))


def test_what_was_used_longest_ago_goes_first_and_what_stands_on_it_before() -> None:
    """Trap: the oldest is the input of the newest."""
    data, fresh = item(0, created=0.0), item(1, ref(0), created=90.0)
    stale, on_stale = item(2, created=10.0), item(3, ref(2), created=20.0)
    held = shop(data, fresh, stale, on_stale)
    went = [numbers(judge(held, Rules(max_size=size), 100.0).rrefs) for size in (40, 30, 20, 10, 0)]
    assert went == [set(), {3}, {2, 3}, {1, 2, 3}, {0, 1, 2, 3}]


def test_a_size_takes_nothing_that_is_held() -> None:
    held = shop(*CHAIN, roots=[Anchor("r", ref(2))])
    assert numbers(judge(held, Rules(max_size=0), 0.0).rrefs) == {3}


def test_an_object_that_two_have_is_gone_when_both_are() -> None:
    """Trap: counting its bytes when the first goes."""
    held = shop(item(0, trees=["a"]), item(1, trees=["a"]), item(2, trees=["b"]), a=100, b=100)
    garbage = judge(held, Rules(max_size=115), 0.0)
    assert garbage.left_size <= 115
    assert garbage.left == 1


def test_whatever_the_rules_what_stays_is_complete() -> None:
    """Law: nothing that stays stands on what goes, and the bill adds up."""
    for seed in range(200):
        dice = random.Random(seed)
        items = [
            item(
                number,
                *(ref(dice.randrange(number)) for _ in range(dice.randrange(3)) if number),
                created=float(dice.randrange(10)),
                trees=dice.sample("abcde", dice.randrange(3)),
                name="fit",
            )
            for number in range(12)
        ]
        sizes = {Digest(tree): dice.randrange(50) for tree in "abcdef"}
        roots = [Anchor(str(n), ref(dice.randrange(12))) for n in range(dice.randrange(3))]
        rules = Rules(*(dice.choice([None, dice.randrange(12 * top)]) for top in (1, 20, 1)))
        held = Inventory(items, sizes, roots)
        garbage = judge(held, rules, 10.0)
        gone, left = set(garbage.rrefs), [each for each in items if each.rref not in garbage.rrefs]
        assert not any(need in gone for each in left for need in each.needs)
        assert not any(root.ref in gone for root in roots)
        assert not any(tree in garbage.objects for each in left for tree in each.trees)
        assert garbage.size + garbage.left_size == held.size
        assert (garbage.left, len(gone)) == (len(left), len(garbage.rrefs))
        if rules.max_size is not None and garbage.left_size > rules.max_size:
            unlimited = judge(held, Rules(rules.older_than, None, rules.keep_last), 10.0)
            assert set(unlimited.rrefs) == gone, "then there is no more garbage to take"
        assert all(isinstance(why_alive(held, rules, 10.0, rref), Unheld) for rref in gone)


def test_it_says_what_keeps_a_realization_and_by_which_way() -> None:
    root = Anchor("best", ref(2))
    held = shop(*CHAIN, roots=[root])
    assert why_alive(held, Rules(), 0.0, ref(0)) == Alive(Rooted(root), (ref(2), ref(1), ref(0)))
    assert why_alive(held, Rules(), 0.0, ref(2)) == Alive(Rooted(root), (ref(2),))
    assert why_alive(held, Rules(), 0.0, ref(3)) == Unheld(ref(3))
    assert why_alive(held, Rules(older_than=5), 3.0, ref(3)) == Alive(Young(3.0), (ref(3),))
    assert why_alive(held, Rules(keep_last=9), 3.0, ref(3).dref) == Alive(
        Recent(1 + sorted(each.rref for each in CHAIN).index(ref(3))), (ref(3),)
    )


def test_what_stands_on_itself_is_damage_and_hangs_nobody() -> None:
    one, other = item(0, ref(1)), item(1, ref(0))
    assert numbers(judge(shop(one, other), Rules(max_size=0), 0.0).rrefs) == {0, 1}


@pytest.mark.parametrize("wrong", [{"older_than": -1.0}, {"keep_last": -1}, {"older_than": float("nan")}])
def test_rules_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Rules(**wrong)  # type: ignore[arg-type]
