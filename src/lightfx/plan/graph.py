"""The graph of a run: nodes by number, needs before dependents, with what each use demands.

Derivations are numbered in the order of the closure. A node remembers the
references in its config and the nodes behind them, its dependents, and the
distinct matchers that its uses bring along. Linear in derivations and uses.

The graph grows while a run goes on: `adopt` adds what a stage asks for, and
`add_shadow` what is known of a derivation by its stored config alone: it can be
looked up, and not run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import final

from attrs import Factory, define, frozen

from lightfx.core.choosing import Matcher
from lightfx.core.closure import Closure, instantiate
from lightfx.core.config import Reference
from lightfx.core.derivation import Dependency, Derivation, Recipe, Tolerant, derivations_of
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
    dependents: list[int] | tuple[()] = ()
    demands: dict[str, Matcher[object]] = Factory(dict)

    @property
    def dref(self) -> DRef:
        """The reference of the derivation."""
        return self.recipe.dref


@final
@frozen(eq=False)
class Graph:
    """All nodes, and for each target of the closure its node and the use that is made of it.

    ``numbers`` finds the node of a derivation, ``shadows`` the one that knows
    it by its config alone.
    """

    nodes: list[Node]
    targets: tuple[tuple[int, Reference], ...]
    numbers: dict[DRef, int]
    shadows: dict[DRef, int] = Factory(dict)

    def adopt(self, needs: Sequence[Dependency], takes: Callable[[int], bool]) -> tuple[tuple[Reference, int], ...]:
        """Add ``needs`` and all that they need; give the node behind each.

        ``takes`` tells whether a node may still be given another demand; where
        not, the derivation gets a second node.
        """
        for dref, recipe in instantiate(derivations_of(needs)).derivations.items():
            if dref not in self.numbers:
                self._add(recipe, takes)
        return tuple((need.reference, self._use(need, takes)) for need in needs)

    def _add(self, recipe: Recipe, takes: Callable[[int], bool]) -> int:
        node = Node(len(self.nodes), recipe)
        self.nodes.append(node)
        self.numbers[recipe.dref] = node.number
        uses = {need.reference: self._use(need, takes) for need in recipe.needs}
        node.references, node.needs = tuple(uses), tuple(uses.values())
        for need in dict.fromkeys(node.needs):
            self.depend(node.number, need)
        return node.number

    def depend(self, node: int, on: int) -> None:
        """Let a node hear when another is settled."""
        known = self.nodes[on].dependents
        if isinstance(known, list):
            known.append(node)
        else:
            self.nodes[on].dependents = [node]

    def _use(self, need: Dependency, takes: Callable[[int], bool]) -> int:
        number, spelling = self.numbers[need.dref], need.reference.matcher
        if spelling not in self.nodes[number].demands and not takes(number):
            number = self._add(self.nodes[number].recipe, takes)
        derivation: Derivation[object] = need.derivation if isinstance(need, Tolerant) else need
        self.nodes[number].demands.setdefault(spelling, derivation.matcher)
        return number

    def add_shadow(self, recipe: Recipe) -> Node:
        """Add a derivation that is known by its config alone."""
        node = Node(len(self.nodes), recipe)
        self.nodes.append(node)
        self.shadows[recipe.dref] = node.number
        return node


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
    return Graph(nodes, tuple(targets), numbers)


def _connect(node: Node, numbers: dict[DRef, int], nodes: list[Node]) -> None:
    uses: dict[Reference, int] = {}
    for need in node.recipe.needs:
        derivation: Derivation[object] = need.derivation if isinstance(need, Tolerant) else need
        reference, number = need.reference, numbers[need.dref]
        uses[reference] = number
        nodes[number].demands[reference.matcher] = derivation.matcher
    node.references, node.needs = tuple(uses), tuple(uses.values())
