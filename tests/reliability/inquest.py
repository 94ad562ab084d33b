"""What must hold of a store after any fault, asked of a store that had one.

1. What was answered is there, and is what it was (`plain.judge`).
2. Nothing that can be seen there is other than it is named by; nor in the cache beside it, where no record is without
   its files.
3. A process that had no part in it opens the store, without any repair, and at once: no lease is waited for. (The
   protocol says within a second; here the machine may be busy.)
4. The same command, given again, succeeds.
5. When that process is gone so is all that the dead one left in ``tmp/`` and ``claims/``. What lies there without an
   owner stays for a minute, since it may be somebody's who is just coming: for the test, that minute is over.

As a program it hears of stores, a line of JSON each, and says what is wrong, a
line each: what it imports it imports once, and a forked child is the fresh process.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

sys.path.insert(0, str(Path(__file__).parent))

from plain import Ack, judge  # noqa: E402
from plain_cache import beside, judge_cache  # noqa: E402
from protocol import TIER  # noqa: E402

from lightfx import open_world  # noqa: E402

Work = Callable[[], None]
AT_ONCE = math.inf if TIER == "S" else 5.0  # seconds; nothing is timed in every run


def inquire(store: Path, acks: Sequence[Ack], again: Work) -> list[str]:
    """Say what is wrong with a store; ``again`` is the command that was under way, carried out in a child."""
    wrong = judge_both(store, acks)
    if (store / "format").exists():
        began = time.monotonic()
        trouble = in_child(lambda: open_world(store, create=False).close())
        took = time.monotonic() - began
        wrong += [f"it cannot be opened: {trouble}"] if trouble else []
        wrong += [f"it took {took:.1f} s to open it"] if took > AT_ONCE else []
    let_a_minute_pass(store)
    trouble = in_child(again)
    if trouble:
        wrong.append(f"the same command fails: {trouble}")
    wrong += [f"then: {fault}" for fault in judge_both(store, acks)]
    left = [f"{each.parent.name}/{each.name}" for name in ("claims", "tmp") for each in (store / name).glob("*")]
    return wrong + [f"left behind: {each}" for each in left]


def judge_both(store: Path, acks: Sequence[Ack]) -> list[str]:
    """Judge a store, and the cache beside it, if there is one."""
    return judge(store, acks) + judge_cache(beside(store), acks)


def let_a_minute_pass(store: Path) -> None:
    """Make what nobody owns as old as it must be to be swept."""
    past = time.time() - 61
    for path in (*store.glob("claims/newborn-*"), *store.glob("tmp/*")):
        os.utime(path, (past, past), follow_symlinks=False)


def in_child(work: Work) -> str:
    """Carry out some work in a forked child; gives what it died of, or nothing."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads, which pytest may have: the child needs none
        pid = os.fork()
    if not pid:
        try:
            os.close(reader)
            work()
        except BaseException:
            os.write(writer, traceback.format_exc()[-2000:].encode())
            os._exit(1)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as said:
        words = said.read().decode(errors="replace")
    _, status = os.waitpid(pid, 0)
    return words or ("" if status == 0 else f"status {status}")


class Inquest:
    """The program, from the outside; it is asked of power cuts."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, store: Path, said: bytes, kind: str, start: int) -> list[str]:
        """Ask about a store in which `writer` was at work, and said something before the fault."""
        from writer import heard

        assert self._process.stdin is not None
        assert self._process.stdout is not None
        question = {"store": str(store), "acks": heard(said), "kind": kind, "start": start}
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer: list[str] = json.loads(self._process.stdout.readline())
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.communicate()


def main() -> None:
    from writer import work

    with TemporaryDirectory() as folder:
        work(Path(folder) / "warm", "run", 0, 1, lambda _: None)  # whatever is imported on use
    for line in sys.stdin:
        asked = json.loads(line)
        store = Path(asked["store"])

        def again(store: Path = store, kind: str = asked["kind"], start: int = asked["start"]) -> None:
            work(store, kind, start, 1, lambda _: None)

        try:
            wrong = inquire(store, asked["acks"], again)
        except Exception:
            wrong = [traceback.format_exc()[-2000:]]
        print(json.dumps(wrong), flush=True)


if __name__ == "__main__":
    main()
