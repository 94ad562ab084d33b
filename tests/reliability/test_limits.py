"""Disks that are full, out of inodes, read-only or odd, and processes that may open or write little.

What was stored can be read and listed; what cannot be done is one typed failure
that names the path; where there is room again the same program succeeds. The
file systems are real: small ones in memory, and images on them.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from odd_disks import AS_ROOT, fill, image, mounted, number, sound, text, trouble

from lightfx import evaluate, open_world, realize
from lightfx.cli.complaints import complaint_of
from lightfx.core.failures import DiskFull, NotPermitted, sentence
from lightfx.garbage import add_root, gc
from lightfx.looking import ls
from lightfx.upkeep import verify
from lightfx.wiring import unwrap

# D8: full.

D8 = pytest.mark.reliability(
    "D8", "disk, inodes, files and file sizes run out", passes="typed failure; reads, ls and gc work; then success"
)


@AS_ROOT
@D8
@pytest.mark.parametrize("what", [pytest.param("bytes", marks=pytest.mark.quick), "inodes"])
def test_a_full_disk_is_read_and_cleared(tmp_path: Path, what: str) -> None:
    options = "size=8m,nr_inodes=80" if what == "inodes" else "size=8m"
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", options, "tmpfs") as disk:
        kept, doomed = text("k", 1000), text("d", 1000)
        with open_world(disk / "store") as world:
            evaluate(world, kept)
            unwrap(add_root(world, kept.dref))
            evaluate(world, doomed)
        taken = disk / "taken"
        taken.mkdir()
        if what == "inodes":
            with pytest.raises(OSError, match="No space"):
                for each in range(100):
                    (taken / str(each)).touch()
        else:
            fill(taken)
        with open_world(disk / "store") as world:
            assert sound(world) == 2
            assert evaluate(world, kept).read_text() == "k" * 1000
            assert unwrap(ls(world, unwrap(world.store.newest("text", 1))[0].stored.rref))
            why = trouble(world, 1)
            assert isinstance(why, DiskFull), why
            assert str(disk) in sentence(why)
            assert "full" in sentence(why)
        with open_world(disk / "store") as world:
            collected = world.perform.result(gc(world))
            if what == "bytes":
                assert collected.unwrap().rrefs
                assert sound(world) == 1
            else:  # to enter takes a file, and there is none to be had
                assert isinstance(collected.failure(), DiskFull)
                assert "free some space and run again" in sentence(collected.failure())
        shutil.rmtree(taken)
        with open_world(disk / "store") as world:
            assert evaluate(world, number(1, "x" * 3000)) == 1
            unwrap(gc(world))
            assert evaluate(world, kept).read_text() == "k" * 1000
        assert not list((disk / "store/tmp").iterdir())


LIMITED = """
import resource, sys
from contextlib import suppress
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from odd_disks import number, sound, text, trouble
from lightfx import evaluate, open_world, realize
from lightfx.core.failures import EngineError, sentence
resource.setrlimit(getattr(resource, sys.argv[3]), (int(sys.argv[4]),) * 2)
try:
    with open_world(Path(sys.argv[1])) as world:
        print("sound", sound(world))
        evaluate(world, number(2))  # and import what it takes
        files = []
        with suppress(OSError):
            while sys.argv[3] == "RLIMIT_NOFILE":
                files.append(open("/dev/null"))
        why = world.perform.result(realize(world, number(1, "x" * 50_000))).swap().value_or(None)
        for file in files:
            file.close()
        print(type(why).__name__, sentence(why))
        print("value", evaluate(world, number(1)))
except EngineError as error:
    print(type(error.failure).__name__, error)
"""


@D8
@pytest.mark.parametrize(
    ("limit", "size", "said"),
    [
        pytest.param(
            *("RLIMIT_FSIZE", 30_000, r"sound 1\nDiskFull .*store: the disk is full.*\nvalue 1\n"),
            marks=pytest.mark.quick,
        ),
        ("RLIMIT_NOFILE", 32, r"sound 1\nSystemTrouble .*store.*Too many open files.*\nvalue 1\n"),
    ],
)
def test_a_process_that_may_write_or_open_little(tmp_path: Path, limit: str, size: int, said: str) -> None:
    with open_world(tmp_path / "store") as world:
        evaluate(world, text("k", 1000))
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            LIMITED,
            str(tmp_path / "store"),
            str(Path(__file__).parent),
            limit,
            str(size),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(said, done.stdout), done.stdout
    with open_world(tmp_path / "store") as world:
        assert sound(world) >= 1
        assert evaluate(world, text("z", 100_000)).stat().st_size == 100_000


# D9: read-only.

D9 = pytest.mark.reliability("D9", "read-only stores", passes="all is read, nothing is tried; one clear failure")


@contextmanager
def immutable(tmp_path: Path, how: str) -> Iterator[Path]:
    """A store of which not even root may change anything: each file and folder of it is marked so."""
    if shutil.which("chattr") is None:
        pytest.skip("chattr is not installed")
    with image(tmp_path, "ext4", "32m") as disk:
        with open_world(disk / "store") as world:
            evaluate(world, text("k", 1000))
            evaluate(world, number(1))
        if how == "no index":
            (disk / "store/index.sqlite").unlink()
        marked = subprocess.run(["chattr", "-R", "+i", disk / "store"], capture_output=True, text=True)
        if marked.returncode:
            pytest.skip(f"files cannot be marked as immutable: {marked.stderr.strip()}")
        try:
            yield disk / "store"
        finally:
            subprocess.run(["chattr", "-R", "-i", disk / "store"], check=True)


@contextmanager
def read_only(tmp_path: Path, how: str) -> Iterator[Path]:
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=8m", "tmpfs") as disk:
        with open_world(disk / "store") as world:
            evaluate(world, text("k", 1000))
            evaluate(world, number(1))
        if how == "no index":
            (disk / "store/index.sqlite").unlink()
        if how == "behind":
            shutil.copy(disk / "store/index.sqlite", disk / "old")
            with open_world(disk / "store") as world:
                evaluate(world, number(2))
            shutil.copy(disk / "old", disk / "store/index.sqlite")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        yield disk / "store"


@AS_ROOT
@D9
@pytest.mark.parametrize("how", [pytest.param("index", marks=pytest.mark.quick), "no index", "behind"])
def test_a_read_only_disk_is_read(tmp_path: Path, how: str) -> None:
    with read_only(tmp_path, how) as store, open_world(store) as world:
        assert sound(world) == (3 if how == "behind" else 2)
        assert evaluate(world, text("k", 1000)).read_text() == "k" * 1000
        assert unwrap(ls(world, unwrap(world.store.newest("text", 1))[0].stored.rref))
        for act in (realize(world, number(7)), gc(world, keep_last=1), add_root(world, number(1).dref)):
            why = world.perform.result(act).failure()
            assert why == NotPermitted(str(store), "write to the store, which can be read")
            assert f"{store} lies on a file system that is mounted read-only" in complaint_of(why).line


@AS_ROOT
@D9
@pytest.mark.parametrize("how", [pytest.param("index", marks=pytest.mark.quick), "no index"])
def test_a_store_that_is_immutable_is_read(tmp_path: Path, how: str) -> None:
    with immutable(tmp_path, how) as store:
        before = whole(store)
        with open_world(store) as world:
            assert sound(world) == 2
            assert evaluate(world, text("k", 1000)).read_text() == "k" * 1000
            rref = unwrap(world.store.newest("text", 1))[0].stored.rref
            assert unwrap(ls(world, rref))
            assert unwrap(verify(world)).damages == ()
            for act in (realize(world, number(7)), gc(world, keep_last=1), add_root(world, number(1).dref)):
                why = world.perform.result(act).failure()
                assert why == NotPermitted(str(store), "write to the store, which can be read")
        assert whole(store) == before


def whole(folder: Path) -> dict[str, tuple[int, int, int]]:
    """All that is in a folder, and when it was last changed in any way."""
    looks = ((path, path.lstat()) for path in (folder, *folder.rglob("*")))
    return {str(path): (look.st_ino, look.st_mode, look.st_ctime_ns) for path, look in looks}


@AS_ROOT
@D9
@pytest.mark.parametrize(
    ("act", "how"),
    [
        pytest.param("ls", "read-only", marks=pytest.mark.quick),
        *(("show", "read-only"), ("verify", "read-only")),
        *(("ls", "immutable"), ("show", "immutable"), ("verify", "immutable")),
    ],
)
def test_to_read_tries_to_write_nothing(tmp_path: Path, act: str, how: str) -> None:
    """As strace sees it: nothing is made, opened for writing, renamed or removed, also where it would be refused."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    with (read_only if how == "read-only" else immutable)(tmp_path, "index") as store:
        command = [sys.executable, "-m", "lightfx.cli.main", act, "--store", str(store)]
        command += [number(1).dref.text] if act == "show" else []
        trace = [strace, "-f", "-qq", "-y", "-o", str(tmp_path / "trace"), "-e", "trace=file,desc"]
        done = subprocess.run([*trace, *command], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        tried = attempts(tmp_path / "trace", store)
        # To enter is tried once: whether one may is known from the answer alone.
        assert [line for line in tried if "newborn" not in line] == []
        assert len(tried) == 1


def attempts(trace: Path, store: Path) -> list[str]:
    """What strace saw that would have changed something in a store."""
    seen = [line for line in trace.read_text().splitlines() if str(store) in line]
    assert seen
    tried = [line for line in seen if "O_CREAT" in line or "O_RDWR" in line or "O_WRONLY" in line]
    changing = ("rename", "unlink", "mkdir", "chmod", "link(", "linkat", "utime", "fsync", "syncfs", "write(")
    return tried + [line for line in seen if any(f" {name}" in line for name in changing)]


@AS_ROOT
@D9
def test_another_users_store_is_read(tmp_path: Path) -> None:
    """The third way: the disk would let him, and the rights do not."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    home = Path(tempfile.mkdtemp(dir="/var/tmp"))  # where another user gets to
    home.chmod(0o755)
    try:
        for name in ("store", "warm"):
            with open_world(home / name) as world:
                evaluate(world, text("k", 1000))
                evaluate(world, number(1))
        before = whole(home / "store")
        program = [
            sys.executable,
            str(Path(__file__).with_name("onlooker.py")),
            str(home / "store"),
            str(home / "warm"),
        ]
        trace = [strace, "-f", "-qq", "-y", "-o", str(tmp_path / "trace"), "-e", "trace=file,desc"]
        done = subprocess.run([*trace, *program], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        seen = json.loads(done.stdout)
        assert seen.pop("refused") == [f"{home}/store: no permission to write to the store, which can be read"] * 3
        commands = {"ls": 0, "show": 0, "verify": 0, "find": 0}
        assert seen == {"sound": 2, "text": "k" * 1000, "files": 5, "damages": 0} | commands
        tried = attempts(tmp_path / "trace", home / "store")
        # To enter, and to write down the two runs; what is stored is left alone.
        assert [line for line in tried if "/claims/newborn-" not in line and "/store/runs" not in line] == []
        assert whole(home / "store") == before
    finally:
        shutil.rmtree(home, onerror=lambda act, path, _: (Path(path).parent.chmod(0o700), act(path)))
