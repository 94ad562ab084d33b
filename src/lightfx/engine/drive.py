"""The loop of a run: carry out commands, feed the step machine what came of them.

The schedule says what to do; `perform` and `starting` do it, through the world.

Whatever ends the run, a failure of the engine or an interrupt of the user, what
had finished is stored first, claims are given back, running tasks are stopped,
and the journal is told what ended it. The first ask to stop (Ctrl-C, SIGTERM) lets what runs in workers come
to its end and starts nothing more; the second stops it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from attrs import Factory, define, evolve
from returns.result import Failure, Result, Success

from lightfx.core.failures import EngineFailure, Interrupted, sentence
from lightfx.effects.journal import INTERRUPTED, RunBegan, RunEnded
from lightfx.effects.world import TERMINATED, Interrupts, World
from lightfx.engine.lacking import missing
from lightfx.engine.perform import Answer, Performer
from lightfx.engine.starting import REST, advance
from lightfx.plan.graph import Graph
from lightfx.plan.ledger import State
from lightfx.plan.moves import Command, Event, Stuck, Tick
from lightfx.plan.replay import ReplayPolicy
from lightfx.plan.schedule import begin, step
from lightfx.plan.wishes import Wishes

TELLING: Final = 1.0
"""Seconds between one word of how far a run is and the next, while it only waits."""


def drive(world: World, graph: Graph, policy: ReplayPolicy, wishes: Wishes) -> Result[State, EngineFailure]:
    """Settle every node of ``graph``: reuse what is stored, build the rest, store what was built."""
    wishes = evolve(wishes, limits=world.executor.limits)
    state, commands = begin(graph, policy, world.store.folder_of, wishes)
    performer = Performer(world, graph, state)
    performer.tell(RunBegan(len(graph.nodes), wishes.only_stored))
    ending = _Ending(performer)
    with world.perform.interrupts() as interrupts, ending:
        ending.interrupts = interrupts
        try:
            with world.perform.undisturbed():
                opened = _carry_out(performer, commands)
            loop = _Loop(performer, interrupts)
            failure = opened.failure() if isinstance(opened, Failure) else loop.turn(opened.unwrap())
            stored = performer.keeper.finish()
        except KeyboardInterrupt:
            if interrupts.pending == "SIGTERM":
                raise SystemExit(TERMINATED) from None
            raise
        ending.failure = failure or performer.trouble or (stored.failure() if isinstance(stored, Failure) else None)
    if interrupts.pending == "SIGTERM":
        raise SystemExit(TERMINATED)
    if interrupts.pending:
        raise KeyboardInterrupt
    if ending.failure is not None:
        return Failure(ending.failure)
    return Success(state)


@define(eq=False)
class _Ending:
    """However a run ends, what runs is stopped, claims are given back, and the journal is told what ended it.

    It looks at an exception as it passes, and catches none: a fault of ours, or of
    a user's matcher, goes on to who called, and is told here.
    """

    performer: Performer
    interrupts: Interrupts | None = None
    failure: EngineFailure | None = None

    def __enter__(self) -> None:
        """Nothing is to be made ready."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        asked = self._was_asked(error)
        if asked:
            self.performer.interrupted()
        self.performer.abandon()
        self.performer.tell(RunEnded(self.performer.summary(), self._words(None if asked else error)))

    def _was_asked(self, error: BaseException | None) -> bool:
        """Whether somebody asked to stop: by a signal, or a stage that raised KeyboardInterrupt."""
        signalled = self.interrupts is not None and bool(self.interrupts.pending)
        return signalled or isinstance(error, KeyboardInterrupt) or isinstance(self.failure, Interrupted)

    def _words(self, error: BaseException | None) -> str:
        """The trouble that ended the run, as far as there was some; that the user asked to stop is none."""
        if self.failure is not None and not isinstance(self.failure, Interrupted):
            return sentence(self.failure)
        return "" if error is None else f"{type(error).__name__}: {error}"


def _carry_out(performer: Performer, commands: Iterable[Command]) -> Result[Sequence[Command], EngineFailure]:
    """Carry out commands, each once, and give those that their answers bring."""
    brought: list[Command] = []
    for command in commands:
        answered = performer.perform(command)
        if isinstance(answered, Failure):
            return Failure(answered.failure())
        for event in answered.unwrap():
            brought += step(performer.state, event)[1]
    return Success(brought)


def _enough(roots: int) -> str:
    return f"{roots} {'is' if roots == 1 else 'are'} LEFT"


@define(eq=False)
class _Loop:
    """The turns of a run; ``ticked`` and ``told``: when schedule and journal were last told that time has passed."""

    performer: Performer
    interrupts: Interrupts
    queue: deque[Command] = Factory(deque)
    ticked: float = 0.0
    told: float = 0.0
    gave_up: int = -1

    def turn(self, commands: Iterable[Command]) -> EngineFailure | None:
        """Go on until all is settled, or stopped."""
        self.queue.extend(commands)
        state = self.performer.state
        while self.queue or not state.finished or self._targets_missing():
            if not self.queue and (state.stopped or self.interrupts.pending or state.enough):
                self.performer.stop(INTERRUPTED if self.interrupts.pending else _enough(len(state.roots)))
                if not self.performer.attempts.running:
                    return None
            answered = self._answer()
            if isinstance(answered, Failure):
                failure: EngineFailure = answered.failure()
                return failure
            for event in (*answered.unwrap(), *self._tick()):
                self.queue.extend(step(state, event)[1])
        return None

    def _answer(self) -> Answer:
        performer = self.performer
        if self.queue:
            return performer.perform(self.queue.popleft())
        if performer.refused is not None:
            return Failure(performer.refused)
        if performer.attempts.pending:
            return advance(performer, self.interrupts, self.ticked)
        if performer.state.busy or performer.state.put_off:
            return self._rest()
        return Success((self._stuck(),))

    def _stuck(self) -> Stuck:
        """Nothing is left to wait for: checks of traces are given up, once. Should that not help, the fault is ours."""
        if self.gave_up == self.performer.state.open:
            waiting = [node.dref.text for node in self.performer.graph.nodes if self._waits(node.number)][:5]
            raise RuntimeError(f"a run of lightfx is stuck, which is a fault in lightfx; it waits for {waiting}")
        self.gave_up = self.performer.state.open
        return Stuck()

    def _waits(self, number: int) -> bool:
        progress = self.performer.state.ledger[number]
        return not (progress.settled or progress.shadow)

    def _rest(self) -> Answer:
        """Let time pass while someone else builds what is needed; what we made is stored before."""
        stored = self.performer.keeper.finish()
        now = self.performer.keeper.elapsed()
        if now >= self.told + TELLING:  # also where nothing comes of it: who listens learns that we wait
            self.told = now
            self.performer.tell(self.performer.summary())
        with self.interrupts.open():
            self.performer.world.perform.value(self.performer.world.clock.sleep(REST))
        return stored.map(lambda _: ())

    def _tick(self) -> Sequence[Event]:
        """Ask again for what someone else builds, every `REST` seconds."""
        state = self.performer.state
        if not (state.busy or state.put_off) or self.performer.keeper.elapsed() < self.ticked + REST:
            return ()
        self.ticked = self.performer.keeper.elapsed()
        return (Tick(),)

    def _targets_missing(self) -> bool:
        """Whether files of targets must be made again; then that has begun."""
        found = missing(self.performer)
        if isinstance(found, Failure):
            self.performer.trouble = self.performer.trouble or found.failure()
            return False
        events = found.unwrap()
        for event in events:
            self.queue.extend(step(self.performer.state, event)[1])
        return bool(events)
