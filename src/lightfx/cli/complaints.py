"""Complaints: what is said when a command cannot do what it was asked for.

A failure is a record of facts everywhere else; here it becomes a sentence, a
hint where there is one, and the exit code that scripts ask.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from enum import IntEnum
from pathlib import Path
from typing import Final, final

from attrs import frozen

from lightfx.core.failures import (
    BadArchive,
    BadKey,
    CacheTrouble,
    CannotFit,
    DiskFull,
    EngineFailure,
    Interrupted,
    InUse,
    NoStore,
    NotAStore,
    NotPermitted,
    NotRealized,
    NotStored,
    PoolLost,
    SystemTrouble,
    Undecodable,
    Unmatched,
    sentence,
)
from lightfx.shell.store.owners import name_of_user


class Exit(IntEnum):
    """What a command ends with."""

    FINE = 0
    LEFT = 1
    MISUSE = 2
    ENGINE = 3
    INTERRUPTED = 130
    BROKEN_PIPE = 141
    TERMINATED = 143


@final
@frozen
class Complaint:
    """One sentence, what to do about it, and the exit code; ``traceback`` is the user's own."""

    sentence: str
    hint: str = ""
    code: Exit = Exit.MISUSE
    traceback: str = ""

    @property
    def line(self) -> str:
        """Sentence and hint, as one line.

        >>> Complaint("no store is given", "give --store PATH").line
        'no store is given: give --store PATH'
        """
        return " ".join(f"{self.sentence}: {self.hint}".split()) if self.hint else " ".join(self.sentence.split())


class ComplaintError(Exception):
    """Carries a complaint up to where it is printed."""

    def __init__(self, complaint: Complaint) -> None:
        super().__init__(complaint.line)
        self.complaint = complaint


def misuse(sentence: str, hint: str = "", traceback: str = "") -> ComplaintError:
    """Complain about what the user asked for.

    >>> misuse("there is no plan").complaint.code
    <Exit.MISUSE: 2>
    """
    return ComplaintError(Complaint(sentence, hint, Exit.MISUSE, traceback))


def complaint_of(failure: EngineFailure) -> Complaint:
    """Put trouble of the engine into words. That nothing is where the user points is misuse.

    >>> from pathlib import Path
    >>> complaint_of(NoStore(Path("results"))).line
    'results: there is no store here: give another --store or set LIGHTFX_STORE; `lightfx run` makes a store'
    """
    code = Exit.MISUSE if isinstance(failure, NoStore | NotAStore | BadKey) else Exit.ENGINE
    return Complaint(sentence(failure), _hint(failure), Exit.INTERRUPTED if isinstance(failure, Interrupted) else code)


def _hint(failure: EngineFailure) -> str:
    """What to do, where the sentence does not say it."""
    match failure:
        case NotPermitted(path):
            return _of_whom(path)
        case SystemTrouble(path) if Path(path).is_absolute():
            return "`lightfx doctor` says how the store and its disk are"
        case BadKey(why=why) if why.startswith(("there is a key", "it is a key")):
            return "`lightfx key list` lists them"
        case NotStored(why=""):
            return "`lightfx ls` lists what is stored"
        case _:
            return _HINTS.get(type(failure), "")


_HINTS: Final[Mapping[type[EngineFailure], str]] = {
    NoStore: "give another --store or set LIGHTFX_STORE; `lightfx run` makes a store",
    NotAStore: "give another --store or set LIGHTFX_STORE",
    BadKey: "`lightfx key list` lists them, and `lightfx key new` makes one",
    DiskFull: "`lightfx gc --dry-run` says what could go",
    InUse: "`lightfx gc --wait SECONDS` waits for them",
    CannotFit: "--workers, --memory and --ticket say what there is",
    BadArchive: "nothing of it was stored: pack it anew where it came from",
    CacheTrouble: "`lightfx cache list` says where it is; runs go on without it",
    Unmatched: "choose by another matcher, or let more be made",
    Undecodable: "give the stage its old annotation, or another version, so that it is made anew",
    NotRealized: "run it without --assert-realized",
    PoolLost: "run again, or with --workers 0 in this process",
}


def _of_whom(path: str) -> str:
    """Say who could give a right: whose the nearest thing is that is there."""
    for place in (Path(path), *Path(path).absolute().parents):
        with suppress(OSError):
            owner, ours = place.stat().st_uid, os.geteuid()
            if os.statvfs(place).f_flag & os.ST_RDONLY:
                return f"{place} lies on a file system that is mounted read-only: mount it for writing"
            if owner == ours:
                return f"{place} is yours: chmod gives the right"
            return f"{place} is of {name_of_user(owner)}, who can give the right to {name_of_user(ours)}"
    return ""
