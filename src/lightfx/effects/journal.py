"""The journal: what happens in a run, told as it happens.

Events are records; a progress bar, a log and a web page are readers of them.
"""

from __future__ import annotations

from typing import Protocol, TypeAlias, final

from attrs import frozen
from returns.io import IO

from lightfx.core.refs import DRef


@final
@frozen
class RunBegan:
    """A run began, over ``total`` derivations."""

    total: int


@final
@frozen
class TaskStarted:
    """A derivation was handed to the executor."""

    dref: DRef


@final
@frozen
class TaskEnded:
    """A derivation was built: ``kind`` is "right" or the kind of its LEFT, ``reason`` why, ``seconds`` what it took."""

    dref: DRef
    kind: str
    reason: str
    seconds: float


@final
@frozen
class Advanced:
    """So many derivations are settled by now: by reuse (cutoff among them), by a run, and how many are LEFT."""

    settled: int
    reused: int
    cut_off: int
    ran: int
    left: int


@final
@frozen
class RunEnded:
    """The run is over, and stored."""

    summary: Advanced


JournalEvent: TypeAlias = RunBegan | TaskStarted | TaskEnded | Advanced | RunEnded


class Journal(Protocol):
    """Takes events in."""

    def tell(self, event: JournalEvent, /) -> IO[None]:
        """Note one event."""
        ...
