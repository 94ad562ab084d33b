"""Configs, references in them, keys, differences."""

from __future__ import annotations

import copy
import pickle

import pytest
from returns.result import Failure, Success

from lightfx.core.canonical import Tree, Unstorable, spell_checked
from lightfx.core.config import Config, Reference, Take, UnstorableError, differences, input_key
from lightfx.core.refs import DRef

DATA = DRef.of("{}", "data")


def key(**fields: Tree) -> str:
    return input_key(Config.of(**fields).resolved(str)).text


def test_equal_if_and_only_if_the_bytes_are() -> None:
    assert Config.of(a=1, b=2) == Config.of(b=2, a=1)
    assert hash(Config.of(a=1, b=2)) == hash(Config.of(b=2, a=1))
    assert len({Config.of(a=value) for value in (1, 1.0, True, "1")}) == 4


def test_any_name_of_a_field_will_do() -> None:
    assert Config.of(cls=1, self=2).tree == {"cls": 1, "self": 2}


def test_a_config_is_frozen_and_so_is_what_it_was_made_of() -> None:
    """Trap: a mutable parameter changed after the call."""
    rates: list[Tree] = [1, 2]
    config = Config.of(rates=rates)
    rates.append(3)
    assert config.tree == {"rates": [1, 2]}
    with pytest.raises(AttributeError):
        config.text = "{}"  # type: ignore[misc]  # the check under test


def test_what_is_unstorable_is_refused_with_its_path() -> None:
    with pytest.raises(UnstorableError, match=r"^a\.b\[1\] is NaN") as caught:
        Config.of(a={"b": [0, float("nan")]})
    assert caught.value.path == ("a", "b", 1)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, TypeError)
    assert isinstance(Config.made_of({"$a": 1}), Failure)


@pytest.mark.parametrize("again", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy])
def test_the_error_travels(again: object) -> None:
    """Trap: an exception that cannot be unpickled kills the pool that it came from."""
    error = UnstorableError(Unstorable(("rate",), "is NaN"), "train: ")
    twin = again(error)  # type: ignore[operator]  # a table of functions
    assert (str(twin), twin.path, twin.culprit) == ("train: rate is NaN", ("rate",), error.culprit)


@pytest.mark.parametrize("text", ['{"a": 1}', '{"b":1,"a":1}', "", "3", "[]", "null", '"x"'])
def test_only_a_canonical_object_is_a_config(text: str) -> None:
    assert isinstance(Config.parse(text), Failure)


def test_parse_is_the_inverse_of_text() -> None:
    config = Config.of(a=[1, 1.0, True, None, "é"])
    assert Config.parse(config.text) == Success(config)


REFERENCES = [
    Reference(DATA, matcher, take, tolerate)
    for matcher in ("", "latest()", "exact(a-b,c-d)")
    for take in Take
    for tolerate in (False, True)
]


@pytest.mark.parametrize("reference", REFERENCES)
def test_references_read_back_from_tree_and_from_text(reference: Reference) -> None:
    assert Reference.of_tree(reference.tree) == reference
    config = Config(spell_checked({"args": {"x": [reference.tree, reference.tree]}}))
    assert config.references == (reference,)
    assert config.resolved(lambda found: f"<{found == reference}>") == '{"args":{"x":[<True>,<True>]}}'


def test_all_references_are_told_apart() -> None:
    config = Config(spell_checked({"args": [each.tree for each in REFERENCES]}))
    assert config.references == tuple(REFERENCES)


@pytest.mark.parametrize("text", ['{"$dref":"aaaa-x"}', '\\{"$dref":"aaaa-x"}', '"', "{'$dref':'aaaa-x'}"])
def test_trap_a_text_that_looks_like_a_reference_is_a_text(text: str) -> None:
    config = Config.of(args={"x": text, "y": [text]})
    assert config.references == ()
    assert config.resolved(lambda ref: "<replaced>") == config.text


def test_the_name_is_no_part_of_the_key() -> None:
    """Scenario 22: a renamed stage computes nothing."""
    assert key(args={}, code="c", name="f") == key(args={}, code="c", name="g")
    assert key(args={}, code="c", name="f") != key(args={}, code="d", name="f")


def test_trap_a_parameter_called_name_is_a_parameter() -> None:
    assert key(args={"a": 1, "name": "x"}) != key(args={"a": 1, "name": "y"})
    assert key(args={"a": 1, "name": "x", "z": 1}) != key(args={"a": 1, "name": "x", "z": 2})
    assert key(args={"a": 1, "name": "x"}, code="c", name="f") != key(args={"a": 1, "name": "y"}, code="c", name="f")
    assert key(args={}, code={"x": 1, "name": "x"}) != key(args={}, code={"x": 1, "name": "y"})


def test_trap_what_comes_after_the_name_counts() -> None:
    """Unless it is the path of a source: of that, what was observed counts."""
    assert key(code="c", name="f", rate=1) != key(code="c", name="f", rate=2)
    assert key(code="c", name="f", path="a") != key(code="c", name="f", path="b")
    file, tree = {"source": "file"}, {"source": "tree"}
    assert key(code=file, name="f", path='a"b', place="a") == key(code=file, name="f", path="b", place="b")
    assert key(code=tree, name="f", path="a", place="a") != key(code=file, name="f", path="a", place="a")
    assert key(code=tree, name="f", path=["a"], place="a") != key(code=tree, name="f", path=["b"], place="a")
    assert key(code=tree, name="f", path="a", place=1) != key(code=tree, name="f", path="b", place=1)


def test_what_was_observed_is_part_of_the_key() -> None:
    assert input_key("a", "b") != input_key("a") != input_key("a\nb", "")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"a": 1}, {"a": 1}, ()),
        ({"a": 1}, {"a": True}, (("a", 1, True),)),
        ({"a": 1}, {"a": 1.0}, (("a", 1, 1.0),)),
        ({"a": 0.0}, {"a": -0.0}, (("a", 0.0, -0.0),)),
        ({"a": None}, {}, (("a", None, None),)),
        ({}, {"a": {"b": 1}}, (("a", None, {"b": 1}),)),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, (("a[1].b", 2, 3),)),
        ({"a": [1]}, {"a": [1, 2]}, (("a", [1], [1, 2]),)),
        ({"a": []}, {"a": {}}, (("a", [], {}),)),
        ({"b": 1, "a": 1}, {"b": 2, "a": 2}, (("a", 1, 2), ("b", 1, 2))),
    ],
)
def test_differences(one: Tree, other: Tree, expected: object) -> None:
    assert repr(differences(one, other)) == repr(expected)
