"""One of many who bring results to one cache at once: ``python racer.py STORE CACHE WHO COUNT``.

He makes what all of them make, and what comes out otherwise for each of them,
under the same names. Then he prints ``ready``, waits for a line, and brings it all,
a realization at a time, so that there are many tables to put together. He
prints a line of JSON: what he brought, what was refused, and how often he was told
that the cache could not do it, in which case he tries again.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from random import Random

from attrs import evolve
from many import SIZE, plans
from reader import cache_at

from lightfx import Build, Derivation, EngineError, evaluate_all, open_world, stage, unwrap
from lightfx.caches import anyone
from lightfx.core.failures import CacheTrouble
from lightfx.moving import push

TRIES = 20


@stage(version="1")
def drawn(build: Build, number: int) -> Path:
    """What comes out otherwise for each: a large file, and a small one."""
    who = os.environ["WHO"]
    (build.out / "who.txt").write_text(who)
    (build.out / "drawn.bin").write_bytes(drawn_by(who, number))
    return build.out


def drawn_by(who: str, number: int) -> bytes:
    return Random(f"{who} {number}").randbytes(SIZE)


def contested(count: int) -> list[Derivation[Path]]:
    return [each for number in range(count) for each in (plans(count)[number], drawn(number))]


def main() -> None:
    store, url, who, count = sys.argv[1:]
    os.environ["WHO"] = who
    keys = Path(store).with_name("no-keys")
    cache = evolve(cache_at(url, 10.0), trust=anyone, keys=keys, creates="CONDITIONS" in os.environ)
    brought: list[str] = []
    refused: list[str] = []
    troubles = 0
    with open_world(store) as world:
        evaluate_all(world, contested(int(count)))
        print("ready", flush=True)
        sys.stdin.readline()
        for plan in contested(int(count)):
            for left in reversed(range(TRIES)):
                try:
                    traffic = unwrap(push(world, [plan.dref], cache))
                except EngineError as error:
                    if not isinstance(error.failure, CacheTrouble) or not left:
                        raise
                    troubles += 1
                else:
                    brought += [rref.text for rref in traffic.rrefs]
                    refused += [f"{each.what}: {each.why}" for each in traffic.refused]
                    break
    print(json.dumps({"brought": brought, "refused": refused, "troubles": troubles}))


if __name__ == "__main__":
    import racer  # as the tests import it: the name of the module is part of what a stage is called by

    racer.main()
