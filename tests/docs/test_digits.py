"""The example in docs/examples/digits: it runs, it fails where it must, and edits run what depends on them alone."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import pytest
from attrs import frozen

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "digits"
SMALL = {"logistic": 8, "support": 4, "neighbours": 4, "network": 4}
CELLS = sum(SMALL.values())
REFINEMENTS = 3

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")


@frozen
class Told:
    """What one run told."""

    text: str

    @property
    def ran(self) -> dict[str, int]:
        """How many tasks of each stage ran."""
        (line,) = re.findall(r"^ran +(.*)$", self.text, re.MULTILINE)
        pairs = [] if line == "nothing" else [each.split() for each in line.split(", ")]
        return {name: int(count) for count, name in pairs}

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many derivations ran, were reused, are LEFT."""
        found = re.match(r"(\d+) ran, (\d+) reused, (\d+) LEFT", self.text)
        assert found, self.text
        ran, reused, left = map(int, found.groups())
        return ran, reused, left


@frozen
class Copy:
    """A copy of the example that a test may edit, and the folder that it runs in."""

    code: Path
    out: Path

    def python(self, *arguments: str) -> str:
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, *arguments], cwd=self.code, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def run(self, workers: int = 0) -> Told:
        return Told(self.python("digits.py", str(self.out), "--small", f"--workers={workers}"))

    def edit(self, module: str, *changes: tuple[str, str]) -> None:
        path = self.code / module
        text = path.read_text()
        for old, new in changes:
            assert text.count(old) == 1, (module, old)
            text = text.replace(old, new)
        path.write_text(text)


@pytest.fixture(scope="module")
def cold(tmp_path_factory: pytest.TempPathFactory) -> tuple[Copy, Told]:
    """A first run, by two worker processes."""
    home = tmp_path_factory.mktemp("digits")
    code = home / "code"
    shutil.copytree(EXAMPLE, code, ignore=shutil.ignore_patterns("__pycache__"))
    copy = Copy(code, home / "out")
    return copy, copy.run(workers=2)


def rows_of(copy: Copy) -> list[dict[str, str]]:
    with (copy.out / "table.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_full_grid_has_sixty_cells_and_more(cold: tuple[Copy, Told]) -> None:
    copy, _ = cold
    counted = copy.python("-c", "import digits; p = digits.plan(); print(len({c.dref for c in p.cells}))")
    assert int(counted) >= 60


def test_trap_the_readme_told_of_a_run_of_other_code(cold: tuple[Copy, Told]) -> None:
    """Trap: it quoted settings that were drawn by seeds of code that is no more.

    The name of the last derivation covers all code, settings and packages before it, and so the seeds.
    """
    copy, _ = cold
    pinned = re.findall(r"^scikit-learn==(.*)$", (EXAMPLE.parents[2] / "constraints.txt").read_text(), re.MULTILINE)
    if [version("scikit-learn")] != pinned:
        pytest.skip("the README tells of the scikit-learn that is pinned, and another is installed")
    (told,) = re.findall(r"<!-- The run above is of (\S+) -->", (EXAMPLE / "README.md").read_text())
    named = copy.python("-c", "import digits; print(digits.plan().verdict.dref)").strip()
    assert told == named, "run digits.py in full, and write into its README what it says, and this reference"


def test_a_first_run_runs_each_stage(cold: tuple[Copy, Told]) -> None:
    _, told = cold
    ends = {"table": 1, "picture": 1, "finalist": 1, "refine": REFINEMENTS, "verdict": 1}
    assert told.ran == {"digits": 1, "split": 2, **SMALL, **ends}
    ran, reused, _ = told.counts
    assert (ran, reused) == (3 + CELLS + 5, 0)


def test_cells_fail_for_reasons_of_their_own_and_each_has_a_row(cold: tuple[Copy, Told]) -> None:
    copy, told = cold
    rows = rows_of(copy)
    statuses = Counter(row["status"] for row in rows)
    assert len(rows) == CELLS
    assert set(statuses) == {"right", "raised", "returned"}
    assert told.counts[2] == statuses["raised"] + statuses["returned"]
    for row in rows:
        assert bool(row["accuracy"]) == (row["status"] == "right"), row
        assert bool(row["why"]) == (row["status"] != "right"), row
    why = {row["status"]: row["why"] for row in rows}
    assert why["raised"].startswith("raised ValueError: ")
    assert why["returned"].startswith("returned DidNotConverge ")


def test_the_picture_is_one(cold: tuple[Copy, Told]) -> None:
    image = pytest.importorskip("PIL.Image")
    copy, _ = cold
    with image.open(copy.out / "accuracy.png") as picture:
        assert (picture.format, picture.size) == ("PNG", (1200, 760))
        colours = picture.convert("RGB").getcolors(maxcolors=1 << 24)
    assert len(colours) > 100
    # The colours of the curves are on it.
    assert {(0x00, 0x72, 0xB2), (0xE6, 0x9F, 0x00)} <= {colour for _, colour in colours}


def test_an_edit_runs_what_depends_on_it_alone(cold: tuple[Copy, Told]) -> None:
    copy, _ = cold
    before = rows_of(copy)
    assert copy.run().ran == {}, "again"

    copy.edit(
        "families.py",
        ("LOGISTIC_EPOCHS: Final = 200", "# A comment.\n\n\nLOGISTIC_EPOCHS: Final = 200  # epochs"),
        ('"""Fit on one core;', '"""Another docstring: fit on one core;'),
    )
    told = copy.run()
    assert told.ran == {}, "a comment"
    assert told.counts[:2] == (0, 3 + CELLS + 5)

    # The constant of one family: its cells, and what stands on them or may have to do with any family.
    copy.edit("families.py", ('= "distance"', '= "uniform"'))
    ends = {"table": 1, "picture": 1, "finalist": 1, "refine": REFINEMENTS, "verdict": 1}
    assert copy.run().ran == {"neighbours": SMALL["neighbours"], **ends}, "a constant"
    changed = {row["family"] for row, old in zip(rows_of(copy), before, strict=True) if row != old}
    assert changed == {"nearest neighbours"}

    copy.edit("families.py", ('= "uniform"', '= "distance"'))
    assert copy.run().ran == {}, "reverted"
    assert rows_of(copy) == before

    # Other code that gives the same: what stands on it is told so, and does not run (early cutoff).
    copy.edit("images.py", ("images[pool] / 16", "images[pool] * 0.0625"))
    assert copy.run().ran == {"digits": 1}, "other code, same result"

    # A colour is of the picture alone.
    copy.edit("picture.py", ('"#cc79a7"', '"#56b4e9"'))
    assert copy.run().ran == {"picture": 1}, "a colour"

    copy.edit("picture.py", ('"#56b4e9"', '"#cc79a7"'))
    copy.edit("digits.py", ("seeds=(1, 2),", "seeds=(1, 2, 3),"))
    cells = {name: count // 2 for name, count in SMALL.items()}
    assert copy.run().ran == {"split": 1, **cells, **ends}, "a seed"
