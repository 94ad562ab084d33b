"""Do something to a process at each of its system calls, one after the other, and hold an inquest each time.

``python sweeping.py FOLDER KIND FAULT STRIDE [MUTANT CALLS]``. ``FAULT`` is what strace injects: ``signal=SIGKILL``, or
``error=EIO``. A child that has everything imported waits until strace has hold of it, and then stores one thing of a
kind in a copy of a prepared store. First all of its calls are counted; then, for each that may change something, it is
done again with the fault at the first such call, at the second, and so on, until none fired: at each ``STRIDE``-th
where that is not 1. With a ``MUTANT`` of `tardy` its disk is that one, and only the named ``CALLS``
are looked at.

A kill at a call that only asks (`IDLE`, and to open a file that is there) finds the same on the disk as a kill at the
next call that changes something.

strace counts the calls of each thread by itself, so a child asks a cache for one thing after the other, in one thread.

It prints a line of JSON: at which calls faults fired, at which none did, and all that was wrong. A child that meets an
errno may fail, in words of lightfx; it may not answer and lose what it answered, which the inquest would see.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).parent))

from inquest import inquire  # noqa: E402
from plain import Ack  # noqa: E402
from tardy import wrong_disk  # noqa: E402
from writer import heard, prepare, saying, work  # noqa: E402

from lightfx import EngineError, LeftError  # noqa: E402
from lightfx.shell.cache import channel, watching  # noqa: E402

T = TypeVar("T")

START = 5
IDLE = frozenset(
    """
    access arch_prctl brk clock_gettime clock_nanosleep clone clone3 close dup dup2 epoll_create1 epoll_ctl epoll_wait
    execve exit exit_group faccessat faccessat2 fadvise64 fcntl fgetxattr fstat fstatfs futex getcwd getdents64 getegid
    geteuid getgid getpid getppid getrandom getrusage gettid getuid ioctl listxattr llistxattr lseek lstat madvise mmap
    mprotect mremap munmap newfstatat pipe2 poll pread64 prlimit64 read readlink readlinkat readv rseq rt_sigaction
    rt_sigprocmask rt_sigreturn sched_getaffinity sched_yield select pselect6 set_robust_list set_tid_address
    sigaltstack stat statfs statx sysinfo umask uname wait4
    """.split()
)


def child(store: Path, kind: str, mutant: str) -> tuple[int, int, int]:
    """A child that waits for a word; gives its process, where to say it, and where what it says can be read."""
    hearing, word = os.pipe()
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.close(word)
            os.read(hearing, 1)
            channel.at_once = lambda do, items: {name: do(item) for name, item in items.items()}  # type: ignore[assignment]
            watching.in_thread = done_here
            work(store, kind, START, 1, saying(writer), wrong_disk(mutant))
        except (EngineError, LeftError):
            os._exit(4)
        except BaseException:
            import traceback

            os.write(writer, (json.dumps({"trouble": traceback.format_exc()[-1500:]}) + "\n").encode())
            os._exit(5)
        os._exit(0)
    os.close(hearing)
    os.close(writer)
    return pid, word, reader


def done_here(work: Callable[[], T]) -> Future[T]:
    """What `lightfx.shell.cache.channel.in_thread` gives, of work that was done without a thread."""
    done: Future[T] = Future()
    try:
        done.set_result(work())
    except Exception as error:
        done.set_exception(error)
    return done


def traced(store: Path, kind: str, mutant: str, *options: str) -> tuple[int, list[Ack]]:
    """Let a child work while strace has hold of it; gives its status, and what it said."""
    pid, word, reader = child(store, kind, mutant)
    strace = subprocess.Popen(["strace", "-f", *options, "-p", str(pid)], stderr=subprocess.PIPE, text=True)
    assert strace.stderr is not None
    attached = strace.stderr.readline()
    if "attached" not in attached:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise SystemExit(f"strace: {attached}")
    os.write(word, b".")
    os.close(word)
    with os.fdopen(reader, "rb") as said:
        acks = heard(said.read())
    _, status = os.waitpid(pid, 0)
    strace.communicate()
    return status, acks


def prepared(folder: Path, kind: str) -> Path:
    """A folder with a store that has seen work of this kind before, and what such work needs beside it."""
    home = folder / "prepared"
    home.mkdir()
    if kind != "value":  # that one begins with no store at all
        prepare(home / "store", kind, [START])
        work(home / "store", "run", 0, 2, lambda _: None)
    if kind == "root":  # one that is there
        work(home / "store", "root", START - 2, 1, lambda _: None)
    return home


def fresh(folder: Path, kind: str) -> Path:
    """The store in a copy of the prepared folder."""
    home = folder / "copy"
    if home.exists():
        remove(home)
    shutil.copytree(folder / "prepared", home, symlinks=True)
    return home / "store"


def remove(folder: Path) -> None:
    """Remove a folder with stores in it."""
    for path in folder.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
    shutil.rmtree(folder)


def calls(folder: Path, kind: str, mutant: str) -> dict[str, list[int]]:
    """Which of the calls of each name may change something, counted from 1."""
    trace = folder / "trace"
    status, acks = traced(fresh(folder, kind), kind, mutant, "-o", str(trace), "-e", "signal=none")
    if status or not acks:
        raise SystemExit(f"without a fault: status {status}, {acks}")
    seen: Counter[str] = Counter()
    found: dict[str, list[int]] = {}
    for line in trace.read_text(errors="replace").splitlines():
        match = re.match(r"(?:\d+ +)?(\w+)\(", line)
        if match is None or match[1] in IDLE:
            continue
        seen[match[1]] += 1
        if match[1] != "openat" or "O_CREAT" in line:
            found.setdefault(match[1], []).append(seen[match[1]])
    return found


def sweep(
    folder: Path, kind: str, fault: str, stride: int, mutant: str, only: str
) -> Iterator[tuple[str, bool, list[str]]]:
    """Give each call, whether the fault fired there, and what was wrong then."""
    prepared(folder, kind)
    skipped = 0
    for name, numbers in sorted(calls(folder, kind, mutant).items()):
        if only and name not in only.split(","):
            continue
        for number in (*numbers, *range(numbers[-1] + 1, numbers[-1] + 100)):
            skipped = (skipped + 1) % stride
            if skipped and number <= numbers[-1]:
                continue
            store, log = fresh(folder, kind), folder / "log"
            inject = f"inject={name}:{fault}:when={number}"
            status, acks = traced(store, kind, mutant, "-o", str(log), "-e", f"trace={name}", "-e", inject)
            fired = status == signal.SIGKILL if "SIGKILL" in fault else "(INJECTED)" in log.read_text(errors="replace")
            if not fired and number > numbers[-1]:
                break  # there are no so many calls
            wrong = [f"it fails otherwise than in words: {each['trouble']}" for each in acks if "trouble" in each]
            acks = [each for each in acks if "trouble" not in each]
            wrong += inquire(store, acks, lambda: work(store, kind, START, 1, lambda _: None))  # noqa: B023
            yield f"{name} {number}", fired, wrong
        else:
            yield name, True, ["there was no end of it"]


def main() -> None:
    folder, kind, fault, stride = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
    mutant, only = sys.argv[5:] or ("", "")
    prepare(folder / "warm", kind, [0])
    work(folder / "warm", kind, 0, 1, lambda _: None)  # whatever is imported on use
    done = list(sweep(folder, kind, fault, stride, mutant, only))
    wrong = [f"{where}: {fault}" for where, _, faults in done for fault in faults]
    points, quiet = ([where for where, fired, _ in done if fired is wanted] for wanted in (True, False))
    print(json.dumps({"points": points, "quiet": quiet, "wrong": wrong}))


if __name__ == "__main__":
    main()
