"""The directory store on a real disk: what is lost, broken, full, forbidden, or killed."""

from __future__ import annotations

import os
import random
import shutil
import socket
import sqlite3
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from makings import Code, coded, entry, fill, good, ingested, listing, outcome, refused, trouble, written
from scenes import CONTENT, Other

from lightfx.core.failures import (
    Closed,
    DamagedRecord,
    DiskFull,
    InUse,
    NoStore,
    NotAStore,
    NotPermitted,
    SystemTrouble,
    UnknownFormat,
)
from lightfx.core.layout import IN_MEMORY
from lightfx.core.manifest import digest_of
from lightfx.core.names import Digest
from lightfx.core.realization import Value
from lightfx.effects.store import Forbidden
from lightfx.shell.store import indexing
from lightfx.shell.store.directory import DirectoryStore, open_directory
from lightfx.shell.store.tree import entries_of

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up rights")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


def opened(root: Path) -> DirectoryStore:
    return good(open_directory(root))


def has(store: DirectoryStore, *xs: object) -> list[bool]:
    """Which of these are stored, with a record that can be read."""
    made = [entry(x).realization for x in xs]  # type: ignore[arg-type]
    found = good(store.realizations([each.rref for each in made]))
    listed = {row.stored.rref for row in good(store.listed([each.dref for each in made], frozenset()))}
    assert set(found) == listed
    return [found.get(each.rref) == each for each in made]


def filled(root: Path, *xs: object) -> None:
    """Make a store that holds these, each in a commit of its own, and close it."""
    store = opened(root)
    for x in xs:
        good(store.commit([entry(x)]))  # type: ignore[arg-type]
    good(store.close())


# The index.


def test_an_index_that_another_holds_says_who_may_do_so(root: Path) -> None:
    store, other = opened(root), opened(root)
    store._index._database.execute("PRAGMA busy_timeout = 1")
    other._index._database.execute("BEGIN IMMEDIATE")
    failure = trouble(store.commit([entry(1)]))
    assert isinstance(failure, InUse)
    assert [each.startswith(f"process {os.getpid()} on {socket.gethostname()}") for each in failure.who] == [True]
    other._index._database.execute("ROLLBACK")
    good(store.commit([entry(2)]))
    good(store.listed([entry(1).realization.dref], frozenset()))
    assert has(store, 1, 2) == [True, True]
    for each in (store, other):
        good(each.close())


def test_an_index_deleted_while_closed_is_made_anew(root: Path) -> None:
    filled(root, 1, 2, 3)
    (root / "index.sqlite").unlink()
    store = opened(root)
    assert has(store, 1, 2, 3, 4) == [True, True, True, False]
    assert good(store.configs([entry(2).realization.dref])) == {entry(2).realization.dref: entry(2).config}
    assert len(good(store.names("", 99))) == 6
    good(store.close())


def test_an_index_in_memory_is_made_anew(root: Path) -> None:
    filled(root, 1, 2)
    for name in ("index.sqlite", "index.sqlite-wal", "index.sqlite-shm"):
        (root / name).unlink(missing_ok=True)
    for number in (3, 4):
        with closing(good(open_directory(root, index=IN_MEMORY))) as store:
            assert has(store, *range(1, number)) == [True] * (number - 1)
            good(store.commit([entry(number)]))
    assert not list(root.glob("index.sqlite*"))


def test_an_index_deleted_under_open_stores_parts_no_one_from_the_records(root: Path) -> None:
    """Trap: of the database alone, with its companions left to be found by the next."""
    one = opened(root)
    good(one.commit([entry("1")]))
    with Other("converse", root) as other:
        other.hear()
        assert other.ask("listed", "1") == "1"
        (root / "index.sqlite").unlink()
        two = opened(root)
        assert has(two, "1") == [True]
        good(one.commit([entry("2")]))
        good(two.commit([entry("3")]))
        other.ask("commit", "4")
        for store in (one, two):
            assert [len(good(store.alike([entry(x).realization.key]))) for x in ("1", "2", "3", "4")] == [1, 1, 1, 1]
        assert [other.ask("alike", "4"), other.ask("commit", "5")] == ["1", "None"]
        good(one.close())
        assert has(two, "1", "2", "3", "4") == [True] * 4
    good(two.close())
    store = opened(root)
    assert has(store, "1", "2", "3", "4", "5") == [True] * 5
    good(store.close())


def test_a_store_opened_by_many_at_once_is_made_once(root: Path) -> None:
    """Trap: SQLite does not wait where two turn a new file into a database at once."""
    with ExitStack() as stack:
        others = [stack.enter_context(Other("opening", root)) for _ in range(4)]
        assert [other.hear() for other in others] == ["up"] * 4
        for other in others:
            other.tell("go")
        said = [other.hear() for other in others]
        assert [words[:8] for words in said] == ["<Success"] * 4, said
        pids = [other.pid for other in others]
        for other in others:
            other.tell("end")
        assert [other.wait() for other in others] == [0] * 4
    store = opened(root)
    assert has(store, *map(str, pids)) == [True] * 4
    assert sorted(path.name for path in (root / "tmp").iterdir()) == [store.place().parent.name]
    good(store.close())


def _junk(path: Path) -> None:
    path.write_bytes(b"this is no database, and never was" * 100)


def _halve(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096)


def _scramble(path: Path) -> None:
    """All pages but the first, as a failing disk would."""
    data = bytearray(path.read_bytes())
    chance = random.Random(7)
    for position in range(4096, len(data)):
        data[position] = chance.randrange(256)
    path.write_bytes(data)


def _other_version(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 77")
    database.close()


@pytest.mark.parametrize("spoil", [_junk, _halve, _scramble, _other_version, lambda path: path.write_bytes(b"")])
def test_a_broken_index_is_made_anew(root: Path, spoil: Callable[[Path], None]) -> None:
    filled(root, *range(30))
    spoil(root / "index.sqlite")
    store = opened(root)
    assert has(store, *range(31)) == [True] * 30 + [False]
    good(store.commit([entry(30)]))
    assert has(store, 30) == [True]
    good(store.close())


def test_an_index_that_breaks_under_an_open_store_is_made_anew(root: Path) -> None:
    filled(root, *range(60))
    store = opened(root)
    _scramble(root / "index.sqlite")
    good(store.commit([entry(60)]))
    assert has(store, *range(61)) == [True] * 61
    good(store.close())
    store = opened(root)
    assert has(store, *range(61)) == [True] * 61
    good(store.close())


def test_an_index_made_anew_keeps_what_was_first(root: Path) -> None:
    """Trap: groups are read in the order of their names; a realization met again later must not become younger."""
    for _ in range(8):
        store = opened(root)
        rref = entry(1).realization.rref
        for created in (5.0, 6.0, 7.0, 8.0):
            good(store.commit([entry(1, created=created), entry(str(random.random()), created=created)]))
        good(store.close())
        (root / "index.sqlite").unlink()
        store = opened(root)
        assert good(store.realizations([rref]))[rref].created == 5.0
        good(store.close())
        shutil.rmtree(root)


def test_a_closed_store_says_so(root: Path) -> None:
    store = opened(root)
    good(store.close())
    assert trouble(store.listed([entry(1).realization.dref], frozenset())) == Closed(root)


def test_records_that_are_indexed_by_nobody_are_found_by_key(root: Path) -> None:
    """A process was killed between its records and the index."""
    source, target = root.with_name("source"), opened(root)
    filled(source, 1)
    (record,) = (source / "records").iterdir()
    shutil.copy(record, root / "records")
    assert len(good(target.alike([entry(1).realization.key]))) == 1
    good(target.close())


# Records.


def flip(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 0x01
    path.chmod(0o600)
    path.write_bytes(data)


def test_no_flipped_byte_of_a_record_passes_for_a_result(root: Path) -> None:
    """With an index that knows better: what a dependent may see is as it was written, or said to be damaged."""
    filled(root, 123)
    (path,) = (root / "records").iterdir()
    sound = path.read_bytes()
    store = opened(root)
    made = entry(123)
    outcomes = set()
    for position in range(len(sound)):
        flip(path, position)
        for asked in (store.realizations([made.realization.rref]), store.configs([made.realization.dref])):
            result = outcome(asked)
            failure = result.swap().value_or(None)
            if failure is None:
                (value,) = result.unwrap().values()
                assert value in (made.realization, made.config)
            else:
                assert isinstance(failure, DamagedRecord)
                assert failure.place == str(path)
            outcomes.add(type(failure).__name__)
        path.write_bytes(sound)
    assert outcomes == {"DamagedRecord", "NoneType"}
    assert has(store, 123) == [True]
    good(store.close())


def test_a_damaged_record_is_named_and_can_be_moved_away(root: Path) -> None:
    filled(root, 1, 2)
    paths = sorted((root / "records").iterdir())
    spoilt = next(path for path in paths if b'"x":2' in path.read_bytes())
    flip(spoilt, 40)
    (root / "index.sqlite").unlink()
    for _ in range(2):
        failure = trouble(open_directory(root))
        assert isinstance(failure, DamagedRecord)
        assert failure.place == str(spoilt)
    assert not list((root / "claims").iterdir())
    spoilt.rename(root.with_name("away"))
    store = opened(root)
    assert good(store.listed([entry(2).realization.dref], frozenset())) == []
    assert has(store, 1) == [True]
    good(store.close())


def test_a_record_moved_away_is_forgotten_by_an_index_that_knew_it(root: Path) -> None:
    """Trap: the advice to move it away leaves an index that points at nothing."""
    filled(root, 1, 2)
    store = opened(root)
    spoilt = next(path for path in (root / "records").iterdir() if b'"x":2' in path.read_bytes())
    spoilt.rename(root.with_name("away"))
    failure = trouble(store.realizations([entry(2).realization.rref]))
    assert isinstance(failure, DamagedRecord)
    assert failure.place == str(spoilt)
    assert good(store.listed([entry(2).realization.dref], frozenset())) == []
    assert has(store, 1) == [True]
    assert not good(store.alike([entry(2).realization.key]))
    good(store.commit([entry(2)]))
    assert has(store, 1, 2) == [True, True]
    good(store.close())


def test_a_group_that_holds_no_records_is_damage(root: Path) -> None:
    filled(root)
    data = b'{"neither": "this nor that"}\n'
    path = root / "records" / f"{Digest.of(data).hex}.jsonl"
    path.write_bytes(data)
    failure = trouble(open_directory(root))
    assert isinstance(failure, DamagedRecord)
    assert failure.place == str(path)


def test_what_is_no_group_is_let_be(root: Path) -> None:
    filled(root, 1)
    (root / "records" / ".nfs000001").write_text("junk of a file system")
    store = opened(root)
    assert has(store, 1) == [True]
    good(store.close())


def test_a_record_lost_with_its_group_is_damage_to_who_asks_for_it_and_nothing_to_who_lists(root: Path) -> None:
    filled(root, 1)
    store = opened(root)
    next((root / "records").iterdir()).unlink()
    assert isinstance(trouble(store.realizations([entry(1).realization.rref])), DamagedRecord)
    assert good(store.listed([entry(1).realization.dref], frozenset([entry(1).realization.dref]))) == []
    good(store.close())


# Two processes.


def test_two_processes_see_each_others_commits(root: Path) -> None:
    with Other("converse", root) as one, Other("converse", root) as two:
        assert one.hear() == two.hear() == "open"
        for number in range(20):
            teller, hearer = (one, two) if number % 2 else (two, one)
            assert teller.ask("commit", number) == "None"
            assert hearer.ask("alike", number) == "1"
            assert hearer.ask("listed", number) == "1"
    store = opened(root)
    assert has(store, *map(str, range(20))) == [True] * 20
    good(store.close())


# What is no store.


def test_no_store_where_none_may_be_made(root: Path) -> None:
    assert trouble(open_directory(root, create=False)) == NoStore(root)
    assert not root.exists()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b'{"format": "lightfx-store", "version": 99}', "99"),
        (b"junk", "junk"),
        (b"\xff\xfe\x00", "\ufffd\ufffd\x00"),
        (b"", ""),
        (b'{"format": "lightfx-store", "version": true}', None),
        (b'[{"version": 1}]', None),
    ],
)
def test_an_unknown_format_is_said_and_nothing_changed(root: Path, text: bytes, found: str | None) -> None:
    filled(root, 1)
    (root / "format").unlink()
    (root / "format").write_bytes(text)
    before = listing(root)
    failure = trouble(open_directory(root))
    assert isinstance(failure, UnknownFormat)
    assert found is None or failure.found == found
    assert listing(root) == before


def test_a_store_that_is_a_file(root: Path) -> None:
    root.write_text("mine")
    assert isinstance(trouble(open_directory(root)), NotAStore)
    assert root.read_text() == "mine"
    assert trouble(open_directory(root / "under/deep")) == NotAStore(root / "under/deep", f"{root} is a file")


def test_a_folder_of_other_things_is_let_be(root: Path) -> None:
    root.mkdir()
    (root / "thesis.tex").write_text("mine")
    failure = trouble(open_directory(root))
    assert isinstance(failure, NotAStore)
    assert "thesis.tex" in failure.why
    assert listing(root) == {"thesis.tex": b"mine"}


def test_a_folder_that_is_empty_or_half_made_becomes_a_store(root: Path) -> None:
    (root / "records").mkdir(parents=True)
    (root / "tmp").mkdir()
    filled(root, 1)
    filled(root)
    assert not list((root / "tmp").iterdir())


def test_a_store_that_fails_to_open_leaves_nothing_held(root: Path) -> None:
    filled(root)
    shutil.rmtree(root / "records")
    (root / "records").touch()
    descriptors = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        assert isinstance(trouble(open_directory(root)), SystemTrouble)
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert not list((root / "claims").iterdir())
    assert not list((root / "tmp").iterdir())


# Rights.


@pytest.fixture
def commons() -> Iterator[Path]:
    """A folder that everybody may enter and write."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    folder.chmod(0o777)
    yield folder
    subprocess.run(["/bin/rm", "-rf", folder], check=True)


def said_by_nobody(root: Path, deed: str) -> str:
    with Other("nobody", root, deed) as other:
        return other.hear()


@AS_ROOT
def test_no_permission_to_write_or_to_read(commons: Path) -> None:
    filled(commons / "roots", 1)
    before = listing(commons / "roots")
    assert said_by_nobody(commons / "roots", "read") == "(['right'], 'NotPermitted', None)"
    assert listing(commons / "roots") == before
    (commons / "roots").chmod(0o700)
    assert said_by_nobody(commons / "roots", "open").startswith("NotPermitted(path='")
    (commons / "mine").mkdir()
    assert said_by_nobody(commons / "mine/new", "open").startswith("NotPermitted(path='")


@AS_ROOT
def test_an_output_that_its_stage_took_all_rights_from_is_stored(commons: Path) -> None:
    """Trap: it was taken for trouble of the engine, which ends the run."""
    assert said_by_nobody(commons / "store", "output") == "True"


@AS_ROOT
def test_a_source_that_cannot_be_read_is_a_cause(commons: Path) -> None:
    said = said_by_nobody(commons, "source")
    assert said.count("Raised(type='PermissionError', bases=('PermissionError', 'OSError', 'Exception')") == 2
    assert said.count("Permission denied") == 2
    assert said.count("FileNotFoundError") == 2


# A full disk.


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    options = ["-o", "size=2m,nr_inodes=200", "tmpfs"]
    mounted = (
        os.geteuid() == 0
        and subprocess.run(["mount", "-t", "tmpfs", *options, folder], check=False, capture_output=True).returncode == 0
    )
    if not mounted:
        pytest.skip("cannot mount a small file system")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def fill_up(disk: Path, leave: int) -> Path:
    """Take all room but so many bytes."""
    ballast = disk / "ballast"
    status = os.statvfs(disk)
    free = status.f_bavail * status.f_frsize
    ballast.write_bytes(b"\x01" * max(0, free - leave))
    return ballast


def test_a_disk_full_at_commit_loses_nothing(small_disk: Path) -> None:
    """Wherever it gets full: at the record, or at the index after it."""
    store = opened(small_disk / "store")
    good(store.commit([entry("before")]))
    acknowledged: list[object] = ["before"]
    kinds = set()
    for number in range(24):
        ballast = fill_up(small_disk, leave=number // 2 * 4096)
        x = "x" * 3000 + str(number)
        result = outcome(store.commit([entry(x)]))
        failure = result.swap().value_or(None)
        if failure is None:
            acknowledged.append(x)
        else:
            assert isinstance(failure, DiskFull), failure
        kinds.add(failure is None)
        assert has(store, *acknowledged) == [True] * len(acknowledged)
        ballast.unlink()
    assert kinds == {True, False}
    good(store.commit([entry("after")]))
    good(store.close())
    store = opened(small_disk / "store")
    assert has(store, *acknowledged, "after") == [True] * (len(acknowledged) + 1)
    good(store.close())


def test_a_disk_full_at_ingest_loses_nothing(small_disk: Path) -> None:
    store = opened(small_disk / "store")
    good(store.commit([entry("before", tree=ingested(store, CONTENT))]))
    shared = small_disk / "shared"
    shared.write_bytes(b"s" * 200_000)
    folder = written(store, {"copy": lambda path: path.hardlink_to(shared), "small": b"s"})
    ballast = fill_up(small_disk, leave=0)
    failure = trouble(store.ingest([folder]))
    assert isinstance(failure, DiskFull)
    home = store.folder_of(digest_of(entries_of(fill(small_disk.parent / "elsewhere", CONTENT), ours=False)))
    assert (home / "a/b").read_bytes() == b"deep"
    assert len(list((store.root / "objects").iterdir())) == 1
    ballast.unlink()
    found = good(store.ingest([folder]))[folder]
    assert isinstance(found, Digest)
    assert sorted(path.name for path in store.folder_of(found).iterdir()) == ["copy", "small"]
    good(store.close())


def test_no_room_for_another_file(small_disk: Path) -> None:
    """Inodes run out as bytes do."""
    store = opened(small_disk / "store")
    good(store.commit([entry(1)]))
    taken = small_disk / "taken"
    taken.mkdir()
    with pytest.raises(OSError):
        for number in range(1000):
            (taken / str(number)).touch()
    assert isinstance(trouble(store.commit([entry(2)])), DiskFull)
    assert good(store.listed([entry(2).realization.dref], frozenset())) == []
    assert has(store, 1) == [True]
    shutil.rmtree(taken)
    good(store.commit([entry(2)]))
    assert has(store, 1, 2) == [True, True]
    good(store.close())


def test_no_room_to_make_a_store(small_disk: Path) -> None:
    fill_up(small_disk, leave=0)
    assert isinstance(trouble(open_directory(small_disk / "store")), DiskFull)


def test_a_read_only_disk(small_disk: Path) -> None:
    filled(small_disk / "store", 1)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    store = opened(small_disk / "store")
    assert has(store, 1) == [True]
    assert isinstance(trouble(store.commit([entry(2)])), NotPermitted)
    good(store.close())
    assert isinstance(trouble(open_directory(small_disk / "new")), NotPermitted)


# Objects.


def test_small_values_make_no_folder(root: Path) -> None:
    store = opened(root)
    good(store.commit([entry(number) for number in range(100)]))
    assert not list((root / "objects").iterdir())
    assert not list((root / "tmp").glob("*/*"))
    assert len(list((root / "records").iterdir())) == 1
    good(store.close())
    assert sorted(path.name for path in root.iterdir()) == [
        "claims", "format", "index.sqlite", "objects", "records", "roots", "runs", "tmp",
    ]  # fmt: skip
    assert not [*(root / "tmp").iterdir(), *(root / "claims").iterdir()]


def test_code_is_described_once_and_a_store_without_such_lines_is_read(root: Path) -> None:
    """Not for each of ten thousand realizations of one stage."""
    code = Code((("mine:train", "aa"),))
    with closing(opened(root)) as store:
        for number in range(3):
            good(store.commit([coded(10 * number + each, "blake3:1", code) for each in range(10)]))
        good(store.commit([entry(1)]))
        assert good(store.codes(["blake3:1"])) == {"blake3:1": code.what}
    assert code.asked == 1
    lines = [line for path in sorted((root / "records").iterdir()) for line in path.read_bytes().splitlines(True)]
    (told,) = [line for line in lines if line.startswith(b'{"code":')]
    assert told == b'{"code":"blake3:1","parts":[["mine:train","aa"]]}\n'
    for path in (root / "records").iterdir():
        data = path.read_bytes()
        path.unlink()
        older = data.replace(told, b"")
        (root / "records" / f"{Digest.of(older).hex}.jsonl").write_bytes(older)
    with closing(opened(root)) as store:
        assert good(store.codes(["blake3:1"])) == {}
        assert len(good(store.newest(None, 99))) == 31


def test_a_derivation_is_described_once(root: Path) -> None:
    with closing(opened(root)) as store:
        for number in range(3):
            good(store.commit([entry(1, index=number)]))
    data = b"".join(path.read_bytes() for path in (root / "records").iterdir())
    assert (data.count(b'{"config":'), data.count(b'"rref":')) == (1, 3)


def test_the_index_is_told_of_what_is_durable(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trap: a power cut after the index was told, and it knows of records that are not there."""
    steps: list[str] = []
    with closing(opened(root)) as store:
        add, write = store._index.add, indexing.write_durably
        monkeypatch.setattr(store._index, "add", lambda *given: (steps.append("index"), add(*given))[1])
        monkeypatch.setattr(indexing, "write_durably", lambda *given: (write(*given), steps.append("durable"))[0])
        good(store.commit([entry(1)]))
    assert steps == ["durable", "index"]


def test_objects_and_records_are_read_only(root: Path) -> None:
    store = opened(root)
    good(store.commit([entry(1, tree=ingested(store, CONTENT))]))
    paths = [*(root / "objects").rglob("*"), *(root / "records").iterdir(), root / "format"]
    assert len(paths) == 7
    assert not [path for path in paths if path.stat().st_mode & 0o222]
    good(store.close())


def test_an_object_that_a_crash_left_writable_is_made_read_only(root: Path) -> None:
    """Between its rename and its last chmod."""
    store = opened(root)
    home = store.folder_of(ingested(store, CONTENT))
    home.chmod(0o755)
    ingested(store, CONTENT)
    assert stat.S_IMODE(home.stat().st_mode) == 0o555
    good(store.close())


def test_nothing_forbidden_reaches_the_objects(root: Path) -> None:
    store = opened(root)
    assert isinstance(refused(store, {"f": os.mkfifo}), Forbidden)
    assert not list((root / "objects").iterdir())
    good(store.close())


# Killed.


def test_killed_at_any_step_no_half_result_is_left(tmp_path: Path) -> None:
    """What was acknowledged is there; what is there is whole; what was private is swept; and the store goes on."""
    with Other("crashes", tmp_path, "store") as other:
        said: list[list[str]] = []
        while not said or said[-1][1] != "done":
            said.append(other.hear().split())
        assert other.wait() == 0
    assert len(said) > 30
    states = set()
    for number, _ in said:
        root = tmp_path / number
        store = opened(root)
        assert has(store, "before") == [True]
        assert len(list((root / "tmp").iterdir())) == 1
        assert len(list((root / "claims").iterdir())) == 1
        trees = {}
        for home in (root / "objects").iterdir():
            trees[home.name] = digest_of(entries_of(home, ours=False)).hex
        assert all(name == found for name, found in trees.items())
        rows = good(store.newest(None, 99))
        tree = next((row.realization.tree for row in rows if row.realization and row.realization.tree), None)
        assert len(rows) in (1, 3)
        if tree is not None:
            assert listing(store.folder_of(tree)) == {"a": None, "a/b": b"deep", "c": b"file", "d": None}
        states.add((len(trees), len(rows)))
        made = entry("after", tree=ingested(store, CONTENT), result=Value("after"))
        good(store.commit([made, entry("more")]))
        assert len(good(store.newest(None, 99))) == 3
        good(store.close())
    assert states == {(0, 1), (1, 1), (1, 3)}


def test_two_machines_with_an_index_each_see_what_the_other_stores(tmp_path: Path) -> None:
    """SQLite's WAL does not reach across machines: each keeps an index of its own, beside one truth."""
    root = tmp_path / "store"
    one = good(open_directory(root, index=tmp_path / "one" / "index.sqlite"))
    other = good(open_directory(root, index=tmp_path / "other" / "index.sqlite"))
    made = entry(1)
    good(one.commit([made]))
    (row,) = good(other.listed([made.realization.dref], frozenset()))
    assert row.stored.rref == made.realization.rref
    good(other.commit([entry(2)]))
    assert len(good(one.alike([entry(2).realization.key]))) == 1
    assert not (root / "index.sqlite").exists()
    good(one.close())
    good(other.close())


# Private folders.


def test_an_emptied_folder_is_given_out_again_by_another_name(root: Path) -> None:
    """Trap: what an attempt left running writes on, and must not reach the next attempt."""
    store = opened(root)
    place = store.place()
    (place / "out-0" / "deep").mkdir(parents=True)
    (place / "out-0" / "left.txt").write_text("left")
    (place / "out-0").chmod(0)
    good(store.discard([place]))
    again = store.place()
    assert again != place
    assert not place.exists()
    assert list(again.iterdir()) == []
    good(store.close())
    assert list((root / "tmp").iterdir()) == []


def test_a_folder_that_was_never_made_is_not_given_out_twice(root: Path) -> None:
    store = opened(root)
    places = [store.place(), store.place()]
    good(store.discard(places))
    assert len({*places, store.place(), store.place()}) == 4
    good(store.close())
