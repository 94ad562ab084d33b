"""Lets these tests start the servers of the conformance suite."""

from __future__ import annotations

import sys
from pathlib import Path

SERVERS = str(Path(__file__).parents[2] / "conformance")
if SERVERS not in sys.path:
    sys.path.insert(0, SERVERS)
