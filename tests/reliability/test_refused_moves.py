"""D3 where results move: every call refused, in every way, while they are pushed, pulled, packed and unpacked.

A session brings results to a cache in a folder and into a file, and takes them out of both into stores that have
nothing, all of it on a disk that refuses one call. What was answered must be where it was said to be; nothing may be
there that is wrong; and the same session, given again, succeeds.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from inquest import let_a_minute_pass
from plain import Ack, judge
from plain_cache import beside, judge_cache
from protocol import SEED, Record, Scale
from sweeping import remove
from test_refusals import NUMBERS
from writer import ack_bulky, ack_noted, bulky, cache_of, noted

from lightfx import evaluate
from lightfx.core.failures import EngineError
from lightfx.moving import pack, pull, push, unpack
from lightfx.shell.cache import opening
from lightfx.shell.cache.folder import folder_cache
from lightfx.shell.disk import REAL, Disk
from lightfx.testing.faults import Refusal, Watched, at, every, world_on

PLAN = bulky(noted(7), 7)
STORES = ("store", "pulled", "unpacked")

pytestmark = pytest.mark.reliability(
    "D3",
    "every call refused while results are pushed, pulled, packed and unpacked",
    passes="typed error or true success; nothing lost",
)


@contextmanager
def caches_on(disk: Disk) -> Iterator[None]:
    """Let caches in folders be opened on a disk, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "folder_cache", lambda *given, **more: folder_cache(*given, **{**more, "disk": disk}))
        yield


def session(disk: Disk, home: Path) -> dict[str, list[Ack]]:
    """Move things; gives what was answered, of each store."""
    cache, file = cache_of(home / "store"), home / "results.pack"
    said: dict[str, list[Ack]] = {name: [] for name in STORES}
    with caches_on(disk):
        for name, brought, move in (
            ("store", True, lambda world: push(world, [PLAN.dref], cache)),
            ("store", False, lambda world: pack(world, [PLAN.dref], file, disk=disk)),
            ("pulled", False, lambda world: pull(world, [PLAN.dref], cache)),
            ("unpacked", False, lambda world: unpack(world, file, disk=disk)),
        ):
            try:
                with world_on(disk, home / name) as world:
                    done = world.perform.result(move(world)).map(lambda _: True).value_or(False)
            except EngineError:
                continue
            said[name] += [ack_bulky(7, brought=brought), ack_noted(7, brought=brought)] if done else []
    return said


def begun(home: Path) -> Path:
    """A folder with a store in which there is something to move."""
    home.mkdir()
    with world_on(REAL, home / "store") as world:
        evaluate(world, PLAN)
    return home


def judged(home: Path, said: dict[str, list[Ack]]) -> None:
    """What was answered is there; the same, given again, succeeds, and leaves nothing over."""
    for again in (False, True):
        for name in STORES if again else ():
            let_a_minute_pass(home / name)
        acks = session(REAL, home) if again else said
        for name in STORES:
            assert judge(home / name, acks[name]) == [], name
        brought = [each for each in acks["store"] if each.get("brought")]
        assert judge_cache(beside(home / "store"), brought) == []
    assert all(acks[name] for name in STORES), "without a fault all of it is done"
    left = [path for name in STORES for folder in ("tmp", "claims") for path in (home / name / folder).iterdir()]
    assert left == []


def calls_of(home: Path) -> int:
    disk = Watched()
    judged(home, session(disk, home))
    acts = {call.act for call in disk.calls if "/cache/" in call.paths[0]}
    assert acts >= {"open", "write", "fsync", "rename", "mkdir"}, "the cache is on this disk, too"
    return len(disk.calls)


@pytest.mark.quick
def test_every_call_of_a_move_is_refused_in_every_way(memory: Path, scale: Scale, record_property: Record) -> None:
    calls = calls_of(begun(memory / "right"))
    pairs = [(call, number) for number in NUMBERS for call in range(1, calls + 1)]
    step = scale(501, 7, 1)
    chosen = pairs[SEED % step :: step]
    record_property("count", len(chosen))
    for call, number in chosen:
        home = begun(memory / f"{call}-{number}")
        disk = Watched(plan=at(call, Refusal(number)))
        try:
            judged(home, session(disk, home))
        except BaseException as trouble:
            refused = disk.calls[call - 1] if call <= len(disk.calls) else "which was not made"
            trouble.add_note(f"call {call}, {refused}, was refused with {errno.errorcode[number]}")
            raise
        assert any(each.error == number for each in disk.calls) or call > len(disk.calls)
        remove(home)


@pytest.mark.parametrize("act", ["fsync", "rename", "write"])
def test_every_kth_of_a_move_is_refused(memory: Path, act: str) -> None:
    for step in range(1, 11):
        home = begun(memory / str(step))
        disk = Watched(plan=every(step, Refusal(errno.EIO), {act}))
        judged(home, session(disk, home))
        assert any(each.error for each in disk.calls), step
