"""Fuzz targets: one for each parser of what may come from others, with what it may answer, and seeds to begin from.

A target takes bytes, gives nothing, and raises nothing but what it names. With
Hypothesis it is run by ``test_fuzz.py``; with atheris, where that is installed, by
``python tests/reliability/fuzz_with_atheris.py TARGET [options of libFuzzer]``.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import attrs
from attrs import frozen
from backports import zstd
from blake3 import blake3
from fuzzing_sharing import SHARING
from hostile_archives import cases
from returns.result import Success

from lightfx.codec.values import codec_of
from lightfx.core.canonical import read
from lightfx.core.config import Config
from lightfx.core.inventory import parse_ref
from lightfx.core.layout import format_text, read_format
from lightfx.core.names import Digest, Name
from lightfx.core.outcome import BadOutput, Died, Raised, Returned, Root, TimedOut, Upstream
from lightfx.core.realization import Context, Realization, Value
from lightfx.core.records import read_realization, spell_realization
from lightfx.core.refs import DRef, RRef
from lightfx.core.secrets import Secret, secrets_in
from lightfx.effects.journal import RunBegan, TaskEnded
from lightfx.plan.packing import PackingList, read_freight
from lightfx.shell.archive import read_archive
from lightfx.shell.journal.lines import parse, spell
from lightfx.shell.store.groups import Groups
from lightfx.shell.store.owners import FAR, describe_owner, read_owner, read_since, spell_owner, this_host
from lightfx.shell.store.rooting import Roots
from lightfx.shell.store.trouble import StoreTroubleError
from lightfx.stages.archives import extract
from lightfx.stages.extracting import DamagedArchiveError, HostileArchiveError, Limits

HASH = "abcdefghijklmnopqrstuvwxyz234567"
DREF = DRef(f"{HASH}-train")
RREF = RRef(f"{HASH}-{DREF}")
ARGS = f'{{"data":{{"$dref":"{DREF}"}},"rate":0.5,"s":{{"$secret":"env:A"}}}}'
CONFIG = f'{{"args":{ARGS},"code":{{"version":"1"}},"name":"f"}}'
RESULTS = (
    *(Value({"a": [1, 2.5, None, True, "é"]}), Returned("E", [1]), Raised("E", ("E",), "no", "trace"), TimedOut(1.0)),
    *(Died(1, None), BadOutput("a", "b"), Upstream((Root(RREF, "why"),), 1)),
)
RECORDS = [
    spell_realization(Realization(RREF, Digest.of(b""), 0, Digest.of(b"x"), each, Digest.of(b"t"), Context(())))
    for each in RESULTS
]
LIST = json.dumps(
    {"format": "lightfx-pack", "version": 1, "refs": [RREF.text], "objects": {
        Digest.of(b"t").text: [["a", "file", Digest.of(b"a").text, 1, False], ["l", "link", "a", 0, False]]}}
)  # fmt: skip


@frozen
class Leaf:
    """A record for the codec."""

    number: int
    text: str = ""
    inner: tuple[Leaf, ...] = ()
    either: int | str | None = None


@frozen
class Target:
    """What is fuzzed, and with what to begin."""

    run: Callable[[bytes], object]
    seeds: tuple[bytes, ...]


def text(run: Callable[[str], object]) -> Callable[[bytes], object]:
    """A parser of text: what is no UTF-8 is not given to it."""

    def parse_text(data: bytes) -> None:
        with suppress(UnicodeDecodeError):
            run(data.decode())

    return parse_text


def config(given: str) -> None:
    found = Config.parse(given)
    if isinstance(found, Success):
        made = found.unwrap()
        assert made.text == given
        made.references, made.fingerprint, made.resolved(str), secrets_in(made.text)  # noqa: B018
        assert isinstance(made.tree, dict)


def canonical(given: str) -> None:
    read(given)


def record(given: str) -> None:
    found = read_realization(given)
    if isinstance(found, Success):
        made = found.unwrap()
        with suppress(ValueError, TypeError, RecursionError):
            again = read_realization(spell_realization(made)).unwrap()
            assert attrs.evolve(again) == made or repr(again) == repr(made)


def names(given: str) -> None:
    for parse_name in (Name.parse, DRef.parse, RRef.parse, Digest.parse, Secret.parse):
        found = parse_name(given)
        assert not isinstance(found, Success) or given in (str(found.unwrap()), getattr(found.unwrap(), "text", None))
    parse_ref(given)
    Name.parse(Name.made_of(given).text).unwrap()


def packing_list(given: str) -> None:
    PackingList.read(given)


def freight(given: str) -> None:
    read_freight(PackingList((), {}), given)


def read_values(given: str) -> None:
    try:
        tree = json.loads(given)
    except (ValueError, RecursionError):
        return
    for each in (
        object,
        Leaf,
        dict[str, list[float]],
        set[int],
        tuple[int, str],
        bytes,
        Path,
        int | str,
        dict[int, str],
    ):
        codec_of(each).bind(lambda codec: codec.decode(tree, Path("/folder")))


def layout(given: str) -> None:
    read_format(given)


def owner(data: bytes) -> None:
    read_owner(data)
    since = read_since(data)
    assert since is None or 0 <= since < FAR
    assert len(describe_owner(data)) < 200


def journal(data: bytes) -> None:
    for line in data.split(b"\n"):
        parse(line)


def in_folder(run: Callable[[Path, bytes], object]) -> Callable[[bytes], object]:
    """A parser of files: it has a folder, beside which nothing may appear."""

    def parse_file(data: bytes) -> None:
        home = Path(tempfile.mkdtemp(prefix="lightfx-fuzz-"))
        try:
            (home / "in").mkdir()
            run(home / "in", data)
            assert os.listdir(home) == ["in"], "something is outside"
        finally:
            shutil.rmtree(home)

    return parse_file


def group(folder: Path, data: bytes) -> None:
    (folder / "records").mkdir()
    name = blake3(data).hexdigest()
    (folder / "records" / f"{name}.jsonl").write_bytes(data)
    with suppress(StoreTroubleError):
        groups = Groups(folder)
        for each in groups.names():
            groups.read(each)
            list(groups.lines(each))


def roots(folder: Path, data: bytes) -> None:
    (folder / "roots").mkdir()
    (folder / "roots" / "kept").write_bytes(data)
    with suppress(StoreTroubleError):
        Roots(folder, folder).every()


def archive(folder: Path, data: bytes) -> None:
    (folder / "data.tar").write_bytes(data)
    (folder / "root").mkdir()
    with suppress(HostileArchiveError, DamagedArchiveError):
        extract(folder / "data.tar", folder / "root", Limits(1 << 20, 100))


def pack(folder: Path, data: bytes) -> None:
    (folder / "file.pack").write_bytes(data)
    read_archive(folder / "file.pack", folder / "place", lambda _: Success(frozenset()))


def squeezed(folder: Path, data: bytes) -> None:
    pack(folder, zstd.compress(data))


def packed() -> bytes:
    import tarfile

    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, data in (("lightfx-pack.json", LIST.encode()), ("records.jsonl", b""), (f"files/{'0' * 64}", b"a")):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return made.getvalue()


def small_zip() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("a/b", b"x")
        file.writestr("c", b"y" * 100)
    return made.getvalue()


def encoded(*given: str) -> tuple[bytes, ...]:
    return tuple(each.encode() for each in given)


ARCHIVES = tuple(case.content for name, case in cases(3) if len(case.content) < 30_000)
LINES = encoded(spell(RunBegan(3), 1.0), spell(TaskEnded(DREF, "raised", "no", 0.5, 1), 2.0))
GROUP = (f'{{"config":{CONFIG},"derivation":"{DREF}"}}\n' + "\n".join(RECORDS) + "\n").encode()
ROOT_FILES = encoded(f'{{"ref": "{DREF}"}}\n', f'{{"link": "2f61", "ref": "{RREF}", "tree": "{Digest.of(b"")}"}}\n')
VALUES = encoded(
    "null", '{"number":1,"text":"a","inner":[],"either":"x"}', '{"$path":"../a"}', "[1,[2,[3]]]", '{"$bytes":"AA=="}'
)
TARGETS: dict[str, Target] = {
    "config": Target(text(config), encoded(CONFIG, "{}", '{"a":1e400}', '{"a":' + "[" * 200)),
    "canonical": Target(text(canonical), encoded(CONFIG, "[" * 5000, "-0", "1E5", '"\\ud800"', "9" * 5000)),
    "record": Target(text(record), encoded(*RECORDS)),
    "names": Target(text(names), encoded(DREF.text, RREF.text, Digest.of(b"").text, "env:A", "file:/a", "../a")),
    "packing list": Target(text(packing_list), encoded(LIST)),
    "freight": Target(text(freight), (GROUP, *encoded('{"code":"x","parts":[["a","b"]]}'))),
    "values": Target(text(read_values), VALUES),
    "format": Target(text(layout), encoded(format_text(), '{"format":2}', "1")),
    "owner": Target(
        owner,
        (spell_owner(this_host()), b'{"pid":7,"since":99999999999}', b'{"pid":true,"since":-0.0}', b"[]", b"\xff"),
    ),
    "journal": Target(journal, LINES),
    "group": Target(in_folder(group), (GROUP,)),
    "root": Target(in_folder(roots), ROOT_FILES),
    "archive": Target(in_folder(archive), (*ARCHIVES, small_zip())),
    "pack": Target(in_folder(pack), (zstd.compress(packed()), b"(\xb5/\xfd")),
    "pack, opened": Target(in_folder(squeezed), (packed(),)),
}
TARGETS.update((name, Target(run, seeds)) for name, (run, seeds) in SHARING.items())
