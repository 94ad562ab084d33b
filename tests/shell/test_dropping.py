"""Dropping files between real processes: only by who is alone, whole or not at all."""

from __future__ import annotations

import errno
import time
from pathlib import Path

import pytest
from errands import until
from makings import entry, good, ingested, listing
from returns.result import Failure
from scenes import CONTENT, Other, key

from lightfx.core.names import Digest
from lightfx.shell.disk import Disk
from lightfx.shell.store import dropping
from lightfx.shell.store.directory import DirectoryStore, open_directory
from lightfx.testing.faults import Call, Refusal, Watched


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


def passing(store: DirectoryStore, *texts: str) -> list[Digest]:
    """Objects of ephemeral realizations."""
    trees = [ingested(store, {"a": text.encode()}) for text in texts]
    good(store.commit([entry(text, tree=tree, ephemeral=True) for text, tree in zip(texts, trees, strict=True)]))
    return trees


def test_nothing_is_dropped_while_another_process_has_the_store_open(root: Path) -> None:
    store = good(open_directory(root))
    trees = passing(store, "1", "2")
    with Other("converse", root) as other:
        assert other.hear() == "open"
        good(store.drop(trees))
        assert good(store.present(trees)) == set(trees)
        other.kill()
    good(store.drop(trees[:1]))
    assert good(store.present(trees)) == {trees[1]}, "the dead need nothing"
    good(store.close())
    assert not list((root / "objects").iterdir()), "what was left over goes with the last"


def test_what_was_left_over_goes_with_whoever_closes_as_the_last(root: Path) -> None:
    with Other("converse", root) as other:
        assert other.hear() == "open"
        store = good(open_directory(root))
        trees = passing(store, "1", "2")
        good(store.drop(trees))
        good(store.close())
        assert len(list((root / "objects").iterdir())) == 2
        other.ask("close")
    assert not list((root / "objects").iterdir())


def test_what_was_left_over_is_looked_at_again(root: Path) -> None:
    """What is stored as one to be kept in the meantime stays, and what has gone by hand is no trouble."""
    one, two = good(open_directory(root)), good(open_directory(root))
    trees = passing(one, "1", "2")
    good(one.drop(trees))
    good(one.commit([entry("kept", tree=trees[0])]))
    (root / "objects" / trees[1].hex).chmod(0o700)
    (root / "objects" / trees[1].hex).rename(root.parent / "gone")
    good(one.close())
    good(two.close())
    three = good(open_directory(root))
    assert good(three.present(trees)) == {trees[0]}
    assert three._index.leftovers() == []
    good(three.close())


def test_who_opens_waits_for_one_who_is_alone(root: Path, tmp_path: Path) -> None:
    """Trap: one finds an object there that the other is about to drop."""
    good(good(open_directory(root)).close())
    log = tmp_path / "log"
    with Other("alone", root, log) as lonely:
        assert lonely.hear() == "alone"
        with Other("entering", root, log) as entering:
            assert entering.hear() == "up"
            assert until(lambda: len(list((root / "claims").glob("owner-*"))) == 2)
            time.sleep(0.2)  # for one who does not wait to go on
            lonely.tell("over")
            assert entering.hear() == "open"
    assert log.read_text().split() == ["over", "open"]


def test_who_was_killed_while_alone_is_alone_no_more(root: Path, tmp_path: Path) -> None:
    store = good(open_directory(root))
    trees = passing(store, "1")
    good(store.close())
    with Other("alone", root, tmp_path / "log") as lonely:
        assert lonely.hear() == "alone"
        lonely.kill()
    store = good(open_directory(root))
    good(store.drop(trees))
    assert good(store.present(trees)) == set()
    good(store.close())
    assert not list((root / "claims").iterdir())


def test_among_others_nobody_is_alone(root: Path, tmp_path: Path) -> None:
    with Other("converse", root) as living:
        assert living.hear() == "open"
        with Other("alone", root, tmp_path / "log") as other:
            assert other.hear() == "among others"
            assert good(good(open_directory(root)).close()) is None, "and nobody waits for him"


def test_the_name_is_gone_for_good_before_the_files_are(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trap: after a power cut, an object with half its files."""
    store = good(open_directory(root))
    trees = passing(store, "1")
    steps: list[str] = []
    monkeypatch.setattr(dropping, "sync_path", lambda path, _: steps.append(f"sync {path.name}"))
    remove = dropping.remove_tree

    def removing(path: Path, disk: Disk) -> None:
        steps.append(f"remove {len(listing(path))}")
        remove(path, disk)

    monkeypatch.setattr(dropping, "remove_tree", removing)
    good(store.drop(trees))
    assert steps == ["sync objects", "remove 2"]
    good(store.drop(trees))
    assert len(steps) == 2, "where nothing was there nothing is synced"
    good(store.close())


def test_what_may_be_a_log_stays(root: Path) -> None:
    """No index says whose log an object is: what looks like one is kept."""
    store = good(open_directory(root))
    logs = [ingested(store, {"log.txt": b"1"}), ingested(store, {"log.txt": b"2", "more": b""})]
    pairs = zip("12", logs, strict=True)
    good(store.commit([entry(text, tree=tree, ephemeral=True) for text, tree in pairs]))
    good(store.drop(logs))
    assert good(store.present(logs)) == {logs[0]}
    good(store.close())


def test_a_claim_of_its_own_does_not_keep_one_from_being_alone(root: Path) -> None:
    store = good(open_directory(root))
    assert good(store.claim([key("k")]))
    trees = passing(store, "1")
    good(store.drop(trees))
    assert good(store.present(trees)) == set()
    good(store.close())


def test_killed_at_any_step_an_object_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    with Other("crashes", tmp_path, "drop") as crashes:
        lines = iter(crashes.hear, "")
        outcomes = dict(line.split() for line in lines)
    assert len(outcomes) > 8
    assert list(outcomes.values())[-1] == "done"
    seen = set()
    for step in outcomes:
        store = good(open_directory(tmp_path / step))
        rows = good(store.listed([entry(number).realization.dref for number in (0, 1)], frozenset()))
        trees = [row.stored.tree for row in rows if row.stored.tree is not None]
        there = good(store.present(trees))
        assert len(trees) == 2
        seen.add(len(there))
        for tree in there:
            assert listing(store.folder_of(tree)) in ({"a": None, "a/b": b"deep", "c": b"file", "d": None}, {"b": b"b"})
        again = [ingested(store, CONTENT), ingested(store, {"b": b"b"})]
        assert set(again) == set(trees) == good(store.present(again))
        assert not any(store.folder_of(tree).stat().st_mode & 0o222 for tree in again)
        good(store.drop(again))
        good(store.close())
        assert [list((tmp_path / step / each).iterdir()) for each in ("objects", "tmp", "claims")] == [[], [], []]
    assert seen == {0, 1, 2}


def test_trap_files_went_though_their_name_had_not(root: Path) -> None:
    """Where the sync of a drop fails, a power cut may give the name back: the files wait for a sync that does not."""
    refused = False

    def plan(call: Call) -> Refusal | None:
        return Refusal(errno.EIO) if refused and call.act == "fsync" and call.paths[0].endswith("objects") else None

    store = good(open_directory(root, disk=Watched(plan=plan)))
    (tree,) = passing(store, "1")
    refused = True
    assert isinstance(store.drop([tree])._inner_value, Failure)  # noqa: SLF001 -- a test
    good(store.close())
    assert [each.name for each in root.glob("tmp/*/dropped-*/*/*")] == ["a"]
    disk = Watched()
    good(good(open_directory(root, disk=disk)).close())
    assert not list((root / "tmp").iterdir())
    assert not list((root / "objects").iterdir())
    synced = next(call.number for call in disk.calls if call.act == "fsync" and call.paths[0].endswith("objects"))
    removed = next(call.number for call in disk.calls if call.act == "unlink" and "dropped-" in call.paths[0])
    assert synced < removed
