"""Owners: who is on which host, when a lease is over, and a heart that beats and stops."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from attrs import evolve
from errands import until

from lightfx.shell.store.owners import (
    Heart,
    Host,
    Lease,
    Watch,
    describe_owner,
    read_owner,
    spell_owner,
    this_host,
    try_lock,
)

LEASE = Lease(beat=5, lease=60, grace=1000)


class Scene:
    """A file of another owner, the server's clock, and our own; all in seconds."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.touch()
        self.server = 1_000_000.0
        self.own = 0.0
        self.asked = 0
        self.watch = Watch(LEASE, self._touch, lambda: self.own)
        self.beat()

    def _touch(self) -> int:
        self.asked += 1
        return int(self.server * 1e9)

    def beat(self) -> None:
        os.utime(self.path, ns=(int(self.server * 1e9), int(self.server * 1e9)))

    def passes(self, seconds: float) -> None:
        self.server += seconds
        self.own += seconds

    def over(self) -> bool:
        return self.watch.is_over(self.path.stat())


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "owner")


@pytest.mark.parametrize("pid", [-1, 0, 1 << 40, "7", None, 1.5])
def test_what_is_no_process_is_not_told_as_one(pid: object) -> None:
    assert describe_owner(json.dumps({"pid": pid, "host": "a"}).encode()) == "an unknown process"


def test_a_lease_is_over_when_it_has_passed_and_two_beats_were_awaited(scene: Scene) -> None:
    for _ in range(6):
        assert not scene.over()
        scene.passes(10)
    scene.passes(1)
    assert not scene.over()
    scene.passes(9)
    assert not scene.over()
    scene.passes(1)
    assert scene.over()


def test_who_beats_is_never_overdue(scene: Scene) -> None:
    for _ in range(100):
        scene.passes(5)
        scene.beat()
        assert not scene.over()


@pytest.mark.parametrize("step", [3600.0, -3600.0, 1e8])
def test_a_step_of_the_servers_clock_kills_nobody_who_beats(scene: Scene, step: float) -> None:
    assert not scene.over()
    scene.server += step
    scene.passes(3)
    for _ in range(3):
        assert not scene.over()
        scene.passes(1)
    scene.beat()
    scene.passes(11)
    assert not scene.over()


def test_who_is_dead_is_so_also_when_the_servers_clock_was_set_back(scene: Scene) -> None:
    assert not scene.over()
    scene.server -= 1e6
    scene.passes(3)
    assert not scene.over()
    scene.passes(11)
    assert scene.over()


def test_a_server_that_stood_still_for_all_gives_time_to_beat(scene: Scene) -> None:
    """Trap: the first one whom it answers takes over from the others."""
    assert not scene.over()
    scene.passes(500)
    assert not scene.over()
    scene.beat()
    scene.passes(5)
    assert not scene.over()


def test_our_own_clock_says_nothing_about_the_time_of_day(scene: Scene) -> None:
    scene.own = -1e9
    assert not scene.over()
    scene.passes(70)
    assert not scene.over()
    scene.passes(11)
    assert scene.over()


def test_the_server_is_asked_once_a_beat(scene: Scene) -> None:
    for _ in range(1000):
        scene.over()
    assert scene.asked == 1
    scene.passes(5)
    scene.over()
    assert scene.asked == 2


def test_hosts_are_the_same_only_where_all_is_known_and_the_same() -> None:
    here = this_host()
    assert here == this_host()
    assert here.name == os.uname().nodename
    one = Host("a", "m", "b")
    assert one.is_surely(one)
    assert not any(one.is_surely(evolve(one, **{field: "x"})) for field in ("name", "machine", "boot"))
    assert not evolve(one, boot="").is_surely(evolve(one, boot="")), "what is unknown proves nothing"


def test_an_owners_file_says_who_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host("näme", "m", "b")
    monkeypatch.setattr(time, "time", lambda: 1_000_000_000.12345)
    fields = json.loads(spell_owner(host))
    assert (fields["host"], fields["machine"], fields["boot"], fields["pid"]) == ("näme", "m", "b", os.getpid())
    started = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    assert (fields["started"], fields["since"]) == (started, 1_000_000_000.123)
    assert read_owner(spell_owner(host)) == host


@pytest.mark.parametrize("data", [b"", b"\xff", b"[]", b'{"host": 1}', b"[" * 100_000, b'{"host":"a","machine":"b"}'])
def test_what_says_nothing_is_nobody(data: bytes) -> None:
    assert read_owner(data) is None


def test_a_lock_is_had_or_not_or_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "f"
    one, two = (os.open(path, os.O_RDWR | os.O_CREAT) for _ in range(2))
    assert try_lock(one) is True
    assert try_lock(two) is False

    def refuse(code: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lambda *_: (_ for _ in ()).throw(OSError(code, "")))

    refuse(errno.EOPNOTSUPP)
    assert try_lock(two) is None
    refuse(errno.EIO)
    with pytest.raises(OSError, match=str(errno.EIO)):
        try_lock(two)
    for descriptor in (one, two):
        os.close(descriptor)


def test_a_heart_beats_until_it_stops_and_bears_errors() -> None:
    beats: list[int] = []

    def beat() -> None:
        beats.append(1)
        raise OSError(errno.ESTALE, "the server was away")

    heart = Heart(beat, 0.001)
    before = threading.active_count()
    heart.stop()
    heart.start()
    heart.start()
    assert threading.active_count() == before + 1
    assert until(lambda: len(beats) > 2)
    heart.stop()
    heart.stop()
    assert threading.active_count() == before


PROGRAM = """
import os, sys, warnings
warnings.simplefilter("ignore", DeprecationWarning)
from lightfx.shell.store.owners import Heart
heart = Heart(lambda: None, 1000.0)
heart.start()
child = os.fork()
if child == 0:
    heart.start()
    heart.stop()
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_heart_keeps_no_process_alive_and_a_forked_child_has_none() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "7\n"
