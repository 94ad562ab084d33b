"""The judge of caches judges: a sound cache is found sound, and each kind of harm is seen."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from plain import Ack
from plain_cache import beside, judge_cache
from writer import work


@pytest.fixture
def cache(tmp_path: Path) -> tuple[Path, list[Ack]]:
    acks: list[Ack] = []
    work(tmp_path / "store", "push", 1, 2, acks.append)
    return beside(tmp_path / "store"), acks


def one(cache: Path, kind: str) -> Path:
    return min((cache / "v1" / kind).iterdir())


def test_a_sound_cache_is_found_sound(cache: tuple[Path, list[Ack]]) -> None:
    assert len(cache[1]) == 4
    assert judge_cache(*cache) == []


@pytest.mark.parametrize("kind", ["blobs", "packs", "groups", "tables"])
@pytest.mark.parametrize("harm", [Path.unlink, lambda path: os.truncate(path, path.stat().st_size - 1)])
def test_harm_is_seen(cache: tuple[Path, list[Ack]], kind: str, harm: Callable[[Path], None]) -> None:
    harm(one(cache[0], kind))
    assert judge_cache(*cache)
