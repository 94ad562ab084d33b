"""What other processes do in the tests: ``python scenes.py <scene> <arguments>``; see `Other`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

sys.path.insert(0, str(Path(__file__).parent))

import errands  # noqa: E402
from errands import double, pids, task  # noqa: E402
from executor_laws import finish  # noqa: E402
from makings import entry, good, ingested, trouble, written  # noqa: E402
from returns.result import Success  # noqa: E402
from returns.unsafe import unsafe_perform_io  # noqa: E402

from lightfx.core.inventory import Anchor  # noqa: E402
from lightfx.core.names import Digest  # noqa: E402
from lightfx.core.realization import Log, Value  # noqa: E402
from lightfx.plan.garbage import Rules, judge  # noqa: E402
from lightfx.shell.executor.processes import LocalProcesses  # noqa: E402
from lightfx.shell.store.claims import Claims  # noqa: E402
from lightfx.shell.store.directory import DirectoryStore, open_directory  # noqa: E402
from lightfx.shell.store.owners import Host, Lease, this_host, try_lock  # noqa: E402

NOBODY: Final = 65534


class Other:
    """Another process, from the outside: `ask` it, or kill it."""

    def __init__(self, scene: str, *arguments: object, named: str | None = None) -> None:
        command = [sys.executable, __file__, scene, *map(str, arguments)]
        if named is not None:
            command = ["unshare", "--uts", "sh", "-c", f'hostname {named} && exec "$@"', "sh", *command]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    @property
    def pid(self) -> int:
        return self._process.pid

    def hear(self) -> str:
        """The next line that it says; "" when it has ended."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip("\n")

    def tell(self, *words: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()

    def ask(self, *words: object) -> str:
        self.tell(*words)
        return self.hear()

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it as a power cut would; it is gone afterwards."""
        self._process.kill()
        self._process.wait()

    def wait(self) -> int:
        return self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()


def key(text: str) -> Digest:
    """A key that both sides know."""
    return Digest.of(text.encode())


def converse(root: str) -> None:
    """Open a store, and do with it what is asked, line by line."""
    _converse(good(open_directory(Path(root))))


def abroad(root: str, host: str, locks: str, skew: str = "0") -> None:
    """The same, as if on another host: ``host`` is its name, or ``-`` for what it is.

    ``locks`` are ``real``, or ``alike``: free for whoever asks. The wall clock
    is wrong by ``skew`` seconds.
    """
    wall, wall_ns = time.time, time.time_ns
    time.time = lambda: wall() + float(skew)
    time.time_ns = lambda: wall_ns() + int(float(skew) * 1e9)
    _converse(good(open_directory(Path(root), claims=visitor(host, locks))))


def visitor(host: str, locks: str) -> Callable[[Path], Claims]:
    """Make the claims of an owner that is on a host, really or as if."""
    return lambda root: Claims(
        root,
        host=this_host() if host == "-" else Host(host, f"machine of {host}", "boot"),
        lease=SHORT,
        shared=True,
        lock=try_lock if locks == "real" else lambda _: True,
    )


SHORT: Final = Lease(beat=0.1, lease=2.0, grace=8.0)


def _converse(store: DirectoryStore) -> None:
    print("open", flush=True)
    for line in sys.stdin:
        word, *rest = line.split()
        print(_ANSWERS[word](store, *rest), flush=True)


def _half_done(store: DirectoryStore, *_: str) -> str:
    return str(written(store, {"a/b": b"half", "c": b"done"}))


_ANSWERS: Final[dict[str, Callable[..., object]]] = {
    "claim": lambda store, text: "granted" if good(store.claim([key(text)])) else "refused",
    "release": lambda store, text: good(store.release([key(text)])),
    "commit": lambda store, text: good(store.commit([entry(text)])),
    "alike": lambda store, text: len(good(store.alike([entry(text).realization.key]))),
    "listed": lambda store, text: len(good(store.listed([entry(text).realization.dref], frozenset()))),
    "half": _half_done,
    "owner": lambda store: store._claims._owner,
    "close": lambda store: good(store.close()),
}


def race(root: str, text: str) -> None:
    """Ask for a claim at the word."""
    store = good(open_directory(Path(root)))
    print("open", flush=True)
    sys.stdin.readline()
    print("granted" if good(store.claim([key(text)])) else "refused", flush=True)
    sys.stdin.readline()


def alone(root: str, log: str) -> None:
    """Be alone on a store until the word comes, and note its coming."""
    claims = Claims(Path(root))
    with claims.alone() as granted:
        print("alone" if granted else "among others", flush=True)
        sys.stdin.readline()
        append(log, "over")
    claims.close()


def entering(root: str, log: str) -> None:
    """Open a store, and note when it is open."""
    print("up", flush=True)
    store = good(open_directory(Path(root)))
    append(log, "open")
    print("open", flush=True)
    sys.stdin.readline()
    good(store.close())


def append(path: str, line: str) -> None:
    """Note a line, whole, in the order of things."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


def opening(root: str) -> None:
    """Open a store at the word, commit, and say how it went."""
    print("up", flush=True)
    sys.stdin.readline()
    opened = unsafe_perform_io(open_directory(Path(root)))
    if isinstance(opened, Success):
        good(opened.unwrap().commit([entry(str(os.getpid()))]))
    print(opened, flush=True)
    sys.stdin.readline()


def nobody(root: str, deed: str) -> None:
    """Do a deed without the rights of root, and say what came of it."""
    path = Path(root)
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    print(repr(_DEEDS[deed](path)), flush=True)


def _output_without_rights(path: Path) -> object:
    """A stage took from itself the right to read what it wrote."""
    with_rights = good(open_directory(path))
    tree = ingested(with_rights, {"a/b": b"b", "c": b"c"})
    folder = written(with_rights, {"a/b": b"b", "c": b"c"})
    (folder / "a/b").chmod(0)
    (folder / "c").chmod(0o200)
    (folder / "a").chmod(0)
    folder.chmod(0o500)
    alike = good(with_rights.ingest([folder])) == {folder: tree}
    locked = written(with_rights, {"a/b": b"b"})
    (locked / "a").chmod(0)
    locked.chmod(0)
    good(with_rights.discard([locked]))
    return alike and not locked.exists() and not folder.exists()


def _unreadable_source(path: Path) -> object:
    store = good(open_directory(path / "store"))
    large, small = path / "large", path / "small"
    for file, size in ((large, 2 << 20), (small, 1)):
        file.write_bytes(b"x" * size)
        file.chmod(0)
    return good(store.observe([large, small, path / "root-only"]))


def _read(path: Path) -> object:
    """Read what another has stored, and try to store more."""
    store = good(open_directory(path))
    there = [row.stored.kind for row in good(store.newest(None, 9))]
    return there, type(trouble(store.commit([entry("more")]))).__name__, good(store.close())


_DEEDS: Final[dict[str, Callable[[Path], object]]] = {
    "open": lambda path: trouble(open_directory(path)),
    "read": _read,
    "output": _output_without_rights,
    "source": _unreadable_source,
}


CONTENT: Final = {"a/b": b"deep", "c": b"file", "d/": ""}


def crashes(base: str, deed: str) -> None:
    """Do a deed again and again, each time killed one step later; say what was acknowledged each time."""
    for step in range(1000):
        root = Path(base) / str(step)
        child = os.fork()
        if child == 0:
            _CRASHES[deed](root, step)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(step, "done" if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0 else "killed", flush=True)
        if not os.WIFSIGNALED(status):
            return


def _die_after(steps: int) -> None:
    """Kill this process at the next step but so many."""
    left = steps

    def count(*_: object) -> None:
        nonlocal left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    sys.addaudithook(lambda event, _: count() if event in _STEPS else None)
    write, sync = os.write, os.fsync
    os.write = lambda descriptor, data: (count(), write(descriptor, data[: len(data) // 2 + 1]))[1]
    os.fsync = lambda descriptor: (count(), sync(descriptor))[1]


def _crash_storing(root: Path, step: int) -> None:
    store = good(open_directory(root))
    good(store.commit([entry("before")]))
    _die_after(step)
    good(store.claim([key("k")]))
    tree = ingested(store, CONTENT)
    good(store.commit([entry("after", tree=tree, result=Value("after")), entry("more")]))
    good(store.release([key("k")]))


def _crash_dropping(root: Path, step: int) -> None:
    store = good(open_directory(root))
    trees = [ingested(store, CONTENT), ingested(store, {"b": b"b"})]
    good(store.commit([entry(number, tree=tree, ephemeral=True) for number, tree in enumerate(trees)]))
    _die_after(step)
    good(store.drop(trees))


def _crash_collecting(root: Path, step: int) -> None:
    store = good(open_directory(root))
    trees = [ingested(store, content) for content in (CONTENT, {"b": b"b"}, {"log.txt": b"long"})]
    good(store.commit([entry(0, tree=trees[0]), entry(1, tree=trees[1])]))
    good(store.commit([entry(1, tree=trees[1]), entry(2, log=Log("g", trees[2])), entry(3)]))
    good(store.hold(Anchor("kept", entry(1, tree=trees[1]).realization.rref)))
    _die_after(step)
    good(store.collect(lambda inventory: judge(inventory, Rules(), 0.0)))


_CRASHES: Final = {"store": _crash_storing, "drop": _crash_dropping, "collect": _crash_collecting}
_STEPS: Final = frozenset(
    ("open", "os.rename", "os.mkdir", "os.chmod", "os.link", "os.remove", "os.rmdir", "os.scandir", "shutil.copystat")
)


def pool(scratch: str, *acts: str) -> None:
    """Open a pool, start tasks that never end, say who runs them and who else came of them, and wait."""
    executor = LocalProcesses(len(acts), Path(scratch))
    _say_who(executor, Path(scratch), acts)
    good(executor.wait(None))
    good(executor.wait(None))


def pool_of_a_thread(scratch: str, *acts: str) -> None:
    """The same, in a thread that ends, and leaves the pool to the main thread."""
    executor = LocalProcesses(len(acts), Path(scratch))
    thread = threading.Thread(target=_say_who, args=(executor, Path(scratch), acts))
    thread.start()
    thread.join()
    good(executor.start([task(99, double, Path(scratch) / "more", x=1)]))
    good(executor.wait(1.0))
    print("on", flush=True)
    good(executor.wait(None))


def pool_of_a_parent(scratch: str, *acts: str) -> None:
    """The same, by a program that has forked a child, which holds all lines of the pool open."""
    executor = LocalProcesses(len(acts), Path(scratch))
    _say_who(executor, Path(scratch), acts)
    child = os.fork()
    if not child:
        time.sleep(1000)
    print(child, flush=True)
    good(executor.wait(None))


def _say_who(executor: LocalProcesses, scratch: Path, acts: Sequence[str]) -> None:
    folders = [scratch / f"task-{number}" for number in range(len(acts))]
    good(executor.start([task(n, getattr(errands, act), folders[n]) for n, act in enumerate(acts)]))
    while not all(map(pids, folders)):
        good(executor.wait(0.05))
    print(*(pid for folder in folders for pid in pids(folder)), flush=True)


def closure(scratch: str) -> None:
    """Ship a realizer that no worker can import: this script's own, and a closure."""
    captured = 40

    executor = LocalProcesses(1, Path(scratch))
    (finished,) = finish(executor, [task(0, lambda _: captured + 2, Path(scratch) / "0")]).values()
    print([finished.result.unwrap()[0].tree], flush=True)
    good(executor.close())


def unshippable(scratch: str) -> None:
    """Ship a closure where there is no cloudpickle."""
    sys.modules["cloudpickle"] = None  # type: ignore[assignment]
    executor = LocalProcesses(1, Path(scratch))
    print(trouble(executor.start([task(0, lambda _: 1, Path(scratch) / "0")])), flush=True)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
