"""S3: no two values have one spelling, on no Python, under no seed of its hash, in no language."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import seed as drawn_from
from hypothesis import strategies as st
from protocol import SEED

from lightfx.core.canonical import Tree
from lightfx.core.config import Config
from lightfx.core.refs import DRef

ROOT = Path(__file__).parents[2]
PYTHONS = {
    "this": Path(sys.executable),
    **{each: ROOT / f".venv-{each}" / "bin" / "python" for each in ("3.12", "3.13")},
}

NAMES = st.text(st.sampled_from('ab1,:"\\{}[]é\u0301 \0\n$/\U0001f600'), max_size=4).filter(
    lambda name: name[:1] != "$"
)
ALIKE = (
    "",
    "1",
    "1.0",
    "true",
    "null",
    "[]",
    "{}",
    "é",
    "e\u0301",
    "\\u0061",
    '"',
    '","',
    "a,b",
    "-0.0",
    "NaN",
    "0",
    "0.0",
)
LEAVES: st.SearchStrategy[Tree] = st.one_of(
    *(st.none(), st.booleans(), st.integers(-2, 2), st.integers(), st.sampled_from(ALIKE), NAMES),
    *(st.sampled_from([0.0, -0.0, 1.0, 0.1, 1e16, 5e-324, 1e22]), st.floats(allow_nan=False, allow_infinity=False)),
)
VALUES: st.SearchStrategy[Tree] = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6
)
GROUP = 46  # values, of which 1,035 pairs can be made


def told(value: Tree) -> object:
    """What a value is, by Python's own account and not by ours: equal for equal values alone."""
    if isinstance(value, dict):
        return ("dict", frozenset((key, told(each)) for key, each in value.items()))
    if isinstance(value, list):
        return ("list", tuple(map(told, value)))
    return (type(value).__name__, repr(value))


def spell(value: Tree) -> str:
    return Config.of(x=value).text


def judge(values: list[Tree], spell: Callable[[Tree], str] = spell) -> None:
    """Also in each other's company: side by side, as keys, in one another."""
    pairs = (list(pair) for pair in pairwise(values))
    near: list[Tree] = [*values, *([each] for each in values), *({"x": each} for each in values), *pairs]
    by_text: dict[str, object] = {}
    by_name: dict[DRef, str] = {}
    for each in near:
        text = spell(each)
        assert by_text.setdefault(text, told(each)) == told(each)
        assert by_name.setdefault(DRef.of(text, "x"), text) == text
        assert repr(json.loads(text)["x"]) == repr(ordered(each))
    assert len(set(by_text.values())) == len(by_text)


def ordered(value: Tree) -> Tree:
    if isinstance(value, dict):
        return {key: ordered(value[key]) for key in sorted(value)}
    return [ordered(each) for each in value] if isinstance(value, list) else value


@given(st.lists(VALUES, min_size=GROUP, max_size=GROUP))
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_two_of_ten_thousand_pairs_are_spelled_alike(values: list[Tree]) -> None:
    judge(values)


@pytest.mark.reliability("S3", passes="no two alike; the same names everywhere")
@drawn_from(SEED)
@given(st.lists(VALUES, min_size=GROUP, max_size=GROUP))
@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_two_of_a_million_pairs_are_spelled_alike(values: list[Tree]) -> None:
    judge(values)


@pytest.mark.parametrize(
    ("broken", "values"),
    [
        (lambda value: json.dumps({"x": value}).lower(), ["a", "A"]),
        (lambda value: json.dumps({"x": value}).replace("1.0", "1"), [1, 1.0]),
        (lambda value: json.dumps({"x": value}), [{"a": 1, "b": 2}, {"b": 2, "a": 1}]),
    ],
)
def test_a_spelling_that_forgets_is_caught(broken: Callable[[Tree], str], values: list[Tree]) -> None:
    """The negative control."""
    judge(values)
    with pytest.raises(AssertionError):
        judge(values, broken)


def spelled(python: Path, **environment: str) -> str:
    inherited = {name: value for name, value in os.environ.items() if name not in ("LANG", "LC_ALL", "PYTHONUTF8")}
    ran = subprocess.run(
        [python, Path(__file__).with_name("spell_samples.py")],
        env={**inherited, "PYTHONPATH": str(ROOT / "src"), **environment},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def known() -> str:
    return spelled(Path(sys.executable), PYTHONHASHSEED="0")


def test_the_language_and_the_seed_change_nothing(known: str) -> None:
    assert spelled(Path(sys.executable), PYTHONHASHSEED="7", LC_ALL="C", PYTHONUTF8="0") == known


# What a process is told of the language it is in.
Language: TypeAlias = dict[str, str]
TURKISH = "tr_TR.UTF-8"
"""Where i and I are not one letter, and a comma stands where others write a point."""


@pytest.fixture(scope="module")
def turkish(tmp_path_factory: pytest.TempPathFactory) -> Language:
    """As the system has it; else made for these tests, from the sources that Debian has in its package ``locales``."""
    installed = subprocess.run(["locale", "-a"], capture_output=True, text=True).stdout.split()
    if "tr_TR.utf8" in installed:
        return {"LC_ALL": TURKISH}
    localedef = shutil.which("localedef")
    if localedef is None:
        pytest.skip("neither tr_TR nor localedef is installed")
    folder = tmp_path_factory.mktemp("languages")
    made = subprocess.run([localedef, "-i", "tr_TR", "-f", "UTF-8", folder / TURKISH], capture_output=True, text=True)
    if not (folder / TURKISH / "LC_CTYPE").exists():
        pytest.skip(f"neither tr_TR nor what it is made from is installed: {made.stderr.strip()}")
    return {"LC_ALL": TURKISH, "LOCPATH": str(folder)}


@pytest.mark.reliability("S3", passes="no two alike; the same names everywhere")
@pytest.mark.parametrize("python", PYTHONS)
def test_every_python_spells_the_same(python: str, known: str) -> None:
    for seed in range(10):
        assert spelled(there(python), PYTHONHASHSEED=str(seed)) == known, seed
    for language in ("C", "C.UTF-8"):
        assert spelled(there(python), LC_ALL=language, PYTHONUTF8="0") == known, language


@pytest.mark.reliability("S3", passes="no two alike; the same names everywhere")
@pytest.mark.parametrize("python", PYTHONS)
def test_every_python_spells_the_same_in_turkish(python: str, known: str, turkish: Language) -> None:
    ask = "import locale; print(locale.setlocale(locale.LC_ALL, ''), locale.str(0.5))"
    told = subprocess.run([there(python), "-c", ask], env=os.environ | turkish, capture_output=True, text=True)
    assert told.stdout == f"{TURKISH} 0,5\n", told.stderr
    assert spelled(there(python), PYTHONUTF8="0", **turkish) == known


def there(python: str) -> Path:
    """Where a Python lies that has what lightfx needs."""
    if not PYTHONS[python].exists():
        pytest.skip(f"there is no .venv-{python}: `make .venv/.others` makes it where Python {python} is installed")
    return PYTHONS[python]
