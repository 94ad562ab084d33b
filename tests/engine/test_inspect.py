"""Plans without a run: what would be done, with reasons; and nothing is written."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import lightfx
from lightfx import (
    Action,
    Build,
    Derivation,
    EngineError,
    Plan,
    Recipe,
    Step,
    World,
    evaluate,
    memory_world,
    open_world,
    plan,
    realize,
    realize_all,
    replay_always,
    retry_always,
    retry_failed,
    source_file,
    stage,
    unwrap,
)
from lightfx.core.config import input_key
from lightfx.core.failures import Unmatched
from lightfx.effects.store import Entry
from lightfx.matchers import exact, some
from lightfx.reasons import (
    AskedChanged,
    AskedForced,
    AskedGone,
    AskedRetried,
    CodeChanged,
    FieldChanged,
    FilesGone,
    Forced,
    InputChanged,
    LeftRetried,
    LeftStands,
    MoreWanted,
    NeverBuilt,
    OutsideChanged,
    ReferenceChanged,
    SameAs,
    StandsOn,
    Unobservable,
    WaitsFor,
)

RAN: list[str] = []


@stage(version="1")
def number(build: Build, value: int = 1, odd: int = 0) -> int:
    RAN.append("number")
    return value % 10


@stage(version="1")
def half(build: Build, of: Derivation[int], rate: float = 0.5) -> float:
    RAN.append("half")
    return build.need(of) * rate


@stage(version="1")
def wrong(build: Build, value: int) -> int:
    RAN.append("wrong")
    raise (ValueError if value else OSError)(value)


@stage(version="1")
def written(build: Build) -> Path:
    (build.out / "a").write_text("a")
    return build.out / "a"


@stage(version="1")
def size(build: Build, file: Derivation[Path]) -> int:
    return len(build.need(file).read_text())


@stage(version="1")
def sum_of(build: Build, numbers: list[Derivation[int]]) -> int:
    return sum(map(build.need, numbers))


@pytest.fixture(params=["memory", "directory"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    RAN.clear()
    opened = memory_world(tmp_path) if request.param == "memory" else open_world(tmp_path / "store")
    with opened as made:
        yield made


def of(found: Plan, derivation: Derivation[Any]) -> Step:
    (step,) = [each for each in found.steps if each.dref == derivation.dref]
    return step


def planned(world: World, derivation: Derivation[Any], **options: Any) -> Step:
    return of(unwrap(plan(world, derivation, **options)), derivation)


def test_on_an_empty_store_all_is_built(world: World) -> None:
    found = unwrap(plan(world, [half(number(1)), half(number(2))]))
    assert [each.action for each in found] == [Action.BUILD, Action.MAYBE] * 2
    assert found.steps[0].why == (NeverBuilt(),)
    assert found.steps[1].why == (NeverBuilt(), WaitsFor((number(1).dref,)))
    assert found.targets == (half(number(1)).dref, half(number(2)).dref)
    assert not found.realized
    assert found.estimate() == lightfx.reasons.Estimate(0.0, unknown=4, maybe=2)
    assert RAN == []


def test_what_is_stored_is_reused(world: World) -> None:
    plans = {"a": half(number(1)), "b": half(number(2))}
    unwrap(realize_all(world, plans))
    RAN.clear()
    found = unwrap(plan(world, plans))
    assert {(each.action, each.why, each.nearest) for each in found} == {(Action.REUSE, (), None)}
    assert found.realized and found.count(Action.REUSE) == 4
    assert RAN == []


def test_a_parameter_changed(world: World) -> None:
    evaluate(world, half(number(1), 0.5))
    evaluate(world, half(number(1), 0.7))
    evaluate(world, number(7, odd=7))
    step = planned(world, half(number(1), 0.9))
    assert step.why == (FieldChanged("args.rate", 0.7, 0.9),), "of equals, the newest"
    assert step.nearest == half(number(1), 0.7).dref
    step = planned(world, number(7, odd=9))
    assert step.why == (FieldChanged("args.odd", 7, 9),), "the nearest, not the newest"


def test_another_input_that_may_come_out_the_same(world: World) -> None:
    evaluate(world, half(number(1)))
    step = planned(world, half(number(11)))
    assert step.action is Action.MAYBE
    changed = ReferenceChanged("args.of", number(1).dref, number(11).dref)
    assert step.why == (changed, WaitsFor((number(11).dref,)))
    RAN.clear()
    evaluate(world, number(11))
    step = planned(world, half(number(11)))
    assert (step.action, step.why) == (Action.CUT_OFF, (SameAs(half(number(1)).dref),))
    assert RAN == ["number"]
    evaluate(world, number(12))
    step = planned(world, half(number(12)))
    assert (step.action, step.why) == (Action.BUILD, (ReferenceChanged("args.of", number(1).dref, number(12).dref),))


def test_twins_of_one_key_are_built_once(world: World) -> None:
    evaluate(world, number(1))
    evaluate(world, number(11))
    twins = [half(number(1)), half(number(11))]
    found = unwrap(plan(world, twins))
    assert [of(found, each).action for each in twins] == [Action.BUILD, Action.CUT_OFF]
    assert of(found, twins[1]).why == (SameAs(twins[0].dref),)


def test_lefts_stand_or_are_tried_again(world: World) -> None:
    raised, environment = wrong(1), wrong(0)
    unwrap(realize_all(world, [raised, environment, half(raised)]))
    step = planned(world, raised)
    assert step.action is Action.REPLAY
    (why,) = step.why
    assert isinstance(why, LeftStands) and (why.kind, why.reason) == ("raised", "raised ValueError: 1")
    step = planned(world, half(raised))
    assert (step.action, step.why) == (Action.INHERIT, (StandsOn(raised.dref),))
    step = planned(world, environment)
    assert step.action is Action.BUILD and isinstance(step.why[0], LeftRetried)
    assert step.why[0].reason == "raised OSError: 0"
    assert planned(world, environment, replay=replay_always).action is Action.REPLAY
    assert planned(world, raised, replay=retry_always).action is Action.BUILD
    assert planned(world, raised, replay=retry_failed).action is Action.BUILD
    assert planned(world, half(raised), replay=retry_always).action is Action.MAYBE


def test_what_stands_on_a_left_is_inherited_whatever_else_comes_out(world: World) -> None:
    unwrap(realize_all(world, [wrong(1)]))
    step = planned(world, sum_of([number(5), wrong(1)]))
    assert (step.action, step.why) == (Action.INHERIT, (StandsOn(wrong(1).dref),))


def test_more_are_wanted(world: World) -> None:
    evaluate(world, number(3))
    collected = number(3).collect(some(4))
    step = planned(world, collected)
    assert (step.action, step.why) == (Action.BUILD, (MoreWanted(1, 3),))
    assert step.seconds is not None
    once = planned(world, number(4)).seconds
    assert once is not None and step.seconds == pytest.approx(3 * once), "three runs"


def test_a_refusal_is_what_a_run_would_say(world: World) -> None:
    with pytest.raises(EngineError) as told:
        unwrap(plan(world, number(3).choose(exact(evaluate_ref(world)))))
    assert isinstance(told.value.failure, Unmatched)


def evaluate_ref(world: World) -> lightfx.RRef:
    (outcome,) = unwrap(realize_all(world, [number(8)]))
    return outcome.rrefs[0]


def test_a_forced_derivation_is_built_and_what_stands_on_it_may_be(world: World) -> None:
    evaluate(world, half(number(1)))
    found = unwrap(plan(world, half(number(1)), force=frozenset({number(1).dref})))
    first, second = found.steps
    assert (first.action, first.why) == (Action.BUILD, (Forced(),))
    assert (second.action, second.why) == (Action.MAYBE, (WaitsFor((number(1).dref,)),))
    assert second.seconds is not None


def test_a_file_changed(world: World, tmp_path: Path) -> None:
    file = tmp_path / "in.txt"
    file.write_text("one")
    source = source_file(file)
    evaluate(world, size(source))
    file.write_text("three")
    found = unwrap(plan(world, size(source)))
    assert of(found, source).why == (OutsideChanged(),)
    assert of(found, size(source)).action is Action.MAYBE
    evaluate(world, source)
    (why,) = planned(world, size(source)).why
    assert isinstance(why, InputChanged) and why.reference.dref == source.dref
    assert len(why.old) == len(why.new) == 1 and why.old != why.new
    file.unlink()
    found = unwrap(plan(world, size(source)))
    assert isinstance(of(found, source).why[0], Unobservable)
    assert of(found, size(source)).action is Action.INHERIT
    assert not found.realized


@stage(version="1")
def read_here(build: Build) -> str:
    return build.need(source_file("in.txt")).read_text()


def test_a_plan_looks_at_a_relative_path_as_a_run_does(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trap: what the stage asked for is recorded by a path that means another file from here, were it the same text."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "in.txt").write_text("same")
    monkeypatch.chdir(tmp_path / "one")
    evaluate(world, read_here())
    assert planned(world, read_here()).action is Action.REUSE
    monkeypatch.chdir(tmp_path / "two")
    assert planned(world, read_here()).action is Action.BUILD


def test_lost_files_are_made_again(tmp_path: Path) -> None:
    with open_world(tmp_path / "store") as world:
        unwrap(realize_all(world, [written()]))
        for folder in (tmp_path / "store" / "objects").iterdir():
            folder.chmod(0o700)
            shutil.rmtree(folder)
        step = planned(world, written())
        assert step.action is Action.BUILD and isinstance(step.why[0], FilesGone)


@stage(version="1", ephemeral=True)
def passing(build: Build, number: int) -> Path:
    (build.out / "big").write_text("x" * number)
    return build.out / "big"


def test_dropped_files_are_made_again_where_something_runs_on_them(tmp_path: Path) -> None:
    with open_world(tmp_path / "store") as world:
        evaluate(world, size(passing(3)))
    with open_world(tmp_path / "store") as world:
        assert not list((tmp_path / "store" / "objects").iterdir())
        assert unwrap(plan(world, size(passing(3)))).realized
        found = unwrap(plan(world, doubled_size(passing(3))))
        assert [each.action for each in found] == [Action.BUILD, Action.BUILD]
        assert isinstance(found.steps[0].why[0], FilesGone)
        assert isinstance(found.steps[1].why[0], NeverBuilt)
        found = unwrap(plan(world, passing(3)))
        assert [each.action for each in found] == [Action.BUILD], "a target is read"


@stage(version="1")
def doubled_size(build: Build, file: Derivation[Path]) -> int:
    return 2 * len(build.need(file).read_text())


@stage(version="1")
def asking(build: Build, count: int) -> int:
    return sum(build.need(number(each)) for each in range(count))


def test_what_asks_as_it_runs_is_reused_where_all_of_that_stands(world: World) -> None:
    step = planned(world, asking(3))
    assert (step.action, step.why) == (Action.BUILD, (NeverBuilt(),))
    evaluate(world, asking(3))
    found = unwrap(plan(world, asking(3)))
    assert [(each.dref, each.action) for each in found] == [(asking(3).dref, Action.REUSE)]
    (step,) = unwrap(plan(world, asking(2))).steps
    assert step.why == (FieldChanged("args.count", 3, 2),)


@stage(version="1")
def counts(build: Build, path: str, times: int) -> int:
    return times * build.need(size(source_file(path)))


@stage(version="1")
def counts_twice(build: Build, path: str) -> int:
    return 2 * build.need(counts(path, 1))


def test_what_was_asked_for_changed_and_files_were_said_to_be_gone(world: World, tmp_path: Path) -> None:
    """Trap: a trace that does not stand is no realization that lost its files."""
    file = tmp_path / "in.txt"
    file.write_text("abc")
    top = counts_twice(str(file))
    evaluate(world, top)
    file.write_text("abcd")
    step = planned(world, top)
    assert (step.action, step.why) == (Action.BUILD, (AskedChanged(source_file(file).dref),))
    evaluate(world, top)
    assert planned(world, top).action is Action.REUSE
    more = planned(world, top.collect(some(3)))
    assert more.why == (MoreWanted(1, 2),), "what does not stand counts for nothing"
    below = size(source_file(file))
    assert planned(world, top, force=[below]).why == (AskedForced(below.dref),)
    assert planned(world, top, force=[counts(str(file), 1)]).why == (AskedForced(counts(str(file), 1).dref),)


def test_what_was_asked_for_came_to_what_is_stored_already(world: World, tmp_path: Path) -> None:
    file = tmp_path / "in.txt"
    file.write_text("abc")
    evaluate(world, counts(str(file), 1))
    file.write_text("abcd")
    evaluate(world, counts(str(file), 2))
    below = size(source_file(file))
    assert planned(world, counts(str(file), 1)).why == (AskedChanged(below.dref),)


@stage(version="1")
def asks_wrong(build: Build, value: int) -> int:
    return build.need(wrong(value))


@stage(version="1")
def bears_wrong(build: Build, value: int) -> str:
    return type(build.need(asks_wrong(value).tolerate())).__name__


def test_a_left_that_was_asked_for_is_tried_again_or_stands(world: World) -> None:
    """Trap: files of the value that a tolerant stage gave were said to be gone; what inherits gave no reason at all."""
    passing, lasting = ([bears_wrong(value), asks_wrong(value)] for value in (0, 1))
    unwrap(realize_all(world, [*passing, *lasting]))
    for each in passing:
        (why,) = planned(world, each).why
        assert isinstance(why, AskedRetried) and why.rref.dref == wrong(0).dref
        assert (why.kind, why.reason) == ("raised", "raised OSError: 0")
    step = planned(world, lasting[0])
    assert (step.action, step.why) == (Action.REUSE, ())
    step = planned(world, lasting[1])
    assert (step.action, step.why) == (Action.INHERIT, (StandsOn(wrong(1).dref),))
    for each in lasting:
        (why,) = planned(world, each, replay=retry_always).why
        assert isinstance(why, AskedRetried) and why.rref.dref == wrong(1).dref


def test_what_was_asked_for_is_not_stored(tmp_path: Path) -> None:
    """A record came from elsewhere, without those of what its stage asked for."""
    recipe = asking(1).origin
    assert isinstance(recipe, Recipe)
    with open_world(tmp_path / "one") as one, open_world(tmp_path / "other") as other:
        (rref,) = unwrap(realize(one, asking(1))).rrefs
        (record,) = unwrap(one.store.realizations((rref,))).values()
        unwrap(other.store.commit([Entry(recipe.config, record, recipe.realizer)]))
        assert planned(other, asking(1)).why == (AskedGone(number(0).dref),)


# The code.

MODULE = """
from lightfx import Build, Derivation, stage

RATE = 2

def helper(number):
    return number * RATE

def other(number):
    return number

@stage
def base(build: Build, number: int) -> int:
    return helper(number)

@stage
def top(build: Build, base: Derivation[int], odd: int) -> int:
    return build.need(base) + odd
"""


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def load(text: str) -> ModuleType:
        (tmp_path / "inspected.py").write_text(text)
        sys.modules.pop("inspected", None)
        importlib.invalidate_caches()
        return importlib.import_module("inspected")

    yield load
    sys.modules.pop("inspected", None)


def test_which_functions_changed(world: World, code: Callable[[str], Any]) -> None:
    """Each cell is compared with itself, also where its inputs are other derivations now."""
    old = code(MODULE)
    before = [old.top(old.base(number), odd) for number in (1, 2) for odd in (5, 6)]
    unwrap(realize_all(world, before))
    new = code(MODULE.replace("number * RATE", "other(number) * 2"))
    found = unwrap(plan(world, [new.top(new.base(number), odd) for number in (1, 2) for odd in (5, 6)]))
    step = of(found, new.base(1))
    assert step.nearest == old.base(1).dref
    assert step.why == (CodeChanged(("inspected:helper",), ("inspected:other",), ("inspected:RATE",)),)
    step = of(found, new.top(new.base(1), 5))
    assert step.nearest == old.top(old.base(1), 5).dref
    changed = ReferenceChanged("args.base", old.base(1).dref, new.base(1).dref)
    assert step.why == (changed, WaitsFor((new.base(1).dref,)))
    assert step.seconds is not None


def test_a_constant_changed(world: World, code: Callable[[str], Any]) -> None:
    old = code(MODULE)
    evaluate(world, old.base(1))
    new = code(MODULE.replace("RATE = 2", "RATE = 3"))
    assert planned(world, new.base(1)).why == (CodeChanged(("inspected:RATE",)),)
    assert planned(world, old.base(1)).action is Action.REUSE


# Nothing is written.


def contents(root: Path) -> dict[str, bytes | None]:
    """All that counts: the index, and SQLite's own companions, are remade at will."""
    paths = (path for path in sorted(root.rglob("*")) if not path.name.startswith("index.sqlite"))
    return {path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else None for path in paths}


def test_a_plan_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    """The trap: a dry run that changes state."""
    store, file = tmp_path / "store", tmp_path / "in.txt"
    file.write_text("one")
    plans = [size(source_file(file)), half(number(1)), wrong(0), number(1).collect(some(2))]
    with open_world(store) as world:
        unwrap(realize_all(world, plans[:3]))
    before = contents(store)
    file.write_text("two")
    with open_world(store) as world:
        during = contents(store)
        found = unwrap(plan(world, [*plans, half(number(12)), half(number(11))]))
        assert contents(store) == during
        assert [step for step in found if step.action is Action.BUILD]
        stored = unwrap(world.store.newest(None, 99))
    assert contents(store) == before
    with open_world(store) as world:
        assert unwrap(world.store.newest(None, 99)) == stored


def test_a_plan_waits_for_nobody(tmp_path: Path) -> None:
    """Another process builds what is asked for: the plan neither waits for it nor takes its claim."""
    with open_world(tmp_path / "store") as one, open_world(tmp_path / "store") as two:
        recipe = number(1).origin
        assert isinstance(recipe, Recipe)
        key = input_key(recipe.config.resolved(str))
        for _ in range(2):
            assert unwrap(two.store.claim([key])) == {key}
            assert planned(one, number(1)).action is Action.BUILD
        unwrap(two.store.release([key]))
        assert unwrap(one.store.claim([key])) == {key}


def test_the_name_of_the_function_is_no_module() -> None:
    """`lightfx.plan` is a function, and the folder of that name can be imported from all the same."""
    program = "import lightfx, lightfx.plan.graph\nfrom lightfx.plan.garbage_that_is_not_there import x\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "No module named 'lightfx.plan.garbage_that_is_not_there'" in done.stderr
    program = "import lightfx\nfrom lightfx.plan.schedule import step\nfrom lightfx import plan\nassert callable(plan)"
    subprocess.run([sys.executable, "-c", program], check=True)
