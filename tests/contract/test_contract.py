"""The public contract: its files hold where they lie beside the checkout."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTRACT = ROOT.parent / "shared" / "contract"

pytestmark = pytest.mark.skipif(not CONTRACT.is_dir(), reason="shared/contract is not beside the checkout")


def check(tool: str, *files: Path) -> list[str]:
    """Run a type checker over files, and give its errors."""
    settings = {
        "mypy": ["--strict", "--config-file=", "--cache-dir", str(ROOT / ".mypy_cache" / "of-tests")],
        "pyright": ["--pythonpath", sys.executable],
    }
    done = subprocess.run(
        [sys.executable, "-m", tool, *settings[tool], *map(str, files)],
        cwd=CONTRACT,  # away from the project's own settings: a user has none of ours
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if re.search(r":\d+(:\d+)?( -|:) error", line)]
    assert lines or done.returncode == 0, done.stdout + done.stderr
    return lines


def test_the_grid_runs_twice_and_the_second_time_runs_no_stage(tmp_path: Path) -> None:
    counts = []
    for _ in range(2):
        subprocess.run([sys.executable, str(CONTRACT / "grid.py"), str(tmp_path)], check=True, timeout=120)
        records = sorted((tmp_path / "store" / "records").iterdir())
        counts.append([each.name for each in records])
    assert counts[0]
    assert counts[0] == counts[1]


@pytest.mark.parametrize("tool", ["mypy", "pyright"])
def test_the_grid_type_checks(tool: str) -> None:
    assert check(tool, CONTRACT / "grid.py") == []


@pytest.mark.parametrize("tool", ["mypy", "pyright"])
def test_each_wrong_line_is_rejected_and_no_other(tool: str) -> None:
    wrong = CONTRACT / "wrong.py"
    marked = {number for number, line in enumerate(wrong.read_text().splitlines(), 1) if line.endswith("# wrong")}
    rejected = {int(found[1]) for line in check(tool, wrong) if (found := re.search(r"\.py:(\d+)", line))}
    assert rejected == marked
