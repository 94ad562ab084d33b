"""Ephemeral realizations whose files are gone, and are needed: they are made again.

Record and digests of an ephemeral realization stay when its files are dropped,
so nothing runs because they are gone. Only where something must run on them (or
the user asks for them) are they made again, and what they are made of before
them. What comes out the same goes on as if nothing had been dropped. What comes
out otherwise shows that the stage is not deterministic: that is said; the new
realization is stored and used by what had to run, and what was built on the old
one stays valid.

A stage that asks for more as it runs begins at its first line here too, and asks
again. What it asked for when it was recorded could be handed to it at once, but in
a later run that is known by its record alone (`lightfx.plan.traces`): not by what
type its value is read, nor who would make its files again, were they gone as well.

To make files again is to run. What may not run (`Terms.stored_only`,
`Wishes.only_stored`) is not made again: whatever waits for its files is lost,
as what waits for a node that is lost, also by way of other files that were to be
made again of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from lightfx.core.failures import NotRealized
from lightfx.core.listing import Listed
from lightfx.core.outcome import Cause
from lightfx.core.realization import Asked, Context, Realization, content_of, key_with
from lightfx.core.records import spell_result
from lightfx.core.refs import RRef
from lightfx.plan.desk import Desk
from lightfx.plan.holding import hold
from lightfx.plan.ledger import Progress
from lightfx.plan.moves import Differ, Fail, Keep, Run

TARGET = -1


def gone(desk: Desk, run: Run | None, rrefs: Sequence[RRef]) -> None:
    """Hold a run (or the reading of targets) back until files are there again."""
    waiter = TARGET if run is None else run.node
    makers = {rref: _maker(desk, waiter, rref) for rref in rrefs}
    barred = [found[0] for found in makers.values() if found is not None and _is_barred(desk, found[0])]
    for number in barred:
        _bar(desk, number)
    if barred and run is not None:
        lose(desk, run.node)
        return
    if run is not None:
        progress = desk.state.ledger[run.node]
        progress.runs -= run.again is None
        progress.margin.held.append(run)
        progress.unmet += 1  # for this event itself
    for found in makers.values():
        if found is not None:
            if found[0] not in barred:
                _remake(desk, *found, waiter)
        elif run is not None:  # it was made again, and came out otherwise, while this run had no room yet
            desk.state.ledger[run.node].margin.stale = True
    if run is not None:
        desk.met(run.node)


def _is_barred(desk: Desk, number: int) -> bool:
    """Whether files of a node may not be made again, or are known not to come back in this run."""
    return not desk.may_run(number) or desk.state.is_barred(number)


def _bar(desk: Desk, number: int) -> None:
    """Say, once, that a node would have to run to have its files again."""
    aside = desk.state.ledger[number].margin
    if not aside.barred:
        aside.barred = True
        desk.commands.append(Fail(NotRealized(desk.state.graph.nodes[number].dref)))


def lose(desk: Desk, number: int) -> None:
    """What waits for what cannot be had is lost; where it was to be made again, so is what waits for that."""
    pending = [number]
    while pending:
        number = pending.pop()
        if number == TARGET:
            continue
        progress = desk.state.ledger[number]
        progress.margin.held = []
        if progress.settled:
            progress.margin.barred = True
            pending += _let_be(desk, number)
        else:
            desk.sink(number)
            progress.key = None  # what runs of it still is stored, and no more


def _let_be(desk: Desk, number: int) -> Sequence[int]:
    """Wait no more for what was to be made again of a node; give who did."""
    aside = desk.state.ledger[number].margin
    waiters = [waiter for each in aside.remade.values() for waiter in each]
    desk.state.remaking -= len(aside.remade)
    aside.remade.clear()
    _release_inputs(desk, number)
    return waiters


def is_awaited(desk: Desk, run: Run) -> bool:
    """Whether anything waits for the files that a run makes again."""
    return _made_by(desk.state.ledger[run.node], run) is not None


def _made_by(progress: Progress, run: Run) -> RRef | None:
    """Which of the realizations that are waited for a run makes again."""
    waited_for = () if progress.aside is None else progress.aside.remade
    rows = (_of(progress, rref).stored for rref in waited_for)
    return next((each.rref for each in rows if each.tree == run.again and each.index in run.indices), None)


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
    rref = _made_by(desk.state.ledger[run.node], run)
    if rref is not None:
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
    if not aside.remade:
        _release_inputs(desk, number)
    for waiter in waiters:
        if waiter != TARGET:
            desk.met(waiter)


def _release_inputs(desk: Desk, number: int) -> None:
    """What files were made again of is needed no more."""
    asked = desk.state.ledger[number].margin.asked.values()
    desk.let_go({*desk.state.graph.nodes[number].needs, *asked} & desk.state.users.keys(), ~number)


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
