"""What lies deeper than paths can say: it is refused, it is removed, and it stops nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lightfx import BadOutput, Build, Left, evaluate, open_world, realize_all, stage, unwrap
from lightfx.core.manifest import Kind
from lightfx.garbage import gc
from lightfx.shell.disk import REAL
from lightfx.shell.store.tree import ForbiddenError, clear_tree, entries_of, remove_tree, salvage, size_of
from lightfx.upkeep import doctor, verify

NAME = "d" * 200


def deepen(root: Path, steps: int = 60, victim: Path | None = None) -> None:
    """Make folders below any path, with files in them, a link out, and folders without rights."""
    root.mkdir(exist_ok=True)
    at = os.open(root, os.O_RDONLY)
    for step in range(steps):
        os.mkdir(NAME, dir_fd=at)
        if step % 7 == 0:
            os.mkdir("beside", dir_fd=at)
            os.close(os.open("beside/file", os.O_CREAT | os.O_WRONLY, dir_fd=at))
        if victim is not None:
            os.symlink(victim, "link", dir_fd=at)
        below = os.open(NAME, os.O_RDONLY, dir_fd=at)
        if step % 5 == 4:
            os.fchmod(below, 0o000 if os.geteuid() == 0 else 0o700)
        os.close(at)
        at = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=at))
    os.close(at)


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "victim"
    (folder / "in").mkdir(parents=True)
    (folder / "file").write_text("as it was")
    yield folder
    assert (folder / "file").read_text() == "as it was" and (folder / "in").is_dir()


def test_it_is_removed_wholly_and_nothing_else_is(tmp_path: Path, victim: Path) -> None:
    for root in (tmp_path / "one", tmp_path / "two"):
        deepen(root, victim=victim)
        (root / "file").touch()
    assert clear_tree(tmp_path / "one") and list((tmp_path / "one").iterdir()) == []
    remove_tree(tmp_path / "two")
    assert not (tmp_path / "two").exists()


def test_it_is_refused_and_what_may_be_kept_of_it_is(tmp_path: Path, victim: Path) -> None:
    deepen(tmp_path / "out", victim=None)
    (tmp_path / "out" / "kept").write_text("half")
    assert size_of(str(tmp_path / "out")) == 4
    with pytest.raises(ForbiddenError) as refused:
        entries_of(tmp_path / "out")
    assert refused.value.forbidden.why == "lies deeper than a path can say" and len(refused.value.forbidden.path) < 200
    salvage(tmp_path / "out")
    kept = entries_of(tmp_path / "out")
    assert "kept" in {entry.path for entry in kept}
    assert 10 < sum(entry.kind is Kind.FOLDER and entry.path.endswith(NAME) for entry in kept) < 20
    remove_tree(tmp_path / "out", REAL)


@stage(version="1")
def deep(build: Build, how: str) -> int:
    deepen(build.out)
    if how == "raise":
        raise ValueError(how)
    return 0


@stage(version="1")
def fine(build: Build) -> int:
    return 1


def test_a_stage_that_makes_such_stops_nothing(tmp_path: Path) -> None:
    """Trap: it ended the run, and after it gc, verify and doctor, for ever: nobody could reach what it had made."""
    with open_world(tmp_path / "store") as world:
        made = unwrap(realize_all(world, {"keep": deep("keep"), "fine": fine(), "raise": deep("raise")}))
        left = made["keep"]
        assert isinstance(left, Left) and isinstance(left.cause, BadOutput)
        assert left.cause.why == "lies deeper than a path can say"
        assert isinstance(made["raise"], Left) and made["raise"].kind == "raised"
        assert evaluate(world, fine()) == 1
        assert unwrap(verify(world)).damages == ()
    with open_world(tmp_path / "store") as world:
        unwrap(gc(world))
    assert unwrap(doctor(tmp_path / "store")).well
    assert list((tmp_path / "store" / "objects").iterdir()) == []
    shutil.rmtree(tmp_path / "store")
