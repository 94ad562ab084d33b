"""Derivations: plans for values, typed by the value.

A `Recipe` is one derivation proper: its config, how to realize it, and what it
stands on. A `Derivation` is a use of a recipe: the recipe and the matcher that
chooses among its realizations. Making one runs nothing and writes nothing; a
plan is acyclic by construction, since a recipe is made from finished ones.

Inside a running stage a derivation is known by its reference alone (`Absent`):
it can be needed, not planned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeAlias, TypeVar, final

from attrs import evolve, field, frozen
from returns.result import Result

from lightfx.core.canonical import Tree, Unstorable
from lightfx.core.choosing import First, Matcher
from lightfx.core.config import Config, Reference, Take, UnstorableError
from lightfx.core.names import Name, short_hash
from lightfx.core.outcome import Left
from lightfx.core.realization import BuildOrder, MadeBy, Outputs
from lightfx.core.refs import DRef
from lightfx.core.terms import Terms

if TYPE_CHECKING:
    from lightfx.core.parts import Step

T = TypeVar("T")
U = TypeVar("U")
T_co = TypeVar("T_co", covariant=True)


Parts: TypeAlias = tuple[tuple[str, str], ...]
"""What code consists of: names, as ``module:name``, each with a digest of its own text or value; sorted."""


class Realizer(Protocol):
    """How a derivation is realized. Implementations are picklable by reference, or with cloudpickle."""

    @property
    def terms(self) -> Terms:
        """On what conditions it runs."""
        ...

    @property
    def type(self) -> object:
        """The annotation that values are read by."""
        ...

    def current(self, config: Config, /) -> bool:
        """Tell whether the code that would run is the code that ``config`` names."""
        ...

    def decode(self, tree: Tree, folder: Path | None, /) -> Result[object, Unstorable]:
        """Read a stored value."""
        ...

    def made_by(self) -> MadeBy:
        """Say what would make the outputs: this host, this Python, the packages, the commit."""
        ...

    def parts(self) -> Parts:
        """List what the code consists of now, by name, each with a digest; nothing where that is not known."""
        ...

    def part(self, path: tuple[Step, ...], /) -> Realizer:
        """Give the realizer of a part of what this one makes; raises `NoPartError` where there is none."""
        ...

    def __call__(self, order: BuildOrder, /) -> Result[Outputs, Left | Asks]:
        """Make the outputs asked for, each of which may be a LEFT of its own; say why there are none, or ask."""
        ...


@final
@frozen
class Asks:
    """What a realizer found out that it needs: it is called again, with these among its inputs."""

    needs: tuple[Dependency, ...]


def place_of(absolute: Path) -> str:
    """The hash that stands for an absolute path in the config of a source.

    >>> place_of(Path("/data")) == place_of(Path("/date"))
    False
    """
    return short_hash(str(absolute).encode("utf-8", "surrogateescape").hex())


@final
@frozen
class Observed:
    """Something outside that a derivation depends on: the file or folder at ``path``.

    ``place`` is the hash of the absolute path, where only a record tells of
    it: a relative one may mean another file by now.
    """

    path: Path
    place: str = ""

    @property
    def is_there(self) -> bool:
        """Whether the path means what it meant."""
        return not self.place or self.place == place_of(self.path.absolute())


@final
@frozen
class Recipe:
    """One derivation: config, realizer, needs; equal if the configs are."""

    config: Config
    dref: DRef = field(eq=False)
    realizer: Realizer = field(eq=False, repr=False)
    needs: tuple[Dependency, ...] = field(default=(), eq=False, repr=False)
    observed: Observed | None = field(default=None, eq=False)


@final
@frozen
class Absent:
    """A use of a derivation known by its reference alone, as a running stage holds it."""

    reference: Reference

    @property
    def dref(self) -> DRef:
        """The reference of the derivation."""
        return self.reference.dref


Origin: TypeAlias = Recipe | Absent
_FIRST: Final = First()


@final
@frozen(repr=False)
class Derivation(Generic[T_co]):
    """A plan for a value of type ``T``: what to realize, and which realizations to choose.

    Made by calling a stage; immutable; two derivations are equal if they have
    the same config and choose alike.
    """

    origin: Origin
    matcher: Matcher[T_co] = field(default=_FIRST, eq=lambda matcher: matcher.spelling)
    take: Take = Take.ONE

    @property
    def dref(self) -> DRef:
        """The reference: equal for equal plans, however they were written."""
        return self.origin.dref

    @property
    def reference(self) -> Reference:
        """This use, as it stands in the config of a dependent."""
        if isinstance(self.origin, Absent):
            return self.origin.reference
        # Asked by type, not by identity: a copy of a plan, or one from another process, means the same.
        matcher = "" if isinstance(self.matcher, First) else self.matcher.spelling
        return Reference(self.dref, matcher, self.take)

    def choose(self, matcher: Matcher[T_co], /) -> Derivation[T_co]:
        """Use the realization that ``matcher`` puts first, in place of the one stored first."""
        check_matcher(matcher)
        return evolve(self, origin=self._planned(), matcher=_spelled(matcher), take=Take.ONE)

    def collect(self, matcher: Matcher[T_co], /) -> Derivation[tuple[T_co, ...]]:
        """Use all the realizations that ``matcher`` chooses, as a tuple in its order."""
        if self.take is Take.MANY:
            raise ValueError(f"{self} collects already; collect from the plan that it was made of")
        check_matcher(matcher)
        # The matcher goes on judging single values: take=MANY alone makes the value a tuple of them.
        return Derivation(self._planned(), _spelled(matcher), Take.MANY)  # type: ignore[arg-type]

    def part(self, select: Callable[[T_co], U], /) -> Derivation[U]:
        """Depend on a part of the value alone: what uses it is rebuilt only when that part changes.

        ``select`` takes a path into the value: attributes of records, items,
        and ``/`` into a folder: ``lambda model: model.weights``. It is called
        once, now, to see the path; it cannot compute. The part is stored as a
        value of its own, with copies of the files in it. Raises `NoPartError`
        where there is no such part.

        (Tracking parts of outputs is pypipegraph's idea, which depends on one
        file of a job of many.)
        """
        from lightfx.core.parts import NoPartError, path_of  # noqa: PLC0415 -- few plans take parts

        if self.take is Take.MANY:
            raise NoPartError(f"{self} collects many: take the part first, and collect that")
        if isinstance(self.origin, Absent):
            raise NoPartError(f"{self} is given as it is: take its part in the plan, and give that to the stage")
        path = path_of(select)
        name = Name.made_of(f"{self.dref.name}{''.join(map(str, path))}").text
        spelled: list[Tree] = [step.tree for step in path]
        args: dict[str, Tree] = {"of": self.reference.tree, "path": spelled}
        config = Config.of_trusted({"args": args, "code": {"part": 1}, "name": name})
        realizer = self.origin.realizer.part(path)
        # The realizer checked that the path leads to a part; what type it has, the function says.
        return Derivation[U](Recipe(config, DRef.of(config.text, name), realizer, (self,)))

    def tolerate(self) -> Tolerant[T_co]:
        """Let a dependent see the outcome, a LEFT included, in place of the value."""
        return Tolerant(self)

    def _planned(self) -> Recipe:
        if isinstance(self.origin, Absent):
            raise ValueError(f"{self} is given as it is: which realizations it means was settled by the plan")
        return self.origin

    def __repr__(self) -> str:
        how = "" if isinstance(self.matcher, First) else f" by {self.matcher.spelling}"
        return f"<{'all of ' if self.take is Take.MANY else ''}{self.dref}{how}>"


def _spelled(matcher: Matcher[T]) -> Matcher[T]:
    """Refuse a matcher whose spelling would not be found again in a config: it would be no part of the key."""
    spelling = matcher.spelling
    if not spelling or not spelling.isprintable() or '"' in spelling or "\\" in spelling:
        why = f"has the spelling {spelling!r}; it takes printable characters, and no quotes or backslashes"
        raise UnstorableError(Unstorable((type(matcher).__name__,), why))
    return matcher


def check_matcher(matcher: object) -> None:
    """Refuse what is no matcher, with a ``TypeError``."""
    if not isinstance(matcher, Matcher):
        hint = f": call it, {getattr(matcher, '__name__', '')}()" if callable(matcher) else ""
        raise TypeError(f"a matcher is wanted, not {type(matcher).__name__}{hint}")


@final
@frozen
class Tolerant(Generic[T_co]):
    """A use of a derivation whose LEFT is data: `Build.need` gives ``Outcome[T]``."""

    derivation: Derivation[T_co]

    @property
    def dref(self) -> DRef:
        """The reference of the derivation."""
        return self.derivation.dref

    @property
    def reference(self) -> Reference:
        """This use, as it stands in the config of a dependent."""
        return evolve(self.derivation.reference, tolerate=True)


Dependency: TypeAlias = Derivation[object] | Tolerant[object]


def derivations_of(needs: Sequence[Dependency]) -> tuple[Derivation[object], ...]:
    """The derivations behind ``needs``, tolerated ones too."""
    return tuple(need.derivation if isinstance(need, Tolerant) else need for need in needs)
