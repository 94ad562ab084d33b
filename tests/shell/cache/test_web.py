"""Results from web servers: one that serves files, and one that does what servers do at their worst."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from returns.result import Result, Success
from servers import web_server

from lightfx import Build, Derivation, evaluate, memory_world, open_world, stage, unwrap
from lightfx.caches import anyone, folder
from lightfx.caches import http as http_of
from lightfx.effects.cache import Failed, Fate, Missing, Pieces, Taken, Unfit, Want
from lightfx.effects.journal import CacheRefused, CacheWarned, JournalEvent, TaskStarted
from lightfx.journal import Listener
from lightfx.moving import pull, push
from lightfx.shell.cache.policies import bounded, retrying
from lightfx.shell.cache.web import web_cache
from lightfx.testing.makings import good

pytest.importorskip("httpx", reason="the extra fetch is not installed")
http = partial(http_of, trust=anyone)


@stage(version="1")
def written(build: Build, number: int, size: int = 1) -> Path:
    path = build.out / "data.txt"
    path.write_text(str(number) * size)
    return path


@stage(version="1")
def length(build: Build, path: Derivation[Path]) -> int:
    return len(build.need(path).read_text())


def test_a_run_takes_what_is_served(tmp_path: Path) -> None:
    plan = length(written(7, 100_000))
    with memory_world(tmp_path / "one") as world:
        evaluate(world, plan)
        unwrap(push(world, [plan.dref], folder(tmp_path / "shared")))
    with web_server(tmp_path / "shared") as url, open_world(tmp_path / "two", caches=[http(url)]) as world:
        assert evaluate(world, plan, only_stored=True) == 100_000
    with web_server(tmp_path / "shared") as url, memory_world(tmp_path / "three") as world:
        assert len(unwrap(pull(world, [plan.dref], http(url))).rrefs) == 2


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "httpx", None)
    events: list[JournalEvent] = []
    with open_world(tmp_path, caches=[http("http://host")], journal=Listener(events.append)) as world:
        assert evaluate(world, length(written(7))) == 1
    (warned,) = [event for event in events if isinstance(event, CacheWarned)]
    assert "lightfx[fetch]" in warned.why


class Server:
    """Answers each request by what ``answer`` does with it."""

    def __init__(self) -> None:
        self.asked = 0
        self.over = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.asked += 1
                self.close_connection = True
                server.answer(self)

            def log_message(self, format: str, *given: object) -> None:
                """Say nothing."""

        self.answer: Callable[[BaseHTTPRequestHandler], None] = lambda request: request.send_error(404)
        self.httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.httpd.handle_error = lambda *_: None  # type: ignore[method-assign]  # those who ask give up
        self.thread = threading.Thread(target=self.httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.httpd.server_port}"

    def close(self) -> None:
        self.over.set()
        self.httpd.shutdown()
        self.httpd.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def say(request: BaseHTTPRequestHandler, body: bytes, status: int = 200, length: int | None = None) -> None:
    request.send_response(status)
    request.send_header("Content-Length", str(len(body) if length is None else length))
    request.end_headers()
    request.wfile.write(body)


def asked(url: str, limit: int = 1 << 20, silence: float = 0.3, **patience: float) -> tuple[Fate, int]:
    """Fetch one name; gives what became of it, and how many bytes came."""
    come: list[int] = []

    def take(pieces: Pieces) -> Result[None, str]:
        come.clear()
        come.extend(map(len, pieces))
        return Success(None)

    cache = web_cache(url, silence=silence, connect=0.3)
    try:
        wrapped = retrying(bounded(cache, **patience), sleep=lambda _: None)
        return good(wrapped.fetch([Want("v1/blobs/x", limit, take)]))["v1/blobs/x"], sum(come)
    finally:
        good(cache.close())


def test_what_is_not_there_is_missing(server: Server) -> None:
    assert asked(server.url)[0] == Missing()


def test_trouble_that_may_pass_is_tried_again(server: Server) -> None:
    server.answer = lambda request: say(request, b"x" * 9, 503 if server.asked < 3 else 200)
    assert asked(server.url) == (Taken(), 9)
    assert server.asked == 3


def test_trouble_that_will_not_pass_is_not(server: Server) -> None:
    server.answer = lambda request: say(request, b"", 401)
    fate, _ = asked(server.url)
    assert isinstance(fate, Failed)
    assert "401" in fate.trouble.why
    assert server.asked == 1


def test_what_breaks_off_is_begun_anew(server: Server) -> None:
    server.answer = lambda request: say(request, b"x" * 9, length=9 if server.asked > 1 else 20)
    assert asked(server.url) == (Taken(), 9)
    server.answer = lambda request: say(request, b"x" * 9, length=20)
    fate, _ = asked(server.url)
    assert isinstance(fate, Failed)


def test_silence_ends(server: Server) -> None:
    def stall(request: BaseHTTPRequestHandler) -> None:
        say(request, b"x" * 9, length=20)
        request.wfile.flush()
        server.over.wait()

    server.answer = stall
    fate, _ = asked(server.url)
    assert isinstance(fate, Failed)
    assert "silent" in fate.trouble.why
    assert server.asked == 1, "who waits once for nothing does not wait again"
    server.answer = lambda request: server.over.wait() and None
    fate, _ = asked(server.url)
    assert isinstance(fate, Failed)


def test_what_drips_is_given_up(server: Server) -> None:
    def drip(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "1000000")
        request.end_headers()
        while not server.over.wait(0.02):
            request.wfile.write(b"x")
            request.wfile.flush()

    server.answer = drip
    fate, _ = asked(server.url, patience=0.2, slowest=1e6)
    assert isinstance(fate, Failed)
    assert "bytes came in" in fate.trouble.why


def test_what_never_ends_is_ended(server: Server) -> None:
    def pour(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        while not server.over.is_set():
            request.wfile.write(b"10000\r\n" + bytes(1 << 16) + b"\r\n")

    server.answer = pour
    fate, _ = asked(server.url, limit=1 << 18)
    assert isinstance(fate, Unfit)
    assert "262,144 bytes" in fate.why


def test_a_server_that_sends_around_in_circles_is_left(server: Server) -> None:
    def round_about(request: BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Location", request.path)
        request.send_header("Content-Length", "0")
        request.end_headers()

    server.answer = round_about
    fate, _ = asked(server.url)
    assert isinstance(fate, Failed)
    assert server.asked < 20


@pytest.mark.parametrize(
    "place",
    [
        "http://xn--/",
        "http://xn--a/",
        "http://[::1",
        "http://a:99999/",
        "http://:/x",
        "//:/",
        "x",
        "file:///etc/passwd",
    ],
)
def test_a_server_that_sends_elsewhere_where_nothing_can_be_is_left(server: Server, place: str) -> None:
    def away(request: BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Location", place)
        request.send_header("Content-Length", "0")
        request.end_headers()

    server.answer = away
    fate, _ = asked(server.url)
    assert isinstance(fate, Failed)


def test_a_server_that_is_not_there_is_trouble() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    fate, _ = asked(f"http://127.0.0.1:{port}")
    assert isinstance(fate, Failed)


def test_no_run_fails_of_a_server_at_its_worst(server: Server, tmp_path: Path) -> None:
    plan = length(written(7, 100_000))
    with memory_world(tmp_path / "one") as world:
        evaluate(world, plan)
        unwrap(push(world, [plan.dref], folder(tmp_path / "shared")))

    def now_and_then(request: BaseHTTPRequestHandler) -> None:
        data = (tmp_path / "shared" / request.path[1:]).read_bytes()
        if "/blobs/" not in request.path:
            say(request, data)
        else:
            say(request, data[:-5], length=len(data))
            server.over.wait()

    server.answer = now_and_then
    events: list[JournalEvent] = []
    cache = http(server.url, name="worst", silence=0.3)
    began = time.monotonic()
    with open_world(tmp_path / "two", caches=[cache], journal=Listener(events.append)) as world:
        assert evaluate(world, plan) == 100_000
    assert time.monotonic() - began < 60, "it came to an end"
    assert [event.cache for event in events if isinstance(event, CacheWarned)] == ["worst"]
    assert sum(isinstance(event, TaskStarted) for event in events) == 1, "what was right was taken"
    assert not [event for event in events if isinstance(event, CacheRefused)]
