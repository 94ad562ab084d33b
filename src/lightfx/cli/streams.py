"""The streams of the process: where the answer goes, and what is said beside it.

They may be closed, or be no terminal, or break off; nothing of that loses an
answer unsaid, nor lets what was stored act on a terminal.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from pathlib import Path


def prepare() -> None:
    """Let there be streams, closed as they may be, and let them take any text."""
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 -- as long as the process
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 -- as long as the process
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def write(text: str | bytes) -> None:
    """Write an answer. What was stored comes as bytes: exact to a file or a pipe, and harmless to a terminal."""
    if isinstance(text, bytes) and sys.stdout.isatty():
        from lightfx.cli.words import harmless  # noqa: PLC0415 -- help is fast without it

        sys.stdout.write(harmless(text.decode("utf-8", "backslashreplace").replace("\r\n", "\n"), "\n\t"))
    elif isinstance(text, bytes):
        sys.stdout.flush()
        sys.stdout.buffer.write(text)
    else:
        sys.stdout.write(text)
    sys.stdout.flush()


def say(text: str, *, raw: bool = False) -> None:
    """Say a line to the user, beside the answer; or ``raw`` text of more lines."""
    from lightfx.cli.words import harmless  # noqa: PLC0415 -- help is fast without it

    with suppress(OSError, ValueError):  # nobody listens: the exit code still tells
        sys.stderr.write(harmless(text, "\n\t") if raw else f"lightfx: {harmless(text)}\n")
        sys.stderr.flush()


def let_go() -> None:
    """Lead standard output nowhere: the interpreter flushes it once more as it ends."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
