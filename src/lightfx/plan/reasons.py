"""From what the step machine would do to a `Plan`: an action for each derivation, reasons, and an estimate.

The machine (`lightfx.plan.schedule`) is driven as for a run, except that no
run gives anything. What it settled all the same is reused, cut off, replayed
or inherited; what it asked to run is built; what waits for that may be built,
unless its inputs come out the same. Pure: what was realized before is handed
in as a `History`.

Reasons, the first that there are: it is forced; a LEFT of it is tried again, its
files are gone, or a matcher wants more; what it asked for as it ran is not what
it was (`lightfx.plan.doubts`); the same plan had other inputs; or else what
differs from the nearest earlier derivation of its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Final, final

from attrs import frozen

from lightfx.core.derivation import Parts
from lightfx.core.outcome import Left
from lightfx.core.realization import Context, Realization, Value
from lightfx.core.refs import DRef
from lightfx.plan.changes import changes
from lightfx.plan.doubts import Doubts
from lightfx.plan.explain import (
    Action,
    FilesGone,
    Forced,
    InputChanged,
    LeftRetried,
    LeftStands,
    MoreWanted,
    NeverBuilt,
    OutsideChanged,
    Plan,
    Reason,
    SameAs,
    StandsOn,
    Step,
    Unobservable,
    WaitsFor,
)
from lightfx.plan.graph import Graph, Node
from lightfx.plan.ledger import Progress, State
from lightfx.plan.moves import Run
from lightfx.plan.nearest import Past, moved

_RUNS: Final = frozenset({Action.BUILD, Action.MAYBE})


@final
@frozen(eq=False)
class Forecast:
    """How far the step machine comes where nothing is run: its ledger, the runs that it asked for, what is forced."""

    graph: Graph
    state: State
    runs: Mapping[int, Sequence[Run]]
    forced: frozenset[DRef] = frozenset()

    @cached_property
    def actions(self) -> Sequence[Action]:
        """What the run would do with each node."""
        return _actions(self)

    @cached_property
    def doubts(self) -> Doubts:
        """What the run would find of traces."""
        return Doubts(self.state, self.forced)

    @property
    def nodes(self) -> Sequence[Node]:
        """The derivations of the plan: what only records name comes after them, and is none of it."""
        return self.graph.nodes[: len(self.graph.nodes) - len(self.graph.shadows)]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of what runs, or may: those whose history is of interest."""
        pairs = zip(self.nodes, self.actions, strict=True)
        return tuple({node.dref.name.text: None for node, action in pairs if action in _RUNS})


@final
@frozen(eq=False)
class History:
    """What was realized before: by derivation, newest first; as the past of each stage; and the codes behind it."""

    made: Mapping[DRef, Sequence[Realization]]
    pasts: Mapping[str, Past]
    codes: Mapping[str, Parts]


# Actions.


def _actions(forecast: Forecast) -> Sequence[Action]:
    actions: list[Action] = []
    for node, progress in zip(forecast.nodes, forecast.state.ledger, strict=False):
        if node.number in forecast.runs:
            actions.append(Action.BUILD)
        elif progress.settled:
            actions.append(_settled(progress))
        else:
            actions.append(_unsettled(forecast, node, progress, actions))
    return actions


def _settled(progress: Progress) -> Action:
    if progress.inherited:
        return Action.INHERIT
    if progress.ran:
        return Action.BUILD  # what it reads outside cannot be read
    if progress.told:
        return Action.CUT_OFF
    return Action.REPLAY if _first_left(progress) else Action.REUSE


def _unsettled(forecast: Forecast, node: Node, progress: Progress, actions: Sequence[Action]) -> Action:
    """It waits: for another with the same inputs, or for what it needs."""
    if progress.unmet == 0:
        return Action.CUT_OFF
    if _left_need(forecast.state, node, actions) is not None:
        return Action.INHERIT
    return Action.BUILD if node.dref in forecast.forced else Action.MAYBE


def _left_need(state: State, node: Node, actions: Sequence[Action]) -> int | None:
    """Find a need that is LEFT, whatever else comes out, where that is not welcome."""
    for reference, need in zip(node.references, node.needs, strict=True):
        rows = state.ledger[need].chosen.get(reference.matcher, ())
        if not reference.tolerate and (actions[need] is Action.INHERIT or any(not row.stored.is_right for row in rows)):
            return need
    return None


def _first_left(progress: Progress) -> Left | None:
    for rows in progress.chosen.values():
        for row in rows:
            view = None if row.stored.is_right else row.view
            if view is not None and not isinstance(view.result, Value):
                return Left(view.result, (row.stored.rref,))
    return None


# Steps.


def plan_of(forecast: Forecast, history: History) -> Plan:
    """Say of each derivation what a run would do, and why; ``history`` covers `Forecast.names`."""
    nodes, steps, ends = forecast.nodes, list[Step](), list[float]()
    before: dict[DRef, DRef] = {}
    for node, action in zip(nodes, forecast.actions, strict=True):
        step = _step(forecast, history, node, action, before)
        if step.nearest is not None:
            before[step.dref] = step.nearest
        steps.append(step)
        runs = max(1, len(forecast.runs.get(node.number, ())))
        ends.append(max((ends[need] for need in node.needs), default=0.0) + (step.seconds or 0.0) / runs)
    targets = tuple(nodes[number].dref for number, _ in forecast.graph.targets)
    return Plan(tuple(steps), targets, max(ends, default=0.0))


def _step(forecast: Forecast, history: History, node: Node, action: Action, before: Mapping[DRef, DRef]) -> Step:
    if action not in _RUNS:
        return Step(node.dref, action, _why_not_run(forecast, node, action))
    runs = forecast.runs.get(node.number, ())
    progress = forecast.state.ledger[node.number]
    left = _first_left(progress) if progress.settled else None
    if left is not None:
        return Step(node.dref, action, (Unobservable(left.reason),))
    past = history.pasts.get(node.dref.name.text)
    seconds = None if past is None else past.seconds(node.recipe.config)
    why, nearest = _why_run(forecast, history, node, runs, before)
    took = None if seconds is None else seconds * max(1, len(runs))
    return Step(node.dref, action, why, nearest, took, node.recipe.realizer.terms.resources.cores)


def _why_not_run(forecast: Forecast, node: Node, action: Action) -> tuple[Reason, ...]:
    progress = forecast.state.ledger[node.number]
    left = _first_left(progress)
    stands = () if left is None else (LeftStands(left.rrefs[0], left.kind, left.reason),)
    if action is Action.INHERIT:
        need = _left_need(forecast.state, node, forecast.actions)
        return _asked_left(forecast, progress) if need is None else (StandsOn(forecast.graph.nodes[need].dref),)
    if action is Action.CUT_OFF:
        return (*_same_as(forecast, node, progress), *stands)
    return stands


def _asked_left(forecast: Forecast, progress: Progress) -> tuple[Reason, ...]:
    """Say what a stage asked for that is LEFT, where it inherits that."""
    traces = (row.realization for rows in progress.chosen.values() for row in rows)
    lefts = (forecast.doubts.left_of(trace) for trace in traces if trace is not None)
    return tuple(StandsOn(dref) for dref in lefts if dref is not None)[:1]


def _same_as(forecast: Forecast, node: Node, progress: Progress) -> tuple[Reason, ...]:
    likes = (row.realization.like for row in progress.candidates if row.realization is not None)
    like = next((each for each in likes if each is not None), None)
    if like is not None:
        return (SameAs(like.dref),)
    builder = None if progress.key is None else forecast.state.builders.get(progress.key)
    return () if builder in (None, node.number) else (SameAs(forecast.graph.nodes[builder].dref),)


def _why_run(
    forecast: Forecast, history: History, node: Node, runs: Sequence[Run], before: Mapping[DRef, DRef]
) -> tuple[tuple[Reason, ...], DRef | None]:
    own = history.made.get(node.dref, ())
    if node.dref in forecast.forced:
        return (Forced(),), None
    if runs:
        found = _about_the_key(forecast, node, runs, own) or _about_inputs(node, runs[0], own)
        if found:
            return found, None
    waited = () if runs else _waited_for(forecast, node)
    waits = (WaitsFor(waited),) if waited else ()
    past = history.pasts.get(node.dref.name.text)
    nearest = None if past is None or (own and not runs) else past.nearest(node.recipe.config, before)
    if nearest is None:
        return (waits if own else (NeverBuilt(), *waits)), None
    differ = changes(nearest.config, node.recipe.config, history.codes)
    return (*differ, *waits), nearest.dref


def _about_the_key(
    forecast: Forecast, node: Node, runs: Sequence[Run], own: Sequence[Realization]
) -> tuple[Reason, ...]:
    """Say why it runs although something is stored under its key."""
    progress = forecast.state.ledger[node.number]
    again = next((run.again for run in runs if run.again is not None), None)
    if again is not None:
        rows = (row for rows in progress.chosen.values() for row in rows)
        return tuple(FilesGone(row.stored.rref) for row in rows if row.stored.tree == again)[:1]
    key, there = runs[0].key, {row.stored.rref for row in progress.candidates}
    here = [each for each in own if each.key == key and each.rref not in there]
    doubts = {each.rref: forecast.doubts.about(each) for each in here}
    stand = [each for each in here if doubts[each.rref] is None]
    for each in stand:
        if not isinstance(each.result, Value):
            return (LeftRetried(each.rref, each.result.kind, each.result.reason),)
    gone = next((each.rref for each in stand if each.tree is not None), None)
    if gone is not None:
        return (FilesGone(gone),)
    if there:
        return (MoreWanted(len(there), sum(len(run.indices) for run in runs)),)
    return tuple(doubt for doubt in doubts.values() if doubt is not None)[:1]


def _about_inputs(node: Node, run: Run, own: Sequence[Realization]) -> tuple[Reason, ...]:
    """Compare with the newest earlier realization of the same plan on other inputs."""
    before = next((each for each in own if each.key != run.key), None)
    if before is None:
        return ()
    changed = moved(before.context, run.context if node.references else Context(()))
    return tuple(InputChanged(*each) for each in changed) or (OutsideChanged(),)


def _waited_for(forecast: Forecast, node: Node) -> tuple[DRef, ...]:
    needs = dict.fromkeys(node.needs)
    return tuple(forecast.graph.nodes[need].dref for need in needs if not forecast.state.ledger[need].settled)
