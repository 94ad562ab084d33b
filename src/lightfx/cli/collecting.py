"""``lightfx gc``, ``lightfx why-alive`` and ``lightfx root``."""

from __future__ import annotations

from typing import assert_never, final

from attrs import frozen

from lightfx import garbage
from lightfx.cli.complaints import Exit, misuse
from lightfx.cli.finding import find
from lightfx.cli.opening import open_to_read
from lightfx.cli.options import read_span
from lightfx.cli.page import Answer, Page, document
from lightfx.cli.words import age, counted, duration, short, size, titled
from lightfx.core.inventory import Garbage, Ref, parse_ref
from lightfx.core.refs import RRef
from lightfx.core.terms import bytes_of
from lightfx.effects.world import World
from lightfx.plan.garbage import Alive, Hold, Recent, Rooted, Unheld, Young
from lightfx.wiring import unwrap


@final
@frozen
class Wanted:
    """The rules that were given; None where one was not."""

    older_than: float | None = None
    max_size: int | None = None
    keep_last: int | None = None


def read_rules(older_than: str | None, max_size: str | None, keep_last: int | None) -> Wanted:
    """Read the rules of a command line."""
    try:
        size = None if max_size is None else bytes_of(max_size)
    except ValueError:
        raise misuse(f"--max-size {max_size!r} is no size", "give bytes, or a number with a unit: 20GiB") from None
    return Wanted(None if older_than is None else read_span(older_than, "--older-than"), size, keep_last)


def gc(store: str | None, wanted: Wanted, *, everything: bool, dry_run: bool, wait: float, json: bool) -> Answer:
    """Collect garbage, and give the bill."""
    with open_to_read(store) as world:
        if not (dry_run or everything or wanted != Wanted() or unwrap(garbage.list_roots(world))):
            raise misuse(
                "there is no root: all that is stored would go",
                "keep some with `lightfx root add REF`, look first with --dry-run, or say --all",
            )
        gone = unwrap(
            garbage.gc(
                world,
                older_than=wanted.older_than,
                max_size=wanted.max_size,
                keep_last=wanted.keep_last,
                dry_run=dry_run,
                wait=wait,
            )
        )
    return document(_tree(gone, dry_run=dry_run)) if json else _bill(gone, dry_run=dry_run)


def _bill(gone: Garbage, *, dry_run: bool) -> Answer:
    page = Page()
    if dry_run:
        page.excerpt((), [(short(each), each.dref.name.text) for each in gone.rrefs])
    verb = "would go" if dry_run else "removed"
    what = f"{counted(len(gone.rrefs), 'realization')} and {counted(len(gone.objects), 'folder')} of files"
    page.line(f"{verb}: {what}, {size(gone.size)}; to compute again: {duration(gone.seconds)}")
    stay = "would stay" if dry_run else "left"
    return page.line(f"{stay}: {counted(gone.left, 'realization')}, {size(gone.left_size)}").answer()


def _tree(gone: Garbage, *, dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "realizations": [each.text for each in gone.rrefs],
        "objects": [each.text for each in gone.objects],
        "bytes": gone.size,
        "seconds": gone.seconds,
        "left": {"realizations": gone.left, "bytes": gone.left_size},
    }


def why_alive(store: str | None, text: str, wanted: Wanted, *, json: bool) -> Answer:
    """Say what keeps something, and by which way."""
    with open_to_read(store) as world:
        ref = ref_of(world, text)
        found = unwrap(garbage.why_alive(world, ref, older_than=wanted.older_than, keep_last=wanted.keep_last))
    if isinstance(found, Unheld):
        sentence = f"nothing keeps {titled(ref)}: `lightfx gc` removes it"
        return document({"ref": ref.text, "alive": False}, Exit.LEFT) if json else _line(sentence, Exit.LEFT)
    if json:
        return document({"ref": ref.text, "alive": True, "because": _said(found.hold), "path": _texts(found)})
    page = Page().line(_said(found.hold))
    for depth, rref in enumerate(found.path):
        page.line(titled(rref) if not depth else f"which stands on {titled(rref)}", indent=2 * (depth + 1))
    return page.answer()


def _texts(alive: Alive) -> list[str]:
    return [rref.text for rref in alive.path]


def _line(text: str, code: Exit = Exit.FINE) -> Answer:
    return Page().line(text).answer(code)


def _said(hold: Hold) -> str:
    match hold:
        case Rooted(root):
            return f"the root {root.name} keeps it" + (f", the link {root.link}" if root.link else "")
        case Young(since):
            return f"it is young: made {age(0.0, since)}"
        case Recent(rank):
            return f"it is number {rank} of the last of its name"
        case never:
            assert_never(never)


def ref_of(world: World, text: str) -> Ref:
    """Find what a REF names: one realization where one was named, else the derivation."""
    found = find(world, text)
    named = RRef.parse(text).value_or(None)
    (only, *others) = found.realizations
    one = named == only.rref or (
        not others and only.rref.text.startswith(text) and not found.dref.text.startswith(text)
    )
    return only.rref if one else found.dref


def list_roots(store: str | None, *, json: bool) -> Answer:
    """List the roots that hold."""
    with open_to_read(store) as world:
        found = unwrap(garbage.list_roots(world))
    if json:
        return document([{"name": root.name, "ref": root.ref.text, "link": root.link or None} for root in found])
    if not found:
        return _line("there are no roots: `lightfx root add REF` makes one")
    return Page().table(("name", "keeps", "link"), [(r.name, titled(r.ref), r.link or "-") for r in found]).answer()


def add_root(store: str | None, text: str, name: str, *, json: bool) -> Answer:
    """Make a root."""
    with open_to_read(store) as world:
        try:
            root = unwrap(garbage.add_root(world, ref_of(world, text), name=name))
        except ValueError as error:
            raise misuse(str(error)) from None
    if json:
        return document({"name": root.name, "ref": root.ref.text})
    return _line(f"{titled(root.ref)} is kept, by the root {root.name}")


def remove_root(store: str | None, name: str, *, json: bool) -> Answer:
    """Remove a root, by its name, or by the reference that it is called by."""
    with open_to_read(store) as world:
        names = [root.name for root in unwrap(garbage.list_roots(world))]
        begun = [each for each in names if parse_ref(each) is not None and each.startswith(name)]
        chosen = begun[0] if name not in names and len(begun) == 1 else name
        if not unwrap(garbage.remove_root(world, chosen)):
            raise misuse(f"there is no root {name!r}", "`lightfx root` lists them")
    return document({"name": chosen}) if json else _line(f"the root {chosen} is gone")
