"""The low level: realizers of one's own, several outputs, promises, builds with state, what a run says to stages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from lowlevel_stages import (
    a_set,
    bare,
    doubled,
    draws,
    good,
    nan,
    nothing,
    nowhere,
    numbers,
    outside,
    saved,
    some_text,
    strange_failure,
    sums,
    told,
    trained,
)
from returns.result import Failure, Result, Success

from lightfx import (
    BadOutput,
    Build,
    BuildOrder,
    Config,
    Derivation,
    EngineError,
    Left,
    MadeBy,
    Output,
    Right,
    StageError,
    Terms,
    UnstorableError,
    World,
    derivation,
    evaluate,
    lens,
    open_world,
    out,
    realize,
    realize_all,
    realizer,
    redefined,
    stage,
    unwrap,
)
from lightfx.failures import NotRealized
from lightfx.matchers import every, first, latest, some
from lightfx.stages import fields


@pytest.fixture(params=["inline", "workers"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "store", workers=1 if request.param == "workers" else 0) as opened:
        yield opened


def test_a_realizer_of_ones_own_gives_several_outputs_each_by_itself(world: World) -> None:
    plan = derivation({"kind": "draw"}, first(), realizer(draws, Path, outputs=3))
    found = evaluate(world, plan.collect(some(2)))
    assert [path.read_text() for path in found] == ["0", "1"]
    stored = unwrap(world.store.listed((plan.dref,), frozenset()))
    assert sorted((row.stored.index, row.stored.kind) for row in stored) == [(0, "right"), (1, "right"), (2, "raised")]
    assert [path.read_text() for path in evaluate(world, plan.collect(every()), only_stored=True)] == ["0", "1"]


def test_derivations_in_its_config_are_its_inputs(world: World, tmp_path: Path) -> None:
    ran = str(tmp_path / "ran.txt")
    config = {
        "base": 1,
        "of": [told(2, ran), {"more": told(3, ran).choose(latest())}],
        "many": told(4, ran).collect(every()),
    }
    plan = derivation(config, first(), realizer(sums, int))
    assert evaluate(world, plan) == 10
    assert evaluate(world, doubled(plan)) == 20
    outcome = unwrap(realize(world, plan, only_stored=True))
    seen = lens(outcome, world)
    assert (seen.base.value, seen.of[1].more.value, seen.many[0].number.value) == (1, 3, 4)


def test_the_code_of_a_realizer_is_part_of_the_identity() -> None:
    def one(order: BuildOrder) -> Result[tuple[Output, ...], Left]:
        return Success((Output(1),))

    def two(order: BuildOrder) -> Result[tuple[Output, ...], Left]:
        return Success((Output(2),))

    plans = [derivation({}, first(), realizer(each, int, name="x")) for each in (one, two)]
    assert plans[0].dref != plans[1].dref
    assert plans[0].dref == derivation({}, first(), realizer(one, int, name="x")).dref
    assert [derivation({}, first(), realizer(one, int, name="x", version=each)).dref for each in "12"][0] != plans[
        0
    ].dref


class Constant:
    """The whole protocol by hand."""

    terms = Terms()
    type = int

    def current(self, config: object, /) -> bool:
        return True

    def decode(self, tree: object, folder: Path | None, /) -> Result[object, object]:
        return Success(tree)

    def made_by(self) -> MadeBy:
        return MadeBy()

    def parts(self) -> tuple[tuple[str, str], ...]:
        return ()

    def part(self, path: object, /) -> object:
        raise NotImplementedError

    def __call__(self, order: BuildOrder, /) -> Result[tuple[Output, ...], Left]:
        return Success((Output(7),))


def test_any_realizer_will_do(tmp_path: Path) -> None:
    with open_world(tmp_path / "store") as world:
        plan = derivation({"a": 1}, first(), Constant(), version="1")  # type: ignore[call-overload]
        assert evaluate(world, plan) == 7
        assert plan.dref.name.text == "Constant"
        assert plan.dref != derivation({"a": 1}, first(), Constant(), version="2").dref  # type: ignore[call-overload]


class Promising(Constant):
    """A realizer of one's own that writes a file, and not the one that was promised."""

    def __call__(self, order: BuildOrder, /) -> Result[tuple[Output, ...], Left]:
        folder = order.folder(0)
        folder.mkdir(parents=True)
        (folder / "a").write_text("a")
        return Success((Output({"$path": "a"}, folder),))


@pytest.mark.parametrize("workers", [0, 1])
def test_what_a_realizer_gives_wrongly_is_left_and_takes_no_other_along(tmp_path: Path, workers: int) -> None:
    """Trap: a NaN ended the whole run, and a value of another type was stored for ever and could never be read."""
    made = {
        each.__name__: derivation({"x": 1}, first(), realizer(each, kind))  # type: ignore[arg-type]  # what nobody checked
        for each, kind in (
            (nan, float), (a_set, object), (some_text, int), (outside, Path), (nowhere, Path),
            (nothing, int), (numbers, int), (bare, int), (strange_failure, int),
        )
    }  # fmt: skip
    with open_world(tmp_path / "store", workers=workers) as world:
        found = unwrap(realize_all(world, {**made, "good": good(3)}))
        assert isinstance(kept := found.pop("good"), Right)
        assert kept.value == 3
        assert {name: each.kind for name, each in found.items() if isinstance(each, Left)} == dict.fromkeys(
            made, "bad_output"
        )
        causes = {name: each.cause for name, each in found.items() if isinstance(each, Left)}
        assert causes["some_text"] == BadOutput("the value", "is of type str, not int")
        assert causes["nothing"] == BadOutput("the outputs", "are of type NoneType, not tuple")
        assert causes["bare"] == BadOutput("the outputs", "are of type int, not Result")
        assert isinstance(unwrap(realize(world, made["some_text"])), Left)


def test_what_is_no_part_of_a_derivation_is_refused_at_the_call() -> None:
    with pytest.raises(TypeError, match="as a mapping, not Config"):
        derivation(Config.of(x=1), first(), realizer(sums, int))  # type: ignore[call-overload]  # what nobody checked
    with pytest.raises(TypeError, match=r"a Realizer, not function: realizer\(function, type\)"):
        derivation({}, first(), bare)  # type: ignore[call-overload]  # as above


def test_any_realizer_of_a_config_keeps_its_promises(tmp_path: Path) -> None:
    with open_world(tmp_path / "store") as world:
        plan = derivation({"to": out("never.txt")}, first(), Promising(), version="1")  # type: ignore[call-overload]
        broken = unwrap(realize(world, plan))
        assert isinstance(broken, Left)
        assert broken.cause == BadOutput("never.txt", "was promised by a parameter, and does not exist")
        assert broken.folder is not None
        assert (broken.folder / "a").read_text() == "a"
        kept = derivation({"to": out("a")}, first(), Promising(), version="1")  # type: ignore[call-overload]
        assert isinstance(unwrap(realize(world, kept)), Right)


def test_what_cannot_be_in_a_config_is_refused_with_its_path() -> None:
    made = realizer(sums, int)
    with pytest.raises(UnstorableError, match=r"^rates\[1\]\.x is NaN"):
        derivation({"rates": [1, {"x": float("nan")}]}, first(), made)
    with pytest.raises(UnstorableError, match=r"\['\$dref'\] is a key that begins with"):
        derivation({"$dref": "x"}, first(), made)
    with pytest.raises(UnstorableError, match="^file is of type PosixPath"):
        derivation({"file": Path("x")}, first(), made)
    with pytest.raises(StageError, match="cannot be stored"):
        realizer(sums, type)
    deep: object = 1
    for _ in range(70):
        deep = [deep]
    with pytest.raises(UnstorableError, match="deeper than 64"):
        derivation({"deep": deep}, first(), made)


# Promises.


@stage(version="1")
def anything(build: Build, x: object) -> int:
    return 0


def nested(depth: int, wrap: Callable[[object], object]) -> object:
    value: object = 0
    for _ in range(depth):
        value = wrap(value)
    return value


class Endless(Mapping[str, object]):
    def __getitem__(self, key: str) -> object:
        return Endless()

    def __iter__(self) -> Iterator[str]:
        return iter(["a"])

    def __len__(self) -> int:
        return 1


CIRCLE: list[object] = []
CIRCLE.append({"a": CIRCLE})
DEEP = {
    "circle": CIRCLE,
    "lists": nested(100_000, lambda inner: [inner]),
    "dicts": nested(100_000, lambda inner: {"a": inner}),
    "endless": Endless(),
}


@pytest.mark.parametrize("what", DEEP)
def test_what_is_too_deep_is_refused_in_words(what: str) -> None:
    """Trap: here nothing but Python's own stack was an end to it."""
    with pytest.raises(UnstorableError, match="is nested deeper than 64 levels"):
        derivation({"x": DEEP[what]}, first(), realizer(draws, int, version="1"))
    with pytest.raises(UnstorableError, match="is nested deeper than 64 levels|is of type Endless"):
        redefined(anything(0), config=lambda old: {**old, "x": DEEP[what]})


def test_as_deep_as_may_be_is_not_too_deep() -> None:
    value = nested(63, lambda inner: [inner])
    assert derivation({"x": value}, first(), realizer(draws, int, version="1")).origin is not None
    with pytest.raises(UnstorableError, match="is nested deeper than 64 levels"):
        derivation({"x": [value]}, first(), realizer(draws, int, version="1"))


def test_what_would_fill_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields, "MOST", 10_000)
    value = nested(20, lambda inner: [inner] * 10)
    with pytest.raises(UnstorableError, match="x is too large"):
        derivation({"x": value}, first(), realizer(draws, int, version="1"))


def test_a_stage_is_given_the_place_of_what_its_config_promises(world: World) -> None:
    plan = saved(0.5, {"model": out("weights/model.npy"), "log": out("log.txt")})
    folder = evaluate(world, plan)
    assert (folder / "weights" / "model.npy").read_text() == "model 0.5"
    assert lens(unwrap(realize(world, plan)), world).files.model.text == "model 0.5"
    assert plan.dref != saved(0.5, {"model": out("model.npy"), "log": out("log.txt")}).dref


def test_a_promise_that_is_not_kept_is_bad_output(world: World) -> None:
    outcome = unwrap(realize(world, saved(0.5, {"model": out("a/model.npy"), "log": out("log.txt")}, keeps=False)))
    assert isinstance(outcome, Left)
    assert outcome.cause == BadOutput("a/model.npy", "was promised by a parameter, and does not exist in build.out")
    assert outcome.folder is not None
    assert (outcome.folder / "log.txt").read_text() == "log 0.5"


def test_a_realizer_keeps_its_promises_too(tmp_path: Path) -> None:
    with open_world(tmp_path / "store") as world:
        kept = derivation({"to": out("n.txt")}, first(), realizer(draws, Path))
        assert evaluate(world, kept).read_text() == "0"
        broken = unwrap(realize(world, derivation({"to": out("m.txt")}, first(), realizer(draws, Path))))
        assert isinstance(broken, Left)
        assert broken.cause == BadOutput("m.txt", "was promised by a parameter, and does not exist")


def test_a_promise_may_be_a_default_and_a_bare_path_is_still_refused(tmp_path: Path) -> None:
    @stage
    def notes(build: Build, text: str, to: Path = out("notes.txt")) -> Path:
        to.write_text(text)
        return to

    with open_world(tmp_path / "store") as world:
        assert evaluate(world, notes("x")).name == "notes.txt"
        assert evaluate(world, notes("x", out("y.txt"))).read_text() == "x"
        assert evaluate(world, notes("x", to=out("notes.txt")), only_stored=True).name == "notes.txt"
    with pytest.raises(UnstorableError, match=r"to is a path, which a parameter cannot be: an input file enters by"):
        notes("x", tmp_path)
    for wrong in ("", ".", "..", "a/../b", "/etc/x", "a\0b"):
        with pytest.raises(ValueError, match="no plain relative path"):
            out(wrong)


# Builds with state.


def test_a_build_may_hold_state_of_ones_own(world: World) -> None:
    assert evaluate(world, trained(1.0)) == [1.0, 0.5, 2.0]


def test_the_class_of_the_build_is_code_of_the_stage() -> None:
    def make(step: int) -> Derivation[int]:
        if step == 1:

            class Counting(Build):
                def count(self) -> int:
                    return 1
        else:

            class Counting(Build):  # type: ignore[no-redef]
                def count(self) -> int:
                    return 2

        @stage
        def counts(build: Counting) -> int:
            return build.count()

        return counts()

    assert make(1).dref != make(2).dref
    assert make(1).dref == make(1).dref


# What a run says to stages.


def test_args_reach_the_stage_and_are_no_part_of_the_identity(world: World, tmp_path: Path) -> None:
    ran = tmp_path / "ran.txt"
    one, two = told(1, str(ran)), told(2, str(ran))
    assert unwrap(realize_all(world, [one, two], args={one: {"device": "cpu", "verbose": 2}}))
    assert sorted(ran.read_text().splitlines()) == ["1 [('device', 'cpu'), ('verbose', 2)]", "2 []"]
    assert isinstance(unwrap(realize(world, one, args={one.dref: {"device": "gpu"}}, only_stored=True)), Right)
    assert len(ran.read_text().splitlines()) == 2
    (row,) = unwrap(world.store.listed((one.dref,), frozenset({one.dref})))
    assert "cpu" not in repr(unwrap(world.store.realizations((row.stored.rref,))))
    with pytest.raises(TypeError, match="args takes derivations and their references, not str"):
        realize(world, one, args={"told": {}})  # type: ignore[dict-item]


def test_nothing_is_run_where_only_what_is_stored_may_be_used(world: World, tmp_path: Path) -> None:
    with pytest.raises(EngineError) as caught:
        evaluate(world, told(5, str(tmp_path / "ran.txt")), only_stored=True)
    assert isinstance(caught.value.failure, NotRealized)
    assert not isinstance(caught.value.failure, Failure)
