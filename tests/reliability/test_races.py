"""D11, D12: many processes on one store, while some of them are killed, and while garbage is collected."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from plain import judge, records_of
from protocol import SEED, Record, Scale

HERE = Path(__file__).parent


def carried_out(program: str, *arguments: object) -> Any:
    done = subprocess.run(
        [sys.executable, HERE / program, *map(str, arguments)], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return json.loads(done.stdout)


@pytest.mark.quick
@pytest.mark.reliability(
    "D11", "32 processes realize 50 equal derivations", passes="each is executed once, all have the same of each"
)
def test_equal_work_of_a_crowd_is_done_once(tmp_path: Path, scale: Scale, record_property: Record) -> None:
    processes, cells = scale(8, 32, 32), scale(20, 50, 50)
    found = carried_out("crowd.py", tmp_path / "store", "together", processes, cells)
    assert found == {"executions": cells, "answers": processes * cells, "different": 1}
    record_property("count", processes * cells)


@pytest.mark.reliability(
    "D11",
    "the same, while one that is at work is killed every 50 ms",
    passes="at most one execution more for each kill, all have the same, none hangs",
)
def test_of_a_crowd_some_are_killed(tmp_path: Path, scale: Scale, record_property: Record) -> None:
    processes, cells, seconds = scale(8, 32, 32), scale(20, 50, 50), scale(2, 30, 300)
    found = carried_out("crowd.py", tmp_path / "store", "killed", processes, cells, seconds, SEED)
    assert found["kills"] > seconds
    assert found["different"] == 1
    assert found["answers"] == processes * cells * found["waves"]
    assert found["waves"] * cells <= found["executions"] <= found["waves"] * cells + found["kills"]
    assert found["quiet"] < 15, "seconds in which nobody did anything: a lease is 60"
    record_property("count", found["kills"])
    executions = f"{found['executions']:,} executions of {found['waves'] * cells:,} derivations"
    record_property("found", f"{executions}, {found['kills']} kills, {found['quiet']:.1f} s without any work at most")


@pytest.mark.reliability("D11", "one waits for another, who is killed", passes="it goes on at once, not after a lease")
def test_who_waits_goes_on_when_the_other_is_killed(tmp_path: Path, scale: Scale, record_property: Record) -> None:
    times = scale(3, 20, 100)
    found = carried_out("crowd.py", tmp_path / "store", "heirs", times)
    assert found["most"] < 5, "seconds: a lease is 60"
    assert found["median"] < 0.5, "the protocol says 100 ms; here the machine may be busy"
    record_property("count", times)
    record_property("found", f"after {1000 * found['median']:.0f} ms in the middle, {1000 * found['most']:.0f} at most")


@pytest.mark.reliability(
    "D12",
    "8 build, 8 read, one collects garbage",
    passes="nothing that is rooted or in use is missed, and in the end just what is rooted is there",
)
def test_garbage_is_collected_amidst_bustle(tmp_path: Path, scale: Scale, record_property: Record) -> None:
    store = tmp_path / "store"
    found = carried_out("bustle.py", store, scale(3, 10, 120), 8, 8, SEED)
    assert found["wrong"] == []
    assert found["files"], "rooted files are what they were, and there are no others"
    assert all(found["rounds"].values()), found["rounds"]
    assert judge(store, ()) == []
    wrong: list[str] = []
    left = {record["rref"] for record in records_of(store, wrong) if "rref" in record}
    assert (len(left), wrong) == (6 * 4, [])
    rounds = found["rounds"]
    record_property("count", rounds["build"])
    record_property("found", f"{rounds['build']} builds, {rounds['read']} reads, {rounds['collect']} collections")
