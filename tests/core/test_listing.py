"""Listings: a record as it was written, and what is read of it."""

from __future__ import annotations

import pytest

from lightfx import Config, Context, Digest, DRef, RRef
from lightfx.core.config import Reference
from lightfx.core.listing import Listed, View
from lightfx.core.outcome import Raised
from lightfx.core.realization import Log, MadeBy, Realization, Result, Stored, Value
from lightfx.core.records import spell_realization

DREF = DRef.of(Config.of(a=1).text, "made")
CONFUSING = {"result": {"right": 1}, "rref": "x", "tree": "blake3:0", 'q"': ',"result":{"right":2},"rref":"'}


def realization(result: Result, tree: Digest | None = None) -> Realization:
    key, content = Digest.of(b"key"), Digest.of(b"content")
    rref = RRef.of(DREF, key=key.text, index=0, content=content.text)
    return Realization(
        rref,
        key,
        0,
        content,
        result,
        tree,
        Context(((Reference(DREF, matcher="some(3)"), (rref,)),)),
        made_by=MadeBy(packages=(("result", "1.0"), ("rref", "2"), ("tree", "3"))),
        log=Log(',"result":{"right":0},"rref":"', Digest.of(b"log")),
        like=rref,
    )


@pytest.mark.parametrize("tree", [None, Digest.of(b"tree")])
@pytest.mark.parametrize("value", [None, 1, "text", [], {}, CONFUSING, [CONFUSING, '","rref":"']])
def test_a_value_is_read_out_of_its_record_whatever_stands_around_it(value: object, tree: Digest | None) -> None:
    """Trap: markers that a value, a log or a package name could imitate."""
    whole = realization(Value(value), tree)  # type: ignore[arg-type]  # trees, all of them
    listed = Listed(Stored.of(whole), spell_realization(whole).encode())
    assert listed.view == View(Value(value), tree)  # type: ignore[arg-type]  # trees, all of them
    assert listed.realization == whole


def test_a_left_is_read_with_its_log() -> None:
    whole = realization(Raised("KeyError", ("KeyError",), "'x'", ""))
    listed = Listed(Stored.of(whole), spell_realization(whole).encode())
    assert listed.view == View.of(whole)
    assert listed.view is not None
    assert listed.view.log == ',"result":{"right":0},"rref":"'


def test_a_listing_without_a_record_shows_nothing() -> None:
    listed = Listed(Stored.of(realization(Value(1))))
    assert (listed.realization, listed.view) == (None, None)


def test_a_whole_one_is_read_already() -> None:
    whole = realization(Value(1))
    assert Listed.whole(whole).realization is whole
    assert Listed.whole(whole).view == View.of(whole)
