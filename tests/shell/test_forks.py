"""Forks: what a child keeps of its parent, when that is killed, and what it can do to it."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from errands import until

from lightfx import Build, evaluate, open_world, stage
from lightfx.core.failures import EngineError
from lightfx.core.names import Digest
from lightfx.shell.forks import tell_in_children
from lightfx.upkeep import doctor
from lightfx.wiring import unwrap


@stage(version="1")
def double(build: Build, number: int) -> int:
    return 2 * number


PARENT = """
import os, sys, time
from pathlib import Path
from lightfx import Build, evaluate, open_world, stage

@stage(version="1")
def forks(build: Build) -> int:
    child = os.fork()
    if child:
        Path(sys.argv[2]).with_suffix(".new").write_text(str(child))
        Path(sys.argv[2]).with_suffix(".new").rename(sys.argv[2])
    time.sleep(600)
    return 1

with open_world(sys.argv[1]) as world:
    evaluate(world, forks())
"""


@contextmanager
def orphan(store: Path) -> Iterator[int]:
    """The child of a process that was killed while a stage ran in it, which had forked the child."""
    said = store.with_name("child")
    with subprocess.Popen([sys.executable, "-c", PARENT, store, said]) as parent:
        assert until(said.exists)
        child = int(said.read_text())
        assert [path for path in (store / "claims").iterdir() if len(path.name) == 64]
        parent.kill()
    try:
        assert until(lambda: lock_is_free(store))
        yield child
    finally:
        os.kill(child, signal.SIGKILL)


def lock_is_free(store: Path) -> bool:
    """Whether the child has begun: then it has let go."""
    (owner,) = (store / "claims").glob("owner-*")
    with owner.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def test_a_child_that_outlives_its_parent_holds_nobody_up(tmp_path: Path) -> None:
    """Trap: a child keeps the locks of its parent, and all wait for it: for a worker of `multiprocessing`, for ever."""
    store = tmp_path / "store"
    with orphan(store):
        health = unwrap(doctor(store))
        assert [owner.alive for owner in health.owners] == [False]
        assert ["UnendedRun"] == [type(each).__name__ for each in health.oddities]
        with open_world(store) as world:
            assert evaluate(world, double(1)) == 2
            (mine,) = (store / "claims").iterdir()
            assert mine == world.store._claims._owner  # type: ignore[attr-defined]
        assert list((store / "claims").iterdir()) == list((store / "tmp").iterdir()) == []


def in_a_child(work: object) -> int:
    """Carry out work in a forked child; gives what it ended with."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 1
        try:
            work()  # type: ignore[operator]
            code = 7
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_child_that_closes_its_parents_world_takes_nothing_away(tmp_path: Path) -> None:
    """As when it leaves the ``with`` statement that it was forked in: its parent would be seen by nobody."""
    with open_world(tmp_path / "store") as world:
        evaluate(world, double(1))
        before = sorted((tmp_path / "store" / "claims").iterdir()), sorted((tmp_path / "store" / "tmp").iterdir())
        assert in_a_child(world.close) == 7
        after = sorted((tmp_path / "store" / "claims").iterdir()), sorted((tmp_path / "store" / "tmp").iterdir())
        assert before == after
        assert len(before[0]) == len(before[1]) == 1
        assert evaluate(world, double(2)) == 4


def test_a_child_builds_nothing_in_its_parents_world(tmp_path: Path) -> None:
    with open_world(tmp_path / "store") as world:

        def refused() -> None:
            with pytest.raises(EngineError, match="closed: open another"):
                unwrap(world.store.claim([Digest.of(b"k")]))

        assert in_a_child(refused) == 7
        assert unwrap(world.store.claim([Digest.of(b"k")])) == {Digest.of(b"k")}


class Lock:
    """Who holds a lock, as a `Holder`."""

    def __init__(self, path: Path) -> None:
        self.file = os.open(path, os.O_RDWR | os.O_CREAT)
        fcntl.flock(self.file, fcntl.LOCK_EX)

    def let_go(self) -> None:
        os.close(self.file)


def test_who_is_gone_is_told_nothing_and_who_is_there_once(tmp_path: Path) -> None:
    kept, gone = Lock(tmp_path / "kept"), Lock(tmp_path / "gone")
    for each in (kept, gone, kept):
        tell_in_children(each)
    os.close(gone.file)
    del gone, each

    def closed() -> None:
        with pytest.raises(OSError, match="Bad file"):
            os.fstat(kept.file)
        if in_a_child(lambda: None) != 7:  # whose holders were let go of already
            raise AssertionError

    assert in_a_child(closed) == 7
    assert until(lambda: os.fstat(kept.file).st_size == 0)
    os.close(kept.file)
