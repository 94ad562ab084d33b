"""Running a stage function: the realizer behind every derivation that a stage makes.

The function sees its parameters as decoded from the stored config. What it
returns is encoded by its annotation; what it raises is recorded; a folder that
it wrote goes along, half-done or whole.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from types import CellType, FunctionType
from typing import TYPE_CHECKING, final

from attrs import field, frozen
from returns.result import Failure, Result, Success

from lightfx.codec.values import Codec, Encoded
from lightfx.core.canonical import Tree, Unstorable, render_path
from lightfx.core.config import Config
from lightfx.core.derivation import Asks, Dependency, Realizer
from lightfx.core.outcome import BadOutput, Cause, Left, Returned
from lightfx.core.promised import promised_in
from lightfx.core.raising import raised
from lightfx.core.realization import BuildOrder, MadeBy, Output, Outputs
from lightfx.core.terms import Terms
from lightfx.stages.build import Build, Suspended
from lightfx.stages.promises import broken, placed
from lightfx.stages.signature import Function, Signature, StageError
from lightfx.stages.surroundings import made_by

if TYPE_CHECKING:
    from lightfx.core.parts import Step
    from lightfx.stages.stage import Core


@final
@frozen(eq=False)
class StageRealizer:
    """Realizes the derivations of one stage; ``frozen_function`` stands in for a closure whose cells may move on."""

    core: Core
    frozen_function: Function | None = field(default=None, repr=False)

    @property
    def terms(self) -> Terms:
        """On what conditions the stage runs."""
        return self.core.options.terms

    @property
    def type(self) -> object:
        """The annotation that values are read by."""
        return self.core.signature.type

    def current(self, config: Config, /) -> bool:
        """Tell whether the code that would run is the code that ``config`` names."""
        return config.text.endswith(self.core.ending()) and self.core.arrived

    def decode(self, tree: Tree, folder: Path | None, /) -> Result[object, Unstorable]:
        """Read a stored value."""
        return self.core.signature.codec.decode(tree, folder)

    def made_by(self) -> MadeBy:
        """Say who would run the stage, now and here."""
        return made_by(self.core.function.__module__, self.core.path)

    def parts(self) -> tuple[tuple[str, str], ...]:
        """List what the code consists of now; nothing where it has no fingerprint, or has none any more."""
        try:
            code = self.core.code()
        except StageError:  # it was planned, and something that it names became what has no fingerprint
            return ()
        return () if code is None else code.parts

    def part(self, path: tuple[Step, ...], /) -> Realizer:
        """Take a part of the value."""
        from lightfx.stages.parts import part_realizer  # noqa: PLC0415 -- few plans take parts

        return part_realizer(self.type, path)

    def __call__(self, order: BuildOrder, /) -> Result[Outputs, Left | Asks]:
        """Run the function once for each output; one that fails takes no other along.

        Each is run as far as it gets, and all that they ask for is asked for at once.
        """
        made: list[Output | Left] = []
        asked: list[Dependency] = []
        for index in order.indices:
            try:
                made.append(self._output(self.core.signature.build(order, index), order.config))
            except Suspended as suspended:
                asked += suspended.needs
        return Failure(Asks(tuple(asked))) if asked else Success(tuple(made))

    def _output(self, build: Build, config: Config) -> Output | Left:
        made = run(self.frozen_function or self.core.function, self.core.signature, config, build)
        if build.suspended is not None:
            raise build.suspended
        if isinstance(made, Failure):
            return Left(made.failure(), folder=build.folder if build.folder.exists() else None)
        return made.unwrap()


def run(function: Function, signature: Signature, config: Config, build: Build) -> Result[Output, Cause]:
    """Run a stage function for one output."""
    parameters = config.tree["args"]
    promises = promised_in(config.text, parameters)
    decoded = signature.fields.decode(placed(parameters, build.folder) if promises else parameters)
    if isinstance(decoded, Failure):
        return Failure(BadOutput("parameters", decoded.failure().sentence))
    try:
        for each in promises:
            (build.out / each).parent.mkdir(parents=True, exist_ok=True)
        returned = function(build, *signature.nameless_of(values := decoded.unwrap()), **values)
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- the function is the user's own code
        return Failure(raised(error, build.places, build.order.veil.cover))
    missing = broken(promises, build.folder) if promises else None
    if missing is not None and not isinstance(returned, Failure):
        return Failure(BadOutput(missing, "was promised by a parameter, and does not exist in build.out"))
    if signature.error is None:
        return stored_form(signature.codec, build, returned)
    if isinstance(returned, Success):
        return stored_form(signature.codec, build, returned.unwrap())
    if isinstance(returned, Failure):
        return Failure(_returned(signature, build, returned.failure()))
    return Failure(BadOutput("the value", f"is of type {type(returned).__name__}, not Result"))


def _returned(signature: Signature, build: Build, error: object) -> Cause:
    if signature.error is None:
        return BadOutput("the failure", "was returned by a stage whose annotation says no Result")
    encoded = signature.error.encode(error, build.folder)
    if isinstance(encoded, Failure):
        return BadOutput(*_culprit(encoded.failure(), "the failure"))
    return Returned(type(error).__name__, encoded.unwrap().tree)


def stored_form(codec: Codec[object], build: Build, value: object) -> Result[Output, Cause]:
    """Encode the value of a build, with the files that it wrote."""
    written = build.wrote
    encoded = codec.encode(value, build.folder)
    if isinstance(encoded, Failure):
        return Failure(BadOutput(*_culprit(encoded.failure(), "the value")))
    made = encoded.unwrap()
    return _with_folder(made, build.folder) if written or made.files else Success(Output(made.tree))


def _culprit(unstorable: Unstorable, root: str) -> tuple[str, str]:
    return render_path(unstorable.path) or root, unstorable.reason


def _with_folder(encoded: Encoded, folder: Path) -> Result[Output, Cause]:
    for path in encoded.files:
        if not (folder / path).exists():
            return Failure(BadOutput(path, "is in the value, and does not exist in build.out"))
    # What is no folder any more is handed on: who stores it says so.
    written = folder.exists() and (bool(encoded.files) or not folder.is_dir() or any(folder.iterdir()))
    return Success(Output(encoded.tree, folder if written else None))


def captured_by(function: Function) -> dict[str, object]:
    """The plain values that a closure holds now; functions, classes and modules are code, and fingerprinted as such."""
    cells = getattr(function, "__closure__", None)
    if not cells or not isinstance(function, FunctionType):
        return {}
    from lightfx.stages.code import is_code  # noqa: PLC0415 -- needed by closures alone

    values: dict[str, object] = {}
    for name, cell in zip(function.__code__.co_freevars, cells, strict=True):
        try:
            value: object = cell.cell_contents
        except ValueError:  # a variable that has no value yet; to use it is an error that the stage will tell
            continue
        if not is_code(value):
            values[name] = value
    return values


def freeze(function: Function, captured: Mapping[str, object]) -> Function:
    """Copy a closure with the values that its cells hold now: they may move on before it runs."""
    if not captured or not isinstance(function, FunctionType) or function.__closure__ is None:
        return function
    cells = tuple(
        CellType(copy.deepcopy(captured[name])) if name in captured else cell
        for name, cell in zip(function.__code__.co_freevars, function.__closure__, strict=True)
    )
    frozen_one = FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__, cells)
    frozen_one.__kwdefaults__ = function.__kwdefaults__
    frozen_one.__qualname__, frozen_one.__module__ = function.__qualname__, function.__module__
    return frozen_one
