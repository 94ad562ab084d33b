"""Stepping: a run that pauses before chosen derivations, so that one can make them by hand.

`stepping` realizes what it can, and gives a `Session`. While it is paused, ``session.build`` is the live `Build` of
what comes next: its inputs, its output folder. Try things there, then ``commit(value)`` what you made, ``proceed()``
to let the stage run by itself, or ``cancel()``.

Theory of operation: a run is never held open. The engine runs on an executor that keeps paused tasks to itself; when
nothing else is left to run, the run ends there, with all that it made stored and its claims given back. To go on is
to run again: what is stored is found, and a task that was made by hand is answered with what is in its folder. So
nothing is global and no thread waits; sessions stand side by side, and a lost one costs nothing but what was tried.
What is committed is a realization like any other, with a line in its log that says how it came about.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final, Generic, Self, TypeVar, Unpack, final

from attrs import evolve
from returns.result import Failure, Result

from lightfx.core.config import Reference
from lightfx.core.derivation import Dependency, Derivation, Tolerant
from lightfx.core.failures import EngineError, EngineFailure
from lightfx.core.outcome import Left, Outcome, Returned, Right
from lightfx.core.realization import Output, tell_nobody
from lightfx.core.refs import DRef, RRef
from lightfx.effects.executor import Task
from lightfx.effects.world import World
from lightfx.engine.holding import Holding, which
from lightfx.engine.realize import RunOptions, realize, realize_all
from lightfx.shell.executor.unveiling import judged, unveiled
from lightfx.stages.build import Answer, Build, live
from lightfx.stages.byhand import Before, chosen, handed
from lightfx.stages.running import StageRealizer

__all__ = ["NotPausedError", "OvertakenError", "Session", "stepping"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class OvertakenError(RuntimeError):
    """What was made by hand is not stored: somebody else had stored the same output first.

    ``dref`` is what was made, ``stored`` what is stored of it. The session has
    gone on with that; the folders of what was made stay until the world is closed.
    """

    def __init__(self, dref: DRef, stored: tuple[RRef, ...]) -> None:
        super().__init__(dref, stored)
        self.dref = dref
        self.stored = stored

    def __str__(self) -> str:
        first = ", ".join(each.text for each in self.stored)
        beside = "to store it beside that, step again with force=[...] and commit there"
        return (
            f"what was made by hand is not stored: {first} was stored first, and the session goes on with it; {beside}"
        )


class NotPausedError(LookupError):
    """A session is asked for a build, and has none: it is over, or was cancelled."""


@final
class Session(Generic[T_co]):
    """A run that pauses; made by `stepping`. In a ``with`` statement it is cancelled at the end, if it is paused."""

    def __init__(
        self, world: World, plan: Derivation[T_co], pauses: Callable[[Task], bool], options: RunOptions
    ) -> None:
        self._world: Final = world
        self._plan: Final = plan
        self._options: Final = options
        self._executor = Holding(world.executor, pauses)
        self._outcome: Outcome[T_co] | None = None
        self._builds: tuple[Build, ...] = ()
        self._needed: dict[Reference, Dependency] = {}
        self._go_on()

    # What there is.

    @property
    def paused(self) -> bool:
        """Whether there is something to make."""
        return bool(self._builds)

    @property
    def build(self) -> Build:
        """The live build of what comes next; of several outputs, the first that is to be made."""
        return self.builds[0]

    @property
    def builds(self) -> tuple[Build, ...]:
        """A live build for each output that is to be made. Raises `NotPausedError` where nothing is."""
        if not self._builds:
            raise NotPausedError("the session is over: there is no build")
        return self._builds

    @property
    def dref(self) -> DRef:
        """What comes next."""
        return self.build.order.dref

    @property
    def outcome(self) -> Outcome[T_co]:
        """What came of the plan. Raises `NotPausedError` where the session has not come to its end."""
        if self._outcome is None:
            raise NotPausedError(f"{self} has not come to its end: commit, or proceed")
        return self._outcome

    # What to do.

    def commit(self, *values: object) -> Self:
        """Store what was made, and go on to the next pause, or to the end.

        ``values``: what the stage would have returned, one for each of `builds`;
        none where the stage returns a ``Path``: that is the output folder then.
        Of a stage that returns a ``Result``, ``Failure(error)`` makes a LEFT.
        Raises ValueError for a value that cannot be stored or a file that is
        not there: the session stays as it is. Raises `OvertakenError`, after it
        went on, where another realization was stored first.
        """
        builds, task = self.builds, self._executor.held[0]
        if not values and task.realizer.type is Path:
            values = tuple(build.out for build in builds)
        if len(values) != len(builds):
            raise ValueError(f"{len(builds)} values are to be made, one for each output, and {len(values)} are given")
        outputs = tuple(_stored(task, build, value) for build, value in zip(builds, values, strict=True))
        self._executor.answers[which(task)] = outputs
        self._executor.needs[which(task)] = tuple(self._needed.values())
        self._go_on()
        if which(task) not in self._executor.used:
            raise OvertakenError(task.order.dref, self._stored_of(task))
        self._world.perform.result(self._world.store.discard([task.order.place]))
        return self

    def _stored_of(self, task: Task) -> tuple[RRef, ...]:
        rows = _or_raise(self._world.perform.result(self._world.store.listed((task.order.dref,), frozenset())))
        return tuple(row.stored.rref for row in rows if row.stored.index in task.order.indices)

    def proceed(self) -> Self:
        """Let the stage make it, and go on to the next pause, or to the end. What is in its folder is dropped."""
        self.builds  # noqa: B018 -- it raises where there is nothing to proceed with
        self._executor.free.add(which(self._executor.held[0]))
        self._drop()
        self._go_on()
        return self

    def cancel(self) -> None:
        """End the session, and drop what is in its folder. What was committed stays."""
        self._drop()
        self._builds = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.paused:
            self.cancel()

    def __repr__(self) -> str:
        where = f"paused before {self.dref}" if self.paused else "over"
        return f"<session for {self._plan.dref}, {where}>"

    def _realized(self, needs: Sequence[Dependency]) -> Sequence[Outcome[object]]:
        """Realize what the live build asks for; what it got is what it stands on."""
        options = self._options.copy()
        options.pop("force", None)
        options.pop("stop_after", None)
        plans = [each.derivation if isinstance(each, Tolerant) else each for each in needs]
        outcomes = _or_raise(self._world.perform.result(realize_all(self._world, plans, **options)))
        for each, outcome in zip(needs, outcomes, strict=True):
            if isinstance(outcome, Right) or isinstance(each, Tolerant):
                self._needed[each.reference] = each
        return outcomes

    def _drop(self) -> None:
        self._world.perform.result(self._world.store.discard([task.order.place for task in self._executor.held]))

    def _go_on(self) -> None:
        """Run, up to what is held."""
        executor = self._executor
        executor.held.clear()
        self._builds, self._needed = (), {}
        options = self._options.copy()
        # What was made anew once is stored: to run it again would make it once more.
        options["force"] = [each for each in options.get("force", ()) if _dref(each) not in executor.over]
        stepped = evolve(self._world, executor=executor)
        found = self._world.perform.result(realize(stepped, self._plan, **options))
        if not isinstance(found, Failure):
            self._outcome = found.unwrap()
        elif executor.held:
            self._builds = _builds(executor.held[0], self._realized)
        else:
            raise EngineError(found.failure())


def _or_raise(found: Result[T, EngineFailure]) -> T:
    """Give what was found, or raise `EngineError`."""
    if isinstance(found, Failure):
        raise EngineError(found.failure())
    return found.unwrap()


def _dref(named: DRef | Derivation[object]) -> DRef:
    return named if isinstance(named, DRef) else named.dref


def _builds(task: Task, answer: Answer) -> tuple[Build, ...]:
    # By hand one holds the plans themselves, and need not ask for what is given.
    order = unveiled(evolve(task.order, tell=tell_nobody, asked=frozenset(task.order.inputs)))
    make = task.realizer.core.signature.build if isinstance(task.realizer, StageRealizer) else Build
    return tuple(live(make(order, index), answer) for index in order.indices)


def _stored(task: Task, build: Build, value: object) -> Output | Left:
    folder = build.folder  # whoever wrote there
    made = handed(task.realizer, build, value)
    if isinstance(made, Failure) and not isinstance(made.failure(), Returned):
        raise ValueError(f"{task.order.dref.name} {made.failure().reason}")
    kept = folder if folder.exists() else None
    output = judged(Left(made.failure(), folder=kept) if isinstance(made, Failure) else made.unwrap(), build.order.veil)
    if isinstance(output, Left) and not isinstance(output.cause, Returned):
        raise ValueError(f"{task.order.dref.name} {output.reason}")
    return output


def stepping(
    world: World,
    plan: Derivation[T],
    /,
    *,
    before: Collection[Before] | None = None,
    **options: Unpack[RunOptions],
) -> Session[T]:
    """Realize a plan, and pause before chosen derivations that would have to run.

    ``before``: stages, derivations, references or names; None: all that would
    run. What is stored is not run, and so not paused for, unless ``force`` says
    so. A stage or derivation that is not in the plan may be needed as another
    runs. ``options`` are those of `RunOptions`.

    What a live build asks for and was not given is realized for it, without a pause.

    Raises ValueError for a name that no derivation of the plan has, and for a
    stage of which none is in the plan, where another stage has its name there.
    Raises `EngineError` on trouble of the engine, now or at a later step.

    >>> from lightfx import Build, memory_world, stage
    >>> @stage(version="1")
    ... def load(build: Build, size: int) -> int:
    ...     return size
    >>> @stage(version="1")
    ... def double(build: Build, number: Derivation[int]) -> int:
    ...     return 2 * build.need(number)
    >>> import tempfile
    >>> world = memory_world(tempfile.mkdtemp())
    >>> plan = load(4)
    >>> session = stepping(world, double(plan), before=[double])
    >>> session.build.need(plan)
    4
    >>> session.commit(9).outcome.value
    9
    """
    pauses = None if before is None else chosen(plan, before)
    return Session(world, plan, lambda task: pauses is None or pauses(task.order.dref, task.realizer), options)
