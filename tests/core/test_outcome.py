"""Outcomes: kinds, reasons, errors."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import get_args

import attrs
import pytest

from lightfx.core.outcome import (
    MAX_REASON,
    BadOutput,
    Cancelled,
    Cause,
    Died,
    Left,
    LeftError,
    Raised,
    Returned,
    Right,
    Root,
    TimedOut,
    Upstream,
)
from lightfx.core.realization import Value, content_of
from lightfx.core.records import spell_result
from lightfx.core.refs import RRef

RREF = RRef("r" * 32 + "-" + "d" * 32 + "-load")
CAUSES: list[tuple[Cause, str, str]] = [
    (
        Returned("Diverged", {"b": 1, "a": [True, None, "é'"]}),
        "returned",
        'returned Diverged {"a": [true, null, "é\'"], "b": 1}',
    ),
    (Returned("str", "no"), "returned", 'returned str "no"'),
    (Raised("KeyError", ("KeyError",), "'x'", "tb"), "raised", "raised KeyError: 'x'"),
    (Raised("KeyError", (), "", ""), "raised", "raised KeyError"),
    (Raised("E", (), "two\n  lines", ""), "raised", "raised E: two lines"),
    (TimedOut(60), "timed_out", "was stopped after 60 s"),
    (Died(None, "SIGKILL", out_of_memory=True), "died", "its process was killed by SIGKILL, out of memory"),
    (Died(0, None), "died", "its process left with exit code 0"),
    (BadOutput("a.b", "is NaN"), "bad_output", "gave bad output: a.b is NaN"),
    (Upstream((Root(RREF, "raised OSError"),), 1), "upstream", f"stands on {RREF}, which raised OSError"),
    (Upstream((Root(RREF, "died"),), 30), "upstream", f"stands on {RREF} (and 29 more), which died"),
    (Upstream((), 0), "upstream", "stands on a LEFT"),
    (Cancelled("by the user"), "cancelled", "was cancelled: by the user"),
]


@pytest.mark.parametrize(("cause", "kind", "reason"), CAUSES)
def test_each_cause_has_a_kind_and_one_line(cause: Cause, kind: str, reason: str) -> None:
    left = Left(cause)
    assert (left.kind, left.reason) == (kind, reason)


def test_the_table_is_complete() -> None:
    assert {type(cause) for cause, _, _ in CAUSES} == set(get_args(Cause))
    assert len({kind for _, kind, _ in CAUSES}) == 7


@pytest.mark.parametrize("kind", [*get_args(Cause), Value])
def test_a_kind_is_no_field(kind: type) -> None:
    """Trap: a cause of one class that is told to be of another kind."""
    assert "kind" not in {each.name for each in attrs.fields(kind)}


def test_trap_a_file_whose_name_is_no_utf_8() -> None:
    """The record of it must be storable all the same."""
    cause = BadOutput("bad\udcff", "is a socket, \udcfe")
    assert (cause.path, cause.why) == ("bad\\udcff", "is a socket, \\udcfe")
    assert content_of(spell_result(cause), None)


def test_a_long_reason_is_cut() -> None:
    reason = Raised("E", (), "x" * 1000, "").reason
    assert len(reason) == MAX_REASON
    assert reason.endswith("…")


def test_seconds_are_the_same_as_whole_number_and_as_float() -> None:
    """Spelled ``3`` and read back ``3.0`` it would be two contents."""
    assert repr(TimedOut(3)) == repr(TimedOut(3.0))


@pytest.mark.parametrize(
    ("left", "lines"),
    [
        (Left(Raised("E", (), "m", "Traceback:\n  x\n")), ["d is LEFT: raised E: m", "Traceback:", "  x"]),
        (Left(TimedOut(1), log="the log\n"), ["d is LEFT: was stopped after 1 s", "log:", "the log"]),
        (Left(Upstream((Root(RREF, "died"),), 1)), [f"d is LEFT: stands on {RREF}, which died", f"  {RREF} died"]),
    ],
)
def test_an_error_tells_all(left: Left, lines: list[str]) -> None:
    assert str(LeftError("d", left)).splitlines() == lines


@pytest.mark.parametrize("again", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy])
def test_the_error_travels(again: object) -> None:
    error = LeftError("d", Left(TimedOut(1), (RREF,), Path("x"), "log"))
    twin = again(error)  # type: ignore[operator]  # a table of functions
    assert (str(twin), twin.left) == (str(error), error.left)


def test_right() -> None:
    assert Right(1) == Right(1, ())
    assert "log" not in repr(Left(TimedOut(1), log="long"))
