"""What lies in a cache is read strictly, and what is shared is said by policy."""

from __future__ import annotations

import json

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.result import Failure, Success

from lightfx.core.config import Config, Reference
from lightfx.core.manifest import Entry, Kind, digest_of
from lightfx.core.names import Digest
from lightfx.core.outcome import BadOutput, Cancelled, Died, Raised, Returned, TimedOut, Upstream
from lightfx.core.realization import Context, Realization, Value, content_of
from lightfx.core.records import spell_result
from lightfx.core.refs import DRef, RRef
from lightfx.plan.packing import Freight
from lightfx.plan.sharing import (
    GROUP_COUNT,
    GROUP_SIZE,
    MANY_TABLES,
    PACK_SIZE,
    SMALL,
    Group,
    Row,
    Sharing,
    anyone,
    batches,
    large_files,
    read_table,
    read_table_list,
    small_files,
    spell_table,
    to_merge,
    token,
    tokens_of,
)
from lightfx.plan.trust import Accepted

CONFIG = Config('{"args":{},"code":{"of":"m:f","version":"1"},"name":"fit"}')
FILE = Entry("a.txt", Kind.FILE, Digest.of(b"text").text, 4)
TREE = digest_of([FILE])


def made(result=Value(1), tree=None, number: int = 0) -> Realization:
    dref = DRef.of(CONFIG.text, "fit")
    key, content = Digest.of(bytes([number])), content_of(spell_result(result), tree)
    rref = RRef.of(dref, key=key.text, index=0, content=content.text)
    return Realization(rref, key, 0, content, result, tree)


def group(**changes) -> Group:
    one = made(tree=TREE)
    whole = Group(
        Freight((), (one,), {one.dref: CONFIG}),
        {TREE: (FILE,)},
        {Digest.of(b"text"): (Digest.of(b"text"),)},
        {one.rref: (["key", "signature"],)},
    )
    return evolve(whole, **changes)


def test_a_group_is_read_as_it_was_written() -> None:
    whole = group()
    read = Group.read(whole.spell()).unwrap()
    assert read == whole
    (told,) = read.told()
    assert (told.realization, told.config, told.signatures) == (made(tree=TREE), CONFIG, (["key", "signature"],))
    assert read.packed == {Digest.of(b"text"): Digest.of(b"text")}
    assert read.sizes == {Digest.of(b"text"): 4}
    assert anyone([told]) == (Accepted(),)


def test_what_a_record_stands_on_need_not_come_along() -> None:
    context = Context(((Reference(DRef("a" * 32 + "-x")), (RRef("b" * 32 + "-" + "a" * 32 + "-x"),)),))
    one = evolve(made(), context=context)
    whole = Group(Freight((), (one,), {one.dref: CONFIG}), {})
    assert Group.read(whole.spell()).unwrap() == whole


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (lambda: group(objects={}, packs={}), "the object"),
        (lambda: group(objects={TREE: (evolve(FILE, size=5),)}), "not what it is named by"),
        (lambda: group(objects={digest_of([evolve(FILE, path="../a")]): (evolve(FILE, path="../a"),)}), "within"),
        (lambda: group(packs={Digest.of(b""): (Digest.of(b"none"),)}), "a pack of it"),
        (lambda: group(freight=Freight((), (made(tree=TREE),), {})), "the config"),
        (lambda: group(freight=Freight((), (evolve(made(), index=3),), {made().dref: CONFIG})), "not what it is named"),
        (lambda: group(freight=Freight((), (evolve(made(), result=Value(2)),), {made().dref: CONFIG})), "named by"),
    ],
)
def test_a_group_that_says_what_is_not_so_is_refused(wrong, why: str) -> None:
    read = Group.read(wrong().spell())
    assert isinstance(read, Failure)
    assert why in read.failure()


@settings(deadline=None, derandomize=True, database=None)
@given(
    st.one_of(
        st.binary(max_size=60),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=4)
                | st.dictionaries(st.sampled_from(["objects", "packs", "signatures", "x"]), inner, max_size=4)
            ),
        ).map(lambda tree: json.dumps(tree).encode()),
    )
)
def test_junk_is_refused_and_nothing_is_raised(data: bytes) -> None:
    for read in (Group.read, read_table, read_table_list):
        assert isinstance(read(data), Success | Failure)
    if data not in (b"{}", b"[]"):
        assert isinstance(Group.read(data), Failure) or b"objects" in data


@settings(deadline=None, derandomize=True, database=None)
@given(st.lists(st.tuples(st.binary(max_size=2), st.lists(st.integers(0, 2**64 - 1), max_size=4)), max_size=6))
def test_tables_are_read_as_they_were_written(rows) -> None:
    table = {Row(Digest.of(name), len(name), tuple(tokens)) for name, tokens in rows}
    assert set(read_table(spell_table(table)).unwrap()) == table
    assert spell_table(sorted(table, key=lambda row: row.size)) == spell_table(table)


def test_tokens_lead_to_all_names_of_a_realization() -> None:
    one = made()
    assert tokens_of(one) == (token(one.key.text), token(one.dref.text), token(one.rref.text))


def test_small_files_travel_together_and_large_ones_alone() -> None:
    entries = tuple(
        Entry(f"{number:03}", Kind.FILE, Digest.of(bytes([number])).text, SMALL + (number == 7)) for number in range(40)
    )
    objects = {digest_of(entries): entries}
    packs = small_files(objects)
    assert [len(pack) for pack in packs] == [PACK_SIZE // SMALL, PACK_SIZE // SMALL, 7]
    assert list(large_files(objects)) == [Digest.of(b"\x07")]


def test_groups_are_neither_too_many_records_nor_too_many_bytes() -> None:
    assert [len(batch) for batch in batches([made()] * (GROUP_COUNT + 1))] == [GROUP_COUNT, 1]
    large = made(Value("x" * (GROUP_SIZE // 2)))
    assert [len(batch) for batch in batches([large] * 3)] == [1, 1, 1]
    assert list(batches([])) == []


def test_few_tables_stay_as_they_are() -> None:
    assert to_merge({str(number): 9 for number in range(MANY_TABLES)}) == ()
    assert len(to_merge({str(number): 9 for number in range(MANY_TABLES + 1)})) == MANY_TABLES + 1
    assert to_merge({str(number): 1 << 20 for number in range(MANY_TABLES + 1)}) == ()


@pytest.mark.parametrize(
    ("result", "shared"),
    [
        (Value(1), True),
        (Returned("str", "no"), True),
        (Raised("KeyError", ("KeyError",), "", ""), True),
        (Raised("OSError", ("OSError",), "", ""), False),
        (BadOutput("a", "is a pipe"), True),
        (TimedOut(1.0), False),
        (Died(1, None), False),
        (Cancelled("enough"), False),
        (Upstream((), 1), False),
    ],
)
def test_what_is_shared(result, shared: bool) -> None:
    one = made(result)
    assert Sharing().shares(one) is shared
    assert Sharing(lefts="none").shares(one) is isinstance(result, Value)


def test_what_would_take_much_memory_is_not_read() -> None:
    """An empty list is two bytes, and takes seventy: what it would come to is counted before it is parsed."""
    many = b"[" + b"[]," * 1_000_000 + b"[]]"
    assert read_table(many) == Failure("it has too many parts")
    assert Group.read(b'{"objects":{},"more":' + many + b"}\n") == Failure("it has too many parts")


@pytest.mark.parametrize("lefts", ["nnone", "", "all", None, ["none"]])
def test_trap_a_slip_of_the_pen_shared_no_left(lefts: object) -> None:
    """Trap: ``Sharing(lefts="nnone")`` was taken, and was as good as "none"."""
    with pytest.raises(ValueError, match="it is 'replayable' or 'none'"):
        Sharing(lefts=lefts)  # type: ignore[arg-type]  # what no type checker saw
    with pytest.raises(TypeError, match="tolerated is 'no'; it is True or False"):
        Sharing(tolerated="no")  # type: ignore[arg-type]  # as above
