"""D7: a disk that is smaller than it says: writes succeed, a sync fails, and later ones may say that all is well.

An ext4 of 200 MB lies in a file on a tmpfs of 24 MB. A program stores things there, and goes on after the first
failure; strace sees what it syncs. Then the disk gets what it lacked, and is mounted anew: so what is judged is what
was on it, and not what the system had in memory.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from odd_disks import AS_ROOT, mounted
from plain import judge
from protocol import Record

THIN = Path(__file__).with_name("thin.py")
TIMES = 50  # of about a megabyte each
SYNC = re.compile(r"^\d+ +(fsync|fdatasync|syncfs)\(\d+<(.*?)>\) += (-?\d+)", re.MULTILINE)

pytestmark = [
    AS_ROOT,
    pytest.mark.reliability(
        "D7", "a thin disk: the sync fails, and then says that all is well", passes="no answer after; no second sync"
    ),
]


@frozen
class Told:
    """What was said, in order; what was synced, with whether it succeeded; and what is wrong on the disk itself."""

    said: list[dict[str, Any]]
    syncs: list[tuple[str, bool]]
    wrong: list[str]


def told(tmp_path: Path, mutant: str = "") -> Told:
    """Store until long after the disk is full, and look at what is on it."""
    strace = shutil.which("strace")
    if strace is None or shutil.which("mkfs.ext4") is None:
        pytest.skip("strace is not installed" if strace is None else "mkfs.ext4 is not installed")
    with mounted(tmp_path / "thin", "-t", "tmpfs", "-o", "size=24m", "tmpfs") as thin:
        image = thin / "ext4.img"
        with image.open("wb") as made:
            made.truncate(200 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-E", "nodiscard", image], check=True)
        with mounted(tmp_path / "disk", "-o", "loop", str(image)) as disk:
            trace = [strace, "-f", "-y", "-qq", "-o", tmp_path / "trace", "-e", "trace=fsync,fdatasync,syncfs"]
            program = [sys.executable, THIN, disk / "store", str(TIMES), mutant]
            done = subprocess.run([*trace, *program], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
        subprocess.run(["mount", "-o", "remount,size=400m", thin], check=True)
        said = [json.loads(line) for line in done.stdout.splitlines()]
        with mounted(tmp_path / "again", "-o", "loop", str(image)) as disk:
            wrong = judge(disk / "store", [each for each in said if "dref" in each])
    store = tmp_path / "disk/store"
    found = [(path, code == "0") for _, path, code in SYNC.findall((tmp_path / "trace").read_text())]
    return Told(said, [(path.removeprefix(f"{store}/"), fine) for path, fine in found], wrong)


def test_a_thin_disk(tmp_path: Path, record_property: Record) -> None:
    found = told(tmp_path)
    first = next(number for number, each in enumerate(found.said) if "failed" in each)
    assert first > 5, "there was room for some"
    assert len(found.said) == TIMES, "it went on"
    assert not [each for each in found.said[first:] if "dref" in each], "after a sync that failed nothing is answered"
    assert {each["failed"] for each in found.said[first:]} <= {"DiskFull", "SystemTrouble", "NotPermitted"}
    assert all(str(tmp_path / "disk/store") in each["words"] for each in found.said[first:])
    ours = [(path, fine) for path, fine in found.syncs if not path.startswith("index")]
    failed = [(number, path) for number, (path, fine) in enumerate(ours) if not fine]
    assert failed, "a sync failed"
    for number, path in failed:
        assert path not in [later for later, _ in ours[number + 1 :]], "it was synced once more"
    assert found.wrong == []
    record_property("found", f"{first} answers before it, and 0 of {TIMES - first} after it")


def test_without_syncs_it_answers_what_is_lost(tmp_path: Path) -> None:
    """The negative control: the disk takes no more, and nobody notices."""
    found = told(tmp_path, "no_sync")
    assert all("dref" in each for each in found.said)
    assert found.wrong
