"""Building, reading and collecting garbage on one store at the same time.

``python bustle.py STORE SECONDS BUILDERS READERS SEED``. Some results are rooted. Builders open the store, build some
of what is rooted and some of what is not, read all of it, and close it; they rest in between, so that there are moments
in which nobody else has the store open, as garbage collection wants it. Readers read rooted files all the time, without
opening the store, and now and then open it and ask for one. One process collects garbage whenever it can. In the end
all is collected once more.

It prints a line of JSON: how often each did it, and what went wrong.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from writer import leaves, noted, sixfold, summed  # noqa: E402

from lightfx import EngineError, evaluate, evaluate_all, open_world, unwrap  # noqa: E402
from lightfx.failures import InUse  # noqa: E402
from lightfx.garbage import add_root, gc  # noqa: E402

ROOTED = range(6)
LOOSE = range(100, 112)
Round = Callable[[Path, random.Random], int]


def found(store: Path) -> None:
    """Make what is rooted."""
    with open_world(store) as world:
        for number in ROOTED:
            evaluate(world, summed([noted(number)], sixfold(number)))
            evaluate(world, leaves(number))
            unwrap(add_root(world, summed([noted(number)], sixfold(number)).dref, name=f"sum-{number}"))
            unwrap(add_root(world, leaves(number).dref, name=f"leaves-{number}"))


def build(store: Path, dice: random.Random) -> int:
    began = time.monotonic()
    with open_world(store) as world:
        numbers = [*dice.sample(ROOTED, 1), *dice.sample(LOOSE, 2)]
        sums = evaluate_all(world, [summed([noted(number)], sixfold(number)) for number in numbers])
        if list(sums) != [7 * number for number in numbers]:
            raise ValueError(f"{sums} for {numbers}")
        for number, path in zip(numbers, evaluate_all(world, [noted(number) for number in numbers]), strict=True):
            if path.read_text() != f"{number}\n" * 100:
                raise ValueError(f"{path} is another")
        for number, folder in zip(numbers, evaluate_all(world, [leaves(number) for number in numbers]), strict=True):
            if len([leaf.read_bytes() for leaf in folder.iterdir()]) != 20:
                raise ValueError(f"{folder} of {number} lacks some")
    time.sleep(dice.random() * max(1.0, 20 * (time.monotonic() - began)))  # also where the machine is busy
    return 1


def read(store: Path, dice: random.Random) -> int:
    for _ in range(50):
        for path in sorted(PATHS):
            if path.read_bytes() != PATHS[path]:
                raise ValueError(f"{path} is another")
    if dice.random() < 0.05:
        with open_world(store, create=False) as world:
            number = dice.choice(ROOTED)
            if evaluate(world, noted(number), only_stored=True).read_text() != f"{number}\n" * 100:
                raise ValueError(f"{number} is another")
    time.sleep(0.01)
    return 1


def collect(store: Path, dice: random.Random) -> int:
    time.sleep(0.002)
    with open_world(store) as world:
        try:
            return bool(unwrap(gc(world)).rrefs)
        except EngineError as error:
            if isinstance(error.failure, InUse):
                return 0
            raise


PATHS: dict[Path, bytes] = {}


def rooted_files(store: Path) -> dict[Path, bytes]:
    """All files of what is rooted, and what is in them."""
    return {path: path.read_bytes() for path in (store / "objects").rglob("*.txt")}


def busy(round_: Round, store: Path, until: float, seed: str) -> tuple[int, int]:
    """Do it in a child, again and again; gives the child, and where it says how often."""
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        dice, rounds, said = random.Random(seed), 0, ""
        try:
            while time.monotonic() < until:
                rounds += round_(store, dice)
        except BaseException:
            said = traceback.format_exc()[-1500:]
        os.write(writer, json.dumps([rounds, said]).encode())
        os._exit(0)
    os.close(writer)
    return pid, reader


def main() -> None:
    store, seconds, builders, readers, seed = Path(sys.argv[1]), *map(int, sys.argv[2:6])
    found(store)
    PATHS.update(rooted_files(store))
    until = time.monotonic() + seconds
    acts = [(collect, 0), *((build, each) for each in range(builders)), *((read, each) for each in range(readers))]
    children = [(act.__name__, *busy(act, store, until, f"{seed} {each}")) for act, each in acts]
    rounds: dict[str, int] = {}
    wrong = []
    for name, pid, reader in children:
        with os.fdopen(reader, "rb") as said:
            count, trouble = json.loads(said.read())
        os.waitpid(pid, 0)
        rounds[name] = rounds.get(name, 0) + count
        wrong += [f"{name}: {trouble}"] if trouble else []
    with open_world(store) as world:
        unwrap(gc(world))
    print(json.dumps({"rounds": rounds, "wrong": wrong, "files": rooted_files(store) == PATHS}))


if __name__ == "__main__":
    main()
