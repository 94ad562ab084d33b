"""Fetching the files of objects: which of what does not come is the fault of the cache, and which is ours."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from lightfx import memory_world
from lightfx.core.manifest import Entry, Kind, Manifest, digest_of
from lightfx.core.names import Digest
from lightfx.effects.world import World
from lightfx.plan.packing import Freight, PackingList
from lightfx.plan.sharing import Group, Told
from lightfx.shell.cache import pulling
from lightfx.shell.cache.channel import BrokenError, ChannelCache
from lightfx.shell.cache.memory import MemoryChannel, memory_cache
from lightfx.shell.cache.partner import Partner
from lightfx.shell.cache.pulling import Fetching
from lightfx.shell.cache.sealing import sealed
from lightfx.shell.disk import REAL, Disk
from lightfx.testing.faults import Refusal, Watched

CONTENTS = [b"one " * 900, b"two " * 900]
FILES = [Digest.of(data) for data in CONTENTS]
MANIFESTS: list[Manifest] = [
    (Entry("data", Kind.FILE, digest.text, len(data)),) for digest, data in zip(FILES, CONTENTS, strict=True)
]
OBJECTS = {digest_of(manifest): manifest for manifest in MANIFESTS}
BLOBS = [f"v1/blobs/{digest.hex}" for digest in FILES]


def holding(*contents: bytes, folder: str = "blobs") -> dict[str, bytes]:
    held: dict[str, bytes] = {}
    for data in contents:
        memory_cache(held).put([sealed(f"v1/{folder}/{Digest.of(data).hex}", data)])
    return held


def fetching(world: World, channel: MemoryChannel, place: Path, disk: Disk = REAL) -> Fetching:
    return Fetching(Partner(ChannelCache("ours", channel), world.perform), PackingList((), OBJECTS), place, disk)


def test_trap_what_there_is_no_room_for_here_is_not_spoilt_there(tmp_path: Path) -> None:
    """Trap: on a full disk a sound file was held for damaged, and taken from all others to be brought anew."""

    def full(call: object) -> Refusal | None:
        return Refusal(errno.ENOSPC) if getattr(call, "act", "") == "write" else None

    with memory_world(tmp_path / "world") as world:
        mine = fetching(world, MemoryChannel(holding(*CONTENTS)), tmp_path / "place", Watched(plan=full))
        assert mine.run([]) == {}
    assert (mine.partner.unfit, mine.lost) == (set(), frozenset())
    assert {each.why for each in mine.partner.refused} == {"it cannot be kept here: No space left on device"}


def test_what_the_cache_lost_is_told_from_what_merely_did_not_come(tmp_path: Path) -> None:
    """Trap: where one file was gone, all were held for lost that had not come, also for lack of time."""

    class Half(MemoryChannel):  # type: ignore[misc]  # it is final
        def open(self, name):
            if name == BLOBS[1]:
                raise BrokenError("it stalled", again=True)
            return super().open(name)

    with memory_world(tmp_path / "world") as world:
        mine = fetching(world, Half(), tmp_path / "place")
        assert mine.run([]) == {}
    assert mine.bad == set(FILES)
    assert mine.lost == {FILES[0]}
    assert mine.partner.unfit == {BLOBS[0]}


@pytest.mark.parametrize("first", [0, 1])
def test_trap_a_pack_that_is_too_large_keeps_no_file_from_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    """Trap: it was refused twice, and the pack that had the same files was never asked for."""
    monkeypatch.setattr(pulling, "MOST_PACK", sum(map(len, CONTENTS)))
    sound, large = b"".join(CONTENTS), b"".join([*CONTENTS, b"more"])
    more = Digest.of(b"more")
    groups = [
        Group(Freight((), (), {}), {**OBJECTS, digest_of(extra): extra}, {Digest.of(pack): files}, {})
        for pack, files, extra in (
            (large, (*FILES, more), (Entry("more", Kind.FILE, more.text, 4),)),
            (sound, tuple(FILES), MANIFESTS[0]),
        )
    ]
    with memory_world(tmp_path / "world") as world:
        mine = fetching(world, MemoryChannel(holding(sound, large, folder="packs")), tmp_path / "place")
        told = [Told(None, None, group=groups[first], others=(groups[1 - first],))]  # type: ignore[arg-type]
        assert set(mine.run(told).values()) == set(OBJECTS)
    assert mine.bad == set()
