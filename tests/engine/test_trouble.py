"""Trouble with the store while it is asked: it is the answer, whatever was asked, and nothing is stored by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from attrs import evolve
from returns.io import IOFailure, IOResult
from returns.result import Failure

from lightfx import Build, Derivation, RRef, World, check, evaluate, memory_world, plan, realize, stage, table, unwrap
from lightfx.core.damage import MissingObject
from lightfx.core.failures import DiskFull, EngineFailure
from lightfx.engine.mending import heal_all

if TYPE_CHECKING:
    from lightfx.effects.store import Store

FULL = DiskFull("/store", "ask")


@stage(version="1")
def written(build: Build, text: str) -> Path:
    (build.out / "a.txt").write_text(text)
    return build.out / "a.txt"


@stage(version="1")
def read(build: Build, file: Derivation[Path], times: int = 1) -> str:
    return build.need(file).read_text() * times


class Troubled:
    """A store that answers with trouble to the ``after``-th call of one method, and on."""

    def __init__(self, store: Store, method: str, after: int = 0) -> None:
        self.store, self.method, self.after = store, method, after

    def __getattr__(self, name: str) -> object:
        return self._fail if name == self.method else getattr(self.store, name)

    def _fail(self, *asked: object) -> IOResult[Any, EngineFailure]:
        self.after -= 1
        return IOFailure(FULL) if self.after < 0 else getattr(self.store, self.method)(*asked)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with memory_world(tmp_path) as made:
        evaluate(made, read(written("x")))
        yield made


def rref_of(world: World, derivation: Derivation[object]) -> RRef:
    return unwrap(realize(world, derivation, only_stored=True)).rrefs[0]


def _check(world: World) -> IOResult[object, EngineFailure]:
    return check(world, rref_of(_sound(world), read(written("x"))), read(written("x"))).map(lambda found: found)


def _heal(world: World) -> IOResult[object, EngineFailure]:
    rref = rref_of(_sound(world), written("x"))
    tree = unwrap(_sound(world).store.realizations([rref]))[rref].tree
    assert tree is not None
    lost = MissingObject(tree, (rref,))
    return heal_all(world, [lost], lambda made: Failure("nobody knows"), [_nothing]).map(lambda found: found)


def _nothing(trees: Sequence[object], place: Path) -> IOResult[dict[Any, Path], EngineFailure]:
    return IOResult.from_value({})


def _offers_trouble(world: World) -> IOResult[object, EngineFailure]:
    return heal_all(world, [], lambda made: Failure("nobody knows"), [lambda trees, place: IOFailure(FULL)])


def _sound(world: World) -> World:
    store: Any = world.store
    return evolve(world, store=store.store) if isinstance(store, Troubled) else world


ASKED: dict[str, tuple[Callable[[World], Any], str, int]] = {
    "a table of plans: what is listed": (lambda world: table(world, read(written("x"))), "listed", 0),
    "a table of plans: records": (lambda world: table(world, read(written("x"))), "realizations", 0),
    "a table of a stage: what is newest": (lambda world: table(world, read), "newest", 0),
    "a table of a stage: configs": (lambda world: table(world, read), "configs", 0),
    "a plan: what is listed": (lambda world: plan(world, read(written("y"))), "listed", 0),
    "a plan: keys": (lambda world: plan(world, read(written("x"), 2)), "alike", 0),
    "a plan: what was before": (lambda world: plan(world, read(written("x"), 2)), "newest", 0),
    "a plan: configs": (lambda world: plan(world, read(written("x"), 2)), "configs", 0),
    "a check: the record": (_check, "realizations", 0),
    "a check: the config": (_check, "configs", 0),
    "a check: what it stands on": (_check, "listed", 0),
    "a check: records of files": (_check, "realizations", 1),
    "a check: files": (_check, "unsound", 0),
    "mending: records": (_heal, "realizations", 0),
    "mending: the record that is made again": (_heal, "configs", 0),
    "mending: the source": (_offers_trouble, "", 0),
    "a run: what is listed": (lambda world: realize(world, read(written("x"))), "listed", 0),
    "a run: keys": (lambda world: realize(world, read(written("x"), 2)), "alike", 0),
    "a run: claims": (lambda world: realize(world, read(written("x"), 2)), "claim", 0),
    "a run: records of inputs": (lambda world: realize(world, read(written("x"), 2)), "realizations", 0),
    "a run: files of inputs": (lambda world: realize(world, read(written("x"), 2)), "unsound", 0),
    "a run: files of targets": (lambda world: realize(world, written("x")), "unsound", 0),
    "a run: folders": (lambda world: realize(world, written("y")), "ingest", 0),
    "a run: records": (lambda world: realize(world, written("y")), "commit", 0),
}


@pytest.mark.parametrize("what", ASKED)
def test_trouble_is_the_answer(world: World, what: str) -> None:
    ask, method, after = ASKED[what]
    before = len(unwrap(world.store.newest(None, 100)))
    troubled = evolve(world, store=cast("Store", Troubled(world.store, method, after)))
    assert world.perform.result(ask(troubled)) == Failure(FULL)
    assert len(unwrap(world.store.newest(None, 100))) == before
    assert evaluate(world, read(written("x"), 2)) == "xx", "the world goes on"
