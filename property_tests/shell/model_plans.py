"""The small world of the store's model: plans that collide, and one who realizes them in a process of his own."""

from __future__ import annotations

import sys
from pathlib import Path

from returns.result import Failure, Result, Success

from lightfx import Build, Derivation, open_world, realize, stage, unwrap


@stage(version="1")
def number(build: Build, value: int) -> int:
    return value // 2


@stage(version="1")
def noted(build: Build, value: Derivation[int]) -> Path:
    path = build.out / "note.txt"
    path.write_text(f"{build.need(value)}")
    return path


@stage(version="1")
def read(build: Build, note: Derivation[Path], other: Derivation[int]) -> Result[str, str]:
    text = build.need(note).read_text() + str(build.need(other))
    return Failure(f"no {text}") if text == "11" else Success(text)


@stage(version="1")
def copied(build: Build, text: Derivation[str]) -> Path:
    (build.out / "deep").mkdir()
    path = build.out / "deep" / "copy.txt"
    path.write_text(build.need(text))
    (build.out / "large.txt").write_text(build.need(text) * 50_000)  # more than goes into a pack of a cache
    return path


NUMBERS = [number(value) for value in range(4)]
NOTES = [noted(each) for each in NUMBERS]
READ = [read(note, other) for note in NOTES[1:] for other in NUMBERS[1:3]]
PLANS: list[Derivation[object]] = [*NUMBERS, *NOTES, *READ, *(copied(each) for each in READ)]


def main() -> None:
    """Realize plans as they are asked for, by number, each in a store that is opened for it."""
    for line in sys.stdin:
        with open_world(sys.argv[1]) as world:
            unwrap(realize(world, PLANS[int(line)]))
        sys.stdout.write("done\n")
        sys.stdout.flush()


if __name__ == "__main__":
    import model_plans  # as the tests import it: the name of the module is part of what a stage is called by

    model_plans.main()
