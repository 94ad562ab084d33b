"""Histories: programs that evolve from run to run on one store, with trouble on the way; and the laws they obey.

`chronicle` drives the real engine through one history and asserts, after each
run, what holds of it. What a program comes to, and what work there was to do,
is told by the naive build of `programs`.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from random import Random
from typing import Any, Final
from unittest import mock

from attrs import Factory, define, evolve, frozen
from doubles import (
    Acting,
    ChanceClock,
    KilledError,
    RealFiles,
    Shuffling,
    Trouble,
    Troubled,
    VirtualFiles,
    VirtualStore,
)
from programs import (
    ASKING,
    CHANCY,
    EPHEMERAL,
    TRANSIENT,
    TRIES,
    Content,
    Files,
    Ident,
    Job,
    Plan,
    Program,
    Reckoning,
    Seen,
    Surroundings,
    Thing,
    Want,
    act,
    evolved,
    planned,
    program,
    thing_of,
)
from returns.result import Failure, Result

from lightfx import Left, Outcome, Right, World, open_world, realize_all, replay_always
from lightfx.core.failures import EngineFailure, NotRealized
from lightfx.core.outcome import Cancelled, Upstream
from lightfx.core.realization import Realization, Value
from lightfx.engine import drive
from lightfx.plan import schedule
from lightfx.plan.ledger import State
from lightfx.plan.moves import Command, Event
from lightfx.shell.journal.listeners import Silence
from lightfx.wiring import unwrap

STEPS: Final = 1_500
ENDS: Final = ("", "", "", "break", "ask", "kill", "fail", "stop")


@frozen
class Step:
    """One run of a history: what program, in what weather, and how it ends early, if it does."""

    program: Program
    seed: int
    fair: bool
    end: str = ""
    after: int = 0


def history(chance: Random, size: int = 6, asking: Sequence[str] = ASKING) -> list[Step]:
    """Write a program, evolve it, and come back to where it began."""
    versions = [program(chance, size, asking)]
    for _ in range(chance.randrange(3)):
        versions.append(evolved(versions[-1], chance))
    if len(versions) > 1:
        versions.append(versions[0])
    return [
        Step(
            each, chance.randrange(1000), chance.random() < 0.7, ENDS[chance.randrange(len(ENDS))], chance.randrange(5)
        )
        for each in versions
    ]


@define(eq=False)
class Shop:
    """A store, what stages meet, and what is known of the work that was done."""

    store: Any
    files: Files
    around: Surroundings
    another: Callable[[], AbstractContextManager[Shop]]
    known: set[Ident] = Factory(set)
    maybe: set[Ident] = Factory(set)
    ever: set[Ident] = Factory(set)
    lucky: set[Ident] = Factory(set)

    def run(
        self, program: Program, seed: int, *, fair: bool, trouble: Trouble | None = None, **options: Any
    ) -> Sequence[Outcome[object]] | None:
        """Realize the targets, in an order given by ``seed``; None where trouble came."""
        trouble = trouble or Trouble()
        try:
            result = self.attempt(program, seed, fair=fair, trouble=trouble, **options)
        except (KilledError, KeyboardInterrupt):
            assert trouble.came, "nobody asked it to stop"
            return None
        if isinstance(result, Failure):
            assert trouble.came, f"trouble came of itself: {result.failure()}"
            return None
        return result.unwrap()

    def attempt(
        self, program: Program, seed: int, *, fair: bool, trouble: Trouble, **options: Any
    ) -> Result[Sequence[Outcome[object]], EngineFailure]:
        chance, acting = Random(seed), Acting()
        executor = Shuffling(chance, trouble, acting.asks, 1 + seed % 4, seed % 5 == 0)
        world = World(Troubled(self.store, executor), executor, ChanceClock(chance), Silence(), acting)  # type: ignore[arg-type]
        self.files.lay_out(self.around.outside, program.outside)
        self.around.anew(fair=fair)
        plans = program.plans
        targets = [planned(plans[each], self.around) for each in program.targets]
        return world.perform.result(realize_all(world, targets, **options))

    @contextmanager
    def barring(self, plans: frozenset[Plan]) -> Iterator[None]:
        """Let these plans be used, and not run."""
        self.around.barred = plans
        self.around.plans.clear()
        try:
            yield
        finally:
            self.around.barred = frozenset()
            self.around.plans.clear()

    @property
    def records(self) -> dict[Any, Realization]:
        return {row.stored.rref: row.realization for row in unwrap(self.store.newest(None, 100_000))}


@contextmanager
def bounded() -> Iterator[None]:
    """Let no run go on for ever: an engine that waits for itself asks the step machine without end."""
    left = STEPS

    def step(state: State, event: Event) -> tuple[State, list[Command]]:
        nonlocal left
        left -= 1
        assert left, "it does not come to an end"
        return schedule.step(state, event)

    with mock.patch.object(drive, "step", step):
        try:
            yield
        except RuntimeError as error:
            if "a run of lightfx is stuck" in str(error):
                raise AssertionError(str(error)) from error
            raise


@contextmanager
def virtual_shop() -> Iterator[Shop]:
    files = VirtualFiles()
    with bounded():
        yield Shop(VirtualStore(files), files, Surroundings(files), virtual_shop)


@contextmanager
def real_shop() -> Iterator[Shop]:
    """A shop whose store is a directory on a disk."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        files = RealFiles(root / "store")
        with bounded(), open_world(root / "store") as world:
            yield Shop(world.store, files, Surroundings(files, root / "outside"), real_shop)


# The laws of one run.


def chronicle(steps: Sequence[Step], shop: Shop) -> None:
    """Live through a history."""
    for number, step in enumerate(steps):
        if step.end:
            _run_into_trouble(shop, step)
        seen = _run_whole(shop, step, fresh=number == 0 and not step.end)
        _run_again(shop, step, seen)
        if number == 0:
            order_does_not_count(step, seen, shop)
    if steps[0].seed % 2:
        what_nobody_reads_stays(steps[-1], shop)
    records_are_honest(shop)
    if steps[0].seed % 3 == 0:
        what_may_not_run_does_not(steps[-1], shop)


def _run_into_trouble(shop: Shop, step: Step) -> None:
    trouble = Trouble(step.end, step.after)
    options = {"stop_after": 1 + step.after % 3} if step.end == "stop" else {}
    outcomes = shop.run(step.program, step.seed + 1, fair=False, trouble=trouble, **options)
    done = {ident for ident, thing in shop.around.done if not _is_transient(ident, thing)}
    shop.ever |= {ident for ident, _ in shop.around.done}
    if step.end in ("kill", "fail"):
        shop.maybe |= done
    else:
        shop.known |= done
    if outcomes is not None and not _is_chancy(step.program):
        reckoning = Reckoning(shop.around, step.program.outside, False, set(shop.lucky))
        _compare(step.program, outcomes, reckoning, stopped=step.end == "stop")


def _run_whole(shop: Shop, step: Step, *, fresh: bool) -> list[tuple[str, ...]]:
    """Run a program to its end, and look at what came out, what ran, and what is left."""
    outcomes = shop.run(step.program, step.seed, fair=step.fair)
    assert outcomes is not None
    assert not shop.around.faults, shop.around.faults
    if not _is_chancy(step.program):
        reckoning = Reckoning(shop.around, step.program.outside, step.fair, shop.lucky)
        _compare(step.program, outcomes, reckoning)
        what_ran_was_to_be_run(shop, reckoning)
        if fresh:
            only_what_is_asked_for_is_there(shop, step.program)
    assert not shop.files.leftover, f"private folders are left: {shop.files.leftover}"  # type: ignore[attr-defined]
    shop.known |= {ident for ident, thing in shop.around.done if not _is_transient(ident, thing)}
    shop.ever |= {ident for ident, _ in shop.around.done}
    return told(outcomes)


def _run_again(shop: Shop, step: Step, seen: list[tuple[str, ...]]) -> None:
    """An unchanged second run executes nothing, where LEFTs that pass by themselves are not tried again.

    What was made again and came out otherwise is one more realization to choose from.
    """
    if any(line.kind == "fickle" for line in step.program.lines):
        return
    quiet = all(line.kind not in (*TRANSIENT, "asks_wary") for line in step.program.lines)
    how: dict[str, Any] = {} if quiet else {"replay": replay_always}
    if step.seed % 2:
        how["only_stored"] = True
    outcomes = shop.run(step.program, step.seed + 2, fair=step.fair, **how)
    assert shop.around.done == [], "an unchanged second run executed something"
    assert outcomes is not None
    if quiet:
        assert told(outcomes) == seen


def _compare(
    program: Program, outcomes: Sequence[Outcome[object]], reckoning: Reckoning, *, stopped: bool = False
) -> None:
    """Outcomes are those of the naive build: RIGHTs and LEFTs, and the roots of what is inherited."""
    plans = program.plans
    for target, outcome in zip(program.targets, outcomes, strict=True):
        wanted = reckoning.outcome(plans[target])
        match outcome:
            case Right(value):
                assert Value(value) == wanted.result, plans[target]
            case Left(Cancelled()) if stopped:
                continue
            case Left(Upstream() as cause):
                assert {root.rref.dref.text for root in cause.roots} == wanted.roots, plans[target]
                assert isinstance(wanted.result, Upstream), plans[target]
            case Left(cause):
                assert Thing(cause).content == wanted.content, plans[target]


def what_ran_was_to_be_run(shop: Shop, reckoning: Reckoning) -> None:
    """All that had to be done was done, and nothing twice: not in a run, and not in a later one."""
    ran = Counter(ident for ident, _ in shop.around.done)
    assert ran.keys() <= reckoning.works.keys(), f"needless: {ran.keys() - reckoning.works.keys()}"
    missing = {
        ident
        for ident, thing in reckoning.works.items()
        if ident not in ran and (ident not in shop.ever or _failed_for_now(ident, thing))
    }
    assert not missing, f"never done: {missing}"
    consumed = {content for ident in ran for content in _inputs(ident)}
    quiet = not any(_failed_for_now(*work) for work in reckoning.works.items())
    asking = any(str(ident[0]).startswith("asks") for ident in reckoning.works)
    for ident, count in ran.items():
        again = ident[0] in EPHEMERAL and asking  # it was dropped, and then a stage asked for it
        assert count <= (TRIES if ident[0] == "flaky" or again else 1), f"{count} times in one run: {ident}"
        if ident not in shop.known or _is_transient(ident, reckoning.works[ident]):
            continue
        if str(ident[0]).endswith("_on") and not quiet:
            continue  # what it handed on then may stand on what is tried again
        assert ident[0] in EPHEMERAL, f"done again: {ident}"
        needed = reckoning.works[ident].content in consumed
        assert needed or ident[0] in {plan.kind for plan in shop.around.plans}, f"made again, and not needed: {ident}"


def what_may_not_run_does_not(step: Step, shop: Shop) -> None:
    """What may only be used is never run, not even for its files; it is refused only where something must run."""
    chance = Random(step.seed)
    program = evolved(step.program, chance)
    barred = frozenset(plan for plan in program.plans if chance.random() < 0.4)
    with shop.barring(barred):
        result = shop.attempt(program, step.seed, fair=step.fair, trouble=Trouble())
    assert not shop.around.faults, shop.around.faults
    if isinstance(result, Failure):
        failure = result.failure()
        assert isinstance(failure, NotRealized), failure
        assert shop.around.known[failure.dref.text] in barred, "it may run"
        shop.run(program, step.seed, fair=step.fair)
        began = shop.around.tries.keys()  # also what asked, and came to nothing
        assert began, "it was refused, and nothing had to run"
    elif not _is_chancy(program):
        _compare(program, result.unwrap(), Reckoning(shop.around, program.outside, step.fair, shop.lucky))


def only_what_is_asked_for_is_there(shop: Shop, program: Program) -> None:
    """Files of ephemeral stages are gone when nobody needs them, and only they."""
    plans = program.plans
    targets = {planned(plans[each], shop.around).dref for each in program.targets}
    records = shop.records.values()
    staying = {each.tree for each in records if not each.ephemeral or each.dref in targets}
    trees = tuple({each.tree for each in records if each.tree is not None})
    there = unwrap(shop.store.present(trees))
    assert there == staying - {None}, "files are kept that nobody needs, or are gone that somebody needs"


def what_nobody_reads_stays(step: Step, shop: Shop) -> None:
    """Whoever asks for a part of what is there, and runs nothing, takes no files from those who asked for more."""
    kept = tuple(each for each in step.program.targets if step.program.lines[each].kind not in EPHEMERAL)
    if not kept or any(line.kind == "fickle" for line in step.program.lines):
        return
    trees = tuple({each.tree for each in shop.records.values() if each.tree is not None})
    before = unwrap(shop.store.present(trees))
    shop.run(evolve(step.program, targets=kept), step.seed, fair=step.fair, replay=replay_always)
    assert shop.around.done == [], "a part of an unchanged run executed something"
    assert unwrap(shop.store.present(trees)) == before, "files are gone that nobody read"


def order_does_not_count(step: Step, seen: list[tuple[str, ...]], shop: Shop) -> None:
    """Whatever runs first, and however much at once: the same realizations, by reference."""
    placed = isinstance(shop.files, RealFiles) and any("source" in line.kind for line in step.program.lines)
    if _is_chancy(step.program) or step.end or placed:  # a source is known by its place
        return
    with shop.another() as other:
        outcomes = other.run(step.program, step.seed + 3, fair=step.fair)
        assert outcomes is not None
        assert told(outcomes) == seen, "the order counts"


def told(outcomes: Sequence[Outcome[object]]) -> list[tuple[str, ...]]:
    return [tuple(map(str, outcome.rrefs)) for outcome in outcomes]


# The laws of what is stored.


def records_are_honest(shop: Shop) -> None:
    """Each record says on what it stands, and comes out of that; no RIGHT stands on a LEFT, but those it tolerates."""
    records = shop.records
    for record in records.values():
        plan = shop.around.known[record.dref.text]
        assert all(rref in records for _, rrefs in record.context.entries for rref in rrefs), "it stands on nothing"
        lefts = [
            rref
            for reference, rrefs in record.context.entries
            for rref in rrefs
            if not reference.tolerate and not isinstance(records[rref].result, Value)
        ]
        assert bool(lefts) == isinstance(record.result, Upstream), f"{plan} is {record.result}, and stands on {lefts}"
        if isinstance(record.result, Upstream) or plan.kind in (*CHANCY, "ring"):
            continue
        told_anew = record.like is not None and record.asked  # it says what the other one asked for
        if isinstance(shop.files, VirtualFiles) and not told_anew:  # a disk forgets what was dropped
            _comes_out_again(shop, plan, record, records)


def _comes_out_again(shop: Shop, plan: Plan, record: Realization, records: dict[Any, Realization]) -> None:
    entries = {reference: [records[rref] for rref in rrefs] for reference, rrefs in record.context.entries}

    def things(reference: Any) -> list[Thing]:
        return [thing_of(each.result, _text(shop, each)) for each in entries[reference]]

    recipe = planned(plan, shop.around).origin if plan in shop.around.plans else None
    if recipe is None or plan.kind == "source":
        return
    actor = recipe.realizer  # type: ignore[union-attr]
    inputs = [things(reference) for reference in actor.references]  # type: ignore[attr-defined]
    order: Any = None

    def need(*wants: Want) -> Seen:
        return [things(actor.wanted(want, order).reference) for want in wants]  # type: ignore[attr-defined]

    attempt = TRIES if plan.kind == "flaky" else 1
    fair = isinstance(record.result, Value)
    if plan.kind == "flaky" and not fair:
        return  # it was stopped before its last attempt
    param = plan.param + plan.version % 2
    thing = act(Job(plan.kind, param, inputs, record.index, attempt, need, fair, lambda: 0, lambda: None))
    assert thing.result == record.result, f"{plan} is {record.result}, and comes to {thing.result}"
    assert thing.file == _text(shop, record)


def _text(shop: Shop, record: Realization) -> str | None:
    if record.tree is None:
        return None
    return shop.store.ever[record.tree]


# What is excused.


def _is_chancy(program: Program) -> bool:
    return any(line.kind in CHANCY for line in program.lines)


def _is_transient(ident: Ident, thing: Thing) -> bool:
    """Work that the next run may do again: it failed for a reason that passes, or stands on such a failure."""
    return _failed_for_now(ident, thing) or any(
        content[0] in ("died", "upstream") or content == ("raised", "ring") for content in _inputs(ident)
    )


def _failed_for_now(ident: Ident, thing: Thing) -> bool:
    return not isinstance(thing.result, Value) and (thing.result.kind == "died" or ident[0] == "flaky")


def _inputs(ident: Ident) -> Iterator[Content]:
    """What went into a piece of work, what it asked for included."""
    for seen in (ident[4], ident[6]):
        for contents in seen:  # type: ignore[attr-defined]
            yield from contents
