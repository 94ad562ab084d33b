"""Lenses: steps through plans and realizations, across references, and what is said where they lead nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from attrs import frozen
from returns.result import Failure, Result

from lightfx import (
    Build,
    Config,
    Derivation,
    EngineError,
    Left,
    Lens,
    LensError,
    Misstep,
    Right,
    Tolerant,
    World,
    instantiate,
    lens,
    memory_world,
    realize,
    stage,
    unwrap,
)
from lightfx.core.failures import Closed
from lightfx.core.outcome import Cancelled
from lightfx.core.refs import DRef, RRef
from lightfx.matchers import Candidate, Choice, Chosen, Matcher, Need, latest, some


@frozen
class Dataset:
    rows: Path
    size: int
    note: str | None


@stage(version="1")
def dataset(build: Build, size: int, shape: dict[str, list[int]]) -> Dataset:
    rows = build.out / "rows.csv"
    rows.write_text("".join(f"{row}\n" for row in range(size)))
    return Dataset(rows, size, None)


@stage(version="1", outputs=2)
def model(build: Build, data: Derivation[Dataset], rate: float) -> Result[str, str]:
    seen: list[object] = [lens(build).data.rows.text, lens(build).rate.value, lens(build).data.rref.dref == data.dref]
    return Failure("rate") if rate < 0 else Result.from_value(f"{build.index} {seen}")


@stage(version="1")
def report(build: Build, models: list[Derivation[tuple[str, ...]]], risky: Tolerant[str]) -> Path:
    (build.out / "pages").mkdir()
    (build.out / "pages" / "one.txt").write_text("one")
    (build.out / "raw").write_bytes(b"\xff")
    return build.out


@pytest.fixture
def world(tmp_path: Path) -> World:
    return memory_world(tmp_path / "scratch")


def plan() -> Derivation[Path]:
    data = dataset(3, {"a": [1, 2]})
    return report([model(data, 0.5).collect(some(2))], model(data, -1.0).tolerate())


def made(world: World) -> Lens:
    outcome = unwrap(realize(world, plan()))
    assert isinstance(outcome, Right), outcome
    return lens(outcome, world)


def test_from_a_realization_to_the_files_of_what_it_stands_on(world: World) -> None:
    seen = made(world)
    assert seen.models[0][1].data.rows.text == "0\n1\n2\n"
    assert seen.models[0][1].data.rows.path.name == "rows.csv"
    assert seen.models[0][1].value == "1 ['0\\n1\\n2\\n', 0.5, True]"
    assert seen.models[0][0].data.shape.a[1].value == 2
    assert seen.models[0][0].data.shape.value == {"a": [1, 2]}
    assert len(seen.models.value) == 1
    assert seen.models[0].value == [seen.models[0][0].value, seen.models[0][1].value]
    assert seen.pages["one.txt"].text == "one"
    assert seen["pages"].path.is_dir()


def test_a_realization_is_crossed_by_its_own_context(world: World) -> None:
    @stage(version="1", outputs=2)
    def draws(build: Build) -> int:
        return build.index

    @stage(version="1")
    def uses(build: Build, drawn: Derivation[int]) -> int:
        return build.need(drawn)

    first, last = (unwrap(realize(world, uses(each))) for each in (draws(), draws().choose(latest())))
    rrefs = [lens(each, world).drawn.rref for each in (first, last)]
    assert isinstance(first, Right) and isinstance(last, Right)
    assert rrefs[0] != rrefs[1]
    assert [lens(each, world).value for each in rrefs] == [first.value, last.value]


def test_a_left_says_why_and_lets_its_parameters_be_seen(world: World) -> None:
    risky = made(world).risky
    assert (risky.rate.value, risky.data.size.value) == (-1.0, 3)
    with pytest.raises(LensError, match='^risky is LEFT: it returned str "rate"$'):
        _ = risky.value
    assert risky.optional is None
    left = unwrap(realize(world, model(dataset(1, {}), -1.0)))
    assert isinstance(left, Left)
    assert lens(left, world).rate.value == -1.0


def test_a_plan_is_seen_before_it_has_run() -> None:
    seen = lens(plan())
    assert seen.models[0].data.size.value == 3
    assert seen.models[0].data.dref == dataset(3, {"a": [1, 2]}).dref
    assert seen.models[0].data.value == {"size": 3, "shape": {"a": [1, 2]}}
    with pytest.raises(LensError, match=r"^models\[0\]\.data is no realization$"):
        _ = seen.models[0].data.rref
    with pytest.raises(LensError, match=r"rows is not there; what is: shape, size"):
        _ = seen.models[0].data.rows.path
    closure = lens(instantiate({"a": plan(), "b": [plan()]}))
    assert closure.b[0].dref == closure.a.dref == plan().dref
    assert closure.names == ("a", "b")


def test_a_config_alone_leads_to_names_and_with_a_world_to_what_is_stored(world: World) -> None:
    seen = made(world)
    config = unwrap(world.store.configs((seen.dref,)))[seen.dref]
    assert lens(config).models[0].dref == seen.models[0][0].dref
    assert lens(config).models[0].optional is None
    assert lens(config, world).models[0].data.size.value == 3
    assert lens(seen.dref, world).risky.rate.value == -1.0


def test_the_first_step_that_leads_nowhere_is_told(world: World) -> None:
    seen = made(world)
    missing = seen.get("models", 0, 0, "daata", "rows")
    assert isinstance(missing, Failure)
    failure = missing.failure()
    assert isinstance(failure, Misstep)
    assert (failure.path, failure.there) == ("models[0][0].daata", ("data", "rate"))
    assert seen.models[0][0].daata.rows.optional is None
    with pytest.raises(LensError, match=r"^models\[0\]\[0\]\.daata is not there; what is: data, rate$"):
        _ = seen.models[0][0].daata.rows.path
    assert seen.get("models", 0, 1, "rate").map(lambda found: found.value).unwrap() == 0.5
    for wrong in (seen.models[7], seen["../x"], seen[".."], seen["pages/one.txt"], seen.models[0][0].rate.x):
        assert isinstance(wrong.found(), Failure)


def test_what_cannot_be_read_so_is_said_to_be(world: World) -> None:
    seen = made(world)
    with pytest.raises(LensError, match="^raw cannot be read: it is no UTF-8$"):
        _ = seen.raw.text
    with pytest.raises(LensError, match="^pages cannot be read: Is a directory$"):
        _ = seen.pages.text
    with pytest.raises(LensError, match=r"^risky\.rate names no file$"):
        _ = seen.risky.rate.path
    with pytest.raises(LensError, match=r"^risky\.rate is no derivation$"):
        _ = seen.risky.rate.dref
    with pytest.raises(LensError, match="is not stored"):
        _ = lens(RRef.of(seen.dref, key="k", index=0, content="c"), world).value
    with pytest.raises(TypeError, match="takes the world too"):
        lens(seen.rref)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="not into int"):
        lens(3)  # type: ignore[call-overload]


def test_a_name_that_is_parameter_and_field_is_told_by_its_half(world: World) -> None:
    @frozen
    class Scaled:
        rate: float
        size: int

    @stage(version="1")
    def scaled(build: Build, rate: float, size: int) -> Scaled:
        return Scaled(2 * rate, size)

    seen = lens(unwrap(realize(world, scaled(0.5, 3))), world)
    with pytest.raises(LensError, match="rate is both a parameter and a field"):
        _ = seen.rate.value
    assert (seen.parameters.rate.value, seen.result.rate.value, seen.size.value) == (0.5, 1.0, 3)


def test_what_is_there_is_listed_for_completion(world: World) -> None:
    seen = made(world)
    data = seen.models[0][0].data
    assert {"rows", "size", "shape", "note", "value", "path", "get"} <= set(dir(data))
    assert data.note.value is None
    assert seen._ipython_key_completions_() == ["models", "risky", "pages", "raw"]
    assert seen.nowhere.names == ()
    assert "data, rate" in repr(seen.models[0][0])
    assert not hasattr(seen, "_repr_html_")


def test_completion_in_ipython(world: World) -> None:
    from IPython.core.completer import Completer, provisionalcompleter

    completer = Completer(namespace={"seen": made(world)})
    with provisionalcompleter():
        assert list(completer.attr_matches("seen.mod")) == ["seen.models"]


def test_trouble_of_the_engine_stays_what_it_is(tmp_path: Path) -> None:
    from lightfx import open_world

    with open_world(tmp_path / "store") as world:
        seen = made(world)
    with pytest.raises(EngineError):
        _ = lens(seen.rref, world).value
    found = lens(seen.rref, world).found()
    assert isinstance(found, Failure)
    assert isinstance(found.failure(), Closed)
    assert isinstance(DRef.parse(str(seen.dref)).unwrap(), DRef)
    assert lens(Config.of(a=1)).a.value == 1


def test_a_lens_is_not_gone_through_for_ever() -> None:
    """The trap: Python iterates over what has ``__getitem__`` until an index raises, and no step of a lens raises."""
    seen = lens(Config.of(a=[1, 2])).a
    with pytest.raises(TypeError, match="not iterable"):
        list(seen)  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        print(1 in seen)  # type: ignore[operator]
    assert [seen[each].value for each in seen.names] == [1, 2]


@stage(version="1", outputs=3)
def uneven(build: Build) -> Result[int, str]:
    return Failure("odd") if build.index == 1 else Result.from_value(build.index)


@frozen
class FirstThree(Matcher[object]):
    @property
    def spelling(self) -> str:
        return "first_three()"

    def select(self, candidates: Sequence[Candidate[object]], /) -> Choice:
        if len(candidates) < 3:
            return Need(3 - len(candidates), "three are wanted")
        return Chosen(tuple(each.rref for each in sorted(candidates, key=lambda each: each.rank)[:3]))


@stage(version="1")
def tolerant(build: Build, ds: Tolerant[tuple[int, ...]]) -> int:
    return 1


def test_a_left_among_many_is_a_failure_and_never_raised(world: World) -> None:
    seen = lens(unwrap(realize(world, tolerant(uneven().collect(FirstThree()).tolerate()))), world)
    read = seen.ds.read()
    assert isinstance(read, Failure)
    failure = read.failure()
    assert isinstance(failure, Misstep)
    assert failure.path == "ds[1]"
    assert failure.why.startswith("is LEFT")
    assert seen.ds.optional is None
    assert "lens at ds" in repr(seen.ds)
    assert seen.ds[2].value == 2
    with pytest.raises(LensError, match=r"^ds\[1\] is LEFT"):
        _ = seen.ds.value


def test_what_is_listed_in_a_closure_can_be_gone() -> None:
    closure = lens(instantiate({5: dataset(1, {}), "5": dataset(2, {}), (1, "x"): dataset(3, {})}))
    assert closure.names == (5, "5", "(1, 'x')")
    assert [closure[each].size.value for each in closure.names] == [1, 2, 3]


def test_what_the_lens_was_made_of_is_named_where_it_leads_nowhere(world: World) -> None:
    unknown = RRef.of(dataset(1, {}).dref, key="k", index=0, content="c")
    with pytest.raises(LensError, match=f"^what the lens was made of is {unknown}, which is not stored$"):
        _ = lens(unknown, world).value
    stopped = Left(Cancelled("by the user"))
    with pytest.raises(LensError, match="^what the lens was made of is of a run that was stopped: nothing is stored$"):
        _ = lens(stopped, world).value
