"""Realizers for executors to run; worker processes import them from here.

An `Errand` does one thing and gives what that gives. Those that come to an end
are here; what dies or never ends is in the tests of the project.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias, final

from attrs import field, frozen
from returns.result import Failure, Result, Success

from lightfx.core.canonical import Tree, Unstorable
from lightfx.core.config import Config
from lightfx.core.derivation import Asks, Derivation, Recipe
from lightfx.core.outcome import Left, Returned
from lightfx.core.parts import Step
from lightfx.core.realization import BuildOrder, MadeBy, Output, Outputs
from lightfx.core.terms import Terms
from lightfx.effects.executor import Task
from lightfx.testing.makings import entry

Act: TypeAlias = Callable[[BuildOrder], object]


@final
@frozen
class Errand:
    """A realizer that does ``act``; what that gives is the value."""

    act: Act
    timeout: float | None = None
    current_code: bool = True
    type: object = field(default=object, init=False)

    @property
    def terms(self) -> Terms:
        """Its time limit."""
        return Terms(timeout=self.timeout)

    def part(self, path: tuple[Step, ...], /) -> Errand:
        """Give itself: values are taken as they are."""
        return self

    def parts(self) -> tuple[tuple[str, str], ...]:
        """List nothing."""
        return ()

    def current(self, config: Config, /) -> bool:
        """Tell what it was made to tell."""
        return self.current_code

    def decode(self, tree: Tree, folder: Path | None, /) -> Result[object, Unstorable]:
        """Take a value as it is."""
        return Success(tree)

    def made_by(self) -> MadeBy:
        """Name a host."""
        return MadeBy(host="here", python=sys.version.split()[0])

    def __call__(self, order: BuildOrder, /) -> Result[Outputs, Left | Asks]:
        """Do it."""
        made = self.act(order)
        if isinstance(made, Left | Asks):
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
    """Give the argument of the order."""
    args = order.config.tree["args"]
    if not isinstance(args, Mapping):
        raise TypeError(f"these are no arguments: {args!r}")
    x: Tree = args["x"]
    return x


def double(order: BuildOrder) -> object:
    """Give the argument, twice."""
    return [argument(order), argument(order)]


def listens(order: BuildOrder) -> object:
    """Give what the run says to the realizer."""
    return dict(order.args)


def who(_: BuildOrder) -> object:
    """Tell which process it is."""
    return os.getpid()


def write_files(order: BuildOrder) -> object:
    """Write a file, and fail."""
    folder = order.folder(0)
    folder.mkdir(parents=True)
    (folder / "a").write_text("a")
    return Left(Returned("Half", {"done": True}), folder=folder)


def divide(_: BuildOrder) -> object:
    """Divide by zero."""
    return 1 // 0


def leave(_: BuildOrder) -> object:
    """End the interpreter."""
    sys.exit(7)


def cancel_itself(_: BuildOrder) -> object:
    """Raise what ends a task of asyncio."""
    raise asyncio.CancelledError("no exception to Python, and none of ours to let pass")


def spin(_: BuildOrder) -> object:
    """Take some time and memory."""
    end = time.perf_counter() + 0.02
    while time.perf_counter() < end:
        pass
    return len(bytearray(8 << 20))


def ask(_: BuildOrder) -> object:
    """Ask for a derivation made as it runs."""
    made = entry(7, name="double")
    return Asks((Derivation(Recipe(made.config, made.realization.dref, errand(double))).tolerate(),))


def count(order: BuildOrder) -> object:
    """Say how far it is, from another thread too, and from one that it leaves behind."""
    order.tell(1, 3)
    thread = threading.Thread(target=order.tell, args=(2, 3))
    thread.start()
    thread.join()
    late = threading.Timer(0.05, order.tell, (3, 3))
    late.daemon = True
    late.start()
    return None


def speak(_: BuildOrder) -> object:
    """Write to both outputs."""
    print("to out: é ☃ \ud800")
    print("to err", file=sys.stderr)
    return None


def speak_by_programs(_: BuildOrder) -> object:
    """Let programs write to both outputs."""
    subprocess.run(["/bin/sh", "-c", "echo a program to out; echo a program to err >&2"], check=True)
    os.system("echo a shell to out; echo a shell to err >&2")  # noqa: S605, S607 -- as stages do
    return None


def speak_by_native_code(_: BuildOrder) -> object:
    """Let what knows descriptors alone write to both outputs, and C with its buffer."""
    os.write(1, b"a descriptor to out\n")
    os.write(2, b"a descriptor to err\n")
    library = ctypes.CDLL(None)
    library.printf(b"C to %s\n", b"out")
    library.dprintf(2, b"C to %s\n", b"err")
    return None


def speak_in_turn(_: BuildOrder) -> object:
    """Write lines by Python, by a program and by a descriptor, to both outputs."""
    print("1 to out")
    subprocess.run(["/bin/sh", "-c", "echo 2 to out; echo 3 to err >&2"], check=True)
    print("4 to err", file=sys.stderr)
    os.write(1, b"5 to out\n")
    print("6 to out")
    return None


def chatter(order: BuildOrder) -> object:
    """Write a long log."""
    for number in range(2000):
        print(f"line {number:06}")
    return None


def close_output(_: BuildOrder) -> object:
    """Close its output."""
    print("before")
    sys.stdout.close()
    sys.stderr.close()
    return 1


def replace_output(_: BuildOrder) -> object:
    """Put nothing in the place of its output."""
    sys.stdout = sys.stderr = None
    return 1


def go_elsewhere(order: BuildOrder) -> object:
    """Work in its output folder."""
    order.folder(0).mkdir(parents=True)
    os.chdir(order.folder(0))
    return None


def go_nowhere(order: BuildOrder) -> object:
    """Work in a folder that is gone."""
    order.folder(0).mkdir(parents=True)
    os.chdir(order.folder(0))
    order.folder(0).rmdir()
    return None


def where(_: BuildOrder) -> object:
    """Tell where it works."""
    return os.getcwd()
