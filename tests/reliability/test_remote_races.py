"""R3 and R4: many who push and pull at once, and are killed; and what a server promises of two who write one name."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from attacker import MOST
from attrs import evolve
from many import content, plans
from plain_cache import judge_cache
from protocol import SEED, Record, Scale
from racer import contested, drawn, drawn_by
from remotes import BUCKET, HERE, credentials, moto, rclone
from returns.result import Success
from sharers import Person, assert_sound

from lightfx import evaluate_all, open_world, realize_all, unwrap
from lightfx.caches import anyone, folder, s3
from lightfx.core.names import Digest
from lightfx.effects.journal import CacheRefused, CacheWarned, JournalEvent
from lightfx.journal import Listener
from lightfx.moving import pull
from lightfx.plan.sharing import Group, read_table
from lightfx.shell.cache.opening import probe
from lightfx.shell.cache.sealing import whole

pytest.importorskip("obstore")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A server whose buckets are folders here; gives the folder of the bucket."""
    with rclone(tmp_path / "server") as port:
        for name, value in credentials(port).items():
            monkeypatch.setenv(name, value)
        yield tmp_path / "server" / BUCKET


@pytest.fixture
def keeping(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server that keeps conditions, and processes that are told that it does."""
    with moto() as port:
        for name, value in {**credentials(port), "CONDITIONS": "kept"}.items():
            monkeypatch.setenv(name, value)
        yield


def scanned(bucket: Path) -> tuple[int, int]:
    """Look at all that lies in a bucket: what tables tell of is there, whole, with its files.

    Gives the realizations that are told of, and what nobody asks for.
    """
    told: set[str] = set()
    asked: set[str] = set()
    for table in sorted((bucket / "v1" / "tables").glob("*")):
        data = whole(iter([table.read_bytes()]), Digest(f"blake3:{table.name}"), MOST).unwrap()
        for row in read_table(data).unwrap():
            group = Group.read(_whole(bucket, "groups", row.group)).unwrap()
            told.update(each.rref.text for each in group.freight.realizations)
            for pack in group.packs:
                _whole(bucket, "packs", pack)
                asked.add(pack.hex)
            for file in group.sizes.keys() - group.packed.keys():
                _whole(bucket, "blobs", file)
                asked.add(file.hex)
    there = {path.name for kind in ("blobs", "packs") for path in (bucket / "v1" / kind).glob("*")}
    return len(told), len(there - asked)


def _whole(bucket: Path, kind: str, digest: Digest) -> bytes:
    path = bucket / "v1" / kind / digest.hex
    assert path.exists(), f"{kind}/{digest.hex} is told of, and is not there"
    return whole(iter([path.read_bytes()]), digest, MOST).unwrap()


class Team:
    """One who made results, and processes that push and pull them."""

    def __init__(self, top: Path, count: int) -> None:
        self.top, self.count = top, count
        self.ada = Person(top, "ada")
        with open_world(top / "first") as world:
            evaluate_all(world, plans(count))

    def start(self, way: str, store: str) -> subprocess.Popen[str]:
        command = [sys.executable, HERE / "pusher.py", way, self.top / store, self.ada.ring.folder, str(self.count)]
        paths = os.pathsep.join([str(HERE), *sys.path])
        return subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": paths},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_until_ready(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line == "ready\n", line + process.communicate()[1]

    def say_go(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()

    def finish(self, process: subprocess.Popen[str]) -> int:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        return int(out)

    def push(self) -> int:
        process = self.start("push", "first")
        self.wait_until_ready(process)
        self.say_go(process)
        return self.finish(process)


def told_so(process: subprocess.Popen[str]) -> bool:
    """Wait for the end. Who did not do it says why, in one sentence: the server gave up, or had nothing yet."""
    _, err = process.communicate(timeout=300)
    if process.returncode == 0:
        return False
    reason = err.strip().splitlines()[-1]
    assert reason.startswith("lightfx.core.failures.EngineError: "), err
    assert "the cache ours: " in reason or "neither here nor in the cache" in reason, err
    return True


@pytest.mark.reliability("R4", "16 processes push and pull the same at once", passes="all is there, once, and whole")
def test_many_push_and_pull_the_same(tmp_path: Path, server: Path, scale: Scale, record_property: Record) -> None:
    processes, count = 16, scale(20, 100, 1000)
    record_property("found", f"{count:,} objects")
    team = Team(tmp_path, count)
    with ExitStack() as held:
        running = [
            held.enter_context(team.start("push" if each % 2 else "pull", f"of-{each}" if each % 2 == 0 else "first"))
            for each in range(processes)
        ]
        for each in running:
            team.wait_until_ready(each)
        for each in running:
            team.say_go(each)
        failed = sum([told_so(each) for each in running])
    assert failed < processes
    scanned(server)
    team.push()  # those who were told that the server could not do it try again
    assert scanned(server) == (count, 0)
    for number in range(0, processes, 2):
        assert_sound(tmp_path / f"of-{number}")
    events: list[JournalEvent] = []
    cache = team.ada.at(s3(BUCKET, name="ours"))
    with open_world(tmp_path / "last", caches=[cache], journal=Listener(events.append)) as world:
        for _ in range(3):  # as who is told that the server could not do it
            found = world.perform.result(realize_all(world, plans(count), only_stored=True))
            if isinstance(found, Success):
                break
        assert isinstance(found, Success), [each for each in events if isinstance(each, CacheWarned | CacheRefused)]
        paths = evaluate_all(world, plans(count), only_stored=True)
        assert [each.read_bytes() for each in paths] == [content(number) for number in range(count)]


@pytest.mark.reliability("R4", "who pushes is killed", passes="no record without its files; what is there stays")
def test_who_pushes_is_killed(tmp_path: Path, server: Path, scale: Scale, record_property: Record) -> None:
    kills = scale(5, 50, 200)
    record_property("count", kills)
    team = Team(tmp_path, 120)
    chance = random.Random(SEED)
    cut, window = 0, 0.35
    for _ in range(kills):
        with team.start("push", "first") as process:
            team.wait_until_ready(process)
            team.say_go(process)
            time.sleep(chance.uniform(0.0, window))
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed = process.returncode == -signal.SIGKILL
            cut += killed
            window *= 1.0 if killed else 0.7  # it was done before: the less is left to bring, the sooner
        scanned(server)
    assert cut > kills / 2, "hardly any was killed in time"
    before = {path: path.stat().st_mtime_ns for path in (server / "v1" / "blobs").iterdir()}
    team.push()
    assert scanned(server)[0] == 120
    after = {path: path.stat().st_mtime_ns for path in before}
    assert after == before, "what was there was brought again"
    assert team.push() == 0
    with open_world(tmp_path / "last", caches=[team.ada.at(s3(BUCKET, name="ours"))]) as world:
        paths = evaluate_all(world, plans(120), only_stored=True)
        assert [each.read_bytes() for each in paths] == [content(number) for number in range(120)]


@pytest.mark.reliability(
    "R3",
    "16 processes bring the same results, and other ones under the same names, at once",
    passes="nothing is damaged, lost or refused; what differs stands side by side, and all readers get the same of it",
)
@pytest.mark.parametrize("kind", ["folder", "s3", "s3, by conditional writes"])
def test_who_brings_what_others_bring(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest, record_property: Record, scale: Scale
) -> None:
    processes, count = scale(4, 16, 16), scale(3, 6, 20)
    request.getfixturevalue({"s3": "server", "folder": "tmp_path"}.get(kind, "keeping"))
    root = tmp_path / "server" / BUCKET if kind == "s3" else tmp_path / "cache"
    url = str(root) if kind == "folder" else f"s3://{BUCKET}"
    said = raced(tmp_path, url, processes, count)
    assert [each["refused"] for each in said] == [[]] * processes
    told = count + processes * count
    if kind in ("folder", "s3"):  # one can look into
        assert judge_cache(root) == []
        assert scanned(root)[0] == told
    assert {rref for each in said for rref in each["brought"]} == all_told(tmp_path, processes)

    cache = evolve(folder(root) if kind == "folder" else s3(BUCKET), trust=anyone, keys=tmp_path / "no-keys")
    taken = []
    for reader in ("one", "two"):
        with open_world(tmp_path / reader, caches=[cache]) as world:
            same = evaluate_all(world, plans(count), only_stored=True)
            assert [each.read_bytes() for each in same] == [content(number) for number in range(count)]
            homes = evaluate_all(world, [drawn(number) for number in range(count)], only_stored=True)
            who = [(home / "who.txt").read_text() for home in homes]
            for number, (each, home) in enumerate(zip(who, homes, strict=True)):
                assert (home / "drawn.bin").read_bytes() == drawn_by(each, number)
            taken.append(who)
    assert taken[0] == taken[1]
    with open_world(tmp_path / "three") as world:
        came = unwrap(pull(world, [each.dref for each in contested(count)], cache))
        assert (len(came.rrefs), came.refused) == (told, ())
    assert len(assert_sound(tmp_path / "three")) == told
    record_property("count", processes * 2 * count)
    record_property("found", f"{kind}: told {sum(each['troubles'] for each in said)} times to try again")


def raced(top: Path, url: str, processes: int, count: int) -> list[dict[str, Any]]:
    """Let them all bring what they made; gives what each said."""
    paths = {"PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])}
    with ExitStack() as held:
        running = [
            held.enter_context(
                subprocess.Popen(
                    [sys.executable, HERE / "racer.py", top / f"of-{who}", url, str(who), str(count)],
                    env={**os.environ, **paths},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            for who in range(processes)
        ]
        for each in running:
            assert each.stdout is not None
            line = each.stdout.readline()
            assert line == "ready\n", line + each.communicate()[1]
        for each in running:
            assert each.stdin is not None
            each.stdin.write("\n")
            each.stdin.flush()
        ends = [(each.communicate(timeout=300), each.returncode) for each in running]
    assert [err for (_, err), code in ends if code] == []
    return [json.loads(out) for (out, _), _ in ends]


def all_told(top: Path, processes: int) -> set[str]:
    """All realizations that they made."""
    return set().union(*(assert_sound(top / f"of-{who}") for who in range(processes)))


class Refusing(BaseHTTPRequestHandler):
    """A server that knows no conditions: it says so, as some do."""

    held: dict[str, bytes] = {}

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if "If-None-Match" in self.headers:
            self.answer(501)
        else:
            self.held[self.path] = body
            self.answer(200)

    def do_GET(self) -> None:
        self.answer(200, self.held[self.path]) if self.path in self.held else self.answer(404)

    def do_DELETE(self) -> None:
        self.held.pop(self.path, None)
        self.answer(204)

    def answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"x"')
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


R3 = pytest.mark.reliability(
    "R3", "conditional writes are tried", passes="what the server does is known, and not needed"
)


@R3
def test_a_server_that_ignores_conditions_is_seen_to(server: Path) -> None:
    found = probe(s3(BUCKET, push=True))
    assert (found.creates, found.drops) == (False, True)
    assert list((server / "v1").glob("probe/*")) == []


@pytest.mark.quick
@R3
def test_a_server_that_refuses_conditions_is_seen_to(monkeypatch: pytest.MonkeyPatch) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        for name, value in credentials(server.server_address[1]).items():
            monkeypatch.setenv(name, value)
        assert not probe(s3(BUCKET, push=True)).creates
    finally:
        server.shutdown()
        server.server_close()


@R3
def test_a_server_that_keeps_conditions_is_seen_to(monkeypatch: pytest.MonkeyPatch) -> None:
    with moto() as port:
        for name, value in credentials(port).items():
            monkeypatch.setenv(name, value)
        assert probe(s3(BUCKET, push=True)).creates
