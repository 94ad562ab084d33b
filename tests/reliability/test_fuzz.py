"""S10: every parser of what others may have written gives an answer: none is brought down, none goes on for ever."""

from __future__ import annotations

import faulthandler
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from fuzzing import TARGETS
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as drawn_from
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, DrawFn
from protocol import SEED, TIER, Record

PATIENCE = 30  # seconds in which any one answer comes
CHANGES = 10_000 if TIER == "N" else 3000
SECONDS = 60 if TIER == "N" else 5  # that a fuzzer has for a target
ROOM = 300 << 10  # KiB of memory that a test with all its examples may add to what the process ever had
PIECES = [
    b"",
    b"\0",
    b"\xff",
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b"\\u0000",
    b"\\ud800",
    b"NaN",
    b"1e999",
    b"-1",
    b"null",
    b"$",
]
PIECES += [b"..", b"/", b"\n", b"9" * 5000, b"[" * 3000, b'{"a":' * 3000, b"\x1b[2J", b"true", b"[]", b"{}", b"0" * 12]


@st.composite
def mutants(draw: DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """Change, cut, repeat and mix examples that are good."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        to = draw(st.integers(at, min(len(data), at + 64)))
        match draw(st.integers(0, 6)):
            case 0:
                data[at:to] = draw(st.sampled_from(PIECES))
            case 1:
                data[at:to] = draw(st.binary(max_size=8))
            case 2 if at < len(data):
                data[at] ^= 1 << draw(st.integers(0, 7))
            case 3:
                del data[at:]
            case 4:
                data[at:at] = data[at:to] * draw(st.integers(1, 40))
            case 5:  # nested nearly as deep as can be read: what handles it next stands deeper
                depth = draw(st.integers(1, 40) | st.integers(800, 1000))
                data[at:to] = b"[" * depth + b"]" * depth
            case _:
                other = draw(st.sampled_from(seeds))
                data[at:to] = other[draw(st.integers(0, len(other))) :][:600]
    return bytes(data)


@pytest.fixture(autouse=True)
def patience() -> Iterator[None]:
    """End a test that hangs, and say where; tell of one that takes too much memory."""

    def give_up(*_: object) -> None:
        faulthandler.dump_traceback()
        raise AssertionError(f"no answer within {PATIENCE} s")

    before, had = signal.signal(signal.SIGALRM, give_up), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - had < ROOM


def judge(name: str, data: DataObject) -> None:
    target = TARGETS[name]
    example = data.draw(mutants(target.seeds) | st.binary(max_size=200))
    signal.alarm(PATIENCE)
    target.run(example)
    signal.alarm(0)


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_are_answered(name: str) -> None:
    for seed in TARGETS[name].seeds:
        signal.alarm(PATIENCE)
        TARGETS[name].run(seed)
    for piece in PIECES:
        TARGETS[name].run(piece)


@pytest.mark.parametrize("name", TARGETS)
@given(st.data())
@settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_a_few_thousand_changes_bring_nothing_down(name: str, data: DataObject) -> None:
    judge(name, data)


@pytest.mark.reliability("S10", passes="an answer for each example, within bounds of time and memory")
@pytest.mark.parametrize("name", TARGETS)
@drawn_from(SEED)
@given(st.data())
@settings(
    max_examples=int(os.environ.get("FUZZ", CHANGES)),
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_many_changes_bring_nothing_down(name: str, data: DataObject) -> None:
    judge(name, data)


@pytest.mark.reliability("S10", passes="an answer for each example, within bounds of time and memory")
@pytest.mark.parametrize("name", TARGETS)
def test_a_fuzzer_that_sees_the_code_finds_nothing(name: str, tmp_path: Path, record_property: Record) -> None:
    if find_spec("atheris") is None:
        pytest.skip("atheris is not installed")
    (tmp_path / "corpus").mkdir()
    for number, seed in enumerate(TARGETS[name].seeds):
        (tmp_path / "corpus" / str(number)).write_bytes(seed)
    program = Path(__file__).with_name("fuzz_with_atheris.py")
    seconds = int(os.environ.get("ATHERIS", SECONDS))
    limits = ["-timeout=10", "-rss_limit_mb=1024"]  # seconds; the whole process, with all that is imported
    done = subprocess.run(
        [sys.executable, program, name, f"-max_total_time={seconds}", f"-seed={SEED}", *limits, "corpus"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        errors="replace",
    )
    assert done.returncode == 0, done.stderr[-4000:]
    (runs,) = re.findall(r"Done (\d+) runs in", done.stderr)
    assert int(runs) > len(TARGETS[name].seeds), "it did more than to read what it was given"
    record_property("count", int(runs))
