"""The canonical form: one spelling for one tree, in a world small enough to collide."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from returns.result import Success

from lightfx.core.canonical import MAX_DEPTH, Tree, read, spell, spell_checked, why_not
from lightfx.core.config import Config, Reference, Take, differences, input_key
from lightfx.core.refs import DRef

TEXTS = st.text('ab1$",\\{}:[]é\x00\x7f\u2028😀', max_size=4)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.1, 1e16, 1e-7, 5e-324, 2.0**53])
    | st.sampled_from(["", "1", "1.0", "true", "null", "a", "b'a'", "[1]", "é", "e\u0301"])
    | TEXTS
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(TEXTS.filter(lambda key: not key.startswith("$")), inner, max_size=3)
    ),
    max_leaves=6,
)


def same(one: object, other: object) -> bool:
    """Whether two trees are the same, said a second time: by type, and never by ``1 == True``."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    return one == other


def alike_only_if_same(spelling: Callable[[Tree], str], one: Tree, other: Tree) -> None:
    assert (spelling(one) == spelling(other)) == same(one, other)


@given(TREES, TREES)
@example(1, True)
@example(1, 1.0)
@example(0, False)
@example(1, "1")
@example(None, "null")
@example(0.0, -0.0)
@example([1, 1], [1])
@example(["a", "b"], ["b", "a"])
@example(["ab"], ["a", "b"])
@example(["a,b"], ["a", "b"])
@example("a", "b'a'")
@example({"a": 1, "b": 2}, {"b": 2, "a": 1})
@example({"a": {"b": 1}}, {"a": 1, "b": 1})
@example({"a": None}, {})
@example("é", "e\u0301")
@example([], {})
@example([[]], [])
@example("1e16", 1e16)
@example(10**16, 1e16)
def test_spellings_are_alike_only_if_trees_are_the_same(one: Tree, other: Tree) -> None:
    alike_only_if_same(lambda tree: spell(tree).unwrap(), one, other)
    assert (Config.of(x=one) == Config.of(x=other)) == same(one, other)
    assert (Config.of(x=one).resolved(str) == Config.of(x=other).resolved(str)) == same(one, other)
    assert (differences(one, other) == ()) == same(one, other)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(repr, id="the order of keys matters"),
        pytest.param(lambda tree: json.dumps(tree, sort_keys=True).replace(" ", ""), id="drops blanks in texts"),
        pytest.param(lambda tree: json.dumps(tree, sort_keys=True).replace(".0", ""), id="1.0 is 1"),
        pytest.param(lambda tree: json.dumps(tree, sort_keys=True).replace("true", "1"), id="true is 1"),
        pytest.param(lambda tree: str(sorted(str(tree))), id="order does not matter"),
        pytest.param(lambda tree: str(hash(json.dumps(tree, sort_keys=True)) % 7), id="a small hash"),
    ],
)
def test_a_wrong_spelling_breaks_the_law(wrong: Callable[[Tree], str]) -> None:
    twins: list[tuple[Tree, Tree]] = [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ("a b", "ab"),
        (1, 1.0),
        (1, True),
        ([1, 2], [2, 1]),
        *((number, number + 1) for number in range(50)),
    ]

    def law() -> None:
        for one, other in twins:
            alike_only_if_same(wrong, one, other)

    with pytest.raises(AssertionError):
        law()


@given(TREES)
def test_what_is_spelled_reads_back(tree: Tree) -> None:
    text = spell(tree).unwrap()
    back = read(text).unwrap()
    assert same(back, tree)
    assert spell_checked(back) == text
    assert "\n" not in text


@given(st.dictionaries(TEXTS.filter(lambda key: not key.startswith("$")), LEAVES, max_size=5), st.randoms())
def test_the_order_of_keys_never_matters(tree: dict[str, Tree], chance: object) -> None:
    keys = list(tree)
    chance.shuffle(keys)  # type: ignore[attr-defined]  # hypothesis gives a Random
    assert spell({key: tree[key] for key in keys}) == spell(tree)


@given(st.text(max_size=20))
@example('{"a":1,"a":1}')
@example('{"b":1,"a":1}')
@example("[1, 2]")
@example("1E5")
@example("01")
@example("-0")
@example("1e400")
@example("NaN")
@example("Infinity")
@example('"\\u0061"')
@example('"\\ud800"')
@example('"\\/"')
@example("\ufeff1")
@example("1.10")
@example("")
@example("[" * 100_000)
def test_no_other_text_reads(text: str) -> None:
    """One tree has one text: what reads is what would be written."""
    tree = read(text)
    assert not isinstance(tree, Success) or spell_checked(tree.unwrap()) == text


@given(st.floats())
def test_a_float_reads_back_exactly_or_is_refused(number: float) -> None:
    spelled = spell(number)
    if math.isfinite(number):
        assert same(json.loads(spelled.unwrap()), number)
    else:
        assert spelled.failure().path == ()


@given(st.integers(0, 2 * MAX_DEPTH))
def test_depth_has_one_limit(depth: int) -> None:
    tree: Tree = 1
    for level in range(depth):
        tree = [tree] if level % 2 else {"k": tree}
    assert (not list(why_not(tree))) == (depth <= MAX_DEPTH)


REFERENCES = st.builds(
    Reference,
    st.sampled_from(["a", "b"]).map(lambda name: DRef.of("{}", name)),
    st.sampled_from(["", "latest()", "then(every(),some(2))", "é {}$dref"]),
    st.sampled_from(Take),
    st.booleans(),
)


@given(st.lists(REFERENCES, max_size=4), TREES)
def test_references_are_found_and_replaced_and_nothing_else_is(uses: list[Reference], tree: Tree) -> None:
    """Also beside texts that look like references: inside of a string a quote is escaped."""
    fake = '{"$dref":"aaaa-x"}'
    text = spell_checked({"args": {"deep": [each.tree for each in uses], "fake": fake, "tree": tree}})
    config = Config(text)
    assert config.references == tuple(dict.fromkeys(uses))
    resolved = config.resolved(lambda ref: f"<{uses.index(ref)}>")
    assert '{"$dref":' not in resolved.replace(json.dumps(fake), "")
    assert [Reference.of_tree(each.tree) for each in uses] == uses


@given(TREES, TREES, st.sampled_from("fg"), st.sampled_from("fg"))
@example({"a": 1, "name": "bob", "z": 1}, {"a": 1, "name": "bob", "z": 2}, "f", "f")
@example({"a": 1, "name": "bob"}, {"a": 1, "name": "eve"}, "f", "f")
@example(',"name":"x"}', ',"name":"y"}', "f", "f")
def test_the_key_forgets_the_name_and_nothing_else(one: Tree, other: Tree, name: str, second: str) -> None:
    """A parameter called ``name`` is a parameter."""

    def key(tree: Tree, called: str) -> object:
        return input_key(Config.of(args=tree, code={"version": "1"}, name=called).resolved(str))

    assert (key(one, name) == key(other, second)) == same(one, other)
    # Configs of no stage, of any shape.
    bare = [input_key(Config.of(args=each).resolved(str)) for each in (one, other)]
    assert (bare[0] == bare[1]) == same(one, other)
    odd = [input_key(Config.of(code="c", name="f", more=each, z=1).resolved(str)) for each in (one, other)]
    assert (odd[0] == odd[1]) == same(one, other)
