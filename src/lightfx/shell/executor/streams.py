"""Standard streams for a process in which stages run: each piece that is written goes on at once, to who wants it now.

They have no buffer: text stands in the log in the order in which it was
printed, also between what programs print, and a process that forks or dies has
nothing in hand. They stay open, whatever is done to them: a stage may close
them, or keep one in a handler of ``logging`` that outlives it.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, final

from lightfx.shell.executor.descriptors import is_standard

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


@final
class _Pieces(io.RawIOBase):
    """Hands on bytes."""

    def __init__(self, descriptor: int, name: str, wanted: Callable[[], int | None]) -> None:
        self.name = name
        self._descriptor = descriptor
        self._wanted = wanted

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def write(self, data: ReadableBuffer, /) -> int:
        piece = memoryview(data).cast("B")
        file = self._wanted()
        if file is None and is_standard(self._descriptor):
            file = self._descriptor
        rest = piece
        while rest and file is not None:
            rest = rest[os.write(file, rest) :]
        return len(piece)

    def close(self) -> None:
        """Stay open."""


if TYPE_CHECKING:
    _Wrapper = io.TextIOWrapper[_Pieces]
else:
    _Wrapper = io.TextIOWrapper


@final
class StandardStream(_Wrapper):
    """Stands in for ``sys.stdout`` (1) or ``sys.stderr`` (2); writes to the file that ``wanted`` gives.

    Where nobody wants it, it goes to the descriptor itself. ``altered`` tells
    that somebody gave it another encoding, say, and it should be replaced.
    """

    def __init__(self, descriptor: int, name: str, wanted: Callable[[], int | None]) -> None:
        raw = _Pieces(descriptor, name, wanted)
        super().__init__(raw, "utf-8", "backslashreplace", write_through=True)
        self.altered: bool = False

    def reconfigure(self, **options: Any) -> None:  # as the standard library has it
        """Be another, for who runs now."""
        self.altered = True
        super().reconfigure(**options)

    def detach(self) -> _Pieces:  # type: ignore[override]  # typeshed: as if nobody wrapped what has no buffer
        """Give what is below, and stay usable."""
        return self.buffer
