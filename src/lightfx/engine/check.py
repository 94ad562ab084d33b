"""Checking a realization: run it again from what is recorded, in a fresh place, and compare.

The order is made from the record alone: its config, and the realizations that
its references were resolved to. Who runs it is found by whoever asks, for this
realization and for those that it stands on, since these say by what types
their values are read. Nothing is committed; the place is discarded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias, final

from attrs import evolve, frozen
from returns.io import IOResult
from returns.result import Failure, Result, Success

from lightfx.core.canonical import Tree, Unstorable, in_order
from lightfx.core.config import Config, Reference
from lightfx.core.damage import DamagedObject, LostObject
from lightfx.core.derivation import Asks, Parts, Realizer
from lightfx.core.failures import EngineFailure
from lightfx.core.manifest import Manifest, digest_of
from lightfx.core.outcome import BadOutput, Left, Returned, Upstream
from lightfx.core.parts import Step
from lightfx.core.realization import BuildOrder, Input, MadeBy, Output, Outputs, Realization, Value, content_of
from lightfx.core.realization import Result as Kept
from lightfx.core.records import spell_result
from lightfx.core.refs import RRef
from lightfx.core.terms import Terms
from lightfx.effects.executor import Finished, Task
from lightfx.effects.store import Forbidden
from lightfx.effects.world import World
from lightfx.engine.orders import given_of
from lightfx.plan.changes import CodeChanged, code_changed
from lightfx.plan.compare import Checked, Different, Identical, NotChecked, field_differences, file_differences

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
    for need, what in lost.unwrap().items():
        how = "are damaged" if isinstance(what, DamagedObject) else "are ephemeral and were dropped"
        why = f"files of {need}, which it stands on, {how}"
        return Success(NotChecked(rref, why, "realize that first, and they are made again"))
    try:
        return _compared(world, recorded, order, realizer.unwrap(), heal=heal)
    finally:
        world.perform.result(world.store.discard((order.place,)))


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


@final
@frozen
class Regardless:
    """A realizer that runs also where its code is not the code that the config names."""

    realizer: Realizer

    @property
    def terms(self) -> Terms:
        """On what conditions it runs."""
        return self.realizer.terms

    @property
    def type(self) -> object:
        """The annotation that values are read by."""
        return self.realizer.type

    def current(self, config: Config, /) -> bool:  # noqa: ARG002 -- that is what it is for
        """Always: whoever asks says that the code changed."""
        return True

    def decode(self, tree: Tree, folder: Path | None, /) -> Result[object, Unstorable]:
        """Read a stored value."""
        return self.realizer.decode(tree, folder)

    def made_by(self) -> MadeBy:
        """Say who would run it."""
        return self.realizer.made_by()

    def parts(self) -> Parts:
        """List what the code consists of now."""
        return self.realizer.parts()

    def part(self, path: tuple[Step, ...], /) -> Realizer:
        """Take a part of what it makes."""
        return self.realizer.part(path)

    def __call__(self, order: BuildOrder, /) -> Result[Outputs, Left | Asks]:
        """Run it."""
        return self.realizer(order)


def _run(world: World, order: BuildOrder, realizer: Realizer) -> Result[Finished, EngineFailure]:
    task = Task(1, order, Regardless(realizer), resources=realizer.terms.resources)
    finished = False
    try:
        started = world.perform.result(world.executor.start((task,)))
        if isinstance(started, Failure):
            return Failure(started.failure())
        while True:
            waited = world.perform.result(world.executor.wait(None))
            if isinstance(waited, Failure):
                return Failure(waited.failure())
            for report in waited.unwrap():
                if isinstance(report, Finished):
                    finished = True
                    return Success(report)
    finally:
        if not finished:
            world.perform.result(world.executor.cancel())


def _compared(
    world: World, recorded: Realization, order: BuildOrder, realizer: Realizer, *, heal: bool
) -> Result[Checked, EngineFailure]:
    code = _code(world, order.config, realizer)
    ran = _run(world, order, realizer)
    if isinstance(ran, Failure):
        return Failure(ran.failure())
    report = ran.unwrap()
    made = report.result.map(_only).value_or(None) or report.result.failure()
    if isinstance(made, Asks):
        return Success(NotChecked(recorded.rref, "it asks for other derivations than it did", _INPUTS_GONE))
    if not isinstance(made, Output | Left):
        return Failure(made)
    compared = _beside(world, recorded, made, report.cost.seconds, code)
    if heal and made.folder is not None and isinstance(compared.value_or(None), Identical):
        ingested = world.perform.result(world.store.ingest((made.folder,)))
        return ingested.bind(lambda _: compared)
    return compared


def _only(outputs: Outputs) -> Output | Left:
    if len(outputs) != 1:
        return Left(BadOutput("the outputs", f"are {len(outputs)}, and 1 was asked for"))
    return outputs[0]


def _code(world: World, config: Config, realizer: Realizer) -> CodeChanged | None:
    """Say what changed of the code since, if it did."""
    if realizer.current(config):
        return None
    codes = world.perform.result(world.store.codes((config.fingerprint,))).value_or({})
    return code_changed(codes.get(config.fingerprint, ()), realizer.parts())


def _beside(
    world: World, recorded: Realization, output: Output | Left, seconds: float, code: CodeChanged | None
) -> Result[Checked, EngineFailure]:
    """Compare what was made with what is recorded."""
    listed = _manifests(world, recorded, output.folder)
    if isinstance(listed, Failure):
        return Failure(listed.failure())
    before, after, forbidden = listed.unwrap()
    found = _kept(output)
    if forbidden is not None and isinstance(found, Value):
        found = BadOutput(forbidden.path, forbidden.why)
    content = content_of(spell_result(found), None if after is None else digest_of(after))
    if content == recorded.content:
        return Success(Identical(recorded.rref, seconds, code))
    fields = field_differences(recorded.result, found)
    files = () if before is None else file_differences(before, after or ())
    return Success(Different(recorded.rref, seconds, recorded.result, found, fields, files, before is None, code))


def _manifests(
    world: World, recorded: Realization, folder: Path | None
) -> Result[tuple[Manifest | None, Manifest | None, Forbidden | None], EngineFailure]:
    """List the recorded files, None where they are gone, and those found; what no object may hold is left out."""
    old = None if recorded.tree is None else world.store.folder_of(recorded.tree)
    listed = world.perform.result(world.store.manifests([each for each in (old, folder) if each is not None]))
    if isinstance(listed, Failure):
        return Failure(listed.failure())
    found = listed.unwrap()
    before = () if old is None else found.get(old)
    after = None if folder is None else found.get(folder)
    intact = None if isinstance(before, Forbidden) else before
    if folder is None or not isinstance(after, Forbidden):
        return Success((intact, None if isinstance(after, Forbidden) else after, None))
    cleared = world.perform.result(world.store.salvage(folder))
    again = cleared.bind(lambda _: world.perform.result(world.store.manifests((folder,))))
    if isinstance(again, Failure):
        return Failure(again.failure())
    rest = again.unwrap().get(folder)
    return Success((intact, None if isinstance(rest, Forbidden) else rest, after))


def _kept(output: Output | Left) -> Kept:
    """An output as it would be stored."""
    if not isinstance(output, Left):
        return Value(in_order(output.tree))
    cause = output.cause
    return evolve(cause, error=in_order(cause.error)) if isinstance(cause, Returned) else cause
