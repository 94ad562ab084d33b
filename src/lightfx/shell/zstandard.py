"""zstd: of Python's own where it brings it (3.14), else of ``backports.zstd``, an optional dependency."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from types import ModuleType
from typing import Final

MISSING: Final = "zstd takes Python 3.14 or backports.zstd: pip install 'lightfx[zstd]'"


def zstd() -> ModuleType | None:
    """Find the module; None where there is none."""
    for name in ("compression.zstd", "backports.zstd"):
        with suppress(ImportError):
            return import_module(name)
    return None
