"""From exceptions to records that hold nothing of this machine."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import lightfx
from lightfx.core.outcome import Raised
from lightfx.core.raising import MAX_TEXT, clean, raised, relative

SOURCE = '''
class OwnError(OSError):
    """An error of one's own."""

class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("no")

def boom(error):
    raise error

def chained():
    try:
        boom(KeyError("first"))
    except KeyError as error:
        raise ValueError("second") from error

def while_handling():
    try:
        boom(KeyError("first"))
    except KeyError:
        boom(ValueError("second"))

def group():
    errors = []
    for number in (1, 2):
        try:
            boom(ValueError(number))
        except ValueError as error:
            errors.append(error)
    raise ExceptionGroup("many", errors)

def deep(left):
    if left:
        deep(left - 1)
    raise ValueError("deep")

def parse():
    compile("x = = 3", __file__, "exec")

def load():
    from model_of_test import nothing_there
'''


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "model_of_test.py"
    file.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("model_of_test", file)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "model_of_test", made)
    spec.loader.exec_module(made)
    yield made


def caught(function: object, *given: object) -> Raised:
    try:
        function(*given)  # type: ignore[operator]  # a function of the module
    except BaseException as error:  # noqa: BLE001 -- the error is what is looked at
        return raised(error)
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize("name", ["chained", "while_handling", "group", "parse", "load"])
def test_trap_absolute_paths_in_metadata(module: ModuleType, name: str, tmp_path: Path) -> None:
    record = caught(getattr(module, name))
    assert str(tmp_path) not in record.traceback
    assert str(tmp_path) not in record.message
    assert 'File "model_of_test.py"' in record.traceback


def test_type_bases_message_and_source_lines(module: ModuleType) -> None:
    record = caught(module.boom, module.OwnError("gone"))
    assert record.type == "model_of_test.OwnError"
    assert record.bases == ("OwnError", "OSError", "Exception")
    assert record.message == "gone"
    assert "    raise error\n" in record.traceback
    assert record.traceback.endswith("model_of_test.OwnError: gone\n")


def test_causes_contexts_and_groups_are_told(module: ModuleType) -> None:
    assert "direct cause" in caught(module.chained).traceback
    assert "KeyError: 'first'" in caught(module.chained).traceback
    assert "During handling" in caught(module.while_handling).traceback
    assert "ValueError: 2" in caught(module.group).traceback


def test_an_error_that_cannot_speak_is_recorded(module: ModuleType) -> None:
    record = caught(module.boom, module.Unspeakable())
    assert record.message == "<its message cannot be made: RuntimeError>"
    assert record.traceback


def test_a_traceback_that_cannot_be_made_is_no_second_error(module: ModuleType) -> None:
    class Hostile(Exception):
        @property
        def __notes__(self) -> list[str]:
            raise RuntimeError("no notes")

    assert caught(module.boom, Hostile("x")).traceback.startswith(("<the traceback cannot be made", "Traceback"))
    error: BaseException = ValueError(0)
    for number in range(5000):
        outer = ValueError(number)
        outer.__context__ = error
        error = outer
    assert raised(error).message == "4999"


def test_frames_of_lightfx_are_left_out_and_of_its_neighbours_are_not(tmp_path: Path) -> None:
    """Trap: a package called ``lightfx_models`` lies beside lightfx."""
    beside = Path(lightfx.__file__).parent
    for file, shown in ((f"{beside}/engine/drive.py", False), (f"{beside}_models/train.py", True)):
        namespace: dict[str, object] = {}
        exec(compile("def fail():\n    raise ValueError('x')", file, "exec"), namespace)
        record = caught(namespace["fail"])
        assert ("in fail" in record.traceback) is shown


def test_the_same_error_makes_the_same_record(module: ModuleType) -> None:
    """Addresses are blanked: they would make another content each time."""
    records = {caught(module.boom, ValueError(f"{object()!r} and {module.boom!r}")) for _ in range(3)}
    assert len(records) == 1
    assert "at 0x…" in records.pop().message


def test_exits_and_interrupts_have_bases(module: ModuleType) -> None:
    assert caught(module.boom, SystemExit(3)).bases == ("SystemExit",)
    assert caught(module.boom, SystemExit(3)).message == "3"


def test_a_deep_traceback_is_cut_in_the_middle(module: ModuleType) -> None:
    record = caught(module.boom, ValueError("x" * 100_000))
    assert len(record.message) < MAX_TEXT + 100
    assert "80000 characters" in record.message
    assert "Previous line repeated" in caught(module.deep, 500).traceback


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain é😀", "plain é😀"),
        ("lone \ud800", "lone \\ud800"),
        ("<X at 0x7f00aa> at 0xdead", "<X at 0x…> at 0x…"),
        ("x" * MAX_TEXT, "x" * MAX_TEXT),
        ("flat 0x7f", "flat 0x7f"),
    ],
)
def test_clean(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned
    clean(text).encode()


def test_relative_takes_the_nearest_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", ["", "/a", "/a/b", "/c"])
    assert relative("/a/b/m.py") == "m.py"
    assert relative("/a/x/m.py") == "x/m.py"
    assert relative("/elsewhere/m.py") == "m.py"
    assert relative("<string>") == "<string>"
    assert relative("pkg/m.py") == "pkg/m.py"
