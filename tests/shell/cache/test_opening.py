"""Finding out what a server can do."""

from __future__ import annotations

from pathlib import Path

from lightfx import memory_world
from lightfx.shell.cache.memory import memory_cache
from lightfx.shell.cache.opening import try_to_write
from lightfx.shell.cache.partner import Partner


def test_what_is_tried_is_removed_or_lies_there_once(tmp_path: Path) -> None:
    """Trap: where nothing can be removed, a file more lay there after each try."""
    held: dict[str, bytes] = {}
    with memory_world(tmp_path) as world:
        partner = Partner(memory_cache(held), world.perform)
        for _ in range(2):
            try_to_write(partner, drops=False)
            assert [name.rpartition("/")[0] for name in held] == ["v1/probe"]
        try_to_write(partner, drops=True)
    assert (held, partner.trouble) == ({}, None)
