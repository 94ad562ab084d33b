"""The journal: what happens in a run, told as it happens.

Events are records; a progress bar, a log and a web page are readers of them.
"""

from __future__ import annotations

from typing import Final, Protocol, TypeAlias, final

from attrs import frozen
from returns.io import IO

from lightfx.core.names import Digest
from lightfx.core.refs import DRef

INTERRUPTED: Final = "interrupted"
RESULT: Final = "result"
FILES: Final = "files"


@final
@frozen
class RunBegan:
    """A run began, over ``total`` derivations; stages may ask for more as they run.

    ``only_stored``: nothing may run in it.
    """

    total: int
    only_stored: bool = False


@final
@frozen
class TaskStarted:
    """An attempt to build a derivation began; ``task`` numbers the attempts of a run."""

    dref: DRef
    task: int = 0
    attempt: int = 1


@final
@frozen
class TaskProgressed:
    """A running stage says how far it is: ``done`` of ``total``, 0 where that is not known."""

    dref: DRef
    task: int
    done: float
    total: float


@final
@frozen
class TaskEnded:
    """A derivation was built: ``kind`` is "right" or the kind of its LEFT, ``reason`` why, ``seconds`` what it took.

    ``gave``: `RESULT`, or `FILES` where it was stored before, and its files were
    gone: they were made again.
    """

    dref: DRef
    kind: str
    reason: str
    seconds: float
    task: int = 0
    gave: str = RESULT

    @property
    def again(self) -> bool:
        """Whether it was made again, for its files alone."""
        return self.gave == FILES


@final
@frozen
class TaskRetried:
    """An attempt failed, ``reason`` says why, and there is another in ``wait`` seconds."""

    dref: DRef
    task: int
    reason: str
    wait: float


@final
@frozen
class TaskAsked:
    """A stage asked for ``count`` derivations that it made as it ran; it runs again when they are there."""

    dref: DRef
    task: int
    count: int


@final
@frozen
class Differed:
    """What was made again came out otherwise than recorded: the stage is not deterministic."""

    dref: DRef
    recorded: Digest
    found: Digest


@final
@frozen
class CacheWarned:
    """A cache gave trouble, ``why``; the run goes on without it. Of each cache it is told once in a run."""

    cache: str
    why: str


@final
@frozen
class CacheRefused:
    """What a cache told of ``what`` (a realization, or a part of the cache) is not used: ``why``."""

    cache: str
    what: str
    why: str


@final
@frozen
class Pulled:
    """``count`` realizations came from a cache."""

    cache: str
    count: int


@final
@frozen
class Pushed:
    """``count`` realizations were brought to a cache."""

    cache: str
    count: int


@final
@frozen
class Stopping:
    """No more tasks are started, because ``why``; ``running`` are waited for.

    ``why`` is `INTERRUPTED` where the user asked to stop.
    """

    why: str
    running: int


@final
@frozen
class Advanced:
    """How many derivations are settled by now, and how; ``left`` counts those of them that are LEFT.

    ``reused`` were stored; ``cut_off`` were stored under another name, with the
    same inputs; ``inherited`` the LEFT of a dependency; ``ran`` took a run. The
    four add up to ``settled``. ``total`` grows as stages ask for more. ``remade``
    are those whose files were gone, and were made again; it counts nothing else.
    """

    settled: int = 0
    reused: int = 0
    cut_off: int = 0
    inherited: int = 0
    ran: int = 0
    left: int = 0
    total: int = 0
    remade: int = 0


@final
@frozen
class RunEnded:
    """The run is over, and what had finished is stored.

    ``failure``: the trouble that ended it, in words; "" where there was none.
    """

    summary: Advanced
    failure: str = ""


JournalEvent: TypeAlias = (
    RunBegan
    | TaskStarted
    | TaskProgressed
    | TaskEnded
    | TaskRetried
    | TaskAsked
    | Differed
    | CacheWarned
    | CacheRefused
    | Pulled
    | Pushed
    | Stopping
    | Advanced
    | RunEnded
)


class Journal(Protocol):
    """Takes events in."""

    def tell(self, event: JournalEvent, /) -> IO[None]:
        """Note one event."""
        ...
