"""The memory double: what the laws do not ask."""

from __future__ import annotations

from pathlib import Path

from makings import entry, good, written

from lightfx.shell.store.memory import MemoryStore


def test_it_writes_nothing_but_outputs(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path / "scratch")
    good(store.commit([entry(1)]))
    good(store.claim([entry(1).realization.key]))
    good(store.release([entry(1).realization.key]))
    assert not (tmp_path / "scratch").exists()
    good(store.ingest([written(store, {"a": b"a"})]))
    assert sorted(path.name for path in (tmp_path / "scratch").iterdir()) == ["objects", "tmp"]


def test_what_is_claimed_by_one_is_not_claimed_by_another_store(tmp_path: Path) -> None:
    """There is no other claimant: two memories are two worlds."""
    one, two = MemoryStore(tmp_path / "1"), MemoryStore(tmp_path / "2")
    key = entry(1).realization.key
    assert good(one.claim([key])) == good(two.claim([key])) == {key}
