"""The laws of stores that are shared: what is outside, who may build, what may be dropped.

A law is a function of a `Rig` that raises ``AssertionError``, and is named for
what it asks.
"""

from __future__ import annotations

import os
import stat

from attrs import evolve

from lightfx.core.names import Digest
from lightfx.core.outcome import BadOutput, Raised
from lightfx.core.realization import Log, Selection
from lightfx.testing.broken import hold, of_kind, same
from lightfx.testing.makings import entry, fill, good, ingested, listing
from lightfx.testing.rig import Rig


def what_is_observed_is_what_would_be_stored(rig: Rig) -> None:
    """Files and folders have the digest that `ingest` gives."""
    tree = fill(rig.outside / "tree", {"a/b": b"b", "l": "-> a", os.fsdecode(b"\xfe"): b"odd"})
    file = rig.outside / "file.bin"
    file.write_bytes(b"f")
    seen = good(rig.store.observe([tree, file]))
    same(seen[tree], ingested(rig.store, {"a/b": b"b", "l": "-> a", os.fsdecode(b"\xfe"): b"odd"}))
    same(seen[file], ingested(rig.store, {"file.bin": b"f"}))


def only_content_is_observed(rig: Rig) -> None:
    """A touch is nothing; an edit of the same size, in the same moment, with the old time put back, is one."""
    file = rig.outside / "f"
    file.write_bytes(b"one")
    old = file.stat()
    first = good(rig.store.observe([file]))[file]
    os.utime(file)
    same(good(rig.again().observe([file]))[file], first)
    file.write_bytes(b"two")
    os.utime(file, ns=(old.st_atime_ns, old.st_mtime_ns))
    second = good(rig.store.observe([file]))[file]
    hold(second != first, "second != first")
    file.write_bytes(b"one")
    same(good(rig.again().observe([file]))[file], first)


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
        cause = of_kind(cause, Raised)
        hold("OSError" in cause.bases, '"OSError" in cause.bases')
        hold(path.name in cause.message, "path.name in cause.message")
    for path, where in ((fifo, "fifo"), (escaping, "deep/out")):
        cause = seen[path]
        cause = of_kind(cause, BadOutput)
        same(cause.path, where)
    hold(os.path.lexists(escaping / "deep/out"), 'os.path.lexists(escaping / "deep/out")')


def observing_changes_nothing(rig: Rig) -> None:
    """It is not ours: hard links stay, and rights."""
    tree = fill(rig.outside / "tree", {"a": b"a", "b": lambda path: path.hardlink_to(path.parent / "a")})
    (tree / "a").chmod(0o640)
    good(rig.store.observe([tree]))
    same((tree / "a").stat().st_nlink, 2)
    same(stat.S_IMODE((tree / "a").stat().st_mode), 0o640)


def a_claim_is_granted_to_one_at_a_time(rig: Rig) -> None:
    """Who has it has it; others get it when it was given back, or its owner has left."""
    keys = [Digest.of(b"1"), Digest.of(b"2"), Digest.of(b"3")]
    same(good(rig.store.claim(keys[:2])), set(keys[:2]))
    same(good(rig.store.claim(keys[:2])), set(keys[:2]))
    if rig.alone:
        return
    other = rig.again()
    same(good(other.claim(keys)), set(keys[2:]))
    same(good(rig.store.claim(keys)), set(keys[:2]))
    good(other.release(keys[:1]))
    same(good(other.claim(keys[:1])), set())
    good(rig.store.release(keys[:1]))
    same(good(other.claim(keys[:2])), set(keys[:1]))
    good(rig.store.close())
    same(good(other.claim(keys)), set(keys))


def what_is_ephemeral_is_listed_without_its_files(rig: Rig) -> None:
    """Dropped, it stands, with its record; whether it has its files is to be asked."""
    tree, other = ingested(rig.store, {"a/b": b"b", "c": b"c"}), ingested(rig.store, {"d": b"d"})
    ours = [entry(number, tree=tree, ephemeral=True) for number in range(2)]
    good(rig.store.commit(ours))
    made = [each.realization for each in ours]
    same(good(rig.store.present([tree, other, Digest.of(b"never")])), {tree, other})
    good(rig.store.drop([tree, tree]))
    same(good(rig.store.present([tree, other])), {other})
    hold(not os.path.lexists(rig.store.folder_of(tree)), "not os.path.lexists(rig.store.folder_of(tree))")
    for store in (rig.store, rig.again()):
        rows = [*good(store.listed([made[0].dref], frozenset())), *good(store.alike([made[1].key]))]
        same([row.stored.rref for row in rows], [each.rref for each in made])
        hold(
            all(row.stored.ephemeral and row.stored.tree == tree for row in rows),
            "each is listed as ephemeral, with its files named",
        )
        same(good(store.realizations([made[0].rref])), {made[0].rref: made[0]})


def what_is_kept_is_not_dropped(rig: Rig) -> None:
    """Nor what no realization has, as long as one that is to be kept has it."""
    kept, log = ingested(rig.store, {"a": b"a"}), ingested(rig.store, {"log.txt": b"long"})
    good(rig.store.commit([entry(1, tree=kept, ephemeral=True), entry(2, tree=kept), entry(3, log=Log("", log))]))
    good(rig.store.drop([kept, log]))
    same(listing(rig.store.folder_of(kept)), {"a": b"a"})
    same(listing(rig.store.folder_of(log)), {"log.txt": b"long"})
    same(good(rig.store.present([kept, log])), {kept, log})


def to_drop_what_is_gone_is_fine(rig: Rig) -> None:
    """Or what never was."""
    tree = ingested(rig.store, {"a": b"a"})
    for trees in ([], [Digest.of(b"never"), tree], [tree]):
        good(rig.store.drop(trees))
    same(good(rig.store.present([tree])), set())


def what_was_dropped_can_be_stored_again(rig: Rig) -> None:
    """Read-only, whole, and dropped again."""
    for _ in range(2):
        tree = ingested(rig.store, {"a/b": b"b", "c/": ""})
        good(rig.store.commit([entry(1, tree=tree, ephemeral=True)]))
        home = rig.store.folder_of(tree)
        same(listing(home), {"a": None, "a/b": b"b", "c": None})
        hold(not home.stat().st_mode & 0o222, "not home.stat().st_mode & 0o222")
        good(rig.store.drop([tree]))
        same(good(rig.store.present([tree])), set())


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
        same(read, {each.realization.rref: each.realization for each in kept})
        hold(not any(row.stored.ephemeral for row in rows), "not any(row.stored.ephemeral for row in rows)")


def what_was_selected_last_counts(rig: Rig) -> None:
    """One realization, recorded several times: of what it says of selections the last counts, in whatever order."""
    made = entry().realization
    said = [
        evolve(made, created=float(number), selections=(Selection(made.dref, "m", Digest(f"{number}"), (made.rref,)),))
        for number in range(4)
    ]
    for each in (made, said[1], said[3], said[2], evolve(made, created=0.5)):
        good(rig.store.commit([evolve(entry(), realization=each)]))
    for store in (rig.store, rig.again()):
        same([row.realization for row in good(store.alike([made.key]))], [said[3]])
        same(good(store.realizations([made.rref])), {made.rref: said[3]})


def nothing_is_dropped_beside_others(rig: Rig) -> None:
    """They may be reading it. Who closes the store as the last one drops it; what is kept by then stays."""
    trees = [ingested(rig.store, {"a": text}) for text in (b"1", b"2")]
    if rig.alone:
        good(rig.store.drop(trees))
        same(good(rig.store.present(trees)), set())
        return
    other = rig.again()
    good(rig.store.commit([entry(1, tree=trees[0], ephemeral=True), entry(2, tree=trees[1], ephemeral=True)]))
    good(rig.store.drop(trees))
    same(good(other.present(trees)), set(trees))
    good(rig.store.close())
    same(good(other.present(trees)), set(trees))
    good(other.commit([entry(3, tree=trees[1])]))
    good(other.close())
    same(good(rig.again().present(trees)), {trees[1]})


def closing_twice_is_fine(rig: Rig) -> None:
    """And what was committed stays."""
    good(rig.store.commit([entry(1)]))
    again = rig.again()
    good(rig.store.close())
    good(rig.store.close())
    same(len(good(again.newest(None, 9))), 1)
