"""From what an executor gives to realizations: folders become objects, values and causes become records.

All folders of one batch are made into objects together. A folder that holds
what no object may hold turns its run into a `BadOutput` LEFT, and keeps the
rest of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import evolve, frozen
from returns.result import Failure, Result, Success

from lightfx.core.canonical import in_order
from lightfx.core.derivation import Asks
from lightfx.core.failures import EngineFailure
from lightfx.core.manifest import Manifest
from lightfx.core.names import Digest
from lightfx.core.outcome import BadOutput, Left, Raised, Returned
from lightfx.core.promised import promised_in
from lightfx.core.realization import Attempt, BuildOrder, Log, Output, Realization, Value, content_of, key_with
from lightfx.core.realization import Result as Kept
from lightfx.core.records import spell_result
from lightfx.core.refs import RRef
from lightfx.effects.executor import Finished
from lightfx.effects.store import Forbidden, Ingested
from lightfx.effects.world import World
from lightfx.plan.ledger import State
from lightfx.plan.moves import Run


@frozen
class Harvest:
    """What one run gave: a realization for each output that it was asked for."""

    run: Run
    realizations: tuple[Realization, ...]


@frozen
class _Piece:
    """One output: what it came to, and the folder that it wrote."""

    result: Kept
    folder: Path | None


@frozen
class Ended:
    """A run that has ended: its last attempt, and those before; ``ephemeral``: its files may be dropped."""

    run: Run
    order: BuildOrder | None
    finished: Finished
    attempt: int = 1
    earlier: tuple[Attempt, ...] = ()
    ephemeral: bool = False


@frozen
class _Crop:
    """One finished run, piece by piece."""

    ended: Ended
    pieces: tuple[_Piece, ...]

    @property
    def run(self) -> Run:
        return self.ended.run

    @property
    def finished(self) -> Finished:
        return self.ended.finished


def harvest(world: World, state: State, ended: Sequence[Ended]) -> Result[Sequence[Harvest], EngineFailure]:
    """Make realizations of a batch of runs that ended; private folders are gone afterwards."""
    crops: list[_Crop] = []
    for each in ended:
        pieces = _pieces(each.run, each.finished)
        if isinstance(pieces, Failure):
            return Failure(pieces.failure())
        kept = _promises_kept(world, each.order, pieces.unwrap())
        if isinstance(kept, Failure):
            return Failure(kept.failure())
        crops.append(_Crop(each, kept.unwrap()))
    objects = _ingest(world, [piece for crop in crops for piece in crop.pieces], _logs(crops))
    if isinstance(objects, Failure):
        return Failure(objects.failure())
    found = objects.unwrap()
    mended = [_mended(crop, found, state) for crop in crops]
    spoilt = [piece for crop, again in zip(crops, mended, strict=True) if again is not crop for piece in again.pieces]
    if spoilt:
        second = _ingest(world, [piece for piece in spoilt if _object(found, piece.folder) is None], [])
        if isinstance(second, Failure):
            return Failure(second.failure())
        found.update(second.unwrap())
    world.perform.result(world.store.discard([each.order.place for each in ended if each.order is not None]))
    # Each has a moment of its own: who looks for the latest, or lists the newest first, goes by them.
    moments = (world.perform.value(world.clock.now()) for _ in mended)
    return Success(
        [Harvest(crop.run, _realizations(crop, found, now)) for crop, now in zip(mended, moments, strict=True)]
    )


def _pieces(run: Run, finished: Finished) -> Result[tuple[_Piece, ...], EngineFailure]:
    if isinstance(finished.result, Failure):
        left = finished.result.failure()
        if isinstance(left, Asks):
            return Success(_all_left(run, Left(BadOutput("the outputs", "are derivations that it asks for"))))
        if not isinstance(left, Left):
            return Failure(left)
        return Success(_all_left(run, left))
    outputs = finished.result.unwrap()
    if len(outputs) != len(run.indices):
        why = f"are {len(outputs)}, and {len(run.indices)} were asked for"
        return Success(_all_left(run, Left(BadOutput("the outputs", why))))
    return Success(tuple(_piece(output) for output in outputs))


def _promises_kept(
    world: World, order: BuildOrder | None, pieces: tuple[_Piece, ...]
) -> Result[tuple[_Piece, ...], EngineFailure]:
    """Turn values into LEFTs whose folders lack what the config promises, whatever realizer made them."""
    promises = () if order is None else promised_in(order.config.text, order.config.tree.get("args"))
    if not promises:
        return Success(pieces)
    folders = [piece.folder for piece in pieces if piece.folder is not None]
    listed = world.perform.result(world.store.manifests(folders))
    return listed.map(lambda found: tuple(_as_promised(piece, promises, found) for piece in pieces))


def _as_promised(piece: _Piece, promises: Sequence[str], listed: Mapping[Path, Manifest | Forbidden]) -> _Piece:
    found = () if piece.folder is None else listed.get(piece.folder, ())
    if isinstance(found, Forbidden) or not isinstance(piece.result, Value):
        return piece  # it is LEFT, or will be
    there = {entry.path for entry in found}
    missing = next((each for each in promises if each not in there), None)
    if missing is None:
        return piece
    return _Piece(BadOutput(missing, "was promised by a parameter, and does not exist"), piece.folder)


def _piece(output: Output | Left) -> _Piece:
    """An output as it will be read: a mapping comes back in canonical order, so it goes on in that order now."""
    if not isinstance(output, Left):
        return _Piece(Value(in_order(output.tree)), output.folder)
    cause = output.cause
    return _Piece(evolve(cause, error=in_order(cause.error)) if isinstance(cause, Returned) else cause, output.folder)


def _all_left(run: Run, left: Left) -> tuple[_Piece, ...]:
    """A run that fails as a whole fails for each of its outputs; what it had written is kept with the first."""
    rest = tuple(_Piece(left.cause, None) for _ in run.indices[1:])
    return (_Piece(left.cause, left.folder), *rest)


def _logs(crops: Sequence[_Crop]) -> list[Path]:
    return [crop.finished.whole_log for crop in crops if crop.finished.whole_log is not None]


def _ingest(
    world: World, pieces: Sequence[_Piece], logs: Sequence[Path]
) -> Result[dict[Path, Ingested], EngineFailure]:
    """Make folders into objects, all at once; half-done ones lose first what no object may hold."""
    paths = [*logs]
    for piece in pieces:
        if piece.folder is None:
            continue
        paths.append(piece.folder)
        if not isinstance(piece.result, Value):
            cleared = world.perform.result(world.store.salvage(piece.folder))
            if isinstance(cleared, Failure):
                return Failure(cleared.failure())
    if not paths:
        return Success({})
    return world.perform.result(world.store.ingest(paths)).map(dict)


def _mended(crop: _Crop, found: Mapping[Path, Ingested], state: State) -> _Crop:
    """Turn what cannot stand into a LEFT that keeps what may be kept; the crop itself where all stands."""
    observed = state.observed(crop.run.node)
    pieces = tuple(_checked(piece, found, observed) for piece in crop.pieces)
    same = all(one is other for one, other in zip(pieces, crop.pieces, strict=True))
    return crop if same else _Crop(crop.ended, pieces)


def _checked(piece: _Piece, found: Mapping[Path, Ingested], observed: str) -> _Piece:
    ingested = None if piece.folder is None else found[piece.folder]
    if isinstance(ingested, Forbidden):
        return _Piece(BadOutput(ingested.path, ingested.why), piece.folder)
    if observed and ingested is not None and ingested.text != observed and isinstance(piece.result, Value):
        why = "the source changed while it was read; run again"
        return _Piece(Raised("OSError", ("OSError", "Exception"), why, ""), None)
    return piece


def _realizations(crop: _Crop, found: Mapping[Path, Ingested], created: float) -> tuple[Realization, ...]:
    run, finished = crop.run, crop.finished
    log = Log(finished.log, _object(found, finished.whole_log)) if finished.log else None
    realizations: list[Realization] = []
    for index, piece in zip(run.indices, crop.pieces, strict=True):
        tree = _object(found, piece.folder)
        kept, spelled = _spelled(piece.result)
        content = content_of(spelled, tree)
        rref = RRef.of(run.dref, key=key_with(run.key, run.asked), index=index, content=content.text)
        realizations.append(
            Realization(
                rref,
                run.key,
                index,
                content,
                kept,
                tree,
                run.context,
                made_by=finished.made_by,
                cost=finished.cost,
                attempt=crop.ended.attempt,
                log=log,
                asked=run.asked,
                earlier=crop.ended.earlier,
                ephemeral=crop.ended.ephemeral and tree is not None,
                created=created,
                selections=run.selections,
            )
        )
    return tuple(realizations)


def _spelled(result: Kept) -> tuple[Kept, str]:
    """Spell a result; a value that a realizer of one's own gave, and that has no spelling, is bad output."""
    try:
        return result, spell_result(result)
    except (ValueError, TypeError, RecursionError) as error:
        bad = BadOutput("the value", f"has no canonical spelling: {error}")
        return bad, spell_result(bad)


def _object(found: Mapping[Path, Ingested], folder: Path | None) -> Digest | None:
    ingested = None if folder is None else found.get(folder)
    return ingested if isinstance(ingested, Digest) else None
