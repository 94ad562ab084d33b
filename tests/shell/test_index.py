"""The index by itself: all or nothing, and whatever file systems call their files."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from makings import entry

from lightfx.core.names import Digest
from lightfx.core.realization import Stored
from lightfx.core.refs import DRef
from lightfx.shell.store.database import is_damage
from lightfx.shell.store.groups import Span
from lightfx.shell.store.index import Index

LARGE = 2**64 - 1


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    made = Index(tmp_path / "index.sqlite")
    yield made
    made.close()


def row(x: int) -> tuple[Stored, Span]:
    return Stored.of(entry(x).realization), (x, x, x)


def test_a_group_is_indexed_whole_or_not_at_all(index: Index) -> None:
    broken = [row(1), (Stored.of(entry(2).realization), (2, 2, None))]
    with pytest.raises(sqlite3.IntegrityError):
        index.add("g", [(entry(1).realization.dref, (0, 9, 9))], broken)  # type: ignore[list-item]
    assert index.batches() == set()
    assert index.names("", 9) == []
    index.add("g", [(entry(1).realization.dref, (0, 9, 9))], [row(1)])
    assert index.batches() == {"g"}


def test_a_failure_leaves_no_transaction_open(index: Index) -> None:
    """Trap: every later write failed."""
    with pytest.raises(sqlite3.IntegrityError):
        index.remember([("f", (1, 2, 3, 4, 5), None)])  # type: ignore[list-item]
    index.remember([("f", (1, 2, 3, 4, 5), "blake3:1")])
    assert index.recall("f") == ((1, 2, 3, 4, 5), "blake3:1")


def test_numbers_of_any_file_system_are_remembered(index: Index) -> None:
    """Trap: inode numbers beyond 2**63, which some network and overlay file systems use; names that are no text."""
    name = os.fsdecode(b"/data/\xff")
    status = (LARGE, LARGE, LARGE, -1, LARGE)
    index.remember([(name, status, "blake3:1")])
    assert index.recall(name) == (status, "blake3:1")
    assert index.recall("/data/other") is None
    index.remember([(name, (1, 2, 3, 4, 5), "blake3:2")])
    assert index.recall(name) == ((1, 2, 3, 4, 5), "blake3:2")


def test_names_go_by_prefix_and_not_by_pattern(index: Index) -> None:
    drefs = [DRef(f"{head}-x") for head in ("aa", "ab", "a%", "a_", "b")]
    index.add("g", [(dref, (0, 1, 1)) for dref in drefs], [])
    assert index.names("a", 9) == ["a%-x", "a_-x", "aa-x", "ab-x"]
    assert index.names("a%", 9) == ["a%-x"]
    assert index.names("a_", 9) == ["a_-x"]


def test_trees_are_kept_by_what_is_not_ephemeral(index: Index) -> None:
    """Asked of an index of their own, which is made by the first who asks."""
    trees = [Digest.of(bytes([number])) for number in range(4)]
    made = [entry(0, tree=trees[0]), entry(1, tree=trees[1], ephemeral=True), entry(2, tree=trees[2])]
    index.add("g", [], [(Stored.of(each.realization), (0, 9, 9)) for each in made])
    assert index.kept(trees[:2]) == {trees[0]}
    index.add("h", [], [(Stored.of(entry(3, tree=trees[3]).realization), (0, 9, 9))])
    assert index.kept(trees) == {trees[0], trees[2], trees[3]}
    query = "EXPLAIN QUERY PLAN SELECT tree FROM realization WHERE tree IS NOT NULL AND ephemeral = 0 AND tree IN (?)"
    plan = index._database.execute(query, ("t",)).fetchall()
    assert "realization_tree" in str(plan)


def test_who_comes_late_does_not_delete_what_the_first_made_anew(tmp_path: Path) -> None:
    """Two processes find the index broken."""
    one, two = Index(tmp_path / "index.sqlite"), Index(tmp_path / "index.sqlite")
    one.remake()
    one.add("g", [], [row(1)])
    two.remake()
    assert two.batches() == {"g"}
    one.close()
    two.close()


def test_forgetting_keeps_what_was_observed(index: Index) -> None:
    index.add("g", [(entry(1).realization.dref, (0, 9, 9))], [row(1)])
    index.remember([("f", (1, 2, 3, 4, 5), "blake3:1")])
    index.forget()
    assert (index.batches(), index.names("", 9)) == (set(), [])
    assert index.recall("f") is not None


def test_a_database_that_is_busy_or_closed_is_not_damaged(index: Index) -> None:
    index.close()
    with pytest.raises(sqlite3.ProgrammingError) as caught:
        index.batches()
    assert not is_damage(caught.value)


def test_an_index_that_may_not_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "index.sqlite").mkdir()
    with pytest.raises(sqlite3.OperationalError):
        Index(tmp_path / "index.sqlite")
