"""A worker process: takes orders, carries them out one after the other, says what came.

It leads a session of its own, and has a keeper that ends it when the driver
ends (see `lightfx.shell.executor.keeper`). Its output, and that of what it
starts, goes to a file, from which each task's log is cut. It imports what the
orders name, when they come; what lightfx itself needs of a worker is little.
"""

from __future__ import annotations

import fcntl
import os
import pickle  # between our own processes, over our own pipes: nothing stored is unpickled
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import process
from multiprocessing.spawn import prepare
from pathlib import Path
from typing import Any, TextIO, TypeAlias, final

from attrs import evolve
from returns.result import Failure

from lightfx.core.failures import Interrupted
from lightfx.core.realization import tell_nobody
from lightfx.core.secrets import Veil
from lightfx.effects.executor import Finished, Task
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.executor.keeper import end_with
from lightfx.shell.executor.native import flush_native
from lightfx.shell.executor.sealing import Script, names_script
from lightfx.shell.executor.shipping import pack_answer
from lightfx.shell.executor.unveiling import Veils, unveiled
from lightfx.shell.executor.wire import LONGEST, Mouth, Word, progress, spell_veil, unpacked
from lightfx.shell.executor.work import carry_out, file_log, forget_peak, peak_since

Tell: TypeAlias = "Callable[[float, float], None]"


def begin(prepared: dict[str, Any], orders: int, answers: int, keeper: int) -> None:
    """Come up, and serve. What the process starts with; ``prepared`` is what a process that is spawned is told."""
    end_with(keeper)
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for descriptor in (orders, answers):
        os.set_inheritable(descriptor, False)
    # As a process of multiprocessing is spawned: the script that runs is imported, and may not run again.
    process.current_process()._inheriting = True  # type: ignore[attr-defined]  # noqa: SLF001 -- typeshed does not know it
    prepare(prepared)
    del process.current_process()._inheriting  # type: ignore[attr-defined]  # noqa: SLF001
    told = prepared.get("script")
    script = Script(*told) if told else None
    serve(socket.socket(fileno=orders), Mouth(socket.socket(fileno=answers)), REAL, script)


def serve(orders: socket.socket, mouth: Mouth, disk: Disk, script: Script | None = None) -> None:
    """Work until the driver has no more orders. ``script`` is the driver's, where it was not imported already."""
    output = _Output(disk)
    mouth.say(Word.READY)
    while read := orders.recv(LONGEST):
        mouth.say(*_answer(read, output, mouth, disk, script))


@final
class _Output:
    """The file that all output goes to, from which each task's log is cut."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._file = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 3)
        self._streams: tuple[TextIO, TextIO] | None = None
        self._veils = Veils()
        self.bind()

    def bind(self) -> None:
        """Let all output go to the file, whatever the task before closed, or put in its place."""
        for descriptor in (1, 2):
            os.dup2(self._file, descriptor)
        if self._streams is None or any(stream.closed for stream in self._streams):
            self._streams = (_stream(1), _stream(2))
        sys.stdout, sys.stderr = self._streams

    def cut(self, place: Path, veil: Veil) -> tuple[str, Path | None]:
        """Take what was written since the last time, with its secrets covered, and those of who ran here before."""
        self._veils.add(veil)
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):  # it may be closed, or whatever the stage put there
                stream.flush()
        flush_native()
        size = os.fstat(self._file).st_size
        if not size:
            return "", None
        text = os.pread(self._file, size, 0)
        os.ftruncate(self._file, 0)
        return file_log(self._veils.cover_bytes(text), place, veil, self._disk)


def _stream(descriptor: int) -> TextIO:
    return open(descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)


@final
class _Teller:
    """Says how far a task is, while it runs; a thread that it left behind tells nobody."""

    def __init__(self, mouth: Mouth, number: int) -> None:
        self._mouth = mouth
        self._number = number
        self.over = False

    def __call__(self, done: float, total: float) -> None:
        if not self.over:
            with suppress(OSError):  # that the driver is gone is told by the keeper
                self._mouth.say(Word.PROGRESSED, progress(self._number, done, total))

    def __reduce__(self) -> tuple[Callable[[], Tell], tuple[()]]:
        """Tell nobody in another process: it does not have the stream."""
        return _nobody, ()


def _nobody() -> Tell:
    return tell_nobody


def _loaded(packed: bytes, script: Script | None) -> object:
    """Load an order; with the driver's script only where it cannot be done without: it may have no guard."""
    try:
        return pickle.loads(packed)  # noqa: S301 -- from our own driver
    except (ImportError, AttributeError):
        if script is None or not names_script(packed):
            raise
    script.run()
    return pickle.loads(packed)  # noqa: S301 -- as above


def _answer(read: bytes, output: _Output, mouth: Mouth, disk: Disk, script: Script | None) -> tuple[Word, bytes]:
    output.bind()
    try:
        task = _loaded(unpacked(read, disk), script)
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- loading imports the user's modules
        return Word.UNLOADABLE, f"{type(error).__name__}: {error}".encode("utf-8", "backslashreplace")
    if not isinstance(task, Task):
        return Word.UNLOADABLE, b"it is no task"
    teller = _Teller(mouth, task.number)
    order = unveiled(evolve(task.order, tell=teller), disk)
    if order.veil:  # for the log, if this process does not live to cut it
        mouth.say(Word.UNVEILED, spell_veil(order.veil))
    forget_peak()
    try:
        finished = carry_out(evolve(task, order=order), peak_since, disk)
    except KeyboardInterrupt:  # nobody at a terminal reaches a worker: the stage itself raised it, and asks to stop
        finished = Finished(task.number, Failure(Interrupted()))
    teller.over = True
    log, whole = output.cut(order.place, order.veil)
    finished = evolve(finished, log=log, whole_log=whole) if log else finished
    return Word.FINISHED, pack_answer(finished, task.order.dref)
