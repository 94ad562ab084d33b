"""The two kinds of stored outcome, and why a LEFT is one.

`Outcome` is a closed union to ``match`` on: a `Right` holds a decoded value, a
`Left` holds a cause, itself one of a closed union of frozen records. A LEFT is
a result like any other: stored, named, inherited. Trouble of the engine is no
LEFT (see `lightfx.core.failures`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar, Final, Generic, TypeAlias, TypeVar, assert_never, final

from attrs import field, frozen

from lightfx.core.canonical import Tree
from lightfx.core.refs import RRef

T_co = TypeVar("T_co", covariant=True)

MAX_REASON: Final = 300


def _storable(text: str) -> str:
    """Spell out what has no UTF-8: the name of a file may be any bytes."""
    return text.encode("utf-8", "backslashreplace").decode()


@final
@frozen
class Returned:
    """The stage returned ``Failure(error)``: an expected failure, with its data.

    ``error`` is the stored tree; ``type`` is the name of the record that it
    was.

    >>> Returned(type="Diverged", error={"step": 7}).reason
    'returned Diverged {"step": 7}'
    """

    type: str
    error: Tree
    kind: ClassVar[str] = "returned"

    @property
    def reason(self) -> str:
        """One line for people."""
        return _line(f"returned {self.type} {_plain(self.error)}")


@final
@frozen
class Raised:
    """The stage raised: a bug, or an environment that failed it.

    ``bases`` names the classes that the error is an instance of, most special
    first; replay policies ask it. Paths in ``traceback`` are relative.

    >>> Raised("ZeroDivisionError", ("ZeroDivisionError", "ArithmeticError"), "by zero", "").reason
    'raised ZeroDivisionError: by zero'
    """

    type: str
    bases: tuple[str, ...]
    message: str
    traceback: str
    kind: ClassVar[str] = "raised"

    @property
    def reason(self) -> str:
        """One line for people."""
        return _line(f"raised {self.type}: {self.message}" if self.message else f"raised {self.type}")


@final
@frozen
class TimedOut:
    """The attempt was stopped after ``seconds``.

    >>> TimedOut(1.5).reason
    'was stopped after 1.5 s'
    """

    seconds: float = field(converter=float)
    kind: ClassVar[str] = "timed_out"

    @property
    def reason(self) -> str:
        """One line for people."""
        return f"was stopped after {self.seconds:g} s"


@final
@frozen
class Died:
    """The process that ran the attempt ended under it.

    ``exit_code`` is what it left with; ``signal`` names what killed it;
    ``out_of_memory`` is true where the system tells.

    >>> Died(exit_code=None, signal="SIGKILL").reason
    'its process was killed by SIGKILL'
    >>> Died(exit_code=3, signal=None).reason
    'its process left with exit code 3'
    """

    exit_code: int | None
    signal: str | None
    out_of_memory: bool = False
    kind: ClassVar[str] = "died"

    @property
    def reason(self) -> str:
        """One line for people."""
        how = f"was killed by {self.signal}" if self.signal else f"left with exit code {self.exit_code}"
        return f"its process {how}{', out of memory' if self.out_of_memory else ''}"


@final
@frozen
class BadOutput:
    """What the stage gave cannot be stored: ``path`` leads to the culprit in the value or the folder.

    >>> BadOutput("weights", "does not exist").reason
    'gave bad output: weights does not exist'
    """

    path: str = field(converter=_storable)
    why: str = field(converter=_storable)
    kind: ClassVar[str] = "bad_output"

    @property
    def reason(self) -> str:
        """One line for people."""
        return _line(f"gave bad output: {self.path} {self.why}")


@final
@frozen
class Root:
    """A realization that an `Upstream` LEFT blames, and in one line why."""

    rref: RRef
    reason: str


@final
@frozen
class Upstream:
    """A dependency is LEFT; ``roots`` are the realizations where the trouble began.

    At most `MAX_ROOTS` are named; ``total`` counts them all, as far as they
    are known: of causes that name no more than that either, it is the least
    number that can be.

    >>> root = Root(RRef("a-b-load"), "raised OSError")
    >>> Upstream((root,), 1).reason
    'stands on a-b-load, which raised OSError'
    """

    roots: tuple[Root, ...]
    total: int
    kind: ClassVar[str] = "upstream"

    @property
    def reason(self) -> str:
        """One line for people."""
        if not self.roots:
            return "stands on a LEFT"
        first = self.roots[0]
        more = f" (and {self.total - 1} more)" if self.total > 1 else ""
        return _line(f"stands on {first.rref}{more}, which {first.reason}")


MAX_ROOTS: Final = 20


@final
@frozen
class Cancelled:
    """The attempt was called off before it ended.

    >>> Cancelled("by the user").reason
    'was cancelled: by the user'
    """

    why: str
    kind: ClassVar[str] = "cancelled"

    @property
    def reason(self) -> str:
        """One line for people."""
        return _line(f"was cancelled: {self.why}")


Cause: TypeAlias = Returned | Raised | TimedOut | Died | BadOutput | Upstream | Cancelled


@final
@frozen
class Right(Generic[T_co]):
    """A stored success: the decoded value, and the realizations that it was read from."""

    value: T_co
    rrefs: tuple[RRef, ...] = ()


@final
@frozen
class Left:
    """A stored failure.

    ``folder`` holds what the attempt had written, if anything; ``log`` is the
    end of its log.

    >>> Left(TimedOut(3.0)).kind
    'timed_out'
    """

    cause: Cause
    rrefs: tuple[RRef, ...] = ()
    folder: Path | None = None
    log: str = field(default="", repr=False)

    @property
    def kind(self) -> str:
        """The name of the cause: "returned", "raised", "timed_out", "died", "bad_output", "upstream", "cancelled"."""
        return self.cause.kind

    @property
    def reason(self) -> str:
        """One line that says why."""
        return self.cause.reason


Outcome: TypeAlias = Right[T_co] | Left


class LeftError(Exception):
    """Raised by `evaluate` on a LEFT; ``left`` is the whole of it.

    >>> print(LeftError("abc-train", Left(Raised("KeyError", ("KeyError",), "'x'", "Traceback: ..."))))
    abc-train is LEFT: raised KeyError: 'x'
    Traceback: ...
    """

    def __init__(self, what: str, left: Left) -> None:
        super().__init__(what, left)
        self.what = what
        self.left = left

    def __str__(self) -> str:
        lines = [f"{self.what} is LEFT: {self.left.reason}", *_details(self.left.cause)]
        if self.left.log:
            lines += ["log:", self.left.log]
        return "\n".join(lines).rstrip("\n")


def _details(cause: Cause) -> list[str]:
    match cause:
        case Raised():
            return [cause.traceback]
        case Upstream():
            return [f"  {root.rref} {root.reason}" for root in cause.roots]
        case Returned() | TimedOut() | Died() | BadOutput() | Cancelled():
            return []
        case never:
            assert_never(never)


def _line(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= MAX_REASON else flat[: MAX_REASON - 1] + "…"


def _plain(tree: Tree) -> str:
    """Spell data the same before and after it was stored: a reason is part of the content of an `Upstream`."""
    return json.dumps(tree, ensure_ascii=False, sort_keys=True)
