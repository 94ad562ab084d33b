"""Retries, resources, and how a run is stopped: on a real store, in real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from errand_stages import (
    after,
    asks_and_fails,
    asks_bad,
    asks_for_huge,
    bad,
    drawn,
    forks,
    huge,
    hungry,
    kinds,
    narrow,
    picky,
    shaky,
    stays,
    telling,
    wide,
)

from lightfx import (
    Action,
    Build,
    Cancelled,
    EngineError,
    Left,
    LeftError,
    Retry,
    Right,
    World,
    evaluate,
    evaluate_all,
    memory_world,
    open_world,
    realize,
    realize_all,
    source_file,
    stage,
    unwrap,
)
from lightfx import plan as plan_of
from lightfx.core.failures import CannotFit, NotRealized
from lightfx.journal import JournalEvent, Listener, Stopping, TaskProgressed, TaskRetried, TaskStarted


@pytest.fixture
def told() -> list[JournalEvent]:
    return []


@pytest.fixture(params=["inline", "workers"])
def world(request: pytest.FixtureRequest, tmp_path: Path, told: list[JournalEvent]) -> Iterator[World]:
    workers = 2 if request.param == "workers" else 0
    with open_world(
        tmp_path / "store", workers=workers, tickets={"gpu": 1}, memory=300, journal=Listener(told.append)
    ) as opened:
        yield opened


def notes(ran: Path) -> list[str]:
    return ran.read_text().split()


# Retries.


def test_an_attempt_that_fails_is_tried_again_and_each_keeps_its_log(
    world: World, ran: Path, told: list[JournalEvent]
) -> None:
    outcome = unwrap(realize(world, shaky(str(ran), 3)))
    assert isinstance(outcome, Right)
    assert outcome.value == 3
    record = unwrap(world.store.realizations(outcome.rrefs))[outcome.rrefs[0]]
    assert record.attempt == 3
    assert [(each.kind, each.reason) for each in record.earlier] == [("raised", "raised OSError: no luck")] * 2
    logs = [each.log.tail if each.log else "" for each in record.earlier]
    assert [*logs, record.log.tail if record.log else ""] == ["attempt 1\n", "attempt 2\n", "attempt 3\n"]
    retried = [event for event in told if isinstance(event, TaskRetried)]
    assert [event.wait for event in retried] == [0.01, 0.02]
    assert [event.attempt for event in told if isinstance(event, TaskStarted)] == [1, 2, 3]


def test_the_last_attempt_is_what_is_stored(world: World, ran: Path) -> None:
    outcome = unwrap(realize(world, shaky(str(ran), 9)))
    assert isinstance(outcome, Left)
    assert outcome.kind == "raised"
    assert notes(ran) == ["shaky"] * 3


def test_a_worker_that_dies_is_tried_again(tmp_path: Path, ran: Path) -> None:
    with open_world(tmp_path / "store", workers=1) as world:
        assert evaluate(world, shaky(str(ran), 2, "dies")) == 2


def test_what_is_not_on_the_list_is_not_tried_again(world: World, ran: Path) -> None:
    assert isinstance(unwrap(realize(world, picky(str(ran)))), Left)
    assert notes(ran) == ["picky"]


def test_what_is_scaled_up_stays_within_what_there_is(world: World, ran: Path) -> None:
    """100, then 200, then 400 bytes of 300: the last is cut to what there is, and runs."""
    assert isinstance(unwrap(realize(world, hungry(str(ran)))), Left)
    assert notes(ran) == ["hungry"] * 3


# Resources.


def test_what_can_never_fit_is_refused_before_anything_runs(world: World, ran: Path) -> None:
    failure = world.perform.result(realize_all(world, [narrow(1, str(ran)), after(huge(1))])).failure()
    assert isinstance(failure, CannotFit)
    assert failure.dref == huge(1).dref
    assert "bytes of memory of 300" in failure.why
    assert notes(ran) == []


def test_what_is_stored_needs_nothing_of_the_machine(tmp_path: Path) -> None:
    with open_world(tmp_path / "store", tickets={"gpu": 1}) as large:
        assert evaluate(large, huge(2)) == 2
    with open_world(tmp_path / "store", workers=1) as small:
        assert evaluate(small, after(huge(2))) == 3
        with pytest.raises(EngineError, match="takes 64 cores of 1, and 1 gpu of 0"):
            evaluate(small, huge(3))


def overlaps(ran: Path, what: str, width: int = 1) -> int:
    """The most of a kind that were under way at once, and all else weighed in."""
    now = most = 0
    for line in notes(ran):
        kind, _, way = line.partition("-")
        weight = {"wide": 2, "narrow": 1, "gpu": 1}[kind] if what == "all" else int(kind == what)
        now += weight if way == "in" else -weight
        most = max(most, now)
    return most


def test_tasks_keep_within_cores_and_all_of_them_run(tmp_path: Path, ran: Path) -> None:
    with open_world(tmp_path / "store", workers=3) as world:
        plans = [(wide if number % 3 == 0 else narrow)(number, str(ran)) for number in range(20)]
        assert evaluate_all(world, plans) == list(range(20))
    assert overlaps(ran, "wide") == 1
    assert overlaps(ran, "all") <= 3


def test_a_ticket_is_held_by_one_at_a_time(tmp_path: Path, ran: Path) -> None:
    with open_world(tmp_path / "store", workers=3, tickets={"gpu": 1}) as world:
        assert evaluate_all(world, [drawn(number, str(ran)) for number in range(8)]) == list(range(8))
    assert overlaps(ran, "gpu") == 1


def test_a_world_in_memory_has_tickets_too(tmp_path: Path, ran: Path) -> None:
    with memory_world(tmp_path / "scratch", tickets={"gpu": 1}) as world:
        assert evaluate(world, drawn(1, str(ran))) == 1


# Options.


def test_a_wrong_option_is_told(world: World, ran: Path) -> None:
    plan = narrow(1, str(ran))
    with pytest.raises(TypeError, match="only_store'.*only_stored"):
        evaluate(world, plan, only_store=True)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="stop_after is 0"):
        evaluate(world, plan, stop_after=0)
    with pytest.raises(TypeError, match="force takes derivations"):
        evaluate(world, plan, force=["narrow"])  # type: ignore[list-item]
    assert notes(ran) == []
    assert evaluate(world, plan, force=[plan]) == 1


def test_the_first_left_of_itself_is_raised_not_what_was_called_off(world: World, ran: Path) -> None:
    plans = [after(narrow(1, str(ran))), bad(1, str(ran)), *(after(narrow(number, str(ran))) for number in range(99))]
    with pytest.raises(LeftError, match="ValueError"):
        evaluate_all(world, plans, stop_after=1)


# Stopping.


def test_fail_fast_stops_after_so_many_lefts_and_the_next_run_goes_on(
    world: World, ran: Path, told: list[JournalEvent]
) -> None:
    plans = [bad(1, str(ran)), *(after(narrow(number, str(ran))) for number in range(200))]
    outcomes = unwrap(realize_all(world, plans, stop_after=1))
    cancelled = [each for each in outcomes if isinstance(each, Left) and isinstance(each.cause, Cancelled)]
    assert isinstance(outcomes[0], Left)
    assert outcomes[0].kind == "raised"
    assert cancelled
    assert all(each.rrefs == () for each in cancelled)
    assert [event.why for event in told if isinstance(event, Stopping)] == ["1 is LEFT"]
    assert notes(ran).count("bad-1") == 1
    again = unwrap(realize_all(world, plans[:5]))
    assert [isinstance(each, Right) for each in again] == [False, True, True, True, True]


def test_what_stands_on_a_left_counts_for_nothing_towards_the_stop(world: World, ran: Path) -> None:
    plans = [after(after(after(bad(1, str(ran))))), kinds([bad(1, str(ran)).tolerate()])]
    outcomes = unwrap(realize_all(world, plans, stop_after=2))
    assert [each.kind for each in outcomes if isinstance(each, Left)] == ["upstream"]


@pytest.mark.parametrize("asks", [False, True])
def test_a_stored_left_behind_a_need_of_a_running_stage_was_not_counted(world: World, ran: Path, asks: bool) -> None:
    """Trap: what a trace inherits has its root in a shadow, which is no part of the run."""
    plans = [asks_bad(each, str(ran)) if asks else after(bad(each, str(ran))) for each in range(6)]
    unwrap(realize_all(world, plans[:2]))
    outcomes = unwrap(realize_all(world, plans, stop_after=2))
    assert [each.kind for each in outcomes if isinstance(each, Left)] == ["upstream"] * 2 + ["cancelled"] * 4
    assert sorted(notes(ran)) == ["bad-0", "bad-1"], "nothing ran again, and nothing else"
    outcomes = unwrap(realize_all(world, [plans[0], after(plans[0]), narrow(1, str(ran))], stop_after=2))
    assert isinstance(outcomes[2], Right), "it is one root, however many stand on it"


def test_only_what_is_stored(world: World, ran: Path) -> None:
    plan = after(narrow(1, str(ran)))
    failure = world.perform.result(realize(world, plan, only_stored=True)).failure()
    assert failure == NotRealized(narrow(1, str(ran)).dref)
    assert notes(ran) == []
    evaluate(world, plan)
    assert evaluate(world, plan, only_stored=True) == 2


def test_force_runs_anew_and_keeps_what_was(world: World, ran: Path) -> None:
    plan = narrow(1, str(ran))
    evaluate(world, after(plan))
    assert evaluate(world, after(plan), force=[plan.dref]) == 2
    assert notes(ran).count("narrow-in") == 2
    assert evaluate(world, after(plan)) == 2
    assert notes(ran).count("narrow-in") == 2


PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from errand_stages import after, slow
from lightfx import evaluate_all, open_world

if __name__ == "__main__":
    workers, count, seconds = int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    with open_world("store", workers=workers) as world:
        print(sum(evaluate_all(world, [after(slow(number, "ran.txt", seconds)) for number in range(count)])))
"""


def start(tmp_path: Path, workers: int, count: int, seconds: float) -> subprocess.Popen[str]:
    (tmp_path / "program.py").write_text(textwrap.dedent(PROGRAM))
    (tmp_path / "ran.txt").touch()
    here = str(Path(__file__).parent)
    command = [sys.executable, "program.py", here, str(workers), str(count), str(seconds)]
    return subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
    )


def wait_for(tmp_path: Path, begun: int) -> None:
    end = time.monotonic() + 60
    while (tmp_path / "ran.txt").read_text().count("begin") < begun:
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize(("ask", "code"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 143)])
def test_the_first_ask_to_stop_lets_running_tasks_end_and_stores_them(tmp_path: Path, ask: int, code: int) -> None:
    process = start(tmp_path, 2, 8, 0.7)
    wait_for(tmp_path, 2)
    process.send_signal(ask)
    _, err = process.communicate(timeout=60)
    assert process.returncode in (code, 1, 130), err
    lines = (tmp_path / "ran.txt").read_text().split()
    ended = [line for line in lines if line.startswith("end")]
    assert len(ended) == len(lines) / 2, lines
    assert 2 <= len(ended) < 8
    again = start(tmp_path, 2, 8, 0.7)
    out, err = again.communicate(timeout=60)
    assert out.strip() == str(sum(range(8)) + 8), err
    lines = (tmp_path / "ran.txt").read_text().split()
    assert sum(line.startswith("begin") for line in lines) == 8


def test_the_second_ask_to_stop_is_obeyed_now(tmp_path: Path) -> None:
    process = start(tmp_path, 2, 4, 600.0)
    wait_for(tmp_path, 2)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode != 0


def test_inline_one_ask_is_enough(tmp_path: Path) -> None:
    process = start(tmp_path, 0, 4, 600.0)
    wait_for(tmp_path, 1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode != 0


def test_how_far_a_stage_is_reaches_the_journal_and_the_file_of_the_run(
    world: World, tmp_path: Path, told: list[JournalEvent]
) -> None:
    assert evaluate(world, telling(5)) == 5
    progressed = [event for event in told if isinstance(event, TaskProgressed)]
    started = next(event for event in told if isinstance(event, TaskStarted))
    assert (progressed[-1].done, progressed[-1].total) == (5, 5)
    assert {event.task for event in progressed} == {started.task}
    (file,) = (tmp_path / "store" / "runs").iterdir()
    assert '"event":"task_ended"' in file.read_text().replace('": "', '":"')


# Traps.


def test_what_asks_for_what_can_never_fit_is_lost_with_it_and_not_stuck(world: World, ran: Path) -> None:
    for plans in (
        [asks_for_huge(1, "a")],
        [after(asks_for_huge(1, "a")), asks_for_huge(1, "b"), asks_for_huge(1, "a")],
    ):
        failure = world.perform.result(realize_all(world, plans)).failure()
        assert isinstance(failure, CannotFit)
        assert failure.dref == huge(7).dref


def test_a_forced_node_runs_though_another_has_its_key(world: World, ran: Path) -> None:
    plan = narrow(1, str(ran))
    evaluate(world, plan)
    twin = stage(version="1", name="another")(narrow.core.function)(1, str(ran))
    evaluate(world, twin)
    assert notes(ran).count("narrow-in") == 1
    evaluate(world, twin, force=[twin])
    assert notes(ran).count("narrow-in") == 2


def test_attempts_before_a_suspension_count(world: World, ran: Path) -> None:
    outcome = unwrap(realize(world, asks_and_fails(str(ran))))
    record = unwrap(world.store.realizations(outcome.rrefs))[outcome.rrefs[0]]
    assert isinstance(outcome, Right)
    assert [each.reason for each in record.earlier] == [
        "raised OSError: before it asks",
        "raised OSError: after it asked",
    ]
    assert record.attempt == 3


def test_a_stage_that_forks_and_comes_back_as_the_child_does_no_harm(tmp_path: Path, ran: Path) -> None:
    """Trap: the child went on in the worker's own loop, and took its orders."""
    with open_world(tmp_path / "store", workers=1) as world:
        assert evaluate(world, forks(str(ran))) == 6
        assert evaluate(world, narrow(1, str(ran))) == 1


def test_threads_take_turns_in_one_world(world: World, ran: Path) -> None:
    """Trap: two runs in one world had one executor's tasks under the same numbers, and one claim twice."""
    with ThreadPoolExecutor(4) as pool:
        shared = [pool.submit(evaluate_all, world, [stays(number, str(ran)) for number in range(6)]) for _ in range(4)]
        assert [each.result(60) for each in shared] == [list(range(6))] * 4
    assert sorted(notes(ran)) == sorted(f"stays-{number}" for number in range(6))


def test_a_plan_knows_what_the_machine_has(world: World, ran: Path) -> None:
    step = unwrap(plan_of(world, drawn(1, str(ran)))).steps[0]
    assert step.action is Action.BUILD
    assert isinstance(world.perform.result(plan_of(world, huge(1))).failure(), CannotFit)


@pytest.mark.parametrize("scale", [{"cores": 0.5}, {"memory": float("nan")}, {"gpu": float("inf")}])
def test_a_scale_that_shrinks_is_refused_when_it_is_made(scale: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="scale holds"):
        Retry(scale=scale)


def test_a_relative_source_that_means_another_file_now_does_not_stand(
    tmp_path: Path, ran: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trap: a record names a file by the path that the program gave, from wherever it was."""
    for folder, text in (("one", "4"), ("two", "4")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "number.txt").write_text(text)
    with open_world(tmp_path / "store") as world:
        monkeypatch.chdir(tmp_path / "one")
        assert evaluate(world, reads_here(str(ran))) == 4
        assert evaluate(world, reads_here(str(ran))) == 4
        assert notes(ran) == ["read"] * 2
        monkeypatch.chdir(tmp_path / "two")
        (tmp_path / "two" / "number.txt").write_text("5")
        assert evaluate(world, reads_here(str(ran))) == 5


@stage(version="1")
def reads_here(build: Build, ran: str) -> int:
    with Path(ran).open("a") as file:
        file.write("read\n")
    return int(build.need(source_file("number.txt")).read_text())
