"""The canonical form, trap by trap."""

from __future__ import annotations

import enum
import math
from collections import OrderedDict, UserDict
from pathlib import Path

import pytest
from returns.result import Failure, Success

from lightfx.core.canonical import MAX_DEPTH, MAX_INTEGER, Unstorable, read, render_path, spell, why_not


class Text(str):
    __slots__ = ()


class Number(int):
    pass


class Color(enum.IntEnum):
    RED = 1


def nested(depth: int) -> object:
    tree: object = 1
    for _ in range(depth):
        tree = [tree]
    return tree


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (None, "null"),
        (True, "true"),
        (1, "1"),
        (1.0, "1.0"),
        ("1", '"1"'),
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1e16, "1e+16"),
        (1e15, "1000000000000000.0"),
        (5e-324, "5e-324"),
        (0.1 + 0.2, "0.30000000000000004"),
        ((1, 2), "[1,2]"),
        ({}, "{}"),
        ([], "[]"),
        ("é", '"é"'),
        ("e\u0301", '"e\u0301"'),
        ("\u2028", '"\u2028"'),
        ("😀", '"😀"'),
        ("/", '"/"'),
        ('"\\\n\x00\x1f\x7f', '"\\"\\\\\\n\\u0000\\u001f\x7f"'),
        ({"b": 1, "a": 2}, '{"a":2,"b":1}'),
        ({"\uffff": 1, "😀": 2}, '{"\uffff":1,"😀":2}'),
        ({"10": 1, "9": 2}, '{"10":1,"9":2}'),
        ({"": {}}, '{"":{}}'),
        (10**40, "1" + "0" * 40),
        pytest.param(MAX_INTEGER, "9" * 4300, id="the greatest integer"),
        pytest.param(-MAX_INTEGER, "-" + "9" * 4300, id="the least integer"),
    ],
)
def test_one_spelling(tree: object, text: str) -> None:
    assert spell(tree) == Success(text)  # type: ignore[arg-type]  # a table of trees
    assert read(text).bind(spell) == Success(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param([1, 1], [1], id="[1,1] = [1]"),
        pytest.param(["a", "b"], ["b", "a"], id="[a,b] = [b,a]"),
        pytest.param("a", repr(b"a"), id="a = b'a'"),
        pytest.param(["a", "b"], ["ab"], id="names without lengths"),
        pytest.param(["a", "sb"], ["as", "b"], id="asb"),
        pytest.param(1, True, id="1 = true"),
        pytest.param(0, False, id="0 = false"),
        pytest.param(1, 1.0, id="1 = 1.0"),
        pytest.param(1, "1", id="1 = '1'"),
        pytest.param(True, "true", id="true = 'true'"),
        pytest.param(None, "null", id="null = 'null'"),
        pytest.param(None, float("inf"), id="null = infinity"),
        pytest.param(0.0, -0.0, id="0.0 = -0.0"),
        pytest.param(2**53, 2**53 + 1, id="integers as floats"),
        pytest.param(10**30, 1e30, id="10**30 = 1e30"),
        pytest.param({"a": None}, {}, id="absent = null"),
        pytest.param([], {}, id="[] = {}"),
        pytest.param("é", "e\u0301", id="normal forms"),
        pytest.param("a", "a\x00", id="cut at NUL"),
        pytest.param({"a": {"b": 1}}, {"a": 1, "b": 1}, id="flattened"),
    ],
)
def test_trap_two_trees_with_one_spelling(one: object, other: object) -> None:
    assert spell(one) != spell(other)  # type: ignore[arg-type]  # a table of trees


def test_trap_the_order_of_keys() -> None:
    assert spell({"b": 1, "a": {"d": 1, "c": 2}}) == spell({"a": {"c": 2, "d": 1}, "b": 1})


@pytest.mark.parametrize(
    ("tree", "sentence"),
    [
        (math.nan, "the value is NaN, which equals nothing, itself included"),
        ({"a": [1, math.inf]}, "a[1] is infinite, which JSON cannot say"),
        ([-math.inf], "[0] is infinite, which JSON cannot say"),
        ("\ud800", "the value holds a lone surrogate, which has no UTF-8 spelling"),
        ({"é\udfff": 1}, "['é\\udfff'] is a key with a lone surrogate, which has no UTF-8 spelling"),
        ({1: 2}, "the value has a key of type int; keys are strings"),
        ({"a": [{None: 2}]}, "a[0] has a key of type NoneType; keys are strings"),
        ({Text("a"): 1}, "the value has a key of type Text; keys are strings"),
        ({"$dref": "x"}, "['$dref'] is a key that begins with '$', which lightfx keeps for itself"),
        pytest.param(MAX_INTEGER + 1, "the value is an integer of more than 4,300 digits", id="huge"),
        pytest.param(-MAX_INTEGER - 1, "the value is an integer of more than 4,300 digits", id="hugely negative"),
        ({"x": b"a"}, "x is of type bytes, which is no JSON"),
        ({"x": {1}}, "x is of type set, which is no JSON"),
        ({"x": Path("a")}, "x is of type PosixPath, which is no JSON"),
        (Text("a"), "the value is of type Text, which is no JSON"),
        (Number(1), "the value is of type Number, which is no JSON"),
        (Color.RED, "the value is of type Color, which is no JSON"),
        (1j, "the value is of type complex, which is no JSON"),
        (OrderedDict(a=1), "the value is of type OrderedDict, which is no JSON"),
        (UserDict(a=1), "the value is of type UserDict, which is no JSON"),
        (bytearray(b"a"), "the value is of type bytearray, which is no JSON"),
        pytest.param(nested(MAX_DEPTH + 1), "[0]" * MAX_DEPTH + " is nested deeper than 64 levels", id="too deep"),
    ],
)
def test_what_is_refused_and_where_it_sits(tree: object, sentence: str) -> None:
    refused = spell(tree)  # type: ignore[arg-type]  # the check under test
    assert isinstance(refused, Failure)
    assert refused.failure().sentence == sentence


def test_a_tree_that_holds_itself_is_refused() -> None:
    tree: list[object] = []
    tree.append(tree)
    assert "nested deeper" in spell(tree).failure().reason  # type: ignore[arg-type]  # the check under test


def test_the_deepest() -> None:
    assert isinstance(spell(nested(MAX_DEPTH)), Success)  # type: ignore[arg-type]  # a tree


def test_every_culprit_is_listed() -> None:
    found = [each.sentence for each in why_not({"a": math.nan, "$b": {2}, "c": "fine"})]
    assert len(found) == 3


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"a":1,"a":1}', id="duplicate keys"),
        pytest.param('{"a":1,"a":2}', id="duplicate keys that differ"),
        pytest.param('{"b":1,"a":2}', id="key order"),
        pytest.param('{"a": 1}', id="blanks"),
        pytest.param(" 1", id="a blank before"),
        pytest.param("1\n", id="a line end"),
        pytest.param("1.50", id="a float longer than its repr"),
        pytest.param("1e5", id="a float not by its repr"),
        pytest.param("1E+16", id="a float in capitals"),
        pytest.param("-0", id="minus 0"),
        pytest.param("0.10000000000000000001", id="more digits than a float has"),
        pytest.param("1e999", id="infinity in disguise"),
        pytest.param("NaN", id="NaN"),
        pytest.param("-Infinity", id="infinity"),
        pytest.param('"\\u00e9"', id="escaped without need"),
        pytest.param('"\\ud83d\\ude00"', id="an escaped pair"),
        pytest.param('"\\ud83d"', id="an escaped surrogate"),
        pytest.param("9" * 4301, id="huge"),
        pytest.param("[" * 200_000, id="too deep to read"),
        pytest.param("", id="nothing"),
        pytest.param("{", id="half"),
        pytest.param("1 2", id="two"),
        pytest.param("\ufeff1", id="a byte order mark"),
        pytest.param("'a'", id="another quote"),
        pytest.param("nul", id="nearly null"),
    ],
)
def test_what_is_not_canonical_is_not_read(text: str) -> None:
    assert isinstance(read(text), Failure)


def test_paths() -> None:
    assert render_path(()) == ""
    assert render_path(("a", 0, "b c", "d")) == "a[0]['b c'].d"
    assert render_path((0, "a")) == "[0].a"
    assert Unstorable((1,), "x").under("a", "b").sentence == "a.b[1] x"
