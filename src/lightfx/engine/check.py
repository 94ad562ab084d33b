"""Checking a realization: run it again from what is recorded, in a fresh place, and compare.

The order is made from the record alone: its config, and the realizations that
its references were resolved to. Who runs it is found by whoever asks, for this
realization and for those that it stands on, since these say by what types
their values are read. Nothing is committed; the place is discarded.

Files of ephemeral inputs may have been dropped. They are made again, each in a
private place of its own, and what they are made of before them; only what comes
out as it is recorded is handed on. What does not is the answer then: nobody can
tell what would come of the recorded files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias, final

from attrs import define, evolve
from returns.io import IOResult
from returns.result import Failure, Result, Success

from lightfx.core.config import Config, Reference
from lightfx.core.damage import DamagedObject, LostObject
from lightfx.core.derivation import Asks, Realizer
from lightfx.core.failures import EngineFailure
from lightfx.core.outcome import Left, Upstream
from lightfx.core.realization import BuildOrder, Input, Output, Realization, Value
from lightfx.core.refs import RRef
from lightfx.effects.world import World
from lightfx.engine.guarding import may_store
from lightfx.engine.orders import given_of
from lightfx.engine.rerunning import beside, only_one, run_again
from lightfx.plan.changes import CodeChanged, code_changed
from lightfx.plan.compare import Checked, Identical, NotChecked

RealizerOf: TypeAlias = Callable[[Realization], Result[Realizer, str]]
"""Finds what makes the outputs of a realization, or says why it cannot."""

_INPUTS_GONE = "run the plan again, and check what that stores"


def check(world: World, rref: RRef, realizer_of: RealizerOf, /) -> IOResult[Checked, EngineFailure]:
    """Run a realization again and compare: its value and its files, byte by byte. Stores nothing."""
    _wanted(rref)
    with world.perform.turn():
        return IOResult.from_result(_check(world, rref, realizer_of, heal=False))


def heal(world: World, rref: RRef, realizer_of: RealizerOf, /) -> IOResult[Checked, EngineFailure]:
    """Run a realization again whose files are damaged or gone; what comes out the same takes their place."""
    with world.perform.turn():
        return IOResult.from_result(_check(world, rref, realizer_of, heal=True))


def _wanted(rref: object) -> None:
    """Say what is wrong with a call, where no type checker did."""
    if not isinstance(rref, RRef):
        hint = "RRef.parse(text) reads one" if isinstance(rref, str) else "a Right holds its own in `rrefs`"
        raise TypeError(f"the reference of a realization is wanted, not {type(rref).__name__}: {hint}")


def _check(world: World, rref: RRef, realizer_of: RealizerOf, *, heal: bool) -> Result[Checked, EngineFailure]:
    # It runs in a folder of the store: where there can be none, no stage is to blame.
    writable = may_store(world)
    if isinstance(writable, Failure):
        return Failure(writable.failure())
    found = _job(world, rref, realizer_of, heal=heal)
    if isinstance(found, Failure):
        return Failure(found.failure())
    job = found.unwrap()
    if isinstance(job, NotChecked):
        return Success(job)
    places = [job.order.place]
    try:
        return _carried_out(world, job, realizer_of, places, heal=heal)
    finally:
        world.perform.result(world.store.discard(places))


@final
@define(eq=False)
class _Job:
    """What is run again: its record, the order made of that, who carries it out, and inputs whose files are gone."""

    recorded: Realization
    order: BuildOrder
    realizer: Realizer
    lost: list[RRef]


def _job(world: World, rref: RRef, realizer_of: RealizerOf, *, heal: bool) -> Result[_Job | NotChecked, EngineFailure]:
    read = world.perform.result(world.store.realizations((rref,)))
    configs = world.perform.result(world.store.configs((rref.dref,)))
    if isinstance(read, Failure):
        return Failure(read.failure())
    if isinstance(configs, Failure):
        return Failure(configs.failure())
    recorded, config = read.unwrap().get(rref), configs.unwrap().get(rref.dref)
    if recorded is None or config is None:
        return Success(NotChecked(rref, "it is not stored"))
    if _is_source(config) and not heal:
        return Success(NotChecked(rref, "it is a copy of a file or folder from outside, and nothing made it"))
    if isinstance(recorded.result, Upstream):
        return Success(NotChecked(rref, "it was not run, since it stands on what is LEFT", "check the root"))
    realizer = realizer_of(recorded)
    if isinstance(realizer, Failure):
        return Success(NotChecked(rref, realizer.failure(), "give the plan that it is in, with `--plan module:plan`"))
    if realizer.unwrap().terms.stored_only:
        return Success(NotChecked(rref, "its plan says that it may not run", "give the plan without `realized`"))
    ordered = _order(world, recorded, config, realizer_of)
    if isinstance(ordered, Failure):
        return Failure(ordered.failure())
    order = ordered.unwrap()
    if isinstance(order, NotChecked):
        return Success(order)
    lost = _lost(world, order)
    if isinstance(lost, Failure):
        return Failure(lost.failure())
    damaged = next((need for need, what in lost.unwrap().items() if isinstance(what, DamagedObject)), None)
    if damaged is not None:
        why = f"files of {damaged}, which it stands on, are damaged"
        return Success(NotChecked(rref, why, "realize that first, and they are made again"))
    return Success(_Job(recorded, order, realizer.unwrap(), list(lost.unwrap())))


def _is_source(config: Config) -> bool:
    code = config.tree.get("code")
    return isinstance(code, dict) and "source" in code


def _lost(world: World, order: BuildOrder) -> Result[Mapping[RRef, LostObject], EngineFailure]:
    """Which of the inputs have lost their files."""
    given = [each for every in order.inputs.values() for each in every.given if each.folder is not None]
    read = world.perform.result(world.store.realizations(tuple(each.rref for each in given)))
    if isinstance(read, Failure):
        return Failure(read.failure())
    trees = {rref: realization.tree for rref, realization in read.unwrap().items() if realization.tree is not None}
    looked = world.perform.result(world.store.unsound(tuple(trees.values())))
    return looked.map(lambda lost: {rref: lost[tree] for rref, tree in trees.items() if tree in lost})


# The order.


def _order(
    world: World, recorded: Realization, config: Config, realizer_of: RealizerOf
) -> Result[BuildOrder | NotChecked, EngineFailure]:
    wanted = [*recorded.context.entries, *((reference, ()) for reference, _ in recorded.asked)]
    drefs = tuple({reference.dref: None for reference, _ in wanted})
    rows = world.perform.result(world.store.listed(drefs, frozenset(drefs)))
    if isinstance(rows, Failure):
        return Failure(rows.failure())
    known = {row.stored.rref: row.realization for row in rows.unwrap()}
    stored = {rref: each for rref, each in known.items() if each is not None}
    entries = dict(recorded.context.entries)
    for reference, contents in recorded.asked:
        if reference in entries:
            continue
        found = {each.content: rref for rref, each in stored.items() if rref.dref == reference.dref}
        entries[reference] = tuple(found[content] for content in contents if content in found)
        if len(entries[reference]) < len(contents):
            return Success(NotChecked(recorded.rref, f"what it got of {reference.dref} is gone", _INPUTS_GONE))
    inputs: dict[Reference, Input] = {}
    for reference, rrefs in entries.items():
        gone = next((rref for rref in rrefs if rref not in stored), None)
        if gone is not None:
            return Success(NotChecked(recorded.rref, f"{gone}, which it stands on, is gone", _INPUTS_GONE))
        given = tuple(given_of(stored[rref], world.store) for rref in rrefs)
        kind = _type(world, [stored[rref] for rref in rrefs], realizer_of)
        if isinstance(kind, Failure):
            return Success(NotChecked(recorded.rref, kind.failure(), "give the plan, with `--plan module:plan`"))
        inputs[reference] = Input(kind.unwrap(), reference.take, reference.tolerate, given)
    place, asked = world.store.place(), frozenset(reference for reference, _ in recorded.asked)
    return Success(BuildOrder(recorded.dref, config, recorded.key, (recorded.index,), place, inputs, asked=asked))


def _type(world: World, given: list[Realization], realizer_of: RealizerOf) -> Result[object, str]:
    """Say by what the values of an input are read; a LEFT holds none."""
    right = next((each for each in given if isinstance(each.result, Value)), None)
    if right is None:
        return Success(object)
    configs = world.perform.result(world.store.configs((right.dref,))).value_or({})
    config = configs.get(right.dref)
    if config is not None and _is_source(config):
        return Success(Path)
    return realizer_of(right).map(lambda realizer: realizer.type)


# The run.


def _carried_out(
    world: World, job: _Job, realizer_of: RealizerOf, places: list[Path], *, heal: bool
) -> Result[Checked, EngineFailure]:
    """Run a job, after those that make its dropped inputs again; ``places`` takes in where."""
    made: dict[RRef, Path | None] = {}
    jobs, begun = [job], {job.recorded.rref}
    while True:
        last = jobs[-1]
        need = next((each for each in last.lost if each not in made), None)
        if need is not None:
            if need in begun:
                return Success(NotChecked(job.recorded.rref, f"by its records {need} stands on itself"))
            begun.add(need)
            below = _job(world, need, realizer_of, heal=False)
            if isinstance(below, Failure):
                return Failure(below.failure())
            found = below.unwrap()
            if isinstance(found, NotChecked):
                why = f"files of {need}, which it stands on, were dropped, and cannot be made again: {found.why}"
                return Success(NotChecked(job.recorded.rref, why, found.hint))
            places.append(found.order.place)
            jobs.append(found)
            continue
        compared = _compared(world, last, made, heal=heal and last is job)
        if isinstance(compared, Failure):
            return Failure(compared.failure())
        checked, folder = compared.unwrap()
        if last is job or not isinstance(checked, Identical):
            return Success(checked)
        made[last.recorded.rref] = folder
        jobs.pop()


def _compared(
    world: World, job: _Job, made: Mapping[RRef, Path | None], *, heal: bool
) -> Result[tuple[Checked, Path | None], EngineFailure]:
    """Run a job on what is stored, and on what was made again; gives the folder that came of it, too."""
    code = _code(world, job.order.config, job.realizer)
    ran = run_again(world, _with_files(job.order, made), job.realizer)
    if isinstance(ran, Failure):
        return Failure(ran.failure())
    report = ran.unwrap()
    output = report.result.map(only_one).value_or(None) or report.result.failure()
    if isinstance(output, Asks):
        why = "it asks for other derivations than it did"
        return Success((NotChecked(job.recorded.rref, why, _INPUTS_GONE), None))
    if not isinstance(output, Output | Left):
        return Failure(output)
    folder = output.folder
    compared = beside(world, job.recorded, output, report.cost.seconds, code)
    if heal and folder is not None and isinstance(compared.value_or(None), Identical):
        ingested = world.perform.result(world.store.ingest((folder,)))
        if isinstance(ingested, Failure):
            return Failure(ingested.failure())
    return compared.map(lambda checked: (checked, folder))


def _with_files(order: BuildOrder, made: Mapping[RRef, Path | None]) -> BuildOrder:
    """Let an order read its dropped inputs where they were made again."""
    inputs = {
        reference: evolve(each, given=tuple(evolve(one, folder=made.get(one.rref, one.folder)) for one in each.given))
        for reference, each in order.inputs.items()
    }
    return evolve(order, inputs=inputs) if made else order


def _code(world: World, config: Config, realizer: Realizer) -> CodeChanged | None:
    """Say what changed of the code since, if it did."""
    if realizer.current(config):
        return None
    codes = world.perform.result(world.store.codes((config.fingerprint,))).value_or({})
    return code_changed(codes.get(config.fingerprint, ()), realizer.parts())
