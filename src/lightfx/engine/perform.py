"""Carrying out the commands of the schedule, through the world.

Runs wait in a backlog until the executor has room. Just before they start they
are claimed, so that equal derivations are built once, and what someone else may
have stored in the meantime is looked up. What has finished becomes a
realization: its folders become objects at once, its record waits for the next
group commit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias, TypeVar, assert_never

from attrs import Factory, define, evolve
from returns.io import IOResult
from returns.result import Failure, Result, Success

from lightfx.core.failures import EngineFailure
from lightfx.core.listing import Listed
from lightfx.core.names import Digest
from lightfx.core.realization import BuildOrder, Realization, Value
from lightfx.core.refs import RRef
from lightfx.effects.executor import Finished, Task
from lightfx.effects.journal import Advanced, TaskEnded, TaskStarted
from lightfx.effects.store import Entry
from lightfx.effects.world import World
from lightfx.engine.harvest import Harvest, harvest
from lightfx.engine.orders import order_for, rrefs_of
from lightfx.plan.graph import Graph
from lightfx.plan.ledger import State
from lightfx.plan.moves import (
    Alike,
    Built,
    Busy,
    Command,
    Event,
    Fail,
    Keep,
    List,
    Listing,
    Observations,
    Observe,
    Run,
    Seek,
    Tick,
)

T = TypeVar("T")
Answer: TypeAlias = "Result[Sequence[Event], EngineFailure]"

GROUP: Final = 512
PATIENCE: Final = 0.05
REST: Final = 0.02


@define(eq=False)
class Performer:
    """What a run has in hand: runs to start, runs that run, results to store."""

    world: World
    graph: Graph
    state: State
    backlog: deque[Run] = Factory(deque)
    running: dict[int, tuple[Run, BuildOrder]] = Factory(dict)
    claims: set[Digest] = Factory(set)
    outstanding: dict[Digest, int] = Factory(dict)
    unstored: list[Entry] = Factory(list)
    freed: list[Digest] = Factory(list)
    made: dict[RRef, Realization] = Factory(dict)
    trouble: EngineFailure | None = None
    since: float = 0.0
    ticked: float = 0.0
    tasks: int = 0

    @property
    def pending(self) -> bool:
        """Whether anything is to start, or runs."""
        return bool(self.backlog or self.running)

    def summary(self) -> Advanced:
        """Count what is settled by now."""
        state = self.state
        settled = len(self.graph.nodes) - state.open
        return Advanced(settled, state.reused, state.cut_off, state.inherited, state.ran, state.failed)

    def _do(self, io: IOResult[T, EngineFailure]) -> Result[T, EngineFailure]:
        return self.world.perform.result(io)

    def _now(self) -> float:
        return self.world.perform.value(self.world.clock.now())

    def _elapsed(self) -> float:
        return self.world.perform.value(self.world.clock.elapsed())

    def rest(self) -> Answer:
        """Let time pass while someone else builds what is needed; what we made is stored before."""
        stored = self.finish()
        self.world.perform.value(self.world.clock.sleep(REST))
        return stored.map(lambda _: ())

    # Commands.

    def perform(self, command: Command) -> Answer:
        """Carry out one command; the events are its answer."""
        match command:
            case Observe(nodes):
                return self._observe(nodes)
            case List(drefs, reading):
                listed = self._do(self.world.store.listed(drefs, reading))
                return listed.map(lambda rows: (Listing(rows),))
            case Seek(keys):
                return self._seek(keys)
            case Run():
                self.backlog.append(command)
                self.outstanding[command.key] = self.outstanding.get(command.key, 0) + 1
                return Success(())
            case Keep(number, realization):
                self._keep(number, evolve(realization, created=self._now()))
                return Success(())
            case Fail(failure):
                self.trouble = self.trouble or failure
                return Success(())
            case never:
                assert_never(never)

    def _observe(self, nodes: Sequence[int]) -> Answer:
        paths = {
            number: observed.path
            for number in nodes
            if (observed := self.graph.nodes[number].recipe.observed) is not None
        }
        seen = self._do(self.world.store.observe(tuple(dict.fromkeys(paths.values()))))
        return seen.map(lambda found: (Observations({number: found[path] for number, path in paths.items()}),))

    def _seek(self, keys: Sequence[tuple[int, Digest]]) -> Answer:
        found = self._alike(tuple(dict.fromkeys(key for _, key in keys)))
        return found.map(lambda rows: (Alike({number: rows.get(key, ()) for number, key in keys}),))

    def _keep(self, number: int, realization: Realization) -> None:
        if not self.unstored:
            self.since = self._elapsed()
        self.made[realization.rref] = realization
        recipe = self.graph.nodes[number].recipe
        self.unstored.append(Entry(recipe.config, realization, recipe.realizer))

    # Runs.

    def advance(self) -> Answer:
        """Start what there is room for, and take in what has finished."""
        started = self._start()
        if isinstance(started, Failure) or started.unwrap():
            return started
        if not self.running:
            return Success(())
        reports = self._do(self.world.executor.wait(self._patience()))
        if isinstance(reports, Failure):
            return Failure(reports.failure())
        built = self._take_in([each for each in reports.unwrap() if isinstance(each, Finished)])
        if isinstance(built, Failure):
            return built
        stored = self._store_if_due()
        if isinstance(stored, Failure):
            return Failure(stored.failure())
        self.world.perform.value(self.world.journal.tell(self.summary()))
        return built

    def _patience(self) -> float | None:
        due = [self.since + PATIENCE] if self.unstored else []
        if self.state.busy:
            due.append(self.ticked + REST)
        return max(0.0, min(due) - self._elapsed()) if due else None

    def tick(self) -> Sequence[Event]:
        """Ask again for what someone else builds, every `REST` seconds."""
        if not self.state.busy or self._elapsed() < self.ticked + REST:
            return ()
        self.ticked = self._elapsed()
        return (Tick(),)

    def _start(self) -> Answer:
        room = self.world.executor.capacity - len(self.running)
        batch = [self.backlog.popleft() for _ in range(min(room, len(self.backlog)))]
        if not batch:
            return Success(())
        news = self._claim(tuple(dict.fromkeys(run.key for run in batch if run.key not in self.claims)), batch)
        if isinstance(news, Failure):
            return Failure(news.failure())
        told = news.unwrap()
        events: list[Event] = []
        starting: list[Run] = []
        for run in batch:
            if run.key not in self.claims or run.node in told:
                events.append(Busy(run.node))
                self._done_with(run)
            else:
                starting.append(run)
        if told:
            events += self._withdraw(told)
        return self._hand_over(starting).map(lambda _: events)

    def _withdraw(self, told: Mapping[int, tuple[Listed, ...]]) -> Sequence[Event]:
        """Take runs back that others made needless, also those that had no room yet."""
        needless = [run for run in self.backlog if run.node in told]
        self.backlog = deque(run for run in self.backlog if run.node not in told)
        for run in needless:
            self._done_with(run)
        return [*(Busy(run.node) for run in needless), Alike(told)]

    def _done_with(self, run: Run) -> None:
        """Count a run as over; after the last under its key, the claim goes back with the next group."""
        self.outstanding[run.key] -= 1
        if not self.outstanding[run.key]:
            del self.outstanding[run.key]
            if run.key in self.claims:
                self.claims.discard(run.key)
                self.freed.append(run.key)

    def _claim(
        self, keys: tuple[Digest, ...], batch: Sequence[Run]
    ) -> Result[Mapping[int, tuple[Listed, ...]], EngineFailure]:
        """Claim keys; for each node, what others stored under its key between our asking and our claim."""
        if not keys:
            return Success({})
        claimed = self._do(self.world.store.claim(keys))
        if isinstance(claimed, Failure):
            return Failure(claimed.failure())
        granted = claimed.unwrap()
        self.claims |= granted
        if self.freed:
            self.freed = [key for key in self.freed if key not in granted]
        return self._alike(tuple(granted)).map(lambda stored: self._news(stored, batch))

    def _news(
        self, stored: Mapping[Digest, Sequence[Listed]], batch: Sequence[Run]
    ) -> Mapping[int, tuple[Listed, ...]]:
        news: dict[int, tuple[Listed, ...]] = {}
        for run in batch if stored else ():
            rows = stored.get(run.key, ())
            fresh = tuple(row for row in rows if not self.state.knows(row.stored, run.node))
            if fresh:
                news[run.node] = fresh
        return news

    def _alike(self, keys: Sequence[Digest]) -> Result[Mapping[Digest, Sequence[Listed]], EngineFailure]:
        found = self._do(self.world.store.alike(keys))
        return found.map(_by_key)

    def _hand_over(self, runs: Sequence[Run]) -> Result[None, EngineFailure]:
        wanted = tuple(rref for rref in dict.fromkeys(rrefs_of(runs)) if rref not in self.made)
        if wanted:
            read = self._do(self.world.store.realizations(wanted))
            if isinstance(read, Failure):
                return Failure(read.failure())
            self.made.update(read.unwrap())
        tasks = [self._task(run) for run in runs]
        return self._do(self.world.executor.start(tasks))

    def _task(self, run: Run) -> Task:
        self.tasks += 1
        node = self.graph.nodes[run.node]
        self.world.perform.value(self.world.journal.tell(TaskStarted(node.dref)))
        order = order_for(run, node, self.graph, self.made, self.world.store)
        self.running[self.tasks] = (run, order)
        return Task(self.tasks, order, node.recipe.realizer)

    def _take_in(self, finished: Sequence[Finished]) -> Answer:
        ended = [(*self.running.pop(each.number), each) for each in finished]
        gathered = harvest(self.world, self.state, ended)
        if isinstance(gathered, Failure):
            return Failure(gathered.failure())
        return Success([self._book(crop) for crop in gathered.unwrap()])

    def _book(self, crop: Harvest) -> Built:
        now = self._now()
        realizations = [evolve(each, created=now) for each in crop.realizations]
        for realization in realizations:
            self._keep(crop.run.node, realization)
        first = next((each for each in realizations if not isinstance(each.result, Value)), realizations[0])
        reason = "" if isinstance(first.result, Value) else first.result.reason
        ended = TaskEnded(first.dref, first.result.kind, reason, first.cost.seconds)
        self.world.perform.value(self.world.journal.tell(ended))
        self._done_with(crop.run)
        return Built(crop.run.node, tuple(Listed.whole(each) for each in realizations))

    # Storing.

    def _store_if_due(self) -> Result[None, EngineFailure]:
        due = bool(self.unstored) and (
            self.world.executor.blocking or len(self.unstored) >= GROUP or self._elapsed() - self.since >= PATIENCE
        )
        return self.finish() if due else Success(None)

    def finish(self) -> Result[None, EngineFailure]:
        """Store what was made, then give back what was claimed for it."""
        entries, self.unstored = self.unstored, []
        freed, self.freed = self.freed, []
        stored = self._do(self.world.store.commit(entries)) if entries else Success(None)
        released = self._do(self.world.store.release(freed)) if freed else Success(None)
        return stored.bind(lambda _: released)

    def abandon(self) -> None:
        """Stop what still runs, and give every claim back."""
        if self.running:
            self._do(self.world.executor.cancel())
        if self.unstored:
            self.finish()
        if self.claims:
            self._do(self.world.store.release(tuple(self.claims)))
            self.claims.clear()


def _by_key(rows: Sequence[Listed]) -> Mapping[Digest, Sequence[Listed]]:
    groups: dict[Digest, list[Listed]] = {}
    for row in rows:
        groups.setdefault(row.stored.key, []).append(row)
    return groups
