"""What a user wishes of a run, as said on the command line; cheap to import, so that help is fast."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import final

from attrs import frozen


class Again(Enum):
    """Which stored LEFTs are tried again, in place of what their causes suggest."""

    NONE = "none"
    FAILED = "failed"
    LEFTS = "lefts"


@final
@frozen
class Wish:
    """How a run is to be carried out.

    ``only`` is a pattern for labels or stage names of targets, "" for all;
    ``force`` names derivations, by reference or stage, that run whatever is
    stored; ``retry`` is None for the default policy. ``dry`` plans and runs
    nothing; ``realized`` asserts that there would be nothing to run.
    """

    store: Path
    workers: int = 0
    create: bool = True
    quiet: bool = False
    json: bool = False
    only: str = ""
    force: tuple[str, ...] = ()
    retry: Again | None = None
    dry: bool = False
    realized: bool = False
