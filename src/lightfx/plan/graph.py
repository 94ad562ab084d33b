"""The graph of a closure: nodes by number, needs before dependents, with what each use demands.

Derivations are numbered in the order of the closure. A node remembers the
references in its config and the nodes behind them, its dependents, and the
distinct matchers that its uses bring along. Linear in derivations and uses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from attrs import Factory, define, frozen

from lightfx.core.choosing import Matcher
from lightfx.core.closure import Closure
from lightfx.core.config import Reference
from lightfx.core.derivation import Derivation, Recipe, Tolerant
from lightfx.core.refs import DRef


@final
@define(eq=False)
class Node:
    """One derivation in the graph.

    ``references`` and ``needs`` run in parallel; ``demands`` maps the spelling
    of each matcher that some use brings ("" for the default) to the matcher.
    """

    number: int
    recipe: Recipe
    references: tuple[Reference, ...] = ()
    needs: tuple[int, ...] = ()
    dependents: Sequence[int] = ()
    demands: dict[str, Matcher[object]] = Factory(dict)

    @property
    def dref(self) -> DRef:
        """The reference of the derivation."""
        return self.recipe.dref


@final
@frozen(eq=False)
class Graph:
    """All nodes, and for each target of the closure its node and the use that is made of it."""

    nodes: Sequence[Node]
    targets: tuple[tuple[int, Reference], ...]


def graph_of(closure: Closure[object]) -> Graph:
    """Number the derivations of ``closure`` and connect them."""
    numbers: dict[DRef, int] = {}
    nodes: list[Node] = []
    dependents: dict[int, list[int]] = {}
    for number, (dref, recipe) in enumerate(closure.derivations.items()):
        numbers[dref] = number
        node = Node(number, recipe)
        nodes.append(node)
        if recipe.needs:
            _connect(node, numbers, nodes)
            for need in dict.fromkeys(node.needs):
                dependents.setdefault(need, []).append(number)
    for number, found in dependents.items():
        nodes[number].dependents = found
    targets: list[tuple[int, Reference]] = []
    for target in closure.targets:
        number, reference = numbers[target.dref], target.reference
        nodes[number].demands[reference.matcher] = target.matcher
        targets.append((number, reference))
    return Graph(nodes, tuple(targets))


def _connect(node: Node, numbers: dict[DRef, int], nodes: list[Node]) -> None:
    uses: dict[Reference, int] = {}
    for need in node.recipe.needs:
        derivation: Derivation[object] = need.derivation if isinstance(need, Tolerant) else need
        reference, number = need.reference, numbers[need.dref]
        uses[reference] = number
        nodes[number].demands[reference.matcher] = derivation.matcher
    node.references, node.needs = tuple(uses), tuple(uses.values())
