"""Binding what a stage knows by reference alone to what the plan says it is."""

from __future__ import annotations

from returns.result import Failure
from toys import toy

from lightfx.core.derivation import Absent, Derivation, Recipe, Tolerant
from lightfx.core.matching import Some
from lightfx.core.realization import Value
from lightfx.plan.asking import bind

GIVEN = toy("given", Value(1))
ABSENT: Derivation[object] = Derivation(Absent(GIVEN.reference))
KNOWN = {GIVEN.reference: GIVEN}


def recipe_of(derivation: Derivation[object]) -> Recipe:
    assert isinstance(derivation.origin, Recipe)
    return derivation.origin


def test_a_use_by_reference_becomes_the_plan_tolerated_or_not() -> None:
    assert bind([ABSENT, ABSENT.tolerate()], KNOWN).unwrap() == (GIVEN, Tolerant(GIVEN))


def test_it_is_bound_at_any_depth_and_the_identity_stays() -> None:
    deep = toy("top", Value(3), toy("middle", Value(2), ABSENT).collect(Some(2)).tolerate())
    (bound,) = bind([deep], KNOWN).unwrap()
    assert bound.dref == deep.dref
    assert isinstance(bound, Derivation)
    (middle,) = recipe_of(bound).needs
    assert isinstance(middle, Tolerant)
    assert middle.reference == recipe_of(deep).needs[0].reference
    assert recipe_of(middle.derivation).needs == (GIVEN,)


def test_what_nobody_gave_is_named() -> None:
    stranger = Derivation[object](Absent(toy("stranger", Value(1)).reference))
    found = bind([toy("top", Value(2), stranger)], KNOWN)
    assert isinstance(found, Failure)
    assert found.failure() == stranger.reference


def test_what_needs_no_binding_is_taken_as_it_is() -> None:
    plan = toy("top", Value(2), GIVEN)
    assert bind([plan], {}).unwrap()[0] is plan


def test_a_chain_of_thousands_is_bound_without_a_stack() -> None:
    chain = ABSENT
    for _ in range(5000):
        chain = toy("link", Value(1), chain)
    (bound,) = bind([chain], KNOWN).unwrap()
    assert bound.dref == chain.dref
