"""Ephemeral realizations whose files are gone, and are needed: they are made again.

Record and digests of an ephemeral realization stay when its files are dropped,
so nothing runs because they are gone. Only where something must run on them (or
the user asks for them) are they made again, and what they are made of before
them. What comes out the same goes on as if nothing had been dropped. What comes
out otherwise shows that the stage is not deterministic: that is said; the new
realization is stored and used by what had to run, and what was built on the old
one stays valid.
"""

from __future__ import annotations

from collections.abc import Sequence

from lightfx.core.listing import Listed
from lightfx.core.outcome import Cause
from lightfx.core.realization import Asked, Context, Realization, content_of, key_with
from lightfx.core.records import spell_result
from lightfx.core.refs import RRef
from lightfx.plan.desk import Desk
from lightfx.plan.holding import hold
from lightfx.plan.ledger import Progress
from lightfx.plan.moves import Differ, Keep, Run

TARGET = -1


def gone(desk: Desk, run: Run | None, rrefs: Sequence[RRef]) -> None:
    """Hold a run (or the reading of targets) back until files are there again."""
    waiter = TARGET if run is None else run.node
    if run is not None:
        progress = desk.state.ledger[run.node]
        progress.runs -= run.again is None
        progress.margin.held.append(run)
        progress.unmet += 1  # for this event itself
    for rref in dict.fromkeys(rrefs):
        found = _maker(desk, waiter, rref)
        if found is not None:
            _remake(desk, *found, waiter)
        elif run is not None:  # it was made again, and came out otherwise, while this run had no room yet
            desk.state.ledger[run.node].margin.stale = True
    if run is not None:
        desk.met(run.node)


def _maker(desk: Desk, waiter: int, rref: RRef) -> tuple[int, Listed] | None:
    """The node, and its row, that a realization is chosen of: among the needs of a node, or the targets."""
    state = desk.state
    if waiter == TARGET:
        numbers = [number for number, _ in state.graph.targets]
    else:
        aside = state.ledger[waiter].aside
        numbers = [*state.graph.nodes[waiter].needs, *(aside.asked.values() if aside is not None else ())]
    rows = ((number, row) for number in numbers for chosen in state.ledger[number].chosen.values() for row in chosen)
    return next(((number, row) for number, row in rows if row.stored.rref == rref), None)


def _remake(desk: Desk, number: int, row: Listed, waiter: int) -> None:
    progress, stored = desk.state.ledger[number], row.stored
    waiters = progress.margin.remade.get(stored.rref)
    if waiter != TARGET:
        desk.state.ledger[waiter].unmet += 1
        if desk.state.ledger[waiter].settled:
            hold(desk.state, number, ~waiter)
    if waiters is not None:
        waiters.append(waiter)
        return
    progress.margin.remade[stored.rref] = [waiter]
    desk.state.remaking += 1
    node = desk.state.graph.nodes[number]
    desk.commands.append(Run(number, node.dref, stored.key, (stored.index,), progress.context, again=stored.tree))


def remade(desk: Desk, number: int, rows: Sequence[Listed]) -> None:
    """Take in what was made again."""
    for row in rows:
        desk.remember(row)
        _compare(desk, number, row)


def restored(desk: Desk, run: Run) -> None:
    """Someone else made the files again."""
    progress = desk.state.ledger[run.node]
    rref = next(rref for rref in progress.margin.remade if _of(progress, rref).stored.index in run.indices)
    _there(desk, run.node, rref)


def _compare(desk: Desk, number: int, row: Listed) -> None:
    progress = desk.state.ledger[number]
    waited_for = (_of(progress, rref) for rref in progress.margin.remade)
    old = next((each for each in waited_for if each.stored.index == row.stored.index), None)
    if old is None:
        return
    if old.stored.content != row.stored.content:
        desk.commands.append(Differ(row.stored.rref.dref, old.stored.content, row.stored.content))
        progress.candidates.append(row)
        hold(desk.state, number, number)
        for waiter in progress.margin.remade[old.stored.rref]:
            if waiter != TARGET and desk.state.ledger[waiter].settled:
                hold(desk.state, number, ~waiter)
        progress.chosen = {
            spelling: tuple(row if each is old else each for each in chosen)
            for spelling, chosen in progress.chosen.items()
        }
        for waiter in progress.margin.remade[old.stored.rref]:
            if waiter != TARGET:
                desk.state.ledger[waiter].margin.stale = True
    _there(desk, number, old.stored.rref)


def _of(progress: Progress, rref: RRef) -> Listed:
    rows = (row for chosen in progress.chosen.values() for row in chosen)
    known = (*rows, *progress.candidates)
    return next(row for row in known if row.stored.rref == rref)


def _there(desk: Desk, number: int, rref: RRef) -> None:
    aside = desk.state.ledger[number].margin
    waiters = aside.remade.pop(rref)
    desk.state.remaking -= 1
    if not aside.remade:  # what they were made again of is needed no more
        desk.let_go({*desk.state.graph.nodes[number].needs, *aside.asked.values()} & desk.state.users.keys(), ~number)
    for waiter in waiters:
        if waiter != TARGET:
            desk.met(waiter)


def release(desk: Desk, progress: Progress) -> Sequence[Run]:
    """Start what was held back; or give it back, since the inputs of the node are others now."""
    aside = progress.margin
    held, aside.held = aside.held, []
    if aside.stale:
        aside.stale = False
        return held
    desk.commands += held
    progress.runs += sum(run.again is None for run in held)
    return ()


def forget(desk: Desk, number: int) -> None:
    """Let a node begin anew; those that waited for its run find another."""
    progress = desk.state.ledger[number]
    key, progress.key, progress.candidates, progress.runs = progress.key, None, [], 0
    progress.margin.asked.clear()
    if key is None or desk.state.builders.get(key) != number:
        return
    del desk.state.builders[key]
    for follower in desk.state.followers.pop(key, ()):
        desk.judge(desk.state.graph.nodes[follower], desk.state.ledger[follower], sought=True)


def spoilt(desk: Desk, number: int, cause: Cause, context: Context, asked: Asked) -> None:
    """What was to be made again cannot be: what it asks for is LEFT now."""
    progress = desk.state.ledger[number]
    for rref in tuple(progress.margin.remade):
        stored = _of(progress, rref).stored
        content = content_of(spell_result(cause), None)
        new = RRef.of(stored.rref.dref, key=key_with(stored.key, asked), index=stored.index, content=content.text)
        made = Realization(new, stored.key, stored.index, content, cause, context=context, asked=asked)
        desk.commands.append(Keep(number, made))
        remade(desk, number, [Listed.whole(made)])
