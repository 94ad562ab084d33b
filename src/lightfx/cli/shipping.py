"""``lightfx pack``, ``lightfx unpack`` and ``lightfx copy``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lightfx import moving
from lightfx.cli.collecting import ref_of
from lightfx.cli.opening import index_place, open_to_read, store_path
from lightfx.cli.page import Answer, Page, document
from lightfx.cli.words import counted, titled
from lightfx.moving import Freight
from lightfx.wiring import open_world, unwrap


def pack(store: str | None, texts: Sequence[str], file: str, *, json: bool) -> Answer:
    """Write realizations into a file."""
    with open_to_read(store) as world:
        freight = unwrap(moving.pack(world, [ref_of(world, text) for text in texts], file))
    return _said("packed", freight, json=json)


def unpack(store: str | None, file: str, *, create: bool, json: bool) -> Answer:
    """Take realizations out of a file."""
    path = store_path(store)
    with open_world(path, create=create, index=index_place(path)) as world:
        freight = unwrap(moving.unpack(world, file))
    return _said("unpacked", freight, json=json)


def copy(store: str | None, texts: Sequence[str], to: str, *, create: bool, json: bool) -> Answer:
    """Copy realizations into another store."""
    place = index_place(Path(to))
    with open_to_read(store) as source, open_world(to, create=create, index=place) as target:
        freight = unwrap(moving.copy_closure([ref_of(source, text) for text in texts], source, target))
    return _said("copied", freight, json=json)


def _said(verb: str, freight: Freight, *, json: bool) -> Answer:
    if json:
        return document(
            {
                "refs": [ref.text for ref in freight.refs],
                "realizations": [each.rref.text for each in freight.realizations],
                "objects": [tree.text for tree in freight.trees],
            }
        )
    page = Page()
    for ref in freight.refs:
        page.line(f"{verb} {titled(ref)}")
    return page.line(f"with all that it takes: {counted(len(freight.realizations), 'realization')}").answer()
