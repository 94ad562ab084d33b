"""The judge judges: a sound store is found sound, and each kind of harm is seen."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from inquest import inquire
from plain import Ack, judge
from writer import ack, sixfold, work


@pytest.fixture
def store(tmp_path: Path) -> tuple[Path, list[Ack]]:
    acks: list[Ack] = []
    work(tmp_path / "store", "gc", 1, 2, acks.append)
    work(tmp_path / "store", "tree", 3, 1, acks.append)
    return tmp_path / "store", acks


def group(store: Path) -> Path:
    found = min((store / "records").iterdir())
    found.chmod(0o644)
    return found


def cut_short(store: Path) -> None:
    os.truncate(group(store), group(store).stat().st_size - 1)


def emptied(store: Path) -> None:
    os.truncate(group(store), 0)


def without_a_group(store: Path) -> None:
    group(store).unlink()


def flipped(store: Path) -> None:
    file = next(path for path in (store / "objects").rglob("*.txt"))
    file.chmod(0o644)
    data = bytearray(file.read_bytes())
    data[3] ^= 1
    file.write_bytes(data)


def without_a_file(store: Path) -> None:
    next(path for path in (store / "objects").rglob("*.txt")).unlink()


def without_an_object(store: Path) -> None:
    next((store / "objects").iterdir()).rename(store / "tmp" / "x")


def without_a_root(store: Path) -> None:
    next((store / "roots").iterdir()).unlink()


def without_a_format(store: Path) -> None:
    (store / "format").unlink()


HARM = [
    cut_short, emptied, without_a_group, flipped, without_a_file, without_an_object, without_a_root, without_a_format,
]  # fmt: skip


def test_a_sound_store_is_found_sound(store: tuple[Path, list[Ack]]) -> None:
    assert len(store[1]) == 3
    assert judge(*store) == []
    assert inquire(*store, lambda: None) == []


@pytest.mark.parametrize("harm", HARM, ids=lambda harm: harm.__name__)
def test_harm_is_seen(store: tuple[Path, list[Ack]], harm: Callable[[Path], None]) -> None:
    harm(store[0])
    assert judge(*store)


def test_what_was_never_stored_is_missed(store: tuple[Path, list[Ack]]) -> None:
    root, acks = store
    assert judge(root, [ack(sixfold(99), 594)]) == [f"{sixfold(99).dref} was answered, and is gone"]
    assert judge(root, [acks[-1] | {"right": {"$path": "elsewhere"}}])
    assert judge(root, [acks[-1] | {"tree": None}])


def test_what_the_dead_leave_is_seen(store: tuple[Path, list[Ack]]) -> None:
    root, acks = store
    (root / "claims" / "newborn-x").touch()
    assert inquire(root, acks, lambda: None) == ["left behind: claims/newborn-x"]
    assert inquire(root, acks, lambda: work(root, "value", 1, 1, lambda _: None)) == []
    assert "SystemExit" in inquire(root, acks, lambda: exit(3))[0]
