"""A cache in a folder: what those leave who are killed as they write, and who removes it."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from returns.result import Success

from lightfx.effects.cache import Failed, Good, Taken, Want
from lightfx.shell.cache.folder import ASIDE, OLD, folder_cache
from lightfx.shell.disk import Disk
from lightfx.testing.faults import Refusal, Watched, every
from lightfx.testing.makings import good, trouble

WRITER = """
import sys
from pathlib import Path
from lightfx.effects.cache import Failed, Good, Taken, Want
from lightfx.shell.cache.folder import folder_cache

def pieces():
    yield b"first "
    print("writing", flush=True)
    sys.stdin.readline()
    yield b"second"

print(folder_cache(Path(sys.argv[1]), create=True).put([Good("v1/blobs/theirs", 12, pieces)]))
"""


@contextmanager
def writing(root: Path) -> Iterator[subprocess.Popen[str]]:
    """One who is in the middle of a file."""
    command = [sys.executable, "-c", WRITER, str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        try:
            yield process
        finally:
            process.kill()


def aside(root: Path) -> set[Path]:
    return set((root / ASIDE).iterdir())


def grow_old(path: Path, more: float = 60.0) -> None:
    then = time.time() - OLD - more
    os.utime(path, (then, then))


def put(root: Path, name: str = "v1/blobs/ours", disk: Disk | None = None) -> None:
    good(folder_cache(root, create=True, disk=disk or Disk()).put([Good.of(name, b"ours")]))


def killed(root: Path) -> Path:
    """Kill somebody in the middle of a file; gives what he left."""
    before = aside(root) if (root / ASIDE).exists() else set()
    with writing(root) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    (left,) = aside(root) - before
    return left


def left(root: Path, name: str) -> Path:
    """What a writer leaves, made without one."""
    (root / ASIDE).mkdir(parents=True, exist_ok=True)
    path = root / ASIDE / (name * 32)
    path.write_bytes(b"first ")
    return path


def test_what_a_killed_writer_left_goes_when_it_is_old(tmp_path: Path) -> None:
    remains = killed(tmp_path)
    assert good(folder_cache(tmp_path).names("v1/blobs")) == {}
    put(tmp_path)
    assert aside(tmp_path) == {remains}, "it is not old yet"
    grow_old(remains, more=-600)
    put(tmp_path)
    assert aside(tmp_path) == {remains}, "it is not old yet"
    grow_old(remains)
    put(tmp_path)
    assert aside(tmp_path) == set()
    assert good(folder_cache(tmp_path).names("v1/blobs")) == {"v1/blobs/ours": 4}


def test_what_is_written_is_synced_and_then_gets_its_name(tmp_path: Path) -> None:
    """Trap: a power cut after the rename, and the name is there without its bytes."""
    disk = Watched()
    put(tmp_path, disk=disk)
    home = tmp_path / "v1/blobs/ours"
    steps = [call for call in disk.calls if call.act in ("fsync", "rename")]
    assert [call.act for call in steps] == ["fsync", "rename", "fsync"]
    new = Path(steps[0].paths[0])
    assert (new.parent, len(new.name)) == (tmp_path / ASIDE, 32)
    assert [call.paths for call in steps[1:]] == [(str(new), str(home)), (str(home.parent),)]


class Ahead(Disk):
    """A disk of a server whose clock is far ahead of ours."""

    def fstat(self, file: int) -> os.stat_result:
        found = super().fstat(file)
        return os.stat_result((*found[:8], found.st_mtime + 2 * OLD, found.st_ctime))


def test_what_is_old_is_told_by_the_clock_of_the_server(tmp_path: Path) -> None:
    left(tmp_path, "a")
    put(tmp_path, disk=Ahead())
    assert aside(tmp_path) == set()


def test_what_somebody_is_writing_stays_however_old_it_is(tmp_path: Path) -> None:
    with writing(tmp_path) as process:
        (theirs,) = aside(tmp_path)
        grow_old(theirs)
        put(tmp_path)
        assert aside(tmp_path) == {theirs}
        out, _ = process.communicate("\n", timeout=60)
        assert "Success" in out
    assert (tmp_path / "v1/blobs/theirs").read_bytes() == b"first second"
    assert aside(tmp_path) == set()


def test_what_is_no_file_of_ours_stays(tmp_path: Path) -> None:
    (tmp_path / ASIDE).mkdir(parents=True)
    (tmp_path / "elsewhere").write_text("precious")
    (tmp_path / ASIDE / "notes.txt").write_text("mine")
    (tmp_path / ASIDE / ("a" * 32)).mkdir()
    (tmp_path / ASIDE / ("b" * 32)).symlink_to(tmp_path / "elsewhere")
    os.mkfifo(tmp_path / ASIDE / ("c" * 32))
    kept = aside(tmp_path)
    for each in kept:
        then = time.time() - 2 * OLD
        os.utime(each, (then, then), follow_symlinks=False)
    put(tmp_path)
    assert aside(tmp_path) == kept
    assert (tmp_path / "elsewhere").read_text() == "precious"


@pytest.mark.parametrize("link", ["v1", ASIDE])
def test_trap_nothing_is_removed_where_a_link_leads(tmp_path: Path, link: str) -> None:
    """Whoever may write to a folder that is shared had files of another removed, by him who pushed there next."""
    shared, ours = tmp_path / "shared", tmp_path / "ours"
    (shared / link).parent.mkdir(parents=True)
    precious = left(ours, "a") if link == "v1" else ours / ("a" * 32)
    precious.parent.mkdir(parents=True, exist_ok=True)
    precious.write_text("precious")
    (shared / link).symlink_to(ours / link if link == "v1" else ours)
    grow_old(precious)
    put(shared)
    assert precious.read_text() == "precious"
    assert (shared / "v1/blobs/ours").read_bytes() == b"ours"


class WithoutLocks(Disk):
    """A file system that knows no locks."""

    def lock(self, file: int, how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


class Refusing(Disk):
    """Files of others, which nobody may remove."""

    def unlink(self, path: str | os.PathLike[str], folder: int | None = None) -> None:
        if stat.S_IMODE(os.lstat(path).st_mode) == 0o600:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), os.fspath(path))
        super().unlink(path, folder)


def test_where_there_are_no_locks_age_has_to_do(tmp_path: Path) -> None:
    old, young = left(tmp_path, "a"), left(tmp_path, "b")
    grow_old(old)
    put(tmp_path, disk=WithoutLocks())
    assert aside(tmp_path) == {young}


def test_what_cannot_be_removed_keeps_nobody_from_writing(tmp_path: Path) -> None:
    theirs = left(tmp_path, "a")
    theirs.chmod(0o600)
    grow_old(theirs)
    put(tmp_path, disk=Refusing())
    assert aside(tmp_path) == {theirs}


@pytest.mark.parametrize("count", [3])
def test_it_is_looked_for_once(tmp_path: Path, count: int) -> None:
    looked = list[str]()

    class Looking(Disk):
        def scandir(self, path):  # type: ignore[no-untyped-def]
            looked.append(os.fspath(path))
            return super().scandir(path)

    cache = folder_cache(tmp_path, create=True, disk=Looking())
    for number in range(count):
        good(cache.put([Good.of(f"v1/blobs/{number}", b"x"), Good.of(f"v1/packs/{number}", b"y")]))
    assert looked == [str(tmp_path / ASIDE)]


@pytest.mark.parametrize(("act", "fate"), [("fstat", Failed), ("close", Taken), ("open", Failed), ("read", Failed)])
def test_whatever_is_refused_to_a_reader_is_trouble_and_no_traceback(tmp_path: Path, act: str, fate: type) -> None:
    """Trap: an error as a file was looked at, or closed, ended the run; when all of it is read, nothing is lost."""
    good(folder_cache(tmp_path, create=True).put([Good("v1/blobs/a", 4, lambda: iter([b"data"]))]))
    disk = Watched(plan=every(1, Refusal(errno.EIO), {act}))
    taken: list[bytes] = []
    want = Want("v1/blobs/a", 4, lambda pieces: Success(taken.extend(pieces)))
    assert isinstance(good(folder_cache(tmp_path, disk=disk).fetch([want]))["v1/blobs/a"], fate)
    assert taken == ([b"data"] if fate is Taken else [])


@pytest.mark.parametrize("act", ["scandir", "stat"])
def test_whatever_is_refused_to_who_lists_is_trouble_and_no_traceback(tmp_path: Path, act: str) -> None:
    """Trap: of a cache that nobody had written to it was asked outside of the try whether it is there at all."""
    disk = Watched(plan=every(1, Refusal(errno.EIO), {act}))
    trouble(folder_cache(tmp_path, disk=disk).names("v1/tables"))
