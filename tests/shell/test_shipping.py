"""Shipping: what can be sent to a worker and back, and what is said where it cannot."""

from __future__ import annotations

import threading
from pathlib import Path

import errands
from errands import task
from executor_laws import finish_one, value
from makings import good, outcome, trouble
from returns.result import Success
from scenes import Other

from lightfx.core.failures import Unshippable
from lightfx.effects.executor import Begun
from lightfx.shell.executor.processes import LocalProcesses


def test_what_no_worker_can_import_is_shipped_by_value(tmp_path: Path) -> None:
    with Other("closure", tmp_path) as driver:
        assert driver.hear() == "[42]"


def test_without_cloudpickle_it_says_what_to_install(tmp_path: Path) -> None:
    with Other("unshippable", tmp_path) as driver:
        said = driver.hear()
    assert said.startswith("Unshippable(")
    assert "lightfx[notebook]" in said


def test_what_cannot_be_pickled_at_all_is_said(pool: LocalProcesses, tmp_path: Path) -> None:
    lock = threading.Lock()
    failure = trouble(pool.start([task(1, lambda _: lock.locked(), tmp_path)]))
    assert isinstance(failure, Unshippable)
    assert value(finish_one(pool, errands.double, tmp_path, x=1)) == [1, 1]


def test_what_a_worker_cannot_load_is_said(pool: LocalProcesses, tmp_path: Path) -> None:
    good(pool.start([task(1, errands.Unloadable(), tmp_path)]))
    while isinstance(ended := outcome(pool.wait(None)), Success):
        assert ended.unwrap() == (Begun(1),)
    failure = ended.failure()
    assert isinstance(failure, Unshippable)
    assert "no number" in failure.why
    assert value(finish_one(pool, errands.double, tmp_path, x=1)) == [1, 1]
