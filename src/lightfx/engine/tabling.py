"""Tables: what is stored of plans, or under the name of a stage, as a table. Runs nothing, and stores nothing.

Of plans it shows what a run would choose now: the step machine is driven by
what is stored (`lightfx.engine.foresight`), and what would have to run is a row
without a realization. Of a stage it shows all that it made, newest first: by
the code of today, and by older code where the store tells that it was code of
this stage, which is where the stage is found (``module:name``): in the config
beside a version, else in the record of whoever ran it. Of namesakes in other
modules it shows nothing; nor what was LEFT by code of which nothing ever ran.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol, TypeVar, runtime_checkable

from returns.io import IOResult
from returns.result import Failure, Result, Success

from lightfx.core.canonical import spell_checked
from lightfx.core.closure import instantiate, labelled
from lightfx.core.config import Config
from lightfx.core.derivation import Realizer, Recipe
from lightfx.core.failures import EngineFailure
from lightfx.core.listing import View
from lightfx.core.outcome import Outcome
from lightfx.core.realization import Realization
from lightfx.core.refs import RRef
from lightfx.effects.world import World
from lightfx.engine.foresight import look
from lightfx.engine.reading import read_outcomes
from lightfx.plan.graph import Graph, graph_of
from lightfx.plan.ledger import State
from lightfx.plan.rebuild import outcome_of
from lightfx.plan.replay import replay_by_cause
from lightfx.report.tables import Row, Table, fields_of, row_of

T = TypeVar("T")

_ALL: Final = 1 << 40


@runtime_checkable
class Made(Protocol):
    """What makes derivations of one name, all with one realizer: a stage."""

    @property
    def name(self) -> str:
        """What they are called."""
        ...

    @property
    def realizer(self) -> Realizer:
        """How they are realized, as the code is now."""
        ...


def tabled(world: World, of: object) -> IOResult[Table[T], EngineFailure]:
    """Make the table of plans, or of a stage; see `lightfx.engine.inspect.table`."""
    if isinstance(of, Made):
        return IOResult.from_result(_of_stage(world, of))
    if callable(of):
        raise TypeError(f"a stage, or derivations, are wanted, not {type(of).__name__}: call it to get a plan")
    with world.perform.undisturbed():
        return IOResult.from_result(_of_plans(world, of))


def _of_plans(world: World, plans: object) -> Result[Table[T], EngineFailure]:
    labels = [" / ".join(map(str, keys)) or leaf.dref.name.text for keys, leaf in labelled(plans)]
    graph = graph_of(instantiate(plans))
    looked = look(world, graph, replay_by_cause)
    if isinstance(looked, Failure):
        return Failure(looked.failure())
    state = looked.unwrap()
    outcomes: Result[tuple[Outcome[T], ...], EngineFailure] = read_outcomes(world, graph, state)
    if isinstance(outcomes, Failure):
        return Failure(outcomes.failure())
    records = _records(world, graph, state)
    if isinstance(records, Failure):
        return Failure(records.failure())
    rows: list[Row[T]] = []
    for label, (number, reference), outcome in zip(labels, graph.targets, outcomes.unwrap(), strict=True):
        node, chosen = graph.nodes[number], state.selection(number, reference)
        if chosen is None:
            rows.append(Row(label, node.dref, fields_of(node.recipe.config)))
        read = (records.unwrap()[each.stored.rref] for each in chosen or ())
        rows += [row_of(label, node.recipe.config, each, outcome) for each in read]
    return Success(Table(tuple(rows)))


def _records(world: World, graph: Graph, state: State) -> Result[Mapping[RRef, Realization], EngineFailure]:
    """Read what the targets were resolved to; what is told anew and is not stored has a record of its own.

    The stored one is asked first: an Upstream LEFT is told anew by each run, and was made when it was stored.
    """
    chosen = [row for number, ref in graph.targets for row in state.selection(number, ref) or ()]
    told = {row.stored.rref: found for row in chosen if (found := row.realization) is not None}
    wanted = tuple({row.stored.rref: None for row in chosen})
    return world.perform.result(world.store.realizations(wanted)).map(lambda read: {**told, **read})


def _of_stage(world: World, stage: Made) -> Result[Table[T], EngineFailure]:
    listed = world.perform.result(world.store.newest(stage.name, _ALL))
    if isinstance(listed, Failure):
        return Failure(listed.failure())
    found = [each for row in listed.unwrap() if (each := row.realization) is not None]
    configs = world.perform.result(world.store.configs(tuple({each.dref: None for each in found})))
    if isinstance(configs, Failure):
        return Failure(configs.failure())
    pairs = [(each, config) for each in found if (config := configs.unwrap().get(each.dref)) is not None]
    own = _own_codes(stage, pairs)
    rows: list[Row[T]] = [
        row_of(stage.name, config, each, _decoded(world, stage, each, config))
        for each, config in pairs
        if _code_of(config) in own
    ]
    return Success(Table(tuple(rows)))


def _own_codes(stage: Made, pairs: Sequence[tuple[Realization, Config]]) -> frozenset[str]:
    """Tell which code is that of the stage, now or once: a name alone may be that of another stage too."""
    place = stage.realizer.made_by().stage
    first = {_code_of(config): config for _, config in pairs}
    own = {code for code, config in first.items() if _place_in(config) == place or stage.realizer.current(config)}
    ran = {_code_of(config) for each, config in pairs if each.made_by.stage == place and not _place_in(config)}
    return frozenset(own | ran)


def _code_of(config: Config) -> str:
    return spell_checked(config.tree.get("code"))


def _place_in(config: Config) -> str:
    """Where the stage is found, as a config says it beside a version; "" where it does not."""
    code = config.tree.get("code")
    place = code.get("of") if isinstance(code, Mapping) else None
    return place if isinstance(place, str) else ""


def _decoded(world: World, stage: Made, realization: Realization, config: Config) -> Outcome[T] | None:
    recipe = Recipe(config, realization.dref, stage.realizer)
    found = outcome_of(recipe, realization.rref, View.of(realization), world.store.folder_of)
    # The stage's annotation, by which the value was read, is what T stands for.
    return found.value_or(None)  # type: ignore[return-value]
