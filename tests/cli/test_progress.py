"""Progress: the tally by a clock of its own, lines without a terminal, the live display on a real one."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from rich.console import Console

from lightfx.cli.display import SHOWN, Display, drawn
from lightfx.cli.notes import ALIKE, LOUD
from lightfx.cli.progress import Lines, Nothing, listening
from lightfx.cli.tally import Tally
from lightfx.core.names import Digest
from lightfx.core.refs import DRef
from lightfx.effects.journal import (
    Advanced,
    CacheRefused,
    Differed,
    JournalEvent,
    RunBegan,
    RunEnded,
    Stopping,
    TaskAsked,
    TaskEnded,
    TaskProgressed,
    TaskRetried,
    TaskStarted,
)

SLOW = """
import time
from lightfx import Build, stage

@stage(version="1")
def slow(build: Build) -> int:
    build.log("mine")
    time.sleep(0.4)
    return 1

plan = slow()
"""

NOISY = """
import subprocess, time
from lightfx import Build, stage
from lightfx.cli.progress import Lines

Lines.__init__.__defaults__ = (0.05,)

@stage(version="1")
def noisy(build: Build) -> int:
    for step in range(5):
        subprocess.run(["echo", "by a program", str(step)], check=True)
        subprocess.run("echo with errors >&2", shell=True, check=True)
        build.progress(step + 1, 5)
        time.sleep(0.2)
    return 1

plan = noisy()
"""
NOISE = "".join(f"by a program {step}\nwith errors\n" for step in range(5))


def dref(number: int, name: str = "train") -> DRef:
    return DRef.of(str(number), name)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tally(clock: Clock) -> Tally:
    return Tally(clock)


def run_tasks(tally: Tally, clock: Clock, count: int, seconds: float, first: int = 0) -> None:
    """Let tasks run one after the other."""
    for number in range(first, first + count):
        tally.hear(TaskStarted(dref(number), number))
        clock.now += seconds
        tally.hear(TaskEnded(dref(number), "right", "", seconds, number))


def until(holds: Callable[[], bool]) -> bool:
    """Wait for something, at most for half a minute."""
    end = time.monotonic() + 30
    while not holds() and time.monotonic() < end:
        time.sleep(0.01)
    return holds()


# The tally.


def test_counts_go_on_before_the_engine_says_so(tally: Tally, clock: Clock) -> None:
    tally.hear(RunBegan(10))
    tally.hear(Advanced(4, 3, 1))
    run_tasks(tally, clock, 2, 1.0)
    tally.hear(TaskEnded(dref(5), "raised", "raised E", 1.0, 5))
    assert (tally.settled, len(tally.built), tally.lefts) == (7, 3, 1)
    tally.hear(Advanced(9, 3, 1, 2, 3, 3))
    assert (tally.settled, tally.lefts) == (9, 3)
    assert tally.seconds == 2.0


def test_rate_and_remaining_time_are_unknown_until_a_task_has_ended(tally: Tally, clock: Clock) -> None:
    tally.hear(RunBegan(100))
    assert tally.rate is None and tally.remaining is None
    tally.hear(TaskStarted(dref(0), 0))
    clock.now += 60
    assert tally.rate is None and tally.remaining is None and "to go" not in tally.line
    tally.hear(TaskEnded(dref(0), "right", "", 60, 0))
    assert tally.rate == pytest.approx(1 / 60)
    assert tally.remaining == pytest.approx(99 * 60)
    assert "1/min, about 1 h 39 min to go" in tally.line


def test_the_rate_is_that_of_the_recent_past(tally: Tally, clock: Clock) -> None:
    tally.hear(RunBegan(10_000))
    run_tasks(tally, clock, 1000, 0.01)
    assert tally.rate == pytest.approx(100, rel=0.05)
    run_tasks(tally, clock, 100, 1.0, 1000)
    assert tally.rate == pytest.approx(1, rel=0.05)
    assert len(tally.pace.marks) < 100
    clock.now += 1000
    assert tally.rate is not None and tally.rate < 0.1


def test_slow_tasks_have_a_rate_too(tally: Tally, clock: Clock) -> None:
    tally.hear(RunBegan(100))
    run_tasks(tally, clock, 50, 600.0)
    assert tally.rate == pytest.approx(1 / 600, rel=0.01)


def test_what_is_stored_does_not_count_as_fast(tally: Tally, clock: Clock) -> None:
    """Trap: 9,990 reused in the first second say nothing of how long the other ten take."""
    tally.hear(RunBegan(10_000))
    clock.now += 1
    tally.hear(Advanced(9990, 9990))
    assert tally.remaining is None
    run_tasks(tally, clock, 5, 60.0)
    assert tally.remaining == pytest.approx(5 * 60)


def test_stages_that_ask_for_more_make_the_run_longer(tally: Tally) -> None:
    tally.hear(RunBegan(1))
    tally.hear(TaskStarted(dref(1), 1))
    tally.hear(TaskAsked(dref(1), 1, 3))
    assert tally.total == 4 and not tally.running
    tally.hear(RunEnded(Advanced(3, 1, 0, 0, 2)))
    assert (tally.settled, tally.total) == (3, 3)


def test_attempts_of_one_derivation_are_told_apart(tally: Tally) -> None:
    tally.hear(RunBegan(1))
    tally.hear(TaskStarted(dref(1), 1, 1))
    tally.hear(TaskProgressed(dref(1), 1, 5, 10))
    tally.hear(TaskRetried(dref(1), 1, "killed", 0.0))
    tally.hear(TaskStarted(dref(1), 2, 2))
    tally.hear(TaskProgressed(dref(1), 1, 9, 10))  # too late: it is over
    (running,) = tally.running.values()
    assert (running.attempt, running.done, running.total) == (2, 0, 0)


# Lines.


def said(events: list[JournalEvent]) -> list[str]:
    """What is written of events besides the last line."""
    stream, tally = io.StringIO(), Tally()
    lines = Lines(stream, every=1e6)
    for event in events:
        listening(tally, lines)(event)
    lines.close(tally)
    return stream.getvalue().splitlines()[:-1]


def test_lines_come_every_so_many_seconds_also_when_nothing_happens() -> None:
    stream, tally = io.StringIO(), Tally()
    lines = Lines(stream, every=0.01)
    hear = listening(tally, lines)
    for event in (RunBegan(3), Advanced(2, 1, 0, 1, 0, 1), TaskStarted(dref(1), 1)):
        hear(event)
    assert until(lambda: stream.getvalue().count("\n") >= 3)
    hear(TaskEnded(dref(1), "right", "", 1.0, 1))
    lines.close(tally)
    written = [re.sub(" in .*?:", ":", line) for line in stream.getvalue().splitlines()]
    assert "lightfx: 2 of 3 derivations settled: 0 built, 1 reused, 1 LEFT, 1 running" in written
    assert written[-1] == "lightfx: 3 of 3 derivations settled: 1 built, 1 reused, 1 LEFT"
    assert not any(thread.name == "lightfx-progress" for thread in threading.enumerate())
    untold = io.StringIO()
    Lines(untold).close(Tally())
    assert untold.getvalue().count("\n") == 1


def test_each_left_and_each_retry_has_a_line() -> None:
    number = dref(1)
    short = number.text[:10]
    assert said(
        [
            RunBegan(3),
            TaskStarted(number, 1),
            TaskRetried(number, 1, "died of SIGKILL", 2.0),
            TaskStarted(number, 2, 2),
            TaskRetried(number, 2, "died of SIGKILL", 0.0),
            TaskEnded(number, "raised", "raised ValueError: no \x1b[2J\nmore of it", 1.5, 3),
            TaskEnded(dref(2), "right", "", 1.5, 4),
            Differed(number, Digest.of(b"1"), Digest.of(b"2")),
            Stopping("interrupted", 2),
        ]
    ) == [
        f"lightfx: {short} train: tried again in 2 s: died of SIGKILL",
        f"lightfx: {short} train: tried again at once: died of SIGKILL",
        f"lightfx: {short} train: LEFT raised after 1.5 s: raised ValueError: no \\x1b[2J",
        f"lightfx: warning: {short} train came out otherwise than it is recorded: the stage is not deterministic",
        "lightfx: interrupted: waiting for 2 running tasks; press Ctrl-C again to stop now",
    ]


def test_fifty_thousand_lefts_are_no_flood() -> None:
    lefts: list[JournalEvent] = [TaskEnded(dref(number), "raised", "raised E", 1.0, number) for number in range(500)]
    lines = said([*lefts, TaskRetried(dref(1), 1, "E", 0.0)])
    assert len(lines) == LOUD + 1
    assert lines[LOUD - 1].endswith("more of these are not shown: `lightfx runs show last` lists them")
    assert "tried again" in lines[-1]


def test_trap_what_is_refused_for_one_reason_is_told_of_a_few_times() -> None:
    """A cache with a thousand results, and no key that is trusted, was told of in a hundred lines."""
    refused: list[JournalEvent] = [
        CacheRefused("ours", f"v1/blobs/{number}", "nobody signed it") for number in range(500)
    ]
    lines = said(
        [*refused, CacheRefused("ours", "v1/packs/1", "it is missing"), CacheRefused("o", "x", "nobody signed it")]
    )
    assert len(lines) == ALIKE + 2
    assert lines[ALIKE - 1].endswith("more of these are not shown: `lightfx runs show last` lists them")
    assert ["it is missing" in line for line in lines[ALIKE:]] == [True, False]


def test_who_wants_quiet_gets_it(lightfx, monkeypatch) -> None:
    Nothing().show(Tally(), RunBegan(1))
    Nothing().close(Tally())
    said = lightfx("run", "plan:plan", "--quiet")
    assert said.code == 1 and said.err == ""
    assert b"".join(watched(lightfx, "run", "plan:plan", "--quiet")) == b""


def test_a_run_without_a_terminal_says_what_is_left(lightfx) -> None:
    said = lightfx.run("run", "plan:plan")
    lines = said.err.splitlines()
    assert len(lines) == 2 and "\x1b" not in said.err
    assert re.fullmatch(r"lightfx: [a-z2-7]{10} fit: LEFT raised after .*: raised ValueError: no .*", lines[0])
    assert re.fullmatch(r"lightfx: 5 of 5 derivations settled in .*: 4 built, 0 reused, 2 LEFT", lines[1])


# The live display.


def watched(lightfx, *arguments: str) -> Iterator[bytes]:
    """Run a command whose standard error is a terminal, and give what comes there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    process = lightfx.start(*arguments, stderr=theirs)
    os.close(theirs)
    try:
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # the other side has closed
                break
            if not piece:
                break
            yield piece
    finally:
        os.close(ours)
        process.communicate(timeout=30)


def test_a_terminal_sees_a_display_and_stages_do_not(lightfx) -> None:
    """A display bound to sys.stderr late would write itself into the logs of stages."""
    lightfx.write(SLOW)
    seen = b"".join(watched(lightfx, "run", "plan:plan"))
    assert b"realizing" in seen and b"0/1" in seen and b"settled" not in seen
    assert re.search(rb"slow +[a-z2-7]{10} ", seen)
    assert lightfx("log", "slow").out == "mine\n"


def test_a_program_in_an_inline_stage_writes_to_the_log_and_the_display_to_the_terminal(lightfx) -> None:
    """Trap: descriptor 2 leads to the log while the stage runs, and so did what was drawn meanwhile."""
    lightfx.write(NOISY)
    seen = b"".join(watched(lightfx, "run", "plan:plan"))
    assert b"by a program" not in seen and b"with errors" not in seen
    shares = set(re.findall(rb"(\d+)%", seen))
    assert {b"20", b"40", b"60", b"80"} & shares, "it is drawn while the stage runs"
    assert lightfx("log", "noisy").out == NOISE


def test_lines_go_on_while_an_inline_stage_runs(lightfx, monkeypatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    lightfx.write(NOISY)
    seen = b"".join(watched(lightfx, "run", "plan:plan"))
    assert seen.count(b"1 running") >= 3 and b"by a program" not in seen and b"with errors" not in seen
    assert lightfx("log", "noisy").out == NOISE


def test_a_dumb_terminal_gets_lines(lightfx, monkeypatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    lightfx.write(SLOW)
    seen = b"".join(watched(lightfx, "run", "plan:plan"))
    assert b"\x1b" not in seen and b"1 of 1 derivation settled" in seen


class Terminal:
    """A pseudo terminal, and all that came out of it."""

    def __init__(self) -> None:
        self._ours, theirs = pty.openpty()
        self.stream = os.fdopen(theirs, "w")
        self.seen = b""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                self.seen += os.read(self._ours, 4096)
            except OSError:
                return

    def shows(self, text: str) -> bool:
        return until(lambda: text.encode() in self.seen)

    def close(self) -> None:
        self.stream.close()
        self._reader.join()
        os.close(self._ours)


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    for name, value in {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "24"}.items():
        monkeypatch.setenv(name, value)
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    made = Terminal()
    try:
        yield made
    finally:
        made.close()


def test_what_runs_is_shown_while_it_runs(monkeypatch, tally: Tally, clock: Clock) -> None:
    with terminal(monkeypatch) as screen:
        display = Display(screen.stream)
        hear = listening(tally, display)
        hear(RunBegan(2500))
        for number in range(SHOWN + 3):
            hear(TaskStarted(dref(number), number))
        assert screen.shows("0/2,500") and screen.shows("and 3 more") and screen.shows(dref(0).text[:10])
        clock.now += 12
        hear(TaskProgressed(dref(0), 0, 45, 100))
        hear(TaskProgressed(dref(1), 1, 7, 0))
        assert screen.shows("45%") and screen.shows("7 done") and screen.shows("12 s")
        hear(TaskEnded(dref(0), "raised", "raised E", 12, 0))
        hear(Advanced(501, 500, 0, 0, 1, 1))
        assert screen.shows("501/2,500") and screen.shows("1 built, 500 reused, 1 LEFT, 5/min")
        assert screen.shows("to go") and screen.shows("and 2 more")
        hear(Differed(dref(1), Digest.of(b"1"), Digest.of(b"2")))
        hear(Stopping("interrupted", 10))
        assert screen.shows("interrupted: waiting for 10 running tasks; press Ctrl-C again to stop now")
        display.close(tally)
        assert screen.shows("\x1b[?25h")
        assert screen.seen.count(b"the stage is not deterministic") == 1
        assert b"raised E" not in screen.seen


def test_a_display_that_never_began_is_closed(monkeypatch, tally: Tally) -> None:
    with terminal(monkeypatch) as screen:
        display = Display(screen.stream)
        display.show(tally, RunBegan(0))
        display.close(tally)
        display.close(tally)
    assert screen.seen == b""


def test_a_terminal_that_is_gone_is_no_trouble(monkeypatch, tally: Tally) -> None:
    ours, theirs = pty.openpty()
    stream = os.fdopen(theirs, "w")
    os.close(ours)
    display = Display(stream)
    hear = listening(tally, display)
    hear(RunBegan(3))
    hear(Differed(dref(1), Digest.of(b"1"), Digest.of(b"2")))
    display.close(tally)
    with suppress(OSError):
        stream.close()


def test_a_display_is_as_large_as_its_own_terminal(monkeypatch) -> None:
    """While a stage runs in this process, none of the standard descriptors may be one."""
    with terminal(monkeypatch) as screen:
        fcntl.ioctl(screen.stream.fileno(), termios.TIOCSWINSZ, struct.pack("HHHH", 31, 123, 0, 0))
        display = Display(screen.stream)
        assert display.size == (100, 24), "as the environment says"
        monkeypatch.delenv("COLUMNS")
        monkeypatch.delenv("LINES")
        assert display.size == (123, 31)
    assert Display(io.StringIO()).size == Console(file=io.StringIO()).size


@pytest.mark.parametrize(("width", "height"), [(100, 24), (40, 24), (20, 8), (10, 3)])
def test_a_small_terminal_is_not_overrun(tally: Tally, width: int, height: int) -> None:
    tally.hear(RunBegan(2_500_000))
    for number in range(20):
        tally.hear(TaskStarted(dref(number, "a-very-long-name-of-a-stage"), number, number + 1))
        tally.hear(TaskProgressed(dref(number, "a-very-long-name-of-a-stage"), number, 1, 3))
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True)
    rows = console.render_lines(drawn(tally, height), console.options)
    assert all(sum(each.cell_length for each in row) <= width for row in rows)
    assert len(rows) <= max(height, 4)
