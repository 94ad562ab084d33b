"""Spells many values, drawn from a seed of our own, and prints one digest of all: run by several Pythons."""

from __future__ import annotations

import locale
import random

from lightfx.core.canonical import Tree
from lightfx.core.config import Config
from lightfx.core.names import Digest
from lightfx.core.refs import DRef

LETTERS = [
    "",
    "a",
    "A",
    "é",
    "e\u0301",
    "ı",
    "İ",
    "i",
    "I",
    "ß",
    "1",
    "\0",
    "\n",
    '"',
    "\\",
    "$",
    "\u202e",
    "\U0001f600",
    " ",
]
DRAW = random.Random(20240101)


def text() -> str:
    return "".join(DRAW.choice(LETTERS) for _ in range(DRAW.randrange(4))).lstrip("$")


def value(depth: int) -> Tree:
    kind = DRAW.randrange(8 if depth else 6)
    if kind == 0:
        return DRAW.choice([None, True, False])
    if kind == 1:
        return DRAW.choice([-1, 1]) * DRAW.randrange(10 ** DRAW.randrange(1, 40))
    if kind in (2, 3):
        return DRAW.choice([0.0, -0.0, 1.0, DRAW.random(), DRAW.uniform(-1e300, 1e300), DRAW.expovariate(1e-9)])
    if kind in (4, 5):
        return text()
    if kind == 6:
        return [value(depth - 1) for _ in range(DRAW.randrange(4))]
    return {text(): value(depth - 1) for _ in range(DRAW.randrange(4))}


def main() -> None:
    locale.setlocale(locale.LC_ALL, "")  # as a program does that speaks the language of its user
    lines = []
    for _ in range(20_000):
        config = Config.of(x=value(4), name="sample")
        lines.append(
            f"{DRef.of(config.text, 'sample')} {Digest.of(config.text.encode())} {set(config.tree) == {'x', 'name'}}"
        )
    print(Digest.of("\n".join(lines).encode()), len(set(lines)))


if __name__ == "__main__":
    main()
