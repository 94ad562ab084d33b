"""The inline executor: tasks run where the run is."""

from __future__ import annotations

from pathlib import Path

import errands
import pytest
from errands import task
from makings import good

from lightfx.shell.executor.inline import InlineExecutor


def test_inline_an_interrupt_comes_after_what_had_finished(tmp_path: Path) -> None:
    executor = InlineExecutor()
    acts = [errands.who, errands.interrupt, errands.who]
    good(executor.start([task(number, act, tmp_path) for number, act in enumerate(acts)]))
    assert [each.number for each in good(executor.wait(None))] == [0]
    with pytest.raises(KeyboardInterrupt):
        executor.wait(None)
    assert [each.number for each in good(executor.wait(None))] == [2]
    good(executor.start([task(1, errands.interrupt, tmp_path)]))
    with pytest.raises(KeyboardInterrupt):
        executor.wait(None)
