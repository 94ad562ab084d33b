"""What must not type-check: each line is refused by mypy --strict and by pyright, and for its own sake."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import lightfx

HEAD = """
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs
from returns.result import Result, Success

from lightfx import Build, BuildOrder, Derivation, Left, Outcome, Output, Right, Secret, Tolerant, World
from lightfx import derivation, evaluate, lens, realize_all, realized, realizer, redefined, stage
from lightfx.core.refs import RRef
from lightfx.matchers import best, filtered


@attrs.frozen
class Dog:
    name: str
    tricks: int


@attrs.frozen
class Cat:
    lives: int


@stage
def dog(build: Build, name: str) -> Dog:
    return Dog(name, 0)


@stage(version="1")
def cat(build: Build, friend: Derivation[Dog], lives: int = 9) -> Result[Cat, str]:
    return Success(Cat(lives))


@stage
def zoo(build: Build, cats: Sequence[Tolerant[Cat]], dogs: Sequence[Derivation[Dog]] = ()) -> int:
    return len(cats) + len(dogs)


@stage
def guard(build: Build, token: Secret) -> int:
    return len(build.reveal(token))


def draws(order: BuildOrder) -> Result[tuple[Output | Left, ...], Left]:
    return Success(())


def use(rref: RRef, world: World, build: Build, outcome: Outcome[Dog]) -> None:
"""

WRONG = [
    "dog()",
    "dog(3)",
    "dog(nam='rex')",
    "dog('rex', 'fido')",
    "dog(build, 'rex')",
    "cat(cat(dog('rex')))",
    "cat(dog('rex').tolerate())",
    "cat(Dog('rex', 0))",
    "zoo([cat(dog('rex'))])",
    "zoo([dog('rex').tolerate()])",
    "zoo([], [cat(dog('rex'))])",
    "value: Dog = dog('rex')",
    "plan: Derivation[Cat] = dog('rex')",
    "name: int = build.need(dog('rex')).name",
    "build.need(dog('rex').tolerate()).name",
    "build.need(3)",
    "dog('rex').choose(best(lambda each: each.lives))",
    "dog('rex').choose(best(lambda each: each.name))",
    "dog('rex').choose(filtered(lambda each: each.lives > 3))",
    "evaluate(world, dog)",
    "lives: int = evaluate(world, dog('rex'))",
    "realize_all(world, [3])",
    "evaluate(world, dog('rex').tolerate())",
    "print(outcome.value)",
    "dog('rex').matcher = None",
    "stage(outputs='3')",
    "print(world.nothing)",
    "number: Derivation[int] = derivation({}, best(lambda each: 1.0), realizer(draws, str))",
    "redefined(dog, config=lambda old: old)(3)",
    "realized(dog)('rex', 3)",
    "lens(rref)",
    "lens(3)",
    "realizer(len, int)",
    "guard('env:TOKEN')",
    "guard(3)",
    "build.reveal('env:TOKEN')",
    "number: int = build.reveal(Secret.env('TOKEN'))",
    "Secret.env('TOKEN').text = 'env:OTHER'",
]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("types") / "wrong.py"
    file.write_text(HEAD.lstrip("\n") + "".join(f"    {line}\n" for line in WRONG))
    return file


@pytest.mark.parametrize("tool", ["mypy", "pyright"])
def test_each_wrong_line_is_refused_and_no_other(tool: str, program: Path) -> None:
    settings = {
        "mypy": [
            "--strict",
            "--config-file=",
            "--cache-dir",
            str(Path(__file__).parents[2] / ".mypy_cache" / "of-tests"),
        ],
        "pyright": ["--pythonpath", sys.executable],
    }
    done = subprocess.run(
        [sys.executable, "-m", tool, *settings[tool], program.name],
        cwd=program.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = program.read_text().splitlines()
    found = re.findall(r"\.py:(\d+)(?::\d+)?(?: -|:) error", done.stdout)
    assert {lines[int(number) - 1].strip() for number in found} == set(WRONG), done.stdout


def test_the_face_is_sorted_and_exports_what_it_names() -> None:
    names = lightfx.__all__
    assert names == sorted(names, key=lambda name: (not name.isupper(), name)), "constants first, as the linter has it"
    assert all(hasattr(lightfx, name) for name in names)
    source = Path(lightfx.__file__).read_text()
    body = re.sub(r'""".*?"""|__all__ = \[.*?\]|^from .*?(\(.*?\))?$', "", source, flags=re.DOTALL | re.MULTILINE)
    assert not body.strip(), f"explicit imports and __all__ are all that the face holds: {body!r}"


def test_the_package_is_marked_as_typed() -> None:
    assert (Path(lightfx.__file__).parent / "py.typed").exists()
