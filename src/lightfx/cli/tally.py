"""The tally of a run: what its events come to, as far as it has come.

It counts, and shows nothing. The same tally counts a run as it happens and one
that was kept, by the clock that it is given.

The *rate* is how many tasks ended over the recent past: the last half minute,
or longer where tasks are slow, until there are `_ENOUGH` of them. The time that
*remains* is that of all that is not settled yet, at this rate. Some of that may
turn out to be stored, or to inherit a LEFT, so it is rather too long; before a
task has ended, it is not known.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Final, TypeAlias, assert_never, final

from attrs import Factory, define, field

from lightfx.cli.words import counted, duration, frequency
from lightfx.core.refs import DRef
from lightfx.effects.journal import (
    Advanced,
    CacheRefused,
    CacheWarned,
    Differed,
    JournalEvent,
    Pulled,
    Pushed,
    RunBegan,
    RunEnded,
    Stopping,
    TaskAsked,
    TaskEnded,
    TaskProgressed,
    TaskRetried,
    TaskStarted,
)

_RECENT: Final = 30.0  # seconds
_ENOUGH: Final = 10
_APART: Final = 1.0  # seconds
_TaskId: TypeAlias = tuple[DRef, int]


@final
@define(eq=False)
class Running:
    """A task that runs since ``began``, and how far it said it is: ``done`` of ``total``, 0 where not known."""

    dref: DRef
    attempt: int
    began: float
    done: float = 0.0
    total: float = 0.0


@final
@define(eq=False)
class Pace:
    """How fast tasks end: marks of when how many had, a second apart or more, the oldest first."""

    marks: deque[tuple[float, int]] = Factory(deque)

    def note(self, ended: int, now: float) -> None:
        """Mark that so many had ended."""
        if not self.marks or now - self.marks[-1][0] >= _APART:
            self.marks.append((now, ended))
        while len(self.marks) > 1 and now - self.marks[1][0] >= _RECENT and ended - self.marks[1][1] >= _ENOUGH:
            self.marks.popleft()

    def rate(self, ended: int, now: float) -> float | None:
        """How many end in a second; None where none has yet."""
        if not self.marks:
            return None
        since, before = self.marks[0]
        return (ended - before) / (now - since) if ended > before and now > since else None


@final
@define(eq=False)
class Tally:
    """The counts of one run, as far as it has come.

    ``built`` maps what ran to the seconds that it took; ``remade``, what ran for
    its files alone, since it was stored. ``waiting`` says for whom it waits.
    """

    clock: Callable[[], float] = time.monotonic
    total: int = 0
    counts: Advanced = Advanced()
    built: dict[DRef, float] = Factory(dict)
    remade: dict[DRef, float] = Factory(dict)
    failed: set[DRef] = Factory(set)
    running: dict[_TaskId, Running] = Factory(dict)
    stopping: Stopping | None = None
    waiting: str = ""
    ended: int = 0
    pace: Pace = Factory(Pace)
    began: float = field(default=Factory(lambda self: self.clock(), takes_self=True))

    def hear(self, event: JournalEvent) -> None:
        """Count one event."""
        match event:
            case RunBegan(total):
                self.total = total
            case TaskStarted(dref=dref, task=task, attempt=attempt):
                now = self.clock()
                self.running[dref, task] = Running(dref, attempt, now)
                self.pace.note(self.ended, now)
            case TaskProgressed(dref=dref, task=task, done=done, total=total):
                if running := self.running.get((dref, task)):
                    running.done, running.total = done, total
            case TaskEnded():
                self._end(event)
            case TaskRetried(dref=dref, task=task):
                self.running.pop((dref, task), None)
            case TaskAsked(dref=dref, task=task, count=count):
                self.running.pop((dref, task), None)
                self.total += count
            case Differed() | CacheWarned() | CacheRefused() | Pulled() | Pushed():
                pass
            case Stopping():
                self.stopping = event
            case Advanced():
                self.counts, self.total = event, event.total or max(self.total, event.settled)
            case RunEnded(summary):
                self.counts, self.total = summary, summary.total or summary.settled
            case never:
                assert_never(never)

    def _end(self, event: TaskEnded) -> None:
        self.running.pop((event.dref, event.task), None)
        made = self.remade if event.again else self.built
        made[event.dref] = made.get(event.dref, 0.0) + event.seconds
        self.ended += 1
        self.pace.note(self.ended, self.clock())
        if event.kind != "right" and not event.again:
            self.failed.add(event.dref)

    @property
    def settled(self) -> int:
        """How many derivations are settled by now; what has just run is counted before the engine says so."""
        return min(self.total, max(self.counts.settled, self.counts.settled - self.counts.ran + len(self.built)))

    @property
    def lefts(self) -> int:
        """How many are LEFT by now."""
        return max(self.counts.left, len(self.failed))

    @property
    def seconds(self) -> float:
        """How long it has taken by now."""
        return self.clock() - self.began

    @property
    def rate(self) -> float | None:
        """How many tasks end in a second, of late; None where that is not known."""
        return self.pace.rate(self.ended, self.clock())

    @property
    def remaining(self) -> float | None:
        """How many seconds it takes to settle the rest, at this rate; None where that is not known."""
        rate = self.rate
        return None if rate is None else (self.total - self.settled) / rate

    @property
    def words(self) -> str:
        """What was settled how, how fast, and how long the rest may take."""
        rate, remaining = self.rate, self.remaining
        facts = [f"{len(self.built):,} built", f"{self.counts.reused:,} reused", f"{self.lefts:,} LEFT"]
        if self.remade:
            facts.append(f"{len(self.remade):,} made again")
        if rate is not None and self.settled < self.total:
            facts.append(frequency(rate))
        if remaining and self.stopping is None:
            facts.append(f"about {duration(max(1.0, round(remaining)))} to go")
        return ", ".join(facts)

    @property
    def line(self) -> str:
        """All of it in one line."""
        settled = f"{self.settled:,} of {counted(self.total, 'derivation')} settled"
        running = f", {len(self.running):,} running" if self.running else ""
        return f"{settled} in {duration(self.seconds)}: {self.words}{running}"
