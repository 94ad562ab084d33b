"""Stages: what a call makes, and what it refuses."""

from __future__ import annotations

import enum
import inspect
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, TypedDict

import attrs
import pytest
from returns.result import Result, Success

from lightfx import (
    Build,
    BuildOrder,
    Config,
    Derivation,
    Digest,
    Retry,
    Stage,
    StageError,
    Tolerant,
    UnstorableError,
    evaluate,
    instantiate,
    open_world,
    stage,
)
from lightfx.matchers import some


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@attrs.frozen
class Settings:
    width: int = 8
    layers: tuple[int, ...] = (4, 2)


@stage(version="1")
def source(build: Build, size: int = 3) -> int:
    return size


@stage(version="1")
def fit(
    build: Build,
    data: Derivation[int],
    rate: float,
    /,
    seed: int = 0,
    *,
    settings: Settings = Settings(),  # noqa: B008 -- frozen
    colour: Colour = Colour.RED,
    note: str | None = None,
) -> Result[float, str]:
    return Success(rate)


def not_a_build(value: int) -> int:
    return value


class Methods:
    def method(self, build: Build) -> int:
        return 1


async def waits(build: Build) -> int:
    return 1


def yields(build: Build) -> Iterator[int]:
    yield 1


def test_a_call_writes_a_config_with_everything_in_it() -> None:
    plan = fit(source(), 1, seed=2)
    assert plan.origin.config.tree == {  # type: ignore[union-attr]  # planned here
        "args": {
            "data": {"$dref": source().dref.text},
            "rate": 1.0,
            "seed": 2,
            "settings": {"width": 8, "layers": [4, 2]},
            "colour": "red",
            "note": None,
        },
        "code": {"version": "1", "of": f"{__name__}:fit"},
        "name": "fit",
    }
    assert plan.dref.name.text == "fit"


def test_equal_calls_are_one_plan_however_they_are_written() -> None:
    plans = [
        fit(source(), 0.5, 7),
        fit(source(3), 0.5, seed=7),
        fit(source(size=3), 0.5, seed=7, settings=Settings(8, (4, 2)), colour=Colour.RED),
    ]
    assert len({plan.dref for plan in plans}) == 1
    assert plans[0] == plans[1]
    assert fit(source(), 0.5, 8) != plans[0]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: fit(source()), "missing a required argument: 'rate'"),
        (lambda: fit(source(), 1.0, sed=3), r"has no parameter 'sed': its parameters are data, rate, seed"),
        (lambda: fit(source(), 1.0, 3, seed=3), "multiple values for argument 'seed'"),
        (lambda: fit(source(), 1.0, 3, 4), "too many positional arguments"),
        (lambda: fit(source(), rate=1.0), "'rate'"),
    ],
)
def test_a_call_that_does_not_fit_the_signature(call: object, says: str) -> None:
    with pytest.raises(TypeError, match=says):
        call()  # type: ignore[operator]  # a call that must fail


@pytest.mark.parametrize(
    ("call", "path", "says"),
    [
        (lambda: source("three"), ("size",), "is of type str, not int"),
        (lambda: source(True), ("size",), "is of type bool, not int"),
        (lambda: source(1.5), ("size",), "is of type float, not int"),
        (lambda: fit(source(), float("nan")), ("rate",), "NaN"),
        (lambda: fit(source(), float("inf")), ("rate",), "infinite"),
        (lambda: fit(source(), 1, note="\ud800"), ("note",), "surrogate"),
        (lambda: fit(source(), 1, settings=Settings(layers=(1, "2"))), ("settings", "layers", 1), "str, not int"),
        (lambda: fit(3, 1), ("data",), "call a stage"),
        (lambda: fit(source().tolerate(), 1), ("data",), "annotate the parameter Tolerant"),
        (lambda: fit(source(), 1, colour="red"), ("colour",), "str"),
        (lambda: fit(source(), Path("x")), ("rate",), "not float"),
    ],
)
def test_an_argument_that_cannot_be_stored(call: object, path: tuple[str | int, ...], says: str) -> None:
    with pytest.raises(UnstorableError, match=says) as caught:
        call()  # type: ignore[operator]  # a call that must fail
    assert caught.value.path == path


def test_a_bare_path_is_pointed_to_source_file() -> None:
    @stage(version="1")
    def reads(build: Build, file: Path) -> int:
        return 0

    with pytest.raises(UnstorableError, match="source_file"):
        reads(Path("x"))


def test_needs_are_found_in_containers_and_records() -> None:
    @attrs.frozen
    class Pair:
        one: Derivation[int]
        other: Tolerant[int] | None = None

    @stage(version="1")
    def gathers(
        build: Build,
        many: Sequence[Derivation[int]],
        named: Mapping[str, Tolerant[int]],
        pair: Pair,
        maybe: Derivation[int] | None = None,
    ) -> int:
        return 0

    plans = [source(size) for size in range(6)]
    plan = gathers(plans[:2], {"a": plans[2].tolerate()}, Pair(plans[3], plans[4].tolerate()), plans[5])
    assert len(instantiate(plan).derivations) == 7
    assert len(instantiate(gathers([], {}, Pair(plans[0]))).derivations) == 2


def plans(build: Build) -> Derivation[int]:
    return source(1)


def plans_some(build: Build) -> dict[str, list[Tolerant[int]]]:
    return {}


@pytest.mark.parametrize(
    ("define", "says"),
    [
        (lambda: stage(lambda: 1), "first parameter must take the Build"),
        (lambda: stage(lambda build: 1), "no return annotation"),
        (lambda: stage(not_a_build), "its first parameter, value, must be annotated Build"),
        (lambda: stage(Methods.method), "of a method, make a function"),
        (lambda: stage(waits), "async"),
        (lambda: stage(yields), "generator"),
        (lambda: stage(int), "int is no stage: its parameters cannot be read"),
        (lambda: stage(plans), r"it returns a derivation, and a stage returns values: build.need"),
        (lambda: stage(plans_some), "it returns a derivation"),
    ],
)
def test_a_function_that_cannot_be_a_stage(define: object, says: str) -> None:
    made = define()  # type: ignore[operator]  # a call that must fail
    with pytest.raises(StageError, match=says):
        made()


def test_the_build_is_not_passed(tmp_path: Path) -> None:
    order = BuildOrder(source().dref, Config("{}"), Digest.of(b""), (0,), tmp_path, {})
    with pytest.raises(TypeError, match="without the Build"):
        source(Build(order, 0))  # type: ignore[arg-type]  # the mistake under test


def test_needs_in_named_tuples_and_typed_dicts_are_found() -> None:
    """Trap: a container that nobody thought of hides a dependency."""

    class Tagged(NamedTuple):
        tag: str
        data: Derivation[int]

    class Typed(TypedDict):
        data: Derivation[int]

    @stage(version="1")
    def gathers(build: Build, named: Tagged, typed: Typed) -> int:
        return 0

    plan = gathers(Tagged("x", source(1)), {"data": source(2)})
    assert len(instantiate(plan).derivations) == 3


def test_annotations_say_what_is_stored() -> None:
    @stage(version="1")
    def untyped(build: Build, what) -> int:  # type: ignore[no-untyped-def]
        return 1

    @stage(version="1")
    def starred(build: Build, *numbers: int) -> int:
        return 1

    @stage(version="1")
    def strange(build: Build, module: ModuleType) -> int:
        return 1

    @stage(version="1")
    def gives_strange(build: Build) -> ModuleType:
        return sys

    @stage(version="1")
    def unknown(build: Build, what: Nowhere) -> int:  # type: ignore[name-defined]  # noqa: F821
        return 1

    for made, says in [
        (untyped, "parameter what has no annotation"),
        (starred, r"\*numbers"),
        (strange, "module"),
        (gives_strange, "the value is annotated module"),
        (unknown, "Nowhere"),
    ]:
        with pytest.raises(StageError, match=says):
            made(1)  # type: ignore[call-arg, arg-type]


@pytest.mark.parametrize(
    "options",
    [
        {"outputs": 0},
        {"outputs": 1.5},
        {"timeout": 0.0},
        {"timeout": -1.0},
        {"timeout": float("nan")},
        {"timeout": "3"},
        {"ephemeral": "yes"},
        {"retry": Retry(scale={"memry": 2})},
    ],
)
def test_options_that_make_no_sense(options: dict[str, object]) -> None:
    with pytest.raises(StageError):
        stage(**options)  # type: ignore[call-overload]


def test_trap_one_package_was_taken_for_its_letters() -> None:
    with pytest.raises(StageError, match=r"packages is 'numpy'; it takes a tuple of names: \('numpy',\)"):
        stage(packages="numpy")


def test_packages_enter_the_identity() -> None:
    def double(build: Build) -> int:
        return 1

    plain, pinned = stage(version="1")(double)(), stage(version="1", packages=["attrs"])(double)()
    assert plain.dref != pinned.dref
    assert pinned.origin.config.tree["code"]["packages"] == {"attrs": attrs.__version__}  # type: ignore[union-attr, index]
    with pytest.raises(StageError, match="no_such_package"):
        stage(version="1", packages=["no_such_package"])(double)()


def test_a_name_of_ones_own() -> None:
    @stage(version="1", name="my name")
    def anonymous(build: Build) -> int:
        return 1

    assert anonymous().dref.name.text == "my-name"
    assert anonymous.name == "my-name"


def test_a_version_owns_the_code_and_its_namesakes_elsewhere_do_not_collide() -> None:
    """Trap: two stages with one version and one name are not one, where they live apart."""

    def one() -> Derivation[int]:
        @stage(version="1")
        def same(build: Build) -> int:
            return 1

        return same()

    def other() -> Derivation[int]:
        @stage(version="1")
        def same(build: Build) -> int:
            return 2

        return same()

    assert one().dref != other().dref


def test_renamed_and_moved_is_the_same_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scenario 22: name and module tell references apart, not input keys."""
    code = "from lightfx import Build, stage\n\n\n@stage\ndef {}(build: Build, n: int) -> int:\n    return n + 1\n"
    (tmp_path / "one_place.py").write_text(code.format("before"))
    (tmp_path / "other_place.py").write_text("# moved\n" + code.format("after"))
    monkeypatch.syspath_prepend(tmp_path)
    import one_place
    import other_place

    one, other = one_place.before(1), other_place.after(1)
    assert one.dref != other.dref
    assert one.origin.config.resolved(str) == other.origin.config.resolved(str)


def test_a_stage_looks_like_its_function() -> None:
    assert fit.__name__ == "fit"
    assert "data" in inspect.signature(fit.__lightfx_stage__).parameters
    assert repr(source) == f"<stage {__name__}:source>"
    assert source.__lightfx_version__ == "1"


def run_script(tmp_path: Path, text: str, *arguments: str) -> str:
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(text))
    done = subprocess.run(
        [sys.executable, str(script), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


SCRIPT = """
    import sys
    from lightfx import Build, Derivation, evaluate, open_world, stage

    FACTOR = 3

    def helper(number: int) -> int:
        return number * FACTOR

    @stage
    def tripled(build: Build, number: int) -> int:
        print("in the log")
        return helper(number)

    @stage(version="1")
    def summed(build: Build, numbers: list[Derivation[int]]) -> int:
        return sum(build.need(number) for number in numbers)

    def closure(factor: int):
        @stage
        def scaled(build: Build, number: int) -> int:
            return number * factor
        return scaled

    if __name__ == "__main__":
        with open_world("store", workers=int(sys.argv[1])) as world:
            print(evaluate(world, summed([tripled(number) for number in range(10)])))
            print([evaluate(world, closure(factor)(7)) for factor in (2, 3)])
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_stage_works_from_main_with_helpers_and_closures(tmp_path: Path, workers: str) -> None:
    assert run_script(tmp_path, SCRIPT, workers) == "135\n[14, 21]\n"
    before = sorted(path.name for path in (tmp_path / "store" / "records").iterdir())
    assert run_script(tmp_path, SCRIPT, workers) == "135\n[14, 21]\n"
    assert sorted(path.name for path in (tmp_path / "store" / "records").iterdir()) == before


def test_inline_and_workers_name_things_alike(tmp_path: Path) -> None:
    run_script(tmp_path, SCRIPT, "0")
    before = sorted(path.name for path in (tmp_path / "store" / "records").iterdir())
    run_script(tmp_path, SCRIPT, "2")
    assert sorted(path.name for path in (tmp_path / "store" / "records").iterdir()) == before


def test_a_stage_works_from_a_notebook_cell(tmp_path: Path) -> None:
    """A cell has a source in linecache and no module that a worker could import: the code itself travels."""
    text = """
    import linecache, sys
    from lightfx import evaluate, open_world

    def cell(number: int, text: str) -> None:
        name = f"<ipython-input-{number}>"
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        exec(compile(text, name, "exec"), namespace)

    if __name__ == "__main__":
        main = sys.modules["__main__"]
        del main.__file__
        namespace = main.__dict__
        cell(1, "from __future__ import annotations\\nimport attrs\\nfrom lightfx import Build, stage\\n")
        cell(2, "FACTOR = 2\\n@attrs.frozen\\nclass Scaled:\\n    by: int\\n")
        cell(3, "@stage\\ndef scaled(build: Build, number: int) -> Scaled:\\n    return Scaled(number * FACTOR)\\n")
        for workers in (0, 2):
            with open_world(f"store-{workers}", workers=workers) as world:
                print(evaluate(world, scaled(21)))
        before = scaled(21).dref
        cell(4, "FACTOR = 3\\n")
        assert scaled(21).dref != before, "the constant of another cell counts"
        with open_world("store-2", workers=2) as world:
            print(evaluate(world, scaled(21)))
    """
    assert run_script(tmp_path, text) == "Scaled(by=42)\nScaled(by=42)\nScaled(by=63)\n"


def test_a_script_without_its_guard_says_so(tmp_path: Path) -> None:
    """Trap: the worker imports the script, which opens the store and waits for the claim of its own maker."""
    script = tmp_path / "script.py"
    script.write_text(
        "from lightfx import Build, evaluate, open_world, stage\n\n\n"
        "@stage\ndef one(build: Build) -> int:\n    return 1\n\n\n"
        "with open_world('store', workers=2) as world:\n    print(evaluate(world, one()))\n"
    )
    done = subprocess.run([sys.executable, "script.py"], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.returncode == 1
    assert "__name__ == '__main__'" in done.stderr.splitlines()[-1]


def test_code_that_changes_between_plan_and_run_is_refused(tmp_path: Path) -> None:
    """Trap: what runs must be what the config names."""
    text = """
    import lightfx
    from lightfx import Build, EngineError, evaluate, open_world, stage

    FACTOR = 2

    @stage
    def scaled(build: Build, number: int) -> int:
        return number * FACTOR

    plan = scaled(1)
    FACTOR = 3
    with open_world("store") as world:
        try:
            evaluate(world, plan)
        except EngineError as error:
            print(type(error.failure).__name__)
    """
    assert run_script(tmp_path, text) == "CodeChanged\n"


def test_parameters_without_a_name_in_a_call_are_given_by_position(tmp_path: Path) -> None:
    @stage
    def half(build: Build, x: float, /, y: float, *, z: float = 1.0) -> float:
        return x / y + z

    with open_world(tmp_path / "store") as world:
        assert evaluate(world, half(3.0, 2.0)) == 2.5
        assert evaluate(world, half(3.0, y=2.0, z=2.0)) == 3.5


@stage
def number(build: Build, n: int) -> int:
    return n


@stage
def text(build: Build) -> str:
    return "text"


def test_a_dependency_of_another_type_is_refused_at_the_call() -> None:
    @stage
    def shown(build: Build, d: Derivation[int]) -> str:
        return f"{build.need(d)}"

    with pytest.raises(UnstorableError, match=r"shown: d is a Derivation\[str\], not Derivation\[int\]"):
        shown(text())  # type: ignore[arg-type]  # what nobody checked
    with pytest.raises(UnstorableError, match="Derivation\\[tuple\\], not"):
        shown(number(1).collect(some(2)))  # type: ignore[arg-type]  # as above

    @stage
    def wide(build: Build, d: Derivation[float | str], t: Tolerant[object], many: Derivation[Sequence[int]]) -> str:
        return ""

    for each in (text(), number(1)):
        wide(each, each.tolerate(), number(1).collect(some(2)))
    with pytest.raises(UnstorableError, match="wide: many is"):
        wide(text(), text().tolerate(), number(1))  # type: ignore[arg-type]  # as above


def test_derivations_in_keys_are_needed_too(tmp_path: Path) -> None:
    @stage
    def keyed(build: Build, of: dict[Derivation[int], str], deep: dict[tuple[str, Derivation[int]], int]) -> int:
        return sum(build.need(each) for each in of) + sum(build.need(each) for _, each in deep)

    plan = keyed({number(1): "x", number(2): "y"}, {("a", number(3)): 0})
    assert len(instantiate(plan).derivations) == 4
    with open_world(tmp_path / "store") as world:
        assert evaluate(world, plan) == 6


def _showing(held: object) -> Stage[[], str]:
    @stage
    def show(build: Build) -> str:
        return repr(held)

    return show


@pytest.mark.parametrize(
    "alike",
    [
        ((1, 2), [1, 2]),
        ({"b": 1, "a": 2}, {"a": 2, "b": 1}),
        ({"a": (1, 2)}, {"a": [1, 2]}),
        ([{"b": (), "a": []}], [{"b": [], "a": ()}]),
        (1, True, 1.0, "1"),
    ],
)
def test_captured_values_that_json_spells_alike_are_told_apart(tmp_path: Path, alike: tuple[object, ...]) -> None:
    with open_world(tmp_path / "store") as world:
        assert [evaluate(world, _showing(held)()) for held in alike] == list(map(repr, alike))
    assert len({_showing(held)().dref for held in alike}) == len(alike)


def test_a_captured_value_that_json_says_whole_adds_nothing() -> None:
    assert "captured_as" not in _showing({"a": [1, None], "b": {"c": "x"}})().origin.config.text
    assert _showing((1,))().dref == _showing((1,))().dref
    assert _showing((1,))().dref != _showing((2,))().dref
