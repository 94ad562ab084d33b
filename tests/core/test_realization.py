"""Realizations: what counts as content, and what a cutoff hit keeps."""

from __future__ import annotations

from pathlib import Path

from attrs import evolve

from lightfx.core.config import Config, Reference
from lightfx.core.inventory import Item
from lightfx.core.listing import Listed
from lightfx.core.names import Digest
from lightfx.core.outcome import TimedOut
from lightfx.core.realization import (
    BuildOrder,
    Context,
    Cost,
    Log,
    MadeBy,
    Output,
    Realization,
    Stored,
    Value,
    content_of,
    key_with,
)
from lightfx.core.records import spell_result
from lightfx.core.refs import DRef, RRef

PLAN, OTHER = DRef.of("{}", "plan"), DRef.of("{}", "other")
KEY, TREE = Digest.of(b"key"), Digest.of(b"tree")
CONTENT = content_of(spell_result(Value(1)), TREE)
MADE = Realization(
    RRef.of(PLAN, key=KEY.text, index=2, content=CONTENT.text),
    KEY,
    2,
    CONTENT,
    Value(1),
    TREE,
    created=5.0,
    made_by=MadeBy("host"),
    cost=Cost(3.0, 1),
    log=Log("text", Digest.of(b"log")),
)


def test_content_is_value_and_files_and_nothing_else() -> None:
    results = [Value(1), Value(1.0), Value(True), Value("1"), Value([1]), TimedOut(1)]
    contents = {content_of(spell_result(each), tree) for each in results for tree in (None, TREE)}
    assert len(contents) == 12


def test_what_was_asked_for_is_part_of_the_name() -> None:
    """By a digest of the input key, a newline, and what was asked for, in canonical form."""
    asked = ((Reference(OTHER), (CONTENT, TREE)),)
    spelled = f'[[{{"$dref":"{OTHER}"}},["{CONTENT}","{TREE}"]]]'
    assert key_with(KEY, ()) == KEY.text
    assert key_with(KEY, asked) == Digest.of(f"{KEY}\n{spelled}".encode()).text


def test_trap_a_value_that_looks_like_a_failure() -> None:
    assert spell_result(Value({"left": "timed_out", "seconds": 1.0})) != spell_result(TimedOut(1))


def test_a_cutoff_hit_is_told_under_its_own_name() -> None:
    context = Context(((Reference(OTHER), (MADE.rref,)),))
    told = MADE.retold(OTHER, context, 9.0)
    assert told.rref == RRef.of(OTHER, key=KEY.text, index=2, content=CONTENT.text)
    assert told.dref == OTHER
    assert (told.like, told.context, told.created) == (MADE.rref, context, 9.0)
    assert (told.cost, told.log) == (Cost(), None)
    assert (told.key, told.index, told.content, told.result, told.tree) == (KEY, 2, CONTENT, Value(1), TREE)
    assert told.retold(PLAN, context, 10.0).like == MADE.rref, "it points at the first"


def test_a_cutoff_hit_stands_on_its_inputs_and_on_what_it_points_at() -> None:
    needed = RRef.of(OTHER, key="k", index=0, content="c")
    told = MADE.retold(OTHER, Context(((Reference(OTHER), (needed,)),)), 9.0)
    assert Item.of(told).needs == (needed, MADE.rref)


def test_listed() -> None:
    stored = Stored.of(MADE)
    assert stored == Stored(MADE.rref, KEY, 2, CONTENT, "right", 5.0, TREE)
    assert stored.is_right
    assert not Stored.of(evolve(MADE, result=TimedOut(1))).is_right
    assert Listed.whole(MADE) == Listed(stored, MADE)


def test_an_order_gives_each_output_its_folder() -> None:
    order = BuildOrder(PLAN, Config.of(), KEY, (0, 1), Path("/p"), {})
    assert [order.folder(index) for index in order.indices] == [Path("/p/out-0"), Path("/p/out-1")]
    assert Output({"b": 1, "a": 2}).spelled == '{"a":2,"b":1}'
