"""The graph of a closure: numbers, uses, demands."""

from __future__ import annotations

from toys import toy

from lightfx.core.closure import instantiate
from lightfx.core.matching import First, Latest, Some
from lightfx.core.realization import Value
from lightfx.plan.graph import graph_of

ONE = Value(1)


def test_needs_come_first_and_are_numbered_in_the_order_of_the_closure() -> None:
    bottom = toy("bottom", ONE)
    left, right = toy("left", ONE, bottom), toy("right", ONE, bottom)
    graph = graph_of(instantiate([toy("top", ONE, left, right)]))
    assert [node.dref.name.text for node in graph.nodes] == ["bottom", "left", "right", "top"]
    assert [node.number for node in graph.nodes] == [0, 1, 2, 3]
    assert [node.needs for node in graph.nodes] == [(), (0,), (0,), (1, 2)]
    assert [list(node.dependents) for node in graph.nodes] == [[1, 2], [3], [3], []]
    assert [number for number, _ in graph.targets] == [3]


def test_uses_of_one_derivation_by_several_matchers() -> None:
    draw = toy("draw", ONE)
    top = toy("top", ONE, draw, draw.choose(Latest()), draw.collect(Some(2)), draw.tolerate(), draw)
    graph = graph_of(instantiate({"t": top}))
    assert graph.nodes[1].needs == (0, 0, 0, 0)
    assert len(graph.nodes[1].references) == 4, "a use that is made twice is one use"
    assert graph.nodes[0].dependents == [1], "it is told once"
    assert graph.nodes[0].demands == {"": First(), "latest()": Latest(), "some(2)": Some(2)}
    assert graph.nodes[1].demands == {"": First()}


def test_a_target_brings_its_matcher() -> None:
    draw = toy("draw", ONE)
    graph = graph_of(instantiate([draw.collect(Some(3)), draw, draw.tolerate()]))
    assert graph.nodes[0].demands == {"some(3)": Some(3), "": First()}
    assert [reference.matcher for _, reference in graph.targets] == ["some(3)", "", ""]


def test_nothing() -> None:
    graph = graph_of(instantiate([]))
    assert (list(graph.nodes), graph.targets) == ([], ())
