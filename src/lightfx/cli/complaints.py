"""Complaints: what is said when a command cannot do what it was asked for.

A failure is a record of facts everywhere else; here it becomes a sentence, a
hint where there is one, and the exit code that scripts ask.
"""

from __future__ import annotations

from enum import IntEnum
from typing import final

from attrs import frozen

from lightfx.core.failures import (
    BadKey,
    CannotFit,
    DiskFull,
    EngineFailure,
    Interrupted,
    NoStore,
    NotAStore,
    sentence,
)


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
    said = sentence(failure)
    if isinstance(failure, NoStore):
        hint = "give another --store or set LIGHTFX_STORE; `lightfx run` makes a store"
        return Complaint(said, hint, Exit.MISUSE)
    if isinstance(failure, NotAStore):
        return Complaint(said, "give another --store or set LIGHTFX_STORE", Exit.MISUSE)
    if isinstance(failure, DiskFull):
        return Complaint(said, "`lightfx gc --dry-run` says what could go", Exit.ENGINE)
    if isinstance(failure, CannotFit):
        return Complaint(said, "--workers, --memory and --ticket say what there is", Exit.ENGINE)
    if isinstance(failure, BadKey):
        return Complaint(said, code=Exit.MISUSE)
    return Complaint(said, code=Exit.INTERRUPTED if isinstance(failure, Interrupted) else Exit.ENGINE)
