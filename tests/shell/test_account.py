"""The account of tasks on a cluster: who is taken for hung, and what counts as a loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import errands
import pytest
from errands import task

from lightfx.core.realization import MadeBy
from lightfx.core.terms import Limits, Resources
from lightfx.shell.executor.account import Run, Silence, died, request_of
from lightfx.shell.executor.cluster import Node, Seen


def run_on(worker: str) -> Run:
    run = Run(task(1, errands.who, Path("place")), {}, cast("Any", None), ())
    run.began("token", worker)
    return run


def looks(silence: Silence, run: Run, *times: float) -> list[list[str]]:
    """What is found hung by looks a second apart, at which worker "a" was heard of at these times."""
    return [list(silence.hung(Seen({"a": Node(1, {}, time)}, 1.0), [run])) for time in times]


def test_a_task_that_gives_no_sign_has_a_worker_that_hangs() -> None:
    run = run_on("a")
    assert looks(Silence(3.0), run, 1, 2, 3, 4, 5, 6) == [[], [], ["a"], [], [], ["a"]]


def test_a_sign_in_time_is_enough_and_an_end_too() -> None:
    run, silence = run_on("a"), Silence(3.0)
    assert looks(silence, run, 1, 2) == [[], []]
    run.silent = 0.0
    assert looks(silence, run, 3, 4) == [[], []]
    run.ended = True
    assert looks(silence, run, 5, 6, 7, 8) == [[]] * 4


def test_a_worker_of_which_the_scheduler_hears_nothing_hangs_too() -> None:
    elsewhere = run_on("b")
    assert looks(Silence(2.0), elsewhere, 1, 1, 1, 2, 2) == [[], [], ["a"], [], []]


def test_a_driver_that_was_asleep_finds_nobody_dead() -> None:
    """It looks once when it wakes up, however long it slept."""
    run, silence = run_on("a"), Silence(30.0)
    assert looks(silence, run, 1, 1) == [[], []]


def test_another_beginning_is_a_loss() -> None:
    run = run_on("a")
    assert run.losses == 0
    run.ended = True
    run.began("another", "b")
    assert (run.losses, run.worker, run.ended) == (1, "b", False)


@pytest.mark.parametrize(
    ("worker", "host"),
    [
        ("tcp://10.0.0.7:40123", "10.0.0.7"),
        ("tls://[fe80::1]:8786", "fe80::1"),
        ("inproc://10.0.0.7/12/3", "10.0.0.7"),
        ("", ""),
    ],
)
def test_trap_nobody_was_named_for_who_lost_its_workers(worker: str, host: str) -> None:
    assert died(run_on(worker)).made_by == MadeBy(host=host)


def test_tickets_are_asked_for_where_nobody_declares_them() -> None:
    """And nothing else is: a worker that declares no cores counts none."""
    wanted = Resources(cores=4, memory=1, tickets={"gpu": 1, "licence": 2})
    assert request_of(wanted, {}, Limits()) == {"gpu": 1.0, "licence": 2.0}
    assert request_of(wanted, {}, Limits(tickets={"licence": 5})) == {"gpu": 1.0}
    assert request_of(Resources(), {"a": Node(1, {"memory": 9}, 0)}, Limits()) == {}
