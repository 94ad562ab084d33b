"""Plans without stages, and a run without a disk: what the tests of the plan and of the engine share.

A toy is a recipe whose realizer is a function in the test; `simulate` is the
smallest driver that the step machine can have: a list is its store, and chance
(seeded) says which task ends next, and when results get stored.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from attrs import Factory, define, evolve, frozen
from returns.result import Failure, Result, Success

from lightfx.core.canonical import Tree, Unstorable, spell_checked
from lightfx.core.closure import instantiate
from lightfx.core.config import Config, Reference, Take
from lightfx.core.derivation import Dependency, Derivation, Observed, Recipe
from lightfx.core.failures import EngineFailure
from lightfx.core.listing import Listed
from lightfx.core.names import Digest
from lightfx.core.outcome import Cause, Left
from lightfx.core.parts import Step
from lightfx.core.realization import (
    BuildOrder,
    Given,
    Input,
    MadeBy,
    Output,
    Outputs,
    Realization,
    Stored,
    Value,
    content_of,
)
from lightfx.core.records import spell_result
from lightfx.core.refs import DRef, RRef
from lightfx.core.terms import Terms
from lightfx.plan import schedule
from lightfx.plan.graph import Graph, graph_of
from lightfx.plan.ledger import Chosen, State
from lightfx.plan.moves import (
    Alike,
    Built,
    Command,
    Differ,
    Drop,
    Event,
    Fail,
    Keep,
    List,
    Listing,
    Observations,
    Observe,
    Recall,
    Run,
    Seek,
)
from lightfx.plan.replay import ReplayPolicy, replay_by_cause

Made: TypeAlias = "Value | Cause"
Work: TypeAlias = Callable[[BuildOrder, int], Made]
RAN: list[tuple[str, int]] = []


@frozen(eq=False)
class Toy:
    """A realizer that asks ``work`` for each output, and notes in `RAN` that it was asked."""

    name: str
    work: Work
    terms: Terms = Terms()
    type: object = int

    def part(self, path: tuple[Step, ...], /) -> Toy:
        return self

    def parts(self) -> tuple[tuple[str, str], ...]:
        return ()

    def current(self, config: Config, /) -> bool:
        return True

    def decode(self, tree: Tree, folder: Path | None, /) -> Result[object, Unstorable]:
        if tree == "unreadable":
            return Failure(Unstorable((), "is unreadable"))
        return Success(tree)

    def made_by(self) -> MadeBy:
        return MadeBy(python="3")

    def __call__(self, order: BuildOrder, /) -> Result[Outputs, Left]:
        outputs: list[Output] = []
        for index in order.indices:
            RAN.append((self.name, index))
            made = self.work(order, index)
            if not isinstance(made, Value):
                return Failure(Left(made))
            outputs.append(Output(made.tree))
        return Success(tuple(outputs))


def toy(
    name: str,
    work: Work | Made,
    *needs: Dependency,
    outputs: int = 1,
    observed: Path | None = None,
    code: Tree = None,
    ephemeral: bool = False,
    **args: Tree,
) -> Derivation[object]:
    """Plan a toy; its config is of the shape that stages make."""
    tree: dict[str, Tree] = {
        "args": {**args, "needs": [need.reference.tree for need in needs]},
        "code": {"version": name if code is None else code},
        "name": name,
    }
    config = Config(spell_checked(tree))
    realizer = Toy(name, work if callable(work) else lambda order, index: work, Terms(outputs, ephemeral=ephemeral))
    at = None if observed is None else Observed(observed)
    return Derivation(Recipe(config, DRef.of(config.text, name), realizer, needs, at))


def given(order: BuildOrder) -> list[Sequence[Made]]:
    """What each need of a toy was resolved to, in the order of its arguments."""
    args = order.config.tree["args"]
    assert isinstance(args, dict)
    references = [Reference.of_tree(tree) for tree in args["needs"]]
    return [
        [each.result for each in order.inputs[reference].given][: 1 if reference.take is Take.ONE else None]
        for reference in references
    ]


class StuckError(AssertionError):
    """Nothing is left to do, and not every node is settled."""


class TroubleError(Exception):
    """The step machine gave up."""

    def __init__(self, failure: EngineFailure) -> None:
        super().__init__(failure)
        self.failure = failure


class KilledError(Exception):
    """The driver was killed."""


@define(eq=False)
class Shelf:
    """A store of realizations, as lists."""

    stored: dict[RRef, Realization] = Factory(dict)
    clock: float = 1.0

    def now(self) -> float:
        self.clock += 1.0
        return self.clock

    def of(self, drefs: Sequence[DRef], reading: frozenset[DRef]) -> list[Listed]:
        """List; values come without their records where nobody asked for them, as from an index."""
        wanted = set(drefs)
        rows = [each for each in self.stored.values() if each.dref in wanted]
        return [
            Listed(Stored.of(each), each if each.dref in reading or not isinstance(each.result, Value) else None)
            for each in rows
        ]

    def under(self, key: Digest) -> list[Listed]:
        return [Listed.whole(each) for each in self.stored.values() if each.key == key]

    def commit(self, realizations: Sequence[Realization]) -> None:
        for each in realizations:
            self.stored.setdefault(each.rref, each)


@define(eq=False)
class Simulation:
    """One simulated run."""

    graph: Graph
    shelf: Shelf
    chance: random.Random
    outside: Mapping[Path, Digest | Cause]
    ran: list[Run] = Factory(list)
    kept: list[Realization] = Factory(list)
    unstored: list[Realization] = Factory(list)
    known: dict[RRef, Realization] = Factory(dict)

    def keep(self, realization: Realization) -> Realization:
        made = evolve(realization, created=self.shelf.now())
        self.known[made.rref] = made
        self.unstored.append(made)
        return made

    def commit(self) -> None:
        self.shelf.commit(self.unstored)
        self.unstored.clear()

    def answer(self, command: Command) -> Event | None:
        match command:
            case Observe(nodes):
                paths = {number: self.graph.nodes[number].recipe.observed for number in nodes}
                return Observations({number: self.outside[at.path] for number, at in paths.items() if at is not None})
            case List(drefs, reading, since):
                return Listing(self.shelf.of(drefs, reading), since, since + len(drefs))
            case Recall() | Drop() | Differ():
                raise TypeError("toys neither ask nor drop files")
            case Seek(keys):
                return Alike({number: self.shelf.under(key) for number, key in keys})
            case Keep(_, realization):
                self.kept.append(self.keep(realization))
                return None
            case Fail(failure):
                raise TroubleError(failure)
            case Run():
                raise TypeError("runs are carried out by chance")

    def carry_out(self, run: Run) -> Built:
        """Make the outputs of a run; a run that fails fails for each of its outputs."""
        self.ran.append(run)
        node = self.graph.nodes[run.node]
        inputs: dict[Reference, Input] = {}
        for reference, rrefs in run.context.entries:
            found = [self.known.get(rref) or self.shelf.stored[rref] for rref in rrefs]
            got = tuple(Given(each.rref, each.result, None) for each in found)
            inputs[reference] = Input(int, reference.take, reference.tolerate, got)
        order = BuildOrder(node.dref, node.recipe.config, run.key, run.indices, Path("/nowhere"), inputs)
        made = node.recipe.realizer(order)
        if isinstance(made, Failure):
            results: list[Made] = [made.failure().cause] * len(run.indices)
        else:
            results = [Value(output.tree) for output in made.unwrap()]
        rows: list[Listed] = []
        for index, result in zip(run.indices, results, strict=True):
            content = content_of(spell_result(result), None)
            rref = RRef.of(run.dref, key=run.key.text, index=index, content=content.text)
            realization = Realization(rref, run.key, index, content, result, context=run.context)
            rows.append(Listed.whole(self.keep(realization)))
        return Built(run.node, tuple(rows))


@define(eq=False)
class Report:
    """What a simulated run came to."""

    state: State
    graph: Graph
    ran: list[Run]
    kept: list[Realization]
    chosen: list[Chosen]
    known: dict[RRef, Realization]

    @property
    def contents(self) -> list[tuple[str, ...]]:
        """Each target's realizations, by reference."""
        return [tuple(row.stored.rref.text for row in rows) for rows in self.chosen]

    def result(self, target: int = 0) -> Made:
        rref = self.chosen[target][0].stored.rref
        return self.known[rref].result


def simulate(
    targets: object,
    shelf: Shelf,
    *,
    seed: int = 0,
    policy: ReplayPolicy = replay_by_cause,
    outside: Mapping[Path, Digest | Cause] | None = None,
    kill_after: int | None = None,
) -> Report:
    """Run to the end; chance says which task ends next, and when what was made gets stored."""
    graph = graph_of(instantiate(targets))
    chance = random.Random(seed)
    simulation = Simulation(graph, shelf, chance, outside or {})
    state, commands = schedule.begin(graph, policy, lambda tree: Path("/nowhere") / tree.hex)
    queue, backlog = list(commands), list[Run]()
    while queue or backlog:
        event: Event | None
        if queue:
            command = queue.pop(0)
            if isinstance(command, Run):
                backlog.append(command)
                continue
            event = simulation.answer(command)
        else:
            if kill_after is not None and len(simulation.ran) >= kill_after:
                simulation.commit()
                raise KilledError
            event = simulation.carry_out(backlog.pop(chance.randrange(len(backlog))))
        if event is not None:
            state, more = schedule.step(state, event)
            queue += more
        if chance.random() < 0.2:
            simulation.commit()
    if not state.finished:
        raise StuckError([node.dref.text for node in graph.nodes if not state.ledger[node.number].settled])
    simulation.commit()
    chosen = [state.selection(number, reference) for number, reference in graph.targets]
    return Report(state, graph, simulation.ran, simulation.kept, chosen, {**shelf.stored, **simulation.known})
