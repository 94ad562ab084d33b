"""One worker, from the driver's side: hired, given orders, listened to, let go.

The driver holds three lines: a packet line for orders, with its far end too, to
take back what the worker has not read; a stream on which the worker speaks; and
the leash of its keeper (`lightfx.shell.executor.keeper`), which tells how the
worker ended when nothing of it is left. To end a worker is to drop the leash:
the driver itself kills nobody.
"""

from __future__ import annotations

import fcntl
import os
import pickle  # between our own processes, over our own pipes
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from multiprocessing.spawn import get_command_line, get_preparation_data
from pathlib import Path
from typing import Final, Self, final
from uuid import uuid4

from attrs import Factory, astuple, define

from lightfx.core.secrets import Veil
from lightfx.effects.executor import Task
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.executor import keeper
from lightfx.shell.executor.sealing import Script
from lightfx.shell.executor.unveiling import Veils
from lightfx.shell.executor.wire import LONGEST, PACKET, Ear, Word, name_of, packet, packet_by

_PIECE: Final = 1 << 18
_PATIENCE: Final = 10.0
_BEGIN: Final = (
    "import pickle, sys; start, *lines = map(int, sys.argv[1:]); file = open(start, 'rb');"
    " prepared = pickle.load(file); file.close(); sys.path[:] = prepared['sys_path'];"
    " from lightfx.shell.executor.worker import begin; begin(prepared, *lines)"
)


@final
@define(eq=False)
class Order:
    """A task, as it is sent; ``began`` says when ``holder`` had nothing else to do.

    ``veil`` holds the secrets that the worker told of, to cover its log if it dies.
    """

    name: int
    task: Task
    packet: bytes
    spare: Path | None
    holder: Worker | None = None
    began: float = 0.0
    announced: bool = False
    disk: Disk = REAL
    veil: Veil = Veil()

    @classmethod
    def of(cls, name: int, task: Task, spelled: bytes, scratch: Path, disk: Disk = REAL) -> Self:
        """Spell an order, by way of a file in ``scratch`` if it is long."""
        if len(spelled) < PACKET:
            return cls(name, task, packet(name, spelled), None)
        disk.make_folders(scratch)
        spare = scratch / f"order-{name}"
        disk.write_whole(spare, spelled)
        return cls(name, task, packet_by(name, spare), spare, disk=disk)

    def forget(self) -> None:
        """Remove what was written of it."""
        if self.spare is not None:
            self.disk.remove(self.spare)


@final
@define(eq=False)
class Worker:
    """A worker, and the orders that it holds: the first is what it does, the others wait in its line."""

    process: subprocess.Popen[bytes]
    orders: socket.socket
    unread: socket.socket
    answers: socket.socket
    leash: socket.socket
    log: int
    ear: Ear = Factory(Ear)
    held: deque[Order] = Factory(deque)
    ready: bool = False
    let_go: bool = False
    timed_out: bool = False
    veils: Veils = Factory(Veils)
    disk: Disk = REAL

    @classmethod
    def hire(cls, scratch: Path, disk: Disk = REAL) -> Self:
        """Start a keeper, which starts the worker."""
        with ExitStack() as failed, ExitStack() as given:
            orders, unread = map(failed.enter_context, _lines(socket.SOCK_SEQPACKET))
            answers, speaking = _lines(socket.SOCK_STREAM)
            leash, held = _lines(socket.SOCK_STREAM)
            failed.enter_context(answers)
            failed.enter_context(leash)
            given.enter_context(speaking)
            given.enter_context(held)
            start = _start_of(scratch, disk)
            given.callback(disk.close, start)
            log = _nameless(scratch / f"log-{uuid4().hex}", disk)
            failed.callback(disk.close, log)
            lines = [start, unread.fileno(), speaking.fileno()]
            process = subprocess.Popen(  # noqa: S603 -- our own program
                [
                    *(sys.executable, "-I", "-S", keeper.__file__, str(held.fileno()), str(os.getpid())),
                    *(*get_command_line()[:-3], "-c", _BEGIN, *map(str, lines)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(held.fileno(), *lines),
                start_new_session=True,
            )
            failed.pop_all()
        answers.setblocking(False)
        return cls(process, orders, unread, answers, leash, log, disk=disk)

    @property
    def deadline(self) -> float | None:
        """When what it does is out of time."""
        if not self.held or self.let_go:
            return None
        first = self.held[0]
        timeout = first.task.realizer.terms.timeout
        return None if timeout is None else first.began + timeout

    @property
    def lines(self) -> tuple[int, int]:
        """The descriptors that it speaks on: its words, and its end."""
        return self.answers.fileno(), self.leash.fileno()

    def give(self, order: Order) -> bool:
        """Put an order in its line; False if there is no room."""
        try:
            self.orders.send(order.packet, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        self.held.append(order)
        return True

    def take_back(self) -> list[Order]:
        """Take back the orders that it has not read; it may read one while we do, and any of them."""
        taken: set[int] = set()
        with suppress(BlockingIOError):
            while read := self.unread.recv(LONGEST, socket.MSG_DONTWAIT):
                taken.add(name_of(read))
        back = [order for order in self.held if order.name in taken]
        self.held = deque(order for order in self.held if order.name not in taken)
        return back

    def hear(self) -> Iterator[tuple[Word, bytes]]:
        """Give what it has said; it is let go where it cannot speak any more."""
        try:
            while piece := self.answers.recv(_PIECE):
                yield from self.ear.words(piece)
                if len(piece) < _PIECE:
                    return
        except BlockingIOError:
            return
        except ConnectionResetError:
            pass
        self.drop()

    def drop(self) -> None:
        """Let its keeper end it, with all that it started."""
        self.let_go = True
        with suppress(OSError):  # the keeper is gone
            self.leash.shutdown(socket.SHUT_WR)

    def status(self) -> int | None:
        """Wait until nothing of it is left; its exit code, or minus the number of the signal that killed it."""
        self.leash.settimeout(_PATIENCE)  # who waits for a dead disk cannot be ended; that is left to the keeper
        told = b""
        with suppress(OSError):
            told = self.leash.recv(keeper.STATUS.size)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_PATIENCE)
        if len(told) < keeper.STATUS.size:  # somebody killed the keeper, and the worker with it
            return -signal.SIGKILL
        return os.waitstatus_to_exitcode(keeper.STATUS.unpack(told)[0])

    def end(self) -> int | None:
        """End it, and give back what it held."""
        self.drop()
        status = self.status()
        for line in (self.orders, self.unread, self.answers, self.leash):
            line.close()
        self.disk.close(self.log)
        return status

    def unveil(self, veil: Veil) -> None:
        """Learn the secrets of what it does now, to cover them in what is found of it: now, and later too."""
        self.held[0].veil = veil
        self.veils.add(veil)

    def said(self) -> bytes:
        """Give all that it wrote and no task's log was cut from; the secrets of what it did are covered."""
        return self.veils.cover_bytes(self.disk.pread(self.log, self.disk.fstat(self.log).st_size, 0))


def _start_of(scratch: Path, disk: Disk) -> int:
    """Give the file, without a name, from which a worker reads what a process that is spawned is told."""
    prepared = get_preparation_data("worker")
    prepared["authkey"] = bytes(prepared["authkey"])  # to pickle it as it is would be refused
    if prepared.get("init_main_from_name", "").rpartition(".")[2] == "__main__":  # which is not imported from there
        script = Script.running()
        prepared["script"] = script and astuple(script)  # it is read before anything of ours can be imported
    file = _nameless(scratch / f"start-{uuid4().hex}", disk)
    try:
        disk.write_all(file, pickle.dumps(prepared))
        os.lseek(file, 0, os.SEEK_SET)
    except BaseException:
        disk.close(file)
        raise
    return file


def _nameless(path: Path, disk: Disk) -> int:
    """Open a new file, and take its name away: it ends with those who have it open, and nobody else finds it."""
    file = disk.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_APPEND, 0o600)
    disk.unlink(path)
    if file > 2:
        return file
    try:
        return fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, 3)  # see `_above_streams`
    finally:
        disk.close(file)


def _lines(kind: socket.SocketKind) -> tuple[socket.socket, socket.socket]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
    return _above_streams(ours), _above_streams(theirs)


def _above_streams(line: socket.socket) -> socket.socket:
    """Keep off the numbers of the standard streams: where those are closed, a worker would take it for its output."""
    if line.fileno() > 2:
        return line
    with line:
        return socket.socket(fileno=fcntl.fcntl(line, fcntl.F_DUPFD_CLOEXEC, 3))
