"""Modules with stages lie beside the tests: worker processes import them by name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    """A file to which stages write that they ran."""
    path = tmp_path / "ran.txt"
    path.touch()
    return path
