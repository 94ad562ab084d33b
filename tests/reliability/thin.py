"""Stores things on a disk that is smaller than it says, whatever fails: ``python thin.py STORE TIMES [MUTANT]``.

It prints a line of JSON for each: what a reader must find from then on, or ``{"failed": ..., "words": ...}``. Its disk
is that mutant of `lightfx.testing.mutants`, if one is named.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from plain import tree_of
from writer import opened

from lightfx import Build, realize, stage
from lightfx.core.failures import sentence
from lightfx.testing.mutants import mutant

SIZE = 1_000_000


@stage(version="1")
def large(build: Build, number: int, parts: int) -> Path:
    """A file of some size, or several."""
    for part in range(parts):
        (build.out / f"{part}.bin").write_bytes(_content(number, part, parts))
    return build.out


def _content(number: int, part: int, parts: int) -> bytes:
    return f"{number:04} {part:03} ".encode() * (SIZE // 9 // parts)


def main() -> None:
    store, times, name = Path(sys.argv[1]), int(sys.argv[2]), "".join(sys.argv[3:])
    with opened(store, mutant(name), None) as world:
        for number in range(times):
            parts = 1 + 5 * (number % 2)  # those that are synced each for themselves, and those that are by syncfs
            plan = large(number, parts)
            why = world.perform.result(realize(world, plan)).swap().value_or(None)
            if why is None:
                tree = tree_of({f"{part}.bin": _content(number, part, parts) for part in range(parts)})
                said = {"dref": plan.dref.text, "right": {"$path": "."}, "tree": tree}
            else:
                said = {"failed": type(why).__name__, "words": sentence(why)}
            print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
