"""Why a trace does not stand, as reasons of a plan.

A trace (`lightfx.plan.traces`) does not stand where what its stage asked for
comes to other contents than recorded, or to nothing that is stored. The reason
is what that goes back to: from what was asked for one goes down, from shadow to
shadow, to the first that does not stand on another such. That one was changed,
or is no longer stored, or is LEFT and tried again, or is to be run anew.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import final

from attrs import frozen

from lightfx.core.config import Reference
from lightfx.core.listing import Listed
from lightfx.core.outcome import Cause
from lightfx.core.realization import Asked, Realization, Value
from lightfx.core.refs import DRef
from lightfx.plan.desk import Desk
from lightfx.plan.explain import AskedChanged, AskedForced, AskedGone, AskedReason, AskedRetried
from lightfx.plan.ledger import State
from lightfx.plan.traces import resolved


@final
@frozen(eq=False)
class Doubts:
    """What a run would find of the records that name what stages asked for; ``forced`` is what it would run anew."""

    state: State
    forced: AbstractSet[DRef]

    def about(self, trace: Realization) -> AskedReason | None:
        """Say why a trace does not stand; None where it does, or was not looked at."""
        moved = self._first_moved(trace.asked)
        return None if moved is None else self._root(moved.dref)

    def left_of(self, trace: Realization) -> DRef | None:
        """What a trace asked for that is LEFT, and is not tolerated."""
        for reference, _ in trace.asked:
            rows = None if reference.tolerate else self._rows(reference)
            if rows is not None and any(not row.stored.is_right for row in rows):
                return reference.dref
        return None

    def _rows(self, reference: Reference) -> tuple[Listed, ...] | None:
        return resolved(Desk(self.state), reference) if reference.dref in self.state.graph.shadows else None

    def _first_moved(self, asked: Asked) -> Reference | None:
        for reference, contents in asked:
            rows = self._rows(reference)
            looked_at = reference.dref in self.state.graph.shadows
            if looked_at and (rows is None or tuple(row.stored.content for row in rows) != contents):
                return reference
        return None

    def _root(self, dref: DRef) -> AskedReason:
        """Go down while there is something that this stands on and that comes to nothing."""
        seen = set[DRef]()
        while dref not in self.forced:
            seen.add(dref)
            if dref not in self.state.graph.shadows:
                return AskedGone(dref)
            below = self._below(dref)
            if below is None or below in seen:
                return self._of_itself(dref)
            dref = below
        return AskedForced(dref)

    def _below(self, dref: DRef) -> DRef | None:
        """What a shadow that came to nothing waits for in vain: a need, or what a trace of it asked for."""
        number = self.state.graph.shadows[dref]
        progress = self.state.ledger[number]
        if progress.candidates:
            return None
        references = self.state.graph.nodes[number].recipe.config.references
        lost = next((each.dref for each in references if self._rows(each) is None), None)
        if lost is not None or progress.key is None:
            return lost
        traces = (row.realization for row in progress.own if row.stored.asks and row.stored.key == progress.key)
        moved = (self._first_moved(each.asked) for each in traces if each is not None)
        return next((each.dref for each in moved if each is not None), None)

    def _of_itself(self, dref: DRef) -> AskedReason:
        number = self.state.graph.shadows[dref]
        progress, recipe = self.state.ledger[number], self.state.graph.nodes[number].recipe
        if progress.candidates or recipe.observed is not None:
            return AskedChanged(dref)
        for row in progress.own:
            view = row.view
            if row.stored.key == progress.key and view is not None and not isinstance(view.result, Value):
                cause: Cause = view.result
                return AskedRetried(row.stored.rref, cause.kind, cause.reason)
        return AskedChanged(dref) if progress.own else AskedGone(dref)
