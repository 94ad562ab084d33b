"""S5: a process that a stage left running swaps names in the output folder, over and over, while that is stored."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from protocol import SEED, Record, Scale
from test_permissions import tended

from lightfx import Build, Left, open_world, realize, stage, unwrap

GHOST = """
import os, random, sys, time
out, outside, stop, seed = sys.argv[1:]
dice, done, begun = random.Random(seed), 0, time.monotonic()
def swap(name, other):
    path, aside = f"{out}/{name}", f"{out}/{name}-aside"
    os.rename(path, aside)
    try:
        os.symlink(f"{outside}/{other}", path)
        time.sleep(dice.choice((0, 0, 1e-5, 1e-4)))
        os.unlink(path)
    finally:
        os.rename(aside, path)
acts = [("deep", "folder"), ("deep/file", "folder/file"), ("file", "folder/file")]
while not os.path.exists(stop) and time.monotonic() < begun + 60:
    try:
        swap(*dice.choice(acts))
        done += 1
    except OSError:
        pass
    if done == 1:
        open(f"{stop}-begun", "w").close()
print(done)
"""
GHOSTS: list[subprocess.Popen[str]] = []


@stage(version="1")
def haunted(build: Build, number: int, outside: str, stop: str) -> Path:
    (build.out / "deep").mkdir()
    for each in range(10):
        (build.out / f"more-{each}").write_text(f"{number} {each}")
    for name in ("file", "deep/file"):
        (build.out / name).write_text(f"ours {number}")
    command = [sys.executable, "-c", GHOST, str(build.out), outside, stop, str(number)]
    GHOSTS.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
    while not Path(f"{stop}-begun").exists():
        time.sleep(0.001)
    return build.out


@pytest.mark.reliability(
    "S5",
    "a process that a stage left running swaps names in its output while that is stored",
    passes="nothing elsewhere is read or changed; what is stored is what the stage wrote",
)
def test_who_swaps_names_in_an_output_reaches_nothing_else(
    tmp_path: Path, scale: Scale, record_property: Record
) -> None:
    outside = tmp_path / "outside"
    (outside / "folder").mkdir(parents=True)
    (outside / "folder/file").write_text("theirs")
    (outside / "folder/file").chmod(0o640)
    before = tended(outside)
    end, number, swaps, stored = time.monotonic() + scale(2, 20, 60), SEED * 10_000, 0, 0
    while time.monotonic() < end:
        number += 1
        stop = tmp_path / f"stop-{number}"
        try:
            with open_world(tmp_path / "store") as world:
                outcome = unwrap(realize(world, haunted(number, str(outside), str(stop))))
        finally:
            stop.touch()
            swaps += sum(int(ghost.communicate(timeout=60)[0]) for ghost in GHOSTS)
            GHOSTS.clear()
        stored += not isinstance(outcome, Left)
        now = tended(outside)
        assert now == before, "something elsewhere was changed"
    objects = (tmp_path / "store/objects").rglob("*")
    assert b"theirs" not in [path.read_bytes() for path in objects if path.is_file() and not path.is_symlink()]
    assert swaps > number % 10_000
    record_property("count", swaps)
    record_property("found", f"{stored} of {number % 10_000} were stored all the same")
