"""A store, read by its specification and by nothing of lightfx: is all in it what it is named by?

`judge` says what is wrong, in words; nothing where nothing is. It reads files as
``docs/store-format.md`` tells, with BLAKE3 and JSON alone, so that what lightfx
would forgive, or mend as it opens a store, is seen.
"""

from __future__ import annotations

import base64
import json
import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from blake3 import blake3

Tree = Any
Ack = dict[str, Any]


def canonical(tree: Tree) -> str:
    return json.dumps(tree, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def digest(data: bytes) -> str:
    return "blake3:" + blake3(data).hexdigest()


def short(text: str) -> str:
    return base64.b32encode(blake3(text.encode()).digest(length=20)).decode().lower()


def tree_of(files: Mapping[str, bytes]) -> str:
    """The digest of an object that holds just these files, none executable, in no folder."""
    entries = [[path, "file", digest(files[path]), len(files[path]), False] for path in sorted(files)]
    return digest(canonical(entries).encode())


def manifest_of(folder: Path) -> str:
    """The digest of what a folder holds."""
    return digest(canonical(sorted(_entries(folder, ""))).encode())


def _entries(folder: Path, prefix: str) -> Iterator[list[Tree]]:
    for each in os.scandir(folder):
        path = prefix + each.name
        if each.is_symlink():
            yield [path, "link", os.readlink(each.path), 0, False]
        elif each.is_dir():
            yield [path, "folder", "", 0, False]
            yield from _entries(Path(each.path), path + "/")
        else:
            data = Path(each.path).read_bytes()
            executable = bool(each.stat().st_mode & stat.S_IXUSR)
            yield [path, "file", digest(data), len(data), executable]


def records_of(root: Path, wrong: list[str]) -> list[dict[str, Tree]]:
    """All lines of all groups; what is wrong with them is added to ``wrong``."""
    found: list[dict[str, Tree]] = []
    for group in sorted((root / "records").glob("*")):
        data = group.read_bytes()
        if group.name != blake3(data).hexdigest() + ".jsonl":
            wrong.append(f"group {group.name[:12]} ({len(data)} bytes) is not what it is named by")
            continue
        for line in data.splitlines():
            record = json.loads(line)
            if canonical(record).encode() != line:
                wrong.append(f"a line of group {group.name[:12]} is not canonical")
            wrong += _misnamed(record)
            found.append(record)
    return found


def _misnamed(record: Mapping[str, Tree]) -> Iterator[str]:
    if "derivation" in record:
        config = record["config"]
        if record["derivation"] != f"{short(canonical(config))}-{config['name']}":
            yield f"{record['derivation']} is not the name of its config"
    elif "rref" in record:
        content = digest(f"{record.get('tree') or '-'}\n{canonical(record['result'])}".encode())
        dref, key = record["rref"][33:], record["key"]
        if "asked" in record:
            key = digest(f"{key}\n{canonical(record['asked'])}".encode())
        name = short(f"{dref} {key} {record['index']} {content}")
        if content != record["content"] or f"{name}-{dref}" != record["rref"]:
            yield f"{record['rref']} is not the name of its record"


def judge(root: Path, acks: Iterable[Ack]) -> list[str]:
    """Say what is wrong with the store at ``root``, of which ``acks`` were answered."""
    wrong: list[str] = []
    if not (root / "format").exists():
        return [f"{ack} was answered, and there is no store" for ack in acks]
    records = records_of(root, wrong)
    known = {record["derivation"] for record in records if "derivation" in record}
    made: dict[str, list[dict[str, Tree]]] = {}
    for record in records:
        if "rref" in record:
            made.setdefault(record["rref"][33:], []).append(record)
    wrong += [f"{dref} has realizations, and no config" for dref in made if dref not in known]
    wrong += _objects(root, [each for rows in made.values() for each in rows])
    acks = list(acks)
    wrong += [fault for ack in acks for fault in _lost(ack, made)]
    return [*wrong, *_roots(root, acks, known)]


def _objects(root: Path, realizations: Iterable[Mapping[str, Tree]]) -> Iterator[str]:
    there = {each.name for each in (root / "objects").glob("*")}
    for name in sorted(there):
        if manifest_of(root / "objects" / name) != f"blake3:{name}":
            yield f"object {name[:12]} is not what it is named by"
    for record in realizations:
        whole = (record.get("log") or {}).get("whole")
        for tree in (record.get("tree"), whole):
            if tree is not None and tree.removeprefix("blake3:") not in there and not record.get("ephemeral"):
                yield f"{record['rref']} has lost its object"


def _lost(ack: Ack, made: Mapping[str, list[dict[str, Tree]]]) -> Iterator[str]:
    """What was answered is there: with this value, and with these files."""
    rows = made.get(ack["dref"], ())
    if not any(row["result"] == {"right": ack["right"]} and row.get("tree") == ack.get("tree") for row in rows):
        yield f"{ack['dref']} was answered, and is {'another' if rows else 'gone'}"


def _roots(root: Path, acks: Iterable[Ack], known: Collection[str]) -> Iterator[str]:
    """Each root holds what was answered of it last; one that moves, or what it was just being given then."""
    told: dict[str, list[str]] = {}
    moving = {ack["root"] for ack in acks if ack.get("moves")}
    for ack in acks:
        if "root" in ack:
            told.setdefault(ack["root"], []).append(ack["dref"])
    for name, drefs in told.items():
        path = root / "roots" / name
        found = json.loads(path.read_bytes() or b"{}").get("ref") if path.exists() else None
        if found != drefs[-1] and (name not in moving or found in drefs or found not in known):
            yield f"the root {name} was answered, and is {'another' if found else 'gone'}"
