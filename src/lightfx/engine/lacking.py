"""Files that a run wants and that are gone, or not what they were: of inputs, and of targets that give some away."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from returns.result import Failure, Result, Success

from lightfx.core.canonical import files_in
from lightfx.core.damage import DamagedObject, LostObject
from lightfx.core.failures import EngineFailure
from lightfx.core.listing import Listed
from lightfx.core.names import Digest
from lightfx.core.realization import Value
from lightfx.engine.perform import Performer
from lightfx.plan.moves import Event, Gone


def lost_of(performer: Performer, trees: Collection[Digest]) -> Result[Mapping[Digest, LostObject], EngineFailure]:
    """Which objects are gone or damaged; what is damaged again, after it was made again in this run, is trouble."""
    looked = performer.do(performer.world.store.unsound(tuple(trees)))
    if isinstance(looked, Failure):
        return looked
    damaged = [each for each in looked.unwrap().values() if isinstance(each, DamagedObject)]
    twice = next((each for each in damaged if each.tree in performer.mended), None)
    if twice is not None:
        return Failure(twice)
    return looked


def missing(performer: Performer) -> Result[Sequence[Event], EngineFailure]:
    """Ask for files of targets that were dropped, or are damaged: whoever asked for the target may read them."""
    rows = [
        (row.stored.rref, row.stored.tree)
        for number, reference in performer.graph.targets
        if not performer.state.is_barred(number)
        for row in performer.state.selection(number, reference) or ()
        if row.stored.tree is not None and (row.stored.ephemeral or _names_files(row))
    ]
    if not rows:
        return Success(())
    looked = lost_of(performer, {tree for _, tree in rows})
    if isinstance(looked, Failure):
        return Failure(looked.failure())
    lost = looked.unwrap()
    if lost and performer.state.wishes.only_stored:
        return Failure(next(iter(lost.values())))
    gone = tuple(rref for rref, tree in rows if tree in lost)
    return Success((Gone(None, gone),) if gone else ())


def _names_files(row: Listed) -> bool:
    """Whether an outcome gives its files away: in a value that names some, or as what a LEFT had half done."""
    if isinstance(row.record, bytes) and row.stored.is_right:
        return b'"$path"' in row.record
    view = row.view
    return view is not None and (
        not isinstance(view.result, Value) or next(files_in(view.result.tree), None) is not None
    )
