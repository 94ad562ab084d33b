"""D15: file systems, and what they lack."""

from __future__ import annotations

from pathlib import Path

import pytest
from odd_disks import AS_ROOT, image, mounted, number, sound, text

from lightfx import Build, evaluate, open_world, realize_all, stage
from lightfx.garbage import add_root, gc
from lightfx.wiring import unwrap


@AS_ROOT
@pytest.mark.reliability("D15", "file systems", passes="the same results on each")
@pytest.mark.parametrize("kind", ["tmpfs", "overlay", "ext4", "xfs", "btrfs"])
def test_file_systems(tmp_path: Path, kind: str) -> None:
    if kind == "tmpfs":
        place = mounted(tmp_path / "disk", "-t", "tmpfs", "tmpfs")
    elif kind == "overlay":
        for each in ("lower", "upper", "work"):
            (tmp_path / each).mkdir()
        layers = ",".join(f"{name}dir={tmp_path / name}" for name in ("lower", "upper", "work"))
        place = mounted(tmp_path / "disk", "-t", "overlay", "-o", layers, "overlay")
    else:
        place = image(tmp_path, kind, "320m")
    with place as disk:
        plans = [text("a", 10_000), text("é" * 3, 5), number(3)]
        name = "n" * 255
        for again in range(2):
            with open_world(disk / "store") as world:
                unwrap(realize_all(world, plans))
                evaluate(world, long_name(name))
                unwrap(add_root(world, plans[0].dref))
        with open_world(disk / "store") as world:
            assert sound(world) == 4
            unwrap(gc(world))
            assert sound(world) == 1
        assert not list((disk / "store/tmp").iterdir())


@stage(version="1")
def long_name(build: Build, name: str) -> Path:
    (build.out / name).write_text("long")
    return build.out / name
