"""D2, D3: a fault at each system call, one after the other, by strace: nothing that lightfx does is left out."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from protocol import SEED, Record, Scale

SWEEPING = Path(__file__).with_name("sweeping.py")
KINDS = ("value", "tree", "run", "gc", "pack", "pull", "push", "root")
QUICK = ("tree", "pull")
ERRNOS = ("EIO", "ENOSPC", "EDQUOT", "EINTR", "EACCES", "EROFS", "EMFILE", "ESTALE")


@pytest.fixture
def strace() -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    tried = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True)
    if tried.returncode:
        pytest.skip("strace may not trace here")


@pytest.mark.reliability(
    "D2",
    "kill -9 at each call that may change something",
    passes="as D1, at each; the last fault does not fire",
)
@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.quick if kind in QUICK else ()) for kind in KINDS]
)
@pytest.mark.usefixtures("strace")
def test_killed_at_every_call(memory: Path, kind: str, scale: Scale, record_property: Record) -> None:
    points = swept(memory, kind, "signal=SIGKILL", stride=scale(6 if kind == "pull" else 30, 1, 1))
    record_property("count", points)


@pytest.mark.reliability(
    "D3",
    "each errno at each call, of a whole process",
    passes="done, or trouble in words; as D1",
)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.usefixtures("strace")
def test_errnos_at_every_call(memory: Path, kind: str, scale: Scale, record_property: Record) -> None:
    """By night all of them; else one for each kind, at some calls: in one process all of it is done by every run."""
    first = SEED + KINDS.index(kind)
    points = 0
    for step in range(scale(1, 1, len(ERRNOS))):
        errno = ERRNOS[(first + step) % len(ERRNOS)]
        (memory / errno).mkdir()
        points += swept(memory / errno, kind, f"error={errno}", stride=scale(30, 5, 1))
    record_property("count", points)


def swept(folder: Path, kind: str, fault: str, *, stride: int) -> int:
    done = subprocess.run(
        [sys.executable, str(SWEEPING), str(folder), kind, fault, str(stride)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["wrong"] == []
    assert len(found["points"]) > 80 / stride, found["points"]
    assert len(found["quiet"]) <= 0.1 * len(found["points"]), "what was counted is what fires"
    points: int = len(found["points"])
    return points
