"""Keeping what was made: in groups, so that thousands of results cost few syncs.

A realization that wrote no files counts as soon as it is made, and is stored
with others: at most `GROUP` of them, or after `PATIENCE` seconds, and in any
case before the run answers, or gives itself up to a task that may take longer.
Only when they are stored are claims given back, and files dropped that nobody
needs any more.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping
from typing import Final, TypeVar

from attrs import Factory, define
from returns.io import IOResult
from returns.result import Failure, Result, Success

from lightfx.core.failures import EngineFailure
from lightfx.core.names import Digest
from lightfx.core.realization import Realization
from lightfx.core.refs import RRef
from lightfx.effects.store import Entry
from lightfx.effects.world import World
from lightfx.plan.graph import Graph

T = TypeVar("T")

GROUP: Final = 512
PATIENCE: Final = 0.05


@define(eq=False)
class Keeper:
    """What a run has made and not stored yet, and what is to be done when it is; ``held`` are objects not to drop."""

    world: World
    graph: Graph
    held: Container[Digest] = ()
    made: dict[RRef, Realization] = Factory(dict)
    unstored: list[Entry] = Factory(list)
    freed: dict[Digest, None] = Factory(dict)
    unused: list[Digest] = Factory(list)
    since: float = 0.0

    def _do(self, io: IOResult[T, EngineFailure]) -> Result[T, EngineFailure]:
        return self.world.perform.result(io)

    def elapsed(self) -> float:
        """Seconds since some fixed moment."""
        return self.world.perform.value(self.world.clock.elapsed())

    def keep(self, number: int, realization: Realization) -> None:
        """Take a realization of a node in, to be stored."""
        if not self.unstored:
            self.since = self.elapsed()
        self.made[realization.rref] = realization
        recipe = self.graph.nodes[number].recipe
        self.unstored.append(Entry(recipe.config, realization, recipe.realizer))

    def spare(self, trees: Collection[Digest]) -> None:
        """Do not drop files after all: they are needed again."""
        if self.unused and trees:
            self.unused = [each for each in self.unused if each not in trees]

    def known(self, rrefs: Iterable[RRef]) -> Result[Mapping[RRef, Realization], EngineFailure]:
        """Have the records of these realizations at hand."""
        wanted = tuple(rref for rref in dict.fromkeys(rrefs) if rref not in self.made)
        if not wanted:
            return Success(self.made)
        read = self._do(self.world.store.realizations(wanted))
        if isinstance(read, Failure):
            return Failure(read.failure())
        self.made.update(read.unwrap())
        return Success(self.made)

    @property
    def due(self) -> float | None:
        """When what was made is to be stored; None where there is nothing."""
        return self.since + PATIENCE if self.unstored else None

    def store_if_due(self) -> Result[None, EngineFailure]:
        """Store what was made, if it is time."""
        due = bool(self.unstored) and (len(self.unstored) >= GROUP or self.elapsed() - self.since >= PATIENCE)
        return self.finish() if due else Success(None)

    def store_before(self, seconds: float | None) -> Result[None, EngineFailure]:
        """Store what was made, before a task keeps us that is thought to take ``seconds`` (None: nobody knows)."""
        waits = self.due is None or (seconds is not None and self.elapsed() + seconds < self.due)
        return Success(None) if waits else self.finish()

    def finish(self) -> Result[None, EngineFailure]:
        """Store what was made; then give back what was claimed for it, and drop files that nobody needs."""
        entries, self.unstored = self.unstored, []
        freed, self.freed = tuple(self.freed), {}
        unused, self.unused = [each for each in self.unused if each not in self.held], []
        stored = self._do(self.world.store.commit(entries)) if entries else Success(None)
        released = self._do(self.world.store.release(freed)) if freed else Success(None)
        if unused and isinstance(stored, Success):
            dropped = self._do(self.world.store.drop(tuple(dict.fromkeys(unused))))
            released = released.bind(lambda _: dropped)
        return stored.bind(lambda _: released)
