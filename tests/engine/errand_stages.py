"""Stages with terms of their own, where worker processes can import them."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

from lightfx import Build, Derivation, Resources, Retry, Tolerant, realized, source_file, stage


def note(ran: str, what: str) -> None:
    with Path(ran).open("a") as file:
        file.write(f"{what}\n")


# Ephemeral files.


@stage(version="1", ephemeral=True)
def raw(build: Build, size: int, ran: str) -> Path:
    note(ran, "raw")
    path = build.out / "raw.bin"
    path.write_bytes(b"x" * size)
    return path


@stage(version="1", ephemeral=True)
def cooked(build: Build, data: Derivation[Path], ran: str, salt: int = 0) -> Path:
    note(ran, f"cooked-{salt}")
    path = build.out / "cooked.bin"
    path.write_bytes(build.need(data).read_bytes().upper() + b"." * salt)
    return path


@stage(version="1", ephemeral=True)
def raw_and_asks(build: Build, data: Derivation[Path], file: str, ran: str) -> Path:
    build.need(data).read_bytes()
    found = build.need(length(source_file(file), ran))
    note(ran, "asks-works")
    path = build.out / "asks.bin"
    path.write_bytes(b"x" * found)
    return path


@stage(version="1")
def length(build: Build, data: Derivation[Path], ran: str, unit: int = 1) -> int:
    note(ran, f"length-{unit}")
    return len(build.need(data).read_bytes()) // unit


@stage(version="1", ephemeral=True)
def fickle(build: Build, ran: str) -> Path:
    note(ran, "fickle")
    path = build.out / "fickle.bin"
    path.write_bytes(random.randbytes(16))
    return path


@stage(version="1")
def text(build: Build, data: Derivation[Path], ran: str, unit: int = 1) -> str:
    note(ran, f"text-{unit}")
    return build.need(data).read_bytes().hex()


# Attempts.


@stage(version="1", retry=Retry(times=2, backoff=0.01))
def shaky(build: Build, ran: str, good_at: int, how: str = "raises") -> int:
    note(ran, "shaky")
    attempt = len(Path(ran).read_text().split())
    build.log(f"attempt {attempt}")
    if attempt < good_at:
        if how == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        raise OSError("no luck")
    return attempt


@stage(version="1", retry=Retry(times=3, backoff=0.0, on=("ValueError",)))
def picky(build: Build, ran: str) -> int:
    note(ran, "picky")
    raise KeyError("not on the list")


@stage(version="1", resources=Resources(memory=100, tickets={"gpu": 1}), retry=Retry(backoff=0.0, scale={"memory": 2}))
def hungry(build: Build, ran: str) -> int:
    note(ran, "hungry")
    raise MemoryError


# Resources.


@stage(version="1", resources=Resources(cores=2))
def wide(build: Build, number: int, ran: str) -> int:
    return _busy(number, ran, "wide")


@stage(version="1")
def narrow(build: Build, number: int, ran: str) -> int:
    return _busy(number, ran, "narrow")


@stage(version="1", resources=Resources(tickets={"gpu": 1}))
def drawn(build: Build, number: int, ran: str) -> int:
    return _busy(number, ran, "gpu")


def _busy(number: int, ran: str, what: str) -> int:
    note(ran, f"{what}-in")
    time.sleep(0.03)
    note(ran, f"{what}-out")
    return number


@stage(version="1", resources=Resources(cores=64, memory="1TiB", tickets={"gpu": 1}))
def huge(build: Build, number: int) -> int:
    return number


@stage(version="1")
def after(build: Build, number: Derivation[int]) -> int:
    return build.need(number) + 1


# Ends.


@stage(version="1")
def bad(build: Build, number: int, ran: str) -> int:
    note(ran, f"bad-{number}")
    raise ValueError(number)


@stage(version="1")
def asks_bad(build: Build, number: int, ran: str) -> int:
    return build.need(bad(number, ran))


@stage(version="1")
def slow(build: Build, number: int, ran: str, seconds: float = 0.5) -> int:
    note(ran, f"begin-{number}")
    time.sleep(seconds)
    note(ran, f"end-{number}")
    return number


@stage(version="1")
def kinds(build: Build, cells: list[Tolerant[int]]) -> list[str]:
    return [type(each).__name__ for each in build.need_all(cells)]


@stage(version="1")
def telling(build: Build, steps: int) -> int:
    for step in range(steps):
        build.progress(step + 1, steps)
    return steps


@stage(version="1", ephemeral=True)
def plain(build: Build, number: int, ran: str) -> Path:
    """The same file, whatever the number."""
    note(ran, f"plain-{number}")
    path = build.out / "plain.bin"
    path.write_bytes(b"plain")
    return path


@stage(version="1", ephemeral=True, resources=Resources(tickets={"pen": 1}))
def penned(build: Build, number: int, ran: str) -> Path:
    """The same file, whatever the number, one at a time."""
    note(ran, f"penned-{number}")
    path = build.out / "pen.txt"
    path.write_text("pen")
    return path


@stage(version="1")
def salt(build: Build) -> int:
    return 1


@stage(version="1", ephemeral=True)
def seasoned(build: Build, data: Derivation[Path], ran: str) -> Path:
    note(ran, "seasoned")
    path = build.out / "seasoned.bin"
    path.write_bytes(build.need(data).read_bytes() * build.need(salt()))
    return path


@stage(version="1", ephemeral=True)
def moody(build: Build, ran: str, mood: str = "barred") -> Path:
    """It asks for something else when it is run again."""
    tries = Path(ran).read_text().split().count("moody")
    note(ran, "moody")
    moods = {"barred": realized(after(salt())), "left": bad(3, ran), "itself": heft(moody(ran, mood), ran)}
    number = build.need(salt() if tries < 2 else moods[mood])
    path = build.out / "moody.bin"
    path.write_bytes(b"m" * number)
    return path


@stage(version="1")
def heft(build: Build, data: Derivation[Path], ran: str) -> int:
    return len(build.need(data).read_bytes())


@stage(version="1")
def listing(build: Build, ran: str) -> list[Path]:
    note(ran, "listing")
    (build.out / "one.txt").write_text("one")
    return [build.out / "one.txt"]


@stage(version="1")
def fetches(build: Build, ran: str, unit: int = 1) -> int:
    """It asks for files that may be dropped, for itself and for what it asks for besides."""
    note(ran, f"fetches-{unit}")
    data = raw(12, ran)
    return len(build.need(data).read_bytes()) // unit + build.need(length(data, ran, 3))


# Traps.


@stage(version="1", ephemeral=True)
def slice_of(build: Build, data: Derivation[Path], ran: str, wait: float = 0.0) -> Path:
    note(ran, f"slice-{wait}")
    time.sleep(wait)
    path = build.out / "slice.bin"
    path.write_bytes(build.need(data).read_bytes()[:4] + str(wait).encode())
    return path


@stage(version="1")
def joined(build: Build, parts: list[Derivation[Path]], ran: str, unit: int = 1) -> str:
    note(ran, f"joined-{unit}")
    return "".join(build.need(each).read_text() for each in parts)


@stage(version="1")
def asks_for_huge(build: Build, number: int, name: str) -> int:
    return build.need(huge(7)) + number


@stage(version="1")
def forks(build: Build, ran: str) -> int:
    note(ran, f"process-{os.getpid()}")
    child = os.fork()
    if child == 0:
        return 5
    os.waitpid(child, 0)
    return 6


@stage(version="1")
def stays(build: Build, number: int, ran: str) -> int:
    note(ran, f"stays-{number}")
    time.sleep(0.05)
    return number


@stage(version="1", retry=Retry(times=2, backoff=0.0, on=("OSError",)))
def asks_and_fails(build: Build, ran: str) -> int:
    tries = Path(ran).read_text().split().count("tried")
    note(ran, "tried")
    if tries < 1:
        raise OSError("before it asks")
    number = build.need(narrow(3, ran))
    if tries < 3:
        raise OSError("after it asked")
    return number
