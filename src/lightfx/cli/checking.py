"""``lightfx check``: run a realization again, and show what differs, value by value and file by file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import assert_never

from lightfx.cli.comparing import brief, change_tree, code_sentence
from lightfx.cli.complaints import Exit, misuse
from lightfx.cli.finding import find
from lightfx.cli.opening import open_to_read
from lightfx.cli.page import Answer, Page, document
from lightfx.cli.planning import planned, put_first
from lightfx.cli.running import output_kept
from lightfx.cli.words import duration, outcome, reason, size, titled
from lightfx.core.manifest import Entry, Kind
from lightfx.core.outcome import Cause
from lightfx.core.realization import Value
from lightfx.core.refs import RRef
from lightfx.plan.changes import CodeChanged
from lightfx.plan.compare import Different, FileDifference, Identical, NotChecked
from lightfx.wiring import check as checked
from lightfx.wiring import unwrap


def check(store: str | None, ref: str, plan: str | None, *, json: bool) -> Answer:
    """Run a realization again, and compare."""
    with output_kept():
        targets = () if plan is None else planned(plan)
        put_first(Path.cwd())
        with open_to_read(store) as world:
            rref = find(world, ref).chosen.rref
            found = unwrap(checked(world, rref, [each.derivation for each in targets]))
    if isinstance(found, NotChecked):
        raise misuse(f"{titled(found.rref)} cannot be checked: {found.why}", found.hint)
    code = Exit.FINE if isinstance(found, Identical) else Exit.LEFT
    return document(_tree(found), code) if json else _page(found, rref).answer(code)


# For people.


def _page(found: Identical | Different, rref: RRef) -> Page:
    page = Page()
    if found.rref != rref:
        page.line(f"{titled(rref)}: what it stands on was dropped, and does not come out the same again", "bold")
    took = f"run again in {duration(found.seconds)}"
    if isinstance(found, Identical):
        page.line(f"{titled(found.rref)}: the same, byte by byte, {took}", "bold")
        return _code(page, found.code)
    page.line(f"{titled(found.rref)}: it differs, {took}", "bold")
    _code(page, found.code)
    if found.recorded.kind != found.found.kind:
        page.line(f"it was {_came(found.recorded)}, and is {_came(found.found)}", indent=2)
    elif found.fields:
        page.line("the value" if isinstance(found.found, Value) else "the cause", "bold")
        rows = [(each.field or "all of it", brief(each.old), "->", brief(each.new)) for each in found.fields]
        page.excerpt(("", "", "", ""), rows, indent=2)
    if found.files_gone:
        page.line("the recorded files are gone: they cannot be compared one by one")
    elif found.files:
        page.line("the files", "bold")
        page.excerpt(("", ""), [(each.path, file_sentence(each)) for each in found.files], indent=2)
    return page


def _code(page: Page, code: CodeChanged | None) -> Page:
    return page if code is None else page.line(f"{code_sentence(code)}: what ran is the code of now", indent=2)


def _came(result: Value | Cause) -> str:
    return outcome(result.kind) if isinstance(result, Value) else f"{outcome(result.kind)} ({reason(result)})"


def file_sentence(difference: FileDifference) -> str:
    """Say what differs of one file.

    >>> file_sentence(FileDifference("a", Entry("a", Kind.FILE, "blake3:1", 3), Entry("a", Kind.FILE, "blake3:2", 3)))
    'other bytes, 3 B'
    """
    old, new = difference.old, difference.new
    if old is None or new is None:
        there = old or new
        when = "only in what is recorded" if new is None else "only in what was made again"
        return when if there is None else f"{when}: {_described(there)}"
    if old.kind is not new.kind:
        return f"{_described(old)} -> {_described(new)}"
    if old.kind is Kind.LINK:
        return f"leads to {new.data}, not {old.data}"
    told = []
    if old.data != new.data:
        sizes = size(old.size) if old.size == new.size else f"{size(old.size)} -> {size(new.size)}"
        told.append(f"other bytes, {sizes}")
    if old.executable != new.executable:
        told.append("executable now" if new.executable else "executable no more")
    return "; ".join(told)


def _described(entry: Entry) -> str:
    match entry.kind:
        case Kind.FILE:
            return f"a file, {size(entry.size)}{', executable' if entry.executable else ''}"
        case Kind.FOLDER:
            return "a folder"
        case Kind.LINK:
            return f"a link to {entry.data}"
        case never:
            assert_never(never)


# For machines.


def _tree(found: Identical | Different) -> Mapping[str, object]:
    head = {
        "rref": found.rref.text,
        "identical": isinstance(found, Identical),
        "seconds": found.seconds,
        "code": None if found.code is None else change_tree(found.code),
    }
    if isinstance(found, Identical):
        return head
    return {
        **head,
        "recorded": _result_tree(found.recorded),
        "found": _result_tree(found.found),
        "differences": [change_tree(each) for each in found.fields],
        "files": [
            {"path": each.path, "old": _entry_tree(each.old), "new": _entry_tree(each.new)} for each in found.files
        ],
        "files_gone": found.files_gone,
    }


def _result_tree(result: Value | Cause) -> Mapping[str, object]:
    return {"kind": result.kind, "reason": "" if isinstance(result, Value) else result.reason}


def _entry_tree(entry: Entry | None) -> Mapping[str, object] | None:
    if entry is None:
        return None
    facts = {"kind": entry.kind.value, "size": entry.size, "executable": entry.executable}
    return {**facts, "target" if entry.kind is Kind.LINK else "digest": entry.data}
