"""D15: file systems, and what they lack.

What lightfx asks of one is in ``docs/store-format.md``. It hard-links an owner's file alone, to claim keys; it makes no
reflinks, so there is no fallback from them to report, whatever the file system can do.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from linkless import linkless
from odd_disks import AS_ROOT, image, mounted, number, sound, text
from plain import judge, records_of

from lightfx import Build, evaluate, open_world, realize, realize_all, stage
from lightfx.core.failures import EngineError, EngineFailure, SplitStore, sentence
from lightfx.core.names import Digest
from lightfx.effects.world import World
from lightfx.garbage import add_root, gc
from lightfx.shell.disk import Disk
from lightfx.shell.store.claims import Claims
from lightfx.testing.faults import world_on
from lightfx.upkeep import doctor
from lightfx.wiring import unwrap

D15 = pytest.mark.reliability("D15", "file systems", passes="the same results on each")
LIMIT = 65_000  # names of one file on ext4


@stage(version="1")
def long_name(build: Build, name: str) -> Path:
    (build.out / name).write_text("long")
    return build.out / name


PLANS = [text("a", 10_000), text("é" * 3, 5), number(3), long_name("n" * 255), long_name("é" * 127 + "n")]
"""The last ones have names of 255 bytes, the most that there can be."""


def results(store: Path) -> set[tuple[object, object]]:
    """What is stored, by the names that it has on any disk."""
    wrong: list[str] = []
    found = {(each["rref"], each.get("tree")) for each in records_of(store, wrong) if "rref" in each}
    assert wrong == []
    return found


@contextmanager
def overlay(tmp_path: Path) -> Iterator[Path]:
    for each in ("lower", "upper", "work"):
        (tmp_path / each).mkdir(exist_ok=True)
    layers = ",".join(f"{name}dir={tmp_path / name}" for name in ("lower", "upper", "work"))
    with mounted(tmp_path / "disk", "-t", "overlay", "-o", layers, "overlay") as disk:
        yield disk


@contextmanager
def fuse(tmp_path: Path, code: int) -> Iterator[Path]:
    if find_spec("mfusepy") is None:
        pytest.skip("mfusepy is not installed")
    if not os.path.exists("/dev/fuse"):
        pytest.skip("there is no FUSE")
    with linkless(tmp_path / "disk", code) as disk:
        yield disk


PLACES: dict[str, Callable[[Path], AbstractContextManager[Path]]] = {
    "tmpfs": lambda tmp_path: mounted(tmp_path / "disk", "-t", "tmpfs", "tmpfs"),
    "overlay": overlay,
    **{kind: lambda tmp_path, kind=kind: image(tmp_path, kind, "320m") for kind in ("ext4", "xfs", "btrfs")},  # type: ignore[misc]
    "fuse, no hard links: EPERM": lambda tmp_path: fuse(tmp_path, errno.EPERM),
    "fuse, no hard links: ENOSYS": lambda tmp_path: fuse(tmp_path, errno.ENOSYS),
}


@AS_ROOT
@D15
@pytest.mark.parametrize("place", PLACES)
def test_file_systems(tmp_path: Path, place: str) -> None:
    with open_world(tmp_path / "known") as world:
        unwrap(realize_all(world, PLANS))
    with PLACES[place](tmp_path) as disk:
        for _ in range(2):
            with open_world(disk / "store") as world:
                unwrap(realize_all(world, PLANS))
                unwrap(add_root(world, PLANS[0].dref))
        assert results(disk / "store") == results(tmp_path / "known")
        assert judge(disk / "store", ()) == []
        assert unwrap(doctor(disk / "store")).disk.kind == place.partition(",")[0]
        with open_world(disk / "store") as world:
            assert sound(world) == len(PLANS)
            unwrap(gc(world))
            assert sound(world) == 1
        assert not list((disk / "store/tmp").iterdir())
        assert not list((disk / "store/claims").iterdir())


# Two file systems.


def refusal(world: World, act: object) -> EngineFailure:
    return world.perform.result(act).failure()  # type: ignore[arg-type]


@contextmanager
def split(store: Path, folder: str, how: str) -> Iterator[None]:
    """Let a folder of a store lie elsewhere."""
    home, elsewhere = store / folder, store.with_name("elsewhere")
    elsewhere.mkdir()
    with mounted(home, *(("--bind", str(elsewhere)) if how == "bind" else ("-t", "tmpfs", "tmpfs"))):
        yield


@AS_ROOT
@D15
@pytest.mark.parametrize("how", [pytest.param("tmpfs", marks=pytest.mark.quick), "bind"])
def test_a_store_on_two_file_systems_is_refused_by_name_and_read(tmp_path: Path, how: str) -> None:
    """Bound from the same file system, it is another mount all the same: nothing can be renamed across."""
    store = tmp_path / "store"
    with open_world(store) as world:
        evaluate(world, text("k", 1000))
        unwrap(add_root(world, text("k", 1000).dref))
        evaluate(world, text("g", 1000))
    with split(store, "tmp", how):
        with open_world(store) as world:
            assert sound(world) == 2
            assert evaluate(world, text("k", 1000)).read_text() == "k" * 1000
            for plan, target in ((text("z", 1000), "objects"), (number(1), "records")):
                why = refusal(world, realize(world, plan))
                assert isinstance(why, SplitStore), why
                assert why.source.startswith(f"{store}/tmp/")
                assert why.target == f"{store}/{target}"
                assert why.source in sentence(why)
                assert f"{why.target}: they are on two file systems" in sentence(why)
                assert "unmount" in sentence(why)
            assert sound(world) == 2
            assert isinstance(refusal(world, gc(world)), SplitStore)
        assert not list((store / "tmp").iterdir())
    with open_world(store) as world:
        assert evaluate(world, text("z", 1000)).read_text() == "z" * 1000
        assert evaluate(world, number(1)) == 1
        unwrap(gc(world))
        assert sound(world) == 1
    assert judge(store, ()) == []


@AS_ROOT
@D15
def test_no_store_is_made_on_two_file_systems(tmp_path: Path) -> None:
    (tmp_path / "store/tmp").mkdir(parents=True)
    with mounted(tmp_path / "store/tmp", "-t", "tmpfs", "tmpfs"):
        with pytest.raises(EngineError) as caught, open_world(tmp_path / "store"):
            pass
        assert caught.value.failure == SplitStore(f"{tmp_path}/store/tmp", f"{tmp_path}/store")
    with open_world(tmp_path / "store") as world:
        assert evaluate(world, number(1)) == 1


@AS_ROOT
@D15
def test_a_store_in_a_layer_below_is_read_and_added_to(tmp_path: Path) -> None:
    """Trap: an overlay renames no folder that lies in a layer below, as where an image of a container holds a store."""
    with open_world(tmp_path / "lower/store") as world:
        evaluate(world, text("k", 1000))
    with overlay(tmp_path) as disk:
        with open_world(disk / "store") as world:
            evaluate(world, text("z", 1000))
            assert evaluate(world, text("k", 1000)).read_text() == "k" * 1000
            assert sound(world) == 2
            why = world.perform.result(gc(world)).swap().value_or(None)
            # The layers tell by their own settings whether they can.
            assert why is None or (isinstance(why, SplitStore) and "layers" in sentence(why)), why
        with open_world(disk / "store") as world:
            assert evaluate(world, text("k", 1000)).read_text() == "k" * 1000
        assert judge(disk / "store", ()) == []


class Watching(Disk):
    """Remembers what file system was synced last."""

    synced = -1

    def syncfs(self, file: int) -> bool:
        self.synced = self.fstat(file).st_dev
        return super().syncfs(file)


@AS_ROOT
@D15
def test_what_is_synced_is_where_the_files_are(tmp_path: Path) -> None:
    """Trap: all folders of a store are links to another disk. It works, so it must be durable there, too."""
    store, elsewhere = tmp_path / "store", tmp_path / "elsewhere"
    with open_world(store):
        pass
    with mounted(elsewhere, "-t", "tmpfs", "tmpfs"):
        for name in ("tmp", "objects", "records"):
            (store / name).rmdir()
            (elsewhere / name).mkdir()
            (store / name).symlink_to(elsewhere / name)
        disk = Watching()
        with world_on(disk, store) as world:
            assert evaluate(world, text("k", 1000)).stat().st_dev == disk.synced


# Links that run out.


@AS_ROOT
@D15
def test_more_claims_than_a_file_may_have_names(tmp_path: Path) -> None:
    """EMLINK: the claims beyond it are symbolic links, and hold as well."""
    keys = [Digest.of(str(each).encode()) for each in range(LIMIT + 50)]
    with image(tmp_path, "ext4", "320m") as disk:
        with open_world(disk / "store"):
            pass
        claims, other = Claims(disk / "store"), Claims(disk / "store")
        assert claims.claim(keys) == set(keys)
        folder = disk / "store/claims"
        (owner,) = (each for each in folder.glob("owner-*") if each.stat().st_nlink > 1)
        assert owner.stat().st_nlink == LIMIT
        assert sum(each.is_symlink() for each in folder.iterdir()) == 51
        assert other.claim(keys[-100:]) == frozenset()
        claims.release(keys)
        assert other.claim(keys[-100:]) == set(keys[-100:])
        claims.close()
        other.close()
        assert not list(folder.iterdir())
