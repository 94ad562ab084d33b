"""D1: a process is killed, at any moment; what it had answered is kept, and nothing stands in the way of the next."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from inquest import inquire
from plain import judge
from protocol import SEED, Record, Scale

HERE = Path(__file__).parent
QUICK = ("value", "tree", "run", "gc", "pack", "pull")
PASSES = "nothing answered is lost, nothing seen is wrong, the next run needs no repair and leaves nothing behind"


@pytest.mark.reliability("D1", "kill -9 at a random moment, in process", passes=PASSES)
@pytest.mark.parametrize("kind", [*(pytest.param(kind, marks=pytest.mark.quick) for kind in QUICK), "push", "root"])
def test_killed_in_process(tmp_path: Path, kind: str, scale: Scale, record_property: Record) -> None:
    kills = scale(8, 200, 4000)
    command = [sys.executable, str(HERE / "killing.py"), str(tmp_path), kind, str(kills), str(SEED)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["wrong"] == []
    assert found["kills"] == kills
    assert found["early"] < (kills if kills < 100 else 0.9 * kills), "some came between two answers"
    record_property("count", kills)


@pytest.mark.reliability("D1", "kill -9 of the whole command line, half of them with two workers", passes=PASSES)
def test_killed_command_line(tmp_path: Path, scale: Scale, record_property: Record) -> None:
    dice = random.Random(SEED)
    kills = scale(4, 200, 2000)
    began = time.monotonic()
    assert run(tmp_path / "first", 2) == 0
    span = time.monotonic() - began
    wrong: list[str] = []
    over, window = 0, span
    for kill in range(kills):
        store, workers = tmp_path / str(kill // 10), 2 * (kill % 2)
        window = span if kill % 10 == 0 else window
        process = command_line(store, workers)
        time.sleep(dice.uniform(0.3, 1.0) * window)
        process.kill()
        ended = process.wait() == 0
        over += ended
        window *= 0.7 if ended else 1.0  # the more is stored already, the sooner it is done
        if (store / "records").exists():
            wrong += [f"kill {kill}: {fault}" for fault in judge(store, ())]
        if kill % 10 == 9 or kill + 1 == kills:
            wrong += inquire(store, (), lambda: finish(store, workers))  # noqa: B023
            assert len([line for line in lines(store) if '"rref"' in line and '"right"' in line]) >= 9
    assert wrong == []
    assert over < kills / 2, "most were in the midst of it"
    record_property("count", kills)


def command_line(store: Path, workers: int) -> subprocess.Popen[bytes]:
    command = [str(Path(sys.executable).with_name("lightfx")), "run", "-q", f"{HERE / 'grid.py'}:plans"]
    return subprocess.Popen(
        [*command, "--store", str(store), "--workers", str(workers)],
        stdout=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(HERE), os.environ.get("PYTHONPATH", "")))},
    )


def run(store: Path, workers: int) -> int:
    return command_line(store, workers).wait()


def finish(store: Path, workers: int) -> None:
    if run(store, workers):
        raise SystemExit(1)


def lines(store: Path) -> list[str]:
    return [line for group in (store / "records").iterdir() for line in group.read_text().splitlines()]
