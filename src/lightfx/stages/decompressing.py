"""Decompressing: gz, xz, bz2 and zst, told apart by how they begin, read to the end or not at all.

Rules: what is compressed may be several streams, one after the other, as parallel
compressors write it. All of them are read, and what comes after one and is no
other, nor zeros, is damage: the rest of the contents may have been there.
"""

from __future__ import annotations

import bz2
import gzip
import importlib
import io
import lzma
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, Final, final

from lightfx.stages.extracting import DamagedArchiveError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BUFFER: Final = 1 << 16
_ZSTD: Final = ("compression.zstd", "backports.zstd")


def uncompressed(raw: BinaryIO, head: bytes) -> io.RawIOBase | None:
    """Open what reads a compressed stream; None where it is none. It has what `io.BufferedReader` asks of a raw one."""
    opened: object = None
    if head[:2] == b"\x1f\x8b":
        opened = gzip.GzipFile(fileobj=raw)
    elif head == b"\xfd7zXZ\0":
        opened = _Streams(raw, lzma.LZMADecompressor)
    elif head[:3] == b"BZh":
        opened = _Streams(raw, bz2.BZ2Decompressor)
    elif head[:4] == b"\x28\xb5\x2f\xfd":
        opened = _zstd(raw)
    return opened  # type: ignore[return-value]  # files of gzip and zst are no RawIOBase, but have `readinto` as it does


@final
class _Streams(io.RawIOBase):
    """What is in streams of xz or bz2, one after the other, with zeros between them at most.

    The standard library's files end silently where the next one cannot be read, whatever that was.
    """

    def __init__(self, raw: BinaryIO, make: Callable[[], lzma.LZMADecompressor | bz2.BZ2Decompressor]) -> None:
        self._raw, self._make, self._one = raw, make, make()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        room = memoryview(buffer).cast("B")
        while True:
            if self._one.eof:
                given = self._next()
                if not given:
                    return 0
            else:
                given = self._raw.read(_BUFFER) if self._one.needs_input else b""
                if self._one.needs_input and not given:
                    raise EOFError("what is compressed ends in the middle")
            if data := self._one.decompress(given, len(room)):
                room[: len(data)] = data
                return len(data)

    def _next(self) -> bytes:
        """Begin with the next stream: give what was read of it; nothing where there is none."""
        rest = self._one.unused_data.lstrip(b"\0")
        while not rest and (piece := self._raw.read(_BUFFER)):
            rest = piece.lstrip(b"\0")
        if rest:
            self._one = self._make()
        return rest


def _zstd(raw: BinaryIO) -> object:
    for name in _ZSTD:
        try:
            return importlib.import_module(name).ZstdFile(raw)
        except ImportError:
            continue
    raise DamagedArchiveError("to read zst takes Python 3.14, or backports.zstd: pip install 'lightfx[zstd]'")


def zstd_errors() -> tuple[type[Exception], ...]:
    """What the reader of zst raises, if it was imported."""
    found = (getattr(sys.modules.get(name), "ZstdError", None) for name in _ZSTD)
    return tuple(each for each in found if isinstance(each, type) and issubclass(each, Exception))
