"""Moving realizations between stores: whole, with all that they stand on, and nothing that is not what it says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from returns.result import Failure

from lightfx import Build, Derivation, DRef, RRef, World, evaluate, memory_world, open_world, realize, stage, unwrap
from lightfx.core.failures import DamagedObject, NotStored, SystemTrouble
from lightfx.looking import allrrefs
from lightfx.moving import copy_closure, pack, unpack
from lightfx.shell import archive


@stage
def tree(build: Build, size: int) -> Path:
    (build.out / "deep" / "empty").mkdir(parents=True)
    (build.out / "deep" / "data").write_bytes(b"x" * size)
    (build.out / "again").write_bytes(b"x" * size)
    (build.out / "run.sh").write_text("#!/bin/sh\n")
    (build.out / "run.sh").chmod(0o755)
    (build.out / "link").symlink_to("deep/data")
    (build.out / os.fsdecode(b"odd-\xff")).write_text("\u2028")
    return build.out


@stage
def length(build: Build, tree: Derivation[Path], note: str) -> int:
    print("long " * 4000)
    if note == "bad":
        raise ValueError("a\u2028b")
    return (build.need(tree) / "link").stat().st_size


@stage(ephemeral=True)
def passing(build: Build) -> Path:
    (build.out / "p").write_text("p")
    return build.out / "p"


@stage
def after(build: Build, passed: Derivation[Path]) -> str:
    return build.need(passed).read_text()


PLAN, BROKEN = length(tree(10), "a\u2028\x85b"), length(tree(10), "bad")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "here") as world:
        evaluate(world, PLAN)
        evaluate(world, tree(20))
        unwrap(realize(world, BROKEN))
        yield world


@pytest.fixture(params=["memory", "disk"])
def there(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    place = tmp_path / "there"
    with memory_world(place) if request.param == "memory" else open_world(place) as world:
        yield world


def test_a_plan_is_no_reference(here: World, there: World, tmp_path: Path) -> None:
    """The trap: it ended in an AttributeError about insides."""
    for given in (PLAN, [PLAN]):
        refs: Any = given
        for act in (
            lambda refs=refs: pack(here, refs, tmp_path / "x"),
            lambda refs=refs: copy_closure(refs, here, there),
        ):
            with pytest.raises(TypeError, match=r"wanted.* not Derivation"):
                act()
    one: Any = PLAN.dref
    with pytest.raises(TypeError, match=r"references are wanted in a sequence, not DRef: \[ref\]"):
        pack(here, one, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def failed(world: World, effect: Any) -> Any:
    result = world.perform.result(effect)
    assert isinstance(result, Failure), result
    return result.failure()


def moved(here: World, there: World, file: Path, way: str, *refs: Any) -> Any:
    if way == "copy":
        return unwrap(copy_closure(refs, here, there))
    unwrap(pack(here, refs, file))
    return unwrap(unpack(there, file))


@pytest.mark.parametrize("way", ["copy", "pack"])
def test_what_was_moved_is_as_if_it_was_made_there(here: World, there: World, tmp_path: Path, way: str) -> None:
    freight = moved(here, there, tmp_path / "file", way, PLAN.dref, BROKEN.dref)
    assert len(freight.realizations) == 3
    assert set(unwrap(allrrefs(there))) == {each.rref for each in freight.realizations}
    assert evaluate(there, PLAN, only_stored=True) == 10
    assert unwrap(realize(there, BROKEN, only_stored=True)).kind == "raised"
    folder = evaluate(there, tree(10), only_stored=True)
    assert (folder / "deep" / "empty").is_dir()
    assert os.access(folder / "run.sh", os.X_OK)
    assert not (folder / "again").stat().st_mode & 0o222
    assert (folder / os.fsdecode(b"odd-\xff")).read_text() == "\u2028"
    rrefs = tuple(each.rref for each in freight.realizations)
    assert unwrap(there.store.realizations(rrefs)) == unwrap(here.store.realizations(rrefs))
    drefs = tuple({each.dref for each in rrefs})
    configs = unwrap(here.store.configs(drefs))
    assert unwrap(there.store.configs(drefs)) == configs
    prints = [each.fingerprint for each in configs.values()]
    assert all(prints)
    assert unwrap(there.store.codes(prints)) == unwrap(here.store.codes(prints)) != {}
    again = moved(here, there, tmp_path / "file", way, PLAN.dref, BROKEN.dref)
    assert [each.rref for each in again.realizations] == [each.rref for each in freight.realizations]
    assert len(unwrap(allrrefs(there))) == 3


def test_what_is_there_already_is_written_once(here: World, tmp_path: Path) -> None:
    with open_world(tmp_path / "there") as there:
        unwrap(copy_closure([PLAN.dref], here, there))
        groups = sorted(os.listdir(tmp_path / "there" / "records"))
        unwrap(copy_closure([PLAN.dref], here, there))
        assert sorted(os.listdir(tmp_path / "there" / "records")) == groups
        (private,) = (tmp_path / "there" / "tmp").iterdir()
        assert [each for spare in private.iterdir() for each in spare.iterdir()] == []


@pytest.mark.parametrize("way", ["copy", "pack"])
def test_files_that_were_dropped_need_not_come(here: World, there: World, tmp_path: Path, way: str) -> None:
    evaluate(here, after(passing()))
    moved(here, there, tmp_path / "file", way, after(passing()).dref)
    assert evaluate(there, after(passing()), only_stored=True) == "p"


def test_one_realization_is_moved_alone(here: World, there: World, tmp_path: Path) -> None:
    (rref,) = unwrap(realize(here, tree(20))).rrefs
    unwrap(pack(here, [rref], tmp_path / "file"))
    assert [each.rref for each in unwrap(unpack(there, tmp_path / "file")).realizations] == [rref]


def test_what_is_not_there_is_not_moved(here: World, there: World, tmp_path: Path) -> None:
    for strange in (DRef(f"{'a' * 32}-x"), RRef(f"{'a' * 32}-{PLAN.dref}")):
        assert failed(here, pack(here, [strange], tmp_path / "file")) == NotStored(strange.text)
        assert failed(here, copy_closure([PLAN.dref, strange], here, there)) == NotStored(strange.text)
    assert not (tmp_path / "file").exists()
    assert unwrap(allrrefs(there)) == ()


def test_what_was_changed_on_the_disk_is_not_moved(here: World, there: World, tmp_path: Path) -> None:
    path = evaluate(here, tree(20)) / "again"
    path.chmod(0o644)
    path.write_bytes(b"other")
    # Looked at just now, it is not looked at again: then what is moved is found to be another thing as it is moved.
    assert isinstance(failed(here, copy_closure([tree(20).dref], here, there)), NotStored | DamagedObject)
    assert isinstance(failed(here, pack(here, [tree(20).dref], tmp_path / "file")), NotStored | DamagedObject)
    assert unwrap(allrrefs(there)) == ()


def test_a_file_that_cannot_be_written_is_said(here: World, tmp_path: Path) -> None:
    assert isinstance(failed(here, pack(here, [PLAN.dref], tmp_path / "no" / "where")), SystemTrouble)
    assert isinstance(failed(here, unpack(here, tmp_path / "nothing")), SystemTrouble)
    (tmp_path / "old").write_text("old")
    unwrap(pack(here, [PLAN.dref], tmp_path / "old"))
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]
    assert unwrap(unpack(here, tmp_path / "old")).refs == (PLAN.dref,)


def test_two_archives_of_the_same_are_the_same(here: World, tmp_path: Path) -> None:
    for name in ("one", "other"):
        unwrap(pack(here, [PLAN.dref], tmp_path / name))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_without_zstd_it_says_what_to_install(here: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "zstd", lambda: None)
    failure = failed(here, pack(here, [PLAN.dref], tmp_path / "file"))
    assert isinstance(failure, SystemTrouble)
    assert "lightfx[zstd]" in failure.message
    assert not [name for name in os.listdir(tmp_path) if "file" in name]
