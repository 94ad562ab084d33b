"""Carrying out one task, in whatever process: measure, catch, give the result.

The realizer answers with outputs or a LEFT. That it raises is a fault of the
realizer that is told like one of a stage; that it is not the code that was
planned is trouble of the engine. Secrets that its config names are read here,
and kept out of what came of it (`lightfx.shell.executor.unveiling`).
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from returns.result import Failure, Result, Success

from lightfx.core.derivation import Asks
from lightfx.core.failures import CodeChanged, EngineFailure
from lightfx.core.outcome import BadOutput, Left
from lightfx.core.raising import raised
from lightfx.core.realization import INLINE_LOG, LOG_NAME, Cost, Output, Outputs
from lightfx.core.secrets import Veil
from lightfx.effects.executor import Finished, Task
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.executor.asking import SealedAsks
from lightfx.shell.executor.unveiling import left_for_lack, veiled

_STATUS: Final = Path("/proc/self/status")
# Asked of the thread, Linux gives the same, and need not add up what all threads did, which takes 30 us.
_WHO: Final[int] = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)
_CLEAR: Final = Path("/proc/self/clear_refs")


def carry_out(task: Task, peak: Callable[[], int], disk: Disk = REAL) -> Finished:
    """Run the realizer of ``task``, and say what came of it; ``peak`` tells the memory it took.

    Its order is `unveiled` already: who calls this covers the log by the same veil.
    """
    process = os.getpid()
    with _staying_here():
        start = time.perf_counter()
        result = _run(task)
        if os.getpid() != process:
            os._exit(0)  # a stage that forked and came back as the child: what goes on here belongs to its parent
        cost = Cost(time.perf_counter() - start, peak())
    return veiled(Finished(task.number, result, task.realizer.made_by(), cost), task.order.veil, disk)


@contextmanager
def _staying_here() -> Iterator[None]:
    """Come back to the working folder, for who runs next in this process: a stage may have gone to its output."""
    before = _here()
    try:
        yield
    finally:
        if before is not None and _here() != before:
            with suppress(OSError):
                os.chdir(before)


def _here() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109 -- hot
    except FileNotFoundError:
        return None


def _run(task: Task) -> Result[Outputs, Left | Asks | EngineFailure]:
    if not task.realizer.current(task.order.config):
        return Failure(CodeChanged(task.order.dref))
    lacking = left_for_lack(task.order.veil)
    if lacking is not None:
        return Failure(lacking)
    try:
        made = _as_told(task.realizer(task.order))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 -- the user's own code, which raises SystemExit and CancelledError too
        return Failure(Left(raised(error, cover=task.order.veil.cover)))
    return made


def _as_told(made: object) -> Result[Outputs, Left | Asks | EngineFailure]:
    """Take what a realizer gave, which may be one of the user's own: what is no answer is bad output."""
    if isinstance(made, Success):
        outputs: object = made.unwrap()
        if not isinstance(outputs, tuple):
            return _bad_outputs(f"are of type {type(outputs).__name__}, not tuple")
        strange = next((each for each in outputs if not isinstance(each, Output | Left)), None)
        return made if strange is None else _bad_outputs(f"hold a {type(strange).__name__}, not Output or Left")
    if isinstance(made, Failure):
        why: object = made.failure()
        known = isinstance(why, Left | Asks | SealedAsks | EngineFailure)
        return made if known else _bad_outputs(f"are a Failure of {type(why).__name__}, not of Left")
    return _bad_outputs(f"are of type {type(made).__name__}, not Result")


def _bad_outputs(why: str) -> Result[Outputs, Left | Asks | EngineFailure]:
    return Failure(Left(BadOutput("the outputs", why)))


def peak_of_process() -> int:
    """Tell the most memory that this process ever held, in bytes."""
    return resource.getrusage(_WHO).ru_maxrss * 1024


def forget_peak() -> None:
    """Let the peak begin anew, where the system can (Linux)."""
    with suppress(OSError):
        file = os.open(_CLEAR, os.O_WRONLY)
        try:
            os.write(file, b"5")
        finally:
            os.close(file)


def peak_since() -> int:
    """Tell the most memory that this process held since `forget_peak`, in bytes."""
    try:
        file = os.open(_STATUS, os.O_RDONLY)
        try:
            status = os.read(file, 8192)
        finally:
            os.close(file)
    except OSError:
        return peak_of_process()
    _, _, rest = status.partition(b"VmHWM:")
    return int(rest.split(None, 1)[0]) * 1024 if rest else peak_of_process()


def file_log(text: bytes, place: Path, veil: Veil, disk: Disk = REAL) -> tuple[str, Path | None]:
    """Give the end of a log, and the folder that holds the whole where it is longer than a record takes.

    A log is no result: where there is no room for the whole, its end says so.
    Secrets are covered in both.
    """
    text = veil.cover_bytes(text)
    tail = text[-INLINE_LOG:].decode("utf-8", "replace")
    if len(text) <= INLINE_LOG:
        return tail, None
    folder = place / "log"
    try:
        disk.make_folders(folder)
        disk.write_whole(folder / LOG_NAME, text)
    except OSError as error:
        return f"{tail}\n[the whole log, of {len(text)} bytes, could not be kept: {error.strerror}]\n", None
    return tail, folder
