"""What differs between two derivations, field by field, and which parts of the code."""

from __future__ import annotations

from lightfx.core.canonical import Tree, spell_checked
from lightfx.core.config import Config, Reference
from lightfx.core.refs import DRef
from lightfx.plan.changes import (
    CodeChanged,
    FieldChanged,
    ReferenceChanged,
    changes,
    code_changed,
    distance,
    places,
)

ONE, TWO = DRef(f"{'a' * 32}-data"), DRef(f"{'b' * 32}-data")


def config(fingerprint: str = "blake3:1", dref: DRef = ONE, **args: Tree) -> Config:
    data: dict[str, Tree] = {"data": {"$dref": dref.text}, **args}
    return Config(spell_checked({"args": data, "code": {"fingerprint": fingerprint}, "name": "fit"}))


def test_each_kind_of_change() -> None:
    old, new = (
        config("blake3:1", ONE, rate=0.1, deep=[1, {"a": 1}]),
        config("blake3:2", TWO, deep=[1, {"a": 2}], on=None),
    )
    codes = {"blake3:1": (("m:f", "x"), ("m:g", "x")), "blake3:2": (("m:f", "y"), ("m:g", "x"))}
    assert changes(old, new, codes) == (
        ReferenceChanged("args.data", ONE, TWO),
        FieldChanged("args.deep[1].a", 1, 2),
        FieldChanged("args.on", None, None),
        FieldChanged("args.rate", 0.1, None),
        CodeChanged(("m:f",)),
    )
    assert changes(old, old) == ()


def test_code_of_which_one_side_is_unknown_changed_somewhere() -> None:
    """Stores of older versions do not say what a fingerprint stands for."""
    known = {"blake3:2": (("m:f", "y"),)}
    assert changes(config("blake3:1"), config("blake3:2"), known) == (CodeChanged(),)
    assert code_changed((("m:f", "x"),), ()) == CodeChanged()


def test_parts_of_one_name_are_compared_together() -> None:
    """Two lambdas of one function have one name."""
    old = (("m:f.<lambda>", "a"), ("m:f.<lambda>", "b"))
    assert code_changed(old, tuple(reversed(old))) == CodeChanged()
    assert code_changed(old, old[:1]).changed == ("m:f.<lambda>",)


def test_parameters_weigh_more_than_code_and_inputs() -> None:
    code_and_input = (CodeChanged(), ReferenceChanged("x", ONE, TWO))
    assert distance(code_and_input) < distance((FieldChanged("y", 1, 2),))
    assert distance(()) < distance((CodeChanged(),)) < distance(code_and_input)


def test_places_of_uses() -> None:
    tree = {"args": {"all": [{"$dref": ONE.text}, {"x": {"$dref": TWO.text, "tolerate": True}}]}}
    assert list(places(tree)) == [
        (Reference(ONE), "args.all[0]"),
        (Reference(TWO, tolerate=True), "args.all[1].x"),
    ]
