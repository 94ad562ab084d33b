"""What a doctor sees of a store, and what he clears; processes are real, and are killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from returns.result import Failure

from lightfx import Build, DRef, World, evaluate, open_world, realize, stage, unwrap
from lightfx.core.failures import EngineError, EngineFailure, InUse, NoStore, UnknownFormat
from lightfx.core.names import Digest
from lightfx.garbage import add_root, gc
from lightfx.looking import link
from lightfx.shell.store.claims import Claims
from lightfx.shell.store.examining import builders, examine_store
from lightfx.shell.store.mounts import file_system_of
from lightfx.testing.faults import Call, Watched
from lightfx.upkeep import (
    DamagedGroup,
    Leftover,
    OddIndex,
    OddRoot,
    StoredTwice,
    UnendedRun,
    Unnamed,
    doctor,
    verify,
)


@stage(version="1")
def rows(build: Build, count: int) -> Path:
    path = build.out / "rows.txt"
    path.write_text("x" * count)
    return path


@stage(version="1")
def double(build: Build, number: int) -> int:
    return 2 * number


@pytest.fixture
def store(tmp_path: Path) -> Path:
    with open_world(tmp_path / "store") as world:
        evaluate(world, rows(3))
    return tmp_path / "store"


BUSY = """
import sys, time
import lightfx
from lightfx import Build, stage

@stage(version="1")
def endless(build: Build) -> int:
    (build.out / "half").write_text("half")
    open(sys.argv[2], "w").close()
    time.sleep(60)
    return 1

with lightfx.open_world(sys.argv[1]) as world:
    lightfx.evaluate(world, endless())
"""


@contextmanager
def busy(store: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process in the middle of a run."""
    sign = store.parent / "it-runs"
    with subprocess.Popen([sys.executable, "-c", BUSY, store, sign]) as process:
        try:
            while not sign.exists():
                assert process.poll() is None
                time.sleep(0.01)
            yield process
        finally:
            process.kill()


def test_a_sound_store_is_well_and_looking_changes_nothing(store: Path) -> None:
    before = {path: path.lstat().st_mtime_ns for path in (store, *store.rglob("*"))}
    health = unwrap(doctor(store))
    assert health.well
    assert (health.owners, health.oddities, health.version) == ((), (), 1)
    assert 0 < health.disk.free <= health.disk.size
    assert health.disk.kind
    assert {path: path.lstat().st_mtime_ns for path in (store, *store.rglob("*"))} == before


def test_trap_who_is_alone_on_a_store_was_said_to_build(store: Path) -> None:
    """Trap: that one is alone is said by one more name of the owner's file, which was counted as a key."""
    claims = Claims(store)
    with claims.alone() as alone:
        assert alone
        (owner,) = examine_store(store).owners
        assert (owner.alive, owner.claims) == (True, 0)
        assert builders(store) == ()
    claims.claim([Digest.of(b"key")])
    assert [each.claims for each in builders(store)] == [1]
    claims.close()


def test_who_lives_and_what_the_dead_left_is_told_and_cleared(store: Path) -> None:
    with busy(store) as process:
        (owner,) = unwrap(doctor(store)).owners
        assert (owner.alive, owner.claims) == (True, 1)
        assert f"process {process.pid} on {os.uname().nodename}, since " in owner.who
        assert owner.since is not None
        assert unwrap(doctor(store, fix=True)).owners == (owner,), "who lives is left alone"
        process.send_signal(signal.SIGKILL)
        process.wait()
    health = unwrap(doctor(store))
    (dead,) = health.owners
    assert (dead.identity, dead.alive, dead.claims, dead.size) == (owner.identity, False, 1, 4)
    (run,) = (each for each in health.oddities if isinstance(each, UnendedRun))
    assert run.path.parent == store / "runs"
    assert not health.well
    mended = unwrap(doctor(store, fix=True))
    assert mended.owners == ()
    assert list((store / "tmp").iterdir()) == []
    assert list((store / "claims").iterdir()) == []
    assert mended.well, "what is over is told, and nobody has to do anything"
    assert [type(each) for each in mended.oddities] == [UnendedRun]


def test_files_that_nobody_owns(store: Path) -> None:
    (store / "tmp" / ("0" * 32)).mkdir()
    (store / "tmp" / ("0" * 32) / "a").write_text("four")
    for name in ("newborn-1", "buried-1", "f" * 64):
        (store / "claims" / name).write_text("")
    found = [each for each in unwrap(doctor(store)).oddities if isinstance(each, Leftover)]
    assert sorted((each.path.name[:9], each.size) for each in found) == [
        ("000000000", 4), ("buried-1", 0), ("fffffffff", 0), ("newborn-1", 0),
    ]  # fmt: skip
    for path in (store / "tmp" / ("0" * 32), *(store / "claims").iterdir()):
        os.utime(path, (0, 0))
    assert [each for each in unwrap(doctor(store, fix=True)).oddities if isinstance(each, Leftover)] == []


def test_records_that_stand_twice_and_objects_that_nobody_names(store: Path) -> None:
    def store_for_nobody(world: World) -> None:
        place = world.store.place()
        place.mkdir(parents=True)
        (place / "a").write_text("abc")
        unwrap(world.store.ingest((place,)))

    with open_world(store) as world:
        store_for_nobody(world)
        evaluate(world, double(1))
        evaluate(world, double(2))
    groups = sorted((store / "records").iterdir())
    both = b"".join(group.read_bytes() for group in groups)
    from lightfx.core.names import Digest

    (store / "records" / f"{Digest.of(both).hex}.jsonl").write_bytes(both)
    odd = unwrap(doctor(store)).oddities
    (twice,) = (each for each in odd if isinstance(each, StoredTwice))
    assert twice.records == 3
    assert [each for each in odd if isinstance(each, Unnamed)] == [Unnamed(1, 3)]
    (index,) = (each for each in odd if isinstance(each, OddIndex))
    assert "lacks 1 groups" in index.why
    before = set((store / "objects").iterdir())
    with busy(store) as process:
        unwrap(doctor(store, fix=True))
        assert set((store / "objects").iterdir()) >= before, "somebody may be about to name it"
        process.kill()
        process.wait()
    mended = unwrap(doctor(store, fix=True))
    assert mended.well and StoredTwice in {type(each) for each in mended.oddities}
    assert len(before - set((store / "objects").iterdir())) == 1
    with open_world(store) as world:
        assert evaluate(world, rows(3), only_stored=True)
        store_for_nobody(world)
        for plan in (rows(3), double(1), double(2)):
            unwrap(add_root(world, plan.dref))
        unwrap(gc(world))
    assert not [each for each in unwrap(doctor(store)).oddities if isinstance(each, Unnamed | OddIndex)]


def test_roots_that_lead_nowhere(store: Path, tmp_path: Path) -> None:
    with open_world(store) as world:
        made = unwrap(link(world, unwrap(realize(world, rows(3))).rrefs[0], tmp_path / "result"))
        unwrap(add_root(world, rows(3).dref, name="kept"))
    assert unwrap(doctor(store)).well
    made.unlink()
    (odd,) = unwrap(doctor(store)).oddities
    assert isinstance(odd, OddRoot)
    assert odd.over
    assert unwrap(doctor(store, fix=True)).well
    assert [path.name for path in (store / "roots").iterdir()] == ["kept"]
    (store / "roots" / "broken").write_text("{")
    (odd,) = unwrap(doctor(store, fix=True)).oddities
    assert isinstance(odd, OddRoot)
    assert not odd.over


@pytest.mark.parametrize("harm", [b"junk" * 1000, None])
def test_an_index_that_is_broken_or_of_another_version(store: Path, harm: bytes | None) -> None:
    import sqlite3

    index = store / "index.sqlite"
    if harm is None:
        database = sqlite3.connect(index)
        database.execute("PRAGMA user_version = 3")
        database.close()
    else:
        index.write_bytes(harm)
    (odd,) = unwrap(doctor(store)).oddities
    assert isinstance(odd, OddIndex)
    assert unwrap(doctor(store, fix=True)).well


def test_a_damaged_group_is_told(store: Path) -> None:
    (path,) = (store / "records").iterdir()
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])
    (odd,) = unwrap(doctor(store)).oddities
    assert isinstance(odd, DamagedGroup)
    assert odd.path == path


def test_what_is_no_store_is_said_and_not_made(tmp_path: Path, store: Path) -> None:
    missing = doctor(tmp_path / "nowhere")
    assert isinstance(_failure(missing), NoStore)
    assert not (tmp_path / "nowhere").exists()
    (store / "format").chmod(0o644)
    (store / "format").write_text('{"format": "lightfx-store", "version": 2}\n')
    found = _failure(doctor(store, fix=True))
    assert isinstance(found, UnknownFormat)
    assert (found.found, found.known) == ("2", 1)


def _failure(io: object) -> EngineFailure:
    from returns.io import IOResult

    from lightfx.wiring import Performing

    assert isinstance(io, IOResult)
    result = Performing().result(io)
    assert isinstance(result, Failure)
    found: EngineFailure = result.failure()
    return found


@pytest.mark.parametrize("then", ["comes", "works", "leaves"])
@pytest.mark.parametrize("place", ["claims", "tmp", "objects", "records", "runs"])
def test_what_others_have_in_hand_is_no_leftover(store: Path, then: str, place: str) -> None:
    """Trap: while he looks at one folder after the other, others come, store, and go."""
    world = None if then == "comes" else open_world(store)

    def meanwhile(call: Call) -> None:
        nonlocal world
        if (call.act, call.paths) == ("listdir", (str(store / place),)) and not moments:
            moments.append(call.number)
            if world is None:
                world = open_world(store)
            evaluate(world, rows(9))
            if then == "leaves":
                world.close()

    moments: list[int] = []
    try:
        health = examine_store(store, Watched(tell=meanwhile))
    finally:
        assert world is not None
        world.close()
    assert len(moments) == 1
    assert health.oddities == ()
    assert all(owner.alive for owner in health.owners)


def test_what_was_just_stored_and_is_not_recorded_yet_is_no_leftover_while_somebody_works(store: Path) -> None:
    with open_world(store) as world:
        place = world.store.place()
        place.mkdir(parents=True)
        (place / "a").write_text("abc")
        unwrap(world.store.ingest((place,)))
        assert unwrap(doctor(store)).well
    assert unwrap(doctor(store)).oddities == (Unnamed(1, 3),)


def test_a_run_that_is_just_beginning_was_not_killed(store: Path) -> None:
    (store / "runs" / "20260101T000000.000000-aaaaaaaaaa.jsonl").touch()
    assert unwrap(doctor(store)).well


def test_an_index_elsewhere_is_not_made_here(store: Path, tmp_path: Path) -> None:
    """It may be elsewhere since SQLite does not work here."""
    (store / "index.sqlite").unlink()
    assert unwrap(doctor(store, fix=True)).well
    assert not list(store.glob("index.sqlite*"))


@pytest.mark.parametrize("made", [("records", "objects"), ("records",), ()])
def test_a_store_without_its_empty_folders_is_one(tmp_path: Path, made: tuple[str, ...]) -> None:
    """Object storage, git and zip keep none. Trap: ``format`` is there, and no folder for claims."""
    store = tmp_path / "store"
    with open_world(store) as world:
        if made:
            evaluate(world, double(1))
        if "objects" in made:
            evaluate(world, rows(3))
    for fix in (False, True):
        for path in store.iterdir():
            if path.is_dir() and path.name not in made:
                shutil.rmtree(path)
            elif path.name == "index.sqlite":
                path.unlink()
        assert unwrap(doctor(store)).well
        assert {path.name for path in store.iterdir() if path.is_dir()} == {*made}, "looking changes nothing"
        assert unwrap(doctor(store, fix=fix)).well
        with open_world(store, create=False) as world:
            assert evaluate(world, double(1), only_stored=bool(made)) == 2
            assert unwrap(verify(world)).sound
    assert {"records", "objects", "claims", "tmp"} <= {path.name for path in store.iterdir()}


def test_a_store_without_its_records_is_not_taken_for_an_empty_one(store: Path) -> None:
    """All of its objects would be garbage."""
    shutil.rmtree(store / "records")
    with pytest.raises(EngineError, match=r"records/ is gone, and objects/ is not empty: put it back"):
        open_world(store)
    assert not (store / "records").exists()
    (store / "records").mkdir()
    with open_world(store) as world:
        assert evaluate(world, rows(3)).read_text() == "xxx"


def test_a_folder_among_the_claims_keeps_nobody_out(store: Path) -> None:
    (store / "claims" / ".snapshot").mkdir()
    with open_world(store) as world:
        assert evaluate(world, double(1)) == 2
        unwrap(gc(world, keep_last=1))


def test_who_locks_a_store_is_said(store: Path) -> None:
    with busy(store) as process, open_world(store) as world:
        refused = world.perform.result(gc(world))
        assert isinstance(refused, Failure)
        found = refused.failure()
        assert isinstance(found, InUse)
        assert found.who[0].startswith(f"process {process.pid} on ")
        assert ", since 20" in found.who[0]


def test_the_kind_of_a_file_system_is_told() -> None:
    assert file_system_of("/proc/self") == "proc"
    assert file_system_of("/proc") == "proc"


def test_a_reference_is_no_path() -> None:
    assert isinstance(_failure(doctor(DRef(f"{'a' * 32}-x").text)), NoStore)
