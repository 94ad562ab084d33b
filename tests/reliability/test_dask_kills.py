"""E1: workers of a Dask cluster are killed all the time; the other cases lie in ``tests/shell/test_dask.py``."""

from __future__ import annotations

import random
import signal
import threading
import time
from pathlib import Path

import distant
import pytest
from clusters import DaskCluster
from plain import judge, records_of
from protocol import SEED, Record, Scale

from lightfx import Right, open_world, realize_all, unwrap
from lightfx.executors import dask

EVERY = 0.5  # seconds
STAFF = 4


@pytest.mark.reliability(
    "E1",
    "a Dask worker is killed in the midst of a task every half second, and another comes",
    passes="one result of each derivation; at most one execution more for each kill",
)
def test_workers_are_killed_all_the_time(tmp_path: Path, scale: Scale, record_property: Record) -> None:
    lose_workers(tmp_path, scale(3, 20, 200), signal.SIGKILL, record_property)


@pytest.mark.reliability(
    "E1",
    "a Dask worker is told to end (SIGTERM) in the midst of a task every half second, and another comes",
    passes="one result of each derivation; at most one execution more for each",
)
def test_workers_are_told_to_end(tmp_path: Path, scale: Scale, record_property: Record) -> None:
    lose_workers(tmp_path, scale(2, 5, 50), signal.SIGTERM, record_property)


def lose_workers(tmp_path: Path, kills: int, how: signal.Signals, record_property: Record) -> None:
    dice = random.Random(SEED)
    plans = [distant.slow(str(tmp_path), number, EVERY) for number in range(STAFF * kills)]
    with DaskCluster(tmp_path) as cluster:
        cluster.staff(STAFF)

        def kill() -> None:
            for _ in range(kills):
                time.sleep(EVERY)
                cluster.let_go(dice.choice(list(cluster.workers.values())).pid, how)
                cluster.hire()

        killer = threading.Thread(target=kill)
        killer.start()
        runs = 0
        values: list[int] = []
        while not values and runs < 5:
            runs += 1
            with open_world(tmp_path / "store", executor=dask(cluster.address)) as world:
                outcomes = unwrap(realize_all(world, plans))
            values = [each.value for each in outcomes if isinstance(each, Right)]
            values = values if len(values) == len(plans) else []  # what died too often is tried again by the next run
        killer.join()
    assert values == list(range(len(plans)))
    executions = sum(path.read_text().count("\n") for path in tmp_path.glob("ran-*"))
    assert executions <= len(plans) + kills
    wrong: list[str] = []
    rights = [each for each in records_of(tmp_path / "store", wrong) if "rref" in each and "right" in each["result"]]
    assert (len(rights), wrong, judge(tmp_path / "store", ())) == (len(plans), [], [])
    record_property("count", kills)
    record_property("found", f"{executions} executions of {len(plans)} derivations, in {runs} runs")
