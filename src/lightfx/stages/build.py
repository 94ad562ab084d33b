"""`Build`: what a running stage function holds, and its only way to its surroundings."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final, TypeAlias, TypeVar, cast, final, overload

from returns.result import Failure

from lightfx.codec.values import Codec, codec_of
from lightfx.core.config import Reference, Take
from lightfx.core.derivation import Absent, Dependency, Derivation, Tolerant
from lightfx.core.names import Digest
from lightfx.core.outcome import Left, Outcome, Right
from lightfx.core.realization import BuildOrder, Given, Input, Value
from lightfx.core.secrets import Secret

T = TypeVar("T")
B = TypeVar("B", bound="Build")

Answer: TypeAlias = "Callable[[Sequence[Dependency]], Sequence[Outcome[object]]]"

_OFTEN: Final = 0.1  # seconds
_NUMBERS: Final = sys.float_info.max


class UndeclaredNeedError(LookupError):
    """A stage needs a derivation that it was not given, and did not make."""


@final
class Suspended(BaseException):
    """A stage asks for derivations that are not realized yet: it ends here, and is run again when they are.

    No ``Exception``: a stage that catches its own errors must let it pass.
    """

    def __init__(self, needs: tuple[Dependency, ...]) -> None:
        super().__init__("suspended until what it asks for is realized; let this pass")
        self.needs = needs


class UnreadableNeedError(ValueError):
    """A dependency's stored value does not fit the annotation of the stage that made it."""


class Build:
    """The first argument of every stage function: output folder, dependencies, log, seed.

    One `Build` belongs to one output of one attempt; a stage gets it from
    lightfx, and does not make it.
    """

    def __init__(self, order: BuildOrder, index: int) -> None:
        self._order = order
        self._index = index
        self._suspended: Suspended | None = None
        self._answer: Answer | None = None
        self._answers: dict[Reference, Outcome[object]] = {}
        self._told = float("-inf")
        self._over = False

    @cached_property
    def out(self) -> Path:
        """The folder for files, private to this attempt and made on first use.

        What is in it when the stage returns is stored as one read-only object.
        A path in the stage's value must lie under it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder

    @cached_property
    def folder(self) -> Path:
        """Where `out` lies, whether or not it was made."""
        return self._order.folder(self._index)

    @property
    def wrote(self) -> bool:
        """Whether anyone asked where `out` lies; who did not has written nothing there."""
        return "folder" in vars(self)

    @property
    def order(self) -> BuildOrder:
        """What was ordered: the config, and what each reference in it was resolved to."""
        return self._order

    @property
    def index(self) -> int:
        """Which output this is, from 0: with ``outputs=n`` the function runs once for each."""
        return self._index

    @cached_property
    def seed(self) -> int:
        """A seed for random generators, from 0 to 2**32 - 1.

        It is derived from the identity of what is built (config, code, inputs
        by content) and the output's index: the same work draws the same numbers
        everywhere, other work others.
        """
        return int(Digest.of(f"seed {self._order.key} {self._index}".encode()).hex[:8], 16)

    @property
    def args(self) -> Mapping[str, object]:
        """What this run says to the stage, by ``realize(..., args={plan: {...}})``; empty where it says nothing.

        It is no part of the identity: let it change how the stage works (how
        much it tells, on which device), and never what comes out.
        """
        return self._order.args

    @property
    def places(self) -> Mapping[str, str]:
        """The paths that this attempt alone has, and what stands for them where an error is recorded."""
        inputs = (given for each in self._order.inputs.values() for given in each.given)
        read = {str(given.folder): f"<{given.rref.dref.name}>" for given in inputs if given.folder is not None}
        return {str(self.folder): "build.out", **read}

    def reveal(self, secret: Secret, /) -> str:
        """Give the value of a secret, which is a parameter of the stage: see `Secret`.

        It was read as the attempt began, here, where the stage runs. It may be
        used, and is not kept: in the log and in errors ``<secret ...>`` stands in
        its place, and a result or a file that holds it is refused (``BadOutput``).

        The stage becomes LEFT as ``Raised`` with ``UndeclaredSecretError`` for a
        secret that it was not given.
        """
        return self._order.reveal(secret)

    def log(self, *values: object) -> None:
        """Write a line to the log of this attempt, as ``print`` would; so does ``print`` itself."""
        sys.stdout.write(f"{' '.join(map(str, values))}\n")

    def progress(self, done: float, total: float | None = None) -> None:
        """Tell how far this attempt is: ``done`` of ``total``, in any unit; without ``total``, it is not known.

        It may be called in a hot loop: it tells ten times a second at most, and
        always when ``done`` reaches ``total``. It is told to who follows the run
        (`lightfx.journal`), and no part of the result.

        Raises ValueError for what is no amount: negative, infinite, not a number.

        >>> from lightfx.core.config import Config
        >>> from lightfx.core.refs import DRef
        >>> told: list[tuple[float, float]] = []
        >>> order = BuildOrder(
        ...     DRef.of("{}", "train"), Config("{}"), Digest.of(b""), (0,), Path("out"), {},
        ...     tell=lambda done, total: told.append((done, total)),
        ... )
        >>> build = Build(order, 0)
        >>> for step in range(1000):
        ...     build.progress(step + 1, 1000)
        >>> told[0], told[-1]
        ((1.0, 1000.0), (1000.0, 1000.0))
        """
        whole = 0.0 if total is None else _amount("total", total)
        part = _amount("done", done)
        now, over, was_over = time.monotonic(), 0 < whole <= part, self._over
        self._over = over
        if now - self._told >= _OFTEN or (over and not was_over):
            self._told = now
            self._order.tell(part, whole)

    @overload
    def need(self, dependency: Derivation[T], /) -> T: ...
    @overload
    def need(self, dependency: Tolerant[T], /) -> Outcome[T]: ...
    @final
    def need(self, dependency: Derivation[T] | Tolerant[T], /) -> T | Outcome[T]:
        """Get the value of a dependency; of a tolerated one, the outcome.

        The dependency is a parameter of the stage, or a derivation that the
        stage makes as it runs, of its parameters or of values that it got
        (a *dynamic* dependency). One that is not realized yet ends the attempt
        here; the stage is run again from the start when it is there. What was
        needed is recorded, and a later run looks at that first. To need many,
        use `need_all`: the stage is run again once, not once for each.

        A dependency that is LEFT never gets here, unless it is tolerated: the
        stage inherits the LEFT. The stage becomes LEFT as ``Raised`` with
        ``UndeclaredNeedError`` for a derivation that it knows by reference and
        was not given, and with ``CyclicNeedError`` for one that stands on the
        stage itself.
        """
        self._suspend([dependency])
        return self._given(dependency)

    @overload
    def need_all(self, dependencies: Iterable[Derivation[T]], /) -> list[T]: ...
    @overload
    def need_all(self, dependencies: Iterable[Tolerant[T]], /) -> list[Outcome[T]]: ...
    @final
    def need_all(self, dependencies: Iterable[Derivation[T]] | Iterable[Tolerant[T]], /) -> list[T] | list[Outcome[T]]:
        """Get the values of many dependencies at once, in their order; of tolerated ones, the outcomes.

        As `need`, for a number of derivations that only another stage's value
        tells: those that are not realized yet are all realized before the stage
        is run again.
        """
        wanted: list[Derivation[T] | Tolerant[T]] = list(dependencies)
        self._suspend(wanted)
        # A list of one kind gives a list of one kind, which the overloads say.
        return cast("list[T]", [self._given(each) for each in wanted])

    def _suspend(self, wanted: Sequence[Derivation[T] | Tolerant[T]]) -> None:
        """End the attempt where not all that is needed is there.

        What the stage made itself is asked for, though a parameter may mean the
        same: the result stands on it, and equal work may have another parameter.
        """
        for each in wanted:
            _check_need(each)
        missing = [each for each in wanted if each.reference not in self._there(each)]
        if missing and self._answer is not None:
            unknown = [each for each in missing if each.reference not in self._answers]
            self._answers.update(zip((each.reference for each in unknown), self._answer(unknown), strict=True))
        elif missing:
            self._suspended = Suspended(tuple(missing))
            raise self._suspended

    @property
    def suspended(self) -> Suspended | None:
        """What the stage was suspended for, whatever it made of that: one may catch too much."""
        return self._suspended

    def _there(self, dependency: Derivation[T] | Tolerant[T]) -> Collection[Reference]:
        derivation = dependency.derivation if isinstance(dependency, Tolerant) else dependency
        return self._order.inputs if isinstance(derivation.origin, Absent) else self._order.asked

    def _given(self, dependency: Derivation[T] | Tolerant[T]) -> T | Outcome[T]:
        reference = dependency.reference
        answer = self._answers.get(reference)
        outcome = outcome_of(reference, self._order.inputs[reference]) if answer is None else answer
        # The codec read the value by the annotation of the stage that made it, which is what T stands for.
        if isinstance(dependency, Tolerant):
            return cast("Outcome[T]", outcome)
        if isinstance(outcome, Left):
            raise UndeclaredNeedError(f"{dependency.dref} is LEFT: {outcome.reason}")
        return cast("T", outcome.value)


def live(build: B, answer: Answer) -> B:
    """Let ``answer`` give what a build asks for as it goes, where nothing can run it again: by hand, in a session."""
    build._answer = answer  # noqa: SLF001 -- a build's own module; users of `Build` are not to see it
    return build


def _amount(name: str, given: float) -> float:
    if not 0 <= given <= _NUMBERS:
        raise ValueError(f"{name} is {given}, and no amount: give a number from 0")
    return float(given)


def _check_need(dependency: object) -> None:
    if not isinstance(dependency, Derivation | Tolerant):
        hint = "annotate the parameter Derivation[...] or Tolerant[...]"
        raise TypeError(f"need takes a Derivation or a Tolerant, not {type(dependency).__name__}: {hint}")


def outcome_of(reference: Reference, given: Input) -> Outcome[object]:
    """Read what a reference was resolved to."""
    codec = codec_for(given.type)
    outcomes = [_read(reference, each, codec) for each in given.given]
    lefts = [each for each in outcomes if isinstance(each, Left)]
    if lefts:
        return lefts[0]
    rights = [each for each in outcomes if isinstance(each, Right)]
    if reference.take is Take.ONE:
        return rights[0]
    return Right(tuple(each.value for each in rights), tuple(rref for each in rights for rref in each.rrefs))


def codec_for(annotation: object) -> Codec[object]:
    """Make the codec of an annotation, once: to make one costs a thousand times what it costs to use it."""
    try:
        return _codec_of(annotation)
    except TypeError:  # an annotation with metadata that has no hash
        return _codec_of.__wrapped__(annotation)


@lru_cache(maxsize=1024)
def _codec_of(annotation: object) -> Codec[object]:
    made = codec_of(annotation)
    if isinstance(made, Failure):
        raise UnreadableNeedError(made.failure().sentence)
    return made.unwrap()


def _read(reference: Reference, given: Given, codec: Codec[object]) -> Outcome[object]:
    if not isinstance(given.result, Value):
        return Left(given.result, (given.rref,), given.folder, given.log)
    value = codec.decode(given.result.tree, given.folder)
    if isinstance(value, Failure):
        raise UnreadableNeedError(f"{reference.dref}: {value.failure().sentence}")
    return Right(value.unwrap(), (given.rref,))
