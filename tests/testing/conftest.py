"""Hypothesis is deterministic here, and does not look for the smallest: that a planted fault is found is enough."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import Phase, settings

HERE = str(Path(__file__).parent)
if HERE not in sys.path:
    sys.path.insert(0, HERE)

settings.register_profile("planted", derandomize=True, database=None, deadline=None, phases=[Phase.generate])


@pytest.fixture(autouse=True, scope="session")
def planted() -> Iterator[None]:
    before = settings.get_current_profile_name()
    settings.load_profile("planted")
    yield
    settings.load_profile(before)
