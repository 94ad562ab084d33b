"""A stage found again by the name that its realizations have of it."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from lightfx.stages.finding import realizer_at

MODULE = """
from lightfx import Build, stage

class Group:
    @staticmethod
    def plain(build: Build) -> int:
        return 1

@stage(version="1")
def found(build: Build) -> int:
    return 1

def no_stage():
    pass
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "to_be_found.py").write_text(MODULE)
    (tmp_path / "raises.py").write_text("raise SystemExit(3)")
    importlib.invalidate_caches()
    yield "to_be_found"
    sys.modules.pop("to_be_found", None)


def test_a_stage_is_found_and_knows_its_code(module: str) -> None:
    realizer = realizer_at(f"{module}:found").unwrap()
    assert realizer.type is int
    assert realizer.made_by().stage == f"{module}:found"


def test_what_is_not_there_is_said(module: str) -> None:
    whys = {
        f"{module}:no_stage": "has no stage no_stage",
        f"{module}:nothing": "has no stage nothing",
        "raises:found": "cannot be imported: 3",
        "nowhere:found": "No module named 'nowhere'",
        f"{module}:f.<locals>.g": "made inside a function",
        "__main__:cell": "in a notebook",
        "": "it is not recorded",
    }
    for path, why in whys.items():
        assert why in realizer_at(path).failure()


def test_a_stage_of_the_script_that_runs_is_not_imported_anew(tmp_path: Path) -> None:
    """Its module would run a second time."""
    script = tmp_path / "script.py"
    script.write_text(
        "from lightfx import Build, stage\n"
        "from lightfx.stages.finding import realizer_at\n"
        "print('imported')\n"
        "@stage(version='1')\n"
        "def found(build: Build) -> int:\n"
        "    return 1\n"
        "assert realizer_at('script:found').unwrap() is found.core.realizer\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert done.stdout == "imported\n"
