"""R6: caches that send more than anybody asked for, or for ever."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attacker import Attacker, renamed
from attrs import evolve
from remotes import HERE, printing_its_port
from sharers import MADE, WANTED, Heard, Person, assert_sound, plan

from lightfx.core.manifest import Entry, Kind, digest_of
from lightfx.core.names import Digest
from lightfx.core.realization import Value
from lightfx.plan.sharing import MOST_GROUP, MOST_TABLE, Group, Row, spell_table, token
from lightfx.shell.cache.partner import TOO_LONG
from lightfx.shell.zstandard import zstd

pytest.importorskip("httpx")
MOST_MEMORY = 100.0  # MiB more than a run takes without a cache
MOST_DISK = 8.0  # MiB that are written in all, to a disk or elsewhere: what is asked for takes half a MiB
PATIENCE = 30.0

pytestmark = pytest.mark.reliability(
    "R6",
    "a cache sends a bomb, or sends for ever",
    passes=f"refused or given up, memory < +{MOST_MEMORY:.0f} MiB, written < {MOST_DISK:.0f} MiB",
)


class Scene:
    def __init__(self, top: Path) -> None:
        self.top, self.root = top, top / "shared"
        self.ada = Person(top, "ada")
        assert Heard(top / "first", self.ada.shares(self.root, push=True)).evaluate(plan()) == WANTED
        self.attacker = Attacker(self.root)

    def read(self, url: str, trust: str = "any", silence: float = 2.0) -> dict[str, Any]:
        """Let a reader of his own process ask it; what he gets is right, whatever comes."""
        command = [
            sys.executable,
            HERE / "reader.py",
            self.top / "reader",
            url,
            self.ada.ring.folder,
            str(silence),
            trust,
        ]
        paths = os.pathsep.join([str(HERE), *sys.path])
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=180, env={**os.environ, "PYTHONPATH": paths}, check=False
        )
        assert done.returncode == 0, done.stderr
        said: dict[str, Any] = json.loads(done.stdout)
        assert said["value"] == WANTED
        assert said["grew"] < MOST_MEMORY, said
        assert said["wrote"] < MOST_DISK, said
        assert_sound(self.top / "reader")
        return said


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.mark.quick
def test_what_is_no_bomb_is_read(scene: Scene) -> None:
    """The negative control: a reader that gives up on everything passes what follows."""
    with printing_its_port(HERE / "hostile_cache.py", str(scene.root), "silent", "nothing") as port:
        said = scene.read(f"http://127.0.0.1:{port}", trust="signed")
    assert (said["ran"], said["refused"], said["warned"]) == (0, [], [])


HOWS = ["endless", "sealed_endless", "huge", "silent", "long_head", "junk", "loop", "elsewhere"]
QUICK = {("sealed_endless", "groups")}


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        pytest.param(how, kind, marks=[pytest.mark.quick] if (how, kind) in QUICK else [])
        for how in HOWS
        for kind in ("tables.json", "tables", "groups", "blobs", "packs")
    ],
)
def test_a_server_that_does_not_end(scene: Scene, how: str, kind: str) -> None:
    with printing_its_port(HERE / "hostile_cache.py", str(scene.root), how, f"/v1/{kind}") as port:
        said = scene.read(f"http://127.0.0.1:{port}")
    assert said["ran"] > 0
    assert said["refused"] or said["warned"]
    assert said["seconds"] < PATIENCE, said


def test_a_server_that_drips(scene: Scene) -> None:
    """It is never silent, so it is its slowness that is given up, after a minute, and then it is left alone."""
    with printing_its_port(HERE / "hostile_cache.py", str(scene.root), "drip", "/v1/groups") as port:
        said = scene.read(f"http://127.0.0.1:{port}")
    assert said["ran"] == MADE
    assert any("bytes came in" in each for each in said["warned"]), said
    assert said["seconds"] < TOO_LONG + PATIENCE, said


def packed(plain: bytes) -> bytes:
    """Squeeze as hard as one can."""
    module = zstd()
    if module is None:
        pytest.skip("zstd is not installed")
    squeezed: bytes = module.compress(plain, level=6)
    return squeezed


def bomb(piece: bytes, size: int, begin: bytes = b"", end: bytes = b"") -> bytes:
    return begin + piece * ((size - len(begin) - len(end)) // len(piece)) + end


def _blob_of_2_gib(scene: Scene) -> None:
    """What is in it is a thousand times what was asked for."""
    module = zstd()
    if module is None:
        pytest.skip("zstd is not installed")
    compressor = module.ZstdCompressor(level=3)
    body = b"".join(compressor.compress(bytes(1 << 24)) for _ in range(128)) + compressor.flush()
    for path in scene.attacker.paths("blobs"):
        scene.attacker.write(path, b"lightfx zstd 200000\n" + body)


def _table(scene: Scene, plain: bytes, said: int | None = None) -> None:
    digest = Digest.of(plain)
    line = f"lightfx zstd {len(plain) if said is None else said}\n".encode()
    scene.attacker.write(scene.root / "v1" / "tables" / digest.hex, line + packed(plain))


def _group(scene: Scene, plain: bytes) -> None:
    """A group in the place of all that are there."""
    keys = [
        each for path in scene.attacker.paths("tables") for row in scene.attacker._rows(path) for each in row.tokens
    ]
    digest = Digest.of(plain)
    scene.attacker.remove("groups")
    line = f"lightfx zstd {len(plain)}\n".encode()
    scene.attacker.write(scene.root / "v1" / "groups" / digest.hex, line + packed(plain))
    scene.attacker.tell([Row(digest, min(len(plain), MOST_GROUP), tuple(keys))])


def _manifest(entries: int) -> bytes:
    rows = [[f"{number:07}", "file", Digest.of(b"").text, 0, False] for number in range(entries)]
    tree = Digest.of(json.dumps(rows, separators=(",", ":")).encode())
    return (json.dumps({"objects": {tree.text: rows}, "packs": {}, "signatures": {}}) + "\n").encode()


def _deep(scene: Scene, most: int = 1000) -> None:
    """A thousand folders, one in the other, in records that are as they should be but for that."""
    manifest = tuple(Entry("/".join(["d"] * depth), Kind.FOLDER, "", 0, False) for depth in range(1, most + 1))
    tree = digest_of(manifest)

    def changed(data: bytes) -> bytes:
        group = Group.read(data).unwrap()
        made = tuple(
            renamed(each, tree=tree, result=Value({"$path": "d"})) if each.tree else each
            for each in group.freight.realizations
        )
        objects = {**group.objects, tree: manifest}
        return evolve(group, freight=evolve(group.freight, realizations=made), objects=objects).spell()

    scene.attacker.rewrite(changed)


BOMBS: dict[str, Callable[[Scene], None]] = {
    "a blob of 2 GiB": _blob_of_2_gib,
    "a table of zeros": lambda scene: _table(scene, bytes(MOST_TABLE)),
    "a table that says it is small": lambda scene: _table(scene, bytes(MOST_TABLE), 100),
    "a table of empty rows": lambda scene: _table(scene, bomb(b"[],", MOST_TABLE, b"[", b"[]]")),
    "a table of open brackets": lambda scene: _table(scene, b"[" * MOST_TABLE),
    "a table of one name": lambda scene: _table(
        scene, spell_table(Row(Digest.of(str(each).encode()), 9, (token("x"),)) for each in range(80_000))
    ),
    "a group of zeros": lambda scene: _group(scene, bytes(MOST_GROUP)),
    "a group of empty lists": lambda scene: _group(
        scene, bomb(b"[],", MOST_GROUP, b'{"objects":{"blake3:00":[', b"[]]}}\n")
    ),
    "a group of empty lines": lambda scene: _group(scene, bomb(b"\n", MOST_GROUP, b'{"objects":{}}\n')),
    "a group of empty records": lambda scene: _group(
        scene, bomb(b'{"code":"","parts":[]}\n', MOST_GROUP, b'{"objects":{}}\n')
    ),
    "more files than fit": lambda scene: _group(scene, _manifest(150_000)),
    "a million files": lambda scene: _group(scene, _manifest(10**6)),
    "a thousand folders in one another": _deep,
    "one folder too many in one another": lambda scene: _deep(scene, 65),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.quick] if name == "a blob of 2 GiB" else []) for name in BOMBS]
)
def test_a_bomb(scene: Scene, name: str) -> None:
    BOMBS[name](scene)
    said = scene.read(str(scene.root))
    assert said["refused"] or said["warned"] or name == "a table of one name", "that one only leads nowhere"
    assert said["seconds"] < PATIENCE, said
