"""From what an executor gives to realizations: folders become objects, values and causes become records.

All folders of one batch are made into objects together. A folder that holds
what no object may hold turns its run into a `BadOutput` LEFT, and keeps the
rest of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen
from returns.result import Failure, Result, Success

from lightfx.core.failures import EngineFailure
from lightfx.core.names import Digest
from lightfx.core.outcome import BadOutput, Cause, Left, Raised
from lightfx.core.realization import BuildOrder, Log, Realization, Value, content_of
from lightfx.core.realization import Result as Kept
from lightfx.core.records import spell_result
from lightfx.core.refs import RRef
from lightfx.effects.executor import Finished
from lightfx.effects.store import Forbidden, Ingested
from lightfx.effects.world import World
from lightfx.plan.schedule import Run, State


@frozen
class Harvest:
    """What one run gave: a realization for each output that it was asked for."""

    run: Run
    realizations: tuple[Realization, ...]


@frozen
class _Crop:
    """One finished run: what each output came to, and the folder that it wrote."""

    run: Run
    finished: Finished
    results: tuple[Kept, ...]
    folders: tuple[Path | None, ...]

    @property
    def paths(self) -> list[Path]:
        """All folders that are to become objects."""
        return [path for path in (*self.folders, self.finished.whole_log) if path is not None]


def harvest(
    world: World, state: State, finished: Sequence[tuple[Run, BuildOrder, Finished]]
) -> Result[Sequence[Harvest], EngineFailure]:
    """Make realizations of a batch of finished runs; private folders are gone afterwards."""
    crops: list[_Crop] = []
    for run, _, each in finished:
        if isinstance(each.result, Failure):
            left = each.result.failure()
            if not isinstance(left, Left):
                return Failure(left)
            crops.append(_left(run, each, left.cause, left.folder))
        else:
            outputs = each.result.unwrap()
            values = tuple(Value(output.tree) for output in outputs)
            crops.append(_Crop(run, each, values, tuple(output.folder for output in outputs)))
    objects = _ingest(world, crops)
    if isinstance(objects, Failure):
        return Failure(objects.failure())
    found = objects.unwrap()
    spoilt = [_refused(crop, found, state) for crop in crops]
    if any(spoilt):
        crops = [again or crop for crop, again in zip(crops, spoilt, strict=True)]
        second = _ingest(world, [again for again in spoilt if again])
        if isinstance(second, Failure):
            return Failure(second.failure())
        found.update(second.unwrap())
    world.perform.result(world.store.discard([order.place for _, order, _ in finished]))
    return Success([Harvest(crop.run, _realizations(crop, found)) for crop in crops])


def _left(run: Run, finished: Finished, cause: Cause, folder: Path | None) -> _Crop:
    """A run that fails fails for each of its outputs; what it had written is kept with the first."""
    folders = tuple(folder if position == 0 else None for position, _ in enumerate(run.indices))
    return _Crop(run, finished, (cause,) * len(run.indices), folders)


def _ingest(world: World, crops: Sequence[_Crop]) -> Result[dict[Path, Ingested], EngineFailure]:
    """Make folders into objects, all at once; half-done ones lose first what no object may hold."""
    for crop in crops:
        if not isinstance(crop.results[0], Value):
            for folder in crop.folders:
                cleared = world.perform.result(world.store.salvage(folder)) if folder else Success(None)
                if isinstance(cleared, Failure):
                    return Failure(cleared.failure())
    paths = [path for crop in crops for path in crop.paths]
    if not paths:
        return Success({})
    return world.perform.result(world.store.ingest(paths)).map(dict)


def _refused(crop: _Crop, found: Mapping[Path, Ingested], state: State) -> _Crop | None:
    """What becomes of a run whose folder cannot stand: it is LEFT, and keeps what may be kept."""
    for folder in crop.folders:
        ingested = None if folder is None else found[folder]
        if isinstance(ingested, Forbidden):
            return _left(crop.run, crop.finished, BadOutput(ingested.path, ingested.why), folder)
        observed = state.observed(crop.run.node)
        if observed and ingested is not None and ingested.text != observed and isinstance(crop.results[0], Value):
            why = "the source changed while it was read; run again"
            return _left(crop.run, crop.finished, Raised("OSError", ("OSError", "Exception"), why, ""), None)
    return None


def _realizations(crop: _Crop, found: Mapping[Path, Ingested]) -> tuple[Realization, ...]:
    run, finished = crop.run, crop.finished
    log = _log(finished, found)
    realizations: list[Realization] = []
    for index, result, folder in zip(run.indices, crop.results, crop.folders, strict=True):
        tree = _object(found, folder)
        content = content_of(spell_result(result), tree)
        rref = RRef.of(run.dref, key=run.key.text, index=index, content=content.text)
        realizations.append(
            Realization(
                rref,
                run.key,
                index,
                content,
                result,
                tree,
                run.context,
                made_by=finished.made_by,
                cost=finished.cost,
                log=log,
            )
        )
    return tuple(realizations)


def _log(finished: Finished, found: Mapping[Path, Ingested]) -> Log | None:
    return Log(finished.log, _object(found, finished.whole_log)) if finished.log else None


def _object(found: Mapping[Path, Ingested], folder: Path | None) -> Digest | None:
    ingested = None if folder is None else found[folder]
    return ingested if isinstance(ingested, Digest) else None
