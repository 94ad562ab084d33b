"""The realizer of a part: reads the whole, takes the part, and stores it as a value of its own.

A part is made anew when the whole changes, which costs a copy of the files that
are in the part, and stands for itself: what uses it is rebuilt only when the
part's own content changes (early cutoff).
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import final

from attrs import frozen
from returns.result import Failure, Result, Success

from lightfx.codec.parts import annotation_of_part, part_of
from lightfx.codec.values import Encoded
from lightfx.core.canonical import Tree, Unstorable
from lightfx.core.config import Config
from lightfx.core.derivation import Asks, Realizer
from lightfx.core.outcome import BadOutput, Left, Right
from lightfx.core.parts import NoPartError, Step
from lightfx.core.raising import raised
from lightfx.core.realization import BuildOrder, Input, MadeBy, Output, Outputs
from lightfx.core.terms import Terms
from lightfx.stages.build import codec_for, outcome_of
from lightfx.stages.surroundings import made_by


@final
@frozen(eq=False)
class PartRealizer:
    """Takes the part at ``path`` of the one value that it is given; ``type`` is the annotation of the part."""

    path: tuple[Step, ...]
    type: object
    terms: Terms = Terms()

    def current(self, config: Config, /) -> bool:  # noqa: ARG002 -- there is no user code in it
        """Always: a path is all there is to it, and stands in the config."""
        return True

    def decode(self, tree: Tree, folder: Path | None, /) -> Result[object, Unstorable]:
        """Read the part."""
        return codec_for(self.type).decode(tree, folder)

    def made_by(self) -> MadeBy:
        """Say who would take the part."""
        return made_by("")

    def parts(self) -> tuple[tuple[str, str], ...]:
        """Nothing: there is no user code in it."""
        return ()

    def part(self, path: tuple[Step, ...], /) -> Realizer:
        """Take a part of the part."""
        return part_realizer(self.type, path)

    def __call__(self, order: BuildOrder, /) -> Result[Outputs, Left | Asks]:
        """Take the part."""
        (reference, given), *_ = order.inputs.items()
        whole = outcome_of(reference, given)
        if isinstance(whole, Left):
            return Failure(whole)
        folder = order.folder(order.indices[0])
        try:
            made = self._made(whole, given, folder)
        except (OSError, LookupError, shutil.Error) as error:
            places = {str(each.folder): f"<{each.rref.dref.name}>" for each in given.given if each.folder is not None}
            return Failure(Left(raised(error, {str(folder): "build.out", **places})))
        return made.map(lambda output: (output,))

    def _made(self, whole: Right[object], given: Input, folder: Path) -> Result[Output, Left]:
        source = given.given[0].folder or folder
        encoded = codec_for(self.type).encode(part_of(whole.value, self.path), source)
        if isinstance(encoded, Failure):
            return Failure(Left(BadOutput("the part", encoded.failure().sentence)))
        found: Encoded = encoded.unwrap()
        for name in found.files:
            _copy(source / name, folder / name)
        return Success(Output(found.tree, folder if found.files else None))


def _copy(source: Path, home: Path) -> None:
    home.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, home, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copy2(source, home)


def part_realizer(annotation: object, path: tuple[Step, ...]) -> PartRealizer:
    """Make the realizer of a part of what is annotated so; raises `NoPartError` where there is no such part."""
    found = annotation_of_part(annotation, path)
    if isinstance(found, Failure):
        raise NoPartError(f"the value {found.failure().reason}")
    return PartRealizer(path, found.unwrap())
