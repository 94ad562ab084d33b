"""A program that stores things, and says so: ``python writer.py STORE KIND START COUNT [MUTANT ASIDE]``.

It stores ``COUNT`` things of a kind, and says of each what a reader must find
from then on, as a line of JSON (see `plain.judge`). It goes by one world for all,
or where the kind is ``gc``, ``run`` or one that moves things by one world for
each. What ``pull`` takes lies in a cache beside the store, made by `prepare`; ``push`` brings things there.

``MUTANT`` is the wrong disk to use, of `lightfx.testing.mutants`, or "". With ``ASIDE``, a folder on another disk, the
index lies there: so no sync of SQLite makes durable what was to be made durable otherwise.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from plain import Ack, tree_of  # noqa: E402
from plain_cache import beside  # noqa: E402

from lightfx import Build, Derivation, World, evaluate, evaluate_all, open_world, stage, unwrap  # noqa: E402
from lightfx.caches import CacheSetup, anyone, folder  # noqa: E402
from lightfx.core.names import Digest  # noqa: E402
from lightfx.garbage import add_root, gc  # noqa: E402
from lightfx.moving import pack, pull, push, unpack  # noqa: E402
from lightfx.shell.disk import REAL, Disk  # noqa: E402
from lightfx.testing.faults import world_on  # noqa: E402
from lightfx.testing.mutants import mutant  # noqa: E402

LEAVES = 20
IN_CACHE = 20  # how many things `prepare` puts into the cache; who has taken them all takes them again


@stage(version="1")
def sixfold(build: Build, number: int) -> int:
    return 6 * number


@stage(version="1")
def noted(build: Build, number: int) -> Path:
    path = build.out / "number.txt"
    path.write_text(_note(number))
    return path


@stage(version="1")
def leaves(build: Build, number: int) -> Path:
    for leaf in range(LEAVES):
        (build.out / f"{leaf:02}.txt").write_text(_leaf(number, leaf))
    return build.out


@stage(version="1")
def summed(build: Build, notes: list[Derivation[Path]], number: Derivation[int]) -> int:
    return sum(int(build.need(each).read_text().split()[0]) for each in notes) + build.need(number)


@stage(version="1")
def bulky(build: Build, note: Derivation[Path], number: int) -> Path:
    """A file that is a blob of its own in a cache, and one that is not."""
    (build.out / "note.txt").write_bytes(build.need(note).read_bytes())
    (build.out / "bulk.txt").write_text(_bulk(number))
    return build.out


def _note(number: int) -> str:
    return f"{number}\n" * 100


def _leaf(number: int, leaf: int) -> str:
    return f"{number} {leaf}\n" * 100


def _bulk(number: int) -> str:
    return f"{number}\n" * 40_000


def ack(plan: Derivation[Any], right: object, files: dict[str, str] | None = None, **more: object) -> Ack:
    """What a reader must find."""
    tree = None if files is None else tree_of({name: text.encode() for name, text in files.items()})
    return {"dref": plan.dref.text, "right": right, "tree": tree, **more}


def ack_noted(number: int, **more: object) -> Ack:
    return ack(noted(number), {"$path": "number.txt"}, {"number.txt": _note(number)}, **more)


def ack_bulky(number: int, **more: object) -> Ack:
    files = {"note.txt": _note(number), "bulk.txt": _bulk(number)}
    return ack(bulky(noted(number), number), {"$path": "."}, files, **more)


def store_value(world: World, number: int) -> Iterator[Ack]:
    evaluate(world, sixfold(number))
    yield ack(sixfold(number), 6 * number)


def store_tree(world: World, number: int) -> Iterator[Ack]:
    evaluate(world, leaves(number))
    files = {f"{leaf:02}.txt": _leaf(number, leaf) for leaf in range(LEAVES)}
    yield ack(leaves(number), {"$path": "."}, files)


def store_run(world: World, number: int) -> Iterator[Ack]:
    """Three tasks, one upon the others."""
    plan = summed([noted(number)], sixfold(number))
    evaluate(world, plan)
    yield from (ack(plan, 7 * number), ack_noted(number), ack(sixfold(number), 6 * number))


def collect(world: World, number: int) -> Iterator[Ack]:
    """Make what stays and what goes, in one group and in one of its own, and let the garbage go."""
    evaluate(world, summed([noted(number), noted(-number - 1)], sixfold(number)))
    evaluate(world, leaves(-number - 1))
    name = f"kept-{number}"
    unwrap(add_root(world, noted(number).dref, name=name))
    yield ack_noted(number, root=name)
    unwrap(gc(world))


def root(world: World, number: int) -> Iterator[Ack]:
    """Let a root that is there hold something else."""
    evaluate(world, noted(number))
    name = f"moved-{number % 2}"
    unwrap(add_root(world, noted(number).dref, name=name))
    yield ack_noted(number, root=name, moves=True)


def ship(world: World, number: int) -> Iterator[Ack]:
    """Pack something from one store into a file, and take it out of the file into this store."""
    home = root_of(world)
    other, file = home.with_name(f"{home.name}-other"), home.with_name(f"{home.name}-{number}.pack")
    with open_world(other) as source:
        evaluate(source, noted(number))
        unwrap(pack(source, [noted(number).dref], file))
    unwrap(unpack(world, file))
    yield ack_noted(number)


def root_of(world: World) -> Path:
    return world.store.folder_of(Digest.of(b"")).parents[1]


def cache_of(store: Path) -> CacheSetup:
    return folder(beside(store), trust=anyone)


def prepare(store: Path, kind: str, numbers: Iterable[int] = range(IN_CACHE)) -> None:
    """Make what this kind of work needs beside its store: for all numbers, or for some."""
    if kind == "pull" and not beside(store).exists():
        plans = [bulky(noted(number), number) for number in numbers]
        with TemporaryDirectory() as top, open_world(Path(top, "store")) as source:
            evaluate_all(source, plans)
            unwrap(push(source, [plan.dref for plan in plans], cache_of(store)))


def fetch(world: World, number: int) -> Iterator[Ack]:
    """Take something from a cache, with what it stands on."""
    number %= IN_CACHE
    unwrap(pull(world, [bulky(noted(number), number).dref], cache_of(root_of(world))))
    yield from (ack_noted(number), ack_bulky(number))


def bring(world: World, number: int) -> Iterator[Ack]:
    """Make something, and bring it to a cache."""
    evaluate(world, bulky(noted(number), number))
    unwrap(push(world, [bulky(noted(number), number).dref], cache_of(root_of(world))))
    yield from (ack_noted(number, brought=True), ack_bulky(number, brought=True))


Act = Callable[[World, int], Iterator[Ack]]
KINDS: dict[str, Act] = {
    "value": store_value,
    "tree": store_tree,
    "run": store_run,
    "gc": collect,
    "root": root,
    "pack": ship,
    "pull": fetch,
    "push": bring,
}
ANEW = frozenset({"gc", "run", "pack", "pull", "push"})


def opened(store: Path, disk: Disk, aside: Path | None) -> AbstractContextManager[World]:
    """A world on a store: the user's own, or one on a disk of another kind, or with the index aside."""
    if disk is REAL and aside is None:
        return open_world(store)
    if aside is not None:
        aside.mkdir(exist_ok=True)
    return world_on(disk, store, index=None if aside is None else aside / "index.sqlite")


def work(
    store: Path,
    kind: str,
    start: int,
    count: int,
    say: Callable[[Ack], None],
    disk: Disk = REAL,
    aside: Path | None = None,
) -> None:
    """Store ``count`` things, from number ``start`` on; what they need beside the store is there (`prepare`)."""
    numbers = range(start, start + count)
    for some in ([number] for number in numbers) if kind in ANEW else [numbers]:
        with opened(store, disk, aside) as world:
            for number in some:
                for each in KINDS[kind](world, number):
                    say(each)


def saying(descriptor: int) -> Callable[[Ack], None]:
    """Say it at once, in one piece; whoever cannot even do that has said nothing."""

    def say(each: Ack) -> None:
        try:
            os.write(descriptor, json.dumps(each).encode() + b"\n")
        except OSError:
            os._exit(6)

    return say


def heard(data: bytes) -> list[Ack]:
    """The answers in what was said; a last one that was cut off was none."""
    return [json.loads(line) for line in data.splitlines(keepends=True) if line.endswith(b"\n")]


def main() -> None:
    store, kind, start, count, *more = sys.argv[1:]
    disk = mutant(more[0]) if more else REAL
    aside = Path(more[1]) if more[1:] else None
    prepare(Path(store), kind)
    work(Path(store), kind, int(start), int(count), saying(1), disk, aside)


if __name__ == "__main__":
    main()
