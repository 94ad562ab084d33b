"""Power cuts after every call, in a model: what was answered is there, and what is there is whole.

The calls of a disk are recorded while a program stores, holds and collects.
`persistence` says what a power cut after each of them may leave, and each of
these states is judged by ``docs/store-format.md``. Disks that are wrong must be
found out: a test that lets one of them pass shows nothing.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from blake3 import blake3

sys.path.insert(0, str(Path(__file__).parent))

from persistence import Film, Promise, State, states_after

from lightfx import Build, Derivation, evaluate, evaluate_all, open_world, realize, stage
from lightfx.core.failures import EngineError
from lightfx.core.layout import read_format
from lightfx.core.manifest import Entry, Kind, digest_of
from lightfx.core.realization import Realization
from lightfx.core.records import read_realization
from lightfx.effects.world import World
from lightfx.garbage import add_root, gc, list_roots
from lightfx.testing.faults import Refusal, Watched, every, world_on
from lightfx.testing.mutants import MUTANTS, mutant
from lightfx.wiring import unwrap

STEP = {"S": 11, "L": 1, "N": 1}[os.environ.get("TIER", "S")]

FILMS: dict[str, Film] = {}
"""The film that is taken of a store, for the stages, which write past its disk."""

pytestmark = [
    pytest.mark.quick,
    pytest.mark.reliability(
        "D6", "power cuts after every call, in a model; wrong disks", passes="0 bad; each wrong disk is caught"
    ),
]


@stage(version="1")
def number(build: Build, film: str, value: int) -> int:
    return value


@stage(version="1")
def leaf(build: Build, film: str, value: int) -> Path:
    (build.out / "leaf").write_text(f"{value}" * 50)
    FILMS[film].saw(build.folder)
    return build.out / "leaf"


@stage(version="1")
def tree(build: Build, film: str, value: int) -> Path:
    for branch in range(3):
        (build.out / f"b{branch}").mkdir()
        for each in range(2):
            (build.out / f"b{branch}/l{each}").write_text(f"{value} {branch} {each}")
    (build.out / "b0/l0").chmod(0o755)
    (build.out / "link").symlink_to("b0")
    FILMS[film].saw(build.folder)
    return build.out


@stage(version="1", ephemeral=True)
def passing(build: Build, film: str, value: int) -> Path:
    for each in range(2):
        (build.out / f"p{each}").write_text(f"{value}" * 50)
    FILMS[film].saw(build.folder)
    return build.out


@stage(version="1")
def reading(build: Build, film: str, of: Derivation[Path]) -> int:
    path = build.need(of)
    FILMS[film].reads(path.name)
    return len(path.name)


@stage(version="1")
def failing(build: Build, film: str) -> int:
    raise ValueError(film)


def film_of(memory: Path, disk_of: str = "", *, refused: int = 0) -> Film:
    """Record a program on a disk of that name, on which the ``refused``-th sync is refused."""
    film = FILMS[str(memory)] = Film(memory)
    plan = every(1 << 30, Refusal(errno.EIO), {"fsync"})
    if refused:
        left = [refused]

        def plan(call):  # type: ignore[no-untyped-def]
            if call.act in ("fsync", "syncfs") and "/store/" in f"{call.paths[0]}/":
                left[0] -= 1
                return Refusal(errno.EIO) if left[0] == 0 else None
            return None

    watched = Watched(plan=plan)
    watched.calls = film.calls
    name = str(memory)
    for act in (store_values, store_trees, drop, collect):
        try:
            with world_on(mutant(disk_of, watched), memory / "store", index=memory / "index.sqlite") as world:
                act(world, film, name)
        except EngineError:
            assert refused, "nothing fails by itself"
    return film


def store_values(world: World, film: Film, name: str) -> None:
    evaluate(world, number(name, 1))
    answered(world, film)
    evaluate_all(world, [number(name, each) for each in (1, 2, 3)])
    answered(world, film)
    realize(world, failing(name))
    answered(world, film)


def store_trees(world: World, film: Film, name: str) -> None:
    evaluate(world, leaf(name, 1))
    answered(world, film)
    kept = tree(name, 1)
    evaluate(world, kept)
    answered(world, film)
    film.roots = frozenset({unwrap(add_root(world, kept.dref)).name})
    answered(world, film)
    evaluate_all(world, [leaf(name, 2), leaf(name, 3), tree(name, 1), tree(name, 2)])
    answered(world, film)


def drop(world: World, film: Film, name: str) -> None:
    """What is read in the same run, and then dropped, and stored and dropped again."""
    evaluate(world, reading(name, passing(name, 1)))
    answered(world, film)
    assert not any(
        each.startswith("p") for path in (world.store.root / "objects").iterdir() for each in os.listdir(path)
    )
    evaluate(world, passing(name, 1))
    answered(world, film)


def collect(world: World, film: Film, name: str) -> None:
    kept = {tree(name, 1).dref}
    there = unwrap(list_roots(world))
    held = frozenset(each for each in stored(world) if there and any(each.endswith(dref.text) for dref in kept))
    film.promise(Promise(held, film.roots))
    unwrap(gc(world))
    film.promise(Promise(held, film.roots))
    evaluate(world, leaf(name, 1))
    answered(world, film)


def stored(world: World) -> frozenset[str]:
    return frozenset(row.stored.rref.text for row in unwrap(world.store.newest(None, 999)))


def answered(world: World, film: Film) -> None:
    film.promise(Promise(stored(world), film.roots))


# Judging a state by the specification.


def wrong(promise: Promise, state: State) -> Iterator[str]:
    """Say what is wrong with what a power cut left."""
    found = state.get("store/format")  # where it was lost it is written again
    if isinstance(found, tuple) and read_format(found[0].decode()).value_or(0) != 1:
        yield "the format is torn"
    there = set[str]()
    for path, what in state.items():
        if path.startswith("store/records/") and isinstance(what, tuple):
            if f"{digest(what[0])}.jsonl" != path.removeprefix("store/records/"):
                yield f"{path} is not what it is named by"
                continue
            for each in realizations(what[0]):
                there.add(each.rref.text)
                for digested in (each.tree, None if each.log is None else each.log.whole):
                    home = f"store/objects/{'' if digested is None else digested.hex}"
                    if digested is None or (each.ephemeral and home not in state):
                        continue
                    if manifest(state, home) != digested.text:
                        yield f"{path} names an object that is not there, or not whole"
                    yield from writable(state, home)
    for tree in promise.objects:
        if manifest(state, f"store/objects/{tree}") != f"blake3:{tree}":
            yield "what a stage reads may be lost, and what it makes of it stay"
    if promise.rrefs - there:
        yield f"{len(promise.rrefs - there)} results that were answered are gone"
    for name in promise.roots:
        text = state.get(f"store/roots/{name}")
        if not isinstance(text, tuple) or not text[0].endswith(b"}\n") or "ref" not in json.loads(text[0]):
            yield f"the root {name} is gone"


@cache
def digest(data: bytes) -> str:
    return blake3(data).hexdigest()


@cache
def realizations(data: bytes) -> tuple[Realization, ...]:
    found = (read_realization(line).value_or(None) for line in data.decode().splitlines(keepends=True))
    return tuple(each for each in found if each is not None)


def manifest(state: State, home: str) -> str:
    if home not in state:
        return ""
    entries = []
    for path, what in state.items():
        if path.startswith(f"{home}/"):
            inner = path.removeprefix(f"{home}/")
            if isinstance(what, int):
                entries.append(Entry(inner, Kind.FOLDER))
            elif isinstance(what, str):
                entries.append(Entry(inner, Kind.LINK, what))
            elif isinstance(what, tuple):
                data, mode = what
                entries.append(Entry(inner, Kind.FILE, f"blake3:{digest(data)}", len(data), bool(mode & 0o100)))
    return digest_of(entries).text


def writable(state: State, home: str) -> Iterator[str]:
    """What of an object can be written to, but for the outermost folder, whose rights are set after its name."""
    for path, what in state.items():
        if path.startswith(f"{home}/"):
            mode = what if isinstance(what, int) else what[1] if isinstance(what, tuple) else 0
            if mode & 0o222:
                yield f"{path} has the mode {mode:04o}"


def faults(film: Film) -> Iterator[str]:
    """All that may be wrong after a power cut, wherever it comes."""
    for at, promise, state in states_after(film):
        for why in wrong(promise, state):
            yield f"after call {at} ({film.calls[at - 1].act}): {why}"


def test_nothing_that_was_answered_is_lost(memory: Path, record_property) -> None:  # type: ignore[no-untyped-def]
    film = film_of(memory)
    count = sum(1 for _ in states_after(film))
    record_property("count", count)
    assert list(faults(film)) == []
    assert count > 500
    assert len(film.promised) > 8
    assert film.reading


@pytest.mark.parametrize("name", sorted(set(MUTANTS) - {"sync_retried"}))
def test_wrong_disks_are_found_out(memory: Path, name: str) -> None:
    assert next(faults(film_of(memory, name)), None) is not None


def test_a_sync_that_failed_is_answered_by_none(memory: Path) -> None:
    """Whichever sync is refused: what is answered afterwards is durable all the same."""
    (memory / "whole").mkdir()
    syncs = sum(each.act in ("fsync", "syncfs") for each in film_of(memory / "whole").calls)
    for refused in range(1, syncs + 1, STEP):
        place = memory / str(refused)
        place.mkdir()
        film = film_of(place, refused=refused)
        assert any(each.error for each in film.calls), refused
        assert next(faults(film), None) is None, refused


def test_a_sync_that_is_tried_again_is_found_out(memory: Path) -> None:
    """The kernel forgets what it could not write, and says the second time that all is well."""
    assert any(_is_found_out(memory / str(refused), refused) for refused in range(1, 20))


def _is_found_out(place: Path, refused: int) -> bool:
    place.mkdir()
    return next(faults(film_of(place, "sync_retried", refused=refused)), None) is not None


def test_the_model_says_of_a_state_what_the_store_says(memory: Path) -> None:
    """Some states are laid out as files, and lightfx reads them: all that was promised is there."""
    film = film_of(memory)
    for number_, (_, promise, state) in enumerate(states_after(film)):
        if number_ % 97 or not promise.rrefs:
            continue
        home = memory / f"cut{number_}"
        for path in sorted(state, key=lambda each: each.count("/")):
            what = state[path]
            if path.startswith("store/claims/"):
                continue  # the claims of the dead: here their owner would be believed to live for a while
            if isinstance(what, int):
                (home / path).mkdir(parents=True, exist_ok=True)
            elif isinstance(what, tuple):
                (home / path).parent.mkdir(parents=True, exist_ok=True)
                (home / path).write_bytes(what[0])
        with open_world(home / "store", create=False) as world:
            assert stored(world) >= promise.rrefs
