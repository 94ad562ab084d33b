"""Garbage collection on a real store: who may, in which order, and what is left when it is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from makings import Code, coded, entry, good, ingested, listing, trouble
from scenes import CONTENT, Other, key

from lightfx import open_world, unwrap
from lightfx.core.failures import DamagedRecord, InUse
from lightfx.core.inventory import Anchor, Garbage, Inventory
from lightfx.core.realization import Log
from lightfx.garbage import gc
from lightfx.plan.garbage import Rules, judge
from lightfx.shell.store import collecting
from lightfx.shell.store.directory import DirectoryStore, open_directory

GRINDING = Path(__file__).with_name("grinding.py")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(root: Path) -> Iterator[DirectoryStore]:
    opened = good(open_directory(root))
    yield opened
    good(opened.close())


def everything(inventory: Inventory) -> Garbage:
    return judge(inventory, Rules(), 0.0)


def listed(store: DirectoryStore, *values: object) -> list[object]:
    found = {row.stored.rref.dref for row in good(store.newest(None, 100))}
    return [value for value in values if entry(value).realization.dref in found]  # type: ignore[arg-type]


def test_groups_are_written_anew_with_what_stays(root: Path, store: DirectoryStore) -> None:
    trees = [ingested(store, {name: name.encode()}) for name in ("a", "b")]
    good(store.commit([entry(0, tree=trees[0]), entry(1, tree=trees[1])]))
    good(store.commit([entry(2)]))
    good(store.commit([entry(3)]))
    groups = {path.name for path in (root / "records").iterdir()}
    for number in (1, 3):
        tree = trees[1] if number == 1 else None
        good(store.hold(Anchor(f"root-{number}", entry(number, tree=tree).realization.rref)))
    garbage = good(store.collect(everything))
    assert (len(garbage.rrefs), garbage.objects, garbage.left) == (2, (trees[0],), 2)
    left = {path.name for path in (root / "records").iterdir()}
    assert len(left) == 2, "one that nothing of goes stays as it is, one is written anew, one is gone"
    assert len(left & groups) == 1
    assert [path.name for path in (root / "objects").iterdir()] == [trees[1].hex]
    assert listed(store, 0, 1, 2, 3) == [1, 3]
    again = good(open_directory(root))
    assert listed(again, 0, 1, 2, 3) == [1, 3]
    assert set(good(again.configs([entry(n).realization.dref for n in range(4)]))) == {
        entry(n).realization.dref for n in (1, 3)
    }
    good(again.close())
    assert not list((root / "tmp" / store._claims.identity).iterdir()), "the trash is empty"


def test_what_was_removed_can_be_stored_again(store: DirectoryStore) -> None:
    """Trap: the config is thought to stand in a group that is gone."""
    made = entry(0, tree=ingested(store, CONTENT))
    good(store.commit([made]))
    good(store.collect(everything))
    assert listed(store, 0) == []
    assert made.realization.tree == ingested(store, CONTENT)
    good(store.commit([made]))
    assert good(store.configs([made.realization.dref])) == {made.realization.dref: made.config}


def test_what_codes_consist_of_goes_with_the_last_config_of_the_code(store: DirectoryStore) -> None:
    code = Code((("m:f", "1"),))
    good(store.commit([coded(0, "one", code), coded(1, "one", code), coded(2, "two", code)]))
    good(store.hold(Anchor("kept", coded(0, "one", code).realization.rref)))
    good(store.collect(everything))
    assert set(good(store.codes(["one", "two"]))) == {"one"}
    assert len(good(store.inventory()).items) == 1


def test_a_realization_that_stands_in_two_groups_goes_from_both(root: Path, store: DirectoryStore) -> None:
    good(store.commit([entry(0), entry(1)]))
    good(store.commit([entry(0), entry(2)]))
    good(store.collect(everything))
    assert list((root / "records").iterdir()) == []
    assert good(store.inventory()).items == []


def test_logs_are_objects_too(store: DirectoryStore) -> None:
    logs = [ingested(store, {"log.txt": text}) for text in (b"one", b"two")]
    entries = [entry(number, log=Log("tail", log)) for number, log in enumerate(logs)]
    good(store.commit(entries))
    good(store.hold(Anchor("kept", entries[0].realization.rref)))
    assert good(store.collect(everything)).objects == (logs[1],)
    assert good(store.present(logs)) == {logs[0]}


def test_nothing_goes_while_another_process_has_the_store_open(root: Path, store: DirectoryStore) -> None:
    good(store.commit([entry(0, tree=ingested(store, CONTENT))]))
    with Other("converse", root) as other:
        assert other.hear() == "open"
        failure = trouble(store.collect(everything))
        assert isinstance(failure, InUse)
        assert [f"process {other.pid} on" in each for each in failure.who] == [True]
        assert listed(store, 0) == [0]
        other.kill()
    assert len(good(store.collect(everything)).rrefs) == 1


def test_nothing_goes_while_a_run_of_this_process_goes_on(store: DirectoryStore) -> None:
    good(store.claim([key("k")]))
    assert trouble(store.collect(everything)) == InUse(store.root, ("a run in this process",))
    good(store.release([key("k")]))
    assert good(store.collect(everything)) == Garbage()


def test_who_opens_waits_until_garbage_is_collected(root: Path, store: DirectoryStore) -> None:
    """Trap: one finds an object there that is about to go."""
    good(store.commit([entry(0, tree=ingested(store, CONTENT))]))
    seen: list[bool] = []

    def judging(inventory: Inventory) -> Garbage:
        entering = Other("entering", root, root.parent / "log")
        others.append(entering)
        assert entering.hear() == "up"
        while len(list((root / "claims").glob("owner-*"))) < 2:
            pass
        seen.append((root.parent / "log").exists())
        return everything(inventory)

    others: list[Other] = []
    good(store.collect(judging))
    with others[0] as entering:
        assert entering.hear() == "open"
    assert seen == [False]


def test_records_are_gone_for_good_before_objects_are(
    root: Path, store: DirectoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trap: after a power cut, a record whose object is gone, or an object with half its files."""
    good(store.commit([entry(0, tree=ingested(store, CONTENT)), entry(1)]))
    good(store.hold(Anchor("kept", entry(1).realization.rref)))
    steps: list[str] = []
    write, remove, unlink = collecting.write_durably, collecting.remove_tree, os.unlink
    monkeypatch.setattr(collecting, "sync_path", lambda path, _: steps.append(f"sync {path.name}"))
    monkeypatch.setattr(collecting, "write_durably", lambda path, *rest: (steps.append("write"), write(path, *rest))[1])
    monkeypatch.setattr(
        collecting,
        "remove_tree",
        lambda path, disk: (steps.append(f"empty {len(listing(path)) > 0}"), remove(path, disk))[1],
    )
    monkeypatch.setattr(
        os,
        "unlink",
        lambda path, **how: (str(path).endswith(".jsonl") and steps.append("unlink"), unlink(path, **how))[1],
    )
    good(store.collect(everything))
    assert steps == ["write", "unlink", "sync records", "sync objects", "empty True"]


def test_a_root_that_cannot_be_read_stops_all(root: Path, store: DirectoryStore) -> None:
    good(store.commit([entry(0)]))
    for text in ("junk", "[]", '{"ref": "no ref"}', '{"ref": 1}', '{"link": "00", "ref": "' + "a" * 32 + '-fit"}'):
        (root / "roots" / "odd").write_text(text)
        assert isinstance(trouble(store.collect(everything)), DamagedRecord)
        assert listed(store, 0) == [0]
    (root / "roots" / "odd").unlink()


def test_roots_are_kept_by_name(root: Path, store: DirectoryStore) -> None:
    one, two = (entry(number).realization.rref for number in range(2))
    good(store.hold(Anchor("b", one)))
    good(store.hold(Anchor("a", one.dref)))
    good(store.hold(Anchor("b", two)))
    again = good(open_directory(root))
    assert good(again.roots()) == [Anchor("a", one.dref), Anchor("b", two)]
    assert good(again.let_go("b")) is True
    assert good(store.let_go("b")) is False
    assert good(store.let_go("../format")) is False
    assert good(store.roots()) == [Anchor("a", one.dref)]
    good(again.close())


def test_a_link_is_a_root_as_long_as_it_leads_there(root: Path, store: DirectoryStore, tmp_path: Path) -> None:
    made = entry(0, tree=ingested(store, CONTENT))
    good(store.commit([made]))
    tree = made.realization.tree
    assert tree is not None
    link = tmp_path / os.fsdecode(b"result-\xff")
    anchor = Anchor("link-1", made.realization.rref, str(link), tree)
    good(store.hold(anchor))
    assert good(store.roots()) == [], "it is not made yet"
    link.symlink_to(store.folder_of(tree))
    assert good(store.roots()) == [anchor]
    assert good(store.collect(everything)).left == 1
    link.unlink()
    link.symlink_to("/elsewhere")
    assert good(store.roots()) == []
    link.unlink()
    link.write_text("a file")
    assert good(store.roots()) == []
    assert good(store.collect(everything)).left == 0
    assert list((root / "roots").iterdir()) == [], "what is no root any more is swept"


def test_a_root_is_spelled_as_the_document_says(root: Path, store: DirectoryStore) -> None:
    made = entry(0, tree=ingested(store, CONTENT))
    good(store.commit([made]))
    tree, rref = made.realization.tree, made.realization.rref
    good(store.hold(Anchor("plain", rref.dref)))
    good(store.hold(Anchor("linked", rref, os.fsdecode(b"/a/\xff"), tree)))
    assert (root / "roots/plain").read_text() == f'{{"ref": "{rref.dref}"}}\n'
    assert (root / "roots/linked").read_text() == f'{{"link": "2f612fff", "ref": "{rref}", "tree": "{tree}"}}\n'
    assert {path.stat().st_mode & 0o7777 for path in (root / "roots").iterdir()} == {0o444}


def test_a_root_that_a_power_cut_brings_back_holds_nothing(root: Path, store: DirectoryStore, tmp_path: Path) -> None:
    """What garbage collection removes of roots is not synced: as long as the link is gone, it is no root."""
    made = entry(0, tree=ingested(store, CONTENT))
    good(store.commit([made]))
    tree = made.realization.tree
    assert tree is not None
    (tmp_path / "link").symlink_to(store.folder_of(tree))
    good(store.hold(Anchor("linked", made.realization.rref, str(tmp_path / "link"), tree)))
    kept = (root / "roots/linked").read_bytes()
    (tmp_path / "link").unlink()
    assert len(good(store.collect(everything)).rrefs) == 1
    assert list((root / "roots").iterdir()) == []
    (root / "roots/linked").write_bytes(kept)
    assert good(store.roots()) == []
    good(store.commit([made]))
    assert len(good(store.collect(everything)).rrefs) == 1
    assert list((root / "roots").iterdir()) == []


def test_killed_at_any_step_what_was_to_stay_is_there(tmp_path: Path) -> None:
    with Other("crashes", tmp_path, "collect") as crashes:
        outcomes = dict(line.split() for line in iter(crashes.hear, ""))
    assert len(outcomes) > 12
    assert list(outcomes.values())[-1] == "done"
    left = set()
    for step in outcomes:
        root = tmp_path / step
        store = good(open_directory(root))
        found = good(store.inventory())
        kept = next(item for item in found.items if item.rref in {root.ref for root in found.roots})
        (tree,) = kept.trees
        assert listing(store.folder_of(tree)) == {"b": b"b"}
        assert good(store.configs([kept.rref.dref]))
        assert {each for item in found.items for each in item.trees} <= found.objects.keys()
        for each in found.objects:
            assert listing(store.folder_of(each)) in (
                {"a": None, "a/b": b"deep", "c": b"file", "d": None}, {"b": b"b"}, {"log.txt": b"long"}
            )  # fmt: skip
        left.add(len(found.items))
        assert good(store.collect(everything)).left == 1
        good(store.close())
        assert len(list((root / "objects").iterdir())) == 1
        assert [list((root / each).iterdir()) for each in ("tmp", "claims")] == [[], []]
    assert left >= {1, 4}


def test_never_a_race_with_runs_that_go_on(root: Path) -> None:
    """Two programs realize, with files and inputs that others made, while all is collected again and again."""
    programs = [
        subprocess.Popen(
            [sys.executable, str(GRINDING), str(root), str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in (1, 2)
    ]
    collected = refused = 0
    while collected < 3 or refused < 3:
        with open_world(root) as world:
            done = world.perform.result(gc(world))
        failure = done.swap().value_or(None)
        assert failure is None or isinstance(failure, InUse), failure
        collected += failure is None and len(done.unwrap().rrefs) > 0
        refused += failure is not None
        assert [program.poll() for program in programs] == [None, None]
    for program in programs:
        out, err = program.communicate()
        assert (program.returncode, err) == (0, ""), err
        assert int(out) > 0
    with open_world(root) as world:
        inventory = unwrap(world.store.inventory())
        assert {tree for item in inventory.items for tree in item.trees} <= inventory.objects.keys()


def test_who_waits_collects_when_the_others_are_gone(root: Path) -> None:
    with Other("converse", root) as other, open_world(root) as world:
        assert other.hear() == "open"
        other.ask("commit", "x")
        assert isinstance(world.perform.result(gc(world)).failure(), InUse)
        other.tell("close")
        assert len(unwrap(gc(world, wait=30.0)).rrefs) == 1
