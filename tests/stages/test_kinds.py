"""What annotations bring along: the methods of the values that a stage is given are its code."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lightfx import EngineError, evaluate, open_world

CODE = """
from __future__ import annotations
import enum
from collections.abc import Sequence
from typing import NamedTuple
import attrs
from lightfx import Build, Derivation, stage

@attrs.frozen
class Inner:
    width: int
    def area(self) -> int:
        return self.width * 2

@attrs.frozen
class Settings:
    inner: Inner
    def total(self) -> int:
        return self.inner.area() + 1

class Colour(enum.Enum):
    RED = "red"
    def code(self) -> int:
        return 3

class Pair(NamedTuple):
    one: int
    @property
    def doubled(self) -> int:
        return self.one + self.one

@attrs.frozen
class Made:
    value: int
    def squared(self) -> int:
        return self.value * self.value

class Unrelated:
    def method(self) -> int:
        return 5

@stage
def make(build: Build) -> Made:
    return Made(4)

@stage
def use(build: Build, settings: Settings, colour: Colour, pairs: Sequence[Pair], made: Derivation[Made]) -> int:
    return settings.total() + colour.code() + sum(pair.doubled for pair in pairs) + build.need(made).squared()

def plan():
    return use(Settings(Inner(5)), Colour.RED, [Pair(1)], make())
"""


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], object]]:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def loaded(text: str) -> object:
        (tmp_path / "kinds_module.py").write_text(text)
        sys.modules.pop("kinds_module", None)
        importlib.invalidate_caches()
        return importlib.import_module("kinds_module")

    yield loaded
    sys.modules.pop("kinds_module", None)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("self.width * 2", "self.width * 20"),
        ("self.inner.area() + 1", "self.inner.area() + 2"),
        ("return 3", "return 4"),
        ("self.one + self.one", "self.one + 7"),
        ("self.value * self.value", "self.value"),
    ],
)
def test_a_method_of_what_a_stage_is_given_is_its_code(
    old: str, new: str, load: Callable[[str], object], tmp_path: Path
) -> None:
    """Trap: a wrong hit, since a class that only an annotation names is named nowhere in the body."""
    with open_world(tmp_path / "store") as world:
        before = evaluate(world, load(CODE).plan())  # type: ignore[attr-defined]
        after = evaluate(world, load(CODE.replace(old, new)).plan())  # type: ignore[attr-defined]
        again = evaluate(world, load(CODE).plan())  # type: ignore[attr-defined]
    assert before == 11 + 3 + 2 + 16
    assert after != before
    assert again == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return 5", "return 6"),
        ("settings: Settings,", 'settings: "Settings",'),
        ("class Settings:", "class Settings:\n    '''Documented.'''"),
    ],
)
def test_what_is_not_theirs_changes_nothing(old: str, new: str, load: Callable[[str], object]) -> None:
    before = load(CODE).plan().dref  # type: ignore[attr-defined]
    assert load(CODE.replace(old, new)).plan().dref == before  # type: ignore[attr-defined]


def test_the_return_annotation_says_how_a_value_is_stored(load: Callable[[str], object], tmp_path: Path) -> None:
    """Trap: another annotation, the same derivation, and a stored value that never fits again."""
    code = "from lightfx import Build, stage\n\n\n@stage\ndef f(build: Build) -> float:\n    return 1\n"
    with open_world(tmp_path / "store") as world:
        assert repr(evaluate(world, load(code).f())) == "1.0"  # type: ignore[attr-defined]
        assert repr(evaluate(world, load(code.replace("float", "int")).f())) == "1"  # type: ignore[attr-defined]


CAPTURED = """
import attrs
from lightfx import Build, stage

K = 1

def helper(x):
    return x * K

@attrs.frozen
class Scale:
    by: int
    def __call__(self, x):
        return x * self.by

def scaled(scale):
    @stage
    def apply(build: Build, x: int) -> int:
        return scale(x)
    return apply

def offset(by):
    @stage
    def add(build: Build, x: int) -> int:
        return helper(x) + by
    return add
"""


def test_a_captured_object_that_can_be_called_counts(load: Callable[[str], object], tmp_path: Path) -> None:
    """Trap: neither code to one half of the program nor data to the other."""
    module = load(CAPTURED)
    with open_world(tmp_path / "store") as world:
        try:
            values = [evaluate(world, module.scaled(module.Scale(by))(3)) for by in (2, 5)]  # type: ignore[attr-defined]
        except ValueError as refused:
            assert "captured variable" in str(refused)
        else:
            assert values == [6, 15]


def test_a_closure_whose_helper_changes_before_it_runs_is_refused(
    load: Callable[[str], object], tmp_path: Path
) -> None:
    module = load(CAPTURED)
    plan = module.offset(1)(3)  # type: ignore[attr-defined]
    module.K = 7  # type: ignore[attr-defined]
    with open_world(tmp_path / "store") as world, pytest.raises(EngineError, match="changed after it was planned"):
        evaluate(world, plan)
