"""Waiting: a run that is held up says by whom."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path

from lightfx import Build, Left, evaluate, memory_world, open_world, realize, stage, unwrap
from lightfx.cli.progress import Lines, listening
from lightfx.cli.tally import Tally
from lightfx.cli.waiting import PATIENCE, Waiting, whom
from lightfx.core.health import Owner
from lightfx.core.refs import DRef
from lightfx.effects.journal import Advanced, JournalEvent, RunBegan, TaskEnded, TaskStarted
from lightfx.engine.drive import TELLING
from lightfx.journal import Listener
from lightfx.shell.store.examining import builders

DREF = DRef.of("{}", "train")
NODE = Owner("0", "process 12 on node7, since 2026-01-01T00:00:00+00:00", True, None, 2, 0)


@stage(version="1")
def double(build: Build, number: int) -> int:
    return 2 * number


def test_who_waits_long_enough_says_for_whom_and_only_then() -> None:
    tally, times = Tally(), [0.0]
    asked: list[float] = []

    def ask() -> list[Owner]:
        asked.append(times[0])
        return [NODE]

    stream = io.StringIO()
    showing = Lines(stream, every=1000.0)
    hear = listening(tally, showing, Waiting(tally, ask, lambda: times[0]).hear)
    heard: list[str] = []
    for seconds, event in (
        (0.0, RunBegan(2)),
        (0.0, TaskStarted(DREF, 1)),
        (5 * PATIENCE, Advanced(total=2)),
        (0.0, Advanced(total=2)),
        (5 * PATIENCE, TaskEnded(DREF, "right", "", 1.0, 1)),
        (0.0, Advanced(1, ran=1, total=2)),
        (PATIENCE / 2, Advanced(1, ran=1, total=2)),
        (PATIENCE / 2, Advanced(1, ran=1, total=2)),
        (PATIENCE / 2, Advanced(1, ran=1, total=2)),
        (PATIENCE / 2, Advanced(1, ran=1, total=2)),
        (0.0, Advanced(2, ran=1, reused=1, total=2)),
    ):
        times[0] += seconds
        hear(event)
        heard.append(tally.waiting)
    showing.close(tally)
    assert [bool(each) for each in heard] == [False] * 7 + [True] * 3 + [False]
    assert len(asked) == 2
    assert heard[-2] == whom([NODE])
    told = f"waits for {NODE.who}, which builds 2 keys: it goes on when that is done, or ended"
    assert stream.getvalue().splitlines()[0] == f"lightfx: {told}"
    assert stream.getvalue().count("waits for") == 1


def test_trap_who_waits_says_so_soon() -> None:
    """Trap: the engine told every five seconds how far it is, so nobody was named before ten, whatever the patience."""
    tally, times = Tally(), [0.0]
    waiting = Waiting(tally, lambda: [NODE], lambda: times[0])
    waiting.hear(Advanced(total=2))
    while not tally.waiting:
        times[0] += TELLING
        waiting.hear(Advanced(total=2))
    assert PATIENCE <= times[0] < 2 * PATIENCE


def test_nobody_is_named_where_nobody_builds(tmp_path: Path) -> None:
    assert whom(builders(tmp_path / "nothing")) == ""
    with open_world(tmp_path / "store") as world:
        evaluate(world, double(1))
        assert whom(builders(tmp_path / "store")) == ""
    assert whom([NODE] * 5).count("process 12") == 3


def test_a_run_that_another_holds_up_tells_that_it_waits_and_for_whom(tmp_path: Path) -> None:
    with memory_world(tmp_path / "double") as known:
        rrefs = unwrap(realize(known, double(1))).rrefs
        (key,) = (each.key for each in unwrap(known.store.realizations(rrefs)).values())
    heard: list[JournalEvent] = []
    waits = threading.Event()

    def hear(event: JournalEvent) -> None:
        heard.append(event)
        if isinstance(event, Advanced):
            waits.set()

    with open_world(tmp_path / "store") as other:
        assert unwrap(other.store.claim([key])) == {key}

        def run() -> None:
            with open_world(tmp_path / "store", journal=Listener(hear)) as world:
                assert not isinstance(unwrap(realize(world, double(1))), Left)

        running = threading.Thread(target=run)
        running.start()
        assert waits.wait(30)
        assert not [each for each in heard if isinstance(each, TaskStarted)]
        (builder,) = builders(tmp_path / "store")
        assert f"process {os.getpid()} on " in builder.who
        assert builder.claims == 1
        unwrap(other.store.release([key]))
        running.join()
    assert [each for each in heard if isinstance(each, TaskStarted)]
