"""Every store obeys the laws, and every law catches a store that does not."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast
from unittest import mock

import pytest
from attrs import evolve
from returns.io import IOSuccess

from lightfx.core.damage import MissingObject
from lightfx.core.listing import Listed
from lightfx.core.names import Digest
from lightfx.core.outcome import Cancelled
from lightfx.effects.journal import RunBegan
from lightfx.effects.store import Forbidden, Store
from lightfx.shell.cache.memory import memory_cache
from lightfx.shell.cache.partner import Partner, Terms
from lightfx.shell.cache.sharing import SharingStore
from lightfx.shell.journal.listeners import Silence
from lightfx.shell.store import sync
from lightfx.shell.store.directory import DirectoryStore, open_directory
from lightfx.shell.store.memory import MemoryStore
from lightfx.shell.store.soundness import Soundness
from lightfx.testing import store_laws as laws
from lightfx.testing.makings import entry, good
from lightfx.testing.rig import Rig
from lightfx.testing.rig import StoreLaw as Law
from lightfx.testing.store_laws import STORE_LAWS as LAWS
from lightfx.wiring import Performing


@pytest.fixture
def memory(tmp_path: Path) -> Rig:
    store = MemoryStore(tmp_path / "scratch")
    (tmp_path / "outside").mkdir()
    return Rig(store, lambda: store, tmp_path / "outside", alone=True)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Rig]:
    opened: list[DirectoryStore] = []

    def again() -> Store:
        opened.append(good(open_directory(tmp_path / "store")))
        return opened[-1]

    (tmp_path / "outside").mkdir()
    yield Rig(again(), again, tmp_path / "outside", alone=False)
    for store in opened:
        good(store.close())


@pytest.fixture
def sharing(directory: Rig) -> Rig:
    """A directory store that asks a cache, as in a run, and brings there what is stored."""
    held: dict[str, bytes] = {}

    def around(store: Store) -> Store:
        partner = Partner(memory_cache(held), Performing(), Terms(pushes=True))
        shares = SharingStore(store, [partner], Silence(), Performing(), lambda: float(next(times)))
        shares.hear(RunBegan(1))
        return shares

    times = itertools.count(0, 100)
    return evolve(directory, store=around(directory.store), again=lambda: around(directory.again()))


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("kind", ["memory", "directory", "sharing"])
def test_stores_obey(kind: str, law: Law, request: pytest.FixtureRequest) -> None:
    law(request.getfixturevalue(kind))


class Wrong:
    """A store that does one thing wrong: ``deeds`` take the place of methods, and get the right store first."""

    def __init__(self, right: Store, deeds: dict[str, Callable[..., Any]]) -> None:
        self._right = right
        self._deeds = deeds

    def __getattr__(self, name: str) -> Any:
        if name in self._deeds:
            return lambda *args: self._deeds[name](self._right, *args)
        return getattr(self._right, name)


def _drop_last(store: Store, *args: Any) -> Any:
    return store.listed(*args).map(lambda rows: rows[:-1])


def _echoing(method: str) -> Callable[..., Any]:
    return lambda store, questions, *rest: getattr(store, method)(questions, *rest).map(
        lambda rows: [*rows, *rows][: max(len(questions), len(rows))]
    )


def _bare(rows: Sequence[Listed]) -> list[Listed]:
    return [Listed(row.stored) for row in rows]


def _poorer(store: Store, rrefs: Any) -> Any:
    return store.realizations(rrefs).map(lambda read: {rref: evolve(each, attempt=1) for rref, each in read.items()})


def _later_wins(store: Store, entries: Any) -> Any:
    held = cast("Any", store)._realizations
    for each in entries:
        held.pop(each.realization.rref, None)
    return store.commit(entries)


def _first_wins(store: Store, entries: Any) -> Any:
    held = cast("Any", store)._realizations
    return store.commit([each for each in entries if each.realization.rref not in held])


def _by_bytes_alone(store: Store, folders: Any) -> Any:
    """The trap of old: hashing bytes without names and lengths."""

    def digest(folder: Path) -> Digest:
        return Digest.of(b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()))

    return IOSuccess({folder: digest(folder) for folder in folders})


def _by_times(store: Store, folders: Any) -> Any:
    found = {folder: Digest.of(str(folder.stat().st_mtime_ns).encode()) for folder in folders}
    for folder in folders:
        shutil.rmtree(folder)
    return IOSuccess(found)


def _losing_empty_folders(store: Store, folders: Any) -> Any:
    for folder in folders:
        for path in list(folder.rglob("*")):
            if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
                path.rmdir()
    return store.ingest(folders)


def _writable(store: Store, folders: Any) -> Any:
    def loosen(found: Any) -> Any:
        for tree in found.values():
            for path in store.folder_of(tree).rglob("*"):
                path.chmod(0o755)
        return found

    return store.ingest(folders).map(loosen)


def _counting_links(store: Store, folders: Any) -> Any:
    for folder in folders:
        if any(path.stat().st_nlink > 1 for path in folder.rglob("*") if path.is_file()):
            (folder / "linked").touch()
    return store.ingest(folders)


def _lenient(store: Store, folders: Any) -> Any:
    for folder in folders:
        for path in list(folder.rglob("*")):
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                path.unlink()
    return store.ingest(folders)


def _all_or_none(store: Store, folders: Any) -> Any:
    def spoil(found: Any) -> Any:
        bad = [each for each in found.values() if isinstance(each, Forbidden)]
        return dict.fromkeys(found, bad[0]) if bad else found

    return store.ingest(folders).map(spoil)


def _following(store: Store, folders: Any) -> Any:
    return store.ingest([folder.resolve() for folder in folders]).map(
        lambda found: dict(zip(folders, found.values(), strict=True))
    )


def _rude(store: Store, paths: Any) -> Any:
    for path in paths:
        for each in path.rglob("*"):
            os.chmod(each, 0o444)
    return store.observe(paths)


def _by_size(store: Store, paths: Any) -> Any:
    return IOSuccess({path: Digest.of(str(path.stat().st_size).encode()) for path in paths})


def _silent(store: Store, paths: Any) -> Any:
    return store.observe(paths).map(
        lambda seen: {path: what if isinstance(what, Digest) else Digest.of(b"") for path, what in seen.items()}
    )


def _drop_all(store: Store, trees: Any) -> Any:
    for tree in trees:
        folder = store.folder_of(tree)
        if folder.exists():
            folder.chmod(0o700)
            shutil.rmtree(folder)
    return IOSuccess(None)


def _drop_halves(store: Store, trees: Any) -> Any:
    for tree in trees:
        folder = store.folder_of(tree)
        folder.chmod(0o700)
        for path in [each for each in folder.iterdir() if each.is_file()]:
            path.unlink()
    return IOSuccess(None)


def _hasty(store: Store, entries: Any) -> Any:
    """Forgets the barrier after the rename: the name of the record may be lost."""
    with mock.patch.object(sync, "sync_path", lambda path, disk: None):
        return store.commit(entries)


def _sees_what_is_gone(store: Store, trees: Sequence[Digest]) -> Any:
    there = good(store.present(trees))
    return IOSuccess({tree: MissingObject(tree) for tree in trees if tree not in there})


def _keeps_what_is_there(store: Store, folders: Sequence[Path]) -> Any:
    """Takes a name that is there for the content."""
    with mock.patch.object(Soundness, "unsound", lambda self, trees: {}):
        return store.ingest(folders)


CONTROLS: dict[Law, dict[str, Callable[..., Any]]] = {
    laws.what_was_committed_is_listed_by_derivation: {"listed": _drop_last},
    laws.asking_twice_for_one_lists_it_once: {"alike": _echoing("alike")},
    laws.what_was_committed_is_found_by_key: {"alike": lambda store, keys: store.alike(keys).map(_bare)},
    laws.every_left_comes_with_its_record: {"listed": lambda store, *args: store.listed(*args).map(_bare)},
    laws.records_are_read_back_whole: {"realizations": _poorer},
    laws.configs_are_read_back: {"configs": lambda store, drefs: IOSuccess({})},
    laws.what_code_consists_of_is_found_by_its_fingerprint: {
        "codes": lambda store, asked: store.codes(asked).map(lambda found: {key: found[key][:1] for key in found})
    },
    laws.what_is_unknown_is_not_in_the_answer: {"newest": lambda store, _, limit: store.newest(None, limit)},
    laws.names_begin_with_the_prefix: {"names": lambda store, prefix, limit: store.names(prefix, limit + 1)},
    laws.the_newest_come_first: {"newest": lambda store, *args: store.newest(*args).map(lambda rows: rows[::-1])},
    laws.committing_again_changes_nothing: {"commit": _later_wins},
    laws.an_empty_commit_is_one: {"commit": lambda store, entries: store.commit(entries or [entry("none")])},
    laws.another_world_sees_what_was_committed: {"commit": lambda store, entries: IOSuccess(None)},
    laws.what_is_committed_is_synced_before_the_answer: {"commit": _hasty},
    laws.equal_content_is_one_object: {"ingest": _by_times},
    laws.other_content_is_another_object: {"ingest": _by_bytes_alone},
    laws.objects_hold_what_was_written: {"ingest": _losing_empty_folders},
    laws.objects_are_read_only: {"ingest": _writable},
    laws.hard_links_do_not_count: {"ingest": _counting_links},
    laws.forbidden_kinds_are_refused: {"ingest": _lenient},
    laws.one_bad_folder_spoils_no_other: {"ingest": _all_or_none},
    laws.an_output_that_is_no_folder_is_refused: {"ingest": _following},
    laws.salvage_keeps_what_may_be_kept: {"salvage": lambda store, folder: store.discard([folder])},
    laws.discard_removes_all: {"discard": lambda store, places: store.discard(places[:1])},
    laws.places_are_private_and_not_yet_made: {"place": lambda store: Path("/nowhere/1")},
    laws.a_folder_is_listed_as_it_would_be_stored: {
        "manifests": lambda store, folders: store.manifests(folders).map(
            lambda found: {each: what if isinstance(what, Forbidden) else what[1:] for each, what in found.items()}
        )
    },
    laws.what_is_observed_is_what_would_be_stored: {"observe": _by_size},
    laws.only_content_is_observed: {"observe": _by_size},
    laws.what_cannot_be_observed_is_a_cause: {"observe": _silent},
    laws.observing_changes_nothing: {"observe": _rude},
    laws.a_claim_is_granted_to_one_at_a_time: {"claim": lambda store, keys: IOSuccess(frozenset(keys))},
    laws.what_is_ephemeral_is_listed_without_its_files: {"drop": lambda store, trees: IOSuccess(None)},
    laws.what_is_kept_is_not_dropped: {"drop": _drop_all},
    laws.to_drop_what_is_gone_is_fine: {"present": lambda store, trees: IOSuccess(frozenset(trees))},
    laws.what_was_dropped_can_be_stored_again: {"drop": _drop_halves},
    laws.what_is_to_be_kept_counts_first: {"commit": _first_wins},
    laws.what_was_selected_last_counts: {"commit": _first_wins},
    laws.nothing_is_dropped_beside_others: {"drop": _drop_all},
    laws.what_is_not_what_it_is_named_by_is_unsound: {"unsound": _sees_what_is_gone},
    laws.what_is_stored_takes_the_place_of_what_is_damaged: {"ingest": _keeps_what_is_there},
    laws.verifying_finds_what_is_damaged_and_nothing_else: {
        "verify": lambda store, audit: store.verify(evolve(audit, sample=1))
    },
    laws.closing_twice_is_fine: {"newest": lambda store, *args: IOSuccess([])},
}


AMONG_SEVERAL = (
    laws.what_is_committed_is_synced_before_the_answer,
    laws.a_claim_is_granted_to_one_at_a_time,
    laws.nothing_is_dropped_beside_others,
)


def test_every_law_has_a_negative_control() -> None:
    """Those of collecting stand in ``test_collecting.py``, where several wrong stores may break one."""
    collecting = {each for each in LAWS if each.__module__ == "lightfx.testing.collecting_laws"}
    assert set(CONTROLS) == set(LAWS) - collecting


@pytest.mark.parametrize("law", CONTROLS, ids=lambda law: law.__name__)
def test_every_law_catches_a_wrong_store(law: Law, request: pytest.FixtureRequest) -> None:
    right: Rig = request.getfixturevalue("directory" if law in AMONG_SEVERAL else "memory")
    wrong = evolve(
        right,
        store=cast("Store", Wrong(right.store, CONTROLS[law])),
        again=lambda: cast("Store", Wrong(right.again(), CONTROLS[law])),
    )
    with pytest.raises(AssertionError):
        law(wrong)


def test_the_memory_store_says_what_it_was_told(memory: Rig) -> None:
    """A LEFT is a row like any other."""
    made = entry(1, result=Cancelled("x"))
    good(memory.store.commit([made]))
    (row,) = good(memory.store.listed([made.realization.dref], frozenset()))
    assert (row.stored.kind, row.stored.is_right) == ("cancelled", False)
