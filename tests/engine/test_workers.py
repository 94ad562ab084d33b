"""Runs through worker processes: what a worker's end leaves, and that the rest goes on."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

PROGRAM = """
import os, signal, subprocess, sys, time
from pathlib import Path
from lightfx import Build, Derivation, Left, Tolerant, open_world, realize_all, stage, unwrap

@stage(timeout=1.0)
def act(build: Build, how: str) -> int:
    (build.out / "half-done").write_text(how)
    with open("note", "a") as note:
        note.write(how + "\\n")
    print("acting:", how, flush=True)
    match how:
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "left":
            os._exit(7)
        case "sleeps":
            subprocess.run(["sleep", "1000"])
        case "prints":
            subprocess.run(["echo", "from a child"])
    return len(how)

@stage
def after(build: Build, number: Derivation[int]) -> int:
    return build.need(number) + 1

@stage
def count(build: Build, cells: list[Tolerant[int]]) -> dict[str, str]:
    return {cell.dref.text: build.need(cell).kind for cell in cells if isinstance(build.need(cell), Left)}

if __name__ == "__main__":
    with open_world("store", workers=2) as world:
        acts = {how: act(how) for how in ("killed", "left", "sleeps", "prints", "fine")}
        plans = {**acts, **{f"after {how}": after(plan) for how, plan in acts.items()}}
        outcomes = unwrap(realize_all(world, plans))
        for name, outcome in sorted(outcomes.items()):
            if isinstance(outcome, Left):
                kept = sorted(path.name for path in outcome.folder.iterdir()) if outcome.folder else []
                why = outcome.reason[:40]
                print(name, "|", outcome.kind, "|", why, "|", kept, "|", outcome.log.strip())
            else:
                record = unwrap(world.store.realizations(outcome.rrefs))[outcome.rrefs[0]]
                print(name, "|", outcome.value, "|", record.log.tail.split("\\n") if record.log else "")
        counted = count([plan.tolerate() for plan in acts.values()])
        print(sorted(unwrap(realize_all(world, [counted]))[0].value.values()))
"""


def run(tmp_path: Path) -> list[str]:
    (tmp_path / "program.py").write_text(textwrap.dedent(PROGRAM))
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_worker_that_ends_makes_its_own_task_left_and_no_other(tmp_path: Path) -> None:
    told = {line.partition(" |")[0]: line for line in run(tmp_path)}
    assert told["killed"].startswith(
        "killed | died | its process was killed by SIGKILL | ['half-done'] | acting: killed"
    )
    assert told["left"].startswith("left | died | its process left with exit code 7 | ['half-done'] | acting: left")
    assert told["sleeps"].startswith("sleeps | timed_out | was stopped after 1 s | ['half-done'] | acting: sleeps")
    assert told["prints"] == "prints | 6 | ['acting: prints', 'from a child', '']"
    assert told["fine"] == "fine | 4 | ['acting: fine', '']"
    assert told["after fine"] == "after fine | 5 | "
    assert all("| upstream |" in told[f"after {how}"] for how in ("killed", "left", "sleeps"))
    assert told["['died', 'died', 'timed_out']"]


def test_what_died_is_tried_again_by_the_next_run_and_the_rest_is_not(tmp_path: Path) -> None:
    run(tmp_path)
    first = (tmp_path / "note").read_text().split()
    assert sorted(first) == ["fine", "killed", "killed", "left", "left", "prints", "sleeps", "sleeps"], (
        "the program makes two runs, and each tries what died once"
    )
    run(tmp_path)
    again = (tmp_path / "note").read_text().split()[len(first) :]
    assert sorted(again) == ["killed", "killed", "left", "left", "sleeps", "sleeps"]


INTERRUPTED = """
from lightfx import Build, EngineError, Right, evaluate, open_world, realize, stage, unwrap

@stage
def act(build: Build, number: int) -> int:
    if number == 1:
        raise KeyboardInterrupt
    return number

if __name__ == "__main__":
    with open_world("store", workers=1) as world:
        try:
            evaluate(world, act(1))
        except EngineError as error:
            print(error)
        print(world.perform.result(world.store.listed([act(1).dref], frozenset())).unwrap())
        print(evaluate(world, act(2)))
"""


def test_a_stage_that_raises_keyboard_interrupt_stores_nothing(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(textwrap.dedent(INTERRUPTED))
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stdout.splitlines() == [
        "interrupted: what had finished is stored, run again to go on",
        "[]",
        "2",
    ], done.stderr
