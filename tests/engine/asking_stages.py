"""Stages that ask for more as they run, where worker processes can import them."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from lightfx import Build, Derivation, Retry, Right, Tolerant, source_file, stage
from lightfx.matchers import some


def note(ran: str, what: str) -> None:
    with Path(ran).open("a") as file:
        file.write(f"{what}\n")


@stage(version="1")
def count(build: Build, file: Derivation[Path], ran: str) -> int:
    note(ran, "count")
    return int(build.need(file).read_text())


@stage(version="1")
def square(build: Build, number: int, ran: str) -> int:
    note(ran, f"square-{number}")
    if number == 13:
        raise ValueError("unlucky")
    return number * number


@stage(version="1")
def total(build: Build, size: Derivation[int], ran: str) -> int:
    """A gather over as many as another stage's value tells."""
    squares = build.need_all([square(number, ran) for number in range(build.need(size))])
    note(ran, "total")
    return sum(squares)


@stage(version="1")
def one_by_one(build: Build, size: Derivation[int], ran: str) -> int:
    note(ran, "began")
    return sum(build.need(square(number, ran)) for number in range(build.need(size)))


@stage(version="1")
def nested(build: Build, depth: int, file: Derivation[Path], ran: str) -> int:
    note(ran, f"nested-{depth}")
    if depth == 0:
        return build.need(count(file, ran))
    return 1 + build.need(nested(depth - 1, file, ran))


@stage(version="1")
def length(build: Build, file: Derivation[Path], ran: str) -> int:
    note(ran, "length")
    return len(build.need(file).read_text())


@stage(version="1")
def inner(build: Build, file: str, ran: str) -> int:
    note(ran, "inner-starts")
    found = build.need(length(source_file(file), ran))
    note(ran, "inner-works")
    return found


@stage(version="1")
def outer(build: Build, file: str, ran: str) -> int:
    note(ran, "outer-starts")
    found = build.need(inner(file, ran))
    note(ran, "outer-works")
    return found


@stage(version="1")
def twice_asked(build: Build, file: str, ran: str) -> int:
    """What it asks for second is told by the first, which may come to the same."""
    found = build.need(square(build.need(length(source_file(file), ran)), ran))
    note(ran, "twice-works")
    return found


@stage(version="1", outputs=2)
def drawn(build: Build, file: str, ran: str) -> int:
    found = build.need(length(source_file(file), ran))
    note(ran, f"drawn-{build.index}")
    if build.index == 0 and not Path(f"{ran}.up").exists():
        raise OSError("down")
    return 10 * build.index + found


@stage(version="1")
def scarce(build: Build, file: str, ran: str) -> int:
    """LEFT for a reason that passes, after it asked."""
    found = build.need(length(source_file(file), ran))
    note(ran, "scarce-works")
    if not Path(f"{ran}.up").exists():
        raise OSError("down")
    return found


@stage(version="1", ephemeral=True)
def dropped(build: Build, file: str, ran: str) -> Path:
    found = build.need(length(source_file(file), ran))
    note(ran, "dropped-works")
    path = build.out / "d.txt"
    path.write_text(str(found))
    return path


@stage(version="1")
def reads(build: Build, file: Derivation[Path], k: int, ran: str) -> int:
    note(ran, f"reads-{k}")
    return k + int(build.need(file).read_text())


@stage(version="1")
def lucky(build: Build, limit: int, ran: str) -> int:
    note(ran, "lucky")
    outcomes = build.need_all([square(number, ran).tolerate() for number in range(12, limit)])
    return sum(isinstance(each, Right) for each in outcomes)


@stage(version="1")
def unlucky(build: Build, ran: str) -> int:
    note(ran, "unlucky")
    return build.need(square(13, ran))


@stage(version="1")
def passes_on(build: Build, data: Derivation[int], ran: str) -> int:
    """What a stage was given by reference is a parameter of what it makes."""
    return build.need(doubled(data, ran)) + build.need(doubled(data.tolerate().derivation, ran))


@stage(version="1")
def doubled(build: Build, data: Derivation[int], ran: str) -> int:
    note(ran, "doubled")
    return 2 * build.need(data)


@stage(version="1")
def ouroboros(build: Build, ran: str) -> int:
    return build.need(tail(ran))


@stage(version="1")
def tail(build: Build, ran: str) -> int:
    return build.need(ouroboros(ran))


@stage(version="1")
def noisy(build: Build, ran: str) -> int:
    note(ran, "noisy")
    return 7


@stage(version="1")
def several(build: Build, ran: str) -> int:
    first = build.need(noisy(ran))
    return first + sum(build.need(noisy(ran).collect(some(3))))


@stage(version="1", outputs=3)
def thrice(build: Build, ran: str) -> int:
    return build.index + build.need(square(build.index, ran))


@stage(version="1")
def swallows(build: Build, ran: str) -> str:
    try:
        return str(build.need(square(3, ran)))
    except Exception as error:  # what stages do
        return f"caught {error}"


@stage(version="1")
def makes_files(build: Build, ran: str) -> Path:
    (build.out / "half.txt").write_text("left from before the suspension")
    (build.out / "half.txt").unlink()
    path = build.out / f"{build.need(square(3, ran))}.txt"
    path.write_text("whole")
    return path


@stage(version="1")
def asks_then_fails(build: Build, ran: str) -> int:
    note(ran, "asks")
    raise KeyError(build.need(square(3, ran)))


@stage(version="1")
def tolerant_gather(build: Build, cells: list[Tolerant[int]]) -> int:
    return sum(isinstance(each, Right) for each in build.need_all(cells))


@stage(version="1")
def one(build: Build, size: Derivation[int], ran: str) -> int:
    note(ran, "either")
    return build.need(square(build.need(size), ran))


@stage(version="1", name="another")
def other(build: Build, size: Derivation[int], ran: str) -> int:
    return one.core.function(build, size, ran)


@stage(version="1")
def swallows_all(build: Build, ran: str) -> int:
    try:
        return build.need(square(3, ran))
    except BaseException:
        return -1


@stage(version="1")
def endless(build: Build, ran: str) -> int:
    note(ran, "endless")
    return build.need(square(100 + len(Path(ran).read_text().split()), ran))


@stage(version="1")
def itself(build: Build, ran: str) -> int:
    return build.need(itself(ran))


@stage(version="1")
def mirror(build: Build, ran: str) -> int:
    return build.need(frame(image(ran), ran))


@stage(version="1", name="image")
def image(build: Build, ran: str) -> int:
    return mirror.core.function(build, ran)


@stage(version="1")
def frame(build: Build, picture: Derivation[int], ran: str) -> int:
    return build.need(picture)


@stage(version="1")
def given_and_made(build: Build, size: Derivation[int], file: str, ran: str) -> int:
    note(ran, "given")
    return 10 * build.need(size) + build.need(count(source_file(file), ran))


@stage(version="1", retry=Retry(times=1, backoff=0.0))
def dies_once(build: Build, ran: str) -> int:
    """Its worker is killed when what it asked for is there, the first time."""
    found = build.need(square(3, ran))
    note(ran, "dies_once")
    if Path(ran).read_text().split().count("dies_once") == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return found
