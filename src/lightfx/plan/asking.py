"""Dynamic dependencies: what a stage asks for as it runs.

A stage that needs a derivation which it made itself is suspended: its run gives
`Asked`. What it asks for joins the graph, with all that this needs; uses of what
the stage was given, which it knows by reference alone, are bound to what the
plan says they are. When all of it is settled the stage runs again from the
start, with these among its inputs (a *restarting* scheduler in the words of
Build Systems à la Carte; decision 0015 says why). A stage may ask again, and
what it asks for may ask in turn.

Early cutoff: a run that is suspended need not go on where something is stored
that asked for the same and got the same contents. That counts as a trace that
stands; nobody could tell before, since a shadow has no code to run.

What a stage stands on cannot stand on the stage: to ask for that is a LEFT. A
ring may close through equal work too: what a stage asks for needs something of
the stage's own key, and waits for the run that waits for it. Nobody sees that
come; when nothing else is left to wait for, one of those that wait runs itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from attrs import evolve
from returns.result import Failure, Result, Success

from lightfx.core.config import Reference
from lightfx.core.derivation import Absent, Dependency, Derivation, Recipe, Tolerant, derivations_of
from lightfx.core.listing import Listed
from lightfx.core.outcome import Cause, Raised
from lightfx.core.realization import Asked, Context, Realization, Selection, content_of, key_with
from lightfx.core.records import spell_result
from lightfx.core.refs import DRef, RRef
from lightfx.plan.desk import Desk
from lightfx.plan.graph import Graph, Node
from lightfx.plan.holding import hold
from lightfx.plan.ledger import Chosen, Progress
from lightfx.plan.moves import Keep, List, Observe, Run
from lightfx.plan.rebuild import Build, decide, replayed
from lightfx.plan.remaking import lose, spoilt
from lightfx.plan.selections import selections_of
from lightfx.plan.traces import came_to

Known = Mapping[Reference, Derivation[object]]
MAX_TIMES: Final = 10_000


def asked(desk: Desk, run: Run, needs: Sequence[Dependency]) -> None:
    """Take in what a run asks for; its node is settled as LEFT where that cannot be."""
    node, progress = desk.state.graph.nodes[run.node], desk.state.ledger[run.node]
    progress.runs -= run.again is None
    progress.margin.times += 1
    if progress.margin.times > MAX_TIMES:
        _refuse(desk, run, _endless())
        return
    bound = bind(needs, _known(desk.state.graph, node, progress))
    if isinstance(bound, Failure):
        _refuse(desk, run, _undeclared(bound.failure()))
        return
    since = len(desk.state.graph.nodes)
    uses = dict(desk.state.graph.adopt(bound.unwrap(), lambda number: _is_open(desk, number)))
    _open_ledger(desk, since)
    if _stands_on(desk, uses.values(), run.node):
        _refuse(desk, run, _cyclic(node.dref))
        return
    fresh = {reference: number for reference, number in uses.items() if reference not in progress.margin.asked}
    progress.margin.asked.update(fresh)
    progress.margin.held.append(evolve(run, asked=(), selections=()))
    progress.unmet += 1  # for this event itself: what is settled already brings no other
    for number in dict.fromkeys(fresh.values()):
        if number in desk.state.users and number not in node.needs and not progress.settled:
            desk.state.users[number] += 1
            hold(desk.state, number, number)
        if not desk.state.ledger[number].settled:
            desk.state.graph.depend(run.node, number)
            progress.unmet += 1
    desk.met(run.node)


def _known(graph: Graph, node: Node, progress: Progress) -> Known:
    """What a stage holds by reference alone, and what each is: its own needs, and those that it asked for."""
    plain = {each.reference: each for each in derivations_of(node.recipe.needs)}
    for reference, number in progress.margin.asked.items():
        recipe = graph.nodes[number].recipe
        use = evolve(reference, tolerate=False)
        plain.setdefault(
            use, Derivation[object](recipe, graph.nodes[number].demands[reference.matcher], reference.take)
        )
    return plain


def _is_open(desk: Desk, number: int) -> bool:
    """Whether a node may be given another demand: not once it was judged."""
    ledger = desk.state.ledger
    return number >= len(ledger) or (ledger[number].key is None and not ledger[number].settled)


def _open_ledger(desk: Desk, since: int) -> None:
    """Open the ledger of the nodes that joined, and ask what is stored of them, and what is outside."""
    state = desk.state
    joined = state.graph.nodes[since:]
    for node in joined:
        needs = set(node.needs)
        unmet = sum(not _settled(desk, need) for need in needs)
        state.ledger.append(Progress(unmet + 1 + (node.recipe.observed is not None)))
        if node.recipe.realizer.terms.ephemeral:
            state.users[node.number] = 0
        for need in needs & state.users.keys():
            state.users[need] += 1
    state.open += len(joined)
    observing = tuple(node.number for node in joined if node.recipe.observed is not None)
    if observing:
        desk.commands.append(Observe(observing))
    if joined:
        reading = frozenset(node.dref for node in joined if any(each.reads for each in node.demands.values()))
        desk.commands.append(List(tuple(node.dref for node in joined), reading, since))


def _settled(desk: Desk, number: int) -> bool:
    return number < len(desk.state.ledger) and desk.state.ledger[number].settled


def _stands_on(desk: Desk, numbers: Iterable[int], target: int) -> bool:
    """Whether any of these nodes waits for ``target``, by however many steps; what is settled waits for nobody.

    Another node of the same derivation, for another use of it, counts as the
    node itself.
    """
    pending, seen, dref = list(numbers), set[int](), desk.state.graph.nodes[target].dref
    while pending:
        number = pending.pop()
        if number == target or (desk.state.graph.nodes[number].dref == dref and not desk.state.ledger[number].settled):
            return True
        if number in seen or desk.state.ledger[number].settled:
            continue
        seen.add(number)
        pending += desk.state.graph.nodes[number].needs
        aside = desk.state.ledger[number].aside
        if aside is not None:
            pending += aside.asked.values()
    return False


def resume(desk: Desk, node: Node, progress: Progress) -> None:
    """Go on with a node whose needs are there now: it inherits their LEFT, or runs again."""
    aside = progress.margin
    held, aside.held = aside.held, []
    found_rows = {reference: rows_of(desk, number, reference) for reference, number in aside.asked.items()}
    rows = {reference: chosen for reference, chosen in found_rows.items() if chosen is not None}
    if len(rows) < len(found_rows):
        _give_up(desk, node.number, progress)
        return
    entries = tuple((ref, tuple(row.stored.rref for row in rows[ref])) for ref in _sorted(rows))
    own = held[0].context.entries[: len(node.references)]  # not the node's: what it is made again of may be other
    context = Context((*own, *entries))
    found: Asked = tuple((ref, tuple(row.stored.content for row in rows[ref])) for ref in _sorted(rows))
    selections = selections_of(desk.state, aside.asked)
    lefts = [row for ref, chosen in rows.items() if not ref.tolerate for row in chosen if not row.stored.is_right]
    if not lefts:
        held = _cut_off(desk, node, progress, held, found, selections=selections)
        progress.runs += sum(run.again is None for run in held)
        desk.commands += [evolve(run, context=context, asked=found, selections=selections) for run in held]
    elif progress.key is not None and not progress.settled:
        cause = desk.blame(lefts)
        desk.settle_left(node.number, progress.key, context, cause, asked=found, selections=selections)
    else:
        spoilt(desk, node.number, desk.blame(lefts), context, found)


def _cut_off(
    desk: Desk, node: Node, progress: Progress, held: list[Run], found: Asked, *, selections: tuple[Selection, ...]
) -> list[Run]:
    """Tell a node what is stored that got the same, and settle it where that will do; give the runs that must go on."""
    again = [run for run in held if run.again is not None]
    if len(again) == len(held) or progress.settled or node.dref in desk.state.wishes.force:
        return held
    got = dict(found)
    alike = [row for row in progress.own if row.stored.key == progress.key and row.stored.asks and came_to(row, got)]
    stand = replayed(alike, desk.state.policy)
    if not stand:
        return held
    desk.tell(node, progress, stand)
    own = (row.realization for row in stand if row.stored.rref.dref == node.dref)
    outdated = [each for each in own if each is not None and each.selections != selections] if selections else []
    desk.commands += [Keep(node.number, evolve(each, selections=selections)) for each in outdated]
    decided = decide(node.recipe, progress.candidates, node.demands, desk.state.folder_of).value_or(None)
    if isinstance(decided, Build):
        there = {row.stored.index for row in progress.candidates}
        again = [run for run in held if run.again is not None or not there.issuperset(run.indices)]
    if not again and progress.runs == 0:  # others of its runs may have come to their end before
        progress.ran = progress.key is not None and desk.state.makers.get(progress.key) == node.number
        desk.judge(node, progress, sought=True)
    return again


def untie(desk: Desk) -> None:
    """Let one node run that waits for equal work, where that work waits for it."""
    state = desk.state
    for key, waiting in state.followers.items():
        number = waiting.pop(0)
        if not waiting:
            del state.followers[key]
        state.builders.pop(key, None)
        desk.judge(state.graph.nodes[number], state.ledger[number], sought=True)
        return


def _give_up(desk: Desk, number: int, progress: Progress) -> None:
    """What was asked for is lost to this run, and so is what asked."""
    if progress.settled:
        lose(desk, number)
    else:
        desk.sink(number)


def rows_of(desk: Desk, number: int, reference: Reference) -> Chosen | None:
    """The realizations that a use of a settled node was resolved to; None where it is lost."""
    return desk.state.ledger[number].chosen.get(reference.matcher)


def _sorted(references: Iterable[Reference]) -> list[Reference]:
    return sorted(references, key=lambda ref: (ref.dref, ref.matcher, ref.take.value, ref.tolerate))


def _refuse(desk: Desk, run: Run, cause: Cause) -> None:
    """The run failed, for each output that it was to make, as any other that fails."""
    node, progress = desk.state.graph.nodes[run.node], desk.state.ledger[run.node]
    if run.again is not None:
        spoilt(desk, run.node, cause, run.context, run.asked)
        return
    content = content_of(spell_result(cause), None)
    for index in run.indices:
        rref = RRef.of(run.dref, key=key_with(run.key, run.asked), index=index, content=content.text)
        made = Realization(
            rref, run.key, index, content, cause, context=run.context, asked=run.asked, selections=run.selections
        )
        desk.commands.append(Keep(run.node, made))
        desk.remember(Listed.whole(made))
        progress.candidates.append(Listed.whole(made))
    desk.judge_when_over(node, progress)


def _undeclared(reference: Reference) -> Cause:
    why = f"{reference.dref} is given to no parameter of this stage, and was not made by it either"
    return Raised("UndeclaredNeedError", ("UndeclaredNeedError", "LookupError", "Exception"), why, "")


def _endless() -> Cause:
    why = (
        f"it asked {MAX_TIMES:,} times, for something new each time; a stage must ask for the same when it is run again"
    )
    return Raised("EndlessNeedError", ("EndlessNeedError", "RecursionError", "Exception"), why, "")


def _cyclic(dref: DRef) -> Cause:
    why = f"it asks for something that stands on {dref} itself"
    return Raised("CyclicNeedError", ("CyclicNeedError", "RecursionError", "Exception"), why, "")


# Binding what a stage knows by reference alone.


def bind(needs: Sequence[Dependency], known: Known) -> Result[tuple[Dependency, ...], Reference]:
    """Replace each use that is known by reference alone by what it is, at any depth; or give one that is not known."""
    recipes: dict[DRef, Recipe] = {}
    stack = [(each.origin, False) for each in derivations_of(needs)]
    while stack:
        origin, opened = stack.pop()
        if isinstance(origin, Absent) or origin.dref in recipes:
            continue
        if not opened and origin.needs:
            stack.append((origin, True))
            stack += [(each.origin, False) for each in derivations_of(origin.needs)]
            continue
        inner = _bound(origin.needs, known, recipes)
        if isinstance(inner, Failure):
            return Failure(inner.failure())
        same = all(one is other for one, other in zip(inner.unwrap(), origin.needs, strict=True))
        recipes[origin.dref] = origin if same else evolve(origin, needs=inner.unwrap())
    return _bound(needs, known, recipes)


def _bound(
    needs: Sequence[Dependency], known: Known, recipes: Mapping[DRef, Recipe]
) -> Result[tuple[Dependency, ...], Reference]:
    bound: list[Dependency] = []
    for need in needs:
        derivation = need.derivation if isinstance(need, Tolerant) else need
        if isinstance(derivation.origin, Absent):
            found = known.get(derivation.reference)
            if found is None:
                return Failure(derivation.reference)
        else:
            recipe = recipes[derivation.dref]
            found = derivation if recipe is derivation.origin else evolve(derivation, origin=recipe)
        if isinstance(need, Tolerant):
            bound.append(need if found is derivation else Tolerant(found))
        else:
            bound.append(found)
    return Success(tuple(bound))
