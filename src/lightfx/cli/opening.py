"""Which store a command works on, and opening it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from lightfx.cli.complaints import misuse
from lightfx.effects.world import World
from lightfx.wiring import open_world

SETTING: Final = "LIGHTFX_STORE"


def store_path(given: str | None) -> Path:
    """The store that ``--store`` names, or else the environment; complains where neither does."""
    named = given if given is not None else os.environ.get(SETTING, "")
    if not named:
        raise misuse("no store is given", f"give --store PATH or set {SETTING}")
    return Path(named)


def open_to_read(given: str | None) -> World:
    """Open a store that is there; none is made."""
    return open_world(store_path(given), create=False)
