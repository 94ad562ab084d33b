"""`@stage`: from a typed function to a maker of derivations.

A call of a stage binds its arguments, spells them by their annotations into a
config together with the fingerprint of the code, and names the derivation by
it. Nothing runs, and nothing is written. What cannot be stored is refused here,
with the path to it.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property, update_wrapper
from typing import TYPE_CHECKING, Concatenate, Final, Generic, ParamSpec, TypeVar, final, overload

from attrs import define, field, frozen
from returns.result import Failure, Result

from lightfx.codec.values import Codec, codec_of
from lightfx.core.canonical import Tree, spell_checked
from lightfx.core.config import Config, UnstorableError
from lightfx.core.derivation import Derivation, Realizer, Recipe
from lightfx.core.names import Name
from lightfx.core.refs import DRef
from lightfx.core.terms import PLAIN, Resources, Retry, Terms
from lightfx.stages.build import Build
from lightfx.stages.kinds import kinds_of
from lightfx.stages.running import StageRealizer, captured_by, freeze
from lightfx.stages.signature import Function, Signature, StageError, hints_of, signature_of
from lightfx.stages.surroundings import version_of

if TYPE_CHECKING:
    from lightfx.stages.fingerprint import Fingerprint

P = ParamSpec("P")
B = TypeVar("B", bound=Build)
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
E = TypeVar("E")

_NEVER: Final = Retry(times=0)


@final
@frozen
class Options:
    """What a stage was declared with; see `stage`."""

    version: str | None = None
    name: str | None = None
    packages: tuple[str, ...] = ()
    terms: Terms = Terms()


@final
@frozen(eq=False)
class Shipped:
    """What goes along with a function that is given to a worker by value: its hints, and the end of its configs."""

    hints: Mapping[str, object]
    ending: str


@final
@define(eq=False)
class Core:
    """The untyped inside of a stage: function, options, signature, code. Shared by all its derivations."""

    function: Function
    options: Options
    namespace: Mapping[str, object] = field(repr=False)
    shipped: Shipped | None = field(default=None, repr=False)
    _code: Fingerprint | None = field(default=None, init=False)
    _ending: str = field(default="", init=False)

    @cached_property
    def signature(self) -> Signature:
        """What the function takes and gives, read on first use."""
        return signature_of(self.function, self.hints)

    @cached_property
    def hints(self) -> Mapping[str, object]:
        """The annotations of the function, resolved."""
        return hints_of(self.function, self.namespace) if self.shipped is None else self.shipped.hints

    @cached_property
    def name(self) -> str:
        """The name of the derivations."""
        wanted: str = self.options.name or str(getattr(self.function, "__name__", ""))
        return Name.made_of(wanted).text

    @cached_property
    def realizer(self) -> StageRealizer:
        """The realizer of all derivations, where the function captures nothing."""
        return StageRealizer(self)

    def code(self) -> Fingerprint | None:
        """The fingerprint of the code as it is now; None where the user owns the version."""
        if self.options.version is not None or self.shipped is not None:
            return None
        if self._code is None or not self._code.holds():
            from lightfx.stages.fingerprint import fingerprint  # noqa: PLC0415 -- needed by the first call, not before

            made = fingerprint(self.function, kinds_of(self.hints))
            if isinstance(made, Failure):
                raise StageError(made.failure().sentence)
            self._code, self._ending = made.unwrap(), ""
        return self._code

    def ending(self) -> str:
        """How each config of this stage ends: code and name, spelled."""
        if self.shipped is not None:
            return self.shipped.ending
        code = self.code()
        if not self._ending:
            identity: dict[str, Tree]
            if code is None:
                identity = {"version": self.options.version, "of": self.path}
            else:
                identity = {"fingerprint": code.digest}
            if self.options.packages:
                identity["packages"] = {each: _version(each) for each in self.options.packages}
            self._ending = f'"code":{spell_checked(identity)},"name":"{self.name}"}}'
        return self._ending

    @cached_property
    def arrived(self) -> bool:
        """Whether a function that came by value is still what it was, with all that it names, as far as can be told."""
        if self.shipped is None or self.options.version is not None:
            return True
        from lightfx.stages.fingerprint import fingerprint  # noqa: PLC0415 -- as above

        found = fingerprint(self.function, kinds_of(self.hints)).map(lambda made: made.digest)
        return found.map(lambda digest: digest in self.ending()).value_or(True)

    @property
    def path(self) -> str:
        """Module and qualified name: how a function is told from its namesakes where no fingerprint tells."""
        return f"{_module_name(self.function.__module__)}:{self.function.__qualname__}"

    def __reduce__(self) -> tuple[Callable[..., Core], tuple[object, ...]]:
        """Ship by name where a worker can import the stage, and by value (which takes cloudpickle) elsewhere."""
        module, name = self.function.__module__, self.function.__qualname__
        if _importable(module) and _core_at(module, name) is self:
            # A worker knows the script that runs as `__mp_main__`, and its driver does not.
            return load_core, ("__main__" if module == "__mp_main__" else module, name)
        return Core, (self.function, self.options, {}, Shipped(self.hints, self.ending()))

    def derive(self, arguments: tuple[object, ...], keywords: Mapping[str, object]) -> Recipe:
        """Make the derivation of a call."""
        signature, ending = self.signature, self.ending()
        values = signature.bind(arguments, keywords)
        encoded = signature.fields.encode(values)
        if isinstance(encoded, Failure):
            signature.refuse(values, encoded.failure())
        captured = captured_by(self.function)
        middle = self._spell_captured(captured) if captured else ""
        config = Config(f'{{"args":{spell_checked(encoded.unwrap())},{middle}{ending}')
        return Recipe(
            config,
            DRef.of(config.text, self.name),
            StageRealizer(self, freeze(self.function, captured)) if captured else self.realizer,
            signature.needs(values) if '{"$dref":' in config.text else (),
        )

    def _spell_captured(self, captured: Mapping[str, object]) -> str:
        encoded = _codec_of_anything().encode(dict(captured))
        if isinstance(encoded, Failure):
            hint = "; pass it as a parameter instead"
            raise UnstorableError(encoded.failure(), f"{self.name}: captured variable ") from StageError(hint)
        from lightfx.stages.constants import held_as  # noqa: PLC0415 -- only closures need it

        held = held_as(captured)
        spelled = f'"captured":{spell_checked(encoded.unwrap().tree)},'
        return f'{spelled}"captured_as":"{held}",' if held else spelled


@cache
def _codec_of_anything() -> Codec[object]:
    """Made when it is first used: only closures need it."""
    return codec_of(object).unwrap()


def load_core(module: str, name: str) -> Core:
    """Import a stage by name, in a worker."""
    importlib.import_module(module)
    core = _core_at(module, name)
    if core is None:
        raise ImportError(f"{module} has no stage {name}")
    return core


def _core_at(module: str, name: str) -> Core | None:
    found: object = sys.modules.get(module)
    for step in name.split("."):
        found = getattr(found, step, None)
    return found.core if isinstance(found, Stage) else None


def _importable(module: str) -> bool:
    """Whether a spawned process has this module: a script is imported there anew, a notebook or a prompt is not."""
    return module != "__main__" or hasattr(sys.modules["__main__"], "__file__")


@final
class Stage(Generic[P, T_co]):
    """A typed function that makes derivations: call it as the function, without the `Build`."""

    def __init__(self, core: Core) -> None:
        self.core: Final = core
        update_wrapper(self, core.function)
        # `inspect.signature` would follow it to a signature with the Build; tools ask __signature__ first.
        del self.__dict__["__wrapped__"]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Derivation[T_co]:
        """Plan: bind and spell the arguments. Runs nothing, writes nothing.

        Raises ``TypeError`` on a missing or unknown argument, and
        `UnstorableError`, with the path to the value, on an argument that does
        not fit its annotation or cannot be stored.
        """
        return Derivation(self.core.derive(args, kwargs))

    @property
    def name(self) -> str:
        """The name of the derivations that this stage makes."""
        return self.core.name

    @property
    def realizer(self) -> Realizer:
        """How its derivations are realized, where the function captures nothing."""
        return self.core.realizer

    @property
    def __lightfx_stage__(self) -> Callable[..., object]:
        """The function, for fingerprints of code that calls the stage."""
        return self.core.function

    @property
    def __lightfx_version__(self) -> str | None:
        """The version that the user owns, if any."""
        return self.core.options.version

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Stage[..., object], (self.core,)

    def __repr__(self) -> str:
        return f"<stage {self.core.path}>"


@final
@frozen
class Stager:
    """``@stage(...)`` with options, waiting for its function."""

    options: Options
    namespace: Mapping[str, object] = field(repr=False)

    @overload
    def __call__(self, function: Callable[Concatenate[B, P], Result[T, E]], /) -> Stage[P, T]: ...
    @overload
    def __call__(self, function: Callable[Concatenate[B, P], T], /) -> Stage[P, T]: ...
    def __call__(self, function: Callable[..., object], /) -> object:
        """Make a stage of ``function``."""
        return Stage[..., object](Core(function, self.options, self.namespace))


@overload
def stage(function: Callable[Concatenate[B, P], Result[T, E]], /) -> Stage[P, T]: ...
@overload
def stage(function: Callable[Concatenate[B, P], T], /) -> Stage[P, T]: ...
@overload
def stage(
    *,
    version: str | None = None,
    name: str | None = None,
    packages: Sequence[str] = (),
    outputs: int = 1,
    timeout: float | None = None,
    resources: Resources = PLAIN,
    retry: Retry = _NEVER,
    ephemeral: bool = False,
) -> Stager: ...
def stage(
    function: Callable[..., object] | None = None,
    /,
    *,
    version: str | None = None,
    name: str | None = None,
    packages: Sequence[str] = (),
    outputs: int = 1,
    timeout: float | None = None,
    resources: Resources = PLAIN,
    retry: Retry = _NEVER,
    ephemeral: bool = False,
) -> object:
    """Make a stage of a typed function that takes a `Build` first.

    ``version``: a name that you own, in place of the fingerprint of the code.
    ``name``: what derivations are called, in place of the function's name.
    ``outputs``: how many outputs one run makes; the function is called once for
    each, with ``build.index`` from 0 and a seed of its own.
    ``timeout``: seconds after which an attempt is stopped and LEFT as
    ``TimedOut``; kept by worker processes (``open_world(..., workers=n)``).
    ``packages``: names of installed packages whose versions enter the identity.
    ``resources``: what a task takes of the machine: cores, memory, tickets.
    ``retry``: how a failed attempt is tried again within the run.
    ``ephemeral``: drop the files when the last dependent of a run has finished;
    what is recorded stays, and they are made again only where they are needed.

    The function returns ``T``, or ``Result[T, E]`` where some failures are
    expected: a ``Failure(e)`` is stored as a LEFT with ``e`` in it.

    >>> @stage(version="1")
    ... def double(build: Build, number: int) -> int:
    ...     return 2 * number
    >>> double(21).dref.name.text
    'double'
    >>> double("21")
    Traceback (most recent call last):
    ...
    lightfx.core.config.UnstorableError: double: number is of type str, not int
    """
    if isinstance(packages, str):
        raise StageError(f"packages is {packages!r}; it takes a tuple of names: ({packages!r},)")
    _check_option("resources", resources, Resources)
    _check_option("retry", retry, Retry)
    try:
        terms = Terms(outputs, timeout, resources, retry, ephemeral)
    except (TypeError, ValueError) as error:
        raise StageError(str(error)) from None
    options = Options(version, name, tuple(packages), terms)
    frame = sys._getframe(1)  # noqa: SLF001 -- the one way to names in annotations of a stage made inside a function
    namespace: Mapping[str, object] = {} if frame.f_code.co_name == "<module>" else dict(frame.f_locals)
    if function is None:
        return Stager(options, namespace)
    return Stage[..., object](Core(function, options, namespace))


def _check_option(name: str, value: object, kind: type) -> None:
    if not isinstance(value, kind):
        raise StageError(f"{name} is {value!r}; it takes {kind.__name__}(...)")


def _version(package: str) -> str:
    version = version_of(package)
    if not version:
        raise StageError(f"package {package} is part of the identity, and it is not installed")
    return version


def _module_name(module: str) -> str:
    """The name a module is imported by, also where it is the script that runs, or that a worker runs anew."""
    if module not in ("__main__", "__mp_main__"):
        return module
    main = sys.modules[module]
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    if spec is not None:
        return str(spec.name)
    return file.rpartition("/")[2].removesuffix(".py") if isinstance(file, str) else "__main__"
