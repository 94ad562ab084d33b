"""Runs that share results over a cache: a second store that builds nothing, and caches that misbehave."""

from __future__ import annotations

from pathlib import Path

import pytest

from lightfx import Build, Derivation, evaluate, open_world, realize, stage, unwrap
from lightfx.caches import CacheSetup, anyone, folder
from lightfx.effects.journal import CacheRefused, CacheWarned, JournalEvent, Pulled, Pushed, TaskStarted
from lightfx.journal import Listener


@stage(version="1")
def double(build: Build, number: int) -> int:
    return 2 * number


@stage(version="1")
def written(build: Build, number: Derivation[int], large: bool = False) -> Path:
    folder = build.out / "sub"
    folder.mkdir()
    (folder / "number.txt").write_text(str(build.need(number)) * (100_000 if large else 1))
    (folder / "again.txt").symlink_to("number.txt")
    (build.out / "run.sh").write_text("exit 0")
    (build.out / "run.sh").chmod(0o755)
    return folder


@stage(version="1")
def length(build: Build, text: Derivation[Path]) -> int:
    return len((build.need(text) / "again.txt").read_text())


class Heard:
    """A world on a store of its own, and what its journal told."""

    def __init__(self, path: Path, *caches: CacheSetup) -> None:
        self.events: list[JournalEvent] = []
        self.path, self.caches = path, caches

    def evaluate(self, plan, **options):
        with open_world(self.path, caches=self.caches, journal=Listener(self.events.append)) as world:
            return evaluate(world, plan, **options)

    def realize(self, plan):
        with open_world(self.path, caches=self.caches, journal=Listener(self.events.append)) as world:
            return unwrap(realize(world, plan))

    @property
    def ran(self) -> int:
        return sum(isinstance(event, TaskStarted) for event in self.events)

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def shared(tmp_path: Path) -> CacheSetup:
    return folder(tmp_path / "shared", name="ours", push=True, trust=anyone)


@pytest.mark.parametrize("large", [False, True])
def test_a_fresh_store_takes_all_from_the_cache_of_another(tmp_path: Path, shared: CacheSetup, large: bool) -> None:
    first, second = Heard(tmp_path / "one", shared), Heard(tmp_path / "two", shared)
    plan = length(written(double(21), large))
    assert first.evaluate(plan) == (200_000 if large else 2)
    assert first.ran == 3
    assert [event.count for event in first.of(Pushed)] == [3]
    assert second.evaluate(plan) == (200_000 if large else 2)
    assert second.ran == 0
    assert sum(event.count for event in second.of(Pulled)) == 3
    assert second.of(CacheWarned) == second.of(CacheRefused) == []
    path = second.evaluate(written(double(21), large))
    assert (path / "again.txt").is_symlink()
    assert (path.parent / "run.sh").stat().st_mode & 0o777 == 0o555
    assert second.ran == 0
