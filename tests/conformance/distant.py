"""Stages and errands for executors on other machines; their workers import them from here."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from attrs import frozen
from errands import Errand, argument, note
from returns.result import Failure, Result, Success

from lightfx import Build, Derivation, Resources, Tolerant, stage
from lightfx.core.derivation import Asks
from lightfx.core.outcome import Left, Returned
from lightfx.core.realization import BuildOrder, Outputs
from lightfx.core.terms import Terms

# Stages.


@frozen
class Odd:
    number: int


@frozen
class Book:
    title: str
    pages: Path
    link: Path


@stage
def halve(build: Build, number: int) -> Result[int, Odd]:
    print("halving", number)
    return Failure(Odd(number)) if number % 2 else Success(number // 2)


@stage
def write(build: Build, title: str, number: Derivation[int]) -> Book:
    pages = build.out / "pages"
    (pages / "empty").mkdir(parents=True)
    (pages / "one").write_text(f"{title} {build.need(number)}\n" * 1000)
    (pages / "run.sh").write_text("#!/bin/sh\n")
    (pages / "run.sh").chmod(0o755)
    (build.out / "link").symlink_to("pages/one")
    print("x" * 20_000)
    return Book(title, pages, build.out / "link")


@stage
def read(build: Build, books: list[Derivation[Book]], file: Derivation[Path]) -> dict[str, int]:
    counted = {book.title: len(book.link.read_text()) for book in map(build.need, books)}
    return counted | {"file": len(build.need(file).read_text())}


@stage
def count(build: Build, cells: list[Tolerant[int]]) -> list[str]:
    return [build.need(cell).kind for cell in cells]


@stage
def divide(build: Build, number: int) -> float:
    (build.out / "half").write_text("done")
    return 1 / number


@stage
def bad(build: Build, number: int) -> int:
    os.mkfifo(build.out / "pipe")
    return number


@stage
def deep(build: Build, number: int) -> int:
    """Ask for what only the number tells."""
    build.progress(1, 2)
    return build.need(halve(2 * number)) + 1


@stage(resources=Resources(tickets={"gpu": 1}))
def with_gpu(build: Build, home: str, number: int) -> int:
    mark = Path(home) / f"at-{number}"
    mark.touch()
    time.sleep(0.1)
    there = len(list(Path(home).glob("at-*")))
    mark.unlink()
    return there


@stage(resources=Resources(tickets={"gpu": 2}))
def with_two(build: Build) -> int:
    return 2


@stage
def slow(build: Build, home: str, number: int, seconds: float) -> int:
    """Leave a mark for each time that it runs."""
    with (Path(home) / f"ran-{number}").open("a") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(seconds)
    return number


# Errands; the argument is a folder for notes.


def kill_its_worker(order: BuildOrder) -> object:
    """Take the whole Dask worker down, each time."""
    home = Path(str(argument(order)))
    workers = set(map(int, (home / "workers").read_text().split()))
    with (home / "deaths").open("a") as deaths:
        deaths.write(".")
    pid = os.getpid()
    while pid not in workers:
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(pid, signal.SIGKILL)
    time.sleep(1000)
    return None


def count_at_once(order: BuildOrder) -> object:
    """Tell how many of its kind run now."""
    home = Path(str(argument(order)))
    mark = home / f"at-{os.getpid()}"
    mark.touch()
    time.sleep(0.1)
    there = len(list(home.glob("at-*")))
    mark.unlink()
    return there


def linger_the_first_time(order: BuildOrder) -> object:
    """The first execution waits for a word; all others are quick. Which one it was is in its file."""
    home = Path(str(argument(order)))
    order.folder(0).mkdir(parents=True)
    try:
        (home / "first").touch(exist_ok=False)
    except FileExistsError:
        (order.folder(0) / "who").write_text("second")
        return Left(Returned("second", None), folder=order.folder(0))
    note(home, os.getpid())
    while not (home / "go").exists():
        time.sleep(0.02)
    (order.folder(0) / "who").write_text("first")
    (home / "late").touch()
    return Left(Returned("first", None), folder=order.folder(0))


@frozen
class Local(Errand):
    """An errand for the driver's machine."""

    @property
    def terms(self) -> Terms:
        return Terms(local=True)


@frozen
class Asking(Errand):
    """An errand that asks for a derivation."""

    def __call__(self, order: BuildOrder, /) -> Result[Outputs, Left | Asks]:  # type: ignore[override]
        return Failure(Asks((halve(8), halve(9).tolerate())))


class Unloadable:
    """It can be pickled, and raises when it is loaded."""

    def __reduce__(self) -> tuple[object, ...]:
        return int, ("no number",)

    def __call__(self, _: object) -> None: ...
