"""Attempts: runs that wait for room, run, and may be tried again.

A `Job` is a run on its way: which attempt it is, what attempts before it came
to, what it takes of the machine. Jobs wait in the order in which they came;
`lightfx.plan.budget` says who starts. A job whose LEFT its stage's `Retry`
allows for is put off, and starts again, with a folder and a log of its own.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

from attrs import Factory, define

from lightfx.core.derivation import Realizer
from lightfx.core.outcome import Left
from lightfx.core.realization import Attempt, BuildOrder
from lightfx.core.terms import Resources, Terms
from lightfx.plan.budget import Budget, admitted
from lightfx.plan.moves import Run

WINDOW: Final = 64


@define(eq=False)
class Job:
    """A run on its way."""

    run: Run
    terms: Terms
    resources: Resources
    attempt: int = 1
    earlier: tuple[Attempt, ...] = ()
    passed: int = 0
    order: BuildOrder | None = None
    begun: bool = False

    def retry_after(self, left: Left) -> float | None:
        """Seconds until the next attempt; None where there is none."""
        retry = self.terms.retry
        return retry.waits(self.attempt) if retry.times and retry.allows(left, self.attempt) else None


@define(eq=False)
class Attempts:
    """The jobs of a run; ``seconds`` is what each stage took last."""

    budget: Budget
    backlog: deque[Job] = Factory(deque)
    put_off: list[tuple[float, int, Job]] = Factory(list)
    running: dict[int, Job] = Factory(dict)
    suspended: dict[tuple[int, tuple[int, ...]], Job] = Factory(dict)
    tasks: int = 0
    seconds: dict[Realizer, float] = Factory(dict)

    @property
    def pending(self) -> bool:
        """Whether anything is to start, or runs."""
        return bool(self.backlog or self.running or self.put_off)

    @property
    def next_due(self) -> float | None:
        """When the next job that was put off is due."""
        return self.put_off[0][0] if self.put_off else None

    def add(self, run: Run, terms: Terms) -> None:
        """Let a run wait for room; one that was suspended goes on counting its attempts."""
        before = self.suspended.pop((run.node, run.indices), None) if self.suspended else None
        if before is None:
            self.backlog.append(Job(run, terms, terms.resources))
        else:
            self.backlog.append(Job(run, terms, before.resources, before.attempt, before.earlier))

    def suspend(self, job: Job) -> None:
        """Remember how often a run was tried that asks for more, and will come again."""
        if job.attempt > 1:
            self.suspended[job.run.node, job.run.indices] = job

    def admit(self, room: int, now: float) -> list[Job]:
        """Take out who starts now; those that are passed over stay first in line."""
        while self.put_off and self.put_off[0][0] <= now:
            self.backlog.appendleft(heapq.heappop(self.put_off)[2])
        if room <= 0 or not self.backlog:
            return []
        window = list(islice(self.backlog, room + WINDOW))
        chosen = admitted([job.resources for job in window], [job.passed for job in window], self.budget, room)
        starting = [window[position] for position in chosen]
        if not chosen:
            return []
        last = chosen[-1] + 1
        for _ in range(last):
            self.backlog.popleft()
        if len(chosen) < last:
            going = set(chosen)
            for position in reversed([position for position in range(last) if position not in going]):
                window[position].passed += 1
                self.backlog.appendleft(window[position])
        return starting

    def start(self, job: Job) -> int:
        """Note that a job is handed over, and number its task."""
        self.tasks += 1
        self.running[self.tasks] = job
        return self.tasks

    def end(self, number: int) -> Job:
        """Note that a task is over."""
        job = self.running.pop(number)
        self.budget.give_back(job.resources)
        return job

    def put_aside(self, job: Job) -> None:
        """A job that was admitted does not start after all."""
        self.budget.give_back(job.resources)

    def try_again(self, job: Job, earlier: Attempt, due: float) -> None:
        """Put a job off until its next attempt is due, which may take more than the last."""
        resources = self.budget.capped(job.resources.scaled(job.terms.retry.scale))
        again = Job(job.run, job.terms, resources, job.attempt + 1, (*job.earlier, earlier))
        heapq.heappush(self.put_off, (due, self.tasks, again))

    def withdraw(self, needless: Callable[[Run], bool]) -> Sequence[Run]:
        """Take back those that wait and need not run."""
        out = [job.run for job in self.backlog if needless(job.run)]
        self.backlog = deque(job for job in self.backlog if not needless(job.run))
        return out
