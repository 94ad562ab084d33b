"""Runs on damaged files: never wrong bytes, and what is damaged is made again."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from returns.result import Failure

from lightfx import Build, Derivation, World, evaluate, memory_world, open_world, realize, source_file, stage, unwrap
from lightfx.core.damage import DamagedObject, MissingObject
from lightfx.core.manifest import digest_of
from lightfx.shell.store import soundness
from lightfx.shell.store.index import Index
from lightfx.shell.store.tree import entries_of

RUNS: list[str] = []
CHANCE = {"text": "same"}


@stage(version="1")
def rows(build: Build, count: int) -> Path:
    RUNS.append("rows")
    path = build.out / "rows.txt"
    path.write_text("x" * count)
    (build.out / "deep").mkdir()
    (build.out / "deep" / "more.txt").write_text("more")
    return path


@stage(version="1")
def chance(build: Build) -> Path:
    RUNS.append("chance")
    path = build.out / "dice.txt"
    path.write_text(CHANCE["text"])
    return path


@stage(version="1")
def count(build: Build, data: Derivation[Path], twice: bool = False) -> int:
    RUNS.append("count")
    return len(build.need(data).read_text()) * (1 + twice)


@stage(version="1")
def joined(build: Build, one: Derivation[Path], other: Derivation[Path]) -> str:
    RUNS.append("joined")
    return build.need(one).read_text() + build.need(other).read_text()


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    RUNS.clear()
    CHANCE["text"] = "same"
    monkeypatch.setattr(soundness, "TRUST", 0.0)


@pytest.fixture(params=["memory", "disk"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with memory_world(tmp_path / "scratch") if request.param == "memory" else open_world(tmp_path / "store") as opened:
        yield opened


def flip(path: Path, *, quietly: bool = False) -> None:
    """Flip a bit of a file; ``quietly``: with its times as they were."""
    before = path.stat()
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)
    path.chmod(before.st_mode & 0o777)
    if quietly:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def cut(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(b"")
    path.chmod(0o444)


def remove(path: Path) -> None:
    path.parent.chmod(0o755)
    path.unlink()
    path.parent.chmod(0o555)


def add(path: Path) -> None:
    path.parent.chmod(0o755)
    path.with_name("stranger").write_text("new")
    path.parent.chmod(0o555)


def link(path: Path) -> None:
    remove(path)
    path.parent.chmod(0o755)
    path.symlink_to("deep/more.txt")
    path.parent.chmod(0o555)


def vanish(path: Path) -> None:
    """Take the whole object away."""
    path.parent.chmod(0o755)
    path.parent.rename(path.parents[2] / "gone")


@pytest.mark.parametrize("harm", [flip, cut, remove, add, link, vanish])
def test_a_damaged_input_is_made_again_before_a_stage_reads_it(world: World, harm: Callable[[Path], None]) -> None:
    path = evaluate(world, rows(7))
    evaluate(world, count(rows(7)))
    harm(path)
    assert evaluate(world, count(rows(7), twice=True)) == 14
    assert RUNS == ["rows", "count", "rows", "count"]
    assert path.read_text() == "x" * 7
    assert sorted(each.name for each in path.parent.iterdir()) == ["deep", "rows.txt"]
    assert not path.parent.stat().st_mode & 0o222
    assert not path.stat().st_mode & 0o222


@pytest.mark.parametrize("harm", [flip, cut, remove, add, link, vanish])
def test_a_damaged_target_is_made_again_before_it_is_given_out(world: World, harm: Callable[[Path], None]) -> None:
    path = evaluate(world, rows(7))
    harm(path)
    assert evaluate(world, rows(7)).read_text() == "x" * 7
    assert RUNS == ["rows", "rows"]


def test_trap_what_was_made_again_was_made_again_by_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trap: that it is sound now was noted with the next record, and a run that makes files again writes none."""
    monkeypatch.setattr(soundness, "TRUST", 1e9)  # what was noted is not looked at again
    with open_world(tmp_path / "store") as world:
        path = evaluate(world, rows(7))
    flip(path)
    with open_world(tmp_path / "store") as world:
        assert evaluate(world, rows(7)).read_text() == "x" * 7
    assert RUNS == ["rows", "rows"]
    with open_world(tmp_path / "store") as world:
        assert evaluate(world, rows(7), only_stored=True) == path
    assert RUNS == ["rows", "rows"]


def test_what_reads_no_damaged_file_does_not_run(world: World) -> None:
    path = evaluate(world, rows(7))
    assert evaluate(world, count(rows(7))) == 7
    flip(path)
    assert evaluate(world, count(rows(7))) == 7
    assert RUNS == ["rows", "count"]


def test_where_nothing_may_run_the_damage_is_told(world: World) -> None:
    path = evaluate(world, rows(7))
    flip(path)
    failed = world.perform.result(realize(world, rows(7), only_stored=True))
    assert isinstance(failed, Failure)
    found = failed.failure()
    assert isinstance(found, DamagedObject)
    assert (found.path, found.files) == (path.parent, ("rows.txt",))
    assert "rows.txt" in str(found.files)
    assert RUNS == ["rows"]


def test_two_damaged_inputs_of_one_stage(world: World) -> None:
    first, second = evaluate(world, rows(3)), evaluate(world, chance())
    flip(first)
    flip(second)
    assert evaluate(world, joined(rows(3), chance())) == "xxxsame"


def test_what_comes_out_otherwise_is_used_and_the_damaged_one_is_not_listed_again(tmp_path: Path) -> None:
    with open_world(tmp_path / "store") as world:
        path = evaluate(world, chance())
        evaluate(world, count(chance()))
        flip(path)
        CHANCE["text"] = "other!"
        assert evaluate(world, count(chance(), twice=True)) == 12
        again = evaluate(world, chance())
        assert again.read_text() == "other!"
        assert RUNS == ["chance", "count", "chance", "count"]
    with open_world(tmp_path / "store") as world:
        assert evaluate(world, chance()) == again
        assert RUNS == ["chance", "count", "chance", "count"]


def test_a_damaged_source_is_copied_again(world: World, tmp_path: Path) -> None:
    outside = tmp_path / "input.txt"
    outside.write_text("four")
    stored = evaluate(world, source_file(outside))
    flip(stored)
    assert evaluate(world, count(source_file(outside))) == 4
    assert stored.read_text() == "four"


@pytest.mark.parametrize(("verify", "text"), [("hash", "xxxxxxx"), ("stat", "xxxxxxx"), ("never", "yxxxxxx")])
def test_how_much_is_asked(tmp_path: Path, verify: Literal["stat", "hash", "never"], text: str) -> None:
    """The times as they were do not help: the time of the last change of status cannot be set."""
    with open_world(tmp_path / "store") as world:
        path = evaluate(world, rows(7))
    flip(path, quietly=True)
    with open_world(tmp_path / "store", verify=verify) as world:
        assert evaluate(world, rows(7)).read_text() == text


def test_hash_does_not_believe_what_was_noted(tmp_path: Path) -> None:
    """What a disk flips changes no times: as if the note had been made of the flipped file."""
    with open_world(tmp_path / "store") as world:
        path = evaluate(world, rows(7))
    manifest = entries_of(path.parent, ours=False)
    tree = digest_of(manifest)
    flip(path)
    index = Index(tmp_path / "store" / "index.sqlite")
    believing = soundness.Soundness(tmp_path / "store", index)
    believing.note(tree, manifest)
    believing.write()
    index.close()
    with open_world(tmp_path / "store") as world:
        assert evaluate(world, rows(7)).read_text() == "yxxxxxx"
    with open_world(tmp_path / "store", verify="hash") as world:
        assert evaluate(world, rows(7)).read_text() == "xxxxxxx"


def test_what_is_not_known_is_digested(tmp_path: Path) -> None:
    with open_world(tmp_path / "store") as world:
        path = evaluate(world, rows(7))
    flip(path)
    for name in ("index.sqlite", "index.sqlite-wal", "index.sqlite-shm"):
        (tmp_path / "store" / name).unlink(missing_ok=True)
    with open_world(tmp_path / "store") as world:
        assert evaluate(world, count(rows(7))) == 7
        assert RUNS == ["rows", "rows", "count"]


def test_what_is_sound_is_not_digested_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_world(tmp_path / "store") as world:
        evaluate(world, rows(7))
    digested: list[object] = []
    entries_of = soundness.entries_of
    monkeypatch.setattr(
        soundness, "entries_of", lambda *args, **options: digested.append(args) or entries_of(*args, **options)
    )
    with open_world(tmp_path / "store") as world:
        evaluate(world, rows(7))
        assert evaluate(world, count(rows(7))) == 7
    assert digested == []
    with open_world(tmp_path / "store", verify="hash") as world:
        evaluate(world, rows(7))
        evaluate(world, count(rows(7)))
        evaluate(world, count(rows(7), twice=True))
    assert len(digested) == 1


def test_an_object_that_is_damaged_again_and_again_is_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that keeps nothing: the run ends with the damage, and not never."""
    with open_world(tmp_path / "store") as world:
        path = evaluate(world, rows(7))
        evaluate(world, count(rows(7)))
        flip(path)
        ingest = world.store.ingest

        def failing(folders: object) -> object:
            done = ingest(folders)  # type: ignore[arg-type]
            flip(path)
            return done

        monkeypatch.setattr(world.store, "ingest", failing)
        failed = world.perform.result(realize(world, count(rows(7), twice=True)))
    assert isinstance(failed, Failure)
    assert isinstance(failed.failure(), DamagedObject)


def test_unsound_tells_what_is_gone_from_what_is_damaged(world: World) -> None:
    one, other = evaluate(world, rows(1)), evaluate(world, rows(2))
    trees = [digest_of(entries_of(path.parent, ours=False)) for path in (one, other)]
    flip(one)
    vanish(other)
    found = unwrap(world.store.unsound(trees))
    assert [type(found[tree]) for tree in trees] == [DamagedObject, MissingObject]
