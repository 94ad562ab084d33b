"""Modules with stages lie beside the tests, and servers in ``tests/conformance``: both are imported by name."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path += [str(HERE), str(HERE.parent / "conformance")]
