"""Many who push at once, pushers that are killed, and caches that take nothing: no record without its files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from lightfx import Build, EngineError, evaluate_all, looking, memory_world, open_world, stage, unwrap
from lightfx.caches import CacheSetup, anyone
from lightfx.caches import folder as folder_of
from lightfx.core.manifest import Kind, digest_of
from lightfx.core.names import Digest
from lightfx.effects.store import Entry
from lightfx.failures import CacheTrouble, NotStored
from lightfx.moving import objects_from, pull, push
from lightfx.plan.sharing import Group, Row, read_table, read_table_list, spell_table
from lightfx.shell.cache.catalogue import Catalogue
from lightfx.shell.cache.channel import ChannelCache
from lightfx.shell.cache.folder import folder_cache
from lightfx.shell.cache.memory import MemoryChannel, memory_cache
from lightfx.shell.cache.partner import Partner
from lightfx.shell.cache.pulling import take_in
from lightfx.shell.cache.pushing import Pushing
from lightfx.shell.cache.sealing import opened, sealed

folder = partial(folder_of, trust=anyone)


@stage(version="1")
def written(build: Build, number: int, size: int = 100) -> Path:
    path = build.out / "data.bin"
    path.write_bytes(f"{number} ".encode() * size)
    return path


def plain(path: Path) -> bytes:
    """What a file of a cache holds; that it is what it is named by is asked too."""
    digest = None if path.suffix else Digest(f"blake3:{path.name}")
    return b"".join(opened(iter([path.read_bytes()]), digest, 1 << 26))


def swept(root: Path) -> int:
    """Look at all of a cache: what a table tells of is there, whole, with its files. Counts realizations."""
    count = 0
    for table in (root / "v1/tables").iterdir() if (root / "v1/tables").exists() else ():
        for row in read_table(plain(table)).unwrap():
            group = Group.read(plain(root / "v1/groups" / row.group.hex)).unwrap()
            for pack in group.packs:
                plain(root / "v1/packs" / pack.hex)
            for manifest in group.objects.values():
                for entry in manifest:
                    if entry.kind is Kind.FILE and Digest(entry.data) not in group.packed:
                        plain(root / "v1/blobs" / Digest(entry.data).hex)
            count += len(group.freight.realizations)
    return count


def test_what_is_told_of_is_there_before_it_is_told_of(tmp_path: Path) -> None:
    """Files, then the groups that name them, then the table of these, then the list of tables."""
    held: dict[str, bytes] = {}
    with open_world(tmp_path / "store") as world:
        evaluate_all(world, [written(1), written(2, 50_000)])
        partner = Partner(memory_cache(held), world.perform)
        made = unwrap(looking.find(world))
        entries = [Entry(unwrap(world.store.configs([each.dref]))[each.dref], each) for each in made]
        assert len(Pushing(partner, Catalogue(partner), world.store).run(entries).unwrap()) == 2
    kinds = [name.split("/")[1] for name in held]
    assert kinds == ["blobs", "packs", "groups", "tables", "tables.json"]


PUSHER = """
import sys
from pathlib import Path
from lightfx import open_world, unwrap
from lightfx.caches import folder
from lightfx.looking import alldrefs
from lightfx.moving import push
store, shared, rounds = sys.argv[1:]
with open_world(store) as world:
    refs = unwrap(alldrefs(world))
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(int(rounds)):
        for ref in refs if number else refs[:1]:
            unwrap(push(world, [ref], folder(shared)))
            print("pushed", flush=True)
    unwrap(push(world, refs, folder(shared)))
"""


def pusher(store: Path, shared: Path, rounds: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PUSHER, str(store), str(shared), str(rounds)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def begin(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_several_may_push_at_once(tmp_path: Path) -> None:
    stores = [tmp_path / name for name in ("one", "two", "three")]
    for number, store in enumerate(stores):
        with open_world(store) as world:
            evaluate_all(world, [written(each, 40_000 if each == 3 else 10) for each in range(number, number + 6)])
    pushers = [pusher(store, tmp_path / "shared", 2) for store in stores]
    for process in pushers:
        begin(process)
    for process in pushers:
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert swept(tmp_path / "shared") >= 8
    with open_world(tmp_path / "four", caches=[folder(tmp_path / "shared")]) as world:
        evaluate_all(world, [written(each, 40_000 if each == 3 else 10) for each in range(8)], only_stored=True)


def test_a_pusher_that_is_killed_leaves_no_record_without_its_files(tmp_path: Path) -> None:
    plans = [written(each, 40_000 if each % 2 else 10) for each in range(8)]
    with open_world(tmp_path / "one") as world:
        evaluate_all(world, plans)
    for number in range(5):
        process = pusher(tmp_path / "one", tmp_path / "shared", 2)
        begin(process)
        assert process.stdout is not None
        if number:
            process.stdout.readline()
        time.sleep(0.002 * number)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        swept(tmp_path / "shared")
    with open_world(tmp_path / "one") as world:
        unwrap(push(world, [each.dref for each in plans], folder(tmp_path / "shared")))
    assert swept(tmp_path / "shared") == 8
    with open_world(tmp_path / "two", caches=[folder(tmp_path / "shared")]) as world:
        evaluate_all(world, plans, only_stored=True)


def test_small_tables_are_put_together(tmp_path: Path) -> None:
    plans = [written(each) for each in range(70)]
    cache = folder_cache(tmp_path / "shared", create=True)
    with memory_world(tmp_path / "one") as world:
        evaluate_all(world, plans[:2])
        setup = folder(tmp_path / "shared")
        for number in range(68):
            row = Row(Digest.of(bytes([number])), 10, (number,))
            data = spell_table([row])
            unwrap(cache.put([sealed(f"v1/tables/{Digest.of(data).hex}", data)]))  # type: ignore[arg-type]
        assert len(unwrap(push(world, [plans[0].dref], setup)).rrefs) == 1
        tables = list((tmp_path / "shared/v1/tables").iterdir())
        assert len(tables) == 1
        assert len(read_table(plain(tables[0])).unwrap()) == 69
        listed = read_table_list(plain(tmp_path / "shared/v1/tables.json")).unwrap()
        assert list(listed) == [f"v1/tables/{tables[0].name}"]
        assert len(unwrap(push(world, [plans[1].dref], setup)).rrefs) == 1
    with memory_world(tmp_path / "two") as world:
        assert len(unwrap(pull(world, [plans[0].dref, plans[1].dref], setup)).rrefs) == 2


def test_many_small_results_cost_few_requests(tmp_path: Path) -> None:
    asked: list[tuple[str, int]] = []

    class Counting(MemoryChannel):  # type: ignore[misc]
        def write(self, good):
            asked.append(("put", 1))
            super().write(good)

        def open(self, name):
            asked.append(("get", 1))
            return super().open(name)

        def names(self, folder):
            asked.append(("list", 1))
            return super().names(folder)

        def has(self, name):
            asked.append(("head", 1))
            return super().has(name)

    def count() -> dict[str, int]:
        counts = dict(Counter(kind for kind, _ in asked))
        asked.clear()
        return counts

    plans = [written(each, 300) for each in range(600)]
    cache = ChannelCache("memory", Counting())
    with memory_world(tmp_path / "one") as world:
        evaluate_all(world, plans)
        entries = [
            Entry(unwrap(world.store.configs([each.dref]))[each.dref], each) for each in unwrap(looking.find(world))
        ]
        partner = Partner(cache, world.perform)
        assert len(Pushing(partner, Catalogue(partner), world.store).run(entries).unwrap()) == 600
        assert count() == {"list": 2, "put": 6, "get": 1}, "2 packs, 2 groups, a table, the list of tables"
        assert Pushing(partner, Catalogue(partner), world.store).run(entries).unwrap() == ()
        assert count() == {"list": 1, "get": 1}, "what is there already is known from a table"
    with memory_world(tmp_path / "two") as world:
        partner = Partner(cache, world.perform)
        catalogue = Catalogue(partner)
        told = catalogue.told_of(f"blake3:{number:064x}" for number in range(10_000))
        assert told == []
        assert count() == {"list": 1, "get": 1}, "ten thousand misses"
        told = catalogue.told_of(entry.realization.key.text for entry in entries)
        assert count() == {"get": 2}, "2 groups"
    for name, order in (("three", 1), ("four", -1)):
        with memory_world(tmp_path / name) as world:
            assert len(take_in(told[::order], Partner(cache, world.perform), world.store).unwrap()) == 600
            assert count() == {"get": 2}, "each pack once, whichever group is told of first"


def test_a_cache_that_takes_nothing_says_so(tmp_path: Path) -> None:
    with memory_world(tmp_path / "one") as world:
        evaluate_all(world, [written(1)])
        with pytest.raises(EngineError) as raised:
            unwrap(push(world, [written(1).dref], CacheSetup("http://127.0.0.1:9/none")))
        assert isinstance(raised.value.failure, CacheTrouble)
        with pytest.raises(EngineError) as raised:
            unwrap(push(world, [written(2).dref], folder(tmp_path / "shared")))
        assert isinstance(raised.value.failure, NotStored)
        with pytest.raises(EngineError) as raised:
            unwrap(pull(world, [written(2).dref], folder(tmp_path / "nowhere")))
        assert isinstance(raised.value.failure, CacheTrouble)
        (tmp_path / "shared").mkdir(exist_ok=True)
        with pytest.raises(EngineError) as raised:
            unwrap(pull(world, [written(2).dref], folder(tmp_path / "shared")))
        assert isinstance(raised.value.failure, NotStored)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_is_read_only_takes_nothing(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir(mode=0o555)
    with memory_world(tmp_path / "one") as world:
        evaluate_all(world, [written(1)])
        with pytest.raises(EngineError, match="Permission denied"):
            unwrap(push(world, [written(1).dref], folder(tmp_path / "shared")))


def test_what_was_damaged_here_is_not_spread(tmp_path: Path) -> None:
    with memory_world(tmp_path / "one") as world:
        (path,) = evaluate_all(world, [written(1)])
        path.chmod(0o600)
        path.write_bytes(b"other")
        traffic = unwrap(push(world, [written(1).dref], folder(tmp_path / "shared")))
        assert traffic.rrefs == ()
        assert "not what they were" in traffic.refused[0].why
        assert swept(tmp_path / "shared") == 0


def test_objects_are_offered_to_mend_a_store_with(tmp_path: Path) -> None:
    with memory_world(tmp_path / "one") as world:
        evaluate_all(world, [written(1), written(2, 40_000)])
        unwrap(push(world, [written(1).dref, written(2, 40_000).dref], folder(tmp_path / "shared")))
        trees = [made.tree for made in unwrap(looking.find(world)) if made.tree is not None]
        offer = objects_from(world, [folder(tmp_path / "gone"), folder(tmp_path / "shared")])
        offered = unwrap(offer([*trees, Digest.of(b"another")], tmp_path / "private"))
        assert set(offered) == set(trees)
        listed = unwrap(world.store.manifests(list(offered.values())))
        assert all(digest_of(listed[folder]) == tree for tree, folder in offered.items())
        for blob in (tmp_path / "shared/v1/blobs").iterdir():
            blob.write_bytes(blob.read_bytes()[:-1])
        assert len(unwrap(offer(trees, tmp_path / "again"))) == 1


def test_groups_that_would_be_too_large_are_parted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lightfx.shell.cache.pushing.MOST_GROUP", 2_500)
    with memory_world(tmp_path / "one") as world:
        plans = [written(each) for each in range(8)]
        evaluate_all(world, plans)
        traffic = unwrap(push(world, [each.dref for each in plans], folder(tmp_path / "shared")))
        assert len(traffic.rrefs) == 8
        assert traffic.refused == ()
        assert len(list((tmp_path / "shared/v1/groups").iterdir())) > 2
        assert swept(tmp_path / "shared") == 8
        monkeypatch.setattr("lightfx.shell.cache.pushing.MOST_GROUP", 500)
        evaluate_all(world, [written(9)])
        traffic = unwrap(push(world, [written(9).dref], folder(tmp_path / "shared")))
        assert traffic.rrefs == ()
        assert "too many files" in traffic.refused[0].why
