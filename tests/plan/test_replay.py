"""Replay policies, for every kind of LEFT."""

from __future__ import annotations

import pytest

from lightfx.core.outcome import BadOutput, Cancelled, Cause, Died, Left, Raised, Returned, TimedOut, Upstream
from lightfx.core.raising import raised
from lightfx.plan.replay import Verdict, replay_always, replay_by_cause, retry_always

CASES: list[tuple[Cause, Verdict]] = [
    (Returned("E", 1), Verdict.REPLAY),
    (BadOutput("a", "b"), Verdict.REPLAY),
    (raised(ValueError("x")), Verdict.REPLAY),
    (raised(RecursionError("x")), Verdict.REPLAY),
    (raised(SystemExit(1)), Verdict.REPLAY),
    (raised(OSError("x")), Verdict.RETRY),
    (raised(FileNotFoundError("x")), Verdict.RETRY),
    (raised(TimeoutError("x")), Verdict.RETRY),
    (raised(ConnectionResetError("x")), Verdict.RETRY),
    (raised(MemoryError()), Verdict.RETRY),
    (raised(ModuleNotFoundError("x")), Verdict.RETRY),
    (Raised("lib.Own", ("Own", "OSError", "Exception"), "", ""), Verdict.RETRY),
    (TimedOut(1), Verdict.RETRY),
    (Died(1, None), Verdict.RETRY),
    (Cancelled("x"), Verdict.RETRY),
    (Upstream((), 0), Verdict.RETRY),
]


@pytest.mark.parametrize(("cause", "verdict"), CASES)
def test_policies(cause: Cause, verdict: Verdict) -> None:
    left = Left(cause)
    assert replay_by_cause(left) is verdict
    assert replay_always(left) is Verdict.REPLAY
    assert retry_always(left) is Verdict.RETRY


def test_a_group_of_environment_errors_is_one() -> None:
    """Trap: asyncio wraps what it raises, and the network's fault would stand for ever."""
    network = ExceptionGroup("two tasks", [ConnectionError("a"), ExceptionGroup("deep", [TimeoutError("b")])])
    mixed = ExceptionGroup("two tasks", [ConnectionError("a"), ValueError("b")])
    assert replay_by_cause(Left(raised(network))) is Verdict.RETRY
    assert replay_by_cause(Left(raised(mixed))) is Verdict.REPLAY
