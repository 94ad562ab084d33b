"""Shipping a task to a worker: by name where it can import the code, and else the code itself.

By value takes cloudpickle: for stages of a notebook, and for closures.
"""

from __future__ import annotations

import pickle  # to our own workers, over our own pipes

from lightfx.core.failures import EngineFailure, Unshippable
from lightfx.effects.executor import Task


class TroubleError(Exception):
    """Carries trouble of the engine up to the rim of the pool."""

    def __init__(self, failure: EngineFailure) -> None:
        super().__init__(failure)
        self.failure = failure


def pack(task: Task) -> bytes:
    """Spell a task for a worker; raises `TroubleError`."""
    try:
        return pickle.dumps(task)
    except Exception as error:  # noqa: BLE001 -- pickling runs the user's own code
        return _pack_by_value(task, str(error))


def _pack_by_value(task: Task, why: str) -> bytes:
    """Take the code itself along."""
    try:
        import cloudpickle  # noqa: PLC0415 -- an extra, and slow to import
    except ImportError:
        hint = "it cannot be imported by name, and cloudpickle is not installed (pip install 'lightfx[notebook]')"
        raise TroubleError(Unshippable(task.order.dref, f"{hint}: {why}")) from None
    try:
        packed: bytes = cloudpickle.dumps(task)
    except Exception as error:
        raise TroubleError(Unshippable(task.order.dref, str(error))) from error
    return packed
