"""A disk that says no, at each call in turn: whoever looks says so, or finds what is there, and never anything else."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest
from returns.io import IOResult
from returns.result import Failure

from lightfx import Build, Derivation, World, check, evaluate_all, open_world, plan, stage, table
from lightfx.core.failures import DamagedObject, EngineFailure, MissingObject, SystemTrouble, sentence
from lightfx.looking import allrrefs
from lightfx.testing.faults import Refusal, Watched, at, world_on
from lightfx.upkeep import verify
from lightfx.wiring import Performing, unwrap


@stage(version="1")
def note(build: Build, text: str) -> Path:
    path = build.out / "note.txt"
    path.write_text(text)
    return path


@stage(version="1")
def length(build: Build, notes: list[Derivation[Path]]) -> int:
    return sum(len(build.need(each).read_text()) for each in notes)


@stage(version="1")
def asking(build: Build, text: str) -> int:
    return len(build.need(note(text)).read_text())


def plans() -> list[Derivation[int]]:
    return [length([note("a"), note("bb")]), asking("ccc")]


def checked(world: World) -> IOResult[object, EngineFailure]:
    return allrrefs(world).bind(
        lambda refs: check(world, next(each for each in refs if each.dref.name.text == "length"), plans())
    )


LOOKS: dict[str, Callable[[World], IOResult[object, EngineFailure]]] = {
    "plan": lambda world: plan(world, plans()),
    "table": lambda world: table(world, plans()),
    "check": checked,
    "verify": lambda world: verify(world),
    "repair": lambda world: verify(world, repair=True, plans=plans()),
}


@pytest.mark.quick
@pytest.mark.reliability(
    "D3", "EIO at each call of who looks, in one process", passes="what is there, or trouble in words"
)
@pytest.mark.parametrize("name", LOOKS)
def test_trouble_at_any_call_is_said_and_changes_nothing_that_is_found(name: str, memory: Path) -> None:
    with open_world(memory / "store") as world:
        evaluate_all(world, plans())
        if name == "repair":
            (path,) = (each for each in (memory / "store/objects").glob("*/note.txt") if each.read_text() == "bb")
    look, perform = LOOKS[name], Performing()
    with world_on(Watched(), memory / "store") as world:
        usual = unwrap(look(world))
    refused = fine = 0
    for number in range(1000):
        if name == "repair":  # damaged anew, as long as it was mended
            path.chmod(0o644)
            path.write_text("xx")
            path.chmod(0o444)
        disk = Watched()
        with world_on(disk, memory / "store") as world:
            asked = len(disk.calls)
            disk.plan = at(asked + number, Refusal(errno.EIO))
            result = perform.result(look(world))
            done = len(disk.calls) <= asked + number
        if isinstance(result, Failure):
            refused += 1
            assert isinstance(result.failure(), SystemTrouble | MissingObject | DamagedObject), result
            assert sentence(result.failure())
        else:
            fine += 1
            assert name in ("repair", "verify", "check") or result.unwrap() == usual
        if done:
            break
    assert done
    assert refused and fine
