"""The clock of the system."""

from __future__ import annotations

import time

from returns.unsafe import unsafe_perform_io

from lightfx.shell.clock import SystemClock


def test_it_tells_the_time_and_waits() -> None:
    clock = SystemClock()
    before = time.time()
    assert before <= unsafe_perform_io(clock.now()) <= time.time()
    begun = unsafe_perform_io(clock.elapsed())
    unsafe_perform_io(clock.sleep(0.002))
    assert unsafe_perform_io(clock.elapsed()) - begun >= 0.002
