"""Lets tests, and the workers that they spawn, import what lies in ``tests/conformance``."""

from __future__ import annotations

import sys
from pathlib import Path

SHARED = str(Path(__file__).parents[1] / "conformance")
if SHARED not in sys.path:
    sys.path.insert(0, SHARED)
