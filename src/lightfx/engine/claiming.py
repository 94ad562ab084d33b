"""Claiming what is to run, so that equal derivations are built once.

Just before a run starts its key is claimed; what others may have stored between
our asking and our claim is looked up then. The claim is given back when the
last run under the key is over, and what it made is stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import Factory, define
from returns.result import Failure, Result, Success

from lightfx.core.failures import EngineFailure
from lightfx.core.listing import Listed
from lightfx.core.names import Digest
from lightfx.engine.answers import alike
from lightfx.engine.keeping import Keeper
from lightfx.plan.ledger import State
from lightfx.plan.moves import Run

News = Mapping[int, tuple[Listed, ...]]


@define(eq=False)
class Claimer:
    """The claims of a run: which it holds, and how many runs are outstanding under each key."""

    keeper: Keeper
    state: State
    held: set[Digest] = Factory(set)
    outstanding: dict[Digest, int] = Factory(dict)

    def expect(self, run: Run) -> None:
        """Count a run as outstanding."""
        self.outstanding[run.key] = self.outstanding.get(run.key, 0) + 1

    def done_with(self, run: Run) -> None:
        """Count a run as over; after the last under its key, the claim goes back with the next group."""
        self.outstanding[run.key] -= 1
        if not self.outstanding[run.key]:
            del self.outstanding[run.key]
            if run.key in self.held:
                self.held.discard(run.key)
                self.keeper.freed[run.key] = None

    def claim(self, batch: Sequence[Run]) -> Result[News, EngineFailure]:
        """Claim the keys of runs; for each node, what others stored under its key meanwhile."""
        keys = tuple(dict.fromkeys(run.key for run in batch if run.key not in self.held))
        if not keys:
            return Success({})
        perform, store = self.keeper.world.perform, self.keeper.world.store
        claimed = perform.result(store.claim(keys))
        if isinstance(claimed, Failure):
            return Failure(claimed.failure())
        granted = claimed.unwrap()
        self.held |= granted
        for key in granted:
            self.keeper.freed.pop(key, None)
        return alike(self.keeper.world, tuple(granted)).map(lambda stored: self._news(stored, batch))

    def _news(self, stored: Mapping[Digest, Sequence[Listed]], batch: Sequence[Run]) -> News:
        news: dict[int, tuple[Listed, ...]] = {}
        for run in batch if stored else ():
            anew = run.again is not None or run.dref in self.state.wishes.force
            rows = () if anew else stored.get(run.key, ())
            fresh = tuple(row for row in rows if not self.state.knows(row.stored, run.node))
            if fresh:
                news[run.node] = fresh
        return news

    def abandon(self) -> None:
        """Give every claim back."""
        if self.held:
            self.keeper.world.perform.result(self.keeper.world.store.release(tuple(self.held)))
            self.held.clear()
