"""D8: memory runs out under the whole command line; the system kills whom it likes, driver or worker, at any moment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hungry import MORE
from inquest import inquire
from memory_groups import MIB, MemoryGroup, memory_group
from plain import judge, records_of
from protocol import Record, Scale

HERE = Path(__file__).parent
SPARE = 48 * MIB
KILLED = {"left": "died", "exit_code": None, "signal": "SIGKILL", "out_of_memory": True}


def run(plans: str, store: Path, workers: int, group: MemoryGroup | None = None) -> int:
    """What comes of the command line, by its exit."""
    command = [str(Path(sys.executable).with_name("lightfx")), "run", "-q", f"{HERE / 'hungry.py'}:{plans}"]
    command += ["--store", str(store), "--workers", str(workers)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(HERE), os.environ.get("PYTHONPATH", "")))}
    done = subprocess.run(
        command if group is None else group.inside(command),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        timeout=120,
    )
    return done.returncode


def finish(store: Path, workers: int) -> None:
    """The same command, given again, where there is memory."""
    if run("plans", store, workers):
        raise SystemExit(1)


def results(store: Path) -> list[dict[str, object]]:
    wrong: list[str] = []
    found = [each["result"] for each in records_of(store, wrong) if "rref" in each]
    assert wrong == []
    return found


@pytest.mark.reliability(
    "D8",
    "memory runs out under the whole command line, by a little and by much",
    passes="LEFT or killed; all of the store is sound; given again with more memory it succeeds",
)
@pytest.mark.parametrize("workers", [0, 2])
def test_memory_runs_out(tmp_path: Path, workers: int, scale: Scale, record_property: Record) -> None:
    with memory_group() as group:
        assert run("modest", tmp_path / "need", workers, group) == 0
        need = group.peak
    assert SPARE < MORE
    count = scale(2, 4, 30)
    told = 0
    for step in range(count):
        store = tmp_path / str(step)
        # First what suffices for all but the two that take more; then less and less, down to half of the need.
        size = need + SPARE if not step else need - need * step // (2 * count)
        with memory_group(size) as group:
            code = run("plans", store, workers, group)
            assert group.kills, "otherwise it had enough"
        assert code != 0
        if (store / "records").exists():
            assert judge(store, ()) == []
            told += sum(each == KILLED for each in results(store))
        assert inquire(store, (), lambda: finish(store, workers)) == []  # noqa: B023
        rights = [each["right"] for each in results(store) if "right" in each]
        assert {MORE + 1, MORE + 2} <= {each for each in rights if isinstance(each, int)}
    if workers:
        assert told >= 2, "with memory for all others, these two are LEFT, and the run goes on"
    record_property("count", count)
    if workers:
        record_property("found", f"with {workers} workers {told} tasks were LEFT, out of memory")
