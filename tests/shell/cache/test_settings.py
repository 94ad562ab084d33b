"""Which caches a store uses is kept in it, without credentials; and what names no cache is refused."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from lightfx import EngineError, open_world, unwrap
from lightfx.caches import CacheSetup, Sharing, agreed, configured, folder, http, s3
from lightfx.core.failures import NotPermitted
from lightfx.shell.cache.opening import open_cache, probe
from lightfx.shell.cache.settings import change_setups
from lightfx.shell.disk import Disk, Name


def test_they_are_read_as_they_were_written(tmp_path: Path) -> None:
    assert unwrap(configured(tmp_path / "store")) == ()
    open_world(tmp_path / "store").close()
    setups = [
        CacheSetup("s3://bucket/prefix", "ours", True, Sharing("none", False), endpoint="http://host:9", region="x"),
        CacheSetup("https://host/path", "theirs", drops=False, creates=True, trust=agreed(1, "ada", "bob"), key="ci"),
    ]
    unwrap(change_setups(tmp_path / "store", lambda _: setups))
    assert unwrap(configured(tmp_path / "store")) == tuple(setups)
    assert list((tmp_path / "store/tmp").iterdir()) == []
    assert set(json.loads((tmp_path / "store/caches.json").read_text())) == {"version", "caches"}
    with open_world(tmp_path / "store"):
        pass
    with pytest.raises(EngineError, match="no store"):
        unwrap(change_setups(tmp_path / "none", lambda _: setups))


class Choosy(Disk):
    """A disk as NFS is: who may not write a file gets no lock on it that keeps others out."""

    def __init__(self, refusal: int) -> None:
        self.refusal = refusal
        self.flags: dict[int, int] = {}
        self.opened: list[int] = []
        self.locked: list[int] = []

    def open(self, path: Name, flags: int, mode: int = 0o666, folder: int | None = None) -> int:
        if str(path).endswith("/format"):
            self.opened.append(flags & os.O_ACCMODE)
            if self.refusal and flags & os.O_ACCMODE != os.O_RDONLY:
                raise OSError(self.refusal, os.strerror(self.refusal), str(path))
        file = super().open(path, flags, mode, folder)
        self.flags[file] = flags & os.O_ACCMODE
        return file

    def lock(self, file: int, how: int) -> None:
        if how & fcntl.LOCK_EX and self.flags[file] == os.O_RDONLY:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        super().lock(file, how)
        self.locked.append(file)


def test_trap_who_changes_caches_held_no_lock_on_a_network(tmp_path: Path) -> None:
    """Trap: NFS locks what may be written, and the file was opened to be read."""
    open_world(tmp_path / "store").close()
    (tmp_path / "store/format").chmod(0o644)
    disk = Choosy(0)
    unwrap(change_setups(tmp_path / "store", lambda _: [folder(tmp_path)], disk))
    assert (disk.opened, len(disk.locked)) == ([os.O_RDWR], 1)


@pytest.mark.parametrize("refusal", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_who_may_only_read_what_is_locked_changes_caches_all_the_same(tmp_path: Path, refusal: int) -> None:
    open_world(tmp_path / "store").close()
    disk = Choosy(refusal)
    unwrap(change_setups(tmp_path / "store", lambda _: [folder(tmp_path)], disk))
    assert (disk.opened, disk.locked) == ([os.O_RDWR, os.O_RDONLY], [])
    assert len(unwrap(configured(tmp_path / "store"))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '{"version": 2, "caches": []}',
        '{"caches": [{"name": "x"}]}',
        '{"caches": [{"name": "x", "url": "x"}]}',
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, text: str) -> None:
    open_world(tmp_path / "store").close()
    (tmp_path / "store/caches.json").write_text(text)
    with pytest.raises(EngineError, match=r"caches\.json"):
        unwrap(configured(tmp_path / "store"))


@pytest.mark.parametrize(
    "url",
    [
        "ftp://me:{}@host/path",
        "https://me:{}@host/path",
        "https://me:{}@host:port/path",
        "https://[me:{}@host/path",
        "https://me:" + "x" * 2000 + "{}@host/path",
        "https://me:{}#{}@host/path",
        "https://me:{}?{}@host/path",
        "https://me:1234{}/x?y",
        "https://me:{}",
        "me:{}",
        "me:{}@host",
        "https://host/path?key={}",
        "https://host/path#{}",
        "ftp://host/path#{}",
        "ftp://host/path?key=a@{}",
        "ftp://host/path#a@{}",
        "https://host:port#{}",
        "\n#{}",
    ],
)
@pytest.mark.parametrize("password", ["hunter2", "1234", "p/hunter2", "12\nhunter2", "a:hunter2"])
def test_trap_no_password_is_shown_of_an_address_that_is_wrong(url: str, password: str) -> None:
    """Trap: what stood behind a #, or before an @ that came late, was shown."""
    try:
        CacheSetup(url.replace("{}", password))
    except ValueError as error:
        said = str(error)
    else:
        pytest.skip("it is an address: the password is a port, and a path")
    assert not any(part in said for part in (password, "hunter2", "1234", repr(password)[1:-1]))


def test_an_address_is_shown_between_quotes() -> None:
    """Trap: a long one was cut with its closing quote."""
    for url in ("ftp://host/" + "x" * 500, "ftp://me:pw@" + "x" * 500):
        with pytest.raises(ValueError, match="'[^']+' names no cache"):
            CacheSetup(url)


WITHOUT_RIGHTS = """
import os, sys
from pathlib import Path
from lightfx import unwrap
from lightfx.caches import configured
if os.geteuid() == 0:
    os.setegid(65534)
    os.seteuid(65534)
try:
    print(unwrap(configured(Path(sys.argv[1]))))
except Exception as error:
    print(repr(error.failure))
"""


@pytest.mark.parametrize("closed", ["store", "caches.json", "above"])
def test_trap_no_permission_was_told_of_the_caches(tmp_path: Path, closed: str) -> None:
    """Trap: a run on a store that may not be read complained about a file that is not even there."""
    with tempfile.TemporaryDirectory() as base:
        store = Path(base, "above", "store")
        store.mkdir(parents=True)
        file = store / "caches.json"
        if closed == "caches.json":
            file.write_text('{"version": 1, "caches": []}')
        Path(base).chmod(0o755)
        shut = {"store": store, "caches.json": file, "above": store.parent}[closed]
        shut.chmod(0)
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT_RIGHTS, str(store)], capture_output=True, text=True, check=True
        )
        shut.chmod(0o700)
    wanted = (file, "read which caches are used") if closed == "caches.json" else (store, "open the store")
    assert done.stdout.strip() == repr(NotPermitted(*map(str, wanted)))


@pytest.mark.parametrize(
    "url",
    ["https://user:secret@host", "https://host/?key=secret", "s3://secret@bucket", "https://host/#secret", "ftp://host",
     "results", "s3:///x", "http:///x", "javascript:alert(1)", "file:///a%00b", "file:///a\0b", "s3://b/a%00",
     "file:///a\nb", "http://host/\x1b[2J", "s3://b/\u202eb", "file:///\ud800", "file://host/a", "file:a", "file:",
     "http://:/x", "s3://:80", "ftp://me:secret@host/", "http://me:secret@host/\x01", "http:\x01//me:secret@host/",
     "me:secret@host", "sftp:me:secret@host", "file:me:secret@host"],
)  # fmt: skip
def test_what_names_no_cache_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"names no cache|come from the environment") as raised:
        CacheSetup(url)
    assert "secret" not in str(raised.value)


def test_a_folder_of_any_name_is_that_folder(tmp_path: Path) -> None:
    """A name need not be UTF-8; the address is."""
    for name in (b"a b", "é\n".encode(), b"\xff\xfe", b"%00", b"?#@:"):
        place = tmp_path / os.fsdecode(name)
        open_cache(folder(place, push=True))
        assert place.is_dir()


@pytest.mark.parametrize("url", ["file:///", "file:////", "file://///a//", "s3://b//", "http://h", "http://h/a///"])
def test_an_address_is_spelled_once(url: str) -> None:
    spelled = CacheSetup(url).url
    assert CacheSetup(spelled).url == spelled
    assert spelled == "file:///" or not spelled.endswith("/")


@pytest.mark.parametrize("name", ["a b", "../x", "-rf", "x\n", "é"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        folder("/srv", name=name)


def test_what_is_read_only_is_not_pushed_to(tmp_path: Path) -> None:
    assert not CacheSetup("https://host", push=True).pushes
    assert not probe(http("https://host")).drops
    assert not probe(folder(tmp_path / "file" / "none")).creates
    assert s3("bucket/prefix").title == "s3://bucket/prefix"
