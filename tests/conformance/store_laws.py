"""The laws of `lightfx.effects.store.Store`: one suite for every implementation.

A law is a function of a `Rig` that asserts. `LAWS` lists them all; beside each
stands a wrong store that it must catch (`test_stores`).
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeAlias

from attrs import evolve, frozen
from makings import entry, fill, good, ingested, listing, make_socket, refused, written

from lightfx.core.config import Reference, Take
from lightfx.core.names import Digest
from lightfx.core.outcome import BadOutput, Cancelled, Died, Raised, Returned, Root, TimedOut, Upstream
from lightfx.core.realization import Context, Cost, Log, MadeBy
from lightfx.core.refs import DRef
from lightfx.effects.store import Entry, Forbidden, Store


@frozen
class Rig:
    """A store to judge, ``again`` for another view of the same one, and a folder ``outside`` of it.

    ``alone`` is true where another view is no other claimant.
    """

    store: Store
    again: Callable[[], Store]
    outside: Path
    alone: bool


Law: TypeAlias = Callable[[Rig], None]


def what_was_committed_is_listed_by_derivation(rig: Rig) -> None:
    """All its realizations, and none of another derivation."""
    ours = [entry(1), entry(1, result=TimedOut(1.0))]
    good(rig.store.commit([*ours, entry(2)]))
    (dref,) = {each.realization.dref for each in ours}
    rows = good(rig.store.listed([dref], frozenset()))
    assert {row.stored.rref for row in rows} == {each.realization.rref for each in ours}
    assert {row.stored.kind for row in rows} == {"right", "timed_out"}
    assert all(row.stored.key == ours[0].realization.key for row in rows)


def asking_twice_for_one_lists_it_once(rig: Rig) -> None:
    """A batch is a set of questions."""
    made = entry(1).realization
    good(rig.store.commit([entry(1)]))
    assert len(good(rig.store.listed([made.dref, made.dref], frozenset()))) == 1
    assert len(good(rig.store.alike([made.key, made.key]))) == 1


def what_was_committed_is_found_by_key(rig: Rig) -> None:
    """Under its input key, whatever derivation it is of, with its record."""
    key = Digest.of(b"one key")
    ours = [entry(1, key=key), entry(2, name="other", key=key)]
    good(rig.store.commit([*ours, entry(3)]))
    rows = good(rig.store.alike([key]))
    assert {row.stored.rref for row in rows} == {each.realization.rref for each in ours}
    assert all(row.realization is not None for row in rows)


def every_left_comes_with_its_record(rig: Rig) -> None:
    """And every realization of a derivation that is being read."""
    failed, read = entry(1, result=Died(3, None)), entry(2)
    good(rig.store.commit([failed, read]))
    drefs = [failed.realization.dref, read.realization.dref]
    rows = {row.stored.rref: row for row in good(rig.store.listed(drefs, frozenset(drefs[1:])))}
    assert rows[failed.realization.rref].realization == failed.realization
    assert rows[read.realization.rref].realization == read.realization


def records_are_read_back_whole(rig: Rig) -> None:
    """Every field of every kind of result."""
    made = [_full(entry(number, result=cause)) for number, cause in enumerate(_RESULTS)]
    good(rig.store.commit(made))
    read = good(rig.again().realizations([each.realization.rref for each in made]))
    assert read == {each.realization.rref: each.realization for each in made}


_ROOT: Final = entry("root").realization.rref
_RESULTS: Final = (
    None,
    Returned("Diverged", {"at": [1, None, 2.5, "é\u2028\r\n"]}),
    Raised("KeyError", ("KeyError", "LookupError", "Exception"), "'x'", "Traceback\n\x00\x85"),
    TimedOut(0.1),
    Died(None, "SIGKILL", out_of_memory=True),
    BadOutput("weights", "does not exist"),
    Upstream((Root(_ROOT, "raised"),), 7),
    Cancelled("by the user"),
)


def _full(plain: Entry) -> Entry:
    reference = Reference(DRef(_ROOT.text[33:]), matcher="latest()", take=Take.MANY, tolerate=True)
    return evolve(
        plain,
        realization=evolve(
            plain.realization,
            context=Context(((reference, (_ROOT, _ROOT)),)),
            created=1234567890.123456,
            made_by=MadeBy("host", "user", "3.11.7", (("numpy", "2.0"),), "abc+"),
            cost=Cost(0.25, 1 << 40),
            attempt=3,
            log=Log("tail \udcff".encode("utf-8", "backslashreplace").decode(), Digest.of(b"whole")),
            like=_ROOT,
        ),
    )


def configs_are_read_back(rig: Rig) -> None:
    """By derivation, as they were spelled."""
    made = [entry({"deep": [1, 1.0, "é\u2028", ',"derivation":"']}), entry(2, name="other")]
    good(rig.store.commit(made))
    read = good(rig.again().configs([each.realization.dref for each in made]))
    assert read == {each.realization.dref: each.config for each in made}


def what_is_unknown_is_not_in_the_answer(rig: Rig) -> None:
    """No failure, no placeholder."""
    stranger = entry("stranger").realization
    good(rig.store.commit([entry(1)]))
    assert list(good(rig.store.listed([stranger.dref], frozenset([stranger.dref])))) == []
    assert list(good(rig.store.alike([stranger.key]))) == []
    assert good(rig.store.realizations([stranger.rref])) == {}
    assert good(rig.store.configs([stranger.dref])) == {}
    assert list(good(rig.store.names("zzzz", 9))) == []
    assert list(good(rig.store.newest("stranger", 9))) == []


def names_begin_with_the_prefix(rig: Rig) -> None:
    """Derivations and realizations, sorted, no more than asked for; any text may be asked for."""
    made = [entry(number).realization for number in range(20)]
    good(rig.store.commit([entry(number) for number in range(20)]))
    texts = sorted({*(each.rref.text for each in made), *(each.dref.text for each in made)})
    assert list(good(rig.store.names("", 1000))) == texts
    assert list(good(rig.store.names(texts[3], 9))) == [texts[3]]
    assert list(good(rig.store.names("", 5))) == texts[:5]
    assert list(good(rig.store.names("\udcff", 5))) == list(good(rig.store.names("é%_", 5))) == []
    assert list(good(rig.store.newest("\udcff", 5))) == []


def the_newest_come_first(rig: Rig) -> None:
    """By the time that they were stored, of one name or of all."""
    made = [entry(number, name=name, created=float(number)) for number, name in enumerate("abcab")]
    good(rig.store.commit(made[2:]))
    good(rig.store.commit(made[:2]))
    rows = good(rig.store.newest(None, 3))
    assert [row.realization for row in rows] == [each.realization for each in made[:1:-1]]
    assert [row.stored.created for row in good(rig.store.newest("a", 9))] == [3.0, 0.0]


def committing_again_changes_nothing(rig: Rig) -> None:
    """The same, or the same outcome met anew later."""
    first, later = entry(1, created=1.0), entry(1, created=2.0)
    for entries in ([first], [first], [later], [later, later]):
        good(rig.store.commit(entries))
    for store in (rig.store, rig.again()):
        rows = good(store.listed([first.realization.dref], frozenset([first.realization.dref])))
        assert [row.realization for row in rows] == [first.realization]
        assert len(good(store.newest(None, 9))) == 1


def an_empty_commit_is_one(rig: Rig) -> None:
    """Of nothing, nothing comes."""
    good(rig.store.commit([]))
    assert list(good(rig.again().newest(None, 9))) == []


def another_world_sees_what_was_committed(rig: Rig) -> None:
    """Without being opened anew: by key at once."""
    other = rig.again()
    good(rig.store.commit([entry(1)]))
    made = entry(1).realization
    assert [row.realization for row in good(other.alike([made.key]))] == [made]
    assert [row.stored.rref for row in good(other.listed([made.dref], frozenset()))] == [made.rref]


def equal_content_is_one_object(rig: Rig) -> None:
    """Whatever the times, the owner, and the order it was written in; also within one batch."""
    content = {"b": b"two", "a": b"one", "c/": ""}
    folders = [written(rig.store, dict(sorted(content.items(), reverse=turn))) for turn in (True, False)]
    os.utime(folders[0] / "a", ns=(1, 1))
    (folders[0] / "b").chmod(0o640)
    if os.geteuid() == 0:
        os.chown(folders[0] / "b", 65534, 65534)
    found = good(rig.store.ingest(folders))
    assert len(set(found.values())) == 1
    assert found[folders[0]] == ingested(rig.store, content)
    assert not any(folder.exists() for folder in folders)


def other_content_is_another_object(rig: Rig) -> None:
    """Names count, and where one ends and the next begins; kinds count, and the right to run."""

    def run(path: Path) -> None:
        path.write_bytes(b"x")
        path.chmod(0o755)

    contents = [
        {},
        {"a": b""},
        {"a/": ""},
        {"b": b""},
        {"a": b"", "b": b""},
        {"a": b"a", "b": b"bc"},
        {"a": b"ab", "b": b"c"},
        {"ab": b"abc"},
        {"a/b": b"abc"},
        {"x": b"x"},
        {"x": run},
        {"x": b"y"},
        {"x": "-> y", "y": b"y"},
        {"x": b"y", "y": b"y"},
        {"x": "-> z", "y": b"y"},
    ]
    assert len({ingested(rig.store, content) for content in contents}) == len(contents)


def objects_hold_what_was_written(rig: Rig) -> None:
    """Nested folders, empty ones, empty files, links, large files, names that are no text."""

    def run(path: Path) -> None:
        path.write_bytes(b"#!/bin/sh")
        path.chmod(0o700)

    large = os.urandom(3 << 20)
    odd = os.fsdecode(b"\xff\n")
    content = {"a/b/c": b"deep", "empty": b"", "none/": "", "run": run, "large": large, "l": "-> a/b", odd: b"odd"}
    folder = written(rig.store, content)
    before = listing(folder)
    tree = good(rig.store.ingest([folder]))[folder]
    assert isinstance(tree, Digest)
    home = rig.store.folder_of(tree)
    assert listing(home) == before
    assert os.access(home / "run", os.X_OK)
    assert not home.joinpath("empty").stat().st_mode & 0o111


def objects_are_read_only(rig: Rig) -> None:
    """Every file and folder of them; a file that was shared by a hard link still is its owner's to write."""
    mine = rig.outside / "mine"
    mine.write_bytes(b"before")

    def link(path: Path) -> None:
        path.hardlink_to(mine)

    content = {"a/shared": link, "a/shared.unshared": b"own", "b": b"b", "b2": lambda p: p.hardlink_to(p.parent / "b")}
    home = rig.store.folder_of(ingested(rig.store, content))
    modes = [path.lstat().st_mode for path in (home, *home.rglob("*"))]
    assert not any(mode & 0o222 for mode in modes)
    assert mine.stat().st_mode & stat.S_IWUSR
    assert mine.stat().st_nlink == 1
    mine.write_bytes(b"after")
    assert listing(home) == {"a": None, "a/shared": b"before", "a/shared.unshared": b"own", "b": b"b", "b2": b"b"}


def hard_links_do_not_count(rig: Rig) -> None:
    """Many in one folder, which is walked while they are unshared."""
    shared = rig.outside / "shared"
    shared.write_bytes(b"s")
    names = [f"{number:0200}" for number in range(400)]
    linked = ingested(rig.store, {name: lambda path: path.hardlink_to(shared) for name in names})
    assert linked == ingested(rig.store, dict.fromkeys(names, b"s"))


def forbidden_kinds_are_refused(rig: Rig) -> None:
    """With the path, and nothing is stored; nobody's file outside is touched."""
    cases: dict[str, Callable[[Path], object] | str] = {
        "socket": make_socket,
        "fifo": os.mkfifo,
        "absolute": "-> /etc/passwd",
        "escaping": "-> ../../../outside",
        "self": "-> ..",
    }
    for name, what in cases.items():
        found = refused(
            rig.store,
            {"ok": b"", f"deep/{name}/it": b"", f"deep/{name}/bad": what} if name != "self" else {"self": what},
        )
        assert found.path == ("self" if name == "self" else f"deep/{name}/bad"), found
        assert found.why
    assert refused(rig.store, {"sub/deep/up": "-> ../..", "m": "-> sub/deep/up/.."}).path == "m"
    with suppress(PermissionError):
        assert (
            refused(rig.store, {"null": lambda path: os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))}).path
            == "null"
        )
        assert (
            refused(rig.store, {"disk": lambda path: os.mknod(path, 0o600 | stat.S_IFBLK, os.makedev(7, 99))}).path
            == "disk"
        )


def one_bad_folder_spoils_no_other(rig: Rig) -> None:
    """Of a batch, the sound ones are stored."""
    bad, sound = written(rig.store, {"f": os.mkfifo}), written(rig.store, {"a": b"a"})
    found = good(rig.store.ingest([bad, sound]))
    assert isinstance(found[bad], Forbidden)
    assert found[sound] == ingested(rig.store, {"a": b"a"})


def an_output_that_is_no_folder_is_refused(rig: Rig) -> None:
    """A stage may put a link in its place, to what is not ours: that is neither stored, nor cleared, nor changed."""
    precious = fill(rig.outside / "precious", {"a": b"a"})
    place = rig.store.place()
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(precious)
    found = good(rig.store.ingest([place]))[place]
    assert isinstance(found, Forbidden)
    os.mkfifo(precious / "f")
    good(rig.store.salvage(place))
    assert good(rig.store.ingest([place]))[place] == ingested(rig.store, {})
    assert sorted(path.name for path in precious.iterdir()) == ["a", "f"]
    assert (precious / "a").stat().st_mode & stat.S_IWUSR


def salvage_keeps_what_may_be_kept(rig: Rig) -> None:
    """And afterwards an object can be made of it."""
    content = {
        "a/kept": b"k",
        "a/s": make_socket,
        "f": os.mkfifo,
        "l": "-> /etc",
        "ok": "-> a/kept",
        "a/b/up": "-> ../..",
        "m": "-> a/b/up/../..",
        "n": "-> a/b/up/..",
    }
    folder = written(rig.store, content)
    good(rig.store.salvage(folder))
    assert listing(folder) == {"a": None, "a/b": None, "a/b/up": "../..", "a/kept": b"k", "ok": "a/kept"}
    assert isinstance(good(rig.store.ingest([folder]))[folder], Digest)


def discard_removes_all(rig: Rig) -> None:
    """Read-only parts, deep ones, files, what was never made; and what is gone already."""

    def deep(path: Path) -> None:
        path.mkdir()
        back = os.open(".", os.O_RDONLY)
        try:
            os.chdir(path)
            for _ in range(400):
                os.mkdir("d")
                os.chdir("d")
        finally:
            os.fchdir(back)
            os.close(back)

    places = [written(rig.store, {"a/b": b"", "deep": deep, "out": "-> /etc"}), rig.store.place(), rig.store.place()]
    (places[0] / "a/b").chmod(0o400)
    (places[0] / "a").chmod(0o500)
    places[2].write_bytes(b"a file")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(400)
    try:
        for _ in range(2):
            good(rig.store.discard(places))
            assert not any(os.path.lexists(place) for place in places)
    finally:
        sys.setrecursionlimit(limit)


def places_are_private_and_not_yet_made(rig: Rig) -> None:
    """Each is another, in the same store or in another view of it."""
    places = [store.place() for store in (rig.store, rig.store, *(() if rig.alone else (rig.again(),)))]
    assert len(set(places)) == len(places)
    assert not any(place.exists() for place in places)


def what_is_observed_is_what_would_be_stored(rig: Rig) -> None:
    """Files and folders have the digest that `ingest` gives."""
    tree = fill(rig.outside / "tree", {"a/b": b"b", "l": "-> a", os.fsdecode(b"\xfe"): b"odd"})
    file = rig.outside / "file.bin"
    file.write_bytes(b"f")
    seen = good(rig.store.observe([tree, file]))
    assert seen[tree] == ingested(rig.store, {"a/b": b"b", "l": "-> a", os.fsdecode(b"\xfe"): b"odd"})
    assert seen[file] == ingested(rig.store, {"file.bin": b"f"})


def only_content_is_observed(rig: Rig) -> None:
    """A touch is nothing; an edit of the same size, in the same moment, with the old time put back, is one."""
    file = rig.outside / "f"
    file.write_bytes(b"one")
    old = file.stat()
    first = good(rig.store.observe([file]))[file]
    os.utime(file)
    assert good(rig.again().observe([file]))[file] == first
    file.write_bytes(b"two")
    os.utime(file, ns=(old.st_atime_ns, old.st_mtime_ns))
    second = good(rig.store.observe([file]))[file]
    assert second != first
    file.write_bytes(b"one")
    assert good(rig.again().observe([file]))[file] == first


def what_cannot_be_observed_is_a_cause(rig: Rig) -> None:
    """An error of the system, which the next run tries again; or what no store may hold."""
    missing = rig.outside / "missing"
    fifo = rig.outside / "fifo"
    os.mkfifo(fifo)
    loop = rig.outside / "loop"
    loop.symlink_to("loop")
    escaping = fill(rig.outside / "escaping", {"deep/out": "-> /etc"})
    seen = good(rig.store.observe([missing, fifo, loop, escaping]))
    for path in (missing, loop):
        cause = seen[path]
        assert isinstance(cause, Raised)
        assert "OSError" in cause.bases
        assert path.name in cause.message
    for path, where in ((fifo, "fifo"), (escaping, "deep/out")):
        cause = seen[path]
        assert isinstance(cause, BadOutput)
        assert cause.path == where
    assert os.path.lexists(escaping / "deep/out")


def observing_changes_nothing(rig: Rig) -> None:
    """It is not ours: hard links stay, and rights."""
    tree = fill(rig.outside / "tree", {"a": b"a", "b": lambda path: path.hardlink_to(path.parent / "a")})
    (tree / "a").chmod(0o640)
    good(rig.store.observe([tree]))
    assert (tree / "a").stat().st_nlink == 2
    assert stat.S_IMODE((tree / "a").stat().st_mode) == 0o640


def a_claim_is_granted_to_one_at_a_time(rig: Rig) -> None:
    """Who has it has it; others get it when it was given back, or its owner has left."""
    keys = [Digest.of(b"1"), Digest.of(b"2"), Digest.of(b"3")]
    assert good(rig.store.claim(keys[:2])) == set(keys[:2])
    assert good(rig.store.claim(keys[:2])) == set(keys[:2])
    if rig.alone:
        return
    other = rig.again()
    assert good(other.claim(keys)) == set(keys[2:])
    assert good(rig.store.claim(keys)) == set(keys[:2])
    good(other.release(keys[:1]))
    assert good(other.claim(keys[:1])) == set()
    good(rig.store.release(keys[:1]))
    assert good(other.claim(keys[:2])) == set(keys[:1])
    good(rig.store.close())
    assert good(other.claim(keys)) == set(keys)


def what_is_ephemeral_is_listed_without_its_files(rig: Rig) -> None:
    """Dropped, it stands, with its record; whether it has its files is to be asked."""
    tree, other = ingested(rig.store, {"a/b": b"b", "c": b"c"}), ingested(rig.store, {"d": b"d"})
    ours = [entry(number, tree=tree, ephemeral=True) for number in range(2)]
    good(rig.store.commit(ours))
    made = [each.realization for each in ours]
    assert good(rig.store.present([tree, other, Digest.of(b"never")])) == {tree, other}
    good(rig.store.drop([tree, tree]))
    assert good(rig.store.present([tree, other])) == {other}
    assert not os.path.lexists(rig.store.folder_of(tree))
    for store in (rig.store, rig.again()):
        rows = [*good(store.listed([made[0].dref], frozenset())), *good(store.alike([made[1].key]))]
        assert [row.stored.rref for row in rows] == [each.rref for each in made]
        assert all(row.stored.ephemeral and row.stored.tree == tree for row in rows)
        assert good(store.realizations([made[0].rref])) == {made[0].rref: made[0]}


def what_is_kept_is_not_dropped(rig: Rig) -> None:
    """Nor what no realization has, as long as one that is to be kept has it."""
    kept, log = ingested(rig.store, {"a": b"a"}), ingested(rig.store, {"log.txt": b"long"})
    good(rig.store.commit([entry(1, tree=kept, ephemeral=True), entry(2, tree=kept), entry(3, log=Log("", log))]))
    good(rig.store.drop([kept, log]))
    assert listing(rig.store.folder_of(kept)) == {"a": b"a"}
    assert listing(rig.store.folder_of(log)) == {"log.txt": b"long"}
    assert good(rig.store.present([kept, log])) == {kept, log}


def to_drop_what_is_gone_is_fine(rig: Rig) -> None:
    """Or what never was."""
    tree = ingested(rig.store, {"a": b"a"})
    for trees in ([], [Digest.of(b"never"), tree], [tree]):
        good(rig.store.drop(trees))
    assert good(rig.store.present([tree])) == set()


def what_was_dropped_can_be_stored_again(rig: Rig) -> None:
    """Read-only, whole, and dropped again."""
    for _ in range(2):
        tree = ingested(rig.store, {"a/b": b"b", "c/": ""})
        good(rig.store.commit([entry(1, tree=tree, ephemeral=True)]))
        home = rig.store.folder_of(tree)
        assert listing(home) == {"a": None, "a/b": b"b", "c": None}
        assert not home.stat().st_mode & 0o222
        good(rig.store.drop([tree]))
        assert good(rig.store.present([tree])) == set()


def what_is_to_be_kept_counts_first(rig: Rig) -> None:
    """One realization, stored as ephemeral and as not: it is not, in whatever order and whenever that was."""
    tree = ingested(rig.store, {"a": b"a"})
    passing, kept = (
        [entry(number, tree=tree, ephemeral=ephemeral, created=created) for number in range(2)]
        for ephemeral, created in ((True, 1.0), (False, 2.0))
    )
    good(rig.store.commit([passing[0], kept[1]]))
    good(rig.store.commit([kept[0], passing[1]]))
    for store in (rig.store, rig.again()):
        rows = good(store.alike([each.realization.key for each in kept]))
        read = {row.stored.rref: row.realization for row in rows}
        assert read == {each.realization.rref: each.realization for each in kept}
        assert not any(row.stored.ephemeral for row in rows)


def nothing_is_dropped_beside_others(rig: Rig) -> None:
    """They may be reading it. Who closes the store as the last one drops it; what is kept by then stays."""
    trees = [ingested(rig.store, {"a": text}) for text in (b"1", b"2")]
    if rig.alone:
        good(rig.store.drop(trees))
        assert good(rig.store.present(trees)) == set()
        return
    other = rig.again()
    good(rig.store.commit([entry(1, tree=trees[0], ephemeral=True), entry(2, tree=trees[1], ephemeral=True)]))
    good(rig.store.drop(trees))
    assert good(other.present(trees)) == set(trees)
    good(rig.store.close())
    assert good(other.present(trees)) == set(trees)
    good(other.commit([entry(3, tree=trees[1])]))
    good(other.close())
    assert good(rig.again().present(trees)) == {trees[1]}


def closing_twice_is_fine(rig: Rig) -> None:
    """And what was committed stays."""
    good(rig.store.commit([entry(1)]))
    again = rig.again()
    good(rig.store.close())
    good(rig.store.close())
    assert len(good(again.newest(None, 9))) == 1


LAWS: Final[tuple[Law, ...]] = (
    what_was_committed_is_listed_by_derivation,
    asking_twice_for_one_lists_it_once,
    what_was_committed_is_found_by_key,
    every_left_comes_with_its_record,
    records_are_read_back_whole,
    configs_are_read_back,
    what_is_unknown_is_not_in_the_answer,
    names_begin_with_the_prefix,
    the_newest_come_first,
    committing_again_changes_nothing,
    an_empty_commit_is_one,
    another_world_sees_what_was_committed,
    equal_content_is_one_object,
    other_content_is_another_object,
    objects_hold_what_was_written,
    objects_are_read_only,
    hard_links_do_not_count,
    forbidden_kinds_are_refused,
    one_bad_folder_spoils_no_other,
    an_output_that_is_no_folder_is_refused,
    salvage_keeps_what_may_be_kept,
    discard_removes_all,
    places_are_private_and_not_yet_made,
    what_is_observed_is_what_would_be_stored,
    only_content_is_observed,
    what_cannot_be_observed_is_a_cause,
    observing_changes_nothing,
    a_claim_is_granted_to_one_at_a_time,
    what_is_ephemeral_is_listed_without_its_files,
    what_is_kept_is_not_dropped,
    to_drop_what_is_gone_is_fine,
    what_was_dropped_can_be_stored_again,
    what_is_to_be_kept_counts_first,
    nothing_is_dropped_beside_others,
    closing_twice_is_fine,
)
