"""A program whose clock may lie: ``python timed.py STORE [CLOCK]``; it says what it stored, and how often a stage ran.

With ``CLOCK``, a file from which faketime reads how far its clock is off, a stage puts the clock back by an hour in its
midst.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from lightfx import Build, Derivation, evaluate, open_world, stage, unwrap
from lightfx.matchers import latest

RAN: list[str] = []


@stage(version="1")
def early(build: Build, number: int) -> Path:
    RAN.append("early")
    if CLOCK is not None and number == 2:
        before = time.time()
        CLOCK.write_text("-3600")
        if time.time() > before:
            raise ValueError("the clock was not put back")
    path = build.out / "number.txt"
    path.write_text(str(number))
    return path


@stage(version="1")
def late(build: Build, numbers: list[Derivation[Path]]) -> int:
    RAN.append("late")
    return sum(int(build.need(each).read_text()) for each in numbers)


CLOCK = Path(sys.argv[2]) if sys.argv[2:] else None


def main() -> None:
    plan = late([early(number).choose(latest()) for number in range(4)])
    with open_world(sys.argv[1]) as world:
        value = evaluate(world, plan)
        rows = unwrap(world.store.newest(None, 100))
        stored = sorted((row.stored.rref.text, row.stored.content.text) for row in rows)
    print(json.dumps({"value": value, "stored": stored, "ran": len(RAN), "now": time.time()}))


if __name__ == "__main__":
    main()
