"""What gives no sign of life is given up, whatever it is that does not answer."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from returns.result import Failure, Result, Success
from returns.unsafe import unsafe_perform_io

from lightfx import Build, evaluate, open_world, stage
from lightfx.caches import anyone, http
from lightfx.effects.cache import Cache, Failed, Good, Missing, Pieces, Taken, Want
from lightfx.effects.journal import CacheWarned, JournalEvent
from lightfx.journal import Listener
from lightfx.shell.cache import opening, watching
from lightfx.shell.cache.channel import ChannelCache, at_once
from lightfx.shell.cache.memory import MemoryChannel
from lightfx.shell.cache.watching import watched

LIMIT, LOOK = 0.3, 0.05


class Hung:
    """A channel of a server that is stopped, once it was asked for something that is called so."""

    def __init__(self, name: str = "hung") -> None:
        self.name, self.goes_on, self.within = name, Event(), MemoryChannel()
        self.lists = self.writable = True

    def __getattr__(self, act: str) -> Callable[..., Any]:
        real = getattr(self.within, act)

        def acting(*given: Any) -> Any:
            if not given or self.name in (given[0] if isinstance(given[0], str) else given[0].name):
                self.goes_on.wait()
            return real(*given)

        return acting


@pytest.fixture
def hung() -> Iterator[Hung]:
    channel = Hung()
    yield channel
    channel.goes_on.set()


def cache_of(channel: Any) -> Cache:
    return watched(ChannelCache("ours", channel), reading=LIMIT, writing=LIMIT, look=LOOK)


def want(name: str, into: list[bytes]) -> Want:
    def take(pieces: Pieces) -> Result[None, str]:
        into.extend(pieces)
        return Success(None)

    return Want(name, 1000, take)


def done(io: Any) -> Any:
    return unsafe_perform_io(io)


ACTS: dict[str, Callable[[Cache], Any]] = {
    "be written to": lambda cache: cache.put([Good.of("v1/hung", b"x")]),
    "be looked at": lambda cache: cache.there(["v1/hung"]),
    "be listed": lambda cache: cache.names("v1/hung"),
    "be tidied up": lambda cache: cache.drop(["v1/hung"]),
    "be closed": lambda cache: cache.close(),
}


@pytest.mark.parametrize("act", ACTS)
def test_what_gives_no_sign_of_life_is_trouble(hung: Hung, act: str) -> None:
    found = done(ACTS[act](cache_of(hung)))
    assert isinstance(found, Failure)
    trouble = found.failure()
    assert (trouble.cache, trouble.act, trouble.again, trouble.seconds) == ("ours", act, False, LIMIT)
    assert "no sign of life" in trouble.why


def test_of_many_what_came_is_taken(hung: Hung) -> None:
    hung.within.held.update({"v1/a": b"a", "v1/hung": b"b"})
    taken, never = list[bytes](), list[bytes]()
    fates = done(cache_of(hung).fetch([want("v1/hung", never), want("v1/a", taken), want("v1/b", [])])).unwrap()
    assert isinstance(fates["v1/a"], Taken)
    assert isinstance(fates["v1/hung"], Failed)
    assert fates["v1/hung"].trouble.act == "give v1/hung"
    assert (taken, never) == ([b"a"], [])


def test_nothing_is_taken_that_comes_when_it_was_given_up(hung: Hung) -> None:
    hung.within.held["v1/hung"] = b"late"
    never, asked = list[bytes](), Event()

    def take(pieces: Pieces) -> Result[None, str]:
        asked.set()
        never.extend(pieces)
        return Success(None)

    fates = done(cache_of(hung).fetch([Want("v1/hung", 1000, take)])).unwrap()
    assert isinstance(fates["v1/hung"], Failed)
    hung.goes_on.set()
    assert not asked.wait(5 * LIMIT)
    assert never == []


def test_what_lives_is_waited_for() -> None:
    """The negative control: it takes far longer than the limit, and a piece comes now and then."""
    pauses = Event()

    class Slow(Hung):
        @contextmanager
        def open(self, name: str) -> Iterator[Pieces]:  # noqa: ARG002
            yield (b"x" for _ in range(8) if not pauses.wait(LIMIT / 3))

    taken = list[bytes]()
    fates = done(cache_of(Slow()).fetch([want("v1/a", taken)])).unwrap()
    assert (fates, len(taken)) == ({"v1/a": Taken()}, 8)


def test_what_is_not_there_is_missing_and_the_rest_is_as_it_was() -> None:
    cache = cache_of(MemoryChannel())
    names = [f"v1/{number}" for number in range(100)]
    done(cache.put([Good.of(name, b"x") for name in names])).unwrap()
    assert done(cache.there([*names, "v1/no"])).unwrap() == frozenset(names)
    assert done(cache.names("v1")).unwrap().keys() == set(names)
    done(cache.drop(names)).unwrap()
    assert done(cache.fetch([want("v1/0", [])])).unwrap() == {"v1/0": Missing()}


def test_an_exception_ends_all_that_is_done_at_once() -> None:
    begun = list[int]()

    def work(number: int) -> int:
        begun.append(number)
        if number == 3:
            raise LookupError(number)
        return number

    assert at_once(lambda number: number + 1, {str(each): each for each in range(40)})["39"] == 40
    with pytest.raises(LookupError):
        at_once(work, {str(each): each for each in range(100_000)})
    assert len(begun) < 100_000


def test_trap_what_was_interrupted_takes_nothing_more(hung: Hung, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trap: Ctrl-C left a thread that went on, and wrote into a folder that was emptied meanwhile."""
    hung.within.held["v1/hung"] = b"late"
    asked, never = Event(), list[bytes]()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    def take(pieces: Pieces) -> Result[None, str]:
        asked.set()
        never.extend(pieces)
        return Success(None)

    cache = cache_of(hung)
    with monkeypatch.context() as within:
        within.setattr(watching, "wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            cache.fetch([Want("v1/hung", 1000, take)])
    hung.goes_on.set()
    assert not asked.wait(5 * LIMIT)
    assert never == []


@pytest.mark.parametrize("act", ACTS)
def test_trap_where_no_thread_can_be_had_it_is_trouble(monkeypatch: pytest.MonkeyPatch, act: str) -> None:
    """Trap: a limit of processes failed the run, though a cache never does."""

    def none(_: Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Thread, "start", none)
    trouble = done(ACTS[act](cache_of(MemoryChannel()))).failure()
    assert (trouble.act, trouble.why) == (act, "can't start new thread")
    fates = done(cache_of(MemoryChannel()).fetch([want("v1/a", []), want("v1/b", [])])).unwrap()
    assert [(fate.trouble.act, fate.trouble.again) for fate in fates.values()] == [
        ("give v1/a", False),
        ("give v1/b", False),
    ]


ENDING = """
from threading import Event
from lightfx.shell.cache.channel import in_thread
in_thread(Event().wait)
print("the end")
"""


def test_it_keeps_no_program_from_ending() -> None:
    ended = subprocess.run([sys.executable, "-c", ENDING], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout == "the end\n"


@stage(version="1")
def double(build: Build, number: int) -> int:
    return 2 * number


@pytest.mark.parametrize("beginning", [b"HTTP/1.1 200 OK\r\nX-More: ", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_trap_heads_that_drip_kept_a_run_for_hours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beginning: bytes
) -> None:
    """Time limits of connections are for each read, and something always came."""
    pytest.importorskip("httpx")
    monkeypatch.setattr(opening, "PATIENCE", 0.0)
    over = Event()

    def drip(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.sendall(beginning)
            while not over.wait(0.1):
                connection.sendall(b"a" if beginning.endswith(b" ") else beginning)

    def answer(server: socket.socket) -> None:
        try:
            while True:
                Thread(target=drip, args=(server.accept()[0],), daemon=True).start()
        except OSError:
            pass

    events = list[JournalEvent]()
    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=answer, args=(server,), daemon=True).start()
        cache = http(f"http://127.0.0.1:{server.getsockname()[1]}", name="ours", trust=anyone, silence=0.5, connect=0.5)
        with open_world(tmp_path / "store", caches=[cache], journal=Listener(events.append)) as world:
            assert evaluate(world, double(21)) == 42
        over.set()
    (warned,) = [each for each in events if isinstance(each, CacheWarned)]
    assert "no sign of life" in warned.why
