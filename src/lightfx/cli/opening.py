"""Which store a command works on, and opening it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from lightfx.cli.complaints import misuse
from lightfx.core.layout import IN_MEMORY, IndexPlace
from lightfx.core.names import short_hash
from lightfx.effects.journal import Journal
from lightfx.effects.world import World
from lightfx.wiring import open_world

SETTING: Final = "LIGHTFX_STORE"
INDEX_SETTING: Final = "LIGHTFX_INDEX"


def store_path(given: str | None) -> Path:
    """The store that ``--store`` names, or else the environment; complains where neither does."""
    named = given if given is not None else os.environ.get(SETTING, "")
    if not named:
        raise misuse("no store is given", f"give --store PATH or set {SETTING}")
    return Path(named)


def open_to_mend(given: str | None, journal: Journal | None = None) -> World:
    """Open a store that is there, also where groups of its records are damaged."""
    path = store_path(given)
    return open_world(path, create=False, index=index_place(path), mending=True, journal=journal)


def index_place(store: Path) -> Path | IndexPlace | None:
    """Where the index is to be, by the environment: ``memory``, or a folder of this machine; else in the store."""
    said = os.environ.get(INDEX_SETTING, "")
    if not said:
        return None
    if said == IN_MEMORY.value:
        return IN_MEMORY
    return Path(said) / f"{short_hash(str(store.absolute()))}.sqlite"


def open_to_read(given: str | None) -> World:
    """Open a store that is there; none is made."""
    path = store_path(given)
    return open_world(path, create=False, index=index_place(path))
