"""Asking before it is too late: whether anything may be stored, and whether files are sound that somebody is given."""

from __future__ import annotations

from collections.abc import Iterable

from returns.result import Failure, Result, Success

from lightfx.core.damage import DamagedObject
from lightfx.core.failures import EngineFailure
from lightfx.core.names import Digest
from lightfx.effects.world import World


def may_store(world: World) -> Result[None, EngineFailure]:
    """Fail where nothing may be stored: to take in no folder at all is answered as to take in some.

    Asked before work of which nothing could stay, or which goes on in a folder of the store.
    """
    return world.perform.result(world.store.ingest(())).map(lambda _: None)


def intact(world: World, trees: Iterable[Digest]) -> Result[None, EngineFailure]:
    """Fail with the first of these objects that is damaged; whether they are there is asked elsewhere."""
    looked = world.perform.result(world.store.unsound(tuple(trees)))
    if isinstance(looked, Failure):
        return Failure(looked.failure())
    damaged = next((each for each in looked.unwrap().values() if isinstance(each, DamagedObject)), None)
    return Success(None) if damaged is None else Failure(damaged)
