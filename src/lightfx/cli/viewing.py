"""``lightfx find``, ``du``, ``deps`` and the other commands that look around in a store."""

from __future__ import annotations

import json as encoder
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from returns.io import IOResult

from lightfx import looking
from lightfx.cli.collecting import ref_of
from lightfx.cli.comparing import change_tree, row
from lightfx.cli.complaints import Complaint, ComplaintError, Exit, misuse
from lightfx.cli.finding import find as find_subject
from lightfx.cli.listing import found_page, found_tree
from lightfx.cli.opening import open_to_read
from lightfx.cli.options import read_span
from lightfx.cli.page import Answer, Page, document
from lightfx.cli.words import size, titled
from lightfx.core.canonical import Tree
from lightfx.core.failures import EngineFailure, NotStored, sentence
from lightfx.core.inventory import Ref
from lightfx.core.manifest import Entry
from lightfx.core.realization import Realization
from lightfx.core.records import result_tree
from lightfx.core.refs import DRef, RRef
from lightfx.effects.world import World
from lightfx.looking import Difference
from lightfx.plan.searching import STATUSES
from lightfx.wiring import unwrap

_LISTS: Final[
    Mapping[
        str, Callable[[World], IOResult[tuple[DRef, ...], EngineFailure] | IOResult[tuple[RRef, ...], EngineFailure]]
    ]
] = {
    "alldrefs": looking.alldrefs,
    "allrrefs": looking.allrrefs,
    "roots": looking.roots,
}


def listed(store: str | None, which: str, *, json: bool) -> Answer:
    """List references, one in a line."""
    with open_to_read(store) as world:
        refs: Sequence[Ref] = unwrap(_LISTS[which](world))
    return _refs(refs, json=json)


def _refs(refs: Sequence[Ref], *, json: bool) -> Answer:
    return document([ref.text for ref in refs]) if json else Answer("".join(f"{ref.text}\n" for ref in refs))


def related(store: str | None, text: str, *, up: bool, deep: bool, json: bool) -> Answer:
    """List what something stands on, or what stands on it."""
    with open_to_read(store) as world:
        ref = ref_of(world, text)
        act = looking.rdeps if up else looking.deps
        refs: Sequence[Ref] = unwrap(act(world, ref, deep=deep))
    return _refs(refs, json=json)


def find(
    store: str | None, name: str, newer_than: str | None, status: str, where: Sequence[str], *, json: bool
) -> Answer:
    """Find realizations."""
    since = None if newer_than is None else _since(newer_than)
    fields = dict(map(_field, where))
    wanted = STATUSES.get(status)
    if wanted is None:
        raise misuse(f"--status {status!r} is no status", f"it is one of {', '.join(filter(None, STATUSES))}")
    with open_to_read(store) as world:
        found = unwrap(looking.find(world, name, newer_than=since, status=wanted, fields=fields))
        configs = unwrap(world.store.configs(tuple({each.dref: None for each in found})))
        now = world.perform.value(world.clock.now())
    if json:
        return document([found_tree(each) for each in found])
    return found_page(found, configs, now).answer() if found else Page().line("nothing is found").answer()


def _since(text: str) -> float | datetime:
    try:
        return datetime.fromisoformat(text)  # without a zone it is meant as the user's clock shows it
    except ValueError:
        return read_span(text, "--newer-than")


def _field(text: str) -> tuple[str, Tree]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise misuse(f"--where {text!r} says no value", "give FIELD=VALUE, such as rate=0.1")
    try:
        tree: Tree = encoder.loads(value)
    except ValueError:
        return name, value
    return name, tree


def du(store: str | None, texts: Sequence[str], *, json: bool) -> Answer:
    """Say how much room things take, largest first."""
    with open_to_read(store) as world:
        usage = unwrap(looking.du(world, *(ref_of(world, text) for text in texts)))
    rows = sorted(usage.items(), key=lambda each: -each[1].size)
    if json:
        return document(
            [
                {"of": str(of), "realizations": each.realizations, "objects": each.objects, "bytes": each.size}
                for of, each in rows
            ]
        )
    cells = [
        (size(each.size), f"{each.realizations:,}", f"{each.objects:,}", of if isinstance(of, str) else titled(of))
        for of, each in rows
    ]
    return Page().table(("size", "realizations", "folders", "of"), cells).answer()


def _inside(world: World, place: str) -> tuple[Realization, str]:
    ref, _, path = place.partition("/")
    return find_subject(world, ref).chosen, path


def files(store: str | None, place: str, *, json: bool) -> Answer:
    """List the files of a realization."""
    with open_to_read(store) as world:
        found, path = _inside(world, place)
        entries = unwrap(looking.ls(world, found.rref, path).alt(_raised))
    if json:
        return document([_entry_tree(each) for each in entries])
    return Page().table(("size", "kind", "path"), [(size(e.size), e.kind.value, _shown(e)) for e in entries]).answer()


def _shown(entry: Entry) -> str:
    return f"{entry.path} -> {entry.data}" if entry.kind.value == "link" else entry.path


def _entry_tree(entry: Entry) -> dict[str, object]:
    return dict(zip(("path", "kind", "data", "size", "executable"), entry.tree, strict=True))


def _raised(failure: EngineFailure) -> EngineFailure:
    """What is not there is an answer, with an exit code of its own."""
    if isinstance(failure, NotStored):
        raise ComplaintError(Complaint(sentence(failure), code=Exit.LEFT))
    return failure


def cat(store: str | None, place: str, *, json: bool) -> Answer:
    """Give a file, byte by byte, or a value; as JSON with the reference, and what is no text as base64."""
    with open_to_read(store) as world:
        found, path = _inside(world, place)
        if not path:
            tree = result_tree(found.result)
            if json:
                return document({"rref": found.rref.text, **tree})
            return Answer(encoder.dumps(tree.get("right", tree), indent=2) + "\n")
        data = unwrap(looking.cat(world, found.rref, path).alt(_raised))
    return document({"rref": found.rref.text, "path": path, **_data_tree(data)}) if json else Answer(data)


def _data_tree(data: bytes) -> dict[str, object]:
    try:
        return {"bytes": len(data), "text": data.decode()}
    except UnicodeDecodeError:
        return {"bytes": len(data), "base64": b64encode(data).decode()}


def diff(store: str | None, one: str, other: str, *, json: bool) -> Answer:
    """Say what differs between what two references name."""
    with open_to_read(store) as world:
        pair = find_subject(world, one).chosen.rref, find_subject(world, other).chosen.rref
        found = unwrap(looking.diff(world, *pair))
    code = Exit.FINE if found.same else Exit.LEFT
    return document(_difference_tree(pair, found), code) if json else _difference_page(pair, found, code)


def _difference_page(pair: tuple[RRef, RRef], found: Difference, code: Exit) -> Answer:
    page = Page().line(f"{titled(pair[0])} and {titled(pair[1])}" + (" are the same" if found.same else ""))
    for head, rows in (
        ("config", [row(each) for each in found.config]),
        ("value", [row(each) for each in found.fields]),
        ("files", [(each.path, _side(each.old), "->", _side(each.new)) for each in found.files]),
    ):
        if rows:
            page.line(head).excerpt((), rows, indent=2)
    if found.files_gone:
        page.line("the files of one of them are gone, and were not compared")
    return page.answer(code)


def _side(entry: Entry | None) -> str:
    if entry is None:
        return "nothing"
    return f"{entry.kind.value}, {size(entry.size)}" if entry.kind.value == "file" else _shown(entry)


def _difference_tree(pair: tuple[RRef, RRef], found: Difference) -> dict[str, object]:
    return {
        "old": pair[0].text,
        "new": pair[1].text,
        "config": [change_tree(each) for each in found.config],
        "value": [change_tree(each) for each in found.fields],
        "files": [
            {
                "path": each.path,
                "old": None if each.old is None else _entry_tree(each.old),
                "new": None if each.new is None else _entry_tree(each.new),
            }
            for each in found.files
        ],
        "files_gone": found.files_gone,
    }


def link(store: str | None, text: str, path: str, *, json: bool) -> Answer:
    """Make a link that is a root."""
    with open_to_read(store) as world:
        found = find_subject(world, text).chosen
        made = unwrap(looking.link(world, found.rref, path).alt(_raised))
    if json:
        return document({"rref": found.rref.text, "link": str(made)})
    return Page().line(f"{made} leads to {titled(found.rref)}, and keeps it").answer()


def shell(store: str | None, text: str, command: Sequence[str]) -> Answer:
    """Run a shell, or a command, in the folder of a realization."""
    with open_to_read(store) as world:
        found = find_subject(world, text).chosen
        code = unwrap(looking.shell(world, found.rref, *command).alt(_raised))
    return Answer("", code if code >= 0 else 128 - code)
