"""Guard rails by count: what syncs, and how often. Times vary, counts do not."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from lightfx import Build, evaluate, evaluate_all, stage
from lightfx.testing.faults import Watched, world_on

pytestmark = [
    pytest.mark.quick,
    pytest.mark.reliability("P1", "syncs, counted", passes="a cached hit syncs nothing; a commit what was promised"),
]


@stage(version="1")
def value(build: Build, number: int) -> int:
    return number


@stage(version="1")
def files(build: Build, number: int, count: int) -> Path:
    for each in range(count):
        (build.out / str(each)).write_text(f"{number} {each}")
    return build.out


def syncs(disk: Watched, root: Path) -> list[str]:
    """What was synced since the last time: of paths in the store, with what is random left out."""
    found = [
        f"{call.act} {re.sub('[0-9a-f]{32,}', '*', str(Path(call.paths[0]).relative_to(root)))}"
        for call in disk.calls
        if call.act in ("fsync", "syncfs")
    ]
    disk.calls.clear()
    return found


def test_what_a_commit_syncs(tmp_path: Path) -> None:
    """As docs/store-format.md has it, in that order."""
    disk, root = Watched(), tmp_path / "store"
    group = ["fsync tmp/*/*.jsonl", "fsync records"]
    with world_on(disk, root) as world:
        founded = syncs(disk, tmp_path)
        assert founded == ["fsync store", "fsync .", "fsync store/tmp/format-*", "fsync store"]
        evaluate(world, value(1))
        assert syncs(disk, root) == group
        evaluate_all(world, [value(number) for number in range(2, 400)])
        found = syncs(disk, root)
        assert found == group * (len(found) // 2)
        assert len(found) < 398, "those of a run are stored together"
        evaluate(world, files(1, 2))
        tree = ["fsync tmp/*/2/out-0/0", "fsync tmp/*/2/out-0/1", "fsync tmp/*/2/out-0"]
        assert [re.sub(r"/\d+/out", "/2/out", each) for each in syncs(disk, root)] == [*tree, "fsync objects", *group]
        evaluate(world, files(1, 100))
        assert syncs(disk, root) == ["syncfs objects", "fsync objects", *group]


def test_what_is_reused_syncs_nothing(tmp_path: Path) -> None:
    disk, root = Watched(), tmp_path / "store"
    plans = [value(1), value(2)]
    with world_on(disk, root) as world:
        evaluate_all(world, plans)
        evaluate(world, files(1, 2))
        syncs(disk, root.parent)
        evaluate_all(world, plans)
        evaluate(world, files(1, 2))
        assert syncs(disk, root) == []
    with world_on(disk, root) as world:
        evaluate_all(world, plans)
        evaluate(world, files(1, 2))
    assert syncs(disk, root) == []


PROGRAM = """
import sys
from lightfx import Build, evaluate, open_world, stage

@stage(version="1")
def value(build: Build, number: int) -> int:
    return number

with open_world(sys.argv[1]) as world:
    print(evaluate(world, value(int(sys.argv[2]))))
"""


@pytest.mark.parametrize(("number", "count"), [(1, {}), (2, {"fsync": 2})], ids=["hit", "commit"])
def test_the_system_counts_the_same(tmp_path: Path, number: int, count: dict[str, int]) -> None:
    """A whole process under strace, index and all: SQLite syncs nothing either in a small run."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    (tmp_path / "program.py").write_text(PROGRAM)
    program = [sys.executable, str(tmp_path / "program.py"), str(tmp_path / "store")]
    subprocess.run([*program, "1"], check=True, capture_output=True)
    calls = "fsync,fdatasync,syncfs,sync,sync_file_range,msync"
    out = tmp_path / "trace"
    trace = [strace, "-f", "-qq", "-y", "-o", str(out), "-e", f"trace={calls}"]
    done = subprocess.run([*trace, *program, str(number)], capture_output=True, text=True)
    assert done.stdout == f"{number}\n", done.stderr
    seen = Counter(re.findall(rf"(\w+)\(\d+<{tmp_path}/store/(?!index)", out.read_text()))
    assert seen == count
