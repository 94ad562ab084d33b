"""``lightfx runs``: which runs there were on a store, and what happened in one of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from lightfx.cli.complaints import misuse
from lightfx.cli.episodes import Episode, episodes
from lightfx.cli.notes import WARNINGS, note
from lightfx.cli.opening import open_to_read, store_path
from lightfx.cli.page import MANY, Answer, Page, document
from lightfx.cli.past import Past, State, glance, names, whole
from lightfx.cli.summary import counts_line, derivations
from lightfx.cli.words import ago, duration, harmless, moment
from lightfx.core.layout import RUNS
from lightfx.effects.journal import Differed

LAST: Final = "last"
_RUN: Final = re.compile(r"[a-zA-Z0-9.-]{1,80}", re.ASCII)
_HEADS: Final = ("after", "ref", "name", "attempt", "outcome", "seconds", "reason")


def runs(store: str | None, limit: int, *, json: bool) -> Answer:
    """List runs, newest first."""
    folder, now = _runs(store)
    found = names(folder)
    read = [past for name in found[:limit] if (past := glance(folder, name)) is not None]
    if json:
        return document([_facts(each, now) for each in read])
    if not read:
        return Page().line("no run is kept").answer()
    page = Page().table(
        ("run", "began", "took", "derivations", "built", "LEFT", "state", "command"),
        [_row(each, now) for each in read],
    )
    if len(found) > limit:
        page.line(f"and older ones: --limit {limit * 10} lists more")
    return page.answer()


def _runs(store: str | None) -> tuple[Path, float]:
    """Where the runs of a store lie, and what time it is; complains where there is no store."""
    with open_to_read(store) as world:
        return store_path(store) / RUNS, world.perform.value(world.clock.now())


def _row(past: Past, now: float) -> tuple[str, ...]:
    counts = past.counts
    return (
        past.id,
        ago(past.first.at, now),
        duration(past.seconds(now)),
        derivations(counts),
        f"{counts.ran:,}",
        f"{counts.left:,}",
        past.state.value,
        past.first.text("command"),
    )


def _facts(past: Past, now: float) -> dict[str, object]:
    counts = past.counts
    return {
        "run": past.id,
        "began": past.first.at,
        "time": moment(past.first.at),
        "seconds": past.seconds(now),
        "state": past.state.value,
        "why": past.why,
        "derivations": past.total,
        "settled": counts.settled,
        "reused": counts.reused,
        "cut_off": counts.cut_off,
        "inherited": counts.inherited,
        "built": counts.ran,
        "made_again": counts.remade,
        "left": counts.left,
        "command": past.first.text("command"),
        "host": past.first.text("host"),
        "pid": past.first.fields.get("pid"),
        "lightfx": past.first.text("lightfx"),
    }


def show(store: str | None, run: str, *, json: bool) -> Answer:
    """Show what happened in a run."""
    folder, now = _runs(store)
    past = whole(folder, _named(folder, run))
    if past is None:
        raise misuse(f"run {run} cannot be read", "`lightfx runs` lists what can")
    told = episodes(past.noted)
    warnings = [each.event for each in past.noted if isinstance(each.event, WARNINGS)]
    if json:
        differed = [
            {"dref": each.dref.text, "recorded": each.recorded.text, "found": each.found.text}
            for each in warnings
            if isinstance(each, Differed)
        ]
        return document({**_facts(past, now), "tasks": [each.tree for each in told], "differed": differed})
    page = Page().line(f"{past.id}: {past.state.value}", "bold" if past.state is State.FINISHED else "bold red")
    page.table(("", ""), _summary(past, now), indent=2)
    page.line(f"  {counts_line(past.counts, past.seconds(now))}")
    _ran(page, past, told)
    for each in warnings[:MANY]:
        page.line(note(each), "yellow")
    if len(warnings) > MANY:
        page.line(f"and {len(warnings) - MANY:,} more warnings: --json lists all")
    return page.answer()


def _named(folder: Path, run: str) -> str:
    """The one run that ``run`` names: the last, or the one whose id or name begins so."""
    found = names(folder)
    if not found:
        raise misuse("no run is kept in this store")
    if run == LAST:
        return found[0]
    if not _RUN.fullmatch(run):
        raise misuse(f"{run[:80]!r} names no run", "give the beginning of one, as `lightfx runs` lists them, or last")
    fitting = [name for name in found if name.startswith(run) or name.rpartition("-")[2].startswith(run)]
    if not fitting:
        raise misuse(f"no run is kept that begins with {run!r}", "`lightfx runs` lists them")
    if len(fitting) > 1:
        raise misuse(f"{run!r} begins {len(fitting)} runs", "give more of it")
    return fitting[0]


def _summary(past: Past, now: float) -> Sequence[tuple[str, str]]:
    told: Mapping[str, str] = {
        "began": f"{moment(past.first.at)} ({ago(past.first.at, now)})",
        "took": duration(past.seconds(now)),
        "why": past.why,
        "command": past.first.text("command"),
        "process": f"{past.first.fields.get('pid', '?')} on {past.first.text('host')}",
        "lightfx": past.first.text("lightfx"),
    }
    return [(name, harmless(fact)) for name, fact in told.items() if fact]


def _ran(page: Page, past: Past, told: Sequence[Episode]) -> None:
    """The tasks in order; where they are too many, the LEFTs and the retries among the rest once more."""
    lives = past.state is State.RUNNING
    if told:
        rows = [each.row(past.first.at, lives=lives) for each in told]
        page.line("what ran", "bold").excerpt(_HEADS, rows, indent=2)
    trouble = [each.row(past.first.at, lives=lives) for each in told[MANY:] if each.is_left or each.state == "retried"]
    if trouble:
        page.line("of the rest, what is LEFT or was tried again", "bold").excerpt(_HEADS, trouble, indent=2)
