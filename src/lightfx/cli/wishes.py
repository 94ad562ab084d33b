"""What a user wishes of a run, as said on the command line; cheap to import, so that help is fast."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import final

from attrs import frozen

from lightfx.cli.complaints import misuse
from lightfx.core.terms import bytes_of


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
    ``stop_after``: how many LEFTs are enough, None for no end. ``memory`` and
    ``tickets`` are what tasks share. ``dask`` is the address of a scheduler.
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
    stop_after: int | None = None
    memory: str | None = None
    tickets: tuple[tuple[str, int], ...] = ()
    dask: str = ""


def read_memory(text: str | None) -> str | None:
    """Check an amount of memory; complains where it is none."""
    try:
        return None if text is None else str(bytes_of(text))
    except ValueError as error:
        raise misuse(f"--memory {text}: {error}") from error


def read_address(dask: str, workers: int) -> str:
    """Check that either local workers or a cluster are wanted; complains of both."""
    if dask and workers:
        raise misuse("--dask and --workers: one of them runs the stages")
    return dask


def read_ticket(text: str) -> tuple[str, int]:
    """Read how many there are of something: ``gpu=2``.

    >>> read_ticket("gpu=2")
    ('gpu', 2)
    """
    name, _, count = text.partition("=")
    if not name or not count.isascii() or not count.isdigit() or int(count) < 1:
        raise misuse(f"--ticket {text}: a name and a number are wanted, such as gpu=2")
    return name, int(count)
