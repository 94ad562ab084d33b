"""Kill a process that stores things, at random moments, very often: ``python killing.py FOLDER KIND KILLS SEED``.

This process has everything imported, and nothing opened. It forks a child, which
opens the store and works until it is killed; after each kill all of the store is
judged. Some children begin with what the dead one was at, others with something new.
After so many kills, and in the end, the whole inquest is held, and the next store is begun, with the next cache to push
to: so none is large.
It prints a line of JSON: how many kills, answers, kills before the first answer, and all that was wrong.
"""

from __future__ import annotations

import json
import os
import random
import select
import shutil
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from inquest import inquire, judge_both  # noqa: E402
from plain import Ack  # noqa: E402
from plain_cache import beside  # noqa: E402
from writer import heard, prepare, saying, work  # noqa: E402

BATCH = 20


def begin(store: Path, kind: str, start: int) -> tuple[int, int]:
    """Let a child work; gives its process, and where what it says can be read."""
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.close(reader)
            work(store, kind, start, 10**6, saying(writer))
        except BaseException:
            import traceback

            traceback.print_exc()
        os._exit(3)
    os.close(writer)
    return pid, reader


def first_answer(store: Path, kind: str) -> float:
    """Seconds until a child has answered for the first time."""
    began = time.monotonic()
    pid, reader = begin(store, kind, 0)
    select.select([reader], [], [])
    taken = time.monotonic() - began
    end(pid, reader)
    return taken


def end(pid: int, reader: int) -> tuple[list[Ack], int]:
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    with os.fdopen(reader, "rb") as said:
        return heard(said.read()), status


def main() -> None:
    folder, kind, kills, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    dice = random.Random(seed)
    prepare(folder / "warm", kind)  # all stores here have one cache beside them
    work(folder / "warm", kind, 0, 1, lambda _: None)  # whatever is imported on use; all is closed again
    span = 2 * first_answer(folder / "first", kind)
    wrong: list[str] = []
    answers = early = start = 0
    acks: list[Ack] = []
    store = folder / "0"
    for kill in range(kills):
        pid, reader = begin(store, kind, start)
        time.sleep(dice.random() * span)
        said, status = end(pid, reader)
        if status != signal.SIGKILL:
            wrong.append(f"kill {kill}: the child had ended before, with status {status}")
        answers, early = answers + len(said), early + (not said)
        acks += said
        if store.exists() and (store / "records").exists():
            wrong += [f"kill {kill}: {fault}" for fault in judge_both(store, acks)]
        if (kill + 1) % BATCH == 0 or kill + 1 == kills:
            first = start + len(said) * (kind == "root")  # to do once more what was done would move it back
            again = inquire(store, acks, lambda: work(store, kind, first, 1, lambda _: None))  # noqa: B023
            wrong += [f"after kill {kill}: {fault}" for fault in again]
            store, acks = folder / str(kill + 1), []
            if kind == "push":
                shutil.rmtree(beside(store))
        start += len(said) + dice.randrange(2)
    print(json.dumps({"kills": kills, "answers": answers, "early": early, "wrong": wrong}))


if __name__ == "__main__":
    main()
