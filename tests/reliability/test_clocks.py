"""D14: the clock of a machine lies; what is stored, what is found and who may build do not depend on it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from plain import judge, records_of
from protocol import Record

TIMED = Path(__file__).with_name("timed.py")
CLOCKS = {
    "2001": "@2001-01-01 00:00:00",
    "2040": "@2040-01-01 00:00:00",
    "x100": "+0 x100",
    "2040 x100": "@2040-01-01 00:00:00 x100",
}


@pytest.fixture(autouse=True)
def faketime() -> None:
    if shutil.which("faketime") is None:
        pytest.skip("faketime is not installed")


def told(*arguments: object, clock: str = "+0", **more: str) -> Any:
    """Run the program under a clock; the clock that only runs forward, and the times of files, stay true."""
    preload = subprocess.run(["faketime", "-f", "+0", "printenv", "LD_PRELOAD"], capture_output=True, text=True)
    true = {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1", "FAKETIME_NO_CACHE": "1"}
    done = subprocess.run(
        [sys.executable, str(TIMED), *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | {"LD_PRELOAD": preload.stdout.strip(), "TZ": "UTC"} | true | (more or {"FAKETIME": clock}),
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.reliability(
    "D14", "runs in 2001, in 2040, a hundred times as fast", passes="same names, and all is found again"
)
def test_names_and_hits_do_not_depend_on_the_clock(tmp_path: Path, record_property: Record) -> None:
    true = told(tmp_path / "true")
    for name, clock in CLOCKS.items():
        alone = told(tmp_path / name, clock=clock)
        assert (alone["value"], alone["stored"], alone["ran"]) == (6, true["stored"], 5), name
        assert abs(alone["now"] - true["now"]) > 1, "the clock lied"
        again = told(tmp_path / "true", clock=clock)
        assert (again["stored"], again["ran"]) == (true["stored"], 0), name
        found = told(tmp_path / name)
        assert (found["stored"], found["ran"]) == (true["stored"], 0), name
        assert judge(tmp_path / name, ()) == []
        assert left(tmp_path / name) == []
    record_property("count", 3 * len(CLOCKS))


@pytest.mark.reliability(
    "D14", "the clock is put back by an hour while a stage runs", passes="as above, and no time is negative"
)
def test_a_clock_that_is_put_back_in_the_midst_of_a_run(tmp_path: Path, record_property: Record) -> None:
    clock = tmp_path / "clock"
    clock.write_text("+0")
    stepped = told(tmp_path / "store", clock, FAKETIME_TIMESTAMP_FILE=str(clock))
    assert clock.read_text() == "-3600"
    true = told(tmp_path / "true")
    assert (stepped["value"], stepped["stored"], stepped["ran"]) == (6, true["stored"], 5)
    assert told(tmp_path / "store")["ran"] == 0
    wrong: list[str] = []
    records = [record for record in records_of(tmp_path / "store", wrong) if "rref" in record]
    assert len({round(record["created"] / 1800) for record in records}) > 1, "some were made an hour before others"
    assert min(record["cost"]["seconds"] for record in records) >= 0
    assert (wrong, judge(tmp_path / "store", ()), left(tmp_path / "store")) == ([], [], [])


def left(store: Path) -> list[str]:
    return [each.name for folder in ("claims", "tmp") for each in (store / folder).iterdir()]
