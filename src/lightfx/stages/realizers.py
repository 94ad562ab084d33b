"""The low level: derivations of a config, a matcher and a realizer that one brings along.

`derivation` makes one of any `Realizer`; `realizer` makes a realizer of a plain function of the `BuildOrder`, which
answers for all outputs at once: it may give several, some of them LEFT. Here nobody decodes parameters or encodes
values: the function reads the config as it is spelled, and gives trees.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar, final, overload

from attrs import field, frozen
from returns.result import Failure, Result, Success

from lightfx.codec.values import codec_of
from lightfx.core.canonical import Tree, Unstorable, files_in, render_path, spell_checked
from lightfx.core.choosing import Matcher
from lightfx.core.config import Config
from lightfx.core.derivation import Asks, Dependency, Derivation, Parts, Realizer, Recipe
from lightfx.core.names import Name
from lightfx.core.outcome import BadOutput, Left
from lightfx.core.realization import BuildOrder, MadeBy, Output, Outputs
from lightfx.core.refs import DRef
from lightfx.core.terms import PLAIN, Resources, Retry, Terms
from lightfx.stages.build import codec_for
from lightfx.stages.fields import spell_fields
from lightfx.stages.running import StageRealizer
from lightfx.stages.signature import StageError
from lightfx.stages.stage import Core, Options
from lightfx.stages.surroundings import made_by

if TYPE_CHECKING:
    from lightfx.core.parts import Step

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Making: TypeAlias = Callable[[BuildOrder], Result[Outputs, Left | Asks]]
_NEVER = Retry(times=0)


@final
@frozen(eq=False)
class FunctionRealizer(Generic[T_co]):
    """Realizes by a function of the whole order; ``type`` is what its values are read by. Made by `realizer`."""

    core: Core
    making: Making = field(repr=False)
    type: object

    @property
    def terms(self) -> Terms:
        """On what conditions it runs."""
        return self.core.options.terms

    @cached_property
    def code(self) -> Mapping[str, Tree]:
        """What stands for its code in a config."""
        found: Mapping[str, Tree] = json.loads("{" + self.core.ending())["code"]
        return found

    def current(self, config: Config, /) -> bool:
        """Tell whether the code that would run is the code that ``config`` names."""
        return config.tree["code"] == self.code and self.core.arrived

    def decode(self, tree: Tree, folder: Path | None, /) -> Result[object, Unstorable]:
        """Read a stored value."""
        return codec_for(self.type).decode(tree, folder)

    def made_by(self) -> MadeBy:
        """Say who would run it."""
        return made_by(self.core.function.__module__)

    def parts(self) -> Parts:
        """List what the code consists of now."""
        code = self.core.code()
        return () if code is None else code.parts

    def part(self, path: tuple[Step, ...], /) -> Realizer:
        """Take a part of the value."""
        from lightfx.stages.parts import part_realizer  # noqa: PLC0415 -- few plans take parts

        return part_realizer(self.type, path)

    def __call__(self, order: BuildOrder, /) -> Result[Outputs, Left | Asks]:
        """Make the outputs; one that does not fit the annotation is LEFT, as nobody could ever read it."""
        made = self.making(order)
        if not isinstance(made, Success) or not isinstance(made.unwrap(), tuple):
            return made  # who runs it says what is wrong with it
        return Success(tuple(self._fitting(each) if isinstance(each, Output) else each for each in made.unwrap()))

    def _fitting(self, output: Output) -> Output | Left:
        if output.folder is not None and not output.folder.is_dir():
            return Left(BadOutput("the output", "names a folder that is not there"))
        read = self.decode(output.tree, output.folder)
        if isinstance(read, Failure):
            culprit = read.failure()
            bad = BadOutput(render_path(culprit.path) or "the value", culprit.reason)
        else:
            folder = output.folder or Path()  # of a value that names files, or it would not have been read
            lacking = next((each for each in files_in(output.tree) if not (folder / each).exists()), None)
            if lacking is None:
                return output
            bad = BadOutput(lacking, "is in the value, and does not exist in its folder")
        return Left(bad, folder=output.folder)


@overload
def realizer(
    making: Making,
    value: type[T],
    /,
    *,
    name: str | None = None,
    version: str | None = None,
    outputs: int = 1,
    timeout: float | None = None,
    resources: Resources = PLAIN,
    retry: Retry = _NEVER,
) -> FunctionRealizer[T]: ...
@overload
def realizer(
    making: Making,
    value: object,
    /,
    *,
    name: str | None = None,
    version: str | None = None,
    outputs: int = 1,
    timeout: float | None = None,
    resources: Resources = PLAIN,
    retry: Retry = _NEVER,
) -> FunctionRealizer[object]: ...
def realizer(
    making: Making,
    value: object,
    /,
    *,
    name: str | None = None,
    version: str | None = None,
    outputs: int = 1,
    timeout: float | None = None,
    resources: Resources = PLAIN,
    retry: Retry = _NEVER,
) -> FunctionRealizer[object]:
    """Make a `Realizer` of a function of the order, for `derivation`.

    ``making`` gets a `BuildOrder`, and gives an `Output` or a `Left` for each of
    ``order.indices``; or one ``Failure(Left(...))`` for all. An output is the
    tree of its value, and the folder with its files, ``order.folder(index)``,
    which it makes first. ``value`` is the annotation that trees are read by.
    The rest is as in `stage`.

    Raises `StageError` where there is no codec for ``value``.
    """
    made = codec_of(value)
    if isinstance(made, Failure):
        raise StageError(f"{getattr(making, '__name__', 'it')} is no realizer: the value {made.failure().reason}")
    options = Options(version, name, (), Terms(outputs, timeout, resources, retry))
    return FunctionRealizer(Core(making, options, {}), making, value)


@overload
def derivation(
    config: Mapping[str, object],
    matcher: Matcher[T],
    realizer: FunctionRealizer[T],
    /,
    *,
    name: str | None = None,
    version: str | None = None,
) -> Derivation[T]: ...
@overload
def derivation(
    config: Mapping[str, object],
    matcher: Matcher[object],
    realizer: Realizer,
    /,
    *,
    name: str | None = None,
    version: str | None = None,
) -> Derivation[object]: ...
def derivation(
    config: Mapping[str, object],
    matcher: Matcher[T],
    realizer: Realizer,
    /,
    *,
    name: str | None = None,
    version: str | None = None,
) -> Derivation[T]:
    """Make a derivation of its three parts, where a stage is not what you want.

    ``config`` holds plain values, derivations and promises (`out`). ``matcher``
    chooses among realizations. ``realizer`` is one that `realizer` made, whose
    code is part of the identity, or any `Realizer` of your own: of that one the
    class counts by its name, with ``version``, so change the version when the
    class gives other results.

    Raises `UnstorableError`, with the path, for what cannot be in a config, and
    ``TypeError`` for what is none of the three.

    >>> def draw(order: BuildOrder) -> Result[Outputs, Left | Asks]:
    ...     return Success(tuple(Output(order.config.tree["args"]["n"] + index) for index in order.indices))
    >>> from lightfx.core.choosing import First
    >>> derivation({"n": 3}, First(), realizer(draw, int, version="1")).dref.name.text
    'draw'
    """
    _check_parts(config, realizer)
    fields, needs = spell_fields(config)
    if isinstance(realizer, FunctionRealizer):
        name = name or realizer.core.name
    named = Name.made_of(name or type(realizer).__name__).text
    recipe = recipe_of(
        fields, needs, realizer, {**code_of(realizer), **({"version": version} if version else {})}, named
    )
    return Derivation[T](recipe).choose(matcher)


def _check_parts(config: object, realizer: object) -> None:
    if not isinstance(config, Mapping):
        raise TypeError(f"a derivation takes its parameters as a mapping, not {type(config).__name__}")
    if not hasattr(realizer, "terms"):
        kind = type(realizer).__name__
        raise TypeError(f"a derivation takes a Realizer, not {kind}: realizer(function, type) makes one")


def code_of(realizer: Realizer) -> Mapping[str, Tree]:
    """What stands for the code of a realizer in a config."""
    if isinstance(realizer, FunctionRealizer):
        return realizer.code
    if isinstance(realizer, StageRealizer):
        found: Mapping[str, Tree] = json.loads("{" + realizer.core.ending())["code"]
        return found
    kind = type(realizer)
    return {"realizer": f"{kind.__module__}:{kind.__qualname__}"}


def recipe_of(
    fields: Mapping[str, Tree],
    needs: tuple[Dependency, ...],
    realizer: Realizer,
    code: Mapping[str, Tree],
    name: str,
) -> Recipe:
    """Make the recipe with these parameters, this code, under this name."""
    config = Config(f'{{"args":{spell_checked(fields)},"code":{spell_checked(code)},"name":"{name}"}}')
    return Recipe(config, DRef.of(config.text, name), realizer, needs)
