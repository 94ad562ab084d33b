"""The laws of `lightfx.effects.executor.Executor`: one suite for every implementation.

A law is a function of an executor and a folder to work in; it raises ``AssertionError``.
`EXECUTOR_LAWS` lists them all; beside each stands a wrong executor that it must catch
(``tests/shell/test_executors.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeAlias

from attrs import evolve
from returns.result import Failure

from lightfx.core.derivation import Asks, Recipe, Tolerant
from lightfx.core.failures import CodeChanged
from lightfx.core.outcome import Cause, Left, Raised, Returned
from lightfx.core.realization import INLINE_LOG, LOG_NAME, Output
from lightfx.effects.executor import Executor, Finished, Report, Task
from lightfx.testing import errands
from lightfx.testing.broken import hold, judging, of_kind, same
from lightfx.testing.errands import Act, task
from lightfx.testing.makings import good

ExecutorLaw: TypeAlias = Callable[[Executor, Path], None]


def finish(executor: Executor, tasks: Sequence[Task]) -> dict[int, Finished]:
    """Run tasks to their end."""
    return {each.number: each for each in told(executor, tasks) if isinstance(each, Finished)}


def told(executor: Executor, tasks: Sequence[Task]) -> list[Report]:
    """Run tasks to their end, and give all that was told of them."""
    good(executor.start(tasks))
    found: list[Report] = []
    while (ended := sum(isinstance(each, Finished) for each in found)) < len(tasks):
        batch = good(executor.wait(None))
        hold(batch, "waiting for ever gave nothing")
        found += batch
    same(ended, len({each.number for each in found if isinstance(each, Finished)}), "something ended twice")
    same(list(good(executor.wait(0.0))), [])
    return found


def finish_one(executor: Executor, act: Act, place: Path, **options: object) -> Finished:
    """Run one task to its end."""
    (finished,) = finish(executor, [task(1, act, place, **options)]).values()  # type: ignore[arg-type]
    return finished


def value(finished: Finished) -> object:
    """What it gave."""
    return of_kind(finished.result.unwrap()[0], Output).tree


def left(finished: Finished) -> Left:
    """How it failed."""
    return of_kind(finished.result.failure(), Left)


def cause(finished: Finished) -> Cause:
    """Why it failed."""
    return left(finished).cause


def results_come_with_their_numbers(executor: Executor, folder: Path) -> None:
    """Each once, more than the executor takes at once too."""
    tasks = [task(number, errands.double, folder / str(number), x=number) for number in range(executor.capacity + 3)]
    found = finish(executor, tasks)
    same({number: value(each) for number, each in found.items()}, {each.number: [each.number] * 2 for each in tasks})


def a_failure_is_data(executor: Executor, folder: Path) -> None:
    """And what was written stays where it was written."""
    found = left(finish_one(executor, errands.write_files, folder))
    same(found.cause, Returned("Half", {"done": True}))
    same(found.folder, folder / "out-0")
    same((folder / "out-0/a").read_text(), "a")


def what_is_raised_is_a_left(executor: Executor, folder: Path) -> None:
    """Whatever its kind: a bug, an exit, a cancellation."""
    kinds = {}
    for act in (errands.divide, errands.leave, errands.cancel_itself):
        found = cause(finish_one(executor, act, folder / act.__name__))
        found = of_kind(found, Raised)
        hold(act.__name__ in found.traceback, "act.__name__ in found.traceback")
        kinds[act.__name__] = found.type
    same(
        kinds,
        {
            "divide": "ZeroDivisionError",
            "leave": "SystemExit",
            "cancel_itself": "asyncio.exceptions.CancelledError",
        },
    )
    same(value(finish_one(executor, errands.double, folder / "after", x=1)), [1, 1])


def what_is_written_goes_to_the_log(executor: Executor, folder: Path) -> None:
    """Output and errors, in any script, and what no encoding knows."""
    log = finish_one(executor, errands.speak, folder).log
    same(log, "to out: é ☃ \\ud800\nto err\n")


def what_programs_write_goes_to_the_log(executor: Executor, folder: Path) -> None:
    """Those that a stage starts; their output and their errors."""
    log = finish_one(executor, errands.speak_by_programs, folder).log
    same(sorted(log.splitlines()), [f"a {who} to {where}" for who in ("program", "shell") for where in ("err", "out")])


def what_native_code_writes_goes_to_the_log(executor: Executor, folder: Path) -> None:
    """Also what C has in its own buffer when the stage is over."""
    log = finish_one(executor, errands.speak_by_native_code, folder).log
    same(sorted(log.splitlines()), [f"{who} to {where}" for who in ("C", "a descriptor") for where in ("err", "out")])
    same(finish_one(executor, errands.who, folder / "after").log, "", "nothing is left for the next one")


def lines_stand_in_the_order_of_their_writing(executor: Executor, folder: Path) -> None:
    """Whoever wrote them, and where to."""
    log = finish_one(executor, errands.speak_in_turn, folder).log
    same(log, "1 to out\n2 to out\n3 to err\n4 to err\n5 to out\n6 to out\n")


def each_task_has_its_own_log(executor: Executor, folder: Path) -> None:
    """A silent one has none."""
    acts = [errands.speak, errands.who, errands.speak, errands.who]
    found = finish(executor, [task(number, act, folder / str(number)) for number, act in enumerate(acts)])
    same([found[number].log.count("to out") for number in range(4)], [1, 0, 1, 0])
    same(found[1].log, "")
    hold(not (folder / "1").exists(), 'not (folder / "1").exists()')


def a_long_log_is_kept_whole_beside_its_end(executor: Executor, folder: Path) -> None:
    """In a folder that can become an object; a short one makes no folder."""
    finished = finish_one(executor, errands.chatter, folder)
    whole = "".join(f"line {number:06}\n" for number in range(2000))
    kept = of_kind(finished.whole_log, Path)
    same((kept / LOG_NAME).read_text(), whole)
    same(finished.log, whole[-INLINE_LOG:])
    same(finish_one(executor, errands.speak, folder / "short").whole_log, None, "a short log makes no folder")


def a_log_that_cannot_be_kept_whole_spoils_no_result(executor: Executor, folder: Path) -> None:
    """Something is in the way of it, or the disk is full."""
    place = folder / "place"
    place.mkdir(parents=True)
    (place / "log").write_text("in the way")
    finished = finish_one(executor, errands.chatter, place)
    hold(value(finished) is None, "value(finished) is None")
    hold(finished.whole_log is None, "finished.whole_log is None")
    hold("could not be kept" in finished.log.splitlines()[-1], '"could not be kept" in finished.log.splitlines()[-1]')


def an_attempt_is_measured(executor: Executor, folder: Path) -> None:
    """In seconds and bytes."""
    finished = finish_one(executor, errands.spin, folder)
    hold(finished.cost.seconds >= 0.02, "finished.cost.seconds >= 0.02")
    hold(finished.cost.peak_memory > 8 << 20, "finished.cost.peak_memory > 8 << 20")
    same(finished.made_by.host, "here")


def no_task_spoils_the_output_of_the_next(executor: Executor, folder: Path) -> None:
    """By closing it, or by putting something in its place."""
    for number, act in enumerate((errands.close_output, errands.replace_output)):
        spoilt = finish_one(executor, act, folder / f"{number}")
        same(value(spoilt), 1)
        same(spoilt.log, "before\n" if act is errands.close_output else "")
        after = finish_one(executor, errands.speak, folder / f"{number}-next")
        hold(after.log.startswith("to out"), f"the next one's output is in its log, after {act.__name__}")


def no_task_moves_the_next_elsewhere(executor: Executor, folder: Path) -> None:
    """A stage may work in its output folder, which is moved away afterwards."""
    here = value(finish_one(executor, errands.where, folder / "first"))
    for act in (errands.go_elsewhere, errands.go_nowhere):
        finish_one(executor, act, folder / act.__name__)
        same(value(finish_one(executor, errands.where, folder / f"{act.__name__}-next")), here)


def code_that_changed_does_not_run(executor: Executor, folder: Path) -> None:
    """It is trouble of the engine, and no LEFT."""
    finished = finish_one(executor, errands.double, folder, current_code=False)
    hold(isinstance(finished.result, Failure), "isinstance(finished.result, Failure)")
    hold(isinstance(finished.result.failure(), CodeChanged), "isinstance(finished.result.failure(), CodeChanged)")


def what_a_stage_asks_for_comes_back(executor: Executor, folder: Path) -> None:
    """With all that it takes to plan it."""
    asked = finish_one(executor, errands.ask, folder).result.failure()
    asked = of_kind(asked, Asks)
    (need,) = asked.needs
    need = of_kind(need, Tolerant)
    recipe = need.derivation.origin
    recipe = of_kind(recipe, Recipe)
    same(recipe.config.tree["args"], {"x": 7})
    same(value(finish_one(executor, errands.double, folder / "next", x=1)), [1, 1])
    again = evolve(task(2, errands.double, folder / "asked", x=3), realizer=recipe.realizer)
    same(value(finish(executor, [again])[2]), [3, 3])


def what_a_run_says_reaches_the_realizer(executor: Executor, folder: Path) -> None:
    """What is no part of the config too."""
    one = task(1, errands.listens, folder)
    told_so = evolve(one, order=evolve(one.order, args={"device": "cpu"}))
    same(value(finish(executor, [told_so])[1]), {"device": "cpu"})


def nothing_is_told_of_a_task_after_its_end(executor: Executor, folder: Path) -> None:
    """Neither that it began, nor how far it is."""
    seen: set[int] = set()
    for report in told(executor, [task(number, errands.count, folder / str(number)) for number in range(6)]):
        hold(report.number not in seen, "report.number not in seen")
        if isinstance(report, Finished):
            seen.add(report.number)


def nothing_comes_of_what_was_cancelled(executor: Executor, folder: Path) -> None:
    """And the executor goes on."""
    good(executor.start([task(number, errands.double, folder / str(number), x=0) for number in range(20)]))
    good(executor.cancel())
    same(list(good(executor.wait(0.0))), [])
    same(list(good(executor.wait(None))), [])
    same(value(finish_one(executor, errands.double, folder / "next", x=1)), [1, 1])


def closing_twice_is_fine(executor: Executor, folder: Path) -> None:
    """Whatever it holds."""
    good(executor.start([task(1, errands.double, folder, x=0)]))
    good(executor.close())
    good(executor.close())
    same(list(good(executor.wait(0.0))), [])


EXECUTOR_LAWS: Final[tuple[ExecutorLaw, ...]] = (
    results_come_with_their_numbers,
    a_failure_is_data,
    what_is_raised_is_a_left,
    what_is_written_goes_to_the_log,
    what_programs_write_goes_to_the_log,
    what_native_code_writes_goes_to_the_log,
    lines_stand_in_the_order_of_their_writing,
    each_task_has_its_own_log,
    a_long_log_is_kept_whole_beside_its_end,
    a_log_that_cannot_be_kept_whole_spoils_no_result,
    an_attempt_is_measured,
    no_task_spoils_the_output_of_the_next,
    no_task_moves_the_next_elsewhere,
    code_that_changed_does_not_run,
    what_a_stage_asks_for_comes_back,
    what_a_run_says_reaches_the_realizer,
    nothing_is_told_of_a_task_after_its_end,
    nothing_comes_of_what_was_cancelled,
    closing_twice_is_fine,
)


def check_executor_laws(factory: Callable[[Path], Executor], /, *, laws: Iterable[ExecutorLaw] = EXECUTOR_LAWS) -> None:
    """Ask all laws of an executor, each of a new one.

    ``factory``: opens an executor; it gets a folder in which it may keep what
    it needs, and in which tasks have their places. ``laws``: fewer of them.

    Raises `BrokenLawError` at the first law that is broken.

    >>> from lightfx.shell.executor.inline import InlineExecutor
    >>> check_executor_laws(lambda folder: InlineExecutor())
    """
    for law in laws:
        with TemporaryDirectory(prefix="lightfx-laws-") as scratch:
            executor = factory(Path(scratch))
            try:
                with judging(law):
                    law(executor, Path(scratch) / "places")
            finally:
                good(executor.close())
