"""S1: hostile archives are refused or tamed, and nothing outside of where they go is changed."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from hostile_archives import HOSTILE, TAMED, Case, cases

from lightfx import Left, Raised, memory_world, open_world, realize, source_file, unwrap
from lightfx.ready import unpack
from lightfx.stages.archives import extract
from lightfx.stages.extracting import DamagedArchiveError, HostileArchiveError, Limits

MANY = 2_000
LIMITS = Limits(8 << 20, MANY)
CASES = dict(cases(MANY))


def fingerprint(folder: Path, but: Path) -> str:
    """Digest all that lies in a folder, with kinds, modes, owners and times; without ``but``."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path == but or but in path.parents:
            continue
        status = path.lstat()
        told = (str(path), status.st_mode, status.st_uid, status.st_nlink, status.st_size)
        digest.update(repr((told, status.st_mtime_ns if path.is_file() else 0)).encode("utf-8", "surrogateescape"))
        digest.update(path.read_bytes() if stat.S_ISREG(status.st_mode) else b"")
    return digest.hexdigest()


@pytest.fixture
def around(tmp_path: Path) -> Path:
    """A folder with things in it that an archive might reach for."""
    for name in ("victim", "store/object", "evil.txt", "a/b/c/inner"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("as it was")
    (tmp_path / "store" / "object").chmod(0o444)
    return tmp_path


def assert_tame(root: Path, case: Case) -> None:
    found = {str(path.relative_to(root)) for path in root.rglob("*")}
    assert found == case.holds
    for path in root.rglob("*"):
        mode = path.lstat().st_mode
        assert stat.S_ISREG(mode) or stat.S_ISDIR(mode)
        assert stat.S_IMODE(mode) in (0o644, 0o755)
        assert path.lstat().st_nlink == 1 or stat.S_ISDIR(mode)
        assert os.listxattr(path, follow_symlinks=False) == []


@pytest.mark.parametrize("name", CASES)
def test_it_is_refused_or_tamed(name: str, around: Path) -> None:
    case, root = CASES[name], around / "deep" / "out"
    archive = around / f"case{case.suffix}"
    archive.write_bytes(case.content)
    root.mkdir(parents=True)
    before = fingerprint(around, root)
    old = os.umask(0)
    try:
        extract(archive, root, LIMITS)
        verdict = TAMED
    except (HostileArchiveError, DamagedArchiveError) as error:
        verdict = type(error).__name__
        assert len(str(error)) < 600
    finally:
        os.umask(old)
    assert verdict == case.verdict
    assert fingerprint(around, root) == before, "something outside was changed"
    assert sum(path.lstat().st_size for path in root.rglob("*") if path.is_file()) <= LIMITS.bytes
    if verdict == TAMED:
        assert_tame(root, case)


def test_bombs_take_little_memory(around: Path) -> None:
    names = [name for name in CASES if "bomb" in name or "too many" in name or "slow" in name or "endless" in name]
    for number, name in enumerate(names):
        (around / f"{number}{CASES[name].suffix}").write_bytes(CASES[name].content)
        (around / "out" / str(number)).mkdir(parents=True)
    files = [f"{number}{CASES[name].suffix}" for number, name in enumerate(names)]
    done = subprocess.run([sys.executable, "-c", WATCHED, *files], cwd=around, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 50 << 10, "they took more than 50 MB"


WATCHED = f"""
import resource, sys
from contextlib import suppress
from pathlib import Path
from lightfx.stages.archives import extract
from lightfx.stages.extracting import Limits
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for file in sys.argv[1:]:
    with suppress(ValueError):
        extract(Path(file), Path("out", file.partition(".")[0]), Limits({LIMITS.bytes}, {LIMITS.entries}))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 60
    assert sum(case.verdict == HOSTILE for case in CASES.values()) >= 35


def test_what_protects_is_not_the_filter_of_tarfile(around: Path) -> None:
    """The archive that escapes it is among ours: here is what it does to who trusts that filter."""
    if not hasattr(tarfile, "data_filter"):
        pytest.skip("this Python has no filters")
    (around / "x.tar").write_bytes(CASES["long chain of links"].content)
    (around / "deep").mkdir()
    with tarfile.open(around / "x.tar") as archive:
        try:
            archive.extractall(around / "deep", filter="data")
        except (OSError, tarfile.TarError):
            pytest.skip("the filter of this Python is mended")
    assert not (around / "deep" / "evil").exists()


def test_a_stage_that_unpacks_one_is_left(around: Path) -> None:
    (around / "x.tar").write_bytes(CASES["long chain of links"].content)
    before = fingerprint(around, around / "world")
    world = memory_world(around / "world")
    outcome = unwrap(realize(world, unpack(source_file(around / "x.tar"))))
    assert isinstance(outcome, Left) and isinstance(outcome.cause, Raised)
    assert outcome.cause.type.endswith("HostileArchiveError")
    assert fingerprint(around, around / "world") == before


@pytest.mark.reliability("S1", passes="refused or tamed; nothing else is changed")
@pytest.mark.parametrize("name", CASES)
def test_a_store_takes_what_is_tame_and_nothing_else(name: str, around: Path) -> None:
    """Through the whole engine: what the extractor lets pass, the store can hold, and the rest is LEFT, not trouble."""
    case = CASES[name]
    (around / f"case{case.suffix}").write_bytes(case.content)
    before = fingerprint(around, around / "world")
    with open_world(around / "world") as world:
        plan = unpack(source_file(around / f"case{case.suffix}"), max_bytes=LIMITS.bytes, max_entries=MANY)
        outcome = unwrap(realize(world, plan))
    assert isinstance(outcome, Left) == (case.verdict != TAMED)
    if isinstance(outcome, Left):
        assert isinstance(outcome.cause, Raised) and outcome.cause.type.endswith(case.verdict)
    assert fingerprint(around, around / "world") == before
