"""Deaths: what an exit says, and who was killed for memory."""

from __future__ import annotations

import platform
import socket
import time
from pathlib import Path

import errands
import pytest
from attrs import evolve
from errands import task

from lightfx.core.outcome import Cause, Died, Left
from lightfx.core.realization import MadeBy
from lightfx.core.terms import Terms
from lightfx.shell.executor import deaths
from lightfx.shell.executor.crew import Order
from lightfx.shell.executor.deaths import Deaths, signal_name
from lightfx.shell.executor.sealing import Sealed


def cause(told: Deaths, place: Path, code: int, began: float = 0.0) -> Cause:
    order = Order.of(1, task(1, errands.who, place), b"", place)
    order.began = began
    left = told.obituary(order, code, b"", timed_out=False).result.failure()
    assert isinstance(left, Left)
    return left.cause


@pytest.mark.parametrize(
    ("own", "file", "text"),
    [
        ("0::/a/b\n", "a/b/memory.events", "low 0\nhigh 0\nmax 5\noom 1\noom_kill {}\noom_group_kill 0\n"),
        ("0::/a/b\n", "memory.events", "low 0\noom 1\noom_kill {}\n"),
        ("1:cpu:/x\n0::/a/b\n", "unified/a/b/memory.events", "oom_kill {}\n"),
        ("4:memory:/a/b\n0::/\n", "memory/a/b/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"),
        ("4:cpu,memory:/a\n0::/\n", "memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"),
    ],
)
def test_who_was_killed_while_the_system_hunted_for_memory_is_out_of_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: str, file: str, text: str
) -> None:
    monkeypatch.setattr(deaths, "GROUPS", tmp_path / "groups")
    monkeypatch.setattr(deaths, "OWN", tmp_path / "own")
    (tmp_path / "own").write_text(own)
    counter = tmp_path / "groups" / file
    counter.parent.mkdir(parents=True)
    counter.write_text(text.format(7))
    told = Deaths()
    assert cause(told, tmp_path, -9) == Died(None, "SIGKILL")
    counter.write_text(text.format(8))
    assert cause(told, tmp_path, -9) == Died(None, "SIGKILL", out_of_memory=True)
    assert cause(told, tmp_path, -9) == Died(None, "SIGKILL"), "it is told of one alone"
    counter.write_text(text.format(9))
    assert cause(told, tmp_path, 3) == Died(3, None)


def test_of_two_who_died_at_once_both_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But nobody who came later: one of the three that were killed may have been what a stage started."""
    monkeypatch.setattr(deaths, "GROUPS", tmp_path)
    monkeypatch.setattr(deaths, "OWN", tmp_path / "own")
    (tmp_path / "own").write_text("0::/\n")
    counter = tmp_path / "memory.events"
    counter.write_text("oom_kill 1\n")
    told = Deaths()
    counter.write_text("oom_kill 4\n")
    killed = Died(None, "SIGKILL", out_of_memory=True)
    assert [cause(told, tmp_path, -9), cause(told, tmp_path, 3), cause(told, tmp_path, -9)] == [
        killed,
        Died(3, None),
        killed,
    ]
    assert cause(told, tmp_path, -9, began=time.monotonic()) == Died(None, "SIGKILL")
    assert cause(told, tmp_path, -9) == Died(None, "SIGKILL")


def test_where_nothing_counts_nobody_is_out_of_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for own in ("", "no such line\n", "4:memory:/a\n"):
        (tmp_path / "own").write_text(own)
        monkeypatch.setattr(deaths, "GROUPS", tmp_path / "groups")
        monkeypatch.setattr(deaths, "OWN", tmp_path / "own")
        assert cause(Deaths(), tmp_path, -9) == Died(None, "SIGKILL")


@pytest.mark.parametrize("timed_out", [False, True])
def test_trap_nobody_was_named_for_who_died(tmp_path: Path, timed_out: bool) -> None:
    """Trap: a LEFT that died or was stopped had an empty provenance, and there the host matters most."""
    dying = task(1, errands.who, tmp_path, timeout=1.0)
    told = Deaths().obituary(Order.of(1, dying, b"", tmp_path), -9, b"", timed_out=timed_out)
    assert told.result.failure().kind == ("timed_out" if timed_out else "died")  # type: ignore[union-attr]  # a LEFT
    assert told.made_by == dying.realizer.made_by() != MadeBy()


def test_what_is_sealed_is_not_opened_to_tell_who_died(tmp_path: Path) -> None:
    """A Dask worker tells its own machine, and loads no code of the user's."""
    sealed = evolve(task(1, errands.who, tmp_path), realizer=Sealed(b"no pickle", Terms(), {}))
    told = Deaths().obituary(Order.of(1, sealed, b"", tmp_path), -9, b"", timed_out=False)
    assert told.made_by == MadeBy(host=socket.gethostname(), python=platform.python_version())


def test_signals_have_names() -> None:
    assert [signal_name(number) for number in (9, 11, 63)] == ["SIGKILL", "SIGSEGV", "signal 63"]
