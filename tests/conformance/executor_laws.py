"""The laws of `lightfx.effects.executor.Executor`: one suite for every implementation.

A law is a function of an executor and a folder to work in, that asserts.
`LAWS` lists them all; beside each stands a wrong executor that it must catch
(``tests/shell/test_executors.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import errands
from attrs import evolve
from errands import Act, task
from makings import good
from returns.result import Failure

from lightfx.core.derivation import Asks, Recipe, Tolerant
from lightfx.core.failures import CodeChanged
from lightfx.core.outcome import Cause, Left, Raised, Returned
from lightfx.core.realization import INLINE_LOG, LOG_NAME
from lightfx.effects.executor import Executor, Finished, Report, Task

Law: TypeAlias = Callable[[Executor, Path], None]


def finish(executor: Executor, tasks: Sequence[Task]) -> dict[int, Finished]:
    """Run tasks to their end."""
    return {each.number: each for each in told(executor, tasks) if isinstance(each, Finished)}


def told(executor: Executor, tasks: Sequence[Task]) -> list[Report]:
    """Run tasks to their end, and give all that was told of them."""
    good(executor.start(tasks))
    found: list[Report] = []
    while (ended := sum(isinstance(each, Finished) for each in found)) < len(tasks):
        batch = good(executor.wait(None))
        assert batch, "waiting for ever gave nothing"
        found += batch
    assert ended == len({each.number for each in found if isinstance(each, Finished)}), "something ended twice"
    assert list(good(executor.wait(0.0))) == []
    return found


def finish_one(executor: Executor, act: Act, place: Path, **options: object) -> Finished:
    """Run one task to its end."""
    (finished,) = finish(executor, [task(1, act, place, **options)]).values()  # type: ignore[arg-type]
    return finished


def value(finished: Finished) -> object:
    """What it gave."""
    return finished.result.unwrap()[0].tree


def left(finished: Finished) -> Left:
    """How it failed."""
    found = finished.result.failure()
    assert isinstance(found, Left), found
    return found


def cause(finished: Finished) -> Cause:
    """Why it failed."""
    return left(finished).cause


def results_come_with_their_numbers(executor: Executor, folder: Path) -> None:
    """Each once, more than the executor takes at once too."""
    tasks = [task(number, errands.double, folder / str(number), x=number) for number in range(executor.capacity + 3)]
    found = finish(executor, tasks)
    assert {number: value(each) for number, each in found.items()} == {each.number: [each.number] * 2 for each in tasks}


def a_failure_is_data(executor: Executor, folder: Path) -> None:
    """And what was written stays where it was written."""
    found = left(finish_one(executor, errands.write_files, folder))
    assert found.cause == Returned("Half", {"done": True})
    assert found.folder == folder / "out-0"
    assert (folder / "out-0/a").read_text() == "a"


def what_is_raised_is_a_left(executor: Executor, folder: Path) -> None:
    """Whatever its kind: a bug, an exit, a cancellation."""
    kinds = {}
    for act in (errands.divide, errands.leave, errands.cancel_itself):
        found = cause(finish_one(executor, act, folder / act.__name__))
        assert isinstance(found, Raised)
        assert act.__name__ in found.traceback
        kinds[act.__name__] = found.type
    assert kinds == {
        "divide": "ZeroDivisionError",
        "leave": "SystemExit",
        "cancel_itself": "asyncio.exceptions.CancelledError",
    }
    assert value(finish_one(executor, errands.double, folder / "after", x=1)) == [1, 1]


def what_is_written_goes_to_the_log(executor: Executor, folder: Path) -> None:
    """Output and errors, in any script, and what no encoding knows."""
    log = finish_one(executor, errands.speak, folder).log
    assert log == "to out: é ☃ \\ud800\nto err\n"


def each_task_has_its_own_log(executor: Executor, folder: Path) -> None:
    """A silent one has none."""
    acts = [errands.speak, errands.who, errands.speak, errands.who]
    found = finish(executor, [task(number, act, folder / str(number)) for number, act in enumerate(acts)])
    assert [found[number].log.count("to out") for number in range(4)] == [1, 0, 1, 0]
    assert found[1].log == ""
    assert not (folder / "1").exists()


def a_long_log_is_kept_whole_beside_its_end(executor: Executor, folder: Path) -> None:
    """In a folder that can become an object; a short one makes no folder."""
    finished = finish_one(executor, errands.chatter, folder)
    whole = "".join(f"line {number:06}\n" for number in range(2000))
    assert finished.whole_log is not None
    assert (finished.whole_log / LOG_NAME).read_text() == whole
    assert finished.log == whole[-INLINE_LOG:]
    assert finish_one(executor, errands.speak, folder / "short").whole_log is None


def a_log_that_cannot_be_kept_whole_spoils_no_result(executor: Executor, folder: Path) -> None:
    """Something is in the way of it, or the disk is full."""
    place = folder / "place"
    place.mkdir(parents=True)
    (place / "log").write_text("in the way")
    finished = finish_one(executor, errands.chatter, place)
    assert value(finished) is None
    assert finished.whole_log is None
    assert "could not be kept" in finished.log.splitlines()[-1]


def an_attempt_is_measured(executor: Executor, folder: Path) -> None:
    """In seconds and bytes."""
    finished = finish_one(executor, errands.spin, folder)
    assert finished.cost.seconds >= 0.02
    assert finished.cost.peak_memory > 8 << 20
    assert finished.made_by.host == "here"


def no_task_spoils_the_output_of_the_next(executor: Executor, folder: Path) -> None:
    """By closing it, or by putting something in its place."""
    for number, act in enumerate((errands.close_output, errands.replace_output)):
        spoilt = finish_one(executor, act, folder / f"{number}")
        assert value(spoilt) == 1
        assert spoilt.log == ("before\n" if act is errands.close_output else "")
        assert finish_one(executor, errands.speak, folder / f"{number}-next").log.startswith("to out")


def no_task_moves_the_next_elsewhere(executor: Executor, folder: Path) -> None:
    """A stage may work in its output folder, which is moved away afterwards."""
    here = value(finish_one(executor, errands.where, folder / "first"))
    for act in (errands.go_elsewhere, errands.go_nowhere):
        finish_one(executor, act, folder / act.__name__)
        assert value(finish_one(executor, errands.where, folder / f"{act.__name__}-next")) == here


def code_that_changed_does_not_run(executor: Executor, folder: Path) -> None:
    """It is trouble of the engine, and no LEFT."""
    finished = finish_one(executor, errands.double, folder, current_code=False)
    assert isinstance(finished.result, Failure)
    assert isinstance(finished.result.failure(), CodeChanged)


def what_a_stage_asks_for_comes_back(executor: Executor, folder: Path) -> None:
    """With all that it takes to plan it."""
    asked = finish_one(executor, errands.ask, folder).result.failure()
    assert isinstance(asked, Asks)
    (need,) = asked.needs
    assert isinstance(need, Tolerant)
    recipe = need.derivation.origin
    assert isinstance(recipe, Recipe)
    assert recipe.config.tree["args"] == {"x": 7}
    assert value(finish_one(executor, errands.double, folder / "next", x=1)) == [1, 1]
    again = evolve(task(2, errands.double, folder / "asked", x=3), realizer=recipe.realizer)
    assert value(finish(executor, [again])[2]) == [3, 3]


def nothing_is_told_of_a_task_after_its_end(executor: Executor, folder: Path) -> None:
    """Neither that it began, nor how far it is."""
    seen: set[int] = set()
    for report in told(executor, [task(number, errands.count, folder / str(number)) for number in range(6)]):
        assert report.number not in seen
        if isinstance(report, Finished):
            seen.add(report.number)


def nothing_comes_of_what_was_cancelled(executor: Executor, folder: Path) -> None:
    """And the executor goes on."""
    good(executor.start([task(number, errands.double, folder / str(number), x=0) for number in range(20)]))
    good(executor.cancel())
    assert list(good(executor.wait(0.0))) == []
    assert list(good(executor.wait(None))) == []
    assert value(finish_one(executor, errands.double, folder / "next", x=1)) == [1, 1]


def closing_twice_is_fine(executor: Executor, folder: Path) -> None:
    """Whatever it holds."""
    good(executor.start([task(1, errands.double, folder, x=0)]))
    good(executor.close())
    good(executor.close())
    assert list(good(executor.wait(0.0))) == []


def what_a_run_says_reaches_the_realizer(executor: Executor, folder: Path) -> None:
    """What is no part of the config too."""
    one = task(1, errands.listens, folder)
    told_so = evolve(one, order=evolve(one.order, args={"device": "cpu"}))
    assert value(finish(executor, [told_so])[1]) == {"device": "cpu"}


LAWS: Final[tuple[Law, ...]] = (
    results_come_with_their_numbers,
    what_a_run_says_reaches_the_realizer,
    a_failure_is_data,
    what_is_raised_is_a_left,
    what_is_written_goes_to_the_log,
    each_task_has_its_own_log,
    a_long_log_is_kept_whole_beside_its_end,
    a_log_that_cannot_be_kept_whole_spoils_no_result,
    an_attempt_is_measured,
    no_task_spoils_the_output_of_the_next,
    no_task_moves_the_next_elsewhere,
    code_that_changed_does_not_run,
    what_a_stage_asks_for_comes_back,
    nothing_is_told_of_a_task_after_its_end,
    nothing_comes_of_what_was_cancelled,
    closing_twice_is_fine,
)
