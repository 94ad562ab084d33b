"""Folders in one another, beyond what a path can say: the work of a stage that goes down step by step."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lightfx import Build, Left, Right, open_world, realize_all, stage, unwrap
from lightfx.core.outcome import BadOutput
from lightfx.garbage import gc
from lightfx.shell.store.tree import ForbiddenError, entries_of, remove_tree, salvage, size_of
from lightfx.upkeep import doctor, verify

LONG = "d" * 200


def dig(folder: Path, depth: int) -> None:
    """Make folders in one another, and a file in the last."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        for _ in range(depth):
            os.mkdir(LONG)
            os.chdir(LONG)
        Path("file").write_text("at the bottom")
    finally:
        os.chdir(here)


@stage(version="1")
def deep(build: Build, depth: int) -> Path:
    dig(build.out, depth)
    return build.out


def test_what_has_no_path_is_refused_salvaged_and_removed(tmp_path: Path) -> None:
    for each in ("one", "two"):
        (tmp_path / each).mkdir()
        (tmp_path / each / "beside").write_text("beside")
        dig(tmp_path / each, 40)
    with pytest.raises(ForbiddenError) as caught:
        entries_of(tmp_path / "one")
    assert caught.value.forbidden.why == "is a folder whose path is too long to work with"
    assert size_of(str(tmp_path / "one")) == len("beside")
    salvage(tmp_path / "one")
    assert entries_of(tmp_path / "one") == []
    remove_tree(tmp_path / "two")
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_who_goes_too_deep_is_left_and_harms_nobody(tmp_path: Path) -> None:
    """Trap: it was found out when half of it was stored; no command could read, verify or clear the store any more."""
    store = tmp_path / "store"
    with open_world(store) as world:
        left, right = unwrap(realize_all(world, [deep(40), deep(12)]))
        assert isinstance(left, Left)
        assert isinstance(left.cause, BadOutput)
        assert "too long" in left.cause.why
        assert isinstance(right, Right)
        (file,) = right.value.rglob("file")
        assert file.read_text() == "at the bottom"
        assert unwrap(verify(world)).damages == ()
    assert unwrap(doctor(store)).well
    with open_world(store) as world:
        assert len(unwrap(gc(world)).rrefs) == 2
    assert [*(store / "tmp").iterdir()] == [*(store / "objects").iterdir()] == []
