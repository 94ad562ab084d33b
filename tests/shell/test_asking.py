"""What a stage asks for survives its way to the driver, however deep it is."""

from __future__ import annotations

import pickle

import errands
from errands import errand
from makings import entry

from lightfx.core.config import Reference
from lightfx.core.derivation import Absent, Asks, Dependency, Derivation, Recipe, derivations_of
from lightfx.core.matching import Latest
from lightfx.shell.executor.asking import flat, nested


def plan(x: int, *needs: Dependency) -> Derivation[object]:
    made = entry(x)
    return Derivation(Recipe(made.config, made.realization.dref, errand(errands.double), needs))


def again(*needs: Dependency) -> tuple[Dependency, ...]:
    return nested(pickle.loads(pickle.dumps(flat(Asks(needs))))).needs


def test_uses_come_back_as_they_were() -> None:
    shared = plan(1)
    absent: Derivation[object] = Derivation(Absent(Reference(shared.dref)))
    needs = (plan(2, shared, absent).choose(Latest()), plan(3, shared.tolerate()).tolerate(), shared.collect(Latest()))
    found = again(*needs)
    assert [each.reference for each in found] == [each.reference for each in needs]
    uses = derivations_of(found)
    for mine, theirs in zip(derivations_of(needs), uses, strict=True):
        assert isinstance(mine.origin, Recipe)
        assert isinstance(theirs.origin, Recipe)
        assert theirs.origin.realizer == mine.origin.realizer
        assert theirs.origin.needs == mine.origin.needs
    first, second = (derivations_of(each.origin.needs)[0].origin for each in uses[:2])  # type: ignore[union-attr]
    assert first is second is uses[2].origin, "a recipe is sent once"


def test_a_long_chain_comes_back() -> None:
    """Trap: pickling a chain of a few hundred plans hit the limit of recursion."""
    chain = plan(0)
    for number in range(5000):
        chain = plan(number, chain)
    (found,) = again(chain)
    length = 0
    while (origin := derivations_of((found,))[0].origin) and isinstance(origin, Recipe) and origin.needs:
        (found,) = origin.needs
        length += 1
    assert length == 5000


def test_nothing_asked_is_nothing() -> None:
    assert again() == ()
