"""Asking for files before they are given to somebody: what is damaged is not given out, and that is said."""

from __future__ import annotations

from collections.abc import Iterable

from returns.result import Failure, Result, Success

from lightfx.core.damage import DamagedObject
from lightfx.core.failures import EngineFailure
from lightfx.core.names import Digest
from lightfx.effects.world import World


def intact(world: World, trees: Iterable[Digest]) -> Result[None, EngineFailure]:
    """Fail with the first of these objects that is damaged; whether they are there is asked elsewhere."""
    looked = world.perform.result(world.store.unsound(tuple(trees)))
    if isinstance(looked, Failure):
        return Failure(looked.failure())
    damaged = next((each for each in looked.unwrap().values() if isinstance(each, DamagedObject)), None)
    return Success(None) if damaged is None else Failure(damaged)
