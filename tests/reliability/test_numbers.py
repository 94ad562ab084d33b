"""Numbers and names that ``docs/store-format.md`` tells, and those that lightfx goes by."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import pytest

from lightfx.core.canonical import MAX_DEPTH
from lightfx.core.outcome import MAX_ROOTS
from lightfx.core.realization import INLINE_LOG
from lightfx.effects.journal import FILES, RESULT, Advanced, RunEnded
from lightfx.engine.keeping import GROUP, PATIENCE
from lightfx.plan.limits import MOST_COST, MOST_DEPTH
from lightfx.plan.sharing import MANY_TABLES, MOST_GROUP, MOST_PACK, MOST_TABLE, PACK_SIZE, SMALL, SMALL_TABLE
from lightfx.shell.cache.sealing import _WINDOW
from lightfx.shell.journal.lines import _KINDS
from lightfx.shell.journal.runs import _COMMAND, KEPT, _facts
from lightfx.shell.store.burying import NEWBORN
from lightfx.shell.store.owners import LEASE
from lightfx.shell.store.sync import FEW

TEXT = (Path(__file__).parents[2] / "docs" / "store-format.md").read_text()
PAGE = " ".join(TEXT.split())
MEBI = 1 << 20
WORDS = {"one": 1, "four": 4, "a day": 86_400, "a minute": 60, "a mebibyte": MEBI}

NUMBERS = [
    ("containers nest to a depth of {}, the outermost counted", MAX_DEPTH),
    ("the end of the log, at most {} bytes of it", INLINE_LOG),
    ("sorted by RRef, at most {};", MAX_ROOTS),
    ("one `fsync` each where that is {} files and folders at most", FEW),
    ("It is stored with others: at most {}, or when", GROUP),
    ("when the oldest has waited for {} seconds", PATIENCE),
    ("it touches its file every {} seconds", LEASE.beat),
    ("was last touched more than {} seconds from", LEASE.lease),
    ("has not been touched for {} seconds more", 2 * LEASE.beat),
    ("Of owners on other hosts these stay for {}.", LEASE.grace),
    ("and `newborn-<id>`, stays for {}.", NEWBORN),
    ("A file of more than {} bytes, named by its digest", SMALL),
    ("one right after the other, of about {} together", PACK_SIZE),
    ("named by the digest of all of it. {} MiB at most", MOST_PACK / MEBI),
    ("lines as in [Archives](#archives). {} MiB at most", MOST_GROUP / MEBI),
    ("Where records are found, named by its digest. {} MiB at most", MOST_TABLE / MEBI),
    ("one zstd frame, whose window is {} MiB at most", (1 << _WINDOW) / MEBI),
    ("No object has more than {} folders in one another", MOST_DEPTH),
    ("a table that would take more than {} MiB in memory", MOST_COST / MEBI),
    ("more than {} tables of less than", MANY_TABLES),
    ("tables of less than {} KiB", SMALL_TABLE / 1024),
    ("what happened in the last {} runs, or a few more", KEPT),
    ("the program and its arguments, at most {} characters", _COMMAND),
]


@pytest.mark.parametrize(("said", "number"), NUMBERS, ids=[said for said, _ in NUMBERS])
def test_numbers_are_those_of_the_document(said: str, number: float) -> None:
    before, after = map(re.escape, said.split("{}"))
    (found,) = set(re.findall(f"{before}([\\w ,.]+?){after}", PAGE))
    assert float(WORDS.get(found) or found.replace(",", "")) == number


def members(event: str) -> set[str]:
    """The members that the document tells of an event, beside ``at``."""
    rows = (line.split(" | ") for line in TEXT.partition("| `event` |")[2].splitlines() if line.startswith("| `"))
    told = {name: text for names, text in rows for name in re.findall(r"`(\w+)`", names)}
    named = set(re.findall(r"`(\w+)`", told[event])) - {"right", RESULT, FILES}
    if told[event].startswith("as `advanced`"):
        return members("advanced") | (named - {"advanced"})
    return named


@pytest.mark.parametrize("event", _KINDS)
def test_lines_of_runs_have_the_members_of_the_document(event: str) -> None:
    kind = _KINDS[event]
    names = {each.name for each in attrs.fields(kind)}
    if kind is RunEnded:
        names = names - {"summary"} | {each.name for each in attrs.fields(Advanced)}
    assert members(event) == names | (set(_facts()) if event == "run_began" else set())
