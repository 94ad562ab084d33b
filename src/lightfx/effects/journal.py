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
    """How many derivations are settled by now, and how; ``left`` counts those of them that are LEFT.

    ``reused`` were stored; ``cut_off`` were stored under another name, with the
    same inputs; ``inherited`` the LEFT of a dependency; ``ran`` took a run. The
    four add up to ``settled``.
    """

    settled: int = 0
    reused: int = 0
    cut_off: int = 0
    inherited: int = 0
    ran: int = 0
    left: int = 0


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
