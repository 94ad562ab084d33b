"""Realizers that die, hang or flee, beside those of the kit; worker processes import them from here."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from lightfx.core.realization import BuildOrder
from lightfx.testing.errands import (  # noqa: F401
    Act,
    Errand,
    argument,
    ask,
    cancel_itself,
    chatter,
    close_output,
    count,
    divide,
    double,
    errand,
    go_elsewhere,
    go_nowhere,
    leave,
    replace_output,
    speak,
    speak_by_native_code,
    speak_by_programs,
    speak_in_turn,
    spin,
    task,
    where,
    who,
    write_files,
)

# What comes to an end.


def interrupt(_: BuildOrder) -> object:
    raise KeyboardInterrupt


# What writes.


def babble(_: BuildOrder) -> object:
    os.write(1, b"\xff\x00\xfe binary\n")
    return None


def speak_through_others(_: BuildOrder) -> object:
    subprocess.run(["/bin/sh", "-c", "echo from a child; echo and its error >&2"], check=True)
    return None


def close_descriptors(_: BuildOrder) -> object:
    os.close(1)
    os.close(2)
    return 1


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
    note(order.place, os.getpid(), os.getppid())
    time.sleep(1000)
    return None


def wait_for_leave(order: BuildOrder) -> object:
    """End when there is a file ``go`` beside the place."""
    note(order.place, os.getpid())
    until(lambda: (order.place.parent / "go").exists(), 600.0)
    return None


def sleep_with_a_child(order: BuildOrder) -> object:
    print("going to sleep", flush=True)
    child = subprocess.Popen(["/bin/sleep", "1000"])
    note(order.place, os.getpid(), child.pid, os.getppid())
    child.wait()
    return None


def flee(order: BuildOrder) -> object:
    """Start a daemon as of old: it has another session, no parent, no environment, and no ear for signals."""
    pid = _daemon(order.place)
    note(order.place, os.getpid(), os.getppid(), pid)
    time.sleep(1000)
    return None


def flee_and_die(order: BuildOrder) -> object:
    """The same; the daemon is alone in the world before anybody looks."""
    note(order.place, _daemon(order.place))
    os._exit(3)


def flee_and_return(order: BuildOrder) -> object:
    """Leave a daemon to whoever runs next."""
    note(order.place, _daemon(order.place))
    return None


_DAEMON = """
import os, signal, sys, time
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
with open(sys.argv[1] + ".aside", "w") as file:
    file.write(str(os.getpid()))
os.rename(sys.argv[1] + ".aside", sys.argv[1])
time.sleep(1000)
"""


def _daemon(place: Path) -> int:
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-I", "-S", "-c", _DAEMON, place / "daemon"], env={}, check=True)
    while not (place / "daemon").exists():
        time.sleep(0.01)
    return int((place / "daemon").read_text())


def hold_the_interpreter(order: BuildOrder) -> object:
    """Sleep in C without letting any thread run."""
    note(order.place, os.getpid(), os.getppid())
    return ctypes.PyDLL(None).sleep(1000)


def block_signals(order: BuildOrder) -> object:
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    return sleep_for_ever(order)


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


def take_more_than_it_may(_: BuildOrder) -> object:
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, before[1]))
    try:
        return len(bytearray(8 << 30))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def take_all_memory(_: BuildOrder) -> object:
    """Take more than the control group has that the test put us in: the system kills for memory."""
    return len(b"x" * (1 << 30))


def tell_and_sleep(order: BuildOrder) -> object:
    order.tell(5, 0)
    time.sleep(1000)
    return None


class Unloadable:
    """It can be pickled, and raises when it is loaded."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return int, ("no number",)

    def __call__(self, _: object) -> None: ...


def loaded(_: BuildOrder) -> object:
    """What this process has imported."""
    return sorted(sys.modules)
