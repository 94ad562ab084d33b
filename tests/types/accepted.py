"""What must type-check under mypy --strict and pyright strict; never run."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NewType, assert_type

import attrs
from returns.io import IOResult
from returns.result import Failure, Result, Success

from lightfx import (
    Build,
    BuildOrder,
    Checked,
    Closure,
    Derivation,
    Different,
    EngineFailure,
    Identical,
    Left,
    Lens,
    Misstep,
    NotChecked,
    Outcome,
    Output,
    Plan,
    Right,
    RRef,
    Secret,
    Stage,
    Step,
    Tolerant,
    World,
    check,
    derivation,
    evaluate,
    evaluate_all,
    instantiate,
    lens,
    out,
    plan,
    realize,
    realize_all,
    realized,
    realizer,
    redefined,
    source_file,
    source_tree,
    stage,
    table,
)
from lightfx.matchers import Matcher, best, every, exact, filtered, first, latest, only, some, stderr_below, then, until
from lightfx.ready import fetch, node, unpack
from lightfx.reasons import CodeChanged, FieldChanged, LeftStands
from lightfx.repl import Session, stepping
from lightfx.report import Table

Metres = NewType("Metres", float)


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@attrs.frozen
class Animal:
    name: str


@attrs.frozen
class Dog(Animal):
    tricks: int = 0


@stage
def no_parameters(build: Build) -> int:
    return build.seed


@stage(name="other", outputs=3, timeout=1.5, packages=["numpy"])
def with_options(build: Build, colour: Colour, how: Literal["a", "b"] = "a") -> Result[Dog, str]:
    return Success(Dog(how)) if colour is Colour.RED else Failure("colour")


@stage
def takes_animals(build: Build, animals: Sequence[Derivation[Animal]], far: Metres | None = None) -> str:
    return " ".join(build.need(animal).name for animal in animals)


@stage
def takes_mapping(build: Build, cells: Mapping[str, Tolerant[Animal]]) -> dict[str, str]:
    outcomes = {key: build.need(cell) for key, cell in cells.items()}
    assert_type(outcomes, dict[str, Outcome[Animal]])
    return {key: outcome.kind for key, outcome in outcomes.items() if isinstance(outcome, Left)}


@stage
def takes_paths(build: Build, file: Derivation[Path], many: Derivation[tuple[Animal, ...]]) -> Path:
    assert_type(build.need(file), Path)
    assert_type(build.need(many), tuple[Animal, ...])
    assert_type(build.need_all([file, file]), list[Path])
    assert_type(build.need_all([file.tolerate()]), list[Outcome[Path]])
    return build.out / "copy"


@stage
def takes_secrets(build: Build, token: Secret, more: Mapping[str, Secret], other: Secret | None = None) -> int:
    assert_type(build.reveal(token), str)
    return len(more)


assert_type(no_parameters(), Derivation[int])
takes_secrets(Secret.env("TOKEN"), {"key": Secret.file(Path("/run/key"))})
dog = with_options(Colour.RED, how="b")
assert_type(dog, Derivation[Dog])
assert_type(dog.part(lambda each: each.tricks), Derivation[int])
assert_type(dog.part(lambda each: each.name).tolerate(), Tolerant[str])
takes_animals([dog, with_options(Colour.RED)], far=Metres(3.0))
takes_mapping({"a": dog.tolerate()})
takes_paths(source_file("x"), dog.collect(every()))
takes_paths(source_tree("x"), many=dog.collect(some(3)))

# Matchers: those that look at nothing fit every plan; those with a key fit plans of values that the key takes.
assert_type(dog.choose(first()), Derivation[Dog])
assert_type(dog.choose(latest()), Derivation[Dog])
assert_type(dog.choose(only()), Derivation[Dog])
assert_type(dog.choose(exact()), Derivation[Dog])
assert_type(dog.choose(best(lambda each: each.tricks)), Derivation[Dog])
assert_type(
    dog.collect(until(stderr_below(lambda each: each.tricks, 0.5), at_least=3, at_most=30)), Derivation[tuple[Dog, ...]]
)
assert_type(dog.collect(best(lambda each: each.tricks, 3)), Derivation[tuple[Dog, ...]])
assert_type(dog.choose(filtered(lambda each: each.tricks > 3)), Derivation[Dog])
assert_type(dog.choose(then(every(), latest())), Derivation[Dog])


def by_name(animal: Animal) -> float:
    return len(animal.name)


general: Matcher[Dog] = best(by_name)
assert_type(dog.choose(best(by_name)), Derivation[Dog])
plain: Derivation[Animal] = dog
tolerant: Tolerant[Animal] = dog.tolerate()
shape: Stage[[], int] = no_parameters


def use(world: World) -> None:
    assert_type(realize(world, dog, stop_after=1, force=[dog.dref]), IOResult[Outcome[Dog], EngineFailure])
    assert_type(realize(world, dog), IOResult[Outcome[Dog], EngineFailure])
    assert_type(realize_all(world, [dog]), IOResult[Sequence[Outcome[Dog]], EngineFailure])
    assert_type(realize_all(world, {3: dog}), IOResult[Mapping[int, Outcome[Dog]], EngineFailure])
    assert_type(evaluate(world, dog), Dog)
    assert_type(evaluate_all(world, {"a": dog}), Mapping[str, Dog])
    assert_type(evaluate_all(world, [dog]), Sequence[Dog])
    assert_type(plan(world, dog), IOResult[Plan, EngineFailure])
    assert_type(world.table(dog), Table[Dog])
    assert_type(world.table({1: dog}), Table[Dog])
    assert_type(world.table([dog]), Table[Dog])
    assert_type(world.table([dog.tolerate()]), Table[Dog])
    assert_type(world.table(dog.tolerate()), Table[Dog])
    assert_type(world.table({1: dog.tolerate()}), Table[Dog])
    assert_type(world.table(with_options), Table[Dog])
    assert_type(table(world, dog.collect(every())), IOResult[Table[tuple[Dog, ...]], EngineFailure])
    assert_type(plan(world, [dog, no_parameters()], force=frozenset({dog.dref})), IOResult[Plan, EngineFailure])
    assert_type(plan(world, {Colour.RED: no_parameters(), Colour.BLUE: dog}), IOResult[Plan, EngineFailure])
    assert_type(check(world, RRef("x"), (dog, no_parameters())), IOResult[Checked, EngineFailure])
    assert_type(check(world, RRef("x")), IOResult[Checked, EngineFailure])
    assert_type(instantiate([dog]), Closure[list[Derivation[Dog]]])
    assert_type(instantiate((dog, no_parameters())), Closure[tuple[Derivation[Dog], Derivation[int]]])


def told(step: Step) -> str:
    for reason in step.why:
        match reason:
            case FieldChanged(field=field):
                assert_type(field, str)
            case CodeChanged(changed=names):
                assert_type(names, tuple[str, ...])
            case LeftStands():
                return reason.reason
            case _:
                pass
    return step.action.value


def judged(checked: Checked) -> str:
    match checked:
        case Identical():
            return "the same"
        case Different(files=files):
            return ", ".join(each.path for each in files)
        case NotChecked():
            return checked.why


def look(outcome: Outcome[Dog]) -> str:
    match outcome:
        case Right(value=value):
            assert_type(value, Dog)
            return value.name
        case Left():
            return outcome.reason


class Counting(Build):
    """A build with state of its own."""

    count: int = 0


@stage
def counts(build: Counting, name: str, to: Path = out("to.txt")) -> int:
    build.count += len(name)
    return build.count


def draws(order: BuildOrder) -> Result[tuple[Output | Left, ...], Left]:
    return Success(tuple(Output(index) for index in order.indices))


def low(world: World, ref: RRef) -> None:
    assert_type(counts("rex"), Derivation[int])
    drawn = derivation({"dog": counts("rex")}, latest(), realizer(draws, int, outputs=2))
    assert_type(drawn, Derivation[int])
    assert_type(drawn.collect(every()), Derivation[tuple[int, ...]])
    assert_type(redefined(drawn, config=lambda old: old), Derivation[int])
    assert_type(redefined(counts, matcher=latest())("rex"), Derivation[int])
    assert_type(realized(counts)("rex"), Derivation[int])
    assert_type(realized(drawn), Derivation[int])
    assert_type(realize(world, drawn, args={drawn: {"device": "cpu"}}), IOResult[Outcome[int], EngineFailure])
    assert_type(lens(drawn).dog.get("name", 0), Result[Lens, Misstep | EngineFailure])
    assert_type(lens(ref, world).dog.path, Path)
    assert_type(unpack(fetch("https://example.org/x.tar", sha256="0" * 64)), Derivation[Path])
    assert_type(node({"dog": drawn}, {"a.txt": b"x"}), Derivation[Path])
    assert_type(stepping(world, drawn, before=[counts]), Session[int])
