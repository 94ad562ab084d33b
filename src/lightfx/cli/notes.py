"""Notes: what one event is worth to who follows a run without a terminal, as a line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, assert_never, final

from lightfx.cli.words import counted, duration, harmless, outcome, titled
from lightfx.effects.journal import (
    INTERRUPTED,
    Advanced,
    CacheRefused,
    CacheWarned,
    Differed,
    JournalEvent,
    Pulled,
    Pushed,
    RunBegan,
    RunEnded,
    Stopping,
    TaskAsked,
    TaskEnded,
    TaskProgressed,
    TaskRetried,
    TaskStarted,
)

LOUD: Final = 100
ALIKE: Final = 3
WARNINGS: Final = (Differed, CacheWarned, CacheRefused)


def note(event: JournalEvent) -> str:
    """Say in one line what happened; "" where that is not worth a line of its own.

    >>> note(Stopping("interrupted", 2))
    'interrupted: waiting for 2 running tasks; press Ctrl-C again to stop now'
    >>> note(RunBegan(3))
    ''
    """
    match event:
        case TaskEnded(dref=dref, kind=kind, reason=reason, seconds=seconds):
            if kind == "right":
                return ""
            return f"{titled(dref)}: {outcome(kind)} after {duration(seconds)}: {first_line(reason)}"
        case TaskRetried(dref=dref, reason=reason, wait=wait):
            return f"{titled(dref)}: tried again {_soon(wait)}: {first_line(reason)}"
        case Differed(dref=dref):
            return f"warning: {titled(dref)} came out otherwise than it is recorded: the stage is not deterministic"
        case Stopping(why=why, running=running):
            return stopping(why, running)
        case CacheWarned() | CacheRefused() | Pulled() | Pushed():
            return harmless(_of_cache(event))
        case RunBegan() | TaskStarted() | TaskProgressed() | TaskAsked() | Advanced() | RunEnded():
            return ""
        case never:
            assert_never(never)


def _of_cache(event: CacheWarned | CacheRefused | Pulled | Pushed) -> str:
    match event:
        case CacheWarned(cache=cache, why=why):
            return f"warning: trouble with the cache {cache}: {first_line(why)}"
        case CacheRefused(cache=cache, what=what, why=why):
            return f"warning: the cache {cache}: {what} is not used: {first_line(why)}"
        case Pulled(cache=cache, count=count):
            return f"{counted(count, 'realization')} from the cache {cache}"
        case Pushed(cache=cache, count=count):
            return f"{counted(count, 'realization')} to the cache {cache}"
        case never:
            assert_never(never)


def stopping(why: str, running: int) -> str:
    """Say that no more tasks are started, and that ``running`` are waited for.

    >>> stopping("interrupted", 0)
    'interrupted'
    >>> stopping("1 is LEFT", 1)
    '1 is LEFT: waiting for 1 running task; press Ctrl-C to stop now'
    """
    if not running:
        return first_line(why)
    press = "press Ctrl-C again" if why == INTERRUPTED else "press Ctrl-C"
    return f"{first_line(why)}: waiting for {counted(running, 'running task')}; {press} to stop now"


def first_line(text: str) -> str:
    r"""The first line of a reason, with nothing in it that acts on a terminal.

    >>> first_line("raised ValueError: no \x07\nway")
    'raised ValueError: no \\x07'
    """
    return harmless(text.strip().partition("\n")[0])


def warn(text: str) -> None:
    """Warn on standard error, if there is one."""
    with suppress(OSError):
        sys.stderr.write(f"lightfx: warning: {harmless(text)}\n")


def warner() -> Callable[[JournalEvent], None]:
    """Make what writes warnings on standard error, and of all else that it hears nothing."""
    volume = Volume()

    def hear(event: JournalEvent) -> None:
        if isinstance(event, WARNINGS) and volume.lets(event):
            warn(note(event).removeprefix("warning: "))

    return hear


def _soon(wait: float) -> str:
    return f"in {duration(wait)}" if wait else "at once"


@final
class Volume:
    """Keeps notes from flooding: of each kind `LOUD` are let through, of what a cache told, for one reason, `ALIKE`."""

    def __init__(self) -> None:
        self._heard: dict[object, int] = {}

    def lets(self, event: JournalEvent) -> bool:
        """Count one more of its kinds, and say whether it is let through."""
        return all(self._count(kind) <= most for kind, most in _kinds(event))

    def _count(self, kind: object) -> int:
        count = self._heard[kind] = self._heard.get(kind, 0) + 1
        return count

    def is_full(self, event: JournalEvent) -> bool:
        """Whether this one was the last of its kind that was let through."""
        return any(self._heard.get(kind, 0) == most for kind, most in _kinds(event))


def _kinds(event: JournalEvent) -> Iterator[tuple[object, int]]:
    """What an event is counted as, and how many of these are let through."""
    if isinstance(event, CacheRefused):  # thousands of results, and one key that is not trusted
        yield (event.cache, event.why), ALIKE
    yield type(event), LOUD
