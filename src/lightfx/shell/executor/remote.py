"""What runs in a Dask worker: one task, in a process of its own.

The worker's thread holds a warm child process (`LocalProcesses` of one), which
keeps the log, the time limit and the account of memory, and which may die
without the worker. The worker itself loads no code of the user: that travels
sealed, and is opened in the child. Meanwhile the thread gives the heartbeat, and
looks whether the answer is still wanted.

Every execution works in a private folder that it names itself, since a
scheduler may run a task twice: the driver takes the folder of one of them.
"""

from __future__ import annotations

import atexit
import pickle  # between a driver and its own workers; nothing stored is unpickled
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import current_process
from pathlib import Path
from typing import Final, final
from uuid import uuid4

from attrs import evolve, frozen
from returns.result import Failure

from lightfx._version import __version__
from lightfx.core.failures import EngineFailure
from lightfx.core.realization import BuildOrder
from lightfx.core.terms import Terms
from lightfx.effects.executor import Begun, Executor, Finished, Progressed, Report, Task
from lightfx.shell.disk import REAL
from lightfx.shell.executor.cluster import Call
from lightfx.shell.executor.parcels import ParcelError, digest_of_parcel, pack_folder, remove_folder, unpack_folder
from lightfx.shell.executor.processes import LocalProcesses
from lightfx.shell.executor.sealing import Script, Sealed

TURN: Final = 0.2  # seconds between two looks at whether the answer is wanted
IDLE: Final = 10.0  # seconds after which a child that has nothing to do is ended
VERSIONS: Final = f"lightfx {__version__}, Python {sys.version_info.major}.{sys.version_info.minor}"


@final
@frozen
class Errand:
    """A task as it travels: whole in ``packed``, and ``order`` without inputs, which holds no code of the user.

    ``trees`` names, by the folder that the driver has them in, the digests of
    the parcels that come along; None where the file system is shared.
    ``session`` is the driver's name for itself, on which its topic is.
    """

    key: str
    session: str
    number: int
    order: BuildOrder
    terms: Terms
    packed: bytes
    script: Script | None
    trees: Mapping[Path, str] | None
    beat: float
    versions: str = VERSIONS


@final
@frozen
class Answer:
    """What came of an execution, in the folder ``private``; its files as a parcel where no file system is shared."""

    token: str
    private: Path
    finished: Finished
    parcel: bytes | None = None


def keep(parcel: bytes) -> bytes:
    """Be a parcel that other tasks need: Dask moves it to their workers, and makes it again if it is lost."""
    return parcel


def carry(packed: bytes, *parcels: bytes) -> bytes:
    """Carry out an errand; the function that Dask calls."""
    errand = pickle.loads(packed)  # noqa: S301 -- from our own driver
    if not isinstance(errand, Errand) or errand.versions != VERSIONS:
        theirs = getattr(errand, "versions", "another lightfx")
        raise RuntimeError(f"the driver has {theirs}, and this worker {VERSIONS}")
    call = Call.here(errand.key, errand.session, uuid4().hex)
    call.say("began")
    try:
        answer = _private(errand, call) if errand.trees is None else _apart(errand, call, errand.trees, parcels)
    finally:
        call.say("ended")
    return pickle.dumps(answer)


def _private(errand: Errand, call: Call) -> Answer:
    """Work where the driver will look."""
    private = errand.order.place / call.token
    return Answer(call.token, private, _run(errand, call, private, {}))


def _apart(errand: Errand, call: Call, trees: Mapping[Path, str], parcels: Sequence[bytes]) -> Answer:
    """Work in a folder of the worker, with copies of what is needed, and send what was made."""
    known = {digest_of_parcel(parcel): parcel for parcel in parcels}
    home = Path(tempfile.mkdtemp(prefix="lightfx-", dir=call.folder))
    try:
        moved = {folder: home / "inputs" / digest for folder, digest in trees.items()}
        for digest in sorted(set(trees.values())):
            if digest not in known:
                raise ParcelError(f"{digest} did not come as it was sent")
            unpack_folder(known[digest], home / "inputs" / digest, read_only=True, disk=REAL)
        private = home / "place"
        finished = _run(errand, call, private, moved)
        return Answer(call.token, private, finished, pack_folder(private, REAL) if private.exists() else None)
    finally:
        remove_folder(home, REAL)


def _run(errand: Errand, call: Call, private: Path, moved: Mapping[Path, Path]) -> Finished:
    order = evolve(errand.order, place=private)
    task = Task(errand.number, order, Sealed(errand.packed, errand.terms, moved, errand.script))
    with HANDS.borrowed(errand.session, Path(call.folder)) as hand:
        trouble: list[EngineFailure] = []
        hand.start([task]).alt(trouble.append)
        said = time.monotonic()
        while call.wanted and not trouble:
            reports: list[Report] = []
            hand.wait(TURN).map(reports.extend).alt(trouble.append)
            for report in reports:
                match report:
                    case Finished():
                        return report
                    case Progressed(_, done, total):
                        call.say("told", done, total)
                    case Begun():
                        pass
            if time.monotonic() - said >= errand.beat:
                said = time.monotonic()
                call.say("beat")
        hand.cancel()
    if trouble:
        return Finished(errand.number, Failure(trouble[0]))
    raise RuntimeError("nobody waits for the answer any more")


@final
@frozen(eq=False)
class _Hand:
    """A child process that works for one driver, and the folder of its log."""

    session: str
    pool: LocalProcesses
    folder: Path

    @classmethod
    def hired(cls, session: str, home: Path) -> _Hand:
        """Get a new one."""
        # A nanny starts its worker as a daemon, which may have no children. Ours end with it by their lifeline.
        if current_process().daemon:
            current_process().daemon = False
        folder = Path(tempfile.mkdtemp(prefix="lightfx-log-", dir=home))
        return cls(session, LocalProcesses(1, folder, disk=REAL), folder)

    def end(self) -> None:
        """End it, and leave nothing."""
        self.pool.close()
        remove_folder(self.folder, REAL)


@final
class _Hands:
    """The warm child processes of this Dask worker, by the driver whose code they hold."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[_Hand] = []

    @contextmanager
    def borrowed(self, session: str, home: Path) -> Iterator[Executor]:
        """Lend one that works for this driver alone; it is kept for a while afterwards."""
        hand = self._take(session) or _Hand.hired(session, home)
        try:
            yield hand.pool
        except BaseException:
            hand.end()
            raise
        with self._lock:
            self._idle.append(hand)
        timer = threading.Timer(IDLE, self._rest, (hand,))
        timer.daemon = True
        timer.start()

    def _take(self, session: str) -> _Hand | None:
        with self._lock:
            found = next((each for each in self._idle if each.session == session), None)
            if found is not None:
                self._idle.remove(found)
            return found

    def _rest(self, hand: _Hand) -> None:
        """End it, unless it is at work again: then the timer of its next rest will."""
        with self._lock:
            if hand not in self._idle:
                return
            self._idle.remove(hand)
        hand.end()

    def end_all(self) -> None:
        """End all that rest: the worker ends."""
        with self._lock:
            found, self._idle = self._idle, []
        for hand in found:
            hand.end()


HANDS: Final = _Hands()  # belongs to the Dask worker's process, in which there is no world to hold it
atexit.register(HANDS.end_all)
