"""Running a stage function, without an engine around it."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from returns.result import Failure, Result, Success

from lightfx import BadOutput, Build, BuildOrder, Digest, Raised, Returned, stage
from lightfx.core.outcome import Cause
from lightfx.core.realization import Output
from lightfx.stages.running import captured_by, freeze, run


@attrs.frozen
class Pair:
    file: Path
    folder: Path


@stage(version="1")
def act(build: Build, how: str) -> Result[Pair, Pair]:
    (build.out / "deep").mkdir()
    (build.out / "deep" / "x").write_text("x")
    good = Pair(build.out / "deep" / "x", build.out)
    match how:
        case "exit":
            raise SystemExit(3)
        case "fails":
            return Failure(good)
        case "bare":
            return good  # type: ignore[return-value]  # what a stage may do in spite of its types
        case "strange failure":
            return Failure("no pair")  # type: ignore[arg-type]  # what a stage may do in spite of its types
        case _:
            return Success(good)


def carried_out(how: str, tmp_path: Path) -> Result[Output, Cause]:
    recipe = act.core.derive((how,), {})
    order = BuildOrder(recipe.dref, recipe.config, Digest.of(b"key"), (0,), tmp_path / "place", {})
    return run(act.core.function, act.core.signature, recipe.config, Build(order, 0))


def test_paths_are_stored_relative_to_the_output(tmp_path: Path) -> None:
    output = carried_out("well", tmp_path).unwrap()
    assert output.tree == {"file": {"$path": "deep/x"}, "folder": {"$path": "."}}
    assert output.folder == tmp_path / "place" / "out-0"


def test_an_exit_is_a_raise(tmp_path: Path) -> None:
    """A stage that calls sys.exit fails; it does not end the run."""
    cause = carried_out("exit", tmp_path).failure()
    assert isinstance(cause, Raised)
    assert cause.type == "SystemExit"


def test_an_expected_failure_keeps_its_data(tmp_path: Path) -> None:
    assert carried_out("fails", tmp_path).failure() == Returned(
        "Pair", {"file": {"$path": "deep/x"}, "folder": {"$path": "."}}
    )


@pytest.mark.parametrize(("how", "says"), [("bare", "not Result"), ("strange failure", "is of type str, not Pair")])
def test_what_does_not_fit_the_annotation(how: str, says: str, tmp_path: Path) -> None:
    cause = carried_out(how, tmp_path).failure()
    assert isinstance(cause, BadOutput)
    assert says in cause.reason


def test_a_frozen_closure_keeps_its_values() -> None:
    factor, numbers = 2, [1]

    def scaled() -> tuple[int, list[int]]:
        return factor, numbers

    captured = captured_by(scaled)
    assert captured == {"factor": 2, "numbers": [1]}
    kept = freeze(scaled, captured)
    factor = 3
    numbers.append(2)
    assert kept() == (2, [1])
    assert scaled() == (3, [1, 2])


def test_functions_and_modules_are_no_captured_values() -> None:
    def helper() -> int:
        return 1

    def calls() -> object:
        return helper(), attrs.frozen, later

    assert captured_by(calls) == {}
    later = 1
    assert captured_by(calls) == {"later": 1}
    assert captured_by(len) == {}
