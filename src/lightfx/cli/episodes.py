"""Episodes: what ran in a kept run, in order, an attempt each, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, assert_never, final

from attrs import define

from lightfx.cli.notes import first_line
from lightfx.cli.words import counted, duration, outcome
from lightfx.core.refs import DRef
from lightfx.effects.journal import (
    Advanced,
    CacheRefused,
    CacheWarned,
    Differed,
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
from lightfx.shell.journal.lines import Noted

RUNNING: Final = "running"
RETRIED: Final = "retried"
ASKED: Final = "asked"


@final
@define(eq=False)
class Episode:
    """One attempt: when it began, how it stands, why, and what it took in seconds, as far as that is known.

    ``state`` is "right", the kind of a LEFT, "retried", "asked" for more, or
    "running", which is also what it was when its run was stopped.
    """

    dref: DRef
    attempt: int
    at: float
    state: str = RUNNING
    seconds: float | None = None
    reason: str = ""
    done: float = 0.0
    total: float = 0.0

    @property
    def is_left(self) -> bool:
        """Whether a LEFT came of it."""
        return self.state not in {"right", RUNNING, RETRIED, ASKED}

    def row(self, since: float, *, lives: bool) -> tuple[str, ...]:
        """Say it in the cells of a table: when (from the beginning of the run), name, attempt, state, seconds, why."""
        seconds = "-" if self.seconds is None else duration(self.seconds)
        when = duration(max(0.0, self.at - since))
        return (when, self.dref.text[:10], self.dref.name.text, str(self.attempt), self._word(lives), seconds, self.why)

    def _word(self, lives: bool) -> str:  # noqa: FBT001 -- one of two words
        if self.state == RUNNING:
            return RUNNING if lives else "unfinished"
        return self.state if self.state in {RETRIED, ASKED} else outcome(self.state)

    @property
    def why(self) -> str:
        """The first line of its reason, or how far it said that it was."""
        if self.reason or self.state != RUNNING or not self.done:
            return first_line(self.reason)
        return f"{self.done:g} of {self.total:g}" if self.total else f"{self.done:g} done"

    @property
    def tree(self) -> dict[str, object]:
        """All of it, for machines."""
        return {
            "dref": self.dref.text,
            "name": self.dref.name.text,
            "attempt": self.attempt,
            "at": self.at,
            "state": self.state,
            "seconds": self.seconds,
            "reason": self.reason,
            "done": self.done,
            "total": self.total,
        }


def episodes(noted: Iterable[Noted]) -> Sequence[Episode]:
    """Tell what ran, in the order in which it began."""
    told: list[Episode] = []
    running: dict[tuple[DRef, int], Episode] = {}
    for each in noted:
        match each.event:
            case TaskStarted(dref=dref, task=task, attempt=attempt):
                running[dref, task] = Episode(dref, attempt, each.at)
                told.append(running[dref, task])
            case TaskProgressed(dref=dref, task=task, done=done, total=total):
                if episode := running.get((dref, task)):
                    episode.done, episode.total = done, total
            case TaskEnded() | TaskRetried() | TaskAsked():
                _end(told, running, each, each.event)
            case RunBegan() | Stopping() | Advanced() | RunEnded():
                pass
            case Differed() | CacheWarned() | CacheRefused() | Pulled() | Pushed():
                pass
            case never:
                assert_never(never)
    return told


def _end(
    told: list[Episode],
    running: dict[tuple[DRef, int], Episode],
    noted: Noted,
    event: TaskEnded | TaskRetried | TaskAsked,
) -> None:
    episode = running.pop((event.dref, event.task), None)
    if episode is None:  # the line of its beginning is missing
        episode = Episode(event.dref, 1, noted.at)
        told.append(episode)
    match event:
        case TaskEnded(kind=kind, reason=reason, seconds=seconds):
            episode.state, episode.reason, episode.seconds = kind, reason, seconds
        case TaskRetried(reason=reason, wait=wait):
            soon = f"again after {duration(wait)}: " if wait else ""
            episode.state, episode.reason, episode.seconds = RETRIED, f"{soon}{reason}", noted.at - episode.at
        case TaskAsked(count=count):
            episode.state, episode.seconds = ASKED, noted.at - episode.at
            episode.reason = f"for {counted(count, 'derivation')}"
        case never:
            assert_never(never)
