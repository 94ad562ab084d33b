"""The nearest earlier derivation, and what its runs took."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve

from lightfx.core.canonical import Tree, spell_checked
from lightfx.core.config import Config, Reference, input_key
from lightfx.core.realization import Context, Cost, Realization, Value, content_of
from lightfx.core.refs import DRef, RRef
from lightfx.plan.nearest import FAR, Earlier, Past, moved


def config(args: Mapping[str, Tree], fingerprint: str = "blake3:1") -> Config:
    return Config(spell_checked({"args": dict(args), "code": {"fingerprint": fingerprint}, "name": "fit"}))


def dref(config: Config) -> DRef:
    return DRef.of(config.text, "fit")


def realized(config: Config, created: float, seconds: float = 1.0) -> Realization:
    key, content = input_key(config.resolved(str)), content_of("1", None)
    rref = RRef.of(dref(config), key=key.text, index=0, content=content.text)
    return Realization(rref, key, 0, content, Value(1), created=created, cost=Cost(seconds))


def past(*made: tuple[Config, float]) -> Past:
    realizations = [realized(each, float(number), seconds) for number, (each, seconds) in enumerate(made)]
    return Past.of(realizations[::-1], {dref(each): each for each, _ in made})


def nearest(of: Past, config: Config, before: Mapping[DRef, DRef] | None = None) -> Config | None:
    found = of.nearest(config, before or {})
    return None if found is None else found.config


def test_nothing_is_nearest_to_the_first() -> None:
    assert nearest(past(), config({"a": 1})) is None
    assert past().seconds(config({"a": 1})) is None
    assert nearest(past((config({"a": 1}), 1.0)), config({"a": 1})) is None, "it is no other"


def test_the_same_under_other_code_comes_before_the_neighbour() -> None:
    cells = [config({"a": a, "b": b}) for a in range(3) for b in range(3)]
    known = past(*((each, 1.0) for each in cells))
    for old, a, b in ((cells[3 * a + b], a, b) for a in range(3) for b in range(3)):
        assert nearest(known, config({"a": a, "b": b}, "blake3:2")) == old


def test_one_that_differs_in_one_parameter_comes_before_newer_ones() -> None:
    old = config({"a": 1, "b": 1, "c": 1})
    newer = [config({"a": 2, "b": 2, "c": number}) for number in range(2, 200)]
    known = past((old, 1.0), *((each, 1.0) for each in newer))
    assert nearest(known, config({"a": 1, "b": 1, "c": 0})) == old
    assert nearest(known, config({"a": 9, "b": 9, "c": 9})) == newer[-1], "of equals, the newest"
    assert FAR < len(newer)


def test_a_parameter_that_is_new_or_gone_is_one_that_differs() -> None:
    plain, other = config({"a": 1}), config({"a": 2})
    known = past((plain, 1.0), (other, 1.0))
    assert nearest(known, config({"a": 1, "new": 5}, "blake3:2")) == plain
    more = config({"a": 1, "gone": 5})
    assert nearest(past((more, 1.0), (config({"a": 7, "gone": 6}), 1.0)), config({"a": 1})) == more


def test_one_that_used_what_is_nearest_to_what_this_one_uses() -> None:
    """A chain of changed stages is compared link by link."""
    uses = [DRef(f"{letter * 32}-data") for letter in "abc"]
    known = past(*((config({"of": {"$dref": use.text}}), 1.0) for use in uses[:2]))
    now = config({"of": {"$dref": uses[2].text}}, "blake3:2")
    for use in uses[:2]:
        assert nearest(known, now, {uses[2]: use}) == config({"of": {"$dref": use.text}})
    assert nearest(known, now) is not None


def test_how_a_derivation_is_used_counts() -> None:
    tolerated = config({"of": {"$dref": f"{'a' * 32}-data", "tolerate": True}})
    plain = config({"of": {"$dref": f"{'b' * 32}-data"}})
    known = past((plain, 1.0), (tolerated, 1.0))
    assert nearest(known, config({"of": {"$dref": f"{'c' * 32}-data"}})) == plain


def test_seconds_are_those_of_the_nearest() -> None:
    known = past(
        (config({"a": 1, "b": 1}, "blake3:0"), 2.0),
        (config({"a": 1, "b": 1}), 4.0),
        (config({"a": 1, "b": 2}), 100.0),
        (config({"a": 7, "b": 7}), 1000.0),
    )
    assert known.seconds(config({"a": 1, "b": 1}, "blake3:2")) == 3.0, "the median under other codes"
    assert known.seconds(config({"a": 2, "b": 2}, "blake3:2")) == 100.0
    assert known.seconds(config({"a": 8, "b": 8})) == 52.0, "or of all"


def test_what_took_no_run_tells_no_time() -> None:
    free = realized(config({"a": 1}), 1.0, 0.0)
    assert Past.of([free], {free.dref: config({"a": 1})}).seconds(config({"a": 1})) is None


def test_several_realizations_are_one_derivation() -> None:
    one = realized(config({"a": 1}), 1.0, 1.0)
    two = evolve(one, rref=RRef.of(one.dref, key="k", index=1, content="c"), created=2.0, cost=Cost(5.0))
    known = Past.of([two, one], {one.dref: config({"a": 1})})
    (found,) = known.newest
    assert isinstance(found, Earlier)
    assert (found.created, found.seconds) == (2.0, (5.0, 1.0))


def test_moved_inputs() -> None:
    reference, other = Reference(DRef(f"{'a' * 32}-data")), Reference(DRef(f"{'b' * 32}-data"))
    one, two = (RRef(f"{letter * 32}-{reference.dref}") for letter in "xy")
    before, now = Context(((reference, (one,)), (other, (one,)))), Context(((reference, (two,)), (other, (one,))))
    assert moved(before, now) == ((reference, (one,), (two,)),)
    assert moved(Context(()), now)[1] == (other, (), (one,))
