"""Groups of records: what is read is what was written, however it is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from lightfx.core.config import Config
from lightfx.core.layout import RECORDS
from lightfx.core.names import Digest
from lightfx.core.realization import Realization, Stored, Value, content_of
from lightfx.core.records import read_realization, spell_result
from lightfx.core.refs import DRef, RRef
from lightfx.effects.store import Entry
from lightfx.shell.store.groups import Group, Groups, Place, spell_group
from lightfx.shell.store.trouble import StoreTroubleError


def entry(number: int, value: str) -> Entry:
    config = Config.of(args={"number": number})
    key = Digest.of(config.text.encode())
    content = content_of(spell_result(Value(value)), None)
    rref = RRef.of(DRef.of(config.text, "f"), key=key.text, index=0, content=content.text)
    return Entry(config, Realization(rref, key, 0, content, Value(value)))


def stored(root: Path, values: list[str]) -> tuple[Groups, Group]:
    group = spell_group([entry(number, value) for number, value in enumerate(values)], frozenset())
    (root / RECORDS).mkdir()
    (root / RECORDS / group.name).write_bytes(group.data)
    return Groups(root), group


def places(group: Group, numbers: list[int]) -> list[tuple[Stored, Place]]:
    rows = [group.realizations[number] for number in numbers]
    return [(row, (group.name, span)) for row, span in rows]


@pytest.mark.parametrize("numbers", [[], [1], [0, 1, 2, 3], [3, 0, 2], [0, 3]])
def test_records_come_in_the_order_they_are_asked_for(tmp_path: Path, numbers: list[int]) -> None:
    """Side by side they are read at once, and with much between them one by one."""
    values = ["a", "b" * 100_000, "é" * 10, "d"]
    groups, group = stored(tmp_path, values)
    lines = groups.records(places(group, numbers))
    assert [read_realization(line.decode()).unwrap().result for line in lines] == [
        Value(values[each]) for each in numbers
    ]


@pytest.mark.parametrize("numbers", [[2], [0, 1, 2, 3], [0, 2]])
def test_a_record_that_is_not_what_was_written_is_damage(tmp_path: Path, numbers: list[int]) -> None:
    groups, group = stored(tmp_path, ["a", "b" * 100_000, "c", "d"])
    _, (start, _, _) = group.realizations[2]
    spoilt = bytearray(group.data)
    spoilt[start + 10] ^= 1
    (tmp_path / RECORDS / group.name).write_bytes(spoilt)
    with pytest.raises(StoreTroubleError):
        groups.records(places(group, numbers))
    assert groups.records(places(group, [3]))


def test_a_group_that_was_cut_short_is_damage(tmp_path: Path) -> None:
    groups, group = stored(tmp_path, ["a", "b", "c"])
    (tmp_path / RECORDS / group.name).write_bytes(group.data[:-20])
    with pytest.raises(StoreTroubleError):
        groups.records(places(group, [0, 1, 2]))
