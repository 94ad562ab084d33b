"""A world for random programs: an executor, a store, a clock that chance drives, and trouble at any moment.

`Shuffling` runs tasks in any order. `Troubled` is a store that fails at some
commit, or that a killed driver reaches no more. `VirtualStore` keeps files as
texts: the memory double without a disk, for laws that take ten thousand runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from random import Random
from typing import Any, Final

from attrs import Factory, define
from returns.io import IO, IOFailure, IOResult, IOSuccess

from lightfx.core.damage import LostObject, MissingObject
from lightfx.core.failures import DiskFull, EngineFailure
from lightfx.core.names import Digest
from lightfx.core.outcome import Cause
from lightfx.core.terms import Limits
from lightfx.effects.executor import Finished, Task
from lightfx.effects.store import Entry, Ingested
from lightfx.shell.executor.work import carry_out
from lightfx.shell.store.memory import MemoryStore
from lightfx.wiring import Performing

SEATS: Final = 1


class KilledError(BaseException):
    """The driver was killed: it does nothing more."""


@define(eq=False)
class Asks:
    """Asks to stop. Implements `lightfx.effects.world.Interrupts`."""

    pending: str = ""

    def open(self) -> AbstractContextManager[None]:
        return nullcontext()


@define(eq=False)
class Acting:
    """Carries effects out, with asks to stop that a test brings about. Implements `Perform`."""

    asks: Asks = Factory(Asks)

    result = staticmethod(Performing().result)
    value = staticmethod(Performing().value)

    def undisturbed(self) -> AbstractContextManager[None]:
        return nullcontext()

    def turn(self) -> AbstractContextManager[None]:
        return nullcontext()

    @contextmanager
    def interrupts(self) -> Iterator[Asks]:
        self.asks.pending = ""
        yield self.asks


@define(eq=False)
class ChanceClock:
    """Time passes by chance, so that what was made is stored at any moment. Implements `Clock`."""

    chance: Random
    time: float = 0.0

    def now(self) -> IO[float]:
        return IO(1e9 + self.time)

    def elapsed(self) -> IO[float]:
        self.time += self.chance.random() * 0.02
        return IO(self.time)

    def sleep(self, seconds: float) -> IO[None]:
        self.time += seconds
        return IO(None)


@define(eq=False)
class Trouble:
    """What befalls a run: ``how`` it ends early, ``after`` how many tasks, or commits."""

    how: str = ""
    after: int = 0
    came: bool = False

    def comes(self) -> bool:
        self.after -= 1
        self.came = self.after < 0
        return self.came


@define(eq=False)
class Shuffling:
    """Runs tasks in an order given by chance. Implements `Executor`."""

    chance: Random
    trouble: Trouble
    asks: Asks
    capacity: int = 3
    blocking: bool = False
    limits: Limits = Limits(tickets={"seat": SEATS})
    waiting: list[Task] = Factory(list)
    dead: bool = False

    def withdraw(self) -> IOResult[frozenset[int], EngineFailure]:
        """Some have begun by now, and some have not."""
        back = {task.number for task in self.waiting if self.chance.random() < 0.5}
        self.waiting = [task for task in self.waiting if task.number not in back]
        return IOSuccess(frozenset(back))

    def start(self, tasks: Sequence[Task]) -> IOResult[None, EngineFailure]:
        self.waiting += tasks
        seated = [task for task in self.waiting if task.resources.tickets]
        assert len(seated) <= SEATS, "more run at once than there are tickets"
        assert len(self.waiting) <= self.capacity, "more run at once than there is room for"
        return IOSuccess(None)

    def wait(self, seconds: float | None) -> IOResult[Sequence[Finished], EngineFailure]:
        finished: list[Finished] = []
        for _ in range(self.chance.randrange(len(self.waiting)) + 1):
            if self.trouble.how in ("break", "ask", "kill") and not self.trouble.came and not finished:
                self._end_early()
            finished.append(carry_out(self.waiting.pop(self.chance.randrange(len(self.waiting))), lambda: 0))
        return IOSuccess(finished)

    def _end_early(self) -> None:
        if not self.trouble.comes():
            return
        if self.trouble.how == "kill":
            self.dead = True
            raise KilledError
        if self.trouble.how == "ask":
            self.asks.pending = "SIGINT"
        raise KeyboardInterrupt

    def cancel(self) -> IOResult[None, EngineFailure]:
        self.waiting.clear()
        return IOSuccess(None)

    def close(self) -> IOResult[None, EngineFailure]:
        return self.cancel()


@define(eq=False)
class Troubled:
    """A store that fails at some commit, or that nothing reaches once the driver is dead."""

    store: Any
    executor: Shuffling

    def commit(self, entries: Sequence[Entry]) -> IOResult[None, EngineFailure]:
        trouble = self.executor.trouble
        if self.executor.dead:
            return IOSuccess(None)
        if trouble.how == "fail" and trouble.comes():
            return IOFailure(DiskFull("/full", "commit"))
        return self.store.commit(entries)

    def unsound(self, trees: Sequence[Digest]) -> IOResult[Mapping[Digest, LostObject], EngineFailure]:
        return self.present(trees).map(lambda there: {tree: MissingObject(tree) for tree in trees if tree not in there})

    def drop(self, trees: Sequence[Digest]) -> IOResult[None, EngineFailure]:
        return IOSuccess(None) if self.executor.dead else self.store.drop(trees)

    def ingest(self, folders: Sequence[Path]) -> IOResult[Mapping[Path, Ingested], EngineFailure]:
        return self.store.ingest(folders)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


@define(eq=False)
class VirtualFiles:
    """Files as texts: those outside, those in private folders, and the objects; ``ever`` forgets none."""

    outside: dict[Path, int] = Factory(dict)
    private: dict[Path, str] = Factory(dict)
    objects: dict[Path, str] = Factory(dict)

    def write(self, folder: Path, text: str) -> None:
        self.private[folder] = text

    def read(self, folder: Path) -> str:
        if folder not in self.objects:
            raise FileNotFoundError(folder)
        return self.objects[folder]

    def look(self, path: Path) -> int:
        return self.outside[path]

    def lay_out(self, folder: Path, numbers: Sequence[int]) -> None:
        self.outside = {folder / str(place): number for place, number in enumerate(numbers)}

    @property
    def leftover(self) -> list[str]:
        return sorted(map(str, self.private))


@define(eq=False)
class RealFiles:
    """The same on a disk."""

    root: Path

    def write(self, folder: Path, text: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "text").write_text(text)

    def read(self, folder: Path) -> str:
        return (folder / "text").read_text()

    def look(self, path: Path) -> int:
        return int(path.read_text())

    def lay_out(self, folder: Path, numbers: Sequence[int]) -> None:
        folder.mkdir(exist_ok=True)
        for place, number in enumerate(numbers):
            path = folder / str(place)
            if not path.exists() or path.read_text() != str(number):
                path.write_text(str(number))

    @property
    def leftover(self) -> list[str]:
        return sorted(str(path) for path in self.root.rglob("tmp/*/out-*"))


class VirtualStore:
    """The memory double, with files that are texts. Implements `Store`."""

    def __init__(self, files: VirtualFiles) -> None:
        self._files = files
        self._memory = MemoryStore(Path("/virtual"))
        self._kept: set[Digest] = set()
        self.ever: dict[Digest, str] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._memory, name)

    def observe(self, paths: Sequence[Path]) -> IOResult[Mapping[Path, Digest | Cause], EngineFailure]:
        return IOSuccess({path: Digest.of(f"{self._files.outside[path]}".encode()) for path in paths})

    def ingest(self, folders: Sequence[Path]) -> IOResult[Mapping[Path, Ingested], EngineFailure]:
        found: dict[Path, Ingested] = {}
        for folder in folders:
            text = self._files.private.pop(folder)
            tree = found[folder] = Digest.of(text.encode())
            self.ever[tree] = self._files.objects[self.folder_of(tree)] = text
        return IOSuccess(found)

    def folder_of(self, tree: Digest) -> Path:
        return Path("/virtual/objects") / tree.hex

    def present(self, trees: Sequence[Digest]) -> IOResult[frozenset[Digest], EngineFailure]:
        return IOSuccess(frozenset(tree for tree in trees if self.folder_of(tree) in self._files.objects))

    def drop(self, trees: Sequence[Digest]) -> IOResult[None, EngineFailure]:
        for tree in trees:
            if tree not in self._kept:
                self._files.objects.pop(self.folder_of(tree), None)
        return IOSuccess(None)

    def discard(self, places: Sequence[Path]) -> IOResult[None, EngineFailure]:
        for folder in [folder for folder in self._files.private if folder.parent in places]:
            del self._files.private[folder]
        return IOSuccess(None)

    def commit(self, entries: Sequence[Entry]) -> IOResult[None, EngineFailure]:
        kept = (entry.realization for entry in entries if not entry.realization.ephemeral)
        self._kept |= {each.tree for each in kept if each.tree is not None}
        return self._memory.commit(entries)
