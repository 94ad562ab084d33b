"""Executors: every one obeys the laws, and each law catches a wrong one."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, cast

import errands
import executor_laws as laws
import pytest
from attrs import evolve
from executor_laws import LAWS, Law
from makings import good
from returns.io import IOResult, IOSuccess
from returns.primitives.exceptions import UnwrapFailedError
from returns.result import Success

from lightfx.core.failures import EngineFailure
from lightfx.core.realization import Cost
from lightfx.effects.executor import Begun, Executor, Finished, Report, Task
from lightfx.shell.executor.inline import InlineExecutor
from lightfx.shell.executor.work import carry_out, peak_of_process


def executor_of(kind: str, request: pytest.FixtureRequest) -> Executor:
    return InlineExecutor() if kind == "inline" else request.getfixturevalue("pool")


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("kind", ["inline", "processes"])
def test_executors_obey(kind: str, law: Law, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    law(executor_of(kind, request), tmp_path)


class Plain:
    """A naive executor, all of whose deeds a test may replace by wrong ones."""

    capacity = 4

    def __init__(self, **deeds: Callable[..., Any]) -> None:
        self._waiting: list[Task] = []
        self._deeds = deeds

    def start(self, tasks: Sequence[Task]) -> IOResult[None, EngineFailure]:
        self._waiting += tasks
        return IOSuccess(None)

    def wait(self, seconds: float | None) -> IOResult[Sequence[Report], EngineFailure]:
        tasks, self._waiting = self._waiting, []
        after = self._deeds.get("after", lambda each, _: each)
        late = self._deeds.get("late", lambda _: ())
        return IOSuccess([told for each in tasks for told in (after(self._run(each), each), *late(each))])

    def _run(self, one: Task) -> Finished:
        run = self._deeds.get("run")
        if run is not None:
            return cast("Finished", run(one))
        right = InlineExecutor()
        good(right.start([one]))
        return cast("Finished", good(right.wait(None))[0])

    def cancel(self) -> IOResult[None, EngineFailure]:
        self._deeds.get("cancel", self._waiting.clear)()
        return IOSuccess(None)

    def close(self) -> IOResult[None, EngineFailure]:
        return self.cancel()


def _bare(one: Task) -> Finished:
    """No measures at all."""
    return Finished(one.number, one.realizer(one.order))


def _captured_together() -> Callable[[Task], Finished]:
    written = StringIO()

    def run(one: Task) -> Finished:
        with contextlib.redirect_stdout(written), contextlib.redirect_stderr(written):
            return evolve(carry_out(one, peak_of_process), log=written.getvalue())

    return run


def _captured_naively(one: Task) -> Finished:
    out, err = sys.stdout, sys.stderr
    sys.stdout = sys.stderr = written = StringIO()
    try:
        finished = carry_out(one, peak_of_process)
        return evolve(finished, log=written.getvalue())
    except ValueError:
        return Finished(one.number, Success(()))
    finally:
        sys.stdout, sys.stderr = out, err


def _sorted(log: str) -> str:
    """What a log would be that is put together of what came by each way."""
    return "".join(sorted(log.splitlines(keepends=True), key=lambda line: ("err" in line, line)))


def _moving(one: Task) -> Finished:
    if one.realizer.act is errands.go_elsewhere:  # type: ignore[attr-defined]
        os.chdir("/")
    return carry_out(one, peak_of_process)


CONTROLS: dict[Law, dict[str, Callable[..., Any]]] = {
    laws.results_come_with_their_numbers: {"after": lambda each, _: evolve(each, number=each.number ^ 1)},
    laws.what_a_run_says_reaches_the_realizer: {
        "run": lambda one: _bare(evolve(one, order=evolve(one.order, args={})))
    },
    laws.a_failure_is_data: {"after": lambda each, _: evolve(each, result=Success(()))},
    laws.what_is_raised_is_a_left: {"after": lambda each, _: evolve(each, result=Success(()))},
    laws.what_is_written_goes_to_the_log: {"after": lambda each, _: evolve(each, log=each.log.replace("to err\n", ""))},
    laws.what_programs_write_goes_to_the_log: {"run": _captured_naively},
    laws.what_native_code_writes_goes_to_the_log: {"run": _captured_naively},
    laws.lines_stand_in_the_order_of_their_writing: {"after": lambda each, _: evolve(each, log=_sorted(each.log))},
    laws.each_task_has_its_own_log: {"run": _captured_together()},
    laws.a_long_log_is_kept_whole_beside_its_end: {"after": lambda each, _: evolve(each, whole_log=None)},
    laws.a_log_that_cannot_be_kept_whole_spoils_no_result: {"after": lambda each, _: evolve(each, log="short")},
    laws.an_attempt_is_measured: {"after": lambda each, _: evolve(each, cost=Cost())},
    laws.no_task_spoils_the_output_of_the_next: {"run": _captured_naively},
    laws.no_task_moves_the_next_elsewhere: {"run": _moving},
    laws.code_that_changed_does_not_run: {"run": _bare},
    laws.what_a_stage_asks_for_comes_back: {"after": lambda each, _: evolve(each, result=Success(()))},
    laws.nothing_is_told_of_a_task_after_its_end: {"late": lambda each: (Begun(each.number),)},
    laws.nothing_comes_of_what_was_cancelled: {"cancel": lambda: None},
    laws.closing_twice_is_fine: {"cancel": lambda: None},
}


def test_every_law_has_a_negative_control() -> None:
    assert set(CONTROLS) == set(LAWS)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_every_law_catches_a_wrong_executor(law: Law, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises((AssertionError, AttributeError, IndexError, UnwrapFailedError)):
        law(Plain(**CONTROLS[law]), tmp_path)
