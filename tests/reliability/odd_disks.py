"""Disks that are odd or small, made for a test, and what is stored on them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lightfx import Build, realize, stage
from lightfx.core.failures import EngineFailure
from lightfx.core.manifest import digest_of
from lightfx.effects.world import World
from lightfx.shell.store.tree import entries_of
from lightfx.wiring import unwrap

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")


@stage(version="1")
def text(build: Build, letter: str, size: int) -> Path:
    (build.out / "text").write_text(letter * size)
    (build.out / "more").mkdir()
    for each in range(3):
        (build.out / f"more/{each}").write_text(f"{letter}{each}")
    return build.out / "text"


@stage(version="1")
def number(build: Build, value: int, padding: str = "") -> int:
    return value


@contextmanager
def mounted(folder: Path, *how: str) -> Iterator[Path]:
    """A file system, for a while."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(["mount", *how, folder], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"cannot mount {' '.join(how)}: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def image(tmp_path: Path, kind: str, size: str, *options: str, on: Path | None = None) -> Iterator[Path]:
    """A file system of this kind in a file."""
    make = shutil.which(f"mkfs.{kind}")
    if make is None:
        pytest.skip(f"mkfs.{kind} is not installed")
    file = (on or tmp_path) / f"{kind}.img"
    with file.open("wb") as made:
        made.truncate(int(size.removesuffix("m")) << 20)
    subprocess.run([make, "-q", *options, file], check=True, capture_output=True)
    with mounted(tmp_path / kind, "-o", "loop", str(file)) as folder:
        yield folder


def trouble(world: World, value: int) -> EngineFailure:
    """Try to store a number; gives why not."""
    return world.perform.result(realize(world, number(value, "x" * 3000))).swap().value_or(None)  # type: ignore[return-value]


def fill(folder: Path) -> Path:
    """Leave no room at all."""
    ballast = folder / "ballast"
    with ballast.open("ab", buffering=0) as file:
        for size in (1 << 16, 4096, 512, 1):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                continue
    return ballast


def sound(world: World) -> int:
    """Count what is stored, all of it whole."""
    rows = unwrap(world.store.newest(None, 99))
    for row in rows:
        if row.stored.tree is not None:
            home = world.store.folder_of(row.stored.tree)
            assert digest_of(entries_of(home, ours=False)) == row.stored.tree
    return len(rows)
