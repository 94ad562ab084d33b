"""Running something again from an order, and putting what comes of it beside what is recorded.

Nothing is committed. The order's place holds what was made until whoever made
the order discards it.
"""

from __future__ import annotations

from pathlib import Path
from typing import final

from attrs import evolve, frozen
from returns.result import Failure, Result, Success

from lightfx.core.canonical import Tree, Unstorable, in_order
from lightfx.core.config import Config
from lightfx.core.derivation import Asks, Parts, Realizer
from lightfx.core.failures import EngineFailure
from lightfx.core.manifest import Manifest, digest_of
from lightfx.core.outcome import BadOutput, Left, Returned
from lightfx.core.parts import Step
from lightfx.core.realization import BuildOrder, MadeBy, Output, Outputs, Realization, Value, content_of
from lightfx.core.realization import Result as Kept
from lightfx.core.records import spell_result
from lightfx.core.terms import Terms
from lightfx.effects.executor import Finished, Task
from lightfx.effects.store import Forbidden
from lightfx.effects.world import World
from lightfx.plan.changes import CodeChanged
from lightfx.plan.compare import Checked, Different, Identical, field_differences, file_differences


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


def run_again(world: World, order: BuildOrder, realizer: Realizer) -> Result[Finished, EngineFailure]:
    """Carry an order out, whatever code it was made of."""
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


def only_one(outputs: Outputs) -> Output | Left:
    """The only output that was asked for; a LEFT where there are others."""
    if len(outputs) != 1:
        return Left(BadOutput("the outputs", f"are {len(outputs)}, and 1 was asked for"))
    return outputs[0]


# Beside what is recorded.


def beside(
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
