"""From settings to a `World`, and from effects to values: the one file that unwraps IO.

Optional backends are imported here, when they are asked for.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeVar, Unpack, final, overload

from attrs import evolve, field, frozen
from returns.io import IO, IOResult
from returns.result import Failure, Result, Success
from returns.unsafe import unsafe_perform_io

from lightfx.core.closure import Plans, instantiate
from lightfx.core.derivation import Derivation, Realizer
from lightfx.core.failures import EngineError, EngineFailure, PoolLost
from lightfx.core.layout import RUNS, IndexPlace
from lightfx.core.outcome import Left, LeftError, Outcome
from lightfx.core.realization import Realization
from lightfx.core.refs import RRef
from lightfx.core.terms import Limits, bytes_of, whole
from lightfx.effects.executor import Executor, ExecutorMaker
from lightfx.effects.journal import Journal
from lightfx.effects.store import Store
from lightfx.effects.world import Interrupts, Tabled, World
from lightfx.engine.inspect import table
from lightfx.engine.realize import RunOptions, realize, realize_all
from lightfx.plan.compare import Checked
from lightfx.shell.clock import SystemClock
from lightfx.shell.journal.listeners import Both, Listener, Silence
from lightfx.shell.turns import Turns

if TYPE_CHECKING:
    from lightfx.report.tables import Table
    from lightfx.shell.cache.setups import CacheSetup

T = TypeVar("T")
K = TypeVar("K")
E = TypeVar("E")

MANY: Final = 100_000


@final
@frozen(eq=False)
class Performing:
    """Carries effects out. Implements `lightfx.effects.world.Perform`."""

    turns: Turns = field(factory=Turns, repr=False)

    def result(self, io: IOResult[T, E], /) -> Result[T, E]:
        """Carry out an effect that may fail."""
        return unsafe_perform_io(io)  # type: ignore[arg-type]  # an IOResult is an IO of a Result, which its type does not say

    def value(self, io: IO[T], /) -> T:
        """Carry out an effect that does not fail."""
        return unsafe_perform_io(io)

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Pause the cyclic collector, if it is on, for a burst of planning; no stage runs meanwhile."""
        paused = gc.isenabled()
        if paused:
            gc.disable()
        try:
            yield
        finally:
            if paused:
                if gc.get_count()[0] > MANY and not gc.get_freeze_count():
                    # What a large plan made stays: it is taken for old at once, unsearched. Garbage waits for
                    # the next full collection, as it would have waited without the pause.
                    gc.freeze()
                    gc.unfreeze()
                gc.enable()

    def turn(self) -> AbstractContextManager[None]:
        """Let one run at a time go on in this world."""
        return self.turns.taken()

    def table(self, world: World, of: Tabled[T, K], /) -> Table[T]:
        """Show what is stored, or raise `EngineError`."""
        return unwrap(table(world, of))

    def interrupts(self) -> AbstractContextManager[Interrupts]:
        """Note asks to stop while a run goes on."""
        from lightfx.shell.interrupts import noted  # noqa: PLC0415 -- runs alone need it

        return noted()


def open_world(
    path: str | os.PathLike[str],
    /,
    *,
    workers: int = 0,
    executor: ExecutorMaker | None = None,
    memory: int | str | None = None,
    tickets: Mapping[str, int] | None = None,
    create: bool = True,
    index: str | os.PathLike[str] | IndexPlace | None = None,
    verify: Literal["stat", "hash", "never"] = "stat",
    mending: bool = False,
    journal: Journal | None = None,
    caches: Sequence[CacheSetup] = (),
) -> World:
    """Open the store at ``path``, and give the world around it. Use it in a ``with`` statement.

    ``path`` is taken as it is: ``~`` is a name like others; see `Path.expanduser`.
    ``workers``: how many processes run stages, and so how many cores they
    share; 0 runs stages in this process.
    ``executor``: what runs them in place of both: `lightfx.executors.dask`.
    ``memory``: bytes, or text such as "8GiB", that tasks share; None: no limit.
    ``tickets``: how many there are of each thing that tasks name in their
    `Resources`: ``{"gpu": 1}``.
    ``create``: whether to make a store where there is none.
    ``index``: a file of this machine's own in which to keep the index of a
    store that several machines share; `IN_MEMORY`: there is no file, and it is
    made anew at each opening; None: it lies in the store.
    ``verify``: what is asked of files that are stored, before a stage or you
    get them. "stat": whether they are as they were when they were stored or
    last digested, by inode, mode, size and times; if not, or if that is not
    known, they are digested. "hash": they are digested, once in each open
    world. What is damaged is not given out then: a run makes it again, all else
    fails with `lightfx.failures.DamagedObject`. "never": nothing but whether
    they are there; what is there is given out, damaged or not.
    ``mending``: open the store also where groups of records are damaged, and
    see nothing of what is in these, so that `lightfx.upkeep.verify` can mend it.
    ``journal``: who listens to what happens in a run. The store keeps it in
    any case: ``lightfx runs`` lists the runs.
    ``caches``: what runs ask before they build, in this order, and bring what
    they make where that is wished: see `lightfx.caches`. Trouble with them fails
    no run, and is printed by the command line alone: a script hears of it by
    ``journal=Listener(hear)``, of `lightfx.journal`.

    Raises `EngineError` where there is no usable store, or the executor cannot
    be opened. Raises ``ValueError``, before anything is opened, for settings that
    mean nothing: less than no workers, workers besides an executor, an amount of
    memory or tickets that is none, another ``verify``; and ``TypeError`` for what
    is of another kind, such as a path among the ``caches``.
    """
    _refuse_in_newborn_worker()
    _check(workers, executor, journal)
    limits = _limits(workers or None, memory, tickets)
    setups = () if caches in ((), []) else _read_caches(caches)
    from lightfx.shell.executor.inline import InlineExecutor  # noqa: PLC0415 -- what a world holds comes with it
    from lightfx.shell.journal.runs import RunFile  # noqa: PLC0415 -- as above
    from lightfx.shell.store.directory import open_directory  # noqa: PLC0415 -- as above
    from lightfx.shell.store.soundness import Checking  # noqa: PLC0415 -- as above

    place = index if index is None or isinstance(index, IndexPlace) else Path(index)
    store = unwrap(open_directory(Path(path), create=create, index=place, checking=Checking(verify), mending=mending))
    runs: Executor = InlineExecutor(limits)
    if executor is not None:
        runs = _opened(executor, limits, store)
    elif workers:
        from lightfx.shell.executor.processes import LocalProcesses  # noqa: PLC0415 -- asked for

        runs = LocalProcesses(workers, store.place(), limits)
    kept = RunFile(store.root / RUNS)
    told: Journal = kept if journal is None else Both(kept, journal)
    world = World(store, runs, SystemClock(), told, Performing())
    return _sharing(world, setups) if setups else world


def _check(workers: int, executor: object, journal: object) -> None:
    """Say what is wrong with a call, where no type checker did: before anything is opened."""
    if whole("workers", workers) < 0:
        raise ValueError(f"workers is {workers}; 0 runs stages in this process, n in n processes")
    if workers and executor is not None:
        raise ValueError(f"workers is {workers}, and an executor is given: one of them runs the stages")
    if executor is not None and not callable(executor):
        kind = type(executor).__name__
        raise TypeError(f"executor is of type {kind}; it takes what opens one, such as lightfx.executors.dask(address)")
    if journal is not None and not hasattr(journal, "tell"):
        kind = type(journal).__name__
        raise TypeError(f"journal is of type {kind}; it takes a Journal: lightfx.journal.Listener(function) makes one")


def _limits(cores: int | None, memory: int | str | None, tickets: Mapping[str, int] | None) -> Limits:
    return Limits(cores, None if memory is None else bytes_of(memory), {} if tickets is None else tickets)


def _read_caches(caches: object) -> tuple[CacheSetup, ...]:
    from lightfx.shell.cache.setups import read_caches  # noqa: PLC0415 -- asked for

    return read_caches(caches)


def _sharing(world: World, caches: Sequence[CacheSetup]) -> World:
    """Put what asks caches around the store; it hears of runs before the journal does, and tells that."""
    from lightfx.shell.cache.opening import partner_of  # noqa: PLC0415 -- asked for
    from lightfx.shell.cache.sharing import SharingStore  # noqa: PLC0415 -- as above

    partners = [partner_of(each, world.perform) for each in caches]
    store = SharingStore(world.store, partners, world.journal, world.perform)
    return evolve(world, store=store, journal=Both(Listener(store.hear), world.journal))


def _opened(executor: ExecutorMaker, limits: Limits, store: Store) -> Executor:
    try:
        return unwrap(executor(limits))
    except EngineError:
        unwrap(store.close())
        raise


def _refuse_in_newborn_worker() -> None:
    """A worker that comes up imports the script that made it; worlds opened there would wait for their maker."""
    process = sys.modules.get("multiprocessing.process")
    if process is not None and getattr(process.current_process(), "_inheriting", False):
        raise EngineError(
            PoolLost(
                "a worker process imports the script that runs, and the script opens a world as it is imported: "
                "put what it does under `if __name__ == '__main__':`"
            )
        )


def memory_world(
    scratch: str | os.PathLike[str],
    /,
    *,
    memory: int | str | None = None,
    tickets: Mapping[str, int] | None = None,
    journal: Journal | None = None,
) -> World:
    """Make a world that forgets: records in memory, files in the folder ``scratch``. For tests.

    ``memory`` and ``tickets`` are those of `open_world`.
    """
    from lightfx.shell.executor.inline import InlineExecutor  # noqa: PLC0415 -- asked for
    from lightfx.shell.store.memory import MemoryStore  # noqa: PLC0415 -- asked for

    _check(0, None, journal)
    runs = InlineExecutor(_limits(None, memory, tickets))
    return World(MemoryStore(Path(scratch).absolute()), runs, SystemClock(), journal or Silence(), Performing())


def evaluate(world: World, plan: Derivation[T], /, **options: Unpack[RunOptions]) -> T:
    """Realize a plan and give its value; for scripts. ``options`` are those of `RunOptions`.

    Raises `LeftError` where the outcome is a LEFT, with its traceback and log,
    and `EngineError` on trouble of the engine.
    """
    return _value(plan, unwrap(realize(world, plan, **options)))


@overload
def evaluate_all(world: World, plans: Mapping[K, Derivation[T]], /, **options: Unpack[RunOptions]) -> Mapping[K, T]: ...
@overload
def evaluate_all(world: World, plans: Sequence[Derivation[T]], /, **options: Unpack[RunOptions]) -> Sequence[T]: ...
def evaluate_all(
    world: World,
    plans: Mapping[K, Derivation[T]] | Sequence[Derivation[T]],
    /,
    **options: Unpack[RunOptions],
) -> Mapping[K, T] | Sequence[T]:
    """Realize many plans in one run and give their values in the same container; for scripts.

    Raises as `evaluate` does, on the first LEFT, when all that can run has run.
    """
    if isinstance(plans, Mapping):
        outcomes = unwrap(realize_all(world, plans, **options))
        _raise_first((plans[key], outcome) for key, outcome in outcomes.items())
        return {key: _value(plans[key], outcome) for key, outcome in outcomes.items()}
    found = unwrap(realize_all(world, plans, **options))
    _raise_first(zip(plans, found, strict=True))
    return [_value(plan, outcome) for plan, outcome in zip(plans, found, strict=True)]


def _raise_first(pairs: Iterable[tuple[Derivation[T], Outcome[T]]]) -> None:
    """Raise the first LEFT that is one of itself; what was only called off says nothing of why."""
    lefts = [(plan, outcome) for plan, outcome in pairs if isinstance(outcome, Left)]
    for plan, left in sorted(lefts, key=lambda pair: pair[1].kind == "cancelled"):
        raise LeftError(plan.dref.text, left)


def _value(plan: Derivation[T], outcome: Outcome[T]) -> T:
    if isinstance(outcome, Left):
        raise LeftError(plan.dref.text, outcome)
    return outcome.value


def check(world: World, rref: RRef, /, plans: Plans[K] = ()) -> IOResult[Checked, EngineFailure]:
    """Run a realization again, from what is recorded of it, and compare, byte by byte. Stores nothing.

    ``plans``: derivations to look its stage up in, and those of its inputs;
    what is not found there is imported by the name that is recorded of it.
    Where the code changed since, the new code is run, and that is said. Files of
    ephemeral inputs that were dropped are made again first, in private.

    Gives `Identical`, `Different`, or `NotChecked`, which says why it could not
    be run.
    """
    from lightfx.engine.check import check as check_realization  # noqa: PLC0415 -- asked for
    from lightfx.stages.finding import realizer_at  # noqa: PLC0415 -- asked for

    recipes = instantiate(plans).derivations
    by_name = {dref.name: recipe.realizer for dref, recipe in recipes.items()}

    def realizer_of(realization: Realization) -> Result[Realizer, str]:
        planned = recipes.get(realization.dref)
        found = by_name.get(realization.dref.name) if planned is None else planned.realizer
        return realizer_at(realization.made_by.stage) if found is None else Success(found)

    return check_realization(world, rref, realizer_of)


def unwrap(io: IOResult[T, EngineFailure]) -> T:
    """Carry out an effect and give its value, or raise `EngineError`."""
    result = Performing().result(io)
    if isinstance(result, Failure):
        raise EngineError(result.failure())
    return result.unwrap()
