"""The C library's own buffer of standard output: what native code printed, and no descriptor has seen yet."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial


def flush_native() -> None:
    """Let what native code printed reach its descriptor, as C's ``fflush(stdout)``."""
    _flusher()()


@cache
def _flusher() -> Callable[[], object]:
    try:
        import ctypes  # noqa: PLC0415 -- some milliseconds, for processes in which stages run

        library = ctypes.CDLL(None)
        stream = ctypes.c_void_p.in_dll(library, "stdout")
        flush = library.fflush
    except (ImportError, OSError, ValueError, AttributeError):  # a Python, or a C library, without it
        return lambda: None
    # Of this stream alone: to flush all would wait for a thread that reads standard input.
    return partial(flush, stream)
