"""Ctrl-C while a run waits for its workers: it comes through, and nothing that was told is lost."""

from __future__ import annotations

import random
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import errands
import pytest
from errands import task
from makings import good

from lightfx.effects.executor import Finished
from lightfx.shell.executor.processes import LocalProcesses


@pytest.fixture
def alarm() -> Iterator[Callable[[float], object]]:
    """Let SIGINT come some seconds later, or as soon after as the executor waits."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        while frame is not None and frame.f_code is not LocalProcesses.wait.__code__:
            frame = frame.f_back
        if frame is None:
            signal.setitimer(signal.ITIMER_REAL, 5e-5)
        else:
            signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGALRM, interrupt)
    yield lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_an_interrupt_comes_through(pool: LocalProcesses, tmp_path: Path, alarm: Callable[[float], object]) -> None:
    good(pool.start([task(1, errands.sleep_for_ever, tmp_path / "1")]))
    alarm(0.3)
    with pytest.raises(KeyboardInterrupt):
        while True:
            good(pool.wait(None))
    good(pool.cancel())


def test_no_interrupt_loses_what_was_told(
    pool: LocalProcesses, tmp_path: Path, alarm: Callable[[float], object]
) -> None:
    """The engine waits again after it, to let what runs come to its end."""
    # An interrupt in the middle of what measures coverage would leave its lock taken.
    traced = sys.gettrace()
    sys.settrace(None)
    try:
        _interrupted(pool, tmp_path, alarm)
    finally:
        sys.settrace(traced)


def _interrupted(pool: LocalProcesses, tmp_path: Path, alarm: Callable[[float], object]) -> None:
    chance = random.Random(7)
    interrupts = 0
    for turn in range(80):
        numbers = set(range(turn * 8, turn * 8 + 8))
        acts = [errands.exit_at_once if turn % 40 == number else errands.double for number in range(8)]
        good(pool.start([task(n, act, tmp_path / f"{n}", x=n) for n, act in zip(sorted(numbers), acts, strict=True)]))
        found: list[int] = []
        alarm(chance.random() * 0.004 + 1e-6)
        while len(found) < 8:
            try:
                told = good(pool.wait(20.0))
            except KeyboardInterrupt:
                interrupts += 1
                alarm(chance.random() * 0.002 + 1e-6)
            else:
                assert told, f"lost: {numbers - set(found)}"
                found += [each.number for each in told if isinstance(each, Finished)]
        alarm(0)
        assert sorted(found) == sorted(numbers)
    assert interrupts > 40
