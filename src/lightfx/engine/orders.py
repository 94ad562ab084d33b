"""From a run to the order that a realizer gets: what each reference was resolved to, with its values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from lightfx.core.config import Reference
from lightfx.core.realization import BuildOrder, Given, Input, Realization, tell_nobody
from lightfx.core.refs import RRef
from lightfx.effects.store import Store
from lightfx.plan.ledger import State
from lightfx.plan.moves import Run

_NO_ARGS: Final[Mapping[str, object]] = {}


def rrefs_of(runs: Iterable[Run]) -> Iterator[RRef]:
    """List the realizations that runs stand on."""
    for run in runs:
        for _, rrefs in run.context.entries:
            yield from rrefs


def order_for(
    run: Run,
    state: State,
    known: Mapping[RRef, Realization],
    store: Store,
    tell: Callable[[float, float], None] = tell_nobody,
) -> BuildOrder:
    """Make the order of a run; ``known`` holds the record of each realization that it stands on."""
    graph, node = state.graph, state.graph.nodes[run.node]
    types = {
        reference: graph.nodes[need].recipe.realizer.type
        for reference, need in zip(node.references, node.needs, strict=True)
    }
    aside = state.ledger[run.node].aside
    for reference, need in aside.asked.items() if aside is not None else ():
        types[reference] = graph.nodes[need].recipe.realizer.type
    inputs: dict[Reference, Input] = {}
    for reference, rrefs in run.context.entries:
        given = tuple(given_of(known[rref], store) for rref in rrefs)
        inputs[reference] = Input(types[reference], reference.take, reference.tolerate, given)
    asked = frozenset(reference for reference, _ in run.asked)
    args = state.wishes.args.get(node.dref, _NO_ARGS)
    return BuildOrder(node.dref, node.recipe.config, run.key, run.indices, store.place(), inputs, tell, asked, args)


def given_of(realization: Realization, store: Store) -> Given:
    """Hand a realization to a realizer."""
    folder = store.folder_of(realization.tree) if realization.tree else None
    return Given(realization.rref, realization.result, folder, realization.log.tail if realization.log else "")
