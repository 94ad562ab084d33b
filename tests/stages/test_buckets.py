"""Fetching from buckets: a real S3 server in a process of its own, behind a wire that can be cut.

The server is rclone's. It gives ETags, and pays no heed to ``If-Match``: that each request has
it, with the tag that was told, is asserted here; what comes of a refusal is not.
"""

from __future__ import annotations

import hashlib
import json
import random
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import KEY, SECRET, s3_server

from lightfx import Derivation, Left, Outcome, Right, World, memory_world, realize, unwrap
from lightfx.ready import fetch

pytest.importorskip("obstore")
CONTENT = random.Random(5).randbytes(300_000)
SHA = hashlib.sha256(CONTENT).hexdigest()


class Wire:
    """Hands bytes to a server and back, and cuts the first ``cuts`` answers to a GET after a third of the file."""

    def __init__(self, port: int) -> None:
        self.port, self.cuts, self.gets = port, 0, list[bytes]()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.root = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.carry, args=(near,), daemon=True).start()

    def carry(self, near: socket.socket) -> None:
        with near, socket.create_connection(("127.0.0.1", self.port)) as far:
            head = near.recv(1 << 16).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
            left = 1 << 40
            if head.startswith(b"GET"):
                self.gets.append(head.lower())
                if self.cuts:
                    self.cuts, left = self.cuts - 1, len(CONTENT) // 3
            far.sendall(head)
            piece = partial(far)
            while left > 0 and piece:
                near.sendall(piece[:left])
                left -= len(piece)
                piece = far.recv(1 << 16)


def partial(far: socket.socket) -> bytes:
    """Take in the beginning of an answer, with all its headers; make the status of a part that of a part.

    rclone sends the bytes that were asked for, and says which they are
    (``Content-Range``), under the status 200; S3 says 206, and a client may
    believe nothing else.
    """
    head = b""
    while b"\r\n\r\n" not in head and (piece := far.recv(1 << 16)):
        head += piece
    headers = head.partition(b"\r\n\r\n")[0].lower()
    is_part = headers.startswith(b"http/1.1 200 ") and b"\r\ncontent-range: " in headers
    return head.replace(b" 200 OK", b" 206 Partial Content", 1) if is_part else head


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Wire]:
    served = tmp_path / "served"
    (served / "bucket" / "a").mkdir(parents=True)
    (served / "bucket" / "a" / "file.bin").write_bytes(CONTENT)
    with s3_server(served) as endpoint:
        wire = Wire(int(endpoint.rpartition(":")[2]))
        for name, value in {
            "AWS_ENDPOINT_URL": wire.root,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
        }.items():
            monkeypatch.setenv(name, value)
        yield wire
        wire.listener.close()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return memory_world(tmp_path / "scratch")


def run(world: World, plan: Derivation[Path]) -> Outcome[Path]:
    return unwrap(realize(world, plan, args={plan: {"backoff": 0.01}}))


def test_an_object_is_fetched_and_taken_up_where_the_wire_was_cut(world: World, wire: Wire) -> None:
    wire.cuts = 2
    plan = fetch("s3://bucket/a/file.bin", sha256=SHA)
    outcome = run(world, plan)
    assert not isinstance(outcome, Left), outcome
    assert outcome.value.read_bytes() == CONTENT
    starts = [int(get.split(b"range: bytes=")[1].split(b"-")[0]) for get in wire.gets]
    assert len(starts) == 3
    assert starts[0] == 0 < starts[1] < starts[2]
    tag = f'if-match: "{hashlib.md5(CONTENT).hexdigest()}"'.encode()
    assert all(tag in get for get in wire.gets)
    assert SECRET not in repr(plan) + repr(outcome)


@pytest.mark.parametrize(
    ("key", "sha256", "why"),
    [("a/file.bin", "1" * 64, "its SHA-256 is"), ("a/gone.bin", SHA, "s3://bucket/a/gone.bin: FileNotFoundError")],
)
def test_what_cannot_be_had_is_left(world: World, wire: Wire, key: str, sha256: str, why: str) -> None:
    outcome = run(world, fetch(f"s3://bucket/{key}", sha256=sha256))
    assert isinstance(outcome, Left)
    assert why in outcome.reason
    assert SECRET not in repr(outcome) + outcome.reason


def test_gs_is_asked_by_its_own_store(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    outcome = run(world, fetch("gs://bucket/file.bin", sha256=SHA))
    assert isinstance(outcome, Left)
    assert "gs://bucket/file.bin: " in outcome.reason
    assert "none.json" in outcome.reason


def test_without_the_extra_it_says_what_to_install(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    outcome = run(world, fetch("s3://bucket/file.bin", sha256=SHA))
    assert isinstance(outcome, Left)
    assert "pip install 'lightfx[cloud]'" in outcome.reason


@pytest.mark.parametrize("url", ["s3://bucket", "s3:///key", "gs://bucket/", "s3://bucket/key?versionId=1"])
def test_what_names_no_object_is_refused_when_it_is_planned(url: str) -> None:
    with pytest.raises(ValueError, match="names no object"):
        fetch(url, sha256=SHA)


@pytest.fixture
def google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server in a process of its own that answers as Google's storage does."""
    pytest.importorskip("obstore", reason="the extra cloud is not installed")
    script = str(Path(__file__).with_name("gs_server.py"))
    process = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    account = {
        "gcs_base_url": f"http://127.0.0.1:{int(process.stdout.readline())}",
        "disable_oauth": True,
        **dict.fromkeys(("client_email", "private_key", "private_key_id"), ""),
    }
    (tmp_path / "account.json").write_text(json.dumps(account))
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT", str(tmp_path / "account.json"))
    monkeypatch.setenv("GOOGLE_ALLOW_HTTP", "true")
    yield
    process.kill()
    process.communicate()


def test_an_object_of_google_is_fetched_and_one_that_is_not_there_is_left(world: World, google: None) -> None:
    data = bytes(range(256)) * 2000
    outcome = run(world, fetch("gs://bucket/some/key.bin", sha256=hashlib.sha256(data).hexdigest()))
    assert isinstance(outcome, Right)
    assert outcome.value.read_bytes() == data
    missing = run(world, fetch("gs://bucket/none", sha256="0" * 64))
    assert isinstance(missing, Left)
    assert "not found" in missing.reason
