"""Results over S3, of a real server in a process of its own."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from attrs import evolve
from returns.result import Failure
from servers import KEY, SECRET, s3_server

from lightfx import Build, Derivation, EngineError, evaluate, memory_world, open_world, stage, unwrap
from lightfx.caches import CacheSetup, anyone, azure, folder, gs, s3, tiered
from lightfx.effects.cache import Good
from lightfx.effects.journal import CacheRefused, CacheWarned, JournalEvent, Pushed, TaskStarted
from lightfx.journal import Listener
from lightfx.moving import pull, push
from lightfx.shell.cache.bucket import BucketChannel, _broken, bucket_cache, creates
from lightfx.shell.cache.opening import probe
from lightfx.testing.makings import outcome

pytest.importorskip("obstore", reason="the extra cloud is not installed")


@stage(version="1")
def written(build: Build, number: int, size: int = 1) -> Path:
    path = build.out / "data.txt"
    path.write_text("".join(map(str, range(number, number + size))))
    return path


@stage(version="1")
def length(build: Build, path: Derivation[Path]) -> int:
    return len(build.need(path).read_text())


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with s3_server(tmp_path_factory.mktemp("s3")) as endpoint:
        yield endpoint


@pytest.fixture
def shared(endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CacheSetup:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    return s3(f"bucket/{tmp_path.name}", name="ours", endpoint=endpoint, region="us-east-1", push=True, trust=anyone)


def test_runs_share_over_a_bucket(shared: CacheSetup, tmp_path: Path) -> None:
    plan = length(written(7, 2_000_000))  # in several parts
    events: list[JournalEvent] = []
    with open_world(tmp_path / "one", caches=[shared], journal=Listener(events.append)) as world:
        value = evaluate(world, plan)
    assert [event.count for event in events if isinstance(event, Pushed)] == [2]
    assert not [event for event in events if isinstance(event, CacheWarned)]
    with open_world(tmp_path / "two", caches=[shared]) as world:
        assert evaluate(world, plan, only_stored=True) == value
        assert unwrap(push(world, [plan.dref], shared)).rrefs == ()


def test_what_came_from_afar_is_kept_near(shared: CacheSetup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = length(written(7, 50_000))
    with memory_world(tmp_path / "one") as world:
        evaluate(world, plan)
        unwrap(push(world, [plan.dref], shared))
    both = tiered(folder(tmp_path / "near", push=True), shared)
    with memory_world(tmp_path / "two") as world:
        assert len(unwrap(pull(world, [plan.dref], both)).rrefs) == 2
    with memory_world(tmp_path / "three") as world:
        evaluate(world, plan)
        assert {path.name for path in (tmp_path / "near/v1").iterdir()} == {"blobs", "groups", "tables", "tmp"}


def test_what_a_server_can_do_is_tried(shared: CacheSetup, tmp_path: Path) -> None:
    tried = probe(shared)
    assert tried.drops
    assert not tried.creates, "rclone's server replaces what is there"
    assert probe(folder(tmp_path)).drops


def test_where_a_server_keeps_the_first_of_two_nothing_is_replaced() -> None:
    from obstore.store import MemoryStore

    bucket = MemoryStore()
    channel = BucketChannel(bucket, bucket)  # type: ignore[arg-type]
    assert creates(channel, "v1/probe/x")
    assert channel.names("v1/probe") == {}
    keeping = BucketChannel(bucket, bucket, creates=True)  # type: ignore[arg-type]
    for data in (b"one", b"another"):
        keeping.write(Good.of("v1/blobs/x", data))
    assert channel.names("v1/blobs") == {"v1/blobs/x": 3}
    channel.write(Good.of("v1/blobs/x", b"another"))
    assert channel.names("v1/blobs") == {"v1/blobs/x": 7}


def test_wrong_credentials_are_one_clear_warning_that_tells_none(
    shared: CacheSetup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret-at-all")
    events: list[JournalEvent] = []
    with open_world(tmp_path / "one", caches=[shared], journal=Listener(events.append)) as world:
        assert evaluate(world, length(written(7))) == 1
    (warned,) = [event for event in events if isinstance(event, CacheWarned)]
    assert "403" in warned.why
    assert "SignatureDoesNotMatch" in warned.why
    assert sum(isinstance(event, TaskStarted) for event in events) == 2
    assert not [event for event in events if isinstance(event, CacheRefused)]
    everything = b"".join(path.read_bytes() for path in (tmp_path / "one").rglob("*") if path.is_file())
    for secret in ("not-the-secret", SECRET):
        assert secret not in repr(events) + repr(shared)
        assert secret.encode() not in everything


def test_silence_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    with socket.create_server(("127.0.0.1", 0), backlog=64) as deaf:  # it takes connections, and says nothing
        endpoint = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        options = {"endpoint": endpoint, "region": "us-east-1", "allow_http": "true"}
        cache = bucket_cache("s3", "bucket", options=options, silence=0.1)
        for effect in (
            cache.names("v1"),
            cache.there(["v1/x"]),
            cache.put([Good.of("v1/x", b"x")]),
            cache.put([Good("v1/y", 1 << 23, lambda: [bytes(1 << 20)] * 8)]),
        ):
            failed = outcome(effect)
            assert isinstance(failed, Failure)
            assert not failed.failure().again
            assert failed.failure().why == "the server is silent"


def test_trap_a_connection_that_broke_off_was_taken_for_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that obstore says holds the word timeout, so nothing of the kind was ever tried again."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)

    def hang_up(server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                server.accept()[0].close()

    with socket.create_server(("127.0.0.1", 0), backlog=64) as rude:
        Thread(target=hang_up, args=(rude,), daemon=True).start()
        options = {"endpoint": f"http://127.0.0.1:{rude.getsockname()[1]}", "region": "us-east-1", "allow_http": "true"}
        cache = bucket_cache("s3", "bucket", options=options)
        for effect in (cache.names("v1"), cache.there(["v1/x"]), cache.put([Good.of("v1/x", b"x")])):
            failed = outcome(effect)
            assert isinstance(failed, Failure)
            assert failed.failure().again, failed.failure().why
        rude.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("cache", [s3("bucket"), gs("bucket"), azure("container")])
def test_what_cannot_be_opened_fails_no_run(cache: CacheSetup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    events: list[JournalEvent] = []
    with open_world(tmp_path, caches=[cache], journal=Listener(events.append)) as world:
        assert evaluate(world, length(written(7))) == 1
    (warned,) = [event for event in events if isinstance(event, CacheWarned)]
    assert "lightfx[cloud]" in warned.why


def test_a_bucket_that_is_not_there_is_tried_without_harm(shared: CacheSetup, tmp_path: Path) -> None:
    """Trap: of a bucket that is not there obstore says by a ``FileNotFoundError`` of Python's, to a write as well."""
    nowhere = probe(evolve(shared, url="s3://nowhere"))
    assert not nowhere.creates
    with memory_world(tmp_path / "one") as world:
        evaluate(world, written(7))
        with pytest.raises(EngineError, match="cannot be"):
            unwrap(push(world, [written(7).dref], nowhere))


def test_what_the_system_says_is_said(shared: CacheSetup, tmp_path: Path) -> None:
    """Trap: obstore puts the cause (no such host, a certificate of nobody) behind a text that says nothing."""
    down = evolve(shared, endpoint="http://127.0.0.1:9")
    with memory_world(tmp_path / "one") as world:
        evaluate(world, written(7))
        with pytest.raises(EngineError, match="cannot be listed: it cannot be reached: Connection refused"):
            unwrap(push(world, [written(7).dref], down))


def test_credentials_that_expired_are_called_so_and_not_shown() -> None:
    """S3 says it in words of its own, and the token that was given stands in them."""
    words = "<Error><Code>ExpiredToken</Code><Message>It has expired.</Message><Token-0>hush</Token-0></Error>"
    error = _broken(OSError(f"Server returned non-2xx status code: 400 Bad Request: {words}"))
    assert error.why.startswith("the credentials have expired: get new ones")
    assert "hush" not in error.why
    assert not error.again
