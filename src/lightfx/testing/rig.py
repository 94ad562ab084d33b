"""What a law of stores is asked about: a store, another view of the same one, and a folder outside of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias, final

from attrs import frozen

from lightfx.effects.store import Store


@final
@frozen
class Rig:
    """A store to judge, ``again`` for another view of the same one, and a folder ``outside`` of it.

    ``alone`` is true where another view is no other claimant, and nothing
    outlives the process: a store in memory.
    """

    store: Store
    again: Callable[[], Store]
    outside: Path
    alone: bool


StoreLaw: TypeAlias = Callable[[Rig], None]
