"""What tests here share lies beside them, and is imported by name, also by processes that they start."""

from __future__ import annotations

import sys
from pathlib import Path

if str(Path(__file__).parent) not in sys.path:
    sys.path.append(str(Path(__file__).parent))

collect_ignore = ["fuzz_with_atheris.py"]  # a program, for those who have atheris
