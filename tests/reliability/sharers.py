"""People who share results: stages, stores, keys, what a run told; and an inspector who believes no store."""

from __future__ import annotations

import base64
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from random import Random

from attrs import evolve
from blake3 import blake3

from lightfx import Build, Derivation, evaluate, open_world, stage, unwrap
from lightfx.caches import CacheSetup, Trust, folder, signed_by
from lightfx.core.names import Name
from lightfx.effects.journal import CacheRefused, CacheWarned, JournalEvent, Pulled, Pushed, TaskStarted
from lightfx.journal import Listener
from lightfx.shell.keys import KeyRing

LARGE = 200_000


@stage(version="1")
def rows(build: Build, seed: int, size: int = LARGE) -> Path:
    """A file that hardly becomes smaller: a blob of its own, where it is large."""
    path = build.out / "rows.bin"
    path.write_bytes(Random(seed).randbytes(size))
    return path


@stage(version="1")
def text(build: Build, data: Derivation[Path]) -> Path:
    """Small files, and a link: what is put into packs."""
    (build.out / "sub").mkdir()
    for number in range(3):
        (build.out / "sub" / f"{number}.txt").write_text(f"{len(build.need(data).read_bytes())} {number}\n" * 10)
    (build.out / "sub" / "link").symlink_to("1.txt")
    return build.out / "sub"


@stage(version="1")
def total(build: Build, texts: list[Derivation[Path]], large: list[Derivation[Path]]) -> int:
    return sum(len((build.need(each) / "link").read_text()) for each in texts) + sum(
        len(build.need(each).read_bytes()) for each in large
    )


def plan(seeds: tuple[int, ...] = (1, 2)) -> Derivation[int]:
    large = [rows(seed) for seed in seeds]
    return total([text(each) for each in large], large)


WANTED = 2 * 90 + 2 * LARGE
MADE = 5


class Person:
    """Somebody with a key of his own, who trusts whom he trusts."""

    def __init__(self, top: Path, name: str, *trusts: Person) -> None:
        self.top, self.name = top, name
        self.ring = KeyRing(top / f"keys-of-{name}")
        self.public = unwrap(self.ring.make(Name("default")))
        for each in trusts:
            unwrap(self.ring.trust(Name(each.name), each.public))

    def at(self, cache: CacheSetup, push: bool = False, trust: Trust = signed_by()) -> CacheSetup:
        """Use a cache with his keys."""
        return evolve(cache, keys=self.ring.folder, push=push, trust=trust)

    def shares(self, root: Path, push: bool = False, trust: Trust = signed_by()) -> CacheSetup:
        return self.at(folder(root, name="ours"), push, trust)


class Heard:
    """A store, and what the runs on it told."""

    def __init__(self, store: Path, *caches: CacheSetup) -> None:
        self.store, self.caches = store, caches
        self.events: list[JournalEvent] = []

    def evaluate(self, wanted: Derivation[int]) -> int:
        with open_world(self.store, caches=self.caches, journal=Listener(self.events.append)) as world:
            return evaluate(world, wanted)

    @property
    def ran(self) -> int:
        return sum(isinstance(event, TaskStarted) for event in self.events)

    @property
    def pulled(self) -> int:
        return sum(event.count for event in self.events if isinstance(event, Pulled))

    @property
    def pushed(self) -> int:
        return sum(event.count for event in self.events if isinstance(event, Pushed))

    @property
    def refused(self) -> list[CacheRefused]:
        return [event for event in self.events if isinstance(event, CacheRefused)]

    @property
    def warned(self) -> list[CacheWarned]:
        return [event for event in self.events if isinstance(event, CacheWarned)]


# Who believes no store: by docs/store-format.md, and by nothing of lightfx.


def records(store: Path) -> Iterator[dict[str, object]]:
    """Every record of a store, each group compared with its name."""
    for path in sorted((store / "records").iterdir()):
        data = path.read_bytes()
        assert path.name == f"{blake3(data).hexdigest()}.jsonl"
        yield from map(json.loads, data.splitlines())


def spelled(tree: object) -> str:
    return json.dumps(tree, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def object_digest(folder: Path) -> str:
    """What an object is to be called."""
    found: list[list[object]] = []
    for top, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path = Path(top, name)
            where, mode = str(path.relative_to(folder)), path.lstat().st_mode
            if stat.S_ISLNK(mode):
                found.append([where, "link", os.readlink(path), 0, False])
            elif stat.S_ISDIR(mode):
                found.append([where, "folder", "", 0, False])
            else:
                data = path.read_bytes()
                found.append([where, "file", f"blake3:{blake3(data).hexdigest()}", len(data), bool(mode & 0o100)])
    return blake3(spelled(sorted(found)).encode()).hexdigest()


def short(text: str) -> str:
    return base64.b32encode(blake3(text.encode()).digest(length=20)).decode().lower()


def assert_sound(store: Path) -> set[str]:
    """Everything that is seen in a store is what its name says, and nothing is left over; gives the realizations."""
    for each in (store / "objects").iterdir():
        assert object_digest(each) == each.name, f"{each} is not what it is named by"
    assert sorted((store / "tmp").iterdir()) == [], "something is left over"
    assert sorted((store / "claims").iterdir()) == [], "a claim is left over"
    made: set[str] = set()
    for record in records(store):
        if "rref" not in record or "asked" in record:
            continue
        tree = record.get("tree")
        content = "blake3:" + blake3(f"{tree or '-'}\n{spelled(record['result'])}".encode()).hexdigest()
        assert record["content"] == content
        dref = str(record["rref"])[33:]
        inputs = f"{dref} {record['key']} {record['index']} {content}"
        assert record["rref"] == f"{short(inputs)}-{dref}"
        if tree is not None:
            assert (store / "objects" / str(tree).removeprefix("blake3:")).is_dir()
        made.add(str(record["rref"]))
    return made
