"""zstd: of Python's own where it brings it (3.14), else of ``backports.zstd``, an extra; and files of one frame."""

from __future__ import annotations

import io
from contextlib import suppress
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol, final

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MISSING: Final = "zstd takes Python 3.14 or backports.zstd: pip install 'lightfx[zstd]'"

_PIECE: Final = 1 << 20


def zstd() -> ModuleType | None:
    """Find the module; None where there is none."""
    for name in ("compression.zstd", "backports.zstd"):
        with suppress(ImportError):
            return import_module(name)
    return None


def one_frame(raw: BinaryIO, module: ModuleType) -> BinaryIO:
    """Decompress a file that is one frame, and nothing else; raises EOFError where it ends too early, or too late."""
    return io.BufferedReader(_OneFrame(raw, module.ZstdDecompressor()), _PIECE)


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


@final
class _OneFrame(io.RawIOBase):
    """Reads one frame, after which the file ends: zstd itself passes over frames that say that they hold nothing."""

    def __init__(self, raw: BinaryIO, frame: _Decompressor) -> None:
        super().__init__()
        self._raw, self._frame = raw, frame

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        room = memoryview(buffer).cast("B")
        while not self._frame.eof:
            data = self._raw.read(_PIECE) if self._frame.needs_input else b""
            if self._frame.needs_input and not data:
                raise EOFError("it ends in the middle")
            piece = self._frame.decompress(data, len(room))
            if piece:
                room[: len(piece)] = piece
                return len(piece)
        if self._frame.unused_data or self._raw.read(1):
            raise EOFError("something comes after its end")
        return 0
