"""Closures: derivations with everything they need, in an order that can be realized.

`instantiate` takes the user's own container of derivations and lists every
derivation in it and under it: needs before dependents, each once, complete. It
is iterative, and linear in derivations and uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Generic, TypeAlias, TypeVar, final

import attrs
from attrs import frozen

from lightfx.core.derivation import Absent, Derivation, Recipe, Tolerant, derivations_of
from lightfx.core.refs import DRef

R_co = TypeVar("R_co", covariant=True)
R = TypeVar("R")
K = TypeVar("K")

Plans: TypeAlias = Derivation[object] | Mapping[K, Derivation[object]] | Sequence[Derivation[object]]
"""One plan, or many in a container, whatever they are of."""


class NotPlannableError(TypeError):
    """Something that is no derivation, or one that is known by its reference alone, was given to be realized."""


@final
@frozen(eq=False)
class Closure(Generic[R_co]):
    """Target derivations, in the container that the user made, with all that they need.

    ``derivations`` maps each reference to its recipe, needs before dependents.
    """

    result: R_co
    targets: tuple[Derivation[object], ...]
    derivations: Mapping[DRef, Recipe]


def instantiate(container: R, /) -> Closure[R]:
    """List everything that the derivations in ``container`` need. Runs nothing, writes nothing.

    ``container`` is a derivation, or a mapping, sequence, set or attrs record
    of derivations, nested as you like. Raises `NotPlannableError` on anything
    else.

    >>> instantiate([]).derivations
    {}
    """
    targets = tuple(leaves(container))
    return Closure(container, targets, _needs_first(target.origin for target in targets))


def leaves(container: object) -> Iterator[Derivation[object]]:
    """List the derivations in a container, depth first."""
    for _, leaf in labelled(container):
        yield leaf


def labelled(
    container: object, label: tuple[object, ...] = ()
) -> Iterator[tuple[tuple[object, ...], Derivation[object]]]:
    """List the derivations in a container with the keys that lead to each."""
    if isinstance(container, Derivation):
        yield label, container
    elif isinstance(container, Tolerant):
        yield label, container.derivation
    elif isinstance(container, Mapping):
        for key, value in container.items():
            yield from labelled(value, (*label, key))
    elif isinstance(container, list | tuple | Set):
        for index, value in enumerate(container):
            yield from labelled(value, (*label, index))
    elif attrs.has(kind := type(container)):
        for name in (each.name for each in attrs.fields(kind)):
            yield from labelled(getattr(container, name), (*label, name))
    else:
        where = f" at {'.'.join(map(str, label))}" if label else ""
        raise NotPlannableError(
            f"a derivation is wanted{where}, not {type(container).__name__}: call a stage to get one"
        )


def _needs_first(origins: Iterable[Recipe | Absent]) -> dict[DRef, Recipe]:
    order: dict[DRef, Recipe] = {}
    stack: list[tuple[Recipe, bool]] = [(_planned(origin), False) for origin in origins]
    stack.reverse()
    while stack:
        recipe, open_ = stack.pop()
        known = order.get(recipe.dref)
        if known is not None:
            _refuse_twins(known, recipe)
            if recipe.realizer is not known.realizer and recipe.realizer.terms.stored_only:
                order[recipe.dref] = recipe  # one use of it forbids it to run
            continue
        if open_ or not recipe.needs:
            order[recipe.dref] = recipe
            continue
        stack.append((recipe, True))
        for need in reversed(derivations_of(recipe.needs)):
            twin = order.get(need.dref)
            if twin is None:
                stack.append((_planned(need.origin), False))
            elif isinstance(need.origin, Recipe) and need.origin is not twin:
                stack.append((need.origin, False))
    return order


def _refuse_twins(one: Recipe, other: Recipe) -> None:
    """One relative path, spelled under two working folders, may name two files: never mix them up."""
    if one.observed != other.observed:
        raise NotPlannableError(
            f"{one.dref} means both {_where(one)} and {_where(other)}: give absolute paths to the sources"
        )


def _where(recipe: Recipe) -> str:
    return str(recipe.observed.path) if recipe.observed else "no file"


def _planned(origin: Recipe | Absent) -> Recipe:
    if isinstance(origin, Absent):
        raise NotPlannableError(
            f"{origin.dref} is known here by its reference alone: only the program that planned it can realize it"
        )
    return origin
