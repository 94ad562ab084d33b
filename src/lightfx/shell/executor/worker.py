"""A worker process: takes tasks from a pipe, carries them out, sends back what came.

It leads a session of its own, so that what it starts can be ended with it. Its
output, and that of what it starts, goes to a file, from which each task's log
is cut. It ends when the driver does: a thread waits for the end of a pipe that
the driver alone holds open.
"""

from __future__ import annotations

import os
import pickle  # our own pipe, between two processes of one user: nothing stored is unpickled
import signal
import sys
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TextIO, TypeAlias, final

from attrs import evolve, frozen
from returns.result import Failure

from lightfx.core.failures import Interrupted
from lightfx.effects.executor import Finished, Task
from lightfx.shell.executor.work import carry_out, file_log, forget_peak, peak_since

Bytes: TypeAlias = "Connection[bytes, bytes]"


@final
@frozen
class Ready:
    """The worker is up."""


@final
@frozen
class Unloadable:
    """A task could not be read in the worker: ``why``."""

    why: str


def serve(pipe: Bytes, lifeline: Bytes, log: Path) -> None:
    """Work until the pipe ends. The main function of the process."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_driver, args=(lifeline,), daemon=True).start()
    output = _Output(log)
    pipe.send_bytes(pickle.dumps(Ready()))
    while True:
        try:
            order = pipe.recv_bytes()
        except EOFError:
            return
        pipe.send_bytes(pickle.dumps(_answer(order, output)))


@final
class _Output:
    """The file that all output goes to, from which each task's log is cut."""

    def __init__(self, log: Path) -> None:
        self._file = os.open(log, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._streams: tuple[TextIO, TextIO] | None = None
        self.bind()

    def bind(self) -> None:
        """Let all output go to the file, whatever the task before closed, or put in its place."""
        for descriptor in (1, 2):
            os.dup2(self._file, descriptor)
        if self._streams is None or any(stream.closed for stream in self._streams):
            self._streams = (_stream(1), _stream(2))
        sys.stdout, sys.stderr = self._streams

    def cut(self, place: Path) -> tuple[str, Path | None]:
        """Take what was written since the last time."""
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):  # it may be closed, or whatever the stage put there
                stream.flush()
        size = os.fstat(self._file).st_size
        if not size:
            return "", None
        text = os.pread(self._file, size, 0)
        os.ftruncate(self._file, 0)
        return file_log(text, place)


def _stream(descriptor: int) -> TextIO:
    return open(descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)


def _answer(order: bytes, output: _Output) -> Finished | Unloadable:
    output.bind()
    try:
        task = pickle.loads(order)  # noqa: S301 -- from our own driver
    except Exception as error:  # noqa: BLE001 -- loading imports the user's modules
        return Unloadable(f"{type(error).__name__}: {error}")
    if not isinstance(task, Task):
        return Unloadable("it is no task")
    forget_peak()
    try:
        finished = carry_out(task, peak_since)
    except KeyboardInterrupt:  # nobody at a terminal reaches a worker: the stage itself raised it, and asks to stop
        finished = Finished(task.number, Failure(Interrupted()))
    log, whole = output.cut(task.order.place)
    return evolve(finished, log=log, whole_log=whole) if log else finished


def _end_with_driver(lifeline: Bytes) -> None:
    try:
        lifeline.recv_bytes()
    except (EOFError, OSError):
        os.killpg(os.getpgrp(), signal.SIGKILL)
