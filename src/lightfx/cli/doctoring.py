"""``lightfx doctor``: who has the store open, what crashes left in it, what is odd, and what to do about that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from lightfx import upkeep
from lightfx.cli.complaints import Exit
from lightfx.cli.opening import store_path
from lightfx.cli.page import Answer, Page, document
from lightfx.cli.words import counted, moment, size
from lightfx.core.damage import DamagedGroup
from lightfx.core.health import (
    Disk,
    Health,
    Leftover,
    NoRight,
    OddIndex,
    Oddity,
    OddRoot,
    Owner,
    StoredTwice,
    UnendedRun,
    Unnamed,
)
from lightfx.wiring import unwrap

NETWORK = "`store-format.md`, File systems, says what is not promised on it"
ON_OPENING = "whoever opens the store clears it, or --fix"


def doctor(store: str | None, *, fix: bool, json: bool) -> Answer:
    """Examine a store."""
    health = unwrap(upkeep.doctor(store_path(store), fix=fix))
    code = Exit.FINE if health.well else Exit.LEFT
    return document(_tree(health), code) if json else _page(health).answer(code)


# For people.


def _page(health: Health) -> Page:
    page = Page()
    page.line(f"{health.path}: format {health.version}")
    page.line(_disk(health.disk))
    for owner in health.owners:
        page.line(_owner(owner), indent=2)
    if not health.owners:
        page.line("nobody has it open")
    rows = [_row(each) for each in health.oddities]
    if health.well:
        page.line(f"nothing is left over, nothing is odd{', but' if rows else ''}", "bold")
    elif rows:
        page.line("to look at", "bold")
    return page.excerpt(("", "", ""), rows, indent=2) if rows else page


def _disk(disk: Disk) -> str:
    files = "" if disk.free_files is None else f", {disk.free_files:,} files"
    kind = disk.kind or "a file system that the system does not name"
    told = f"{kind}, free: {size(disk.free)} of {size(disk.size)}{files}"
    return f"{told}; a network file system: {NETWORK}" if disk.network else told


def _owner(owner: Owner) -> str:
    held = f"builds {counted(owner.claims, 'key')}" if owner.claims else "builds nothing"
    if owner.alive:
        return f"open: {owner.who}; {held}"
    return f"dead: {owner.who}; left {counted(owner.claims, 'claim')} and {size(owner.size)}: {ON_OPENING}"


def _row(odd: Oddity) -> tuple[str, str, str]:
    match odd:
        case Leftover(path, what, count):
            return str(path), f"{what}, {size(count)}", f"{ON_OPENING}, when it is a minute old"
        case StoredTwice(records, count):
            return "records", f"{counted(records, 'record')} stored twice, {size(count)}", "no harm"
        case Unnamed(objects, count):
            return (
                "objects",
                f"{counted(objects, 'object')} that no record names, {size(count)}",
                "gc clears it, or --fix",
            )
        case OddRoot(path, why, over):
            return str(path), why, "gc clears it, or --fix" if over else "look at it, and remove it by hand"
        case OddIndex(path, why):
            return str(path), why, "whoever opens the store makes it anew"
        case UnendedRun(path):
            return str(path), "a run that was killed", "`lightfx runs show` tells of it; run again to go on"
        case NoRight(path):
            return str(path), "no right to write", "give it back with chmod or chown, or open the store as its owner"
        case DamagedGroup(path=path, why=why):
            return str(path), why, "`lightfx verify --repair` saves what is sound"
        case never:
            assert_never(never)


# For machines.


def _tree(health: Health) -> Mapping[str, object]:
    disk = health.disk
    return {
        "path": str(health.path),
        "version": health.version,
        "known": health.known,
        "well": health.well,
        "disk": {
            "kind": disk.kind,
            "network": disk.network,
            "free": disk.free,
            "size": disk.size,
            "free_files": disk.free_files,
        },
        "owners": [_owner_facts(each) for each in health.owners],
        "oddities": [_facts(each) for each in health.oddities],
    }


def _owner_facts(owner: Owner) -> Mapping[str, object]:
    since = None if owner.since is None else moment(owner.since)
    told = {"who": owner.who, "alive": owner.alive, "since": since}
    return {"identity": owner.identity, **told, "claims": owner.claims, "size": owner.size}


def _facts(odd: Oddity) -> Mapping[str, object]:
    where, what, hint = _row(odd)
    return {"kind": type(odd).__name__, "where": where, "what": what, "hint": hint}
