"""Plans made of other plans: one derivation in them redefined, or forbidden to run.

`redefined` changes parameters, matcher or realizer of a derivation anywhere in a plan, and makes anew all that stands
on it: the change of its reference goes through the configs of its dependents. What does not stand on it is what it
was. `realized` lets a derivation be used and not run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, ParamSpec, TypeAlias, TypeVar, final, overload

from attrs import evolve, frozen
from returns.result import Failure, Result

from lightfx.core.canonical import Tree, Unstorable, spell_checked
from lightfx.core.choosing import Matcher
from lightfx.core.closure import instantiate
from lightfx.core.config import Config, UnstorableError
from lightfx.core.derivation import Absent, Asks, Dependency, Derivation, Parts, Realizer, Recipe, Tolerant
from lightfx.core.outcome import Left
from lightfx.core.realization import BuildOrder, MadeBy, Outputs
from lightfx.core.refs import DRef
from lightfx.core.terms import Terms
from lightfx.stages.fields import read_fields
from lightfx.stages.realizers import code_of
from lightfx.stages.respelling import respelled
from lightfx.stages.running import StageRealizer
from lightfx.stages.stage import Stage

if TYPE_CHECKING:
    from lightfx.core.parts import Step

P = ParamSpec("P")
T = TypeVar("T")

Change: TypeAlias = Callable[[dict[str, object]], Mapping[str, object]]
Which: TypeAlias = "Stage[..., object] | Derivation[object] | DRef"


@overload
def redefined(
    what: Derivation[T],
    /,
    *,
    of: Which | None = None,
    config: Change | None = None,
    matcher: Matcher[object] | None = None,
    realizer: Realizer | None = None,
) -> Derivation[T]: ...
@overload
def redefined(
    what: Stage[P, T],
    /,
    *,
    of: Which | None = None,
    config: Change | None = None,
    matcher: Matcher[object] | None = None,
    realizer: Realizer | None = None,
) -> Callable[P, Derivation[T]]: ...
def redefined(
    what: Derivation[T] | Stage[P, T],
    /,
    *,
    of: Which | None = None,
    config: Change | None = None,
    matcher: Matcher[object] | None = None,
    realizer: Realizer | None = None,
) -> Derivation[T] | Callable[P, Derivation[T]]:
    """Change a derivation in a plan, and carry the change through all that stands on it.

    ``what``: a plan, or a stage, of whose plans the same is made. ``of``: what in
    it is changed: every derivation of a stage, or one; nothing: the plan itself.
    ``config`` gets its parameters by name, with derivations where it has any,
    and gives those that it shall have: values as a call of the stage takes them,
    or the plain ones that it got, changed. ``matcher`` is put in place of the
    matcher of every use. ``realizer`` runs it in place of its own: its code is
    part of the identity, as in `derivation`.

    Raises LookupError where ``of`` is not in the plan, `UnstorableError` for
    parameters that cannot be stored or do not fit the stage, and TypeError where
    ``config`` gives no parameters.

    >>> from lightfx import Build, stage
    >>> @stage(version="1")
    ... def load(build: Build, size: int) -> int:
    ...     return size
    >>> @stage(version="1")
    ... def double(build: Build, number: Derivation[int]) -> int:
    ...     return 2 * build.need(number)
    >>> redefined(double(load(1)), of=load, config=lambda old: {**old, "size": 2}) == double(load(2))
    True
    """
    _check_changes(of, config, realizer)
    if isinstance(what, Stage):
        stage = what

        def make(*args: P.args, **kwargs: P.kwargs) -> Derivation[T]:
            plan: Derivation[T] = stage(*args, **kwargs)
            return redefined(plan, of=of, config=config, matcher=matcher, realizer=realizer)

        return make
    _check_plan(what, "redefined")
    if matcher is not None:
        what.choose(matcher)  # refuses what is no matcher
    rewriter = _Rewriter(_targets(what, of), config, matcher, realizer, {})
    for recipe in instantiate(what).derivations.values():
        rewriter.take(recipe)
    if rewriter.targets.isdisjoint(rewriter.made):
        raise LookupError(f"there is no {of} in {what}")
    moved = rewriter.moved(what)
    # The matcher, the part and the type are those of the plan that was given.
    return moved if isinstance(moved, Derivation) else moved.derivation  # type: ignore[return-value]


def _check_plan(what: object, name: str) -> None:
    if not isinstance(what, Derivation):
        hint = f": tolerate what {name} gives" if isinstance(what, Tolerant) else ""
        raise TypeError(f"{name} takes a plan or a stage, not {type(what).__name__}{hint}")


def _check_changes(of: object, config: object, realizer: object) -> None:
    if of is not None and not isinstance(of, Stage | Derivation | DRef):
        named = f"the function {of.__name__}" if isinstance(of, FunctionType) else type(of).__name__
        raise TypeError(f"of= takes a stage, a derivation or a DRef, not {named}")
    if config is not None and not callable(config):
        raise TypeError(
            f"config= takes a function of the parameters, not {type(config).__name__}: lambda old: {{**old, ...}}"
        )
    if realizer is not None and not hasattr(realizer, "terms"):
        raise TypeError(
            f"realizer= takes a Realizer, not {type(realizer).__name__}: realizer(function, type) makes one"
        )


def _targets(plan: Derivation[object], of: Which | None) -> frozenset[DRef]:
    if of is None:
        return frozenset({plan.dref})
    if isinstance(of, DRef):
        return frozenset({of})
    if isinstance(of, Derivation):
        return frozenset({of.dref})
    recipes = instantiate(plan).derivations
    return frozenset(dref for dref, recipe in recipes.items() if _is_of(recipe.realizer, of))


def _is_of(realizer: Realizer, stage: Stage[..., object]) -> bool:
    return isinstance(realizer, StageRealizer) and realizer.core is stage.core


@frozen
class _Rewriter:
    """Makes recipes anew, needs before dependents; ``made`` holds what each has become."""

    targets: frozenset[DRef]
    config: Change | None
    matcher: Matcher[object] | None
    realizer: Realizer | None
    made: dict[DRef, Recipe]

    def take(self, recipe: Recipe) -> None:
        """Make one recipe anew, if it or any of its needs changed."""
        moved = [self.moved(need) for need in recipe.needs]
        target = recipe.dref in self.targets
        same = all(one.reference == other.reference for one, other in zip(recipe.needs, moved, strict=True))
        if same and (not target or (self.config is None and self.realizer is None)):
            # A need may be the same by reference and hold a realizer that may not run.
            self.made[recipe.dref] = evolve(recipe, needs=tuple(moved)) if moved else recipe
            return
        if recipe.observed is not None:
            raise TypeError(f"{recipe.dref} is a source, which has no parameters: make another plan")
        known = {old.reference: new for old, new in zip(recipe.needs, moved, strict=True)}
        fields: Mapping[str, object] = read_fields(recipe.config.tree["args"], known)
        changed = _changed(self.config, fields) if target and self.config is not None else fields
        self.made[recipe.dref] = self._recipe(recipe, fields, changed, target=target)

    def _recipe(
        self, old: Recipe, before: Mapping[str, object], fields: Mapping[str, object], *, target: bool
    ) -> Recipe:
        realizer = self.realizer if target and self.realizer is not None else old.realizer
        args, needs = respelled(realizer, before, fields)
        tree: dict[str, Tree] = {**old.config.tree, "args": args}
        if realizer is not old.realizer:
            tree["code"] = code_of(realizer)
            tree.pop("captured", None)
            tree.pop("captured_as", None)
            if isinstance(realizer, StageRealizer):
                tree["name"] = realizer.core.name
        if isinstance(realizer, StageRealizer):
            fits = realizer.core.signature.fields.decode(args)
            if isinstance(fits, Failure):
                raise UnstorableError(fits.failure(), f"{realizer.core.name}: ")
        config = Config(spell_checked(tree))
        return Recipe(config, DRef.of(config.text, str(tree["name"])), realizer, needs)

    def moved(self, need: Dependency) -> Dependency:
        """Point a use at what its derivation has become."""
        if isinstance(need, Tolerant):
            inner = self.moved(need.derivation)
            return inner if isinstance(inner, Tolerant) else inner.tolerate()
        if isinstance(need.origin, Absent):
            return need
        recipe = self.made[need.dref]
        matcher = need.matcher if self.matcher is None or need.dref not in self.targets else self.matcher
        return evolve(need, origin=recipe, matcher=matcher)


def _changed(change: Change, fields: Mapping[str, object]) -> Mapping[str, object]:
    given: object = change(dict(fields))
    if not isinstance(given, Mapping):
        raise TypeError(
            f"config= gave {type(given).__name__}, and is to give all parameters by name: lambda old: {{**old, ...}}"
        )
    return given


# What may not run.


@final
@frozen(eq=False)
class StoredOnly:
    """A realizer whose derivations may be used, and not run."""

    inner: Realizer

    @property
    def terms(self) -> Terms:
        """Those of the realizer, and that it may not run."""
        return evolve(self.inner.terms, stored_only=True)

    @property
    def type(self) -> object:
        """The annotation that values are read by."""
        return self.inner.type

    def current(self, config: Config, /) -> bool:
        """Tell whether the code that would run is the code that ``config`` names."""
        return self.inner.current(config)

    def decode(self, tree: Tree, folder: Path | None, /) -> Result[object, Unstorable]:
        """Read a stored value."""
        return self.inner.decode(tree, folder)

    def made_by(self) -> MadeBy:
        """Say what would make the outputs, if it might."""
        return self.inner.made_by()

    def parts(self) -> Parts:
        """List what the code consists of."""
        return self.inner.parts()

    def part(self, path: tuple[Step, ...], /) -> Realizer:
        """Take a part, which may be made: it is a derivation of its own."""
        return self.inner.part(path)

    def __call__(self, order: BuildOrder, /) -> Result[Outputs, Left | Asks]:
        """Refuse: the engine asks the terms first."""
        raise PermissionError(f"{order.dref} may not run")


@overload
def realized(what: Derivation[T], /) -> Derivation[T]: ...
@overload
def realized(what: Stage[P, T], /) -> Callable[P, Derivation[T]]: ...
def realized(what: Derivation[T] | Stage[P, T], /) -> Derivation[T] | Callable[P, Derivation[T]]:
    """Use what is stored of a plan, and never run it: a run that would have to fails with `NotRealized`.

    ``what``: a plan, or a stage, of whose plans the same is made. What it stands
    on may run, where that is needed to tell. Where its files were dropped, and
    something has to run on them, or you ask for them, it would have to run: what
    stands on them fails. The plan is the same: it has the
    same reference. (``realize(..., only_stored=True)`` forbids a whole run.)
    """
    if isinstance(what, Stage):
        stage = what

        def make(*args: P.args, **kwargs: P.kwargs) -> Derivation[T]:
            plan: Derivation[T] = stage(*args, **kwargs)
            return realized(plan)

        return make
    _check_plan(what, "realized")
    if isinstance(what.origin, Absent):
        raise TypeError(f"{what} is given as it is: there is nothing to run")
    return evolve(what, origin=evolve(what.origin, realizer=StoredOnly(what.origin.realizer)))
