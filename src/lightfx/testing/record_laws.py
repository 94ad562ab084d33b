"""The laws of stores about records: what was committed is listed, found and read back, by anyone.

A law is a function of a `Rig` that raises ``AssertionError``, and is named for
what it asks.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from unittest import mock

from attrs import evolve

from lightfx.core.config import Reference, Take
from lightfx.core.names import Digest
from lightfx.core.outcome import BadOutput, Cancelled, Died, Raised, Returned, Root, TimedOut, Upstream
from lightfx.core.realization import Context, Cost, Log, MadeBy
from lightfx.core.refs import DRef
from lightfx.effects.store import Entry
from lightfx.testing.broken import hold, same
from lightfx.testing.makings import Code, coded, entry, good
from lightfx.testing.rig import Rig


def what_was_committed_is_listed_by_derivation(rig: Rig) -> None:
    """All its realizations, and none of another derivation."""
    ours = [entry(1), entry(1, result=TimedOut(1.0))]
    good(rig.store.commit([*ours, entry(2)]))
    (dref,) = {each.realization.dref for each in ours}
    rows = good(rig.store.listed([dref], frozenset()))
    same({row.stored.rref for row in rows}, {each.realization.rref for each in ours})
    same({row.stored.kind for row in rows}, {"right", "timed_out"})
    hold(
        all(row.stored.key == ours[0].realization.key for row in rows),
        "all have one key",
    )


def asking_twice_for_one_lists_it_once(rig: Rig) -> None:
    """A batch is a set of questions."""
    made = entry(1).realization
    good(rig.store.commit([entry(1)]))
    same(len(good(rig.store.listed([made.dref, made.dref], frozenset()))), 1)
    same(len(good(rig.store.alike([made.key, made.key]))), 1)


def what_was_committed_is_found_by_key(rig: Rig) -> None:
    """Under its input key, whatever derivation it is of, with its record."""
    key = Digest.of(b"one key")
    ours = [entry(1, key=key), entry(2, name="other", key=key)]
    good(rig.store.commit([*ours, entry(3)]))
    rows = good(rig.store.alike([key]))
    same({row.stored.rref for row in rows}, {each.realization.rref for each in ours})
    hold(all(row.realization is not None for row in rows), "all(row.realization is not None for row in rows)")


def every_left_comes_with_its_record(rig: Rig) -> None:
    """And every realization of a derivation that is being read."""
    failed, read = entry(1, result=Died(3, None)), entry(2)
    good(rig.store.commit([failed, read]))
    drefs = [failed.realization.dref, read.realization.dref]
    rows = {row.stored.rref: row for row in good(rig.store.listed(drefs, frozenset(drefs[1:])))}
    same(rows[failed.realization.rref].realization, failed.realization)
    same(rows[read.realization.rref].realization, read.realization)


def records_are_read_back_whole(rig: Rig) -> None:
    """Every field of every kind of result."""
    made = [_full(entry(number, result=cause)) for number, cause in enumerate(_RESULTS)]
    good(rig.store.commit(made))
    read = good(rig.again().realizations([each.realization.rref for each in made]))
    same(read, {each.realization.rref: each.realization for each in made})


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
    same(read, {each.realization.dref: each.config for each in made})


def what_code_consists_of_is_found_by_its_fingerprint(rig: Rig) -> None:
    """As it was told with the first realization of that code; two parts may have one name."""
    parts = (("mine:train", "aa"), ("mine:train.<lambda>", "bb"), ("mine:train.<lambda>", "cc"))
    code, moved_on, other = Code(parts), Code(parts, is_current=False), Code((("mine:other", 'é"\\'),))
    good(rig.store.commit([coded(1, "blake3:1", code), coded(2, "blake3:1", code), coded(3, "blake3:2", moved_on)]))
    good(rig.store.commit([coded(4, "blake3:3", other), entry(5)]))
    asked = ["blake3:1", "blake3:2", "blake3:3", "blake3:4", ""]
    for store in (rig.store, rig.again()):
        same(good(store.codes(asked)), {"blake3:1": parts, "blake3:3": other.what})
    same(code.asked, 1, "to ask takes a moment")


def what_is_unknown_is_not_in_the_answer(rig: Rig) -> None:
    """No failure, no placeholder."""
    stranger = entry("stranger").realization
    good(rig.store.commit([entry(1)]))
    same(list(good(rig.store.listed([stranger.dref], frozenset([stranger.dref])))), [])
    same(list(good(rig.store.alike([stranger.key]))), [])
    same(good(rig.store.realizations([stranger.rref])), {})
    same(good(rig.store.configs([stranger.dref])), {})
    same(good(rig.store.codes(["blake3:77"])), {})
    same(list(good(rig.store.names("zzzz", 9))), [])
    same(list(good(rig.store.newest("stranger", 9))), [])


def names_begin_with_the_prefix(rig: Rig) -> None:
    """Derivations and realizations, sorted, no more than asked for; any text may be asked for."""
    made = [entry(number).realization for number in range(20)]
    good(rig.store.commit([entry(number) for number in range(20)]))
    texts = sorted({*(each.rref.text for each in made), *(each.dref.text for each in made)})
    same(list(good(rig.store.names("", 1000))), texts)
    same(list(good(rig.store.names(texts[3], 9))), [texts[3]])
    same(list(good(rig.store.names("", 5))), texts[:5])
    for odd in ("\udcff", "é%_"):
        same(list(good(rig.store.names(odd, 5))), [], f"nothing begins with {odd!r}")
    same(list(good(rig.store.newest("\udcff", 5))), [])


def the_newest_come_first(rig: Rig) -> None:
    """By the time that they were stored, of one name or of all."""
    made = [entry(number, name=name, created=float(number)) for number, name in enumerate("abcab")]
    good(rig.store.commit(made[2:]))
    good(rig.store.commit(made[:2]))
    rows = good(rig.store.newest(None, 3))
    same([row.realization for row in rows], [each.realization for each in made[:1:-1]])
    same([row.stored.created for row in good(rig.store.newest("a", 9))], [3.0, 0.0])


def committing_again_changes_nothing(rig: Rig) -> None:
    """The same, or the same outcome met anew later."""
    first, later = entry(1, created=1.0), entry(1, created=2.0)
    for entries in ([first], [first], [later], [later, later]):
        good(rig.store.commit(entries))
    for store in (rig.store, rig.again()):
        rows = good(store.listed([first.realization.dref], frozenset([first.realization.dref])))
        same([row.realization for row in rows], [first.realization])
        same(len(good(store.newest(None, 9))), 1)


def an_empty_commit_is_one(rig: Rig) -> None:
    """Of nothing, nothing comes."""
    good(rig.store.commit([]))
    same(list(good(rig.again().newest(None, 9))), [])


def another_world_sees_what_was_committed(rig: Rig) -> None:
    """Without being opened anew: by key at once."""
    other = rig.again()
    good(rig.store.commit([entry(1)]))
    made = entry(1).realization
    same([row.realization for row in good(other.alike([made.key]))], [made])
    same([row.stored.rref for row in good(other.listed([made.dref], frozenset()))], [made.rref])


def what_is_committed_is_synced_before_the_answer(rig: Rig) -> None:
    """What gets its name by a rename is synced before that, and its folder after it."""
    if rig.alone:
        return
    with _watched() as seen:
        good(rig.store.commit([entry("durable")]))
    for at, (act, path, name) in enumerate(seen):
        if act == "rename":
            hold(("sync", path, "") in seen[:at], f"{Path(path).name} is synced before it is renamed")
            hold(("sync", str(Path(name).parent), "") in seen[at:], "the folder is synced after the rename")


@contextmanager
def _watched() -> Iterator[list[tuple[str, str, str]]]:
    """Note what is synced and renamed, in order."""
    seen: list[tuple[str, str, str]] = []
    fsync, rename = os.fsync, os.rename

    def note_sync(descriptor: int) -> None:
        fsync(descriptor)
        seen.append(("sync", str(Path(f"/proc/self/fd/{descriptor}").readlink()), ""))

    def note_rename(old: str | os.PathLike[str], new: str | os.PathLike[str]) -> None:
        rename(old, new)
        seen.append(("rename", str(Path(old).absolute()), str(Path(new).absolute())))

    with mock.patch.object(os, "fsync", note_sync), mock.patch.object(os, "rename", note_rename):
        yield seen
