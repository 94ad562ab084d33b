"""Rot: of many objects some are flipped, cut, zeroed, deleted, swapped. All of them are found, no other is; all heal.

The numbers are those of the protocol (D10); a fiftieth of them in every run of pytest.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from attrs import evolve, frozen
from protocol import SEED, Record, Scale
from returns.result import Failure

from lightfx import Build, World, evaluate, evaluate_all, open_world, stage, unwrap
from lightfx.caches import anyone, folder
from lightfx.core.damage import DamagedObject, MissingObject, WrongRights
from lightfx.core.manifest import digest_of
from lightfx.core.names import Digest
from lightfx.looking import allrrefs, cat
from lightfx.moving import objects_from, push
from lightfx.shell.store.tree import entries_of
from lightfx.upkeep import verify

SIZE = 257


@stage(version="1")
def noise(build: Build, seed: int) -> Path:
    path = build.out / "noise.bin"
    path.write_bytes(random.Random(seed).randbytes(SIZE))
    return path


@frozen
class Rotten:
    """Which objects were harmed, and how."""

    damaged: frozenset[Digest]
    gone: frozenset[Digest]
    rights: frozenset[Digest]


def write(path: Path, data: bytes) -> None:
    """Change a file, leaving its mode and its times as they were, as a disk would."""
    before = path.stat()
    path.chmod(0o644)
    path.write_bytes(data)
    path.chmod(before.st_mode & 0o777)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def flip(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    write(path, bytes(data))


def swap(one: Path, other: Path) -> None:
    first, second = one.read_bytes(), other.read_bytes()
    write(one, second)
    write(other, first)


def vanish(path: Path) -> None:
    path.parent.chmod(0o755)
    shutil.rmtree(path.parent)


def rot(objects: Path, part: int, seed: int) -> Rotten:
    """Harm objects in the numbers of the protocol, divided by ``part``."""
    chance = random.Random(seed)
    files = sorted(objects.glob("*/noise.bin"))
    chance.shuffle(files)
    take = iter(files)
    some = [next(take) for _ in range(1000 // part)]
    for path in some:
        flip(path, chance)
    cut, zeroed, gone, one, other, modes = ([next(take) for _ in range(100 // part)] for _ in range(6))
    for path in cut:
        write(path, path.read_bytes()[: chance.randrange(SIZE)])
    for path in zeroed:
        write(path, bytes(SIZE))
    for path in gone:
        vanish(path)
    for pair in zip(one, other, strict=True):
        swap(*pair)
    half = len(modes) // 2
    for path in modes[:half]:
        path.chmod(0o646)
    for path in modes[half:]:
        with suppress(OSError):  # not every file system keeps them
            os.setxattr(path, "user.note", b"of no account")
    damaged = frozenset(named(path) for path in (*some, *cut, *zeroed, *one, *other))
    return Rotten(damaged, frozenset(map(named, gone)), frozenset(map(named, modes[:half])))


def named(path: Path) -> Digest:
    return Digest(f"blake3:{path.parent.name}")


pytestmark = [
    pytest.mark.quick,
    pytest.mark.reliability(
        "D10",
        "bit rot: flipped, cut, zeroed, deleted, swapped, chmod and xattr",
        passes="all damaged ones found, no false alarm, none read, all healed",
    ),
]


@pytest.fixture
def part(scale: Scale) -> int:
    """Which part of the numbers of the protocol."""
    return scale(50, 1, 1)


@pytest.fixture
def world(memory: Path, part: int) -> Iterator[World]:
    with open_world(memory / "store") as opened:
        evaluate_all(opened, [noise(seed) for seed in range(10_000 // part)])
        yield opened


def test_rot_is_found_never_read_and_healed(world: World, memory: Path, part: int, record_property: Record) -> None:
    store, count = memory / "store", 10_000 // part
    assert unwrap(verify(world)).damages == ()
    rotten = rot(store / "objects", part, seed=SEED)

    found = unwrap(verify(world))
    assert {each.tree for each in found.damages if isinstance(each, DamagedObject)} == rotten.damaged
    assert {each.tree for each in found.damages if isinstance(each, MissingObject)} == rotten.gone
    assert {named(each.path) for each in found.damages if isinstance(each, WrongRights)} == rotten.rights
    assert len(found.damages) == len(rotten.damaged) + len(rotten.gone) + len(rotten.rights)
    assert len(rotten.damaged) + len(rotten.gone) == 1500 // part
    assert all(each.files == ("noise.bin",) for each in found.damages if isinstance(each, DamagedObject))

    rrefs = unwrap(allrrefs(world))
    trees = {rref: each.tree for rref, each in unwrap(world.store.realizations(rrefs)).items()}
    harmed = [rref for rref in rrefs if trees[rref] in rotten.damaged | rotten.gone | rotten.rights]
    for rref in (*harmed, *rrefs[:: max(1, count // 500)]):
        tree = trees[rref]
        read = world.perform.result(cat(world, rref, "noise.bin"))
        assert isinstance(read, Failure) == (tree in rotten.damaged | rotten.gone)
        if isinstance(read, Failure) and tree in rotten.damaged:
            assert isinstance(read.failure(), DamagedObject)

    record_property("count", count)
    record_property("found", f"{len(found.damages):,} of {len(found.damages):,} pieces of damage in {count:,} objects")
    mended = unwrap(verify(world, repair=True, plans=[noise(seed) for seed in range(count)]))
    assert mended.sound
    assert len(mended.repairs) == len(mended.damages) == len(found.damages)
    assert unwrap(verify(world)).damages == ()
    for seed in range(0, count, max(1, count // 500)):
        assert evaluate(world, noise(seed)).read_bytes() == random.Random(seed).randbytes(SIZE)


def test_rot_is_healed_from_a_cache(memory: Path, scale: Scale, record_property: Record) -> None:
    part = scale(100, 10, 1)
    count = 10_000 // part
    cache = evolve(folder(memory / "cache", trust=anyone), keys=memory / "no-keys")
    with open_world(memory / "store") as world:
        evaluate_all(world, [noise(seed) for seed in range(count)])
        unwrap(push(world, [noise(seed).dref for seed in range(count)], cache))
    rotten = rot(memory / "store" / "objects", part, seed=SEED + 2)
    with open_world(memory / "store") as world:
        mended = unwrap(verify(world, repair=True, sources=[objects_from(world, [cache])]))
        assert mended.sound
        damaged = [each for each in mended.repairs if not isinstance(each.damage, WrongRights)]
        assert len(damaged) == len(rotten.damaged) + len(rotten.gone) == 1500 // part
        assert {each.how for each in damaged} == {"it was got from elsewhere"}
        assert unwrap(verify(world)).damages == ()
        for seed in range(0, count, max(1, count // 500)):
            value = evaluate(world, noise(seed), only_stored=True).read_bytes()
            assert value == random.Random(seed).randbytes(SIZE)
    record_property("count", count)
    record_property("found", f"{len(damaged):,} healed from a cache")


def test_a_sample_finds_what_is_in_it_and_can_be_drawn_again(world: World, memory: Path, part: int) -> None:
    rotten = rot(memory / "store" / "objects", part, seed=SEED + 1)
    some = unwrap(verify(world, sample=100))
    assert (some.objects, some.of) == (100, 10_000 // part - len(rotten.gone))
    assert {each.tree for each in some.damages if isinstance(each, MissingObject)} == rotten.gone
    found = {each.tree for each in some.damages if isinstance(each, DamagedObject)}
    assert found <= rotten.damaged
    again = unwrap(verify(world, sample=100, seed=some.seed))
    assert again.damages == some.damages


def test_what_a_copy_of_a_store_notes_of_nothing_is_read(tmp_path: Path) -> None:
    """Another disk has other inodes: nothing that was noted holds, and nothing is taken for damage."""
    with open_world(tmp_path / "store") as world:
        path = evaluate(world, noise(1))
    shutil.copytree(tmp_path / "store", tmp_path / "copy", symlinks=True)
    with open_world(tmp_path / "copy") as world:
        there = evaluate(world, noise(1))
        assert there.read_bytes() == path.read_bytes()
        assert digest_of(entries_of(there.parent, ours=False)).hex == there.parent.name
        assert unwrap(verify(world)).damages == ()
