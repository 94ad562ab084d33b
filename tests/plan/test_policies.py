"""Policies of trust, as people say them."""

from __future__ import annotations

import pytest

from lightfx.caches import agreed, signed_by
from lightfx.core.statement import PublicKey
from lightfx.plan.policies import Agreed, SignedBy, Trust

ADA, BOB = PublicKey(bytes([1] * 32)), PublicKey(bytes([2] * 32))
TRUSTED = {"ada": ADA, "bob": BOB, "ada-too": ADA}


@pytest.mark.parametrize(
    ("policy", "keys", "why"),
    [
        ("any", ("ada",), "name no keys"),
        ("all", (), "is no policy of trust"),
        ("", (), "is no policy of trust"),
        ("0-of-1", ("ada",), "is no policy of trust"),
        ("2-of-1", ("ada",), "can never agree"),
        ("2-of-3", ("ada", "bob"), "takes 3 different keys, and 2 are named"),
        ("2-of-2", ("ada", "ada"), "takes 2 different keys, and 1 are named"),
        ("1-of-99999", (), "is no policy of trust"),
    ],
)
def test_what_is_no_policy_is_said(policy: str, keys: tuple[str, ...], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Trust(policy, keys)
    assert why in Trust.read([policy, *keys]).failure()


@pytest.mark.parametrize("tree", [None, [], "any", [1], ["signed", 7], {"policy": "any"}])
def test_what_cannot_be_read_is_said(tree: object) -> None:
    assert Trust.read(tree).failure() == "it is no policy of trust"  # type: ignore[arg-type]  # a table


def test_names_are_looked_up_when_they_are_needed() -> None:
    """Whoever is distrusted later is not believed later."""
    assert Trust("signed", ("ada",)).among(TRUSTED).unwrap() == SignedBy([ADA])
    assert "no key is trusted by the name 'ada'" in Trust("signed", ("ada",)).among({"bob": BOB}).failure()
    assert Trust("2-of-2", ("ada", BOB.text)).among(TRUSTED).unwrap() == Agreed(2, [ADA, BOB])


def test_two_names_of_one_key_are_one_builder() -> None:
    assert "two of the names stand for one key" in Trust("2-of-2", ("ada", "ada-too")).among(TRUSTED).failure()
    assert "two of the names stand for one key" in Trust("2-of-2", ("ada", ADA.text)).among(TRUSTED).failure()


def test_signed_by_whoever_is_trusted_is_nobody_where_nobody_is() -> None:
    assert Trust().among({}).unwrap() == SignedBy([])


@pytest.mark.parametrize("count", [0, 3])
def test_builders_that_can_never_agree_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match="can never agree"):
        Agreed(count, [ADA, BOB])


@pytest.mark.parametrize(
    ("policy", "keys", "why"),
    [
        (3, (), "policy is of type int"),
        ("signed", "ada", "keys is 'ada'; it takes names in a tuple"),
        ("signed", 3, "keys is 3; it takes names in a tuple"),
        ("signed", (ADA,), "keys holds a PublicKey; it takes names of keys, or public keys as text"),
        ("1-of-1", (["ada"],), "keys holds a list"),
    ],
)
def test_trap_one_name_was_taken_for_many(policy: object, keys: object, why: str) -> None:
    """Trap: ``Trust("signed", "ada")`` believed the keys ``a`` and ``d``."""
    with pytest.raises(TypeError, match=why):
        Trust(policy, keys)  # type: ignore[arg-type]  # what no type checker saw


def test_trap_to_name_no_builders_was_said_to_be_no_policy() -> None:
    """Trap: ``agreed(2)`` answered "'2-of-0' is no policy of trust", which nobody had written."""
    with pytest.raises(ValueError, match=r"agreed\(2\) believes nobody: name the builders"):
        agreed(2)
    with pytest.raises(ValueError, match="count is 0; one builder at least"):
        agreed(0, "ada")
    with pytest.raises(ValueError, match="3 of 2 builders can never agree"):
        agreed(3, "ada", "bob", "ada")
    with pytest.raises(TypeError, match="count is '2'; it takes a whole number"):
        agreed("2", "ada")  # type: ignore[arg-type]  # what no type checker saw
    with pytest.raises(TypeError, match="keys holds a list"):
        agreed(1, ["ada"])  # type: ignore[arg-type]  # as above
    with pytest.raises(TypeError, match="keys holds a list"):
        signed_by(["ada"])  # type: ignore[arg-type]  # as above
    assert agreed(2, "ada", "bob", "ada") == Trust("2-of-2", ("ada", "bob"))
