"""What a cache is known to hold, while others put its tables together."""

from __future__ import annotations

from pathlib import Path

import pytest
from makings import good

from lightfx import memory_world
from lightfx.core.names import Digest
from lightfx.plan.sharing import Row, spell_table, token
from lightfx.shell.cache import catalogue
from lightfx.shell.cache.catalogue import Catalogue
from lightfx.shell.cache.memory import memory_cache
from lightfx.shell.cache.partner import Partner
from lightfx.shell.cache.sealing import sealed

ROWS = [Row(Digest.of(bytes([row])), 5, tuple(token(f"{row}.{each}") for each in range(10))) for row in range(6)]


def told(held: dict[str, bytes], *rows: Row) -> str:
    """Put a table of these there."""
    data = spell_table(rows)
    name = f"v1/tables/{Digest.of(data).hex}"
    good(memory_cache(held).put([sealed(name, data)]))
    return name


def test_trap_tables_that_were_put_together_are_not_counted_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trap: the merged table was one too many beside its parts, and for good; then they went, and all with them."""
    monkeypatch.setattr(catalogue, "MOST_TOKENS", 100)
    held: dict[str, bytes] = {}
    parts = [told(held, row) for row in ROWS]
    with memory_world(tmp_path) as world:
        found = Catalogue(Partner(memory_cache(held), world.perform))
        found.refresh()
        assert (len(found.found), found.count) == (60, 60)
        for name in parts:
            del held[name]
        told(held, *ROWS)
        found.refresh()
    assert (len(found.found), found.count, found.partner.refused) == (60, 60, [])


def test_a_table_for_which_there_was_no_room_is_read_when_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "MOST_TOKENS", 20)
    held: dict[str, bytes] = {}
    names = [told(held, row) for row in ROWS[:3]]
    with memory_world(tmp_path) as world:
        found = Catalogue(Partner(memory_cache(held), world.perform))
        found.refresh()
        assert len(found.found) == 20
        (over,) = found.over
        assert found.partner.unfit == set(), "nothing is wrong with it"
        refused = len(found.partner.refused)
        found.refresh()
        assert len(found.partner.refused) == refused, "it is not asked for again in vain"
        del held[next(name for name in names if name != over)]
        found.refresh()
    assert (over in found.tables, found.over, found.count) == (True, set(), 20)


def test_trap_what_is_known_is_not_counted_anew_for_each_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trap: all names of all tables were counted for each: an hour for as many tables as one may list."""
    counted: list[int] = []
    real = catalogue._count

    def counting(rows):
        counted.append(len(rows))
        return real(rows)

    monkeypatch.setattr(catalogue, "_count", counting)
    held: dict[str, bytes] = {}
    for row in ROWS:
        told(held, row)
    with memory_world(tmp_path) as world:
        Catalogue(Partner(memory_cache(held), world.perform)).refresh()
    assert sum(counted) <= 2 * len(ROWS)
