"""Pushes or pulls, in a process of its own: ``python pusher.py push|pull STORE KEYS COUNT``, to the bucket that is set.

It prints ``ready``, waits for a line, and prints how many realizations went.
"""

from __future__ import annotations

import sys
from pathlib import Path

from attrs import evolve
from many import plans
from remotes import BUCKET

from lightfx import open_world, unwrap
from lightfx.caches import s3
from lightfx.moving import pull, push


def main() -> None:
    way, store, keys, count = sys.argv[1:]
    setup = evolve(s3(BUCKET, name="ours", silence=10.0), keys=Path(keys))
    refs = [each.dref for each in plans(int(count))]
    with open_world(store) as world:
        print("ready", flush=True)
        sys.stdin.readline()
        traffic = unwrap((push if way == "push" else pull)(world, refs, setup))
    print(len(traffic.rrefs), flush=True)


if __name__ == "__main__":
    main()
