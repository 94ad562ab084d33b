"""Lets tests, and the workers that they spawn, import what lies in ``tests/conformance``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SHARED = str(Path(__file__).parents[1] / "conformance")
if SHARED not in sys.path:
    sys.path.insert(0, SHARED)

from makings import good  # noqa: E402

from lightfx.shell.executor.processes import LocalProcesses  # noqa: E402


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalProcesses]:
    """One pool for all: whatever a test does to its workers, the next finds it working."""
    executor = LocalProcesses(2, tmp_path_factory.mktemp("pool"))
    yield executor
    good(executor.close())
