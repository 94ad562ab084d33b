"""Records: what is written of a realization reads back as it was; damage is told from records."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from returns.result import Failure, Success

from lightfx.core.canonical import Tree, spell_checked
from lightfx.core.config import Reference, Take
from lightfx.core.listing import Listed
from lightfx.core.manifest import Entry, Kind, digest_of
from lightfx.core.names import Digest, Name
from lightfx.core.outcome import BadOutput, Cancelled, Died, Raised, Returned, Root, TimedOut, Upstream
from lightfx.core.realization import (
    Attempt,
    Context,
    Cost,
    Log,
    MadeBy,
    Realization,
    Selection,
    Stored,
    Value,
    content_of,
)
from lightfx.core.records import read_realization, result_tree, spell_realization, spell_result
from lightfx.core.refs import DRef, RRef

TEXTS = st.text('a "\\\n\x00é😀', max_size=5)
DIGESTS = st.binary(max_size=2).map(Digest.of)
DREFS = st.sampled_from("ab").map(lambda name: DRef.of(name, name))
RREFS = st.builds(lambda dref, index: RRef.of(dref, key="k", index=index, content="c"), DREFS, st.integers(0, 3))
TREES: st.SearchStrategy[Tree] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
SECONDS = st.floats(0, 1e9)
CAUSES = st.one_of(
    st.builds(Returned, TEXTS, TREES),
    st.builds(Raised, TEXTS, st.lists(TEXTS, max_size=3).map(tuple), TEXTS, TEXTS),
    st.builds(TimedOut, SECONDS | st.integers(0, 9)),
    st.builds(Died, st.none() | st.integers(), st.none() | TEXTS, st.booleans()),
    st.builds(BadOutput, TEXTS, TEXTS),
    st.builds(Upstream, st.lists(st.builds(Root, RREFS, TEXTS), max_size=3).map(tuple), st.integers(0, 99)),
    st.builds(Cancelled, TEXTS),
)
RESULTS = st.builds(Value, TREES) | CAUSES
REFERENCES = st.builds(Reference, DREFS, st.sampled_from(["", "latest()"]), st.sampled_from(Take), st.booleans())
CONTEXTS = st.lists(st.tuples(REFERENCES, st.lists(RREFS, max_size=3).map(tuple)), max_size=3)
PACKAGES = st.dictionaries(TEXTS, TEXTS, max_size=3).map(lambda found: tuple(sorted(found.items())))
COSTS = st.builds(Cost, SECONDS, st.integers(0, 10**12))
LOGS = st.none() | st.builds(Log, TEXTS, st.none() | DIGESTS)
ASKED = st.lists(st.tuples(REFERENCES, st.lists(DIGESTS, max_size=3).map(tuple)), max_size=3)
REALIZATIONS = st.builds(
    Realization,
    RREFS,
    DIGESTS,
    st.integers(0, 9),
    DIGESTS,
    RESULTS,
    tree=st.none() | DIGESTS,
    context=CONTEXTS.map(tuple).map(Context),
    created=SECONDS,
    made_by=st.builds(MadeBy, TEXTS, TEXTS, TEXTS, PACKAGES, TEXTS, TEXTS),
    cost=COSTS,
    attempt=st.integers(1, 9),
    log=LOGS,
    like=st.none() | RREFS,
    asked=ASKED.map(tuple),
    earlier=st.lists(st.builds(Attempt, TEXTS, TEXTS, COSTS, LOGS), max_size=2).map(tuple),
    ephemeral=st.booleans(),
    selections=st.lists(st.builds(Selection, DREFS, TEXTS, DIGESTS, st.lists(RREFS).map(tuple)), max_size=2).map(tuple),
)


@given(REALIZATIONS)
def test_a_record_reads_back(realization: Realization) -> None:
    line = spell_realization(realization)
    back = read_realization(line).unwrap()
    assert back == realization
    assert spell_realization(back) == line
    assert "\n" not in line
    assert spell_result(back.result) == spell_result(realization.result)
    assert Stored.of(back) == Listed.whole(realization).stored
    assert back.result.kind == realization.result.kind
    assert getattr(back.result, "reason", "") == getattr(realization.result, "reason", "")


@given(REALIZATIONS, st.data())
def test_damage_is_told_and_never_raised(realization: Realization, data: st.DataObject) -> None:
    line = spell_realization(realization)
    at = data.draw(st.integers(0, len(line) - 1))
    for damaged in (line[:at], line[:at] + line[at + 1 :], line[:at] + "x" + line[at + 1 :]):
        found = read_realization(damaged)
        assert isinstance(found, Success | Failure)
        assert isinstance(found, Failure) or damaged != line[:at]


@given(TREES)
@example("[" * 100_000)
@example([])
@example({})
@example(None)
def test_any_other_json_is_damage(tree: Tree) -> None:
    texts = [spell_checked(tree), tree if isinstance(tree, str) else "1"]
    assert all(isinstance(read_realization(text), Failure) for text in texts)


@given(RESULTS, RESULTS)
@example(Value({"left": "cancelled", "why": ""}), Cancelled(""))
@example(Value(1), Value(True))
@example(Returned("a", "b"), BadOutput("a", "b"))
def test_results_are_alike_only_if_their_trees_are(one: object, other: object) -> None:
    """A value that looks like a failure is none."""
    spelled = [spell_result(each) for each in (one, other)]  # type: ignore[arg-type]  # drawn from RESULTS
    contents = [content_of(each, None) for each in spelled]
    assert (contents[0] == contents[1]) == (spelled[0] == spelled[1])
    assert (spelled[0] == spelled[1]) == (type(one) is type(other) and repr(_ordered(one)) == repr(_ordered(other)))


def _ordered(result: object) -> object:
    def sort(tree: object) -> object:
        if isinstance(tree, dict):
            return {key: sort(tree[key]) for key in sorted(tree)}
        return [sort(each) for each in tree] if isinstance(tree, list) else tree

    return sort(result_tree(result))  # type: ignore[arg-type]  # drawn from RESULTS


PATHS = st.sampled_from(["a", "b", "ab", "a/b", "é", "a b", "\udcff"])
ENTRIES = st.lists(
    st.builds(
        Entry,
        PATHS,
        st.sampled_from(Kind),
        st.sampled_from(["", "a", "blake3:0"]),
        st.integers(0, 2),
        st.booleans(),
    ),
    max_size=4,
    unique_by=lambda entry: entry.path,
)


@given(ENTRIES, ENTRIES, st.randoms())
@example([Entry("ab", Kind.FILE, "c")], [Entry("a", Kind.FILE, "bc")], None)
def test_a_manifest_is_a_set_of_entries(one: list[Entry], other: list[Entry], chance: object) -> None:
    """Order does not count; every name, kind, digest, size and bit does."""
    shuffled = list(one)
    if chance is not None:
        chance.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a Random
    assert digest_of(shuffled) == digest_of(one)
    assert (digest_of(one) == digest_of(other)) == (set(one) == set(other))


@given(st.text(max_size=120))
def test_any_text_makes_a_name(text: str) -> None:
    made = Name.made_of(text)
    assert Name.parse(made.text) == Success(made)


@given(st.text("abA1_.+-/\n\x00é ", max_size=8))
def test_a_name_is_safe_or_refused(text: str) -> None:
    parsed = Name.parse(text)
    if isinstance(parsed, Success):
        assert Name.made_of(text).text in (text, text.rstrip("-.+"))
        assert "/" not in text
        assert not text.startswith((".", "-"))
        dref = DRef.of("{}", text)
        assert DRef.parse(dref.text) == Success(dref)
        assert dref.name.text == text
        rref = RRef.of(dref, key="k", index=0, content="c")
        assert RRef.parse(rref.text) == Success(rref)
        assert rref.dref == dref
