"""Places: what a `Lens` stands on, what can be reached from there, and how references are crossed.

Rules:

- a `Whole` is a derivation, a realization or a build: its names are its parameters and the fields of its value;
- a `Spot` is a piece of stored data: a field, an item, or a file in a folder that the data names;
- `Many` are places in a container: a closure, or the realizations that a matcher chose;
- a reference is crossed as its holder resolved it: a realization by its context, a build by its inputs, a plan by
  what it needs; a bare config knows no more than the name.

Theory of operation: `Cross` is that resolution as a function, made when the holder is entered, and handed on to each
spot in it. Nothing is read before a step asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias, assert_never, final

from attrs import field, frozen
from returns.result import Failure, Result, Success

from lightfx.core.canonical import Tree
from lightfx.core.config import Config, Reference, Take
from lightfx.core.damage import DamagedObject
from lightfx.core.derivation import Absent, Dependency, Derivation, Recipe, Tolerant
from lightfx.core.failures import EngineFailure
from lightfx.core.realization import BuildOrder, Given, Realization, Value
from lightfx.core.refs import DRef, RRef
from lightfx.effects.world import World

Step: TypeAlias = str | int
Found: TypeAlias = "Result[Place, str | EngineFailure]"
Cross: TypeAlias = "Callable[[Reference], Found]"
NOTHING: Final[Mapping[str, Tree]] = {}


@final
@frozen
class Spot:
    """A piece of stored data; paths in it lie in ``folder``."""

    tree: Tree
    folder: Path | None
    cross: Cross = field(repr=False, eq=False)

    @property
    def file(self) -> Path | None:
        """The file or folder that it names, if it names one."""
        named = _tag(self.tree, "$path") or _tag(self.tree, "$out")
        return None if named is None or self.folder is None else self.folder / str(named)


@final
@frozen
class Whole:
    """A derivation, one of its realizations, or a build of it: as much as is known; ``left`` says why it is LEFT."""

    dref: DRef
    rref: RRef | None = None
    parameters: Spot | None = None
    result: Spot | None = None
    folder: Path | None = None
    left: str = ""


@final
@frozen
class Many:
    """Places under keys."""

    places: Mapping[Step, Place]


Place: TypeAlias = Spot | Whole | Many


# Steps.


def names_at(place: Place) -> tuple[Step, ...]:
    """List what can be reached from a place by one step."""
    match place:
        case Many(places):
            return tuple(places)
        case Whole(parameters=parameters, result=result):
            held = [each for each in (parameters, result) if each is not None]
            return tuple(dict.fromkeys(name for each in held for name in names_at(each)))
        case Spot():
            return tuple(_names_in(place))
        case never:
            assert_never(never)


def _names_in(spot: Spot) -> Iterator[Step]:
    tree = unwrapped(spot.tree)
    if spot.file is not None and spot.file.is_dir():
        yield from sorted(each.name for each in spot.file.iterdir())
    elif isinstance(tree, Mapping):
        yield from (key for key in tree if not key.startswith("$"))
    elif isinstance(tree, Sequence) and not isinstance(tree, str):
        yield from range(len(tree))


def step_from(place: Place, step: Step) -> Found:
    """Go one step, or say why there is none."""
    match place:
        case Many(places):
            return Success(places[step]) if step in places else Failure("is not there")
        case Whole():
            return _step_from_whole(place, step)
        case Spot():
            return _step_into(place, step)
        case never:
            assert_never(never)


def _step_from_whole(whole: Whole, step: Step) -> Found:
    ways = [each for each in (whole.parameters, whole.result) if each is not None and step in names_at(each)]
    if not ways:
        return Failure(f"is not there: it is LEFT, it {whole.left}" if whole.left else "is not there")
    if len(ways) > 1 and repr(_child(ways[0], step)) != repr(_child(ways[1], step)):
        return Failure("is both a parameter and a field of the value: go by .parameters or by .result")
    return _step_into(ways[0], step)


def _step_into(spot: Spot, step: Step) -> Found:
    if spot.file is not None:
        inner = spot.file / str(step)
        plain = isinstance(step, str) and step not in ("", "..") and "/" not in step
        return Success(Spot({"$path": step}, spot.file, spot.cross)) if plain and inner.exists() else Failure(_GONE)
    child = _child(spot, step)
    if child is None:
        return Failure(_GONE)
    (tree,) = child
    if isinstance(tree, Mapping) and "$dref" in tree:
        return spot.cross(Reference.of_tree(tree))
    return Success(Spot(tree, spot.folder, spot.cross))


_GONE: Final = "is not there"


def _child(spot: Spot, step: Step) -> tuple[Tree] | None:
    """What stands at a step, in a tuple: what stands there may be None."""
    tree = unwrapped(spot.tree)
    if isinstance(tree, Mapping):
        return (tree[step],) if isinstance(step, str) and step in tree else None
    if isinstance(tree, Sequence) and not isinstance(tree, str) and isinstance(step, int):
        return (tree[step],) if -len(tree) <= step < len(tree) else None
    return None


def unwrapped(tree: Tree) -> Tree:
    """Take a value out of the object that tells its class."""
    while isinstance(tree, Mapping) and "$value" in tree:
        tree = tree["$value"]
    return tree


def _tag(tree: Tree, tag: str) -> Tree:
    tree = unwrapped(tree)
    return tree.get(tag) if isinstance(tree, Mapping) else None


# Entering.


def at_tree(tree: Tree, cross: Cross, folder: Path | None = None) -> Spot:
    """Stand on a config's parameters: its ``args``, where a stage made it."""
    inner = tree.get("args") if isinstance(tree, Mapping) and "code" in tree else None
    return Spot(tree if inner is None else inner, folder, cross)


def at_config(config: Config, world: World | None) -> Spot:
    """Stand on a config; the references in it lead to configs, as far as a world has them stored."""
    return at_tree(config.tree, lambda reference: at_dref(reference.dref, world))


def at_dref(dref: DRef, world: World | None) -> Found:
    """Stand on a derivation known by its name."""
    if world is None:
        return Success(Whole(dref))
    found = world.perform.result(world.store.configs((dref,)))
    if isinstance(found, Failure):
        return Failure(found.failure())
    config = found.unwrap().get(dref)
    return Success(Whole(dref, parameters=None if config is None else at_config(config, world)))


def at_plan(plan: Dependency) -> Whole:
    """Stand on a derivation, and cross to those that it needs."""
    derivation = plan.derivation if isinstance(plan, Tolerant) else plan
    if isinstance(derivation.origin, Absent):
        return Whole(derivation.dref)
    return at_recipe(derivation.origin)


def at_recipe(recipe: Recipe) -> Whole:
    """Stand on the derivation of a recipe."""
    needs = {each.reference: each for each in recipe.needs}

    def cross(reference: Reference) -> Found:
        return Success(at_plan(needs[reference]) if reference in needs else Whole(reference.dref))

    return Whole(recipe.dref, parameters=at_tree(recipe.config.tree, cross))


def at_container(container: object) -> Place:
    """Stand on what the user put derivations in."""
    if isinstance(container, Derivation | Tolerant):
        return at_plan(container)
    if isinstance(container, Mapping):
        return Many(
            {key if isinstance(key, str | int) else str(key): at_container(each) for key, each in container.items()}
        )
    if isinstance(container, Sequence):
        return Many({index: at_container(each) for index, each in enumerate(container)})
    fields = getattr(container, "__attrs_attrs__", ())
    return Many({each.name: at_container(getattr(container, each.name)) for each in fields})


def at_order(order: BuildOrder, folder: Path) -> Whole:
    """Stand on a build: its parameters, and the realizations that it was given."""

    def cross(reference: Reference) -> Found:
        if reference not in order.inputs:
            return Success(Whole(reference.dref))
        given = order.inputs[reference]
        return Success(_one_or_many(reference, [_at_given(each) for each in given.given]))

    return Whole(order.dref, parameters=at_tree(order.config.tree, cross, folder), folder=folder)


def _at_given(given: Given) -> Whole:
    if not isinstance(given.result, Value):
        return Whole(given.rref.dref, given.rref, folder=given.folder, left=given.result.reason)
    return Whole(given.rref.dref, given.rref, result=_at_value(given.result, given.folder), folder=given.folder)


def _at_value(value: Value, folder: Path | None) -> Spot:
    return Spot(value.tree, folder, lambda reference: Success(Whole(reference.dref)))


def at_rrefs(rrefs: Sequence[RRef], world: World) -> Found:
    """Stand on the realizations of an outcome: on the one, or on many."""
    if len(rrefs) == 1:
        return at_rref(rrefs[0], world)
    return _all_of(rrefs, world).map(_many)


def at_rref(rref: RRef, world: World) -> Found:
    """Stand on a stored realization, and cross to those that it was made from."""
    found = world.perform.result(world.store.realizations((rref,)))
    if isinstance(found, Failure):
        return Failure(found.failure())
    realization = found.unwrap().get(rref)
    if realization is None:
        return Failure(f"is {rref}, which is not stored")
    configs = world.perform.result(world.store.configs((rref.dref,)))
    if isinstance(configs, Failure):
        return Failure(configs.failure())
    damaged = _damage_of(realization, world)
    if damaged is not None:
        return Failure(damaged)
    return Success(_at_realization(realization, configs.unwrap().get(rref.dref), world))


def _damage_of(realization: Realization, world: World) -> EngineFailure | None:
    """What is wrong with the files, that a path could lead to: nothing of them may be read then."""
    trees = () if realization.tree is None else (realization.tree,)
    looked = world.perform.result(world.store.unsound(trees))
    if isinstance(looked, Failure):
        failure: EngineFailure = looked.failure()
        return failure
    return next((each for each in looked.unwrap().values() if isinstance(each, DamagedObject)), None)


def _at_realization(realization: Realization, config: Config | None, world: World) -> Whole:
    context = dict(realization.context.entries)

    def cross(reference: Reference) -> Found:
        if reference not in context:
            return at_dref(reference.dref, world)
        return _all_of(context[reference], world).map(lambda wholes: _one_or_many(reference, wholes))

    folder = None if realization.tree is None else world.store.folder_of(realization.tree)
    parameters = None if config is None else at_tree(config.tree, cross, folder)
    if isinstance(realization.result, Value):
        result = _at_value(realization.result, folder)
        return Whole(realization.dref, realization.rref, parameters, result, folder)
    return Whole(realization.dref, realization.rref, parameters, None, folder, realization.result.reason)


def _all_of(rrefs: Sequence[RRef], world: World) -> Result[list[Place], str | EngineFailure]:
    places: list[Place] = []
    for rref in rrefs:
        found = at_rref(rref, world)
        if isinstance(found, Failure):
            return Failure(found.failure())
        places.append(found.unwrap())
    return Success(places)


def _one_or_many(reference: Reference, places: Sequence[Place]) -> Place:
    return places[0] if reference.take is Take.ONE and places else _many(places)


def _many(places: Sequence[Place]) -> Place:
    return Many(dict(enumerate(places)))
