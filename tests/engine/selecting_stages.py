"""Stages that need, as they run, what a matcher with a function chooses, where other programs can import them."""

from __future__ import annotations

from pathlib import Path

from lightfx import Build, Derivation, stage
from lightfx.matchers import best, exact, filtered, latest, some, stderr_below, then, until

SCORES = (3, 9, 4, 1, 11, 2)


def note(ran: str, what: str) -> None:
    with Path(ran).open("a") as file:
        file.write(f"{what}\n")


def value(number: int) -> float:
    return number


def minus(number: int) -> float:
    return -number


def is_odd(number: int) -> bool:
    return number % 2 == 1


@stage(version="1")
def drawn(build: Build, ran: str, offset: int = 0) -> int:
    """Another number each time."""
    times = Path(f"{ran}.drawn")
    count = len(times.read_text()) if times.exists() else 0
    times.write_text("x" * (count + 1))
    note(ran, "drawn")
    if offset + SCORES[count] == 104:
        raise ValueError("unlucky")
    return SCORES[count]


@stage(version="1")
def best_of(build: Build, ran: str, count: int) -> int:
    found = build.need(drawn(ran).collect(some(count)))
    note(ran, f"best_of-{len(found)}")
    return 100 + build.need(drawn(ran).choose(best(value)))


@stage
def by_code(build: Build, ran: str) -> int:
    note(ran, "by_code")
    return build.need(drawn(ran).choose(best(value)))


@stage(version="1")
def worst_of(build: Build, ran: str) -> int:
    note(ran, "worst_of")
    return build.need(drawn(ran).choose(best(minus)))


@stage(version="1")
def twice(build: Build, number: Derivation[int], ran: str) -> int:
    note(ran, "twice")
    return 2 * build.need(number)


@stage(version="1")
def asks_twice(build: Build, ran: str) -> int:
    """The matcher stands in the plan of what is asked for."""
    note(ran, "asks_twice")
    return build.need(twice(twice(drawn(ran).choose(best(value)), ran), ran))


@stage(version="1")
def asks_asking(build: Build, ran: str) -> int:
    note(ran, "asks_asking")
    return 1 + build.need(worst_of(ran))


@stage(version="1")
def of_all_kinds(build: Build, ran: str) -> list[int]:
    first = build.need(drawn(ran).collect(some(3)))
    note(ran, "of_all_kinds")
    draws = drawn(ran)
    return [
        *first,
        build.need(draws.choose(filtered(is_odd, latest()))),
        build.need(draws.choose(then(some(2), best(value)))),
        *build.need(draws.collect(until(stderr_below(value, 100.0), at_least=2, at_most=5))),
        *build.need(draws.collect(best(value, 2))),
    ]


@stage(version="1")
def of_exact(build: Build, ran: str) -> int:
    note(ran, "of_exact")
    outcome = build.need(drawn(ran).tolerate())
    return build.need(drawn(ran).choose(exact(*outcome.rrefs)))


@stage(version="1")
def of_lefts(build: Build, ran: str) -> int:
    note(ran, "of_lefts")
    return build.need(drawn(ran, 100 + 1).choose(best(value)))


@stage(version="1")
def of_heirs(build: Build, ran: str) -> str:
    """What it asks for inherits a LEFT: there was no choice."""
    note(ran, "of_heirs")
    return type(build.need(twice(drawn(ran, 100 + 1), ran).choose(best(value)).tolerate())).__name__


@stage(version="1", ephemeral=True)
def file_of_best(build: Build, ran: str) -> Path:
    note(ran, "file_of_best")
    path = build.out / "best.txt"
    path.write_text(str(build.need(drawn(ran).choose(best(value)))))
    return path


@stage(version="1")
def size_of(build: Build, file: Derivation[Path], ran: str, unit: int = 1) -> int:
    note(ran, "size_of")
    return unit * len(build.need(file).read_text())
