"""Archives that were damaged, or made to do harm: refused, with nothing stored and nothing left about."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from backports import zstd
from returns.result import Failure

from lightfx import Build, Derivation, RRef, World, evaluate, memory_world, realize, stage, unwrap
from lightfx.core.failures import BadArchive
from lightfx.core.manifest import Entry, Kind, digest_of
from lightfx.core.names import Digest
from lightfx.core.realization import content_of, key_with
from lightfx.core.records import read_realization, spell_realization, spell_result
from lightfx.looking import allrrefs
from lightfx.moving import pack, unpack
from lightfx.shell import archive


@stage(version="1")
def tree(build: Build, size: int) -> Path:
    (build.out / "deep" / "empty").mkdir(parents=True)
    (build.out / "deep" / "data").write_bytes(b"x" * size)
    (build.out / "again").write_bytes(b"x" * size)
    (build.out / "run.sh").write_text("#!/bin/sh\n")
    return build.out


@stage(version="1")
def length(build: Build, tree: Derivation[Path]) -> int:
    return (build.need(tree) / "again").stat().st_size


PLAN = length(tree(20))


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    with memory_world(tmp_path / "here") as world:
        evaluate(world, PLAN)
        yield world


@pytest.fixture
def there(tmp_path: Path) -> Iterator[World]:
    with memory_world(tmp_path / "there") as world:
        yield world


def failed(world: World, effect: Any) -> Any:
    result = world.perform.result(effect)
    assert isinstance(result, Failure), result
    return result.failure()


class Forged:
    """An archive in its parts, to be tampered with."""

    def __init__(self, file: Path) -> None:
        self.file = file
        with tarfile.open(fileobj=io.BytesIO(zstd.decompress(file.read_bytes()))) as tar:
            members = [(each, tar.extractfile(each).read()) for each in tar.getmembers()]  # type: ignore[union-attr]
        self.list: dict[str, Any] = json.loads(members[0][1])
        self.records = members[1][1].decode()
        self.files = members[2:]

    def rename(self, old: str, change: Callable[[list[list[Any]]], None]) -> None:
        """Change the manifest of an object, and let all names follow, as one who means harm would."""
        rows = self.list["objects"].pop(old)
        change(rows)
        entries = [Entry(path, Kind(kind), data, size, run) for path, kind, data, size, run in rows]
        new = digest_of(entries)
        self.list["objects"][new.text] = rows
        lines = []
        for line in self.records.splitlines():
            made = read_realization(line).value_or(None)
            if made is not None and made.tree == Digest(old):
                content = content_of(spell_result(made.result), new)
                key = key_with(made.key, made.asked)
                rref = RRef.of(made.dref, key=key, index=made.index, content=content.text)
                self.list["refs"] = [rref.text]
                line = spell_realization(evolve(made, tree=new, content=content, rref=rref))
            lines.append(f"{line}\n")
        self.records = "".join(lines)

    def write(self, **how: Any) -> None:
        members = [
            (tarfile.TarInfo("lightfx-pack.json"), json.dumps(self.list).encode()),
            (tarfile.TarInfo("records.jsonl"), self.records.encode()),
            *self.files,
        ]
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w", format=how.get("format", tarfile.GNU_FORMAT)) as tar:
            for info, data in members:
                info.size = len(data) if info.isreg() else 0
                tar.addfile(info, io.BytesIO(data) if info.isreg() else None)
        self.file.write_bytes(zstd.compress(made.getvalue()))


@pytest.fixture
def forged(here: World, tmp_path: Path) -> Forged:
    unwrap(pack(here, unwrap(realize(here, tree(20))).rrefs, tmp_path / "file"))
    return Forged(tmp_path / "file")


def the_object(forged: Forged) -> str:
    return next(name for name, rows in forged.list["objects"].items() if len(rows) > 1)


def row(path: str, kind: str = "file", data: str | None = None, size: int = 0) -> list[Any]:
    return [path, kind, data if data is not None else Digest.of(b"").text if kind == "file" else "", size, False]


def refused(there: World, forged: Forged, why: str) -> None:
    """The archive is refused, nothing of it is stored, and nothing lies about."""
    before = sorted(forged.file.parent.rglob("*"))
    failure = failed(there, unpack(there, forged.file))
    assert isinstance(failure, BadArchive), failure
    assert why in failure.why
    assert unwrap(allrrefs(there)) == ()
    assert [path for path in sorted(forged.file.parent.rglob("*")) if path not in before and path.is_file()] == []


def test_the_forger_can_write(forged: Forged, there: World) -> None:
    """What follows is refused for what it says, not for the hand."""
    forged.rename(the_object(forged), lambda rows: rows.append(row("more")))
    forged.files.append((tarfile.TarInfo(f"files/{Digest.of(b'').hex}"), b""))
    forged.write()
    assert len(unwrap(unpack(there, forged.file)).realizations) == 1


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([row("../out")], "is not one within"),
        ([row("/etc/passwd")], "is not one within"),
        ([row("a//b")], "is not one within"),
        ([row("deep/../x")], "is not one within"),
        ([row("a\0b")], "is not one within"),
        ([row("")], "is not one within"),
        ([row(".")], "is not one within"),
        ([row("no/where")], "leads through what is no folder"),
        ([row("again/x")], "leads through what is no folder"),
        ([row("up", "link", ".."), row("up/x")], "leads out of its object"),
        ([row("abs", "link", "/etc")], "leads out of its object"),
        ([row("in", "link", "deep"), row("in/x")], "leads through what is no folder"),
        ([row("void", "link", "")], "leads out of its object"),
        ([row("again")], "two entries of one path"),
        ([row("less", size=-1)], "no digest, or no size"),
        ([row("odd", data="junk")], "no digest, or no size"),
        ([row("folder", "folder", size=5)], "is no file, and has a size"),
        ([row("huge", data=Digest.of(b"h").text, size=1 << 62)], "there is room for"),
        ([row("two"), row("sizes", size=7)], "one file has two sizes"),
        ([row("b" * 9, "device")], "cannot be read"),
        ([["short"]], "cannot be read"),
        ([["x", "file", Digest.of(b"").text, True, False]], "cannot be read"),
        ([row("\ud800")], "cannot be read"),
    ],
)
def test_objects_that_would_do_harm_are_refused(forged: Forged, there: World, rows: list[list[Any]], why: str) -> None:
    name = the_object(forged)
    try:
        forged.rename(name, lambda own: own.extend(rows))
    except (ValueError, TypeError):  # what has no spelling has no digest either
        forged.list["objects"][name] = [*forged.list["objects"].get(name, []), *rows]
    forged.files.append((tarfile.TarInfo(f"files/{Digest.of(b'').hex}"), b""))
    forged.write()
    refused(there, forged, why)


def test_a_chain_of_links_that_leads_out_is_refused(forged: Forged, there: World) -> None:
    """Trap: each of them stays inside by its text."""
    chain = [row("deep/up", "link", ".."), row("out", "link", "deep/up/../..")]
    forged.rename(the_object(forged), lambda rows: rows.extend(chain))
    forged.write()
    refused(there, forged, "")


def tampered(how: str, forged: Forged) -> None:
    match how:
        case "another file":
            forged.files[0] = (forged.files[0][0], forged.files[0][1][:-1] + b"y")
        case "longer file":
            forged.files[0] = (forged.files[0][0], forged.files[0][1] + b"y")
        case "one file more":
            forged.files.append((tarfile.TarInfo("files/" + "0" * 64), b"x"))
        case "one file twice":
            forged.files.append(forged.files[0])
        case "a path":
            forged.files.append((tarfile.TarInfo("../../evil"), b"x"))
        case "one file less":
            forged.files.pop()
        case "a link":
            info = tarfile.TarInfo("files/" + "0" * 64)
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            forged.files.insert(0, (info, b""))
        case "a device":
            info = tarfile.TarInfo("files/" + "0" * 64)
            info.type = tarfile.CHRTYPE
            forged.files.insert(0, (info, b""))
        case "an object that is named otherwise":
            rows = forged.list["objects"].pop(the_object(forged))
            forged.list["objects"]["blake3:" + "0" * 64] = rows
        case "no object":
            forged.list["objects"].clear()
        case "another value":
            forged.records = forged.records.replace('"index":0', '"index":1')
        case "another config":
            forged.records = forged.records.replace('"size":20', '"size":21')
        case "no config":
            forged.records = "".join(
                f"{line}\n" for line in forged.records.splitlines() if not line.startswith('{"config"')
            )
        case "no records":
            forged.records = ""
        case "junk for a record":
            forged.records += "junk\n"
        case "another spelling":
            forged.records = forged.records.replace('{"attempt":1', '{"attempt":  1')
        case "a field more":
            forged.records = forged.records.replace('{"attempt":1', '{"a":0,"attempt":1')
        case "NaN":
            forged.records = forged.records.replace('"created":', '"created":NaN,"x":')
        case "a reference that is none":
            forged.list["refs"] = ["../x"]
        case "a reference to nothing":
            forged.list["refs"] = [f"{'a' * 32}-x"]
        case "another version":
            forged.list["version"] = 2
        case "another format":
            forged.list["format"] = "zip"
        case "no list":
            forged.list = {}


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("another file", "is not what it is named by"),
        ("longer file", "not announced so"),
        ("one file more", "not announced so"),
        ("one file twice", "not announced so"),
        ("a path", "not announced so"),
        ("one file less", "files that were announced are missing"),
        ("a link", "no plain file"),
        ("a device", "no plain file"),
        ("an object that is named otherwise", "is not what it is named by"),
        ("no object", "is missing"),
        ("another value", "is not what it is named by"),
        ("another config", "is not what it is named by"),
        ("no config", "is missing"),
        ("no records", "is missing"),
        ("junk for a record", "cannot be read"),
        ("another spelling", "cannot be read"),
        ("a field more", "cannot be read"),
        ("NaN", "cannot be read"),
        ("a reference that is none", "cannot be read"),
        ("a reference to nothing", "is missing"),
        ("another version", "version 2"),
        ("another format", "no archive of lightfx"),
        ("no list", "no archive of lightfx"),
    ],
)
def test_archives_that_were_tampered_with_are_refused(forged: Forged, there: World, how: str, why: str) -> None:
    tampered(how, forged)
    forged.write()
    refused(there, forged, why)


def test_what_something_stands_on_must_come_with_it(here: World, there: World, tmp_path: Path) -> None:
    unwrap(pack(here, [PLAN.dref], tmp_path / "file"))
    forged = Forged(tmp_path / "file")
    lines = forged.records.split("\n")
    kept = [line for line in lines if not line.startswith('{"attempt"') or f'-{PLAN.dref}"' in line]
    assert len(kept) == len(lines) - 1
    forged.records = "\n".join(kept)
    forged.write()
    refused(there, forged, "which is missing")


def test_what_is_no_archive_is_refused(there: World, forged: Forged) -> None:
    whole = forged.file.read_bytes()
    plain = zstd.decompress(whole)
    for data in (
        b"", b"junk", whole[:-20], whole[: len(whole) // 2], zstd.compress(b""), zstd.compress(b"x" * 2000),
        zstd.compress(plain[:5000]), zstd.compress(bytes(10240)), zstd.compress(plain[:300] + b"?" + plain[301:]),
    ):  # fmt: skip
        forged.file.write_bytes(data)
        refused(there, forged, "")


def test_nothing_comes_after_the_end(there: World, forged: Forged) -> None:
    """The trap: it was read to the end of the tar, and what was appended was never looked at."""
    whole = forged.file.read_bytes()
    plain = zstd.decompress(whole)
    skipped = bytes.fromhex("502a4d18 04000000") + b"junk"  # a frame that readers of zstd are to pass over
    for data in (
        *(whole + more for more in (b"junk", bytes(3), whole, skipped, *map(zstd.compress, (b"", b"junk", bytes(99))))),
        *(zstd.compress(each) for each in (plain + b"\1", plain[:-1] + b"\1", plain + bytes(1 << 20))),
    ):
        forged.file.write_bytes(data)
        refused(there, forged, "something comes after its end")
    forged.file.write_bytes(whole)
    assert unwrap(unpack(there, forged.file)).realizations


def test_headers_of_other_kinds_are_refused_before_they_are_read(there: World, forged: Forged) -> None:
    """Trap: an extended header that says that it is very long, and is read into memory."""
    info = tarfile.TarInfo("x" * 300)
    forged.files.insert(0, (info, b""))
    for kind in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        forged.write(format=kind)
        refused(there, forged, "no plain file")


def test_text_that_never_ends_is_refused(there: World, forged: Forged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_TEXT", 100)
    forged.write()
    refused(there, forged, "larger than 100 bytes")
