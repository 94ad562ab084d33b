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

LOG: Final = "log"


def adopt(finished: Finished, written: Path, private: Path, place: Path) -> Finished:
    """Move what is in ``private``, which was called ``written`` where it was made, to ``place``.

    A log is no result: where it cannot be moved, its end says so. Raises
    ``OSError`` where anything else cannot be moved.
    """
    if not private.exists():
        return finished
    for each in sorted(private.iterdir()):
        try:
            each.rename(place / each.name)
        except NotADirectoryError:
            if each.name != LOG:
                raise

    def moved(path: Path | None) -> Path | None:
        return place / path.relative_to(written) if path is not None and path.is_relative_to(written) else path

    def renamed(output: Output | Left) -> Output | Left:
        return evolve(output, folder=moved(output.folder))

    def renamed_if_left(left: Left | Asks | EngineFailure) -> Left | Asks | EngineFailure:
        return evolve(left, folder=moved(left.folder)) if isinstance(left, Left) else left

    result = finished.result.map(lambda outputs: tuple(map(renamed, outputs))).alt(renamed_if_left)
    made = evolve(finished, result=result, whole_log=moved(finished.whole_log))
    if made.whole_log is not None and not made.whole_log.is_dir():
        lost = f"{made.log}\n[the whole log could not be kept: {made.whole_log} is in the way]\n"
        return evolve(made, log=lost, whole_log=None)
    return made
