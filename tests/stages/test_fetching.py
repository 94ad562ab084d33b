"""Fetching from a real server, in a process of its own, that cuts, flips, stalls and lies."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lightfx import (
    Derivation,
    Left,
    LeftError,
    Outcome,
    Raised,
    World,
    evaluate,
    memory_world,
    open_world,
    realize,
    unwrap,
)
from lightfx.journal import JournalEvent, TaskProgressed
from lightfx.ready import fetch

CONTENT = random.Random(4).randbytes(300_000)
SHA = hashlib.sha256(CONTENT).hexdigest()


class Server:
    def __init__(self, port: int) -> None:
        self.root = f"http://127.0.0.1:{port}"

    def plan(self, how: str, sha256: str = SHA) -> Derivation[Path]:
        return fetch(f"{self.root}/{how}/file.bin?x=1", sha256=sha256)

    def asked(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = json.loads(httpx.get(f"{self.root}/log").content)
        return found


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "content").write_bytes(CONTENT)
    script = Path(__file__).with_name("flaky_server.py")
    with subprocess.Popen([sys.executable, str(script), str(tmp_path / "content")], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield Server(int(process.stdout.readline()))
        process.kill()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return memory_world(tmp_path / "scratch")


def run(world: World, plan: Derivation[Path], **args: object) -> Outcome[Path]:
    return unwrap(realize(world, plan, args={plan: {"backoff": 0.01, **args}}))


@pytest.mark.parametrize(
    "how", ["good", "truncating", "flipping", "unresumable", "elsewhere", "changed", "busy", "moved", "overlong"]
)
def test_what_arrives_is_what_was_wanted_whatever_happens_on_the_way(world: World, server: Server, how: str) -> None:
    path = evaluate(world, server.plan(how), args={server.plan(how): {"backoff": 0.01}})
    assert (path.name, path.read_bytes()) == ("file.bin", CONTENT)
    assert [each.name for each in path.parent.iterdir()] == ["file.bin"]


def test_it_goes_on_where_the_connection_broke(world: World, server: Server) -> None:
    run(world, server.plan("truncating"))
    ranges = [each["range"] for each in server.asked()]
    third = len(CONTENT) // 3
    assert ranges[:2] == ["", f"bytes={third}-"]
    assert [each["if"] for each in server.asked()][1:] == ['"v1"'] * (len(ranges) - 1)
    starts = [int(each.removeprefix("bytes=").rstrip("-")) for each in ranges[1:]]
    assert starts == sorted(set(starts))


def test_a_silent_server_is_waited_for_as_long_as_the_run_says(world: World, server: Server) -> None:
    path = run(world, server.plan("slow"), timeout=0.3)
    assert not isinstance(path, Left)
    assert [each["range"] for each in server.asked()] == ["", "bytes=1000-"]


@pytest.mark.parametrize(
    ("how", "why", "tries"),
    [
        ("wrong", "its SHA-256 is .*, of 12 bytes, and .* was wanted", 6),
        ("never", "peer closed connection|another part", 6),
        ("missing", "the server answered 404", 1),
    ],
)
def test_what_cannot_be_had_is_left_and_tried_by_the_next_run(
    world: World, server: Server, how: str, why: str, tries: int
) -> None:
    for run_number in (1, 2):
        outcome = run(world, server.plan(how))
        assert isinstance(outcome, Left)
        assert isinstance(outcome.cause, Raised)
        assert "OSError" in outcome.cause.bases
        assert len(server.asked()) == tries * run_number
        assert outcome.folder is None or not any(each.stat().st_size for each in outcome.folder.iterdir())
        with pytest.raises(LeftError, match=why):
            raise LeftError("it", outcome)


def test_where_a_redirect_led_is_told_without_the_leave_to_go_there(world: World, server: Server) -> None:
    """Trap: addresses that are signed for a while, as of an object in a bucket, stood in the record of the LEFT."""
    outcome = run(world, server.plan("signed"))
    assert isinstance(outcome, Left) and isinstance(outcome.cause, Raised)
    assert "/missing/file.bin: the server answered 404" in outcome.cause.message
    assert "hunter" not in f"{outcome}{outcome.log}"


def test_what_can_be_no_host_is_trouble_of_the_network(world: World) -> None:
    """Trap: httpx has a ``UnicodeError`` for it; that would be a LEFT which no later run tries again."""
    outcome = run(world, fetch("http://xn--/file", sha256="0" * 64))
    assert isinstance(outcome, Left)
    assert isinstance(outcome.cause, Raised)
    assert "OSError" in outcome.cause.bases


def test_nobody_there(world: World) -> None:
    outcome = run(world, fetch("http://127.0.0.1:9/x", sha256=SHA))
    assert isinstance(outcome, Left)
    assert "ConnectError" in outcome.reason


class Told:
    def __init__(self) -> None:
        self.progress: list[tuple[float, float]] = []

    def tell(self, event: JournalEvent) -> object:
        from returns.io import IO

        if isinstance(event, TaskProgressed):
            self.progress.append((event.done, event.total))
        return IO(None)


def test_progress_is_told_and_files_are_fetched_too(tmp_path: Path) -> None:
    (tmp_path / "a b.bin").write_bytes(CONTENT)
    told = Told()
    plan = fetch((tmp_path / "a b.bin").as_uri(), sha256=SHA.upper(), name="b.bin")
    with open_world(tmp_path / "store", journal=told) as world:  # type: ignore[arg-type]
        assert evaluate(world, plan).read_bytes() == CONTENT
        (tmp_path / "a b.bin").unlink()
        assert evaluate(world, plan).name == "b.bin"
        gone = realize(world, fetch((tmp_path / "a b.bin").as_uri(), sha256="1" * 64, name="b.bin"))
        assert "FileNotFoundError" in str(unwrap(gone))
    assert told.progress[-1] == (len(CONTENT), len(CONTENT))


@pytest.mark.parametrize(
    ("url", "sha256", "name", "why"),
    [
        ("ftp://x/y", SHA, None, "no URL that can be fetched"),
        ("https://me:secret@x/y", SHA, None, "name or password"),
        ("ftp://me:secret@x/y", SHA, None, "name or password"),
        ("https://x/y", "abc", None, "64 hexadecimal digits"),
        ("https://x/%2e%2e", SHA, None, "no plain name"),
        ("https://x/y", SHA, "a/b", "no plain name"),
    ],
)
def test_what_makes_no_sense_is_refused_when_it_is_planned(url: str, sha256: str, name: str | None, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        fetch(url, sha256=sha256, name=name)
    assert "secret" not in str(refused.value)
