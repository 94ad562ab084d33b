"""``lightfx verify``: read what is stored, say what is damaged, and mend it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import assert_never

from lightfx import upkeep
from lightfx.caches import configured
from lightfx.cli.collecting import ref_of
from lightfx.cli.complaints import Exit, misuse
from lightfx.cli.notes import warner
from lightfx.cli.opening import open_to_mend, store_path
from lightfx.cli.page import Answer, Page, document
from lightfx.cli.planning import planned, put_first
from lightfx.cli.running import output_kept
from lightfx.cli.words import counted, size, titled
from lightfx.core.damage import (
    Damage,
    DamagedGroup,
    DamagedObject,
    MissingObject,
    Repair,
    Stray,
    Verified,
    WrongRights,
)
from lightfx.core.refs import RRef
from lightfx.moving import objects_from
from lightfx.shell.journal.listeners import Listener
from lightfx.shell.store.owners import name_of_user
from lightfx.wiring import unwrap

FEW = 3


def verify(
    store: str | None,
    texts: Sequence[str],
    plan: str | None,
    *,
    sample: int | None,
    seed: int | None,
    repair: bool,
    json: bool,
) -> Answer:
    """Verify, and repair if that is asked for."""
    if seed is not None and sample is None:
        raise misuse("--seed says which sample", "give --sample N with it")
    if plan is not None and not repair:
        raise misuse("--plan says where the stages are that make again what is damaged", "give --repair with it")
    with output_kept():
        targets = () if plan is None else planned(plan)
        put_first(Path.cwd())
        caches = unwrap(configured(store_path(store))) if repair else ()
        with open_to_mend(store, Listener(warner())) as world:
            refs = [ref_of(world, text) for text in texts]
            found = unwrap(
                upkeep.verify(
                    world,
                    *refs,
                    sample=sample,
                    seed=seed,
                    repair=repair,
                    plans=[each.derivation for each in targets],
                    sources=[objects_from(world, caches)] if caches else (),
                )
            )
    code = Exit.FINE if found.sound else Exit.LEFT
    return document(_tree(found), code) if json else _page(found).answer(code)


# For people.


def _page(found: Verified) -> Page:
    page = Page()
    read = f"{counted(found.groups, 'group')}, {counted(found.records, 'record')}, "
    objects = counted(found.objects, "object")
    if found.objects < found.of:
        objects += f" of {found.of:,}, chosen by --seed {found.seed}"
    page.line(f"read {read}{objects} ({size(found.size)})")
    if not found.damages:
        return page.line("all of it is as it was written", "bold")
    if not found.repairs:
        page.line(f"damage was found: {counted(len(found.damages), 'piece')}", "bold")
        page.excerpt(("", ""), [_row(each) for each in found.damages], indent=2)
        return page.line("`lightfx verify --repair` mends what can be mended")
    healed = [each for each in found.repairs if each.healed]
    left = [each for each in found.repairs if not each.healed]
    page.line(f"damage was found: {len(healed)} of {counted(len(found.repairs), 'piece')} mended", "bold")
    page.excerpt(("", "", ""), [(*_row(each.damage), each.how) for each in (*left, *healed)], indent=2)
    return page


def _row(damage: Damage) -> tuple[str, str]:
    match damage:
        case DamagedObject(path=path, why=why, files=files, rrefs=rrefs):
            what = why or (", ".join(files[:FEW]) + (f" and {len(files) - FEW} more" if len(files) > FEW else ""))
            return str(path), f"damaged files{f': {what}' if what else ''}{_whose(rrefs)}"
        case MissingObject(tree, rrefs):
            return f"objects/{tree.hex}", f"missing{_whose(rrefs)}"
        case DamagedGroup(path, why, sound, lost, rrefs):
            told = f"damaged records: {why}; {counted(sound, 'line')} sound, {lost} lost"
            return str(path), f"{told}{_whose(rrefs)}"
        case WrongRights(path, mode, wanted, owner):
            told = f"mode {mode:04o} in place of {wanted:04o}" if owner is None else f"it is of {name_of_user(owner)}"
            return str(path), told
        case Stray(path, why):
            return str(path), f"a stray: {why}"
        case never:
            assert_never(never)


def _whose(rrefs: Sequence[RRef]) -> str:
    if not rrefs:
        return ""
    more = f" and {len(rrefs) - FEW} more" if len(rrefs) > FEW else ""
    return f" (of {', '.join(map(titled, rrefs[:FEW]))}{more})"


# For machines.


def _tree(found: Verified) -> Mapping[str, object]:
    return {
        "sound": found.sound,
        "groups": found.groups,
        "records": found.records,
        "objects": found.objects,
        "of": found.of,
        "size": found.size,
        "seed": found.seed,
        "damages": [_facts(each) for each in found.damages],
        "repairs": [_repair(each) for each in found.repairs],
    }


def _repair(done: Repair) -> Mapping[str, object]:
    return {**_facts(done.damage), "healed": done.healed, "how": done.how}


def _facts(damage: Damage) -> Mapping[str, object]:
    kind = {"kind": type(damage).__name__}
    match damage:
        case DamagedObject(tree, path, found, files, why, rrefs):
            made = None if found is None else found.text
            facts = {"tree": tree.text, "path": str(path), "found": made, "files": list(files), "why": why}
            return {**kind, **facts, "rrefs": [each.text for each in rrefs]}
        case MissingObject(tree, rrefs):
            return {**kind, "tree": tree.text, "rrefs": [each.text for each in rrefs]}
        case DamagedGroup(path, why, sound, lost, rrefs):
            told = {"sound": sound, "lost": lost, "rrefs": [each.text for each in rrefs]}
            return {**kind, "path": str(path), "why": why, **told}
        case WrongRights(path, mode, wanted, owner):
            return {**kind, "path": str(path), "mode": mode, "wanted": wanted, "owner": owner}
        case Stray(path, why):
            return {**kind, "path": str(path), "why": why}
        case never:
            assert_never(never)
