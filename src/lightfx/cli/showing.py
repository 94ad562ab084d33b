"""``lightfx show``: everything that is stored of a derivation, or of one realization."""

from __future__ import annotations

import json as codec
from collections.abc import Mapping
from typing import Final, assert_never

from lightfx.cli.finding import Subject, find
from lightfx.cli.opening import open_to_read
from lightfx.cli.page import Answer, Page, document
from lightfx.cli.reading import folder_of
from lightfx.cli.words import ago, duration, full_reason, moment, outcome, reason, size, titled
from lightfx.core.canonical import Tree
from lightfx.core.outcome import BadOutput, Cancelled, Cause, Died, Raised, Returned, TimedOut, Upstream
from lightfx.core.realization import Realization, Value
from lightfx.core.records import spell_realization
from lightfx.effects.world import World

_MAX_LINES: Final = 60


def show(store: str | None, ref: str, *, json: bool) -> Answer:
    """Show config, outcomes, context and provenance."""
    with open_to_read(store) as world:
        subject = find(world, ref)
        if json:
            return document(_tree(world, subject))
        return _page(world, subject).answer()


def _tree(world: World, subject: Subject) -> Mapping[str, object]:
    return {
        "dref": subject.dref.text,
        "name": subject.dref.name.text,
        "config": subject.config.tree,
        "realizations": [_realization_tree(world, each) for each in subject.realizations],
    }


def _realization_tree(world: World, realization: Realization) -> Mapping[str, object]:
    record: dict[str, object] = codec.loads(spell_realization(realization))
    folder = None if realization.tree is None else str(folder_of(world, realization.tree))
    more = {"kind": realization.result.kind, "reason": full_reason(realization.result)}
    return {**record, **more, "time": moment(realization.created), "folder": folder}


def _page(world: World, subject: Subject) -> Page:
    now = world.perform.value(world.clock.now())
    page = Page().line(subject.dref.text, "bold").line("config", "bold")
    _pretty(page, subject.config.tree)
    for realization in subject.realizations:
        page.line()
        _realization(page, world, realization, now)
    return page


def _pretty(page: Page, tree: Tree) -> None:
    lines = codec.dumps(tree, indent=2, ensure_ascii=False).split("\n")
    page.block("\n".join(lines[:_MAX_LINES]), indent=2)
    if len(lines) > _MAX_LINES:
        page.line(f"… {len(lines) - _MAX_LINES:,} more lines: --json shows all", indent=2)


def _realization(page: Page, world: World, realization: Realization, now: float) -> None:
    kind = realization.result.kind
    style = "bold green" if kind == "right" else "bold red"
    page.line(f"{outcome(kind)}  {realization.rref.text}", style)
    match realization.result:
        case Value(tree=tree):
            page.line("value", "bold", indent=2)
            _pretty(page, tree)
        case cause:
            _cause(page, cause)
    _context(page, realization)
    _earlier(page, realization)
    page.table(("", ""), _provenance(world, realization, now), indent=2)
    if realization.log is not None:
        whole = ": the end of it, `lightfx log` gives all" if realization.log.whole else ""
        page.line(f"log{whole}", "bold", indent=2).block(realization.log.tail.rstrip("\n"), indent=4)


def _cause(page: Page, cause: Cause) -> None:
    page.line(reason(cause), "red", indent=2)
    match cause:
        case Raised(traceback=traceback):
            page.block(traceback.rstrip("\n"), indent=4)
        case Returned(error=error):
            _pretty(page, error)
        case Upstream(roots=roots, total=total):
            page.table(("", ""), [(titled(root.rref), root.reason) for root in roots], indent=4)
            if total > len(roots):
                page.line(f"and {total - len(roots):,} more", indent=4)
        case TimedOut() | Died() | BadOutput() | Cancelled():
            pass
        case never:
            assert_never(never)


def _context(page: Page, realization: Realization) -> None:
    if realization.context.entries:
        rows = [
            (titled(reference.dref), "->", ", ".join(map(titled, rrefs)))
            for reference, rrefs in realization.context.entries
        ]
        page.line("context", "bold", indent=2).excerpt(("", "", ""), rows, indent=4)


def _earlier(page: Page, realization: Realization) -> None:
    if realization.earlier:
        rows = [
            (str(number), outcome(each.kind), each.reason, duration(each.cost.seconds))
            for number, each in enumerate(realization.earlier, 1)
        ]
        page.line("attempts before, `lightfx log --attempt N` gives their logs", "bold", indent=2)
        page.table(("", "", "", ""), rows, indent=4)


def _provenance(world: World, realization: Realization, now: float) -> list[tuple[str, str]]:
    made_by, cost = realization.made_by, realization.cost
    facts = [
        ("created", f"{moment(realization.created)} ({ago(realization.created, now)})"),
        ("like", "" if realization.like is None else f"{realization.like.text}: cut off, the inputs are the same"),
        ("attempt", str(realization.attempt)),
        ("took", duration(cost.seconds) if cost.seconds else ""),
        ("memory", f"{size(cost.peak_memory)} at the peak of its process" if cost.peak_memory else ""),
        ("host", made_by.host),
        ("user", made_by.user),
        ("python", made_by.python),
        ("packages", ", ".join(f"{name} {version}" for name, version in made_by.packages)),
        ("commit", made_by.commit),
        ("folder", "" if realization.tree is None else str(folder_of(world, realization.tree))),
    ]
    return [(name, fact) for name, fact in facts if fact]
