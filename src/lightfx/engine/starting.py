"""Starting runs and taking in what comes of them.

Before a run starts its key is claimed, what others stored meanwhile is told
instead, and files of ephemeral inputs that are gone are asked for. What has
ended is harvested, tried again, or asks for more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from returns.result import Failure, Result, Success

from lightfx.core.derivation import Asks
from lightfx.core.failures import EngineFailure
from lightfx.core.names import Digest
from lightfx.core.outcome import Left
from lightfx.core.realization import Attempt, Log, Realization, tell_nobody
from lightfx.core.refs import DRef, RRef
from lightfx.core.terms import DAY
from lightfx.effects.executor import Begun, Finished, Progressed, Report, Task
from lightfx.effects.journal import INTERRUPTED, TaskAsked, TaskProgressed, TaskRetried, TaskStarted
from lightfx.effects.world import Interrupts
from lightfx.engine.attempts import Job
from lightfx.engine.claiming import News
from lightfx.engine.harvest import Ended, harvest
from lightfx.engine.lacking import lost_of
from lightfx.engine.orders import order_for, rrefs_of
from lightfx.engine.perform import Answer, Performer
from lightfx.plan.moves import Alike, Asked, Busy, Event, Gone, Restored

REST: Final = 0.02


def advance(performer: Performer, interrupts: Interrupts, ticked: float) -> Answer:
    """Start what there is room for, and take in what has finished; ``ticked`` is when time was last told."""
    if not performer.state.stopped:
        started = _start(performer)
        if isinstance(started, Failure) or started.unwrap():
            return started
    reports = _before_waiting(performer).bind(lambda _: _wait(performer, interrupts, ticked))
    if isinstance(reports, Failure):
        return Failure(reports.failure())
    built = _take_in(performer, reports.unwrap())
    if isinstance(built, Failure):
        return built
    stored = performer.keeper.store_if_due()
    if isinstance(stored, Failure):
        return Failure(stored.failure())
    performer.tell(performer.summary())
    return built


def _before_waiting(performer: Performer) -> Result[None, EngineFailure]:
    """An executor that works while we wait may be long at it: let nothing wait for it that is done."""
    attempts = performer.attempts
    if not (performer.world.executor.blocking and attempts.running):
        return Success(None)
    following = next(iter(attempts.running.values()))
    return performer.keeper.store_before(attempts.seconds.get(performer.realizer_of(following.run)))


def _wait(performer: Performer, interrupts: Interrupts, ticked: float) -> Result[Sequence[Report], EngineFailure]:
    """Wait for reports; the first ask to stop ends the waiting, and nothing more is started."""
    patience = _patience(performer, ticked)
    try:
        with interrupts.open():
            if performer.attempts.running:
                return performer.do(performer.world.executor.wait(patience))
            performer.world.perform.value(performer.world.clock.sleep(patience or 0.0))
    except KeyboardInterrupt:
        if performer.world.executor.blocking or performer.state.stopped or not interrupts.pending:
            raise
        performer.stop(INTERRUPTED)
    return Success(())


def _patience(performer: Performer, ticked: float) -> float | None:
    """Seconds to wait at most: until something is to be stored, asked again, or tried again."""
    stopped = bool(performer.state.stopped)
    due = [
        performer.keeper.due,
        ticked + REST if performer.state.busy or performer.state.put_off else None,
        None if stopped else performer.attempts.next_due,
    ]
    times = [each for each in due if each is not None]
    return min(DAY, max(0.0, min(times) - performer.keeper.elapsed())) if times else None  # no poll waits for ever


# Starting.


def _start(performer: Performer) -> Answer:
    attempts = performer.attempts
    room = performer.world.executor.capacity - len(attempts.running)
    batch = attempts.admit(room, performer.keeper.elapsed())
    if not batch:
        return Success(())
    news = performer.claimer.claim([job.run for job in batch])
    if isinstance(news, Failure):
        return Failure(news.failure())
    told = news.unwrap()
    events: list[Event] = []
    granted: list[Job] = []
    for job in batch:
        if job.run.key not in performer.claimer.held or job.run.node in told:
            events.append(Busy(job.run.node, job.run))
            _put_aside(performer, job)
        else:
            granted.append(job)
    if told:
        events += _withdraw(performer, told)
    return _hand_over(performer, granted).map(lambda more: [*events, *more])


def _put_aside(performer: Performer, job: Job) -> None:
    performer.attempts.put_aside(job)
    performer.claimer.done_with(job.run)


def _withdraw(performer: Performer, told: News) -> Sequence[Event]:
    """Take runs back that others made needless, also those that had no room yet."""
    needless = performer.attempts.withdraw(lambda run: run.node in told and run.again is None)
    for run in needless:
        performer.claimer.done_with(run)
    return [*(Busy(run.node, run) for run in needless), Alike(told)]


def _hand_over(performer: Performer, jobs: Sequence[Job]) -> Answer:
    read = performer.keeper.known(rrefs_of(job.run for job in jobs))
    if isinstance(read, Failure):
        return Failure(read.failure())
    known = read.unwrap()
    checked = _whole(performer, jobs, known)
    if isinstance(checked, Failure):
        return Failure(checked.failure())
    ready, events = checked.unwrap()
    tasks = [_task(performer, job, known) for job in ready]
    started = performer.do(performer.world.executor.start(tasks)) if tasks else Success(None)
    return started.map(lambda _: events)


def _whole(
    performer: Performer, jobs: Sequence[Job], known: Mapping[RRef, Realization]
) -> Result[tuple[Sequence[Job], Sequence[Event]], EngineFailure]:
    """Part jobs whose files are all there, and sound, from those that must wait for some, or need not make any."""
    given = {
        number: {rref: tree for rref in rrefs_of([job.run]) if (tree := known[rref].tree) is not None}
        for number, job in enumerate(jobs)
        if job.run.context.entries
    }
    again = {job.run.again for job in jobs if job.run.again is not None}
    trees = {*again, *(tree for each in given.values() for tree in each.values())}
    if not trees:
        return Success((jobs, ()))
    lost = lost_of(performer, trees)
    if isinstance(lost, Failure):
        return Failure(lost.failure())
    there = trees - lost.unwrap().keys()
    performer.keeper.spare(there)  # what is to be dropped waits for the next group: not what was found just now
    ready: list[Job] = []
    events: list[Event] = []
    for number, job in enumerate(jobs):
        gone = tuple(rref for rref, tree in given.get(number, {}).items() if tree not in there)
        if job.run.again in there:
            events.append(Restored(job.run))
        elif gone:
            events.append(Gone(job.run, gone))
        else:
            ready.append(job)
            continue
        _put_aside(performer, job)
    return Success((ready, events))


def _task(performer: Performer, job: Job, known: Mapping[RRef, Realization]) -> Task:
    node = performer.graph.nodes[job.run.node]
    blocking = performer.world.executor.blocking
    number = performer.attempts.start(job)
    tell = partial(_progressed, performer, job.run.dref, number) if blocking else tell_nobody
    order = job.order = order_for(job.run, performer.state, known, performer.world.store, tell)
    if blocking:
        _begun(performer, job, number)
    return Task(number, order, node.recipe.realizer, job.attempt, job.resources)


def _begun(performer: Performer, job: Job, number: int) -> None:
    if not job.begun:
        job.begun = True
        performer.tell(TaskStarted(job.run.dref, number, job.attempt))


def _progressed(performer: Performer, dref: DRef, number: int, done: float, total: float) -> None:
    performer.tell(TaskProgressed(dref, number, done, total))


# Taking in.


def _take_in(performer: Performer, reports: Sequence[Report]) -> Answer:
    events: list[Event] = []
    ended: list[Ended] = []
    for each in reports:
        if isinstance(each, Finished):
            if (over := _ended(performer, each, events)) is not None:
                ended.append(over)
        elif each.number in performer.attempts.running:
            job = performer.attempts.running[each.number]
            if isinstance(each, Begun):
                _begun(performer, job, each.number)
            elif isinstance(each, Progressed):
                _progressed(performer, job.run.dref, each.number, each.done, each.total)
    gathered = harvest(performer.world, performer.state, ended)
    if isinstance(gathered, Failure):
        return Failure(gathered.failure())
    for over, crop in zip(ended, gathered.unwrap(), strict=True):
        events.append(performer.book(crop, over.finished.number))
    return Success(events)


def _ended(performer: Performer, finished: Finished, events: list[Event]) -> Ended | None:
    """Say what has ended for good; what asks for more, or is tried again, has not."""
    job = performer.attempts.end(finished.number)
    performer.attempts.seconds[performer.realizer_of(job.run)] = finished.cost.seconds
    _begun(performer, job, finished.number)
    error = finished.result.failure() if isinstance(finished.result, Failure) else None
    if isinstance(error, Asks):
        events.append(Asked(job.run, error.needs))
        performer.attempts.suspend(job)
        performer.tell(TaskAsked(job.run.dref, finished.number, len(error.needs)))
        performer.claimer.done_with(job.run)
        _discard(performer, job)
        return None
    left = error if isinstance(error, Left) else _left_among(finished)
    wait = None if left is None or performer.state.stopped else job.retry_after(left)
    if left is not None and wait is not None:
        _try_again(performer, job, finished, left, wait)
        return None
    return Ended(job.run, job.order, finished, job.attempt, job.earlier, job.terms.ephemeral)


def _left_among(finished: Finished) -> Left | None:
    outputs = finished.result.value_or(())
    return next((each for each in outputs if isinstance(each, Left)), None)


def _try_again(performer: Performer, job: Job, finished: Finished, left: Left, wait: float) -> None:
    whole = None
    if finished.whole_log is not None:
        kept = performer.do(performer.world.store.ingest([finished.whole_log])).map(dict).value_or({})
        found = kept.get(finished.whole_log)
        whole = found if isinstance(found, Digest) else None
    log = Log(finished.log, whole) if finished.log else None
    earlier = Attempt(left.kind, left.cause.reason, finished.cost, log)
    performer.attempts.try_again(job, earlier, performer.keeper.elapsed() + wait)
    performer.tell(TaskRetried(job.run.dref, finished.number, left.cause.reason, wait))
    _discard(performer, job)


def _discard(performer: Performer, job: Job) -> None:
    if job.order is not None:
        performer.do(performer.world.store.discard([job.order.place]))
