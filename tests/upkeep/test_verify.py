"""Verifying and repairing: groups, rights, sources, what comes out otherwise, and who else is there."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import final

import pytest
from returns.io import IOResult, IOSuccess
from returns.result import Failure

from lightfx import (
    Build,
    Derivation,
    evaluate,
    evaluate_all,
    memory_world,
    open_world,
    realize,
    source_file,
    stage,
    unwrap,
)
from lightfx.core.damage import Audit, DamagedGroup, DamagedObject, MissingObject, Stray, WrongRights
from lightfx.core.failures import DamagedRecord, EngineError, EngineFailure, InUse, NotStored
from lightfx.core.names import Digest
from lightfx.core.refs import DRef
from lightfx.garbage import gc
from lightfx.shell.store.directory import open_directory
from lightfx.shell.store.examining import examine_store
from lightfx.testing.faults import Call, Fault, Refusal, Watched, world_on
from lightfx.upkeep import verify
from lightfx.wiring import Performing

CHANCE = {"text": "same"}


@stage(version="1")
def rows(build: Build, count: int) -> Path:
    path = build.out / "rows.txt"
    path.write_text("x" * count)
    return path


@stage(version="1")
def upper(build: Build, data: Derivation[Path]) -> Path:
    path = build.out / "upper.txt"
    path.write_text(build.need(data).read_text().upper())
    return path


@stage(version="1")
def chance(build: Build) -> Path:
    path = build.out / "dice.txt"
    if CHANCE["text"] == "raise":
        raise OSError("no room")
    path.write_text(CHANCE["text"])
    return path


@stage(version="1")
def double(build: Build, number: int) -> int:
    return 2 * number


@stage(version="1")
def wordy(build: Build) -> int:
    build.log("word " * 5000)
    return 1


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def flip(path: Path, at: int = 0) -> None:
    mode = path.stat().st_mode & 0o777
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    path.chmod(mode)


def group_with(store: Path, text: str) -> Path:
    (found,) = (path for path in (store / "records").iterdir() if text.encode() in path.read_bytes())
    return found


# Objects.


def test_a_sound_store_is_sound_in_memory_and_on_the_disk(store: Path, tmp_path: Path) -> None:
    for world in (open_world(store), memory_world(tmp_path / "scratch")):
        with world:
            evaluate(world, upper(rows(3)))
            found = unwrap(verify(world))
            assert (found.records, found.objects, found.of, found.damages) == (2, 2, 2, ())
            assert found.size == 6
            assert found.sound


def test_a_chain_is_made_again_from_its_beginning(store: Path) -> None:
    """What stands on damaged files waits for these."""
    plan = upper(upper(upper(rows(3))))
    with open_world(store) as world:
        last = evaluate(world, plan)
        for file in (store / "objects").glob("*/*"):
            flip(file)
        mended = unwrap(verify(world, repair=True, plans=plan))
        assert [each.healed for each in mended.repairs] == [True] * 2  # the three later ones are one object
        assert last.read_text() == "XXX"
        assert unwrap(verify(world)).damages == ()


def test_a_source_is_copied_again_where_it_still_is(store: Path, tmp_path: Path) -> None:
    outside = tmp_path / "input.txt"
    outside.write_text("abc")
    with open_world(store) as world:
        copied = evaluate(world, source_file(outside))
        flip(copied)
        assert unwrap(verify(world, repair=True)).sound
        assert copied.read_text() == "abc"
        outside.write_text("other")
        flip(copied)
        (done,) = unwrap(verify(world, repair=True)).repairs
        assert not done.healed


def test_what_comes_out_otherwise_stays_and_is_not_used(store: Path) -> None:
    with open_world(store) as world:
        path = evaluate(world, chance())
        flip(path)
        CHANCE["text"] = "other"
        try:
            (done,) = unwrap(verify(world, repair=True, plans=chance())).repairs
        finally:
            CHANCE["text"] = "same"
        assert (done.healed, "deterministic" in done.how) == (False, True)
        assert path.read_text() != "same", "it was not touched"
        assert evaluate(world, chance()).read_text() == "same", "a run makes it, and heals it"
        assert unwrap(verify(world)).sound


def test_who_cannot_be_found_is_said(store: Path) -> None:
    @stage(version="1")
    def inner(build: Build) -> Path:
        (build.out / "a").write_text("a")
        return build.out / "a"

    with open_world(store) as world:
        flip(evaluate(world, inner()))
        (done,) = unwrap(verify(world, repair=True)).repairs
        assert (done.healed, "was made inside a function" in done.how) == (False, True)
        assert unwrap(verify(world, repair=True, plans=inner())).sound


def test_objects_come_from_elsewhere_and_are_not_believed(store: Path) -> None:
    asked: list[Sequence[Digest]] = []

    def liar(trees: Sequence[Digest], place: Path) -> IOResult[Mapping[Digest, Path], EngineFailure]:
        asked.append(trees)
        (place / "bad").mkdir(parents=True)
        (place / "bad" / "rows.txt").write_text("lies")
        return IOSuccess({trees[0]: place / "bad"})

    def honest(trees: Sequence[Digest], place: Path) -> IOResult[Mapping[Digest, Path], EngineFailure]:
        asked.append(trees)
        (place / "good").mkdir(parents=True)
        (place / "good" / "rows.txt").write_text("xxx")
        return IOSuccess({trees[0]: place / "good"})

    with open_world(store) as world:
        path = evaluate(world, rows(3))
        flip(path)
        mended = unwrap(verify(world, repair=True, sources=(liar, honest)))
        assert [each.how for each in mended.repairs] == ["it was got from elsewhere"]
        assert [len(each) for each in asked] == [1, 1]
        assert path.read_text() == "xxx"


def test_a_lost_log_cannot_be_made_again(store: Path) -> None:
    with open_world(store) as world:
        evaluate(world, wordy())
        (log,) = (store / "objects").glob("*/log.txt")
        flip(log)
        (done,) = unwrap(verify(world, repair=True, plans=wordy())).repairs
        assert (done.healed, "log" in done.how) == (False, True)


def test_what_nobody_names_is_removed_where_it_is_damaged(store: Path) -> None:
    with open_world(store) as world:
        place = world.store.place()
        place.mkdir(parents=True)
        (place / "a").write_text("a")
        (tree,) = unwrap(world.store.ingest((place,))).values()
        assert isinstance(tree, Digest)
        assert unwrap(verify(world)).sound
        flip(world.store.folder_of(tree) / "a")
        mended = unwrap(verify(world, repair=True))
        assert mended.sound
        assert not world.store.folder_of(tree).exists()


def test_rights_are_set_and_strays_are_left(store: Path) -> None:
    with open_world(store) as world:
        path = evaluate(world, rows(3))
        path.chmod(0o666)
        path.parent.chmod(0o755)
        (store / "objects" / "notes.txt").write_text("mine")
        (store / "records" / "notes.txt").write_text("mine")
        found = unwrap(verify(world))
        assert sorted(type(each).__name__ for each in found.damages) == ["Stray", "Stray", "WrongRights", "WrongRights"]
        mended = unwrap(verify(world, repair=True))
        assert {type(each.damage): each.healed for each in mended.repairs} == {WrongRights: True, Stray: False}
        assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o444, 0o555)
        assert (store / "objects" / "notes.txt").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_files_of_another_user_are_told(store: Path) -> None:
    with open_world(store) as world:
        path = evaluate(world, rows(3))
        os.chown(path, 65534, 65534)
        (found,) = unwrap(verify(world)).damages
        assert isinstance(found, WrongRights)
        assert (found.path, found.owner) == (path, 65534)


def test_references_narrow_what_is_read(store: Path) -> None:
    with open_world(store) as world:
        evaluate(world, upper(rows(3)))
        other = evaluate(world, rows(5))
        flip(other)
        asked = unwrap(verify(world, upper(rows(3)).dref))
        assert (asked.objects, asked.damages) == (2, ())
        (found,) = unwrap(verify(world, rows(5).dref)).damages
        assert isinstance(found, DamagedObject)
        missing = world.perform.result(verify(world, DRef(f"{'a' * 32}-nothing")))
        assert isinstance(missing, Failure)
        assert isinstance(missing.failure(), NotStored)


def test_trap_a_sample_of_nothing_was_taken(store: Path) -> None:
    """Trap: the command line refuses it; and what it answers, with nothing read, is that all is sound."""
    with open_world(store) as world:
        evaluate(world, rows(3))
        assert [unwrap(verify(world, sample=count)).objects for count in (1, 2)] == [1, 1]
        for count in (0, -1):
            with pytest.raises(ValueError, match=f"sample is {count}: it says how many objects are read"):
                verify(world, sample=count)
        with pytest.raises(TypeError, match="sample is '3'; it takes a whole number"):
            verify(world, sample="3")  # type: ignore[arg-type]  # what no type checker saw


# Groups.


def harm_line(store: Path, about: str) -> Path:
    """Flip a bit in the line of a group that tells of ``about``, where no digest of the record would tell."""
    path = group_with(store, about)
    data = path.read_bytes()
    flip(path, data.index(b'"python":"', data.index(about.encode()) - 400) + 11)
    return path


@pytest.mark.parametrize("index", ["known", "gone"])
def test_sound_lines_of_a_damaged_group_are_saved(store: Path, index: str) -> None:
    with open_world(store) as world:
        outcomes = [unwrap(realize(world, double(number))) for number in (1, 2)]
        many = [double(number) for number in range(10, 20)]
        for plan in many:
            evaluate(world, plan)
    lines = {path: path.read_bytes().splitlines() for path in (store / "records").iterdir()}
    path = group_with(store, outcomes[0].rrefs[0].text)
    flip(path, path.read_bytes().index(b'"content":"blake3:') + 20)
    if index == "gone":
        for name in ("index.sqlite", "index.sqlite-wal", "index.sqlite-shm"):
            (store / name).unlink(missing_ok=True)
        with pytest.raises(EngineError) as caught:
            open_world(store)
        assert isinstance(caught.value.failure, DamagedRecord)
        assert "verify --repair" in str(caught.value)
    with open_world(store, mending=True) as world:
        (found,) = unwrap(verify(world)).damages
        assert isinstance(found, DamagedGroup)
        assert (found.path, found.lost, found.sound) == (path, 1, len(lines[path]) - 1)
        assert found.rrefs == (outcomes[0].rrefs if index == "known" else ())
        assert unwrap(verify(world, repair=True)).sound
        assert not path.exists()
        left = [line for each in (store / "records").iterdir() for line in each.read_bytes().splitlines()]
        assert len(set(lines[path]) - set(left)) == 1, "all but the damaged line"
        assert unwrap(verify(world)).damages == ()
    with open_world(store) as world:
        for plan in (double(2), *many):
            evaluate(world, plan, only_stored=True)
        assert isinstance(world.perform.result(realize(world, double(1), only_stored=True)), Failure)
        assert evaluate(world, double(1)) == 2


def test_a_bit_that_no_digest_covers_is_found_by_the_index(store: Path) -> None:
    """Provenance is not in the digest of a record: the checksum of its line, which the index has, tells."""
    with open_world(store) as world:
        rref = unwrap(realize(world, double(1))).rrefs[0]
        harm_line(store, rref.text)
        (found,) = unwrap(verify(world)).damages
        assert isinstance(found, DamagedGroup)
        assert found.rrefs == (rref,)
        assert unwrap(verify(world, repair=True)).sound
        assert evaluate(world, double(1)) == 2


def test_a_group_under_another_name_is_taken_up_whole(store: Path) -> None:
    with open_world(store) as world:
        evaluate(world, double(1))
    (path,) = (store / "records").iterdir()
    path.rename(path.with_name("0" * 64 + ".jsonl"))
    with open_world(store, mending=True) as world:
        assert unwrap(verify(world, repair=True)).sound
        assert path.exists()
        assert evaluate(world, double(1), only_stored=True) == 2


def test_a_group_cut_in_a_line(store: Path) -> None:
    with open_world(store) as world:
        evaluate(world, double(1))
        (path,) = (store / "records").iterdir()
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:-10])
        path.chmod(0o444)
        (found,) = unwrap(verify(world)).damages
        assert isinstance(found, DamagedGroup)
        assert (found.lost, found.sound) == (1, 1)
        assert unwrap(verify(world, repair=True)).sound


# What cannot be read.


@final
class Locked:
    """A plan for a disk: what may not be read under a path, until its rights are set."""

    def __init__(self, path: Path, number: int = errno.EACCES) -> None:
        self.path, self.number = str(path), number
        self.asked: list[str] = []

    def __call__(self, call: Call) -> Fault | None:
        if call.paths[:1] != (self.path,):
            return None
        if call.act == "chmod":
            self.path = ""
        self.asked.append(call.act)
        return Refusal(self.number) if call.act in ("open", "read", "pread", "scandir") else None


def test_a_group_that_may_not_be_read_gets_its_rights_back_and_loses_nothing(store: Path) -> None:
    """Trap: what cannot be read has no sound line, and repair of it would remove it."""
    with open_world(store) as world:
        rref = unwrap(realize(world, double(1))).rrefs[0]
    path = group_with(store, rref.text)
    with world_on(Watched(plan=Locked(path)), store) as world:
        (found,) = unwrap(verify(world)).damages
        assert isinstance(found, DamagedGroup)
        assert found.why == "it cannot be read: Permission denied"
        mended = unwrap(verify(world, repair=True))
        assert mended.sound, mended.repairs
        assert evaluate(world, double(1), only_stored=True) == 2
    assert path.exists()


@pytest.mark.parametrize("index", ["known", "gone"])
def test_a_group_that_cannot_be_read_is_named_and_left(store: Path, index: str) -> None:
    with open_world(store) as world:
        rref = unwrap(realize(world, double(1))).rrefs[0]
        evaluate(world, rows(3)).chmod(0o666)
    path = group_with(store, rref.text)
    if index == "gone":
        (store / "index.sqlite").unlink()
    disk = Watched(plan=lambda call: Refusal(errno.EIO) if call.paths == (str(path),) and "read" in call.act else None)
    if index == "gone":
        failed = Performing().result(open_directory(store, disk=disk)).failure()
    else:
        with world_on(disk, store) as world:
            failed = world.perform.result(realize(world, double(1))).failure()
    assert isinstance(failed, DamagedRecord)
    assert failed.place == str(path)
    assert failed.why.startswith("it cannot be read: Input/output error")
    damaged = [each for each in examine_store(store, disk).oddities if isinstance(each, DamagedGroup)]
    assert [(each.path, each.why) for each in damaged] == [(path, "it cannot be read: Input/output error")]
    opened = unwrap(open_directory(store, disk=disk, mending=True))
    found = unwrap(opened.verify(Audit()))
    repairs = unwrap(opened.mend(found.damages))
    unwrap(opened.close())
    assert {type(each.damage): each.healed for each in repairs} == {DamagedGroup: False, WrongRights: True}
    with open_world(store) as world:
        assert evaluate(world, double(1), only_stored=True) == 2
        assert unwrap(verify(world)).sound


@pytest.mark.parametrize("lasting", [True, False])
def test_what_records_may_name_that_cannot_be_read_is_not_removed(store: Path, lasting: bool) -> None:
    """Trap: a group cannot be read for a moment, and damaged objects that it names look as if nothing did."""
    with open_world(store) as world:
        path = evaluate(world, rows(3))
    flip(path)
    group, refused = str(group_with(store, '"rows"')), 0

    def plan(call: Call) -> Fault | None:
        nonlocal refused
        if call.paths[:1] != (group,) or "read" not in call.act or (refused and not lasting):
            return None
        refused += 1
        return Refusal(errno.EIO)

    with world_on(Watched(plan=plan), store) as world:
        mended = unwrap(verify(world, repair=True, plans=rows(3)))
        assert not mended.sound
        assert {type(each.damage): each.healed for each in mended.repairs} == {
            DamagedGroup: not lasting,
            DamagedObject: False,
        }
        assert path.exists()
    with open_world(store) as world:
        assert unwrap(verify(world, repair=True, plans=rows(3))).sound
        assert path.read_text() == "xxx"


def test_an_object_that_may_not_be_read_gets_its_rights_back(store: Path) -> None:
    """Nothing is run for it: who made it may be gone, or make something else."""
    with open_world(store) as world:
        path = evaluate(world, rows(3))
        other = evaluate(world, rows(4))
    path.chmod(0)
    flip(other)
    with world_on(Watched(plan=Locked(path)), store) as world:
        found = unwrap(verify(world)).damages
        assert {each.path: each.why for each in found if isinstance(each, DamagedObject)} == {
            path.parent: "rows.txt cannot be read: Permission denied",
            other.parent: "",
        }
        mended = unwrap(verify(world, repair=True, plans=rows(4)))
        assert mended.sound, mended.repairs
        assert sorted(each.how.partition(",")[0] for each in mended.repairs) == [
            "it can be read again",
            "it was made again",
        ]
        assert path.stat().st_mode & 0o777 == 0o444
        assert unwrap(verify(world)).damages == ()


def test_what_is_another_users_is_said_to_be(store: Path) -> None:
    with open_world(store) as world:
        path = evaluate(world, rows(3))
    locked = Locked(path)

    def plan(call: Call) -> Fault | None:
        return Refusal(errno.EPERM) if call.act == "chmod" and call.paths == (str(path),) else locked(call)

    path.chmod(0)
    with world_on(Watched(plan=plan), store) as world:
        (done,) = unwrap(verify(world, repair=True, plans=rows(3))).repairs
        assert (done.healed, done.how) == (False, "it is another user's: let him set it right")


def test_trap_what_is_gone_was_said_to_be_another_users(store: Path) -> None:
    """Trap: somebody removed a damaged object himself, and was told that another user has to."""
    with open_world(store) as world:
        evaluate(world, rows(3))
    home = store / "objects" / ("0" * 64)
    home.mkdir()

    def remove(call: Call) -> None:
        if call.act == "chmod" and call.paths == (str(home),) and home.exists():
            home.rmdir()

    with world_on(Watched(tell=remove), store) as world:
        (done,) = unwrap(verify(world, repair=True)).repairs
    assert (done.healed, done.how) == (True, "it is gone by now")


@pytest.mark.parametrize("what", ["file", "pipe", "link", "link to nowhere"])
def test_what_stands_in_the_place_of_an_object_is_found_and_replaced(store: Path, what: str, tmp_path: Path) -> None:
    """It is no folder: nothing else stays unread for that, and what a link leads to is not touched."""
    with open_world(store) as world:
        homes = [evaluate(world, rows(count)).parent for count in (3, 4)]
        flip(homes[1] / "rows.txt")
        homes[0].chmod(0o755)
        homes[0].rename(tmp_path / "elsewhere")
        if what == "file":
            homes[0].write_text("xxx")
        elif what == "pipe":
            os.mkfifo(homes[0])
        else:
            homes[0].symlink_to(tmp_path / ("elsewhere" if what == "link" else "nowhere"))
        found = unwrap(verify(world)).damages
        assert {each.path for each in found if isinstance(each, DamagedObject)} == {*homes}
        mended = unwrap(verify(world, repair=True, plans=[rows(3), rows(4)]))
        assert mended.sound, mended.repairs
        assert unwrap(verify(world)).damages == ()
        assert [(home / "rows.txt").read_text() for home in homes] == ["xxx", "xxxx"]
        assert (tmp_path / "elsewhere").stat().st_mode & 0o777 == 0o755
        assert [*unwrap(gc(world)).objects]


def test_what_fails_as_it_is_made_again_is_not_said_to_be_of_chance(store: Path) -> None:
    with open_world(store) as world:
        flip(evaluate(world, chance()))
        CHANCE["text"] = "raise"
        try:
            (done,) = unwrap(verify(world, repair=True, plans=chance())).repairs
        finally:
            CHANCE["text"] = "same"
        assert (done.healed, done.how) == (False, "it cannot be made again: it failed: raised OSError: no room")
        assert unwrap(verify(world, repair=True, plans=chance())).sound


# Others.

OPEN = "import sys, lightfx; world = lightfx.open_world(sys.argv[1]); print('open', flush=True); sys.stdin.read()"


def test_nothing_is_mended_beside_others_and_all_is_verified(store: Path) -> None:
    with open_world(store) as world:
        flip(evaluate(world, rows(3)))
        with subprocess.Popen([sys.executable, "-c", OPEN, store], stdin=-1, stdout=-1, text=True) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "open\n"
            assert len(unwrap(verify(world)).damages) == 1
            failed = world.perform.result(verify(world, repair=True, plans=rows(3)))
            assert isinstance(failed, Failure)
            found = failed.failure()
            assert isinstance(found, InUse)
            assert str(other.pid) in found.who[0]
            other.send_signal(signal.SIGKILL)
        assert unwrap(verify(world, repair=True, plans=rows(3))).sound


MEND = """
import os, signal, sys
import lightfx
from lightfx.shell.disk import Disk
from lightfx.shell.store.directory import open_directory
from lightfx.core.damage import Audit

class Dying(Disk):
    left = int(sys.argv[2])

    def __getattribute__(self, name):
        if name in ("rename", "unlink", "fsync", "chmod", "mkdir", "rmdir", "write"):
            Dying.left -= 1
            if Dying.left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().__getattribute__(name)

store = lightfx.unwrap(open_directory(__import__("pathlib").Path(sys.argv[1]), mending=True))
damages = lightfx.unwrap(store.verify(Audit())).damages
store._mender = __import__("attrs").evolve(store._mender, disk=Dying())
lightfx.unwrap(store.mend(damages))
"""


def test_killed_anywhere_mending_loses_nothing_that_is_sound(tmp_path: Path) -> None:
    died = 0
    for step in range(40):
        store = tmp_path / f"store-{step}"
        with open_world(store) as world:
            evaluate_all(world, [double(number) for number in range(3)])  # in one group: the others' lines are sound
            evaluate(world, rows(3)).chmod(0o666)
            lost = unwrap(realize(world, double(0))).rrefs[0]
        path = group_with(store, lost.text)
        flip(path, path.read_bytes().index(b'"content":"blake3:') + 20)
        done = subprocess.run([sys.executable, "-c", MEND, store, str(step)], check=False)
        died += done.returncode == -signal.SIGKILL
        with open_world(store, mending=True) as world:
            assert unwrap(verify(world, repair=True)).sound
        with open_world(store) as world:
            for number in (1, 2):
                evaluate(world, double(number), only_stored=True)
            assert unwrap(verify(world)).damages == ()
        assert list((store / "tmp").iterdir()) == []
        if done.returncode == 0:
            break
    else:
        pytest.fail("it was killed each time")
    assert died >= 5


def test_a_missing_object_of_an_ephemeral_stage_is_no_damage(store: Path) -> None:
    @stage(version="1", ephemeral=True)
    def large(build: Build) -> Path:
        path = build.out / "large"
        path.write_text("large")
        return path

    @stage(version="1")
    def measure(build: Build, data: Derivation[Path]) -> int:
        return len(build.need(data).read_text())

    with open_world(store) as world:
        assert evaluate(world, measure(large())) == 5
        assert unwrap(verify(world)).damages == ()


def test_a_missing_object_is_told_with_who_has_it(store: Path) -> None:
    with open_world(store) as world:
        path = evaluate(world, rows(3))
        path.parent.chmod(0o755)
        path.parent.rename(store.parent / "gone")
        (found,) = unwrap(verify(world)).damages
        assert isinstance(found, MissingObject)
        assert [rref.dref for rref in found.rrefs] == [rows(3).dref]
