"""A cache in a folder, read by its specification and by nothing of lightfx but the zstd that Python lacks.

`judge_cache` says what is wrong, in words: names that are not what they are
named by, tables that lead to no group, records whose files are not there, and
what was answered to whoever brought it and is not told of.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from blake3 import blake3
from plain import Ack

from lightfx.shell.zstandard import zstd

SMALL = 65_536


def beside(store: Path) -> Path:
    """Where the cache is that the writers of a store go by."""
    return store.with_name("cache")


def judge_cache(root: Path, acks: Iterable[Ack] = ()) -> list[str]:
    """Say what is wrong with the cache at ``root``, of which the ``acks`` that say so were answered to be there."""
    wrong: list[str] = []
    told: set[str] = set()
    for table in _names(root, "tables"):
        for group, _, _ in json.loads(_read(root, "tables", table, wrong) or b"[]"):
            head, *lines = (_read(root, "groups", group, wrong) or b"{}").splitlines()
            told.update(_judge_group(root, json.loads(head), [json.loads(line) for line in lines], wrong))
    for kind in ("blobs", "packs", "groups"):
        for name in _names(root, kind):  # what nobody is led to is what it is named by all the same
            _read(root, kind, name, wrong)
    return wrong + [
        f"{ack['dref']} was brought, and is not told of"
        for ack in acks
        if ack.get("brought") and ack["dref"] not in told
    ]


def _names(root: Path, kind: str) -> list[str]:
    return sorted(each.name for each in (root / "v1" / kind).glob("*"))


def _read(root: Path, kind: str, name: str, wrong: list[str]) -> bytes:
    """What lies under a name; nothing where that is not there, or wrong."""
    path = root / "v1" / kind / name
    if not path.exists():
        wrong.append(f"{kind}/{name[:12]} is told of, and is not there")
        return b""
    line, _, body = path.read_bytes().partition(b"\n")
    tag, how, size = line.split()
    data = _spread(body) if how == b"zstd" else body
    if (tag, int(size), blake3(data).hexdigest()) != (b"lightfx", len(data), name):
        wrong.append(f"{kind}/{name[:12]} is not what it is named by")
        return b""
    return data


def _spread(body: bytes) -> bytes:
    """Undo the compression; nothing where the frame is not whole."""
    module = zstd()
    assert module is not None, "who wrote it had zstd"
    try:
        data: bytes = module.decompress(body)
    except module.ZstdError:
        return b""
    return data


def _judge_group(root: Path, head: dict[str, Any], records: list[dict[str, Any]], wrong: list[str]) -> Iterator[str]:
    """Look for the files of all that a group tells of; gives the derivations of it."""
    packed: set[str] = set()
    sizes = {row[2]: row[3] for rows in head.get("objects", {}).values() for row in rows if row[1] == "file"}
    for pack, files in head.get("packs", {}).items():
        data, at = _read(root, "packs", pack.removeprefix("blake3:"), wrong), 0
        for file in files:
            piece, at = data[at : at + sizes[file]], at + sizes[file]
            if f"blake3:{blake3(piece).hexdigest()}" != file:
                wrong.append(f"{file} is not in its pack")
        packed.update(files)
    for file, size in sizes.items():
        if file not in packed:
            data = _read(root, "blobs", file.removeprefix("blake3:"), wrong)
            wrong += [f"the file {file} has another size"] if len(data) != size else []
    for record in records:
        tree = record.get("tree")
        if "rref" in record and tree is not None and tree not in head["objects"] and not record.get("ephemeral"):
            wrong.append(f"{record['rref']} is told of without its object")
        if "rref" in record:
            yield record["rref"][33:]
