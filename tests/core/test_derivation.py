"""Plans: immutable, equal by meaning, and what is refused."""

from __future__ import annotations

import copy

import pytest
from attrs import frozen

from lightfx.core.config import Config, Reference, Take, UnstorableError
from lightfx.core.derivation import Absent, Derivation, Observed, Recipe, Tolerant, derivations_of
from lightfx.core.matching import Candidate, Choice, Chosen, First, Latest, Matcher, Some
from lightfx.core.refs import DRef


def plan(name: str = "data", *needs: Derivation[object], **args: int) -> Derivation[object]:
    config = Config.of(args=dict(args), code="c", name=name)
    return Derivation(Recipe(config, DRef.of(config.text, name), None, needs))  # type: ignore[arg-type]  # never run


@frozen
class Named(Matcher[object]):
    name: str

    @property
    def spelling(self) -> str:
        return self.name

    def select(self, candidates: object, /) -> Choice:
        return Chosen(())


def test_equal_plans_are_equal_however_they_were_written() -> None:
    assert plan(a=1) == plan(a=1)
    assert hash(plan(a=1)) == hash(plan(a=1))
    assert plan(a=1) != plan(a=2)
    assert plan().choose(Latest()) == plan().choose(Latest()) != plan()
    assert len({plan(), plan(), plan().collect(Some(2)), plan().collect(Some(2)), plan().choose(Some(2))}) == 3


def test_uses() -> None:
    dref = plan().dref
    assert plan().reference == Reference(dref)
    assert plan().choose(Latest()).reference == Reference(dref, "latest()")
    assert plan().collect(Some(2)).reference == Reference(dref, "some(2)", Take.MANY)
    assert plan().collect(Some(2)).choose(Latest()).reference == Reference(dref, "latest()")
    assert plan().tolerate().reference == Reference(dref, tolerate=True)
    assert plan().tolerate().dref == dref
    assert plan().tolerate() == Tolerant(plan())
    assert derivations_of([plan(), plan(a=1).tolerate()]) == (plan(), plan(a=1))


def test_what_is_said_by_default_may_be_said_aloud() -> None:
    """Equal plans make equal references, and a copy means what its original meant."""
    assert plan().choose(First()) == plan()
    for same in (plan().choose(First()), copy.copy(plan()), copy.deepcopy(plan())):
        assert same.reference == plan().reference
        assert repr(same) == repr(plan())


@pytest.mark.parametrize("spelling", ["", 'say "a"', "a\\b", "a\nb", "\ud800", "\x7f"])
def test_trap_a_matcher_whose_spelling_is_lost_in_the_config(spelling: str) -> None:
    """Its use would not be found again in the text: the key would not depend on what it chose."""
    for use in (plan().choose, plan().collect):
        with pytest.raises(UnstorableError, match="^Named has the spelling"):
            use(Named(spelling))
    assert plan().choose(Named("é best {of} [1,2] $dref")).reference.matcher == "é best {of} [1,2] $dref"


def test_collecting_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="collects already"):
        plan().collect(Some(2)).collect(Some(2))


def test_a_plan_known_by_its_reference_alone() -> None:
    reference = Reference(plan().dref, "latest()", Take.MANY)
    absent: Derivation[object] = Derivation(Absent(reference))
    assert absent.reference == reference
    assert absent.dref == plan().dref
    for use in (absent.choose, absent.collect):
        with pytest.raises(ValueError, match="given as it is"):
            use(Latest())
    assert absent.tolerate().reference.tolerate


def test_repr() -> None:
    dref = plan().dref
    assert repr(plan()) == f"<{dref}>"
    assert repr(plan().choose(Latest())) == f"<{dref} by latest()>"
    assert repr(plan().collect(Some(2))) == f"<all of {dref} by some(2)>"


def test_a_plan_is_frozen() -> None:
    with pytest.raises(AttributeError):
        plan().take = Take.MANY  # type: ignore[misc]  # the check under test
    assert Observed.__attrs_attrs__
    assert Candidate.__slots__
