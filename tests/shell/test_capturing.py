"""Capturing: all that is printed while a stage runs inline goes to its log, and then the caller has all it had."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import logging
import os
import resource
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType

import errands
import pytest
from attrs import evolve
from errands import task
from executor_laws import cause, finish, finish_one, value
from makings import good, trouble

from lightfx.core.failures import SystemTrouble
from lightfx.core.outcome import Raised
from lightfx.core.realization import BuildOrder
from lightfx.core.secrets import Secret, Veil
from lightfx.effects.executor import Finished
from lightfx.shell.executor import capturing, descriptors
from lightfx.shell.executor.capturing import Capture
from lightfx.shell.executor.inline import InlineExecutor

Act = Callable[[BuildOrder], object]


def log_of(act: Callable[[], object], folder: Path, executor: InlineExecutor | None = None) -> str:
    """What a stage leaves in its log that does something."""

    def done(_: BuildOrder) -> object:
        act()
        return None

    return finish_one(executor or InlineExecutor(), done, folder).log


def outputs() -> tuple[object, ...]:
    """What stands for standard output and error in this process."""
    files = [(status.st_dev, status.st_ino) for status in map(os.fstat, (1, 2))]
    return sys.stdout, sys.stderr, sys.breakpointhook, *files


@pytest.fixture(autouse=True)
def given_back() -> Iterator[None]:
    before = outputs()
    yield
    assert outputs() == before


# What is printed.


def test_what_is_no_line_yet_stands_in_its_order_too(tmp_path: Path) -> None:
    def act() -> None:
        sys.stdout.write("a ")
        os.write(1, b"b ")
        sys.stderr.write("c ")
        os.system("printf 'd '")
        sys.stdout.buffer.write(b"e ")
        print("f")

    assert log_of(act, tmp_path) == "a b c d e f\n"


def test_the_streams_are_what_programs_expect(tmp_path: Path) -> None:
    def act() -> None:
        subprocess.run(["echo", "handed on"], stdout=sys.stdout, check=True)
        print(sys.stdout.fileno(), sys.stderr.fileno(), sys.stdout.isatty(), sys.stdout.encoding, sys.stdout.name)

    assert log_of(act, tmp_path) == "handed on\n1 2 False utf-8 <stdout>\n"


def test_threads_and_tasks_of_a_stage_write_to_its_log(tmp_path: Path) -> None:
    def act() -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(print, "thread").result()

        async def main() -> None:
            await asyncio.to_thread(print, "to thread")

        asyncio.run(main())

    assert log_of(act, tmp_path) == "thread\nto thread\n"


def test_a_child_that_a_stage_forks_writes_to_its_log_once(tmp_path: Path) -> None:
    def act() -> None:
        sys.stdout.write("parent, ")
        child = os.fork()
        if not child:
            print("child")
            os._exit(0)
        os.waitpid(child, 0)

    assert log_of(act, tmp_path) == "parent, child\n"


def _reconfigure() -> None:
    sys.stdout.reconfigure(encoding="utf-16")  # type: ignore[union-attr]


def _detach() -> None:
    sys.stdout = io.TextIOWrapper(sys.stdout.detach(), "utf-8")  # type: ignore[union-attr]
    print("wrapped")


def _close_descriptors() -> None:
    os.close(1)
    os.close(2)


def _close_original() -> None:
    sys.stdout.close()
    sys.stderr.close()
    print("all the same")


SPOILERS: list[tuple[Callable[[], object], str]] = [
    (_reconfigure, ""),
    (_detach, "wrapped\n"),
    (_close_descriptors, ""),
    (_close_original, "all the same\n"),
    (lambda: setattr(sys, "stdout", io.StringIO()), ""),
    (lambda: os.dup2(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), 2), ""),
    (lambda: sys.exit("over"), ""),
    (lambda: setattr(sys, "breakpointhook", print), ""),
]


@pytest.mark.parametrize(("spoil", "said"), SPOILERS)
def test_no_stage_spoils_the_output_of_the_next(spoil: Callable[[], object], said: str, tmp_path: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    executor = InlineExecutor()
    acts: list[Act] = [lambda _: spoil(), errands.speak_in_turn]
    found = finish(executor, [task(number, act, tmp_path / str(number)) for number, act in enumerate(acts)])
    assert found[0].log == said
    assert found[1].log.splitlines() == ["1 to out", "2 to out", "3 to err", "4 to err", "5 to out", "6 to out"]
    good(executor.close())
    for each in set(os.listdir("/proc/self/fd")) - before:
        with contextlib.suppress(OSError):  # what the stage opened, or the listing itself
            if os.readlink(f"/proc/self/fd/{each}") == os.devnull:
                os.close(int(each))


def test_a_handler_of_logging_outlives_its_stage(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Trap: it kept the stream of the first stage, and all that was logged later was lost."""
    logger = logging.getLogger("of a stage")
    logger.propagate = False

    def first() -> None:
        logger.addHandler(logging.StreamHandler())
        logger.warning("first")

    executor = InlineExecutor()
    assert log_of(first, tmp_path / "1", executor) == "first\n"
    assert log_of(lambda: logger.warning("second"), tmp_path / "2", executor) == "second\n"
    logger.warning("the caller's")
    assert capfd.readouterr().err == "the caller's\n"


def test_a_handler_of_logging_that_was_there_writes_to_the_log(tmp_path: Path) -> None:
    """Its stream was bound before, to the descriptor itself."""
    with open(2, "w", closefd=False) as stream:
        logger = logging.getLogger("of the caller")
        logger.propagate = False
        logger.addHandler(logging.StreamHandler(stream))
        assert log_of(lambda: logger.warning("careful"), tmp_path) == "careful\n"


def test_what_comes_between_stages_is_in_no_log(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A program that a stage left behind writes to where that stage's output went."""
    late: list[subprocess.Popen[bytes]] = []

    def leave() -> None:
        late.append(subprocess.Popen(["/bin/sh", "-c", "read line; echo late"], stdin=subprocess.PIPE))

    executor = InlineExecutor()
    assert log_of(leave, tmp_path / "1", executor) == ""
    late[0].communicate(b"go\n", timeout=30)
    assert log_of(lambda: None, tmp_path / "2", executor) == ""
    assert capfd.readouterr() == ("", "")


# What is told while a stage runs.


def test_what_a_listener_prints_is_the_callers(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    inner = io.StringIO()

    def tell(done: float, total: float) -> None:
        print(f"told {done:g}")
        os.write(2, b"told by the number\n")

    def act(order: BuildOrder) -> object:
        print("before")
        order.tell(1, 2)
        with contextlib.redirect_stdout(inner):
            order.tell(2, 2)
            print("redirected by the stage")
        os.write(1, b"after\n")
        return None

    one = task(1, act, tmp_path)
    (finished,) = finish(InlineExecutor(), [evolve(one, order=evolve(one.order, tell=tell))]).values()
    assert finished.log == "before\nafter\n"
    assert inner.getvalue() == "redirected by the stage\n"
    assert capfd.readouterr() == ("told 1\ntold 2\n", "told by the number\n" * 2)


def test_what_another_thread_of_a_stage_tells_lets_nothing_out(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    one = task(1, errands.count, tmp_path)
    told = evolve(one, order=evolve(one.order, tell=lambda done, _: print("told", done)))
    (finished,) = finish(InlineExecutor(), [told]).values()
    assert finished.log == "told 2\n"
    assert capfd.readouterr().out.splitlines()[0] == "told 1"
    for each in threading.enumerate():
        if isinstance(each, threading.Timer):
            each.join()


# Several at a time.


class Overlap:
    """Stages in two threads: first one begins, then the other; the first ends, then the other; or else."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.reached = {name: threading.Event() for name in ("a1", "b1", "a2", "b2")}
        self.left: dict[str, threading.Event] = {"a": threading.Event(), "b": threading.Event()}
        self.found: dict[str, Finished] = {}
        self.veils: dict[str, Veil] = {}

    def _stage(self, name: str, waits: tuple[str, ...], by: Callable[[str], object]) -> Act:
        def act(_: BuildOrder) -> object:
            by(f"{name} begins\n")
            self.reached[f"{name}1"].set()
            for each in waits:
                event = self.left[each] if each in self.left else self.reached[each]
                assert event.wait(30)
            by(f"{name} ends\n")
            self.reached[f"{name}2"].set()
            return None

        return act

    def _work(self, name: str, waits: tuple[str, ...], by: Callable[[str], object]) -> None:
        if name == "b":
            assert self.reached["a1"].wait(30)
        self.found[name] = finish_one(InlineExecutor(), self._stage(name, waits, by), self._folder / name)
        self.left[name].set()

    def run(self, first_out: str, by: Callable[[str], object]) -> dict[str, str]:
        waits = {"a": ("b1",), "b": ("a",)} if first_out == "a" else {"a": ("b1", "b"), "b": ()}
        threads = [threading.Thread(target=self._work, args=(name, waits[name], by)) for name in "ab"]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        return {name: each.log for name, each in sorted(self.found.items())}


@pytest.mark.parametrize("first_out", ["a", "b"])
def test_what_python_prints_in_two_threads_goes_to_each_ones_log(first_out: str, tmp_path: Path) -> None:
    """Trap: the one that began first gave back what it had found, and the other its own dead buffer, for good."""
    found = Overlap(tmp_path).run(first_out, lambda text: sys.stdout.write(text))
    assert found == {"a": "a begins\na ends\n", "b": "b begins\nb ends\n"}


def test_a_stream_that_was_bound_early_is_each_ones_own(tmp_path: Path) -> None:
    streams: dict[int, io.TextIOBase] = {}

    def write(text: str) -> None:
        streams.setdefault(threading.get_ident(), sys.stderr).write(text)  # type: ignore[arg-type]

    found = Overlap(tmp_path).run("a", write)
    assert found == {"a": "a begins\na ends\n", "b": "b begins\nb ends\n"}


def test_descriptors_lead_to_the_stage_that_began_last(tmp_path: Path) -> None:
    found = Overlap(tmp_path).run("a", lambda text: os.write(1, text.encode()))
    assert found == {"a": "a begins\n", "b": "b begins\na ends\nb ends\n"}


def test_descriptors_lead_back_to_the_stage_that_goes_on(tmp_path: Path) -> None:
    found = Overlap(tmp_path).run("b", lambda text: os.write(1, text.encode()))
    assert found == {"a": "a begins\na ends\n", "b": "b begins\nb ends\n"}


def test_a_run_within_a_stage_has_logs_of_its_own(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    inner: list[str] = []

    def act() -> None:
        print("before")
        inner.append(log_of(lambda: os.system("echo within"), tmp_path / "inner"))
        os.system("echo after")

    assert log_of(act, tmp_path / "outer") == "before\nafter\n"
    assert inner == ["within\n"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("first", ["secret", "plain"])
def test_secrets_of_one_stage_are_covered_in_the_log_of_another(first: str, tmp_path: Path) -> None:
    """At the descriptors it cannot be told whose output it is."""
    secret, plain = Capture(Veil({Secret.env("TOKEN"): "open-sesame"})), Capture()
    one, other = (secret, plain) if first == "secret" else (plain, secret)
    with ThreadPoolExecutor(1) as thread:
        thread.submit(one.__enter__).result()
        with other:
            plain.take()
            os.write(1, b"it is open-sesame")
            assert plain.cut() == b"it is <secret env:TOKEN>"
        thread.submit(one.__exit__, None, None, None).result()


# Trouble.


def test_an_interrupt_at_any_point_leaves_the_callers_output(tmp_path: Path) -> None:
    """At each call that leads output back and forth, once: there Python looks whether a signal came."""
    places = {module.__file__ for module in (capturing, descriptors)}
    before, wanted, fired = outputs(), 0, True
    while fired:
        wanted, fired, count = wanted + 1, False, 0

        def look(frame: FrameType, event: str, _: object) -> None:
            nonlocal count, fired
            if event in ("call", "c_return") and frame.f_code.co_filename in places:
                count += 1
                if count == wanted:
                    fired = True
                    raise KeyboardInterrupt

        executor = InlineExecutor()
        good(executor.start([task(1, errands.speak, tmp_path)]))
        sys.setprofile(look)
        try:
            with contextlib.suppress(KeyboardInterrupt):
                executor.wait(None)
        finally:
            sys.setprofile(None)
        assert outputs() == before, f"interrupted at call {wanted}"
    assert wanted > 50


def test_nothing_is_left_open(tmp_path: Path) -> None:
    gc.collect()
    count = len(os.listdir("/proc/self/fd"))
    for number in range(3):
        executor = InlineExecutor()
        for act in (errands.speak, errands.who, errands.close_descriptors):
            finish_one(executor, act, tmp_path / f"{act.__name__}-{number}")
        good(executor.close())
        with Capture(Veil({Secret.env("TOKEN"): "open-sesame"})):
            print("to nobody")
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == count


def test_without_a_descriptor_to_spare_a_run_ends_and_says_so(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    executor = InlineExecutor()
    good(executor.start([task(1, errands.speak, tmp_path)]))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
    try:
        found = executor.wait(None)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    failure = found.swap()._inner_value.unwrap()  # noqa: SLF001 -- a test
    assert failure == SystemTrouble(str(tmp_path), "lead what a stage prints to its log", "Too many open files")
    assert [each.log for each in good(executor.wait(None)) if isinstance(each, Finished)] == [
        "to out: é ☃ \\ud800\nto err\n"
    ]


def test_where_the_log_cannot_be_emptied_a_run_ends_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trap: as it was entered, and nowhere else, an error went past the executor, as a traceback."""
    executor = InlineExecutor()
    good(executor.start([task(1, errands.speak, tmp_path)]))
    with monkeypatch.context() as patch:
        patch.setattr(os, "ftruncate", lambda file, size: os.fsync(1 << 20))
        failure = trouble(executor.wait(None))
    assert failure == SystemTrouble(str(tmp_path), "lead what a stage prints to its log", "Bad file descriptor")
    assert [each.number for each in good(executor.wait(None)) if isinstance(each, Finished)] == [1]


# Other processes: real descriptors, closed ones, a debugger.

SCRIPT = """
import ctypes, os, subprocess, sys
from lightfx import Build, open_world, realize, stage, unwrap

@stage(version="1")
def work(build: Build, number: int = 0) -> int:
    print("python", number)
    subprocess.run(["echo", "program"])
    os.system("echo error >&2")
    return number

def log(plan, **options):
    with open_world("store", **options) as world:
        outcome = unwrap(realize(world, plan))
        (kept,) = unwrap(world.store.realizations(outcome.rrefs)).values()
        return kept.log.tail if kept.log else ""
"""


def run(folder: Path, script: str, shell: str = "", **options: object) -> subprocess.CompletedProcess[str]:
    (folder / "script.py").write_text(SCRIPT + textwrap.dedent(script))
    command = ["/bin/sh", "-c", f'exec "$0" script.py {shell}', sys.executable]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload, no-any-return]


def test_what_the_caller_has_in_buffers_is_the_callers(tmp_path: Path) -> None:
    script = """
    libc = ctypes.CDLL(None)
    print("mine before")
    libc.printf(b"C before\\n")
    said = log(work())
    print("mine after", [said])
    libc.printf(b"C after\\n")
    """
    done = run(tmp_path, script)
    assert done.stderr == ""
    assert sorted(done.stdout.splitlines()) == [
        *("C after", "C before", "mine after ['python 0\\nprogram\\nerror\\n']", "mine before")
    ]


def test_closed_descriptors_are_closed_afterwards(tmp_path: Path) -> None:
    script = """
    from pathlib import Path
    from lightfx.shell.executor.inline import InlineExecutor
    from lightfx.testing.errands import task, speak_by_programs
    def shut():
        return [each for each in (1, 2) if not os.path.exists(f"/proc/self/fd/{each}")]
    before, said, executor = shut(), [], InlineExecutor()
    assert before == [1, 2]
    for number in range(2):
        executor.start([task(number, speak_by_programs, Path("place"))])
        (done,) = executor.wait(None)._inner_value.unwrap()
        said.append((sorted(done.log.split()), shut() == before))
    Path("said").write_text(repr(said))
    """
    done = run(tmp_path, script, ">&- 2>&-")
    assert done.returncode == 0, done
    words = sorted("a program to out a program to err a shell to out a shell to err".split())
    assert (tmp_path / "said").read_text() == repr([(words, True)] * 2), done


def test_a_file_that_found_the_number_free_is_left_alone(tmp_path: Path) -> None:
    """Trap: what was written to a file of the store would have gone to a log."""
    script = """
    number = os.open("mine", os.O_RDWR | os.O_CREAT)
    assert number == 1, number
    import threading
    beside = threading.Event()

    @stage(version="1")
    def busy(build: Build) -> int:
        print("python")
        os.write(number, b"kept ")
        return 1

    said = log(busy())
    import logging
    @stage(version="1")
    def binds(build: Build) -> int:
        logging.basicConfig(stream=sys.stdout)
        return 1
    log(binds())
    logging.warning("goes nowhere")
    os.write(number, repr(said).encode())
    """
    done = run(tmp_path, script, ">&-")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "mine").read_text() == "kept 'python\\n'"


def test_without_standard_streams(tmp_path: Path) -> None:
    script = """
    kept = os.dup(1)
    for number in (0, 1, 2):
        os.close(number)
    sys.stdin = sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = None
    said = log(work())
    assert sys.stdout is None and sys.stderr is None
    os.write(kept, said.encode())
    """
    done = run(tmp_path, script)
    assert done.returncode == 0, done
    assert done.stdout.startswith("python 0\n")


def test_breakpoint_stops_in_the_stage_at_the_callers_terminal(tmp_path: Path) -> None:
    script = """
    @stage(version="1")
    def stopped(build: Build, secret: int) -> int:
        print("in the log")
        here = secret + 1
        breakpoint()
        print("said outside")
        return here

    said = log(stopped(41))
    print("log:", [said, log(work(7))])
    """
    done = run(tmp_path, script, input="p here\nc\n", env={**os.environ, "PYTHONBREAKPOINT": "pdb.set_trace"})
    assert done.stderr == ""
    first, _, rest = done.stdout.partition("(Pdb) ")
    assert 'stopped()\n-> print("said outside")\n' in first
    assert rest.startswith("42\n(Pdb) said outside\nlog: ['in the log\\n[breakpoint() was called: ")
    assert rest.endswith("'python 7\\nprogram\\nerror\\n']\n")


def test_breakpoint_in_a_stage_with_secrets_lets_nothing_out(tmp_path: Path) -> None:
    script = """
    from lightfx import Secret
    @stage(version="1")
    def stopped(build: Build, token: Secret) -> int:
        breakpoint()
        print("the token is", build.reveal(token))
        return 1

    said = log(stopped(Secret.env("TOKEN")))
    """
    environment = {**os.environ, "TOKEN": "open-sesame", "PYTHONBREAKPOINT": "pdb.set_trace"}
    done = run(tmp_path, script, input="c\n", env=environment)
    assert (done.stdout, done.stderr) == ("", "")


def test_breakpoint_passes_on_what_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(sys, "breakpointhook", lambda *given, **named: asked.append((given, named)))
    log = log_of(lambda: breakpoint(1, header="here"), tmp_path)  # noqa: T100 -- it is what is tested
    assert asked == [((1,), {"header": "here"})]
    assert log.startswith("[breakpoint() was called")


def test_a_descriptor_number_is_not_needed_to_say_why_a_stage_failed(tmp_path: Path) -> None:
    def act(_: BuildOrder) -> object:
        os.closerange(1, 3)
        return 1 // 0

    found = cause(finish_one(InlineExecutor(), act, tmp_path))
    assert isinstance(found, Raised) and found.type == "ZeroDivisionError"
    assert value(finish_one(InlineExecutor(), errands.double, tmp_path / "after", x=1)) == [1, 1]
