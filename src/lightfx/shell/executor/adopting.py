"""Taking over what an execution left in its private folder: moved to where the order wants it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from attrs import evolve

from lightfx.core.derivation import Asks
from lightfx.core.failures import EngineFailure
from lightfx.core.outcome import Left
from lightfx.core.realization import Output
from lightfx.effects.executor import Finished
from lightfx.shell.disk import REAL, Disk

LOG: Final = "log"


def adopt(finished: Finished, written: Path, private: Path, place: Path, disk: Disk = REAL) -> Finished:
    """Move what is in ``private``, which was called ``written`` where it was made, to ``place``.

    A log is no result: where it cannot be moved, its end says so. Raises
    ``OSError`` where anything else cannot be moved.
    """
    if not disk.exists(private):
        return finished
    for name in sorted(disk.listdir(private)):
        try:
            disk.rename(private / name, place / name)
        except NotADirectoryError:
            if name != LOG:
                raise

    def moved(path: Path | None) -> Path | None:
        return place / path.relative_to(written) if path is not None and path.is_relative_to(written) else path

    def renamed(output: Output | Left) -> Output | Left:
        return evolve(output, folder=moved(output.folder))

    def renamed_if_left(left: Left | Asks | EngineFailure) -> Left | Asks | EngineFailure:
        return evolve(left, folder=moved(left.folder)) if isinstance(left, Left) else left

    result = finished.result.map(lambda outputs: tuple(map(renamed, outputs))).alt(renamed_if_left)
    made = evolve(finished, result=result, whole_log=moved(finished.whole_log))
    if made.whole_log is not None and not disk.is_folder(made.whole_log):
        lost = f"{made.log}\n[the whole log could not be kept: {made.whole_log} is in the way]\n"
        return evolve(made, log=lost, whole_log=None)
    return made
