"""Memory that runs out: an error where Python can tell, a death where the system kills."""

from __future__ import annotations

import os
from pathlib import Path

import errands
import pytest
from errands import task
from executor_laws import cause, finish, finish_one, value
from makings import good

from lightfx.core.outcome import Died, Raised
from lightfx.shell.executor.processes import LocalProcesses

GROUP = os.environ.get("LIGHTFX_TEST_CGROUP", "")


def test_a_limit_on_memory_is_an_error_that_is_raised(tmp_path: Path) -> None:
    executor = LocalProcesses(1, tmp_path / "scratch")
    found = cause(finish_one(executor, errands.take_more_than_it_may, tmp_path))
    assert isinstance(found, Raised)
    assert found.type == "MemoryError"
    good(executor.close())


@pytest.mark.skipif(not GROUP, reason="LIGHTFX_TEST_CGROUP names no control group for memory that the test may limit")
def test_who_is_killed_for_memory_takes_no_other_along(tmp_path: Path) -> None:
    """The group is an empty folder with the memory controller; the test limits it, and sends a stage there."""
    executor = LocalProcesses(2, tmp_path / "scratch")
    acts = [errands.take_all_memory if number == 2 else errands.double for number in range(6)]
    found = finish(executor, [task(n, act, tmp_path / f"{n}", x=n) for n, act in enumerate(acts)])
    assert cause(found.pop(2)) in (Died(None, "SIGKILL"), Died(None, "SIGKILL", out_of_memory=True))
    assert {number: value(each) for number, each in found.items()} == {n: [n, n] for n in found}
    good(executor.close())
