"""References: rendered and parsed."""

from __future__ import annotations

import pytest
from returns.result import Failure, Success

from lightfx.core.refs import DRef, RRef

HASH = "a" * 32


def test_a_reference_names_what_it_is_of() -> None:
    dref = DRef.of("{}", "my-model.v2")
    assert dref.name.text == "my-model.v2"
    assert DRef.parse(str(dref)) == Success(dref)
    rref = RRef.of(dref, key="k", index=0, content="c")
    assert rref.dref == dref
    assert RRef.parse(str(rref)) == Success(rref)


def test_everything_counts() -> None:
    assert DRef.of("{}", "a") != DRef.of("[]", "a")
    dref = DRef.of("{}", "a")
    names = {
        RRef.of(dref, key=key, index=index, content=content) for key in "kl" for index in (0, 1) for content in "cd"
    }
    assert len(names) == 8


def test_trap_parts_that_run_together() -> None:
    dref = DRef.of("{}", "a")
    assert RRef.of(dref, key="k", index=11, content="c") != RRef.of(dref, key="k1", index=1, content="c")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        HASH,
        f"{HASH}-",
        f"{HASH}-a/b",
        f"{HASH[1:]}-a",
        f"{HASH.upper()}-a",
        f"{HASH}_a",
        f"{HASH}-a\n",
        f"{HASH}-..",
    ],
)
def test_no_derivation(text: str) -> None:
    assert isinstance(DRef.parse(text), Failure)
    assert isinstance(RRef.parse(f"{HASH}-{text}"), Failure)
    assert str(DRef.parse(text).failure()) == f"{text!r} is no derivation reference"


@pytest.mark.parametrize("kind", [DRef, RRef])
@pytest.mark.parametrize("odd", [3, None, b"bytes"])
def test_a_reference_is_read_from_text(kind: type[DRef | RRef], odd: object) -> None:
    with pytest.raises(TypeError, match="a reference is read from a str, not from"):
        kind.parse(odd)  # type: ignore[arg-type]  # the check under test


def test_no_realization() -> None:
    assert str(RRef.parse(f"{HASH}-a").failure()) == f"'{HASH}-a' is no realization reference"
