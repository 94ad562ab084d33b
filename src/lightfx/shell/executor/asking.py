"""What a stage asks for, spelled flat: plans are nested, and pickling goes only so deep.

Each recipe stands once, after those that it needs; a use names its recipe by
number. A use that is known by its reference alone stays what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, final

from attrs import frozen

from lightfx.core.config import Config, Take
from lightfx.core.derivation import (
    Absent,
    Asks,
    Dependency,
    Derivation,
    Observed,
    Realizer,
    Recipe,
    Tolerant,
    derivations_of,
)
from lightfx.core.matching import Matcher
from lightfx.core.refs import DRef


@final
@frozen
class SealedAsks:
    """What a stage asks for, in bytes, through a process that must not load it (`lightfx.shell.executor.sealing`)."""

    packed: bytes


Use: TypeAlias = tuple["int | Absent", Matcher[object], Take, bool]


@final
@frozen
class Row:
    """A recipe whose needs are uses by number."""

    config: Config
    dref: DRef
    realizer: Realizer
    uses: tuple[Use, ...]
    observed: Observed | None


@final
@frozen
class FlatAsks:
    """`Asks`, in rows."""

    rows: tuple[Row, ...]
    needs: tuple[Use, ...]


def flat(asks: Asks) -> FlatAsks:
    """Lay out what is asked for, needs before dependents."""
    numbers: dict[int, int] = {}
    rows: list[Row] = []
    stack = _recipes(asks.needs)
    while stack:
        recipe = stack[-1]
        missing = [need for need in _recipes(recipe.needs) if id(need) not in numbers]
        if missing and id(recipe) not in numbers:
            stack += missing
            continue
        stack.pop()
        if id(recipe) not in numbers:
            numbers[id(recipe)] = len(rows)
            uses = _uses(recipe.needs, numbers)
            rows.append(Row(recipe.config, recipe.dref, recipe.realizer, uses, recipe.observed))
    return FlatAsks(tuple(rows), _uses(asks.needs, numbers))


def nested(asked: FlatAsks) -> Asks:
    """Put together again what was laid out."""
    recipes: list[Recipe] = []
    for row in asked.rows:
        recipes.append(Recipe(row.config, row.dref, row.realizer, _needs(row.uses, recipes), row.observed))
    return Asks(_needs(asked.needs, recipes))


def _recipes(needs: Sequence[Dependency]) -> list[Recipe]:
    return [each.origin for each in derivations_of(needs) if isinstance(each.origin, Recipe)]


def _uses(needs: Sequence[Dependency], numbers: dict[int, int]) -> tuple[Use, ...]:
    return tuple(
        (
            numbers[id(use.origin)] if isinstance(use.origin, Recipe) else use.origin,
            use.matcher,
            use.take,
            isinstance(need, Tolerant),
        )
        for need, use in zip(needs, derivations_of(needs), strict=True)
    )


def _needs(uses: Sequence[Use], recipes: Sequence[Recipe]) -> tuple[Dependency, ...]:
    made: list[Dependency] = []
    for origin, matcher, take, tolerate in uses:
        use = Derivation(recipes[origin] if isinstance(origin, int) else origin, matcher, take)
        made.append(use.tolerate() if tolerate else use)
    return tuple(made)
