"""Replay policies: whether a stored LEFT stands, or is tried again by the next run.

A policy is a pure function from a LEFT to a `Verdict`. It is asked about LEFTs
of earlier runs alone: what fails in this run has failed for this run. An
`Upstream` LEFT is never asked about: it is settled anew from its causes.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final, TypeAlias, assert_never

from lightfx.core.outcome import (
    BadOutput,
    Cancelled,
    Died,
    Left,
    Raised,
    Returned,
    TimedOut,
    Upstream,
)


class Verdict(Enum):
    """What becomes of a LEFT that an earlier run stored."""

    REPLAY = "replay"
    RETRY = "retry"


ReplayPolicy: TypeAlias = Callable[[Left], Verdict]

ENVIRONMENT: Final = frozenset({"OSError", "MemoryError", "ImportError"})


def replay_by_cause(left: Left) -> Verdict:
    """The default: what the same code and inputs would do again stands, the rest is retried.

    >>> replay_by_cause(Left(Raised("KeyError", ("KeyError", "LookupError"), "'x'", "")))
    <Verdict.REPLAY: 'replay'>
    >>> replay_by_cause(Left(Raised("TimeoutError", ("TimeoutError", "OSError"), "", "")))
    <Verdict.RETRY: 'retry'>
    """
    match left.cause:
        case Raised(bases=bases):
            return Verdict.REPLAY if ENVIRONMENT.isdisjoint(bases) else Verdict.RETRY
        case Returned() | BadOutput():
            return Verdict.REPLAY
        case TimedOut() | Died() | Cancelled() | Upstream():
            return Verdict.RETRY
        case never:
            assert_never(never)


def replay_always(left: Left) -> Verdict:  # noqa: ARG001 -- a policy is asked about a LEFT
    """Let every LEFT stand.

    >>> replay_always(Left(TimedOut(3.0)))
    <Verdict.REPLAY: 'replay'>
    """
    return Verdict.REPLAY


def retry_failed(left: Left) -> Verdict:
    """Try again what failed, and let stand what a stage returned as its answer.

    >>> retry_failed(Left(Returned("str", "no"))), retry_failed(Left(TimedOut(3.0)))
    (<Verdict.REPLAY: 'replay'>, <Verdict.RETRY: 'retry'>)
    """
    return Verdict.REPLAY if isinstance(left.cause, Returned) else Verdict.RETRY


def retry_always(left: Left) -> Verdict:  # noqa: ARG001 -- a policy is asked about a LEFT
    """Try every LEFT again.

    >>> retry_always(Left(Returned("str", "no")))
    <Verdict.RETRY: 'retry'>
    """
    return Verdict.RETRY
