"""Realizers for executors to run; worker processes import them from here."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from attrs import field, frozen
from makings import entry
from returns.result import Failure, Result, Success

from lightfx.core.canonical import Tree, Unstorable
from lightfx.core.config import Config
from lightfx.core.outcome import Left, Returned
from lightfx.core.parts import Step
from lightfx.core.realization import BuildOrder, MadeBy, Output, Outputs
from lightfx.core.terms import Terms
from lightfx.effects.executor import Task
from lightfx.shell.executor.worker import serve

Act = Callable[[BuildOrder], object]


@frozen
class Errand:
    """A realizer that does ``act``; what that gives is the value."""

    act: Act
    timeout: float | None = None
    current_code: bool = True
    type: object = field(default=object, init=False)

    @property
    def terms(self) -> Terms:
        return Terms(timeout=self.timeout)

    def part(self, path: tuple[Step, ...], /) -> Errand:
        return self

    def parts(self) -> tuple[tuple[str, str], ...]:
        return ()

    def current(self, config: Config, /) -> bool:
        return self.current_code

    def decode(self, tree: Tree, folder: Path | None, /) -> Result[object, Unstorable]:
        return Success(tree)

    def made_by(self) -> MadeBy:
        return MadeBy(host="here", python=sys.version.split()[0])

    def __call__(self, order: BuildOrder, /) -> Result[Outputs, Left]:
        made = self.act(order)
        if isinstance(made, Left):
            return Failure(made)
        return Success((Output(made),))  # type: ignore[arg-type]


def errand(act: Act, **options: object) -> Errand:
    """A realizer of an act."""
    return Errand(act, **options)  # type: ignore[arg-type]


def task(number: int, act: Act, place: Path, *, x: Tree = None, **options: object) -> Task:
    """One order for one errand."""
    made = entry(x, name=getattr(act, "__name__", "act").strip("<>"))
    realization = made.realization
    order = BuildOrder(realization.dref, made.config, realization.key, (0,), place, {})
    return Task(number, order, errand(act, **options))


def argument(order: BuildOrder) -> Tree:
    args = order.config.tree["args"]
    assert isinstance(args, dict)
    return args["x"]


# What comes to an end.


def double(order: BuildOrder) -> object:
    return [argument(order), argument(order)]


def who(_: BuildOrder) -> object:
    return os.getpid()


def write_files(order: BuildOrder) -> object:
    folder = order.folder(0)
    folder.mkdir(parents=True)
    (folder / "a").write_text("a")
    return Left(Returned("Half", {"done": True}), folder=folder)


def divide(_: BuildOrder) -> object:
    return 1 // 0


def leave(_: BuildOrder) -> object:
    sys.exit(7)


def cancel_itself(_: BuildOrder) -> object:
    raise asyncio.CancelledError("no exception to Python, and none of ours to let pass")


def interrupt(_: BuildOrder) -> object:
    raise KeyboardInterrupt


def spin(_: BuildOrder) -> object:
    end = time.perf_counter() + 0.02
    while time.perf_counter() < end:
        pass
    return len(bytearray(8 << 20))


# What writes.


def speak(_: BuildOrder) -> object:
    print("to out: é ☃ \ud800")
    print("to err", file=sys.stderr)
    return None


def chatter(order: BuildOrder) -> object:
    for number in range(2000):
        print(f"line {number:06}")
    return None


def babble(_: BuildOrder) -> object:
    os.write(1, b"\xff\x00\xfe binary\n")
    return None


def speak_through_others(_: BuildOrder) -> object:
    subprocess.run(["/bin/sh", "-c", "echo from a child; echo and its error >&2"], check=True)
    return None


def close_output(_: BuildOrder) -> object:
    print("before")
    sys.stdout.close()
    sys.stderr.close()
    return 1


def replace_output(_: BuildOrder) -> object:
    sys.stdout = sys.stderr = None
    return 1


def close_descriptors(_: BuildOrder) -> object:
    os.close(1)
    os.close(2)
    return 1


def go_elsewhere(order: BuildOrder) -> object:
    order.folder(0).mkdir(parents=True)
    os.chdir(order.folder(0))
    return None


def go_nowhere(order: BuildOrder) -> object:
    order.folder(0).mkdir(parents=True)
    os.chdir(order.folder(0))
    order.folder(0).rmdir()
    return None


def where(_: BuildOrder) -> object:
    return os.getcwd()


# What dies, or never ends.


def exit_at_once(_: BuildOrder) -> object:
    print("last words", flush=True)
    os._exit(3)


def exit_in_good_health(_: BuildOrder) -> object:
    os._exit(0)


def kill_itself(order: BuildOrder) -> object:
    write_files(order)
    os.kill(os.getpid(), signal.SIGKILL)
    return None


def die_of_a_nameless_signal(_: BuildOrder) -> object:
    os.kill(os.getpid(), signal.SIGRTMIN + 3)
    time.sleep(1000)
    return None


def segfault(_: BuildOrder) -> object:
    ctypes.string_at(0)
    return None


def leave_an_heir(order: BuildOrder) -> object:
    """Fork, as multiprocessing does by default; the child holds all pipes of the worker open."""
    order.place.mkdir(parents=True, exist_ok=True)
    child = os.fork()
    if child == 0:
        time.sleep(1000)
        os._exit(0)
    note(order.place, child)
    os._exit(4)


def die_later(_: BuildOrder) -> object:
    """Finish well, and take the worker down some time after."""
    threading.Timer(0.1, os._exit, (9,)).start()
    return os.getpid()


def sleep_for_ever(order: BuildOrder) -> object:
    note(order.place, os.getpid())
    time.sleep(1000)
    return None


def sleep_with_a_child(order: BuildOrder) -> object:
    print("going to sleep", flush=True)
    child = subprocess.Popen(["/bin/sleep", "1000"])
    note(order.place, os.getpid(), child.pid)
    child.wait()
    return None


def note(place: Path, *numbers: int) -> None:
    """Write down process numbers, whole at once."""
    place.mkdir(parents=True, exist_ok=True)
    (place / "aside").write_text(" ".join(map(str, numbers)))
    (place / "aside").rename(place / "pids")


def pids(place: Path) -> list[int]:
    """What was written down."""
    path = place / "pids"
    return list(map(int, path.read_text().split())) if path.exists() else []


def lives(pid: int) -> bool:
    """Whether a process is there, and no zombie; its first thread may be one while others still end."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state not in "ZX" or len(os.listdir(f"/proc/{pid}/task")) > 1
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(condition: Callable[[], bool], seconds: float = 30.0) -> bool:
    """Wait for something that comes."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def never_come_up(*_: object) -> None:
    """Stand in for a worker's main function."""
    os._exit(5)


def come_up_the_second_time(pipe: object, lifeline: object, log: Path) -> None:
    """The same, for a machine that was short of something once."""
    if log.name == "worker-1.log":
        os._exit(5)
    serve(pipe, lifeline, log)  # type: ignore[arg-type]
