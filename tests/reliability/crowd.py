"""Many processes that want the same, and somebody who kills those that are at it: ``python crowd.py STORE ...``.

``crowd.py STORE together PROCESSES CELLS``: each process realizes all cells, and says what it got.
``crowd.py STORE killed PROCESSES CELLS SECONDS SEED``: the same, wave after wave; every 50 ms one that holds a claim is
killed, and another comes in its place. ``quiet`` is for how long nothing at all went on.
``crowd.py STORE heirs TIMES``: one waits for a cell that another is at, who is killed; how long until it goes on.

A cell's value is random: two processes have the same only where one of them got what the other stored. Each execution
leaves a line in the file ``note`` beside the store. What came of it is printed as a line of JSON.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sys
import time
from pathlib import Path

from lightfx import Build, evaluate_all, open_world, stage

EVERY = 0.05  # seconds
FIRST = 0.02  # seconds that a cell takes; where one is to be killed at it, more
LONG = 0.2
ENDLESS = 1000.0


@stage(version="1")
def cell(build: Build, wave: int, number: int, note: str, seconds: float) -> int:
    file = os.open(note, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{wave} {number} {os.getpid()}\n".encode())
    os.close(file)
    time.sleep(seconds if not seconds == ENDLESS or _executions(Path(note)) % 2 else 0.0)
    return int.from_bytes(os.urandom(6), "big")


def _executions(note: Path) -> int:
    return len(note.read_text().splitlines()) if note.exists() else 0


class Member:
    """A child that realizes a wave of cells, and says what it got."""

    def __init__(self, store: Path, wave: int, cells: int, seconds: float) -> None:
        self.reader, writer = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            try:
                note = str(store.with_name("note"))
                with open_world(store) as world:
                    plans = [cell(wave, number, note, seconds) for number in range(cells)]
                    os.write(writer, json.dumps(list(evaluate_all(world, plans))).encode())
            except BaseException:
                import traceback

                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        os.close(writer)

    def end(self) -> list[int] | None:
        """What it got; nothing where it was killed before."""
        with os.fdopen(self.reader, "rb") as said:
            words = said.read()
        _, status = os.waitpid(self.pid, 0)
        if status not in (0, signal.SIGKILL):
            raise SystemExit(f"a process ended with status {status}")
        return json.loads(words) if status == 0 else None

    def is_over(self) -> bool:
        return bool(select.select([self.reader], [], [], 0)[0])


def together(store: Path, processes: int, cells: int) -> dict[str, object]:
    members = [Member(store, 0, cells, FIRST) for _ in range(processes)]
    answers = [member.end() for member in members]
    return {
        "executions": _executions(store.with_name("note")),
        "answers": sum(map(len, filter(None, answers))),
        "different": len(set(map(str, answers))),
    }


def holders(store: Path) -> set[int]:
    """Which processes hold a claim."""
    found = set()
    for path in (store / "claims").glob("[0-9a-f]*"):
        try:
            found.add(int(json.loads(path.read_bytes())["pid"]))
        except (FileNotFoundError, ValueError):
            continue
    return found


def killed(store: Path, processes: int, cells: int, seconds: float, seed: int) -> dict[str, object]:
    dice = random.Random(seed)
    until = time.monotonic() + seconds
    waves = kills = answers = 0
    different: list[int] = []
    moved, progress, quiet = time.monotonic(), "", 0.0
    while time.monotonic() < until:
        members = [Member(store, waves, cells, LONG) for _ in range(processes)]
        over: list[Member] = []
        while members:
            time.sleep(EVERY)
            quiet = max(quiet, time.monotonic() - moved)
            if progress != (now := f"{waves} {len(over)} {_executions(store.with_name('note'))}"):
                moved, progress = time.monotonic(), now
            over += [member for member in members if member.is_over()]
            members = [member for member in members if member not in over]
            victims = [member for member in members if member.pid in holders(store)]
            if victims and time.monotonic() < until:
                victim = dice.choice(victims)
                os.kill(victim.pid, signal.SIGKILL)
                members.remove(victim)
                kills += victim.end() is None
                members.append(Member(store, waves, cells, LONG))
        said = [member.end() for member in over]
        answers += sum(map(len, filter(None, said)))
        different.append(len(set(map(str, said))))
        waves += 1
    executions = _executions(store.with_name("note"))
    found = {"executions": executions, "kills": kills, "waves": waves, "answers": answers}
    return {**found, "different": max(different), "quiet": quiet}


def heirs(store: Path, times: int) -> dict[str, object]:
    note = store.with_name("note")
    waits: list[float] = []
    for wave in range(times):
        before = _executions(note)
        holder = Member(store, wave, 1, ENDLESS)
        while _executions(note) == before:
            time.sleep(0.005)
        heir = Member(store, wave, 1, ENDLESS)
        time.sleep(0.3)
        os.kill(holder.pid, signal.SIGKILL)
        began = time.monotonic()
        while _executions(note) == before + 1:
            time.sleep(0.001)
        waits.append(time.monotonic() - began)
        holder.end()
        heir.end()
    waits.sort()
    return {"median": waits[len(waits) // 2], "most": waits[-1]}


def main() -> None:
    store, what, *numbers = Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:])
    with open_world(store):  # whatever is imported on use
        pass
    acts = {"together": together, "killed": killed, "heirs": heirs}
    print(json.dumps(acts[what](store, *numbers)))


if __name__ == "__main__":
    main()
