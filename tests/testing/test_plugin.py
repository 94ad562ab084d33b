"""The plugin, in a pytest of its own: fixtures, and the option that forbids runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TESTS = """
import pytest
from lightfx import Build, evaluate, stage
from lightfx.testing import RunForbiddenError, assert_reused


@stage(version="1")
def double(build: Build, x: int) -> int:
    (build.out / "f").write_text("x")
    return 2 * x


def test_in_memory(memory_world):
    assert evaluate(memory_world, double(1)) == 2
    assert_reused(memory_world, double(1))


def test_on_disk(world, tmp_path):
    assert evaluate(world, double(1)) == 2
    assert (tmp_path / "lightfx-store" / "format").exists()


@pytest.mark.lightfx_forbid_runs
def test_marked(world, memory_world):
    for each in (world, memory_world):
        with pytest.raises(RunForbiddenError, match="double"):
            evaluate(each, double(1))
"""


def run(folder: Path, *options: str) -> str:
    (folder / "test_it.py").write_text(TESTS)
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:lightfx", "--strict-markers"]
    done = subprocess.run(
        [*words, "-p", "lightfx.testing.plugin", "-W", "error", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.stdout + done.stderr


def test_worlds_are_fixtures_and_runs_can_be_forbidden(tmp_path: Path) -> None:
    said = run(tmp_path)
    assert "3 passed" in said, said
    said = run(tmp_path, "--lightfx-forbid-runs")
    assert "2 failed, 1 passed" in said, said
    assert "no stage may run here, and these would have to: " in said
    assert "-double" in said


def test_the_kit_loads_no_hypothesis_before_it_is_needed() -> None:
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "import lightfx.testing, lightfx.testing.plugin, sys; print('hypothesis' in sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == "False\n"
