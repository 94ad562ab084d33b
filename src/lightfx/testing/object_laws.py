"""The laws of stores about objects: folders by content, read-only, and what no object may hold.

A law is a function of a `Rig` that raises ``AssertionError``, and is named for
what it asks.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import sleep
from typing import Final

from lightfx.core.damage import Audit, DamagedObject, MissingObject
from lightfx.core.manifest import digest_of
from lightfx.core.names import Digest
from lightfx.effects.store import Forbidden
from lightfx.testing.broken import hold, of_kind, same
from lightfx.testing.makings import Content, entry, fill, good, ingested, listing, make_socket, refused, written
from lightfx.testing.rig import Rig

MOMENT: Final = 0.3  # seconds


def equal_content_is_one_object(rig: Rig) -> None:
    """Whatever the times, the owner, and the order it was written in; also within one batch."""
    content: Content = {"b": b"two", "a": b"one", "c/": ""}
    folders = [written(rig.store, dict(sorted(content.items(), reverse=turn))) for turn in (True, False)]
    os.utime(folders[0] / "a", ns=(1, 1))
    (folders[0] / "b").chmod(0o640)
    if os.geteuid() == 0:
        os.chown(folders[0] / "b", 65534, 65534)
    found = good(rig.store.ingest(folders))
    same(len(set(found.values())), 1)
    same(found[folders[0]], ingested(rig.store, content))
    hold(not any(folder.exists() for folder in folders), "not any(folder.exists() for folder in folders)")


def other_content_is_another_object(rig: Rig) -> None:
    """Names count, and where one ends and the next begins; kinds count, and the right to run."""

    def run(path: Path) -> None:
        path.write_bytes(b"x")
        path.chmod(0o755)

    contents: list[Content] = [
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
    same(len({ingested(rig.store, content) for content in contents}), len(contents))


def objects_hold_what_was_written(rig: Rig) -> None:
    """Nested folders, empty ones, empty files, links, large files, names that are no text."""

    def run(path: Path) -> None:
        path.write_bytes(b"#!/bin/sh")
        path.chmod(0o700)

    large = os.urandom(3 << 20)
    odd = os.fsdecode(b"\xff\n")
    content: Content = {
        "a/b/c": b"deep",
        "empty": b"",
        "none/": "",
        "run": run,
        "large": large,
        "l": "-> a/b",
        odd: b"odd",
    }
    folder = written(rig.store, content)
    before = listing(folder)
    tree = good(rig.store.ingest([folder]))[folder]
    tree = of_kind(tree, Digest)
    home = rig.store.folder_of(tree)
    same(listing(home), before)
    hold(os.access(home / "run", os.X_OK), 'os.access(home / "run", os.X_OK)')
    hold(not home.joinpath("empty").stat().st_mode & 0o111, 'not home.joinpath("empty").stat().st_mode & 0o111')


def objects_are_read_only(rig: Rig) -> None:
    """Every file and folder of them; a file that was shared by a hard link still is its owner's to write."""
    mine = rig.outside / "mine"
    mine.write_bytes(b"before")

    def link(path: Path) -> None:
        path.hardlink_to(mine)

    content: Content = {
        "a/shared": link,
        "a/shared.unshared": b"own",
        "b": b"b",
        "b2": lambda p: p.hardlink_to(p.parent / "b"),
    }
    home = rig.store.folder_of(ingested(rig.store, content))
    modes = [path.lstat().st_mode for path in (home, *home.rglob("*"))]
    hold(not any(mode & 0o222 for mode in modes), "not any(mode & 0o222 for mode in modes)")
    hold(mine.stat().st_mode & stat.S_IWUSR, "mine.stat().st_mode & stat.S_IWUSR")
    same(mine.stat().st_nlink, 1)
    mine.write_bytes(b"after")
    same(listing(home), {"a": None, "a/shared": b"before", "a/shared.unshared": b"own", "b": b"b", "b2": b"b"})


def hard_links_do_not_count(rig: Rig) -> None:
    """Many in one folder, which is walked while they are unshared."""
    shared = rig.outside / "shared"
    shared.write_bytes(b"s")
    names = [f"{number:0200}" for number in range(400)]
    linked = ingested(rig.store, {name: lambda path: path.hardlink_to(shared) for name in names})
    same(linked, ingested(rig.store, dict.fromkeys(names, b"s")))


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
        same(found.path, "self" if name == "self" else f"deep/{name}/bad", str(found))
        hold(found.why, "found.why")
    same(refused(rig.store, {"sub/deep/up": "-> ../..", "m": "-> sub/deep/up/.."}).path, "m")
    with suppress(PermissionError):
        same(
            refused(rig.store, {"null": lambda path: os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))}).path,
            "null",
        )
        same(
            refused(rig.store, {"disk": lambda path: os.mknod(path, 0o600 | stat.S_IFBLK, os.makedev(7, 99))}).path,
            "disk",
        )


def one_bad_folder_spoils_no_other(rig: Rig) -> None:
    """Of a batch, the sound ones are stored."""
    bad, sound = written(rig.store, {"f": os.mkfifo}), written(rig.store, {"a": b"a"})
    found = good(rig.store.ingest([bad, sound]))
    hold(isinstance(found[bad], Forbidden), "isinstance(found[bad], Forbidden)")
    same(found[sound], ingested(rig.store, {"a": b"a"}))


def an_output_that_is_no_folder_is_refused(rig: Rig) -> None:
    """A stage may put a link in its place, to what is not ours: that is neither stored, nor cleared, nor changed."""
    precious = fill(rig.outside / "precious", {"a": b"a"})
    place = rig.store.place()
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(precious)
    found = good(rig.store.ingest([place]))[place]
    found = of_kind(found, Forbidden)
    os.mkfifo(precious / "f")
    good(rig.store.salvage(place))
    same(good(rig.store.ingest([place]))[place], ingested(rig.store, {}))
    same(sorted(path.name for path in precious.iterdir()), ["a", "f"])
    hold((precious / "a").stat().st_mode & stat.S_IWUSR, '(precious / "a").stat().st_mode & stat.S_IWUSR')


def salvage_keeps_what_may_be_kept(rig: Rig) -> None:
    """And afterwards an object can be made of it."""
    content: Content = {
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
    same(listing(folder), {"a": None, "a/b": None, "a/b/up": "../..", "a/kept": b"k", "ok": "a/kept"})
    hold(
        isinstance(good(rig.store.ingest([folder]))[folder], Digest),
        "isinstance(good(rig.store.ingest([folder]))[folder], Digest)",
    )


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
            hold(
                not any(os.path.lexists(place) for place in places),
                "all of them are gone",
            )
    finally:
        sys.setrecursionlimit(limit)


def places_are_private_and_not_yet_made(rig: Rig) -> None:
    """Each is another, in the same store or in another view of it."""
    places = [store.place() for store in (rig.store, rig.store, *(() if rig.alone else (rig.again(),)))]
    same(len(set(places)), len(places))
    hold(not any(place.exists() for place in places), "not any(place.exists() for place in places)")


def what_is_not_what_it_is_named_by_is_unsound(rig: Rig) -> None:
    """Other bytes, other names, links, or nothing at all; and what is as it was is sound."""
    harms: dict[str, Callable[[Path], None]] = {
        "flipped": lambda home: _write(home / "a", b"b"),
        "longer": lambda home: _write(home / "a", b"aa"),
        "runnable": lambda home: (home / "a").chmod(0o555),
        "renamed": lambda home: _within(home, lambda: (home / "a").rename(home / "c")),
        "added": lambda home: _within(home, lambda: (home / "new").write_bytes(b"")),
        "a link": lambda home: _within(home, lambda: _to_link(home / "a")),
        "gone": lambda home: _within(home, lambda: home.rename(rig.outside / "gone")),
    }
    trees = {name: ingested(rig.store, {"a": b"a", "which": name.encode()}) for name in ("sound", *harms)}
    same(good(rig.store.unsound(tuple(trees.values()))), {}, "all is sound as it was stored")
    sleep(MOMENT)  # what was looked at is trusted for a moment
    for name, harm in harms.items():
        harm(rig.store.folder_of(trees[name]))
    found = good(rig.store.unsound(tuple(trees.values())))
    same(sorted(found), sorted(tree for name, tree in trees.items() if name != "sound"))
    same([tree for tree, what in found.items() if isinstance(what, MissingObject)], [trees["gone"]])


def what_is_stored_takes_the_place_of_what_is_damaged(rig: Rig) -> None:
    """The same content, given again, mends the object."""
    content: Content = {"a/b": b"text"}
    tree = ingested(rig.store, content)
    home = rig.store.folder_of(tree)
    sleep(MOMENT)
    _write(home / "a/b", b"next")
    same(list(good(rig.store.unsound((tree,)))), [tree])
    same(ingested(rig.store, content), tree)
    same(listing(home), {"a": None, "a/b": b"text"})
    same(good(rig.store.unsound((tree,))), {})
    hold(not _writable(home, home / "a", home / "a/b"), "it is read-only")


def verifying_finds_what_is_damaged_and_nothing_else(rig: Rig) -> None:
    """Of all objects, also those that nobody names."""
    trees = [ingested(rig.store, {"a": name}) for name in (b"sound", b"damaged")]
    good(rig.store.commit([entry(1, tree=trees[0]), entry(2, tree=trees[1])]))
    same(good(rig.store.verify(Audit())).damages, ())
    _write(rig.store.folder_of(trees[1]) / "a", b"changed")
    found = good(rig.store.verify(Audit()))
    same([each.tree for each in found.damages if isinstance(each, DamagedObject)], [trees[1]])
    same(len(found.damages), 1)


def _write(path: Path, data: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(data)
    path.chmod(0o444)


def _to_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("which")


def _within(home: Path, act: Callable[[], object]) -> None:
    home.chmod(0o755)
    act()
    if home.exists():
        home.chmod(0o555)


def a_folder_is_listed_as_it_would_be_stored(rig: Rig) -> None:
    """Objects and private folders alike; one that is not there is left out, one that cannot be stored says so."""
    content: Content = {"a/b": b"b", "l": "-> a", "run": _script}
    private, bad, gone = written(rig.store, content), written(rig.store, {"f": os.mkfifo}), rig.store.place()
    found = good(rig.store.manifests([private, bad, gone]))
    before = found[private]
    if isinstance(before, Forbidden):
        raise AssertionError(f"a sound folder is refused: {before}")
    same([each.path for each in before], ["a", "a/b", "l", "run"])
    same(found[bad], Forbidden("f", "is a named pipe"))
    hold(gone not in found, "what is not there is left out")
    tree = of_kind(good(rig.store.ingest([private]))[private], Digest)
    home = rig.store.folder_of(tree)
    same(good(rig.store.manifests([home]))[home], before)
    same(digest_of(before), tree)
    hold(not _writable(home, home / "a", home / "run"), "an object is read-only")


def _script(path: Path) -> None:
    path.write_bytes(b"")
    path.chmod(0o755)


def _writable(*paths: Path) -> bool:
    return any(path.lstat().st_mode & 0o222 for path in paths)
