"""Shipping between driver and worker: by name what the other side can import, and else the code itself.

By value takes cloudpickle: for stages of a notebook, and for closures. What a
program that has no file defines (a notebook, a prompt) can be pickled by name,
and not be found by that name on the other side: there cloudpickle is asked first.
"""

from __future__ import annotations

import pickle  # between our own processes, over our own pipes
import sys

from attrs import evolve
from returns.result import Failure, Success

from lightfx.core.derivation import Asks
from lightfx.core.failures import EngineFailure, Unshippable
from lightfx.core.realization import tell_nobody
from lightfx.core.refs import DRef
from lightfx.effects.executor import Finished, Task
from lightfx.shell.executor.asking import FlatAsks, flat, nested


class TroubleError(Exception):
    """Carries trouble of the engine up to the rim of the pool."""

    def __init__(self, failure: EngineFailure) -> None:
        super().__init__(failure)
        self.failure = failure


def pack(task: Task) -> bytes:
    """Spell a task for a worker, without whom it tells; raises `TroubleError`."""
    if task.order.tell is not tell_nobody:
        task = evolve(task, order=evolve(task.order, tell=tell_nobody))
    return _pack(task, task.order.dref)


def pack_answer(finished: Finished, dref: DRef) -> bytes:
    """Spell what came of a task for the driver; it holds code only where a stage asks for derivations."""
    asks = finished.result.failure() if isinstance(finished.result, Failure) else None
    if not isinstance(asks, Asks):
        return pickle.dumps(finished, pickle.HIGHEST_PROTOCOL)
    try:
        return _pack((evolve(finished, result=Success(())), flat(asks)), dref)
    except TroubleError as trouble:
        return pickle.dumps(evolve(finished, result=Failure(trouble.failure)), pickle.HIGHEST_PROTOCOL)


def unpack_answer(packed: bytes) -> Finished:
    """Read what came of a task; raises whatever the user's own code raises as it is loaded."""
    found: Finished | tuple[Finished, FlatAsks] = pickle.loads(packed)  # noqa: S301 -- from our own worker
    if isinstance(found, Finished):
        return found
    finished, asked = found
    return evolve(finished, result=Failure(nested(asked)))


def _pack(what: Task | tuple[Finished, FlatAsks], dref: DRef) -> bytes:
    if not hasattr(sys.modules["__main__"], "__file__") and _has_cloudpickle():
        return _pack_by_value(what, dref, "")
    try:
        return pickle.dumps(what, pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # noqa: BLE001 -- pickling runs the user's own code
        return _pack_by_value(what, dref, str(error))


def _has_cloudpickle() -> bool:
    try:
        import cloudpickle  # noqa: F401, PLC0415 -- an extra, and slow to import
    except ImportError:
        return False
    return True


def _pack_by_value(what: Task | tuple[Finished, FlatAsks], dref: DRef, why: str) -> bytes:
    """Take the code itself along."""
    try:
        import cloudpickle  # noqa: PLC0415 -- as above
    except ImportError:
        hint = "it cannot be imported by name, and cloudpickle is not installed (pip install 'lightfx[notebook]')"
        raise TroubleError(Unshippable(dref, f"{hint}: {why}")) from None
    try:
        packed: bytes = cloudpickle.dumps(what, pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        raise TroubleError(Unshippable(dref, str(error))) from error
    return packed
