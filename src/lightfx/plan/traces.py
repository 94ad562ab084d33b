"""Traces: stored realizations of stages that asked for more as they ran, and whether they still stand.

Such a realization stands where what it asked for comes to the same contents
again. Nobody planned that; all there is to go by is its record, and the configs
of what it names. So each of these gets a *shadow* in the graph: a node made of
its stored config, which is observed, listed and settled as any other is, and
never run. A trace whose shadows come to nothing, or to something else, does not
stand, and the stage runs ("verifying traces" in Mokhov, Mitchell and Peyton
Jones, Build Systems à la Carte, 2018).

A matcher that takes a function, which a shadow has not, chose what the records
of the traces say it chose (`lightfx.plan.selections`).

A shadow may be a trace itself, to any depth. Should shadows wait for one
another in a ring, which takes records that contradict each other, they are
given up when nothing else is left to wait for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, final

from attrs import frozen
from returns.result import Failure, Result

from lightfx.core.canonical import Tree, Unstorable
from lightfx.core.config import Config, Reference
from lightfx.core.derivation import Asks, Observed, Recipe
from lightfx.core.listing import Listed
from lightfx.core.names import Digest
from lightfx.core.outcome import Cancelled, Left
from lightfx.core.parts import Step
from lightfx.core.realization import BuildOrder, MadeBy, Outputs
from lightfx.core.refs import DRef
from lightfx.core.terms import Terms
from lightfx.plan.desk import Desk
from lightfx.plan.graph import Node
from lightfx.plan.ledger import Chosen, Progress
from lightfx.plan.moves import List, Observe, Recall
from lightfx.plan.rebuild import Reuse, decide, replayed
from lightfx.plan.replay import ReplayPolicy
from lightfx.plan.selections import learn, matcher_of, selected_before

_TERMS: Final = Terms()


@final
@frozen
class ShadowRealizer:
    """The realizer of what is known by its config alone: it looks like one, and makes nothing."""

    terms: Terms = _TERMS
    type: object = object

    def current(self, config: Config, /) -> bool:  # noqa: ARG002 -- nobody has the code
        """No: nobody has the code."""
        return False

    def decode(self, tree: Tree, folder: Path | None, /) -> Result[object, Unstorable]:  # noqa: ARG002 -- as it says
        """Refuse: nobody knows the annotation."""
        return Failure(Unstorable((), "is known by its config alone"))

    def made_by(self) -> MadeBy:
        """Nobody."""
        return MadeBy()

    def parts(self) -> tuple[tuple[str, str], ...]:
        """Nothing."""
        return ()

    def part(self, path: tuple[Step, ...], /) -> ShadowRealizer:  # noqa: ARG002 -- nobody knows the annotation
        """A part of what is known by its config alone is known no better."""
        return self

    def __call__(self, order: BuildOrder, /) -> Result[Outputs, Left | Asks]:
        """Refuse."""
        return Failure(Left(Cancelled(f"{order.dref} is known by its config alone")))


_SHADOW: Final = ShadowRealizer()


def check(desk: Desk, node: Node, progress: Progress, traces: Sequence[Listed], *, sought: bool) -> bool:
    """Begin to check ``traces`` of a node; tell whether there is something to wait for first.

    ``sought``: they were found by key, and nothing else is to be found.
    """
    progress.margin.traces, progress.margin.sought = traces, sought
    wanted: set[DRef] = set()
    for row in traces:
        realization = row.realization
        if realization is not None:
            learn(desk.state, realization.selections)
            wanted.update(reference.dref for reference, _ in realization.asked)
    return _await(desk, node.number, wanted)


def replayable(row: Listed, policy: ReplayPolicy) -> bool:
    """Whether a trace counts, should it stand: also one that inherited the LEFT of what it asked for."""
    return row.stored.kind == "upstream" or bool(replayed([row], policy))


def _asked(row: Listed) -> tuple[tuple[Reference, tuple[object, ...]], ...]:
    realization = row.realization
    return () if realization is None else realization.asked


def _await(desk: Desk, number: int, wanted: Iterable[DRef]) -> bool:
    """Let a node wait for the shadows of derivations; those that are not there yet are recalled."""
    state, recalled = desk.state, list[DRef]()
    before = state.ledger[number].unmet
    for dref in sorted(wanted):
        shadow = state.graph.shadows.get(dref)
        if shadow is None:
            if dref not in state.awaited:
                recalled.append(dref)
            state.awaited.setdefault(dref, []).append(number)
        elif state.ledger[shadow].settled:
            continue
        else:
            state.graph.depend(number, shadow)
        state.ledger[number].unmet += 1
    if recalled:
        desk.commands.append(Recall(tuple(recalled)))
    return state.ledger[number].unmet > before


def recalled(desk: Desk, drefs: Iterable[DRef], configs: Mapping[DRef, Config]) -> None:
    """Make shadows of configs; what they name is recalled in turn, and what is not stored comes to nothing."""
    state = desk.state
    since = len(state.graph.nodes)
    made: list[Node] = []
    for dref in drefs:
        config = configs.get(dref)
        recipe = Recipe(config or Config("{}"), dref, _SHADOW, (), None if config is None else _observed(config))
        node = state.graph.add_shadow(recipe)
        # One for its listing, which comes even where there is no config.
        state.ledger.append(Progress(1 + (recipe.observed is not None), shadow=True))
        made.append(node)
        for waiter in state.awaited.pop(dref, ()):
            state.graph.depend(waiter, node.number)
    for node in made:
        _await(desk, node.number, {each.dref for each in node.recipe.config.references})
    observing = tuple(node.number for node in made if node.recipe.observed is not None)
    if observing:
        desk.commands.append(Observe(observing))
    desk.commands.append(List(tuple(node.dref for node in made), frozenset(), since))


def _observed(config: Config) -> Observed | None:
    """What a source observes: its path stands in its config, as the program gave it."""
    tree = config.tree
    code, path = tree.get("code"), tree.get("path")
    place = tree.get("place", "")
    if not isinstance(code, dict) or "source" not in code or not isinstance(path, str) or not isinstance(place, str):
        return None
    return Observed(Path(path), place)


def inputs_of(desk: Desk, node: Node) -> dict[Reference, Chosen] | None:
    """What the references of a shadow come to; None where one comes to nothing."""
    found: dict[Reference, Chosen] = {}
    for reference in node.recipe.config.references:
        rows = resolved(desk, reference)
        if rows is None:
            return None
        found[reference] = rows
    return found


def resolved(desk: Desk, reference: Reference) -> Chosen | None:
    """What a use of a shadow comes to; None for nothing."""
    number = desk.state.graph.shadows[reference.dref]
    progress, matcher = desk.state.ledger[number], matcher_of(reference.matcher)
    if not progress.settled or not progress.candidates:
        return None
    if progress.inherited:  # it is LEFT without a run: that one LEFT is all there is, however many are wanted
        return (progress.candidates[-1],)
    if matcher is None:
        return selected_before(desk.state, reference, progress.candidates)
    recipe = desk.state.graph.nodes[number].recipe
    answer = decide(recipe, progress.candidates, {reference.matcher: matcher}, desk.state.folder_of).value_or(None)
    return answer.chosen[reference.matcher] if isinstance(answer, Reuse) else None


def standing(desk: Desk, progress: Progress) -> list[Listed]:
    """Which traces of a node stand, now that what they asked for is settled."""
    traces, progress.margin.traces = progress.margin.traces, ()
    return [row for row in traces if _stands(desk, row)]


def _stands(desk: Desk, row: Listed) -> bool:
    for reference, contents in _asked(row):
        rows = resolved(desk, reference)
        if rows is None or tuple(each.stored.content for each in rows) != contents:
            return False
    return True


def came_to(row: Listed, found: Mapping[Reference, tuple[Digest, ...]]) -> bool:
    """Whether all that a realization asked for is among what was found now, with the same contents."""
    return all(found.get(reference) == contents for reference, contents in _asked(row))


def give_up(desk: Desk) -> bool:
    """Settle every shadow that waits still: what stands on it runs. Tell whether there was one."""
    waiting = [number for number in sorted(desk.state.graph.shadows.values()) if not desk.state.ledger[number].settled]
    for number in waiting:
        progress = desk.state.ledger[number]
        if not progress.settled:
            progress.candidates = []
            desk.settle(number, {})
    return bool(waiting)
