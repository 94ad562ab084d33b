"""``lightfx why``: the reasons of a realization, in words or as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

from lightfx.cli.comparing import change_tree, row
from lightfx.cli.finding import find
from lightfx.cli.opening import open_to_read
from lightfx.cli.page import Answer, Page, document
from lightfx.cli.reasoning import How, Input, Nearest, NothingEarlier, OtherPlan, SamePlan, Why, why_of
from lightfx.cli.words import ago, duration, full_reason, outcome, reason, titled
from lightfx.core.config import Take
from lightfx.core.outcome import Upstream
from lightfx.core.refs import RRef
from lightfx.plan.changes import CodeChanged


def why(store: str | None, ref: str, *, json: bool) -> Answer:
    """Say why a realization is there: its inputs, and what differs from the nearest earlier derivation."""
    with open_to_read(store) as world:
        found = why_of(world, find(world, ref))
        now = world.perform.value(world.clock.now())
    return document(_tree(found)) if json else _page(found, now).answer()


# For people.


def _page(found: Why, now: float) -> Page:
    realization = found.realization
    kind = realization.result.kind
    page = Page().line(f"{titled(realization.rref)}: {outcome(kind)}", "bold")
    page.line(f"{_how(found)}, {ago(realization.created, now)}", indent=2)
    if kind != "right":
        page.line(reason(realization.result), "red", indent=2)
    if isinstance(realization.result, Upstream):
        page.line("the roots", "bold")
        page.table(("", ""), [(titled(each.rref), each.reason) for each in realization.result.roots], indent=2)
    if found.retried:
        page.line("tried before, with the same inputs", "bold")
        page.table(("", ""), [(titled(each.rref), reason(each.result)) for each in found.retried], indent=2)
    page.line("inputs" if found.inputs else "it has no inputs but its parameters", "bold")
    if found.inputs:
        page.excerpt(("", "", "", ""), [_input_row(each) for each in found.inputs], indent=2)
    _nearest(page, found.nearest, now)
    return page


def _how(found: Why) -> str:
    realization = found.realization
    match found.how:
        case How.BUILT:
            host = f" on {realization.made_by.host}" if realization.made_by.host else ""
            return f"built in {duration(realization.cost.seconds)}{host}, attempt {realization.attempt}"
        case How.CUT_OFF:
            like = "" if realization.like is None else f" of {titled(realization.like)}"
            return f"cut off: it has the inputs{like}, by content, and took its result without a run"
        case How.INHERITED:
            return "inherited: it was not run, since it stands on what is LEFT"
        case How.NOT_RUN:
            return How.NOT_RUN.value
        case never:
            assert_never(never)


def _input_row(each: Input) -> tuple[str, str, str, str]:
    uses = [each.reference.matcher, "all" if each.reference.take is Take.MANY else ""]
    uses.append("tolerated" if each.reference.tolerate else "")
    how = ", ".join(use for use in uses if use)
    came = ", ".join(f"{titled(rref)} {outcome(kind)}" for rref, kind in each.resolved)
    return ", ".join(each.where), titled(each.reference.dref), f"({how}) ->" if how else "->", came


def _nearest(page: Page, nearest: Nearest, now: float) -> None:
    match nearest:
        case NothingEarlier():
            page.line("the first derivation of this name", "bold")
        case SamePlan(earlier, moved):
            page.line(f"the same plan had other inputs: {titled(earlier.rref)}, {ago(earlier.created, now)}", "bold")
            if not moved:
                page.line("what it reads outside changed", indent=2)
            rows = [(titled(each.dref), _refs(old), "->", _refs(new)) for each, old, new in moved]
            page.excerpt(("", "", "", ""), rows, indent=2)
        case OtherPlan(dref, created, changes):
            page.line(f"the nearest earlier: {titled(dref)}, {ago(created, now)}", "bold")
            page.excerpt(("", "", "", ""), [row(each) for each in changes], indent=2)
        case never:
            assert_never(never)


def _refs(rrefs: Sequence[RRef]) -> str:
    return ", ".join(map(titled, rrefs))


# For machines.


def _tree(found: Why) -> Mapping[str, object]:
    realization = found.realization
    result = realization.result
    roots = result.roots if isinstance(result, Upstream) else ()
    return {
        "rref": realization.rref.text,
        "dref": realization.dref.text,
        "kind": result.kind,
        "reason": full_reason(result),
        "how": found.how.value,
        "like": None if realization.like is None else realization.like.text,
        "roots": [{"rref": each.rref.text, "reason": each.reason} for each in roots],
        "retried": [{"rref": each.rref.text, "reason": full_reason(each.result)} for each in found.retried],
        "inputs": [_input_tree(each) for each in found.inputs],
        "nearest": _nearest_tree(found.nearest),
    }


def _input_tree(each: Input) -> Mapping[str, object]:
    return {
        "reference": each.reference.tree,
        "where": list(each.where),
        "resolved": [{"rref": rref.text, "kind": kind} for rref, kind in each.resolved],
    }


def _nearest_tree(nearest: Nearest) -> Mapping[str, object] | None:
    match nearest:
        case NothingEarlier():
            return None
        case SamePlan(earlier, moved):
            return {
                "dref": earlier.dref.text,
                "rref": earlier.rref.text,
                "created": earlier.created,
                "inputs": [
                    {"reference": each.tree, "old": [ref.text for ref in old], "new": [ref.text for ref in new]}
                    for each, old, new in moved
                ],
            }
        case OtherPlan(dref, created, changes):
            return {
                "dref": dref.text,
                "created": created,
                "code_changed": any(isinstance(each, CodeChanged) for each in changes),
                "differences": [change_tree(each) for each in changes],
            }
        case never:
            assert_never(never)
