"""From a settled graph to outcomes: the realizations that its targets were resolved to, decoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from returns.result import Failure, Result, Success

from lightfx.core.config import Reference, Take
from lightfx.core.failures import EngineFailure
from lightfx.core.listing import Listed, View
from lightfx.core.outcome import Cancelled, Left, Outcome, Right
from lightfx.core.refs import RRef
from lightfx.effects.world import World
from lightfx.plan.graph import Graph, Node
from lightfx.plan.ledger import State
from lightfx.plan.rebuild import outcome_of

T = TypeVar("T")


def read_outcomes(world: World, graph: Graph, state: State) -> Result[tuple[Outcome[T], ...], EngineFailure]:
    """Decode the outcomes of the targets of a settled graph, in their order."""
    chosen = [(graph.nodes[number], ref, state.selection(number, ref)) for number, ref in graph.targets]
    unread = {row.stored.rref for _, _, rows in chosen for row in rows or () if row.record is None}
    read = world.perform.result(world.store.realizations(tuple(unread)))
    if isinstance(read, Failure):
        return Failure(read.failure())
    records = {rref: View.of(realization) for rref, realization in read.unwrap().items()}
    outcomes: list[Outcome[T]] = []
    for node, reference, rows in chosen:
        if rows is None:
            outcomes.append(Left(Cancelled(f"the run was stopped: {state.stopped}")))
            continue
        outcome = _outcome(world, node, reference, rows, records)
        if isinstance(outcome, Failure):
            return Failure(outcome.failure())
        # The stage's annotation, by which the value was read, is what T stands for.
        outcomes.append(outcome.unwrap())  # type: ignore[arg-type]
    return Success(tuple(outcomes))


def _outcome(
    world: World,
    node: Node,
    reference: Reference,
    rows: Sequence[Listed],
    records: Mapping[RRef, View],
) -> Result[Outcome[object], EngineFailure]:
    if len(rows) == 1 and reference.take is Take.ONE:
        view = rows[0].view or records[rows[0].stored.rref]
        return outcome_of(node.recipe, rows[0].stored.rref, view, world.store.folder_of)
    rights: list[Right[object]] = []
    for row in rows:
        view = row.view or records[row.stored.rref]
        decoded = outcome_of(node.recipe, row.stored.rref, view, world.store.folder_of)
        if isinstance(decoded, Failure):
            return Failure(decoded.failure())
        outcome = decoded.unwrap()
        if isinstance(outcome, Left):
            return Success(outcome)
        rights.append(outcome)
    if reference.take is Take.ONE:
        return Success(rights[0])
    values = tuple(right.value for right in rights)
    return Success(Right(values, tuple(rref for right in rights for rref in right.rrefs)))
