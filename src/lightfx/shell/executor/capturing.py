"""Capturing: what is printed in this process while a stage runs in it goes to the log of that stage.

Descriptors 1 and 2, ``sys.stdout`` and ``sys.stderr`` belong to the process,
not to a world: so there is one record of who has them, with a lock, and nothing
else in lightfx moves them. Promise 6, that nothing is ambient, is about results.

Theory of operation. A `Capture` is a file in memory. While it is *taken*, both
descriptors lead there; so all that programs and native code print is in it, in
the order in which it was printed. ``sys.stdout`` and ``sys.stderr`` are streams
that write each piece at once, without a buffer of their own, to the capture of
the stage that writes: it is known by the context in which it runs.

- The first to take keeps what the caller had; the last to leave gives it back.
- Where several are taken (two threads, a run within a stage) the descriptors
  lead to the one whose stage began last, and so does what is printed in a
  context that knows of no stage: a thread that a stage started, or the caller.
- It cannot be told whose secrets are in a log, at the same time or later: those of
  all stages that ran in this process are covered in it.
- What the streams get while nobody captures goes to the descriptors: a handler
  of ``logging`` that a stage made, and that outlives it, writes where it should.
- A descriptor that programs do not inherit is no standard output, but a file of
  somebody's who found the number free (``python >&-``): it is left alone.
- An interrupt may come at any point. To take and to leave is to say who has the
  descriptors, and then to lead them there; both may be done twice, and are.
"""

from __future__ import annotations

import io
import os
import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, Final, NamedTuple, Self, TextIO, TypeAlias, final

from lightfx.core.secrets import Veil
from lightfx.shell.executor.descriptors import give_back, memory, put_aside
from lightfx.shell.executor.native import flush_native
from lightfx.shell.executor.streams import StandardStream
from lightfx.shell.executor.unveiling import Veils

Tell: TypeAlias = Callable[[float, float], None]

_BOTH: Final = (1, 2)
_CURRENT: Final[ContextVar[Capture | None]] = ContextVar("lightfx_capture", default=None)
_DEBUGGED: Final = b"[breakpoint() was called: what follows went past this log, to the caller]\n"


class CaptureError(Exception):
    """What is printed cannot be captured: what the system said, whose ``OSError`` is the cause."""


@final
class Capture:
    """What is printed while this is entered, by one stage after the other. It may be entered again, not twice at once.

    ``veil`` covers the secrets of a stage that is given some: such a stage has
    a capture of its own, which is not let go before its end.
    """

    def __init__(self, veil: Veil | None = None) -> None:
        self.veil = veil
        self.outer: Capture | None = None
        try:
            self.file: Final = memory()
        except OSError as error:
            raise CaptureError(error.strerror) from error
        # Nobody closes it: a thread that a stage left behind may be about to write, and the number would be another's.
        weakref.finalize(self, os.close, self.file)
        self._start = 0

    def __enter__(self) -> Self:
        outer = _CURRENT.get()
        self.outer = outer if _PROCESS.has(outer) else None
        self._empty()  # what came meanwhile, from what a stage left behind, is in nobody's log
        self._token: Token[Capture | None] = _CURRENT.set(self)
        try:
            self.take()
        except BaseException:
            _CURRENT.reset(self._token)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        _CURRENT.reset(self._token)
        self.leave()

    def take(self) -> None:
        """Let all that is printed come here, whatever the stage before closed, or put in its place."""
        try:
            _PROCESS.take(self)
        except OSError as error:
            raise CaptureError(error.strerror) from error

    def leave(self) -> None:
        """Let all that is printed go where it went before; for who was interrupted as this was left, once more."""
        _PROCESS.leave(self)

    def cut(self) -> bytes:
        """Take what was printed since the last time; the secrets of all who ran in this process are covered."""
        for stream in (sys.stdout, sys.stderr):
            if not isinstance(stream, StandardStream):
                with suppress(Exception):  # whatever the stage put there
                    stream.flush()
        _PROCESS.flush()
        size = os.lseek(self.file, 0, os.SEEK_END) - self._start
        if not size:
            return b""
        text = os.pread(self.file, size, self._start)
        self._empty()
        return _PROCESS.veils.cover_bytes(text)

    def _empty(self) -> None:
        """Forget what is there; where the system refuses that, what comes next begins behind it."""
        try:
            os.ftruncate(self.file, 0)
            self._start = 0
        except OSError:
            self._start = os.lseek(self.file, 0, os.SEEK_END)

    def outside(self, tell: Tell) -> Tell:
        """Give ``tell``, with what it prints in the thread of the stage going where the caller's output goes."""

        def told(done: float, total: float) -> None:
            if _CURRENT.get() is not self or self.veil or not _PROCESS.has(self):
                tell(done, total)
                return
            streams = sys.stdout, sys.stderr  # the stage may have put its own there
            _PROCESS.leave(self)
            try:
                tell(done, total)
            finally:
                _PROCESS.take(self)
                sys.stdout, sys.stderr = streams

        return told


class _Callers(NamedTuple):
    """What the caller had; ``buffered`` are the streams that may hold something back, a closed descriptor is None."""

    out: TextIO
    err: TextIO
    breakpoint: Callable[..., Any]  # as the standard library has it
    buffered: Sequence[TextIO]
    descriptors: dict[int, int | None]


@final
class _Process:
    """Who has the output of this process: ``taken``, the last one foremost; ``veils`` are of all who ever had it."""

    def __init__(self) -> None:
        self.veils = Veils()
        self._lock = threading.Lock()
        self._taken: tuple[Capture, ...] = ()
        self._callers: _Callers | None = None
        self._ours: tuple[StandardStream, StandardStream] | None = None

    def has(self, capture: Capture | None) -> bool:
        """Whether a capture is taken."""
        return capture is not None and capture in self._taken

    def take(self, capture: Capture) -> None:
        """Lead all output to a capture; raises OSError where there is no room for one more descriptor."""
        if self._taken == (capture,) and self._callers is not None:  # usually, and nobody else can leave it
            self._lead(capture, self._callers)
            return
        if capture not in self._taken:
            self.flush()
        with self._lock:
            try:
                others = tuple(each for each in self._taken if each is not capture)
                callers = self._callers or self._keep()
                if capture.veil:
                    self.veils.add(capture.veil)
                self._taken = (*others, capture)
                self._lead(capture, callers)
            except BaseException:
                self._settle(capture)
                raise

    def leave(self, capture: Capture) -> None:
        """Lead all output to who took it before, or to the caller."""
        if self._callers is not None:
            try:
                self.flush()
            finally:
                with self._lock:
                    self._settle(capture)

    def flush(self) -> None:
        """Let what is still in buffers go where the descriptors lead; what the caller had printed is the caller's."""
        for stream in _buffered() if self._callers is None else self._callers.buffered:
            try:  # noqa: SIM105 -- hot
                stream.flush()
            except (OSError, ValueError):  # nobody listens, or it is closed
                pass
        flush_native()

    def uncapture(self, capture: Capture | None) -> Callable[..., Any]:
        """Give the caller back what it had, for the rest of a stage that calls a debugger; gives the caller's hook."""
        hook = sys.__breakpointhook__ if self._callers is None else self._callers.breakpoint
        held = [each for each in _outwards(capture) if self.has(each)]
        if not any(each.veil for each in held):
            for each in held:
                self.flush()
                os.write(each.file, _DEBUGGED)
                self.leave(each)
        return hook

    def _keep(self) -> _Callers:
        """Keep what the caller has."""
        callers = _Callers(sys.stdout, sys.stderr, sys.breakpointhook, _buffered(), {})
        self._callers = callers
        for each in _BOTH:
            put_aside(each, callers.descriptors)
        return callers

    def _lead(self, capture: Capture, callers: _Callers) -> None:
        for each in callers.descriptors:
            os.dup2(capture.file, each)
        if self._ours is None or self._ours[0].altered or self._ours[1].altered:
            self._ours = self._stream(1, "<stdout>"), self._stream(2, "<stderr>")
        sys.stdout, sys.stderr = self._ours
        sys.breakpointhook = _BREAKPOINT

    def _stream(self, descriptor: int, name: str) -> StandardStream:
        return StandardStream(descriptor, name, self._wanted)

    def _wanted(self) -> int | None:
        """The file of who writes, if that is known, else of whose stage began last."""
        capture, taken = _CURRENT.get(), self._taken
        if capture in taken:
            return capture.file
        return taken[-1].file if taken else None

    def _settle(self, capture: Capture) -> None:
        """Say that a capture has nothing, nor what is within it, and lead output accordingly."""
        self._taken = tuple(each for each in self._taken if capture not in _outwards(each))
        callers = self._callers
        if callers is None:
            return
        if self._taken:
            self._lead(self._taken[-1], callers)
            return
        for each, kept in callers.descriptors.items():
            give_back(each, kept)
        sys.stdout, sys.stderr, sys.breakpointhook = callers.out, callers.err, callers.breakpoint
        self._callers = None
        for kept in callers.descriptors.values():
            if kept is not None:
                os.close(kept)

    def _renew(self) -> None:
        """Have a lock of one's own, in a child that was forked while a thread held the parent's."""
        self._lock = threading.Lock()


def _buffered() -> Sequence[TextIO]:
    """The streams of Python's own kind that lead, or led once, to the descriptors."""
    streams = {id(each): each for each in (sys.__stdout__, sys.__stderr__, sys.stdout, sys.stderr)}
    return [each for each in streams.values() if isinstance(each, io.TextIOWrapper)]


def _outwards(capture: Capture | None) -> list[Capture]:
    """A capture, and those of the stages within which its stage runs."""
    found = []
    while capture is not None:
        found.append(capture)
        capture = capture.outer
    return found


@final
class _Breakpoint:
    """What ``breakpoint()`` calls while stages run: the debugger that the caller has, at the caller's terminal.

    It is a property, and no method: there is no frame of ours then between the
    stage and the debugger, which stops in the frame that called it.
    """

    @property
    def __call__(self) -> Callable[..., Any]:  # as the standard library has it
        return _PROCESS.uncapture(_CURRENT.get())


_BREAKPOINT: Final = _Breakpoint()
_PROCESS: Final = _Process()
