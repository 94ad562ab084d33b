"""Every call refused, in every way: a typed failure or true success, and a store that works afterwards.

A session stores, fails, holds, reuses and collects garbage, on a disk that
refuses one call of it, or writes little at a time, or refuses every k-th sync.
What was answered must be there, whole; nothing may be there that is wrong; a
fresh process opens the store, the same program succeeds, and garbage
collection leaves nothing of what went wrong.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lightfx import Build, Derivation, evaluate, realize, realize_all, stage
from lightfx.core.failures import EngineError
from lightfx.core.manifest import digest_of
from lightfx.core.outcome import Right
from lightfx.garbage import add_root, gc
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.store.tree import entries_of
from lightfx.testing.faults import Call, Refusal, Short, Watched, at, every, world_on
from lightfx.wiring import unwrap

TIER = os.environ.get("TIER", "S")
STRIDE = {"S": 331, "L": 3, "N": 1}[TIER]
NUMBERS = (
    *(errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EINTR),
    *(errno.EACCES, errno.EROFS, errno.EMFILE, errno.ESTALE),
)

pytestmark = [
    pytest.mark.quick,
    pytest.mark.reliability(
        "D3", "every call refused, every k-th, short writes", passes="typed error or true success; nothing lost"
    ),
]


@stage(version="1")
def small(build: Build, value: int) -> int:
    return value


@stage(version="1")
def files(build: Build, value: int, count: int) -> Path:
    for each in range(count):
        (build.out / f"f{each}").write_text(f"{value} {each}")
    return build.out


@stage(version="1")
def on_files(build: Build, of: Derivation[Path]) -> str:
    return (build.need(of) / "f0").read_text()


@stage(version="1")
def failing(build: Build) -> int:
    print("x" * 10_000)
    raise ValueError("as it does")


PLANS = (small(1), on_files(files(1, 2)), on_files(files(2, 7)))
VALUES = (1, "1 0", "2 0")


def session(disk: Disk, root: Path) -> set[str]:
    """Do a bit of everything; gives what was answered as stored. Trouble of the engine is trouble of the engine."""
    answered = set[str]()
    try:
        with world_on(disk, root) as world:
            outcomes = world.perform.result(realize_all(world, PLANS)).value_or(())
            if outcomes:
                assert tuple(each.value for each in outcomes if isinstance(each, Right)) == VALUES
                answered = {each.dref.text for each in PLANS}
            world.perform.result(realize(world, failing()))
            world.perform.result(add_root(world, PLANS[2].dref))
        with world_on(disk, root) as world:
            again = world.perform.result(realize_all(world, PLANS)).value_or(())
            assert not again or tuple(each.value for each in again if isinstance(each, Right)) == VALUES
            kept = world.perform.result(add_root(world, PLANS[2].dref)).map(lambda _: True).value_or(False)
            answered &= {PLANS[2].dref.text} if kept else set()
            if kept:
                world.perform.result(gc(world))
    except EngineError:
        pass
    return answered


def found(root: Path) -> Path:
    """Make a store, of which no call is counted."""
    with world_on(REAL, root):
        return root


def judge(root: Path, answered: set[str]) -> None:
    """Ask all that must hold after whatever happened."""
    with world_on(REAL, root) as world:
        listed = unwrap(world.store.newest(None, 99))
        there = {row.stored.rref.dref.text for row in listed}
        assert answered <= there, "what was answered is stored"
        for row in listed:
            if row.stored.tree is not None:
                home = world.store.folder_of(row.stored.tree)
                assert digest_of(entries_of(home, ours=False)) == row.stored.tree, "what is there is whole"
        assert [evaluate(world, each) for each in PLANS] == list(VALUES), "the same program succeeds"
        unwrap(add_root(world, PLANS[0].dref))
        unwrap(gc(world))
        assert evaluate(world, PLANS[0]) == 1
    left = [path for folder in ("tmp", "claims") for path in (root / folder).iterdir()]
    assert left == [], "nothing is left over"


def calls_of(root: Path) -> list[Call]:
    """The calls of a session in which nothing is refused."""
    disk = Watched()
    assert session(disk, root) == {PLANS[2].dref.text}
    judge(root, set())
    return disk.calls


def points(calls: list[Call]) -> Iterator[tuple[int, int]]:
    """Choose of all pairs of a call and an error: every so many, or all."""
    pairs = [(call.number, number) for number in NUMBERS for call in calls]
    yield from pairs[::STRIDE]


def test_every_call_is_refused_in_every_way(memory: Path, record_property) -> None:  # type: ignore[no-untyped-def]
    calls = calls_of(memory / "right")
    chosen = list(points(calls))
    record_property("count", len(chosen))
    for number, error in chosen:
        root = memory / f"{number}-{error}"
        disk = Watched(plan=at(number, Refusal(error)))
        try:
            answered = session(disk, root)
            judge(root, answered)
        except BaseException as trouble:
            trouble.add_note(f"call {number}, {disk.calls[number - 1]}, was refused with {errno.errorcode[error]}")
            raise


def test_writes_may_be_short(memory: Path) -> None:
    for size in (7,) if TIER == "S" else (1, 7):
        disk = Watched(plan=every(1, Short(size), {"write"}))
        assert session(disk, memory / str(size)) == {PLANS[2].dref.text}
        judge(memory / str(size), set())


@pytest.mark.parametrize("act", ["fsync", "rename", "write"])
def test_every_kth_is_refused(memory: Path, act: str) -> None:
    for step in range(1, 11) if TIER != "S" else (1, 3):
        root = memory / str(step)
        disk = Watched(plan=every(step, Refusal(errno.EIO), {act}))
        judge(root, session(disk, found(root)))
        assert any(call.error for call in disk.calls), f"there is no {act} number {step}"


@pytest.mark.parametrize("error", ["EPERM", "EOPNOTSUPP", "ENOSYS", "EMLINK"])
def test_no_hard_links_are_no_trouble(memory: Path, error: str) -> None:
    """D15: a file system that makes none, or no more of them."""
    disk = Watched(plan=every(1, Refusal(getattr(errno, error)), {"link"}))
    assert session(disk, memory / "store") == {PLANS[2].dref.text}
    judge(memory / "store", set())
    assert any(call.act == "symlink" and not call.error for call in disk.calls)


def test_a_file_whose_sync_failed_is_not_synced_again(memory: Path) -> None:
    """Neither by the number of its descriptor, nor by its name."""
    seen = 0
    for step in range(1, 8) if TIER != "S" else (1, 2, 3):
        root = found(memory / str(step))
        disk = Watched(plan=every(step, Refusal(errno.EIO), {"fsync"}))
        session(disk, root)
        syncs = [call for call in disk.calls if call.act == "fsync" and call.paths[0].startswith(f"{root}/tmp/")]
        failed = [call for call in syncs if call.error]
        for call in failed:
            assert not [again for again in syncs if again.number > call.number and again.paths == call.paths]
        seen += len(failed)
    assert seen > 1
