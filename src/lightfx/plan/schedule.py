"""The step machine of a run: an event in, commands out; no effect, no clock, no chance.

`begin` makes the first commands, `step` answers each event. Rules:

1. A node is *ready* when all that it needs is settled, and what it observes
   outside is known. It settles once, and never changes after.
2. A ready node that stands on a LEFT which no use of it tolerates is settled as
   `Upstream`, blaming the roots. It runs nothing.
3. Any other ready node has an input key. Candidates are its own realizations
   under that key; failing these, those of any derivation under that key (early
   cutoff: they are told anew under its own name, `Keep`).
4. Where a matcher needs more, the node runs (`Run`). Nodes with one key run
   once: the others wait for the first, or come when it is settled, and are told
   its results either way: they need not be stored yet.
5. What a run gave counts in this run, whatever it is: replay policies judge the
   LEFTs of earlier runs alone. A matcher that is not satisfied then may ask again
   while fewer candidates are there than its `Matcher.budget`. One that may not, and
   it alone, gets the LEFT that stands in its way, or the run fails with `Unmatched`.
6. A node whose key someone else is building (`Busy`) is asked for again on
   `Tick`: found, it is told; not found and free, it runs.
7. A node of which a matcher can choose nothing (`Fail`) is lost, with all that
   stands on it; everything else goes on, and is stored.
8. A realization whose stage asked for more as it ran counts where all of that
   comes to the same contents again (`lightfx.plan.traces`). A run that asks is
   suspended until that is settled. It is run again (`lightfx.plan.asking`), unless
   one is stored that got the same.
9. Files of ephemeral realizations that this run made or read are dropped when
   the last node that uses them is settled. Where a run finds them gone they are made again first
   (`lightfx.plan.remaking`); what may not run is not, and what needs them is lost.

The table (event -> what it may bring)::

    begin        Observe, List
    Observations ready nodes go on
    Listing      ready nodes go on
    Recalled     Observe, List, Recall for what only records name
    Alike        cutoff, or Run
    Built        settle; dependents go on
    Asked        Observe, List for what joins; Run again
    Gone         Run to make files again
    Restored     what waited for files goes on
    Busy         wait
    Tick         Seek again for those that wait
    Stuck        what waits for records that contradict each other is run, or for itself by way of equal work

Theory of operation: the state is one mutable ledger that the caller hands back
with each event and never looks at in between, so `step` is a function from
history to commands, and nothing is copied per event. Work goes through a list,
not the stack: a chain of 100,000 is no problem. Commands of one kind are
batched: one `Seek` for all that became ready together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, assert_never

from attrs import evolve

from lightfx.core.config import Reference, input_key
from lightfx.core.listing import Listed
from lightfx.core.names import Digest
from lightfx.core.outcome import Cause
from lightfx.core.realization import Context
from lightfx.plan import asking, remaking, traces
from lightfx.plan.desk import Desk, spell_contents
from lightfx.plan.graph import Graph, Node
from lightfx.plan.holding import touch
from lightfx.plan.ledger import Chosen, Progress, State
from lightfx.plan.moves import (
    Alike,
    Asked,
    Built,
    Busy,
    Command,
    Event,
    Gone,
    List,
    Listing,
    Observations,
    Observe,
    Recalled,
    Restored,
    Run,
    Seek,
    Stuck,
    Tick,
)
from lightfx.plan.rebuild import FolderOf, replayed, takes_any
from lightfx.plan.replay import ReplayPolicy
from lightfx.plan.wishes import Wishes

_NO_WISHES: Final = Wishes()


def begin(
    graph: Graph, policy: ReplayPolicy, folder_of: FolderOf, wishes: Wishes = _NO_WISHES
) -> tuple[State, list[Command]]:
    """Open the ledger, and ask what is stored and what is outside."""
    ledger = [Progress(len(set(node.needs)) + 1 + (node.recipe.observed is not None)) for node in graph.nodes]
    state = State(graph, policy, folder_of, wishes, ledger, len(ledger))
    if not ledger:
        return state, []
    observing = tuple(node.number for node in graph.nodes if node.recipe.observed is not None)
    asked_for = {number for number, _ in graph.targets}
    state.users = {
        node.number: len(node.dependents) + (node.number in asked_for)
        for node in graph.nodes
        if node.recipe.realizer.terms.ephemeral
    }
    targets = {graph.nodes[number].dref for number in asked_for}
    reading = targets.union(
        node.dref for node in graph.nodes if any(matcher.reads for matcher in node.demands.values())
    )
    commands: list[Command] = [Observe(observing)] if observing else []
    return state, [*commands, List(tuple(node.dref for node in graph.nodes), frozenset(reading))]


def step(state: State, event: Event) -> tuple[State, list[Command]]:
    """Take in one event, and say what to do next."""
    desk = Desk(state)
    match event:
        case Listing(rows, since, until):
            _listing(desk, rows, since, until)
        case Observations(found):
            _observations(desk, found)
        case Recalled(drefs, configs):
            traces.recalled(desk, drefs, configs)
        case Alike(rows):
            _alike(desk, rows)
        case Built() | Asked() | Gone() | Restored() | Busy():
            _report(desk, event)
        case Tick():
            _tick(desk)
        case Stuck():
            if not traces.give_up(desk):
                asking.untie(desk)
        case never:
            assert_never(never)
    return state, _close(desk)


def _report(desk: Desk, event: Built | Asked | Gone | Restored | Busy) -> None:
    """Take in what became of a run; what was begun on inputs that came out otherwise since is stored, and no more."""
    if desk.state.users and isinstance(event, Built | Asked):
        touch(desk.state, event)
    if _is_outdated(desk, event):
        return
    match event:
        case Built(number, rows, again):
            if again:
                remaking.remade(desk, number, rows)
            else:
                _built(desk, number, rows)
        case Asked(run, needs):
            asking.asked(desk, run, needs)
        case Gone(run, rrefs):
            remaking.gone(desk, run, rrefs)
        case Restored(run):
            remaking.restored(desk, run)
        case Busy(number, run):
            _busy(desk, number, run)
        case never:
            assert_never(never)


def _is_outdated(desk: Desk, event: Built | Asked | Gone | Restored | Busy) -> bool:
    ledger = desk.state.ledger
    if isinstance(event, Built):
        return not event.again and any(row.stored.key != ledger[event.node].key for row in event.rows)
    run = event.run
    if run is None:
        return False
    return run.key != ledger[run.node].key if run.again is None else not remaking.is_awaited(desk, run)


def _close(desk: Desk) -> list[Command]:
    """Go on with every node that became ready, then batch what is sought."""
    for number in desk.ready:  # grows as nodes settle
        _go_on(desk, desk.state.graph.nodes[number], desk.state.ledger[number])
    if desk.seeking:
        desk.commands.append(Seek(tuple(desk.seeking)))
    return desk.commands


# Events.


def _listing(desk: Desk, rows: Iterable[Listed], since: int, until: int | None) -> None:
    grouped: dict[str, list[Listed]] = {}
    for row in rows:
        grouped.setdefault(row.stored.rref.text[33:], []).append(row)
        if not row.stored.is_right:
            desk.remember(row)
    end = len(desk.state.ledger) if until is None else until
    for number in range(since, end):
        own = grouped.get(desk.state.graph.nodes[number].recipe.dref.text)
        if own is not None:
            desk.state.ledger[number].own = own
        elif desk.lacks(number):
            continue
        desk.met(number)


def _observations(desk: Desk, found: Mapping[int, Digest | Cause]) -> None:
    for number, what in found.items():
        if isinstance(what, Digest):
            desk.state.ledger[number].observed = what.text
            desk.met(number)
        else:
            key = input_key(desk.state.graph.nodes[number].recipe.config.text, "unobserved")
            desk.settle_left(number, key, Context(()), what)


def _alike(desk: Desk, rows: Mapping[int, Sequence[Listed]]) -> None:
    state = desk.state
    for number, found in rows.items():
        node, progress = state.graph.nodes[number], state.ledger[number]
        state.busy.pop(number, None)
        if progress.settled:
            continue
        for row in found:
            desk.remember(row)
        # What was looked at once brings no news, should the node be asked about again.
        progress.own = [*progress.own, *found]
        desk.tell(node, progress, replayed([row for row in found if not row.stored.asks], state.policy))
        desk.tell_made(node, progress)
        asks = [row for row in found if row.stored.asks and traces.replayable(row, state.policy)]
        if not asks or not traces.check(desk, node, progress, asks, sought=True):
            _checked(desk, node, progress, sought=True)


def _built(desk: Desk, number: int, rows: tuple[Listed, ...]) -> None:
    node, progress = desk.state.graph.nodes[number], desk.state.ledger[number]
    for row in rows:
        desk.remember(row)
    # A run of several outputs may make one again that counts already, since it was found to stand on the way.
    there = {row.stored.rref for row in progress.candidates if row.stored.asks}
    progress.candidates += [row for row in rows if row.stored.rref not in there]
    if progress.key is not None:
        desk.state.makers[progress.key] = number
    progress.runs -= 1
    desk.judge_when_over(node, progress)


def _busy(desk: Desk, number: int, run: Run | None) -> None:
    progress = desk.state.ledger[number]
    if run is not None and run.again is not None:
        desk.state.put_off.append(run)
        return
    progress.runs -= 1
    if progress.key is not None and progress.runs == 0:
        desk.state.builders.pop(progress.key, None)
        desk.state.busy[number] = progress.key


def _tick(desk: Desk) -> None:
    state = desk.state
    desk.seeking += state.busy.items()
    state.busy.clear()
    desk.commands += state.put_off
    state.put_off = []


# Rules.


def _go_on(desk: Desk, node: Node, progress: Progress) -> None:
    """Go on with a node that waits for nothing: for the first time, or after what it waited for on the way."""
    aside = progress.aside
    if aside is None:
        _enter(desk, node, progress)
    elif aside.held:
        if aside.asked and not aside.stale:
            asking.resume(desk, node, progress)
        else:
            _release(desk, node, progress)
    elif aside.traces:
        _checked(desk, node, progress, sought=aside.sought)
    else:
        _enter(desk, node, progress)


def _release(desk: Desk, node: Node, progress: Progress) -> None:
    """Rule 9: start what waited for files; on others than were recorded it is another run."""
    held = remaking.release(desk, progress)
    if not held:
        return
    if not progress.settled:
        remaking.forget(desk, node.number)
        _enter(desk, node, progress)
        return
    chosen = _inputs(desk, node) or {}  # it is settled, so none of them was lost
    context, key = _context(chosen), _key(node, progress, chosen)
    desk.commands += [evolve(run, context=context, key=key, asked=(), selections=()) for run in held]


def _context(chosen: Mapping[Reference, Chosen]) -> Context:
    return Context(tuple((ref, tuple(row.stored.rref for row in rows)) for ref, rows in chosen.items()))


def _key(node: Node, progress: Progress, chosen: Mapping[Reference, Chosen]) -> Digest:
    return input_key(node.recipe.config.resolved(lambda ref: spell_contents(chosen[ref], ref)), progress.observed)


def _enter(desk: Desk, node: Node, progress: Progress) -> None:
    state = desk.state
    if _is_plain(desk, node, progress):
        # Its name covers all that its key does, so what is listed under its name has its key: it need not be made.
        progress.key = progress.own[0].stored.key
        progress.candidates = [progress.own[0]]
        desk.settle(node.number, dict.fromkeys(node.demands, (progress.own[0],)))
        return
    chosen = _inputs(desk, node) if not progress.shadow else traces.inputs_of(desk, node)
    if chosen is None:
        desk.sink(node.number)
        return
    if chosen:
        progress.context = _context(chosen)
    key = progress.key = _key(node, progress, chosen)
    lefts = [row for ref, rows in chosen.items() if not ref.tolerate for row in rows if not row.stored.is_right]
    if lefts:
        desk.settle_left(node.number, key, progress.context, desk.blame(lefts))
        return
    if node.recipe.dref in state.wishes.force:
        desk.judge(node, progress, sought=True)
        return
    own = [row for row in progress.own if row.stored.key == key]
    progress.candidates = replayed([row for row in own if not row.stored.asks], state.policy)
    if own:
        progress.key = own[0].stored.key  # the same in other words: one to keep, not two
    desk.tell_made(node, progress)
    asks = [row for row in own if row.stored.asks and traces.replayable(row, state.policy)]
    if not asks or not traces.check(desk, node, progress, asks, sought=False):
        _checked(desk, node, progress, sought=False)


def _is_plain(desk: Desk, node: Node, progress: Progress) -> bool:
    """Tell the usual node of a large plan, which no rule holds anything for: no inputs, stored once, RIGHT."""
    if len(progress.own) != 1 or node.references or node.recipe.observed is not None or progress.shadow:
        return False
    stored, state = progress.own[0].stored, desk.state
    return (
        stored.is_right
        and not stored.asks
        and not state.makers
        and takes_any(node.demands)
        and not (state.wishes.force and node.dref in state.wishes.force)
    )


def _inputs(desk: Desk, node: Node) -> dict[Reference, Chosen] | None:
    """What the references of a node came to; None where one is lost to this run."""
    ledger, found = desk.state.ledger, dict[Reference, Chosen]()
    for reference, need in zip(node.references, node.needs, strict=True):
        chosen = ledger[need].chosen.get(reference.matcher)
        if chosen is None:
            return None
        found[reference] = chosen
    return found


def _checked(desk: Desk, node: Node, progress: Progress, *, sought: bool) -> None:
    """Judge a node, with those of its traces that stand; one that inherited a LEFT stands for all its outputs."""
    if progress.aside is not None and progress.aside.traces:
        desk.tell(node, progress, traces.standing(desk, progress))
        heirs = [row for row in progress.candidates if row.stored.kind == "upstream"]
        if heirs and not any(row.stored.is_right for row in progress.candidates):
            progress.inherited = True
            progress.candidates = heirs[:1]
            desk.settle(node.number, dict.fromkeys(node.demands, (heirs[0],)))
            return
    desk.judge(node, progress, sought=sought)
