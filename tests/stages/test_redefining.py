"""Plans made of other plans: a change goes through all that stands on it; what is only to be used is not run."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

import pytest
from attrs import frozen
from returns.result import Result, Success

from lightfx import (
    Build,
    Derivation,
    EngineError,
    Tolerant,
    UnstorableError,
    World,
    evaluate,
    instantiate,
    memory_world,
    out,
    realized,
    realizer,
    redefined,
    source_file,
    stage,
)
from lightfx.core.derivation import Asks
from lightfx.core.outcome import Left, Right
from lightfx.core.realization import BuildOrder, Output, Outputs
from lightfx.core.terms import Terms
from lightfx.failures import NotRealized
from lightfx.matchers import latest, some
from lightfx.ready import fetch


@stage(version="1")
def load(build: Build, size: int, note: bytes = b"", to: Path = out("x")) -> list[int]:
    to.touch()
    return list(range(size))


@stage(version="1", outputs=2)
def train(build: Build, data: Derivation[list[int]], rate: float) -> float:
    return rate * sum(build.need(data)) + build.index


@stage(version="1")
def compare(build: Build, models: dict[str, Derivation[tuple[float, ...]]], best: Tolerant[float]) -> list[object]:
    outcome = build.need(best)
    return [*(build.need(each) for each in models.values()), outcome.value if isinstance(outcome, Right) else None]


def plan(size: int = 3, rate: float = 1.0, other: float = 2.0) -> Derivation[list[object]]:
    data = load(size, b"\0")
    return compare(
        {"a": train(data, rate).collect(some(2)), "b": train(data, other).collect(some(2))},
        train(load(1), 1.0).tolerate(),
    )


@pytest.fixture
def world(tmp_path: Path) -> World:
    return memory_world(tmp_path)


def test_a_change_is_carried_through_all_that_stands_on_it(world: World) -> None:
    changed = redefined(plan(3), of=load(3, b"\0"), config=lambda old: {**old, "size": 4})
    assert changed == plan(4)
    assert set(instantiate(changed).derivations) == set(instantiate(plan(4)).derivations)
    assert evaluate(world, changed) == evaluate(world, plan(4)) == [[6.0, 7.0], [12.0, 13.0], 0.0]
    assert redefined(plan(3), of=load(3, b"\0").dref, config=lambda old: old) == plan(3)


def test_every_derivation_of_a_stage_is_changed(world: World) -> None:
    changed = redefined(plan(3), of=train, config=lambda old: {**old, "rate": 0.0})
    assert evaluate(world, changed) == [[0.0, 1.0], [0.0, 1.0], 0.0]
    assert redefined(compare, of=train, config=lambda old: old)({}, train(load(2), 1.0).tolerate()) == compare(
        {}, train(load(2), 1.0).tolerate()
    )


def test_a_dependency_can_be_changed_for_another(world: World) -> None:
    changed = redefined(train(load(3), 1.0), config=lambda old: {**old, "data": load(5)})
    assert changed == train(load(5), 1.0)


def test_a_matcher_is_changed_at_every_use(world: World) -> None:
    inner = train(load(3), 1.0)
    assert redefined(inner, matcher=latest()) == inner.choose(latest())

    @stage(version="1")
    def uses(build: Build, model: Derivation[float]) -> float:
        return build.need(model)

    assert redefined(uses(inner), of=train, matcher=latest()) == uses(inner.choose(latest()))
    assert redefined(uses(inner), of=train, matcher=latest()) != uses(inner)


def tens(order: BuildOrder) -> Result[Outputs, Left | Asks]:
    return Success(tuple(Output(10.0 * index) for index in order.indices))


def test_a_realizer_is_changed_with_the_identity(world: World) -> None:
    before = plan(3)
    changed = redefined(before, of=train, realizer=realizer(tens, float, outputs=2, version="1"))
    assert changed.dref != before.dref
    assert evaluate(world, changed) == [[0.0, 10.0], [0.0, 10.0], 0.0]
    assert evaluate(world, before) == [[3.0, 4.0], [6.0, 7.0], 0.0]


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnstorableError, match=r"load: size is of type str|load: size"):
        redefined(plan(), of=load, config=lambda old: {**old, "size": "4"})
    with pytest.raises(UnstorableError, match="sizes is unknown"):
        redefined(plan(), of=load, config=lambda old: {**old, "sizes": 4})
    with pytest.raises(LookupError, match="there is no"):
        redefined(plan(), of=load(77), config=lambda old: old)
    with pytest.raises(TypeError, match="a matcher is wanted"):
        redefined(plan(), matcher=latest)  # type: ignore[arg-type]
    (tmp_path / "a").touch()
    with pytest.raises(TypeError, match="is a source"):
        redefined(source_file(tmp_path / "a"), config=lambda old: old)


class Kind(Enum):
    WIDE = "w"
    DEEP = "d"


@frozen
class Net:
    kind: Kind = Kind.WIDE
    rate: float = 0.5


@stage(version="1")
def fit(
    build: Build,
    net: Net,
    kind: Kind = Kind.WIDE,
    picked: frozenset[int] = frozenset(),
    rate: float = 1.0,
    nets: tuple[Net, ...] = (),
    data: dict[str, Derivation[list[int]]] = {},  # noqa: B006 -- a default that is never changed
) -> float:
    return net.rate + rate


def test_a_changed_value_is_what_a_call_takes() -> None:
    base = fit(Net())
    assert redefined(base, config=lambda old: {**old, "net": Net(Kind.DEEP, 3)}) == fit(Net(Kind.DEEP, 3.0))
    assert redefined(base, config=lambda old: {**old, "kind": Kind.DEEP}) == fit(Net(), Kind.DEEP)
    assert redefined(base, config=lambda old: {**old, "picked": frozenset({2, 1})}) == fit(
        Net(), picked=frozenset({1, 2})
    )
    assert redefined(base, config=lambda old: {**old, "rate": 2}) == fit(Net(), rate=2)
    assert redefined(base, config=lambda old: {**old, "nets": (Net(),)}) == fit(Net(), nets=(Net(),))
    swapped = redefined(base, config=lambda old: {**old, "data": {"a": load(2)}})
    assert swapped == fit(Net(), data={"a": load(2)})
    assert set(instantiate(swapped).derivations) == {swapped.dref, load(2).dref}


def test_plain_values_can_be_changed_in_parts() -> None:
    def deeper(old: dict[str, object]) -> dict[str, object]:
        net = old["net"]
        return {**old, "net": {**net, "rate": 0.25}} if isinstance(net, dict) else old

    assert redefined(fit(Net(Kind.DEEP)), config=deeper) == fit(Net(Kind.DEEP, 0.25))


def test_what_a_call_refuses_is_refused_in_its_words() -> None:
    with pytest.raises(UnstorableError, match="fit: net is of type Kind, not Net"):
        redefined(fit(Net()), config=lambda old: {**old, "net": Kind.DEEP})
    with pytest.raises(TypeError, match=r"config= gave NoneType, and is to give all parameters by name"):
        redefined(fit(Net()), config=lambda old: old.update(rate=4.0))  # type: ignore[arg-type, return-value]


def test_what_is_no_plan_and_no_change_is_refused_in_words() -> None:
    with pytest.raises(TypeError, match="of= takes a stage, a derivation or a DRef, not the function fetch"):
        redefined(plan(), of=fetch)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="config= takes a function of the parameters, not dict"):
        redefined(plan(), config={"size": 1})  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="realizer= takes a Realizer, not function"):
        redefined(plan(), realizer=tens)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match=r"redefined takes a plan or a stage, not Tolerant"):
        redefined(plan().tolerate(), config=dict)  # type: ignore[call-overload]
    with pytest.raises(
        TypeError, match=r"realized takes a plan or a stage, not Tolerant: tolerate what realized gives"
    ):
        realized(plan().tolerate())  # type: ignore[call-overload]


# What may not run.


def test_what_is_not_stored_fails_and_stores_nothing(world: World) -> None:
    used = realized(train)(load(3), 1.0)
    assert used == train(load(3), 1.0)
    with pytest.raises(EngineError) as caught:
        evaluate(world, used)
    assert caught.value.failure == NotRealized(used.dref)
    assert evaluate(world, train(load(3), 1.0)) == 3.0
    assert evaluate(world, used) == 3.0
    with pytest.raises(EngineError):  # a second output would have to run
        evaluate(world, realized(train(load(3), 1.0)).collect(some(5)))


def test_what_stands_on_it_runs_and_one_use_forbids_all(world: World) -> None:
    @stage(version="1")
    def both(build: Build, one: Derivation[float], two: Derivation[float]) -> float:
        return build.need(one) + build.need(two)

    model = train(load(3), 1.0)
    for plans in (both(model, realized(model)), both(realized(model), model)):
        with pytest.raises(EngineError) as caught:
            evaluate(world, plans)
        assert caught.value.failure == NotRealized(model.dref)
    evaluate(world, model)
    assert evaluate(world, both(model, realized(model))) == 6.0
    assert Terms().stored_only is False
