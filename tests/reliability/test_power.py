"""D4, D5, D6: the power goes, and what was answered is there when it comes back; without the syncs it is not."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cutting import Cuts, cut, replay
from disks import FILE_SYSTEMS, missing, workshop
from inquest import Inquest
from protocol import Record, Scale

SWEEPING = Path(__file__).with_name("sweeping.py")
PASSES = "mounted, nothing answered is lost, nothing seen is wrong, the next run needs no repair"
LOGGED = ("ext4", "xfs", "btrfs")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    lacking = missing()
    if lacking:
        pytest.skip(lacking)
    with workshop(tmp_path_factory.mktemp("power")) as place:
        yield place


@pytest.fixture(scope="module")
def inquest() -> Iterator[Inquest]:
    with Inquest() as asked:
        yield asked


def needed(name: str, *, fuse: bool = False) -> None:
    lacking = missing(FILE_SYSTEMS[name])
    if not lacking and fuse:
        lacking = "" if importlib.util.find_spec("mfusepy") else "mfusepy is not installed"
        lacking = lacking or ("" if os.path.exists("/dev/fuse") and shutil.which("fusermount3") else "there is no FUSE")
    if lacking:
        pytest.skip(lacking)


def survived(cuts: Cuts, record_property: Record, count: int) -> None:
    assert cuts.answers, "something was answered before the last cut"
    assert (cuts.wrong, cuts.unmountable) == ({}, [])
    record_property("count", count)


@pytest.mark.reliability("D4", "power cut at a random moment, the disk as it is", passes=PASSES)
@pytest.mark.parametrize("kind", ["value", "tree", "run", "gc", "root"])
@pytest.mark.parametrize("name", FILE_SYSTEMS)
def test_cut(shop: Path, inquest: Inquest, name: str, kind: str, scale: Scale, record_property: Record) -> None:
    needed(name)
    count = scale(2, 5, 50)
    survived(cut(shop, inquest, FILE_SYSTEMS[name], kind, count), record_property, count)


@pytest.mark.reliability(
    "D5", "power cut between any two writes of the disk; of what was not synced any part is lost", passes=PASSES
)
@pytest.mark.parametrize("kind", ["value", "tree", "run", "root"])
@pytest.mark.parametrize("name", LOGGED)
def test_replayed(shop: Path, inquest: Inquest, name: str, kind: str, scale: Scale, record_property: Record) -> None:
    needed(name, fuse=True)
    count = scale(3, 34, 334)
    cuts = replay(shop, inquest, FILE_SYSTEMS[name], kind, scale(8, 8, 40), count)
    assert cuts.lacking or count < 30, "most cuts fall between writes that are not durable"
    survived(cuts, record_property, count)


def losing(cuts: Cuts, record_property: Record, count: int, where: str) -> int:
    """How many of the cuts lose something."""
    caught = len(cuts.wrong) + len(cuts.unmountable)
    record_property("count", count)
    record_property("found", f"{caught} of {count}{where}")
    return caught


@pytest.mark.reliability("D6", "without any sync, D4", passes="90 % of the cuts lose something")
@pytest.mark.parametrize("name", LOGGED)
def test_nothing_survives_without_sync(
    shop: Path, inquest: Inquest, name: str, scale: Scale, record_property: Record
) -> None:
    needed(name)
    count = scale(20, 20, 50)
    cuts = cut(shop, inquest, FILE_SYSTEMS[name], "value", count, mutant="no_sync")
    assert losing(cuts, record_property, count, f" on {name}") >= 0.9 * count


@pytest.mark.reliability("D6", "without syncs of folders, D4", passes="some cut loses something")
@pytest.mark.parametrize("name", LOGGED)
def test_names_are_lost_without_sync_of_folders(
    shop: Path, inquest: Inquest, name: str, scale: Scale, record_property: Record
) -> None:
    needed(name)
    count = scale(20, 20, 50)
    cuts = cut(shop, inquest, FILE_SYSTEMS[name], "value", count, mutant="no_folder_sync")
    assert losing(cuts, record_property, count, f" on {name}")


@pytest.mark.reliability("D6", "with syncs left out, or after the records, D5", passes="some state lacks something")
@pytest.mark.parametrize(
    ("mutant", "kind"), [("no_sync", "value"), ("no_folder_sync", "value"), ("record_first", "tree")]
)
def test_states_without_sync(
    shop: Path, inquest: Inquest, mutant: str, kind: str, scale: Scale, record_property: Record
) -> None:
    needed("ext4", fuse=True)
    count = scale(40, 40, 200)
    cuts = replay(shop, inquest, FILE_SYSTEMS["ext4"], kind, 8, count, mutant=mutant)
    assert losing(cuts, record_property, count, f", {mutant}")


@pytest.mark.reliability("D6", "records written in place: D2", passes="some kill leaves something wrong")
def test_records_written_in_place_are_seen_half(memory: Path, record_property: Record) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    record_property("count", caught(memory, "direct_write", "write"))


@pytest.mark.reliability("D6", "answered before records have their names: D2", passes="some kill loses something")
def test_what_is_answered_too_early_is_lost(memory: Path, record_property: Record) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    record_property("count", caught(memory, "answer_first", "write,rename,renameat,renameat2,unlink,unlinkat"))


def caught(memory: Path, mutant: str, calls: str) -> int:
    """Kill at these calls, with a wrong disk, which must be caught, and with the right one; gives how often."""
    found = {}
    for name in (mutant, ""):
        place = memory / f"of-{name}"
        place.mkdir()
        command = [sys.executable, SWEEPING, place, "run", "signal=SIGKILL", "1", name, calls]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found[name] = json.loads(done.stdout)
    assert found[mutant]["wrong"]
    assert not found[""]["wrong"]
    return len(found[mutant]["points"])
