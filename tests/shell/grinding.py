"""A program that realizes again and again while its store is collected: ``python grinding.py STORE SEED``."""

from __future__ import annotations

import random
import select
import sys
from pathlib import Path

from lightfx import Build, Derivation, EngineError, evaluate_all, open_world, stage


@stage(version="1")
def noted(build: Build, number: int) -> Path:
    path = build.out / "number.txt"
    path.write_text(str(number))
    return path


@stage(version="1")
def sixfold(build: Build, number: int) -> int:
    return 6 * number


@stage(version="1")
def summed(build: Build, notes: list[Derivation[Path]], number: Derivation[int]) -> Path:
    path = build.out / "sum.txt"
    path.write_text(str(sum(int(build.need(each).read_text()) for each in notes) + build.need(number)))
    return path


def grind(store: str, seed: int) -> None:
    """Go on until standard input ends, and say how often it was done."""
    dice = random.Random(seed)
    rounds = 0
    while not select.select([sys.stdin], [], [], dice.random() / 5)[0]:
        rounds += 1
        with open_world(store) as world:
            plans = {n: summed([noted(n), noted(n + 1)], sixfold(n)) for n in dice.choices(range(12), k=3)}
            for n, path in evaluate_all(world, plans).items():
                found = int(path.read_text())
                if found != 8 * n + 1:
                    raise SystemExit(f"{found} in place of {8 * n + 1}")
    print(rounds)


if __name__ == "__main__":
    try:
        grind(sys.argv[1], int(sys.argv[2]))
    except EngineError as error:
        raise SystemExit(f"trouble: {error}") from error
