"""How bytes lie in a cache: a line that says how they are spelled and how many they are, and then they.

The line is ``lightfx zstd 1234`` or ``lightfx plain 1234``: what they are
compressed by, and their number when they are not. So nobody takes in more than
he was ready for, and a bomb is put down before it is opened. What will hardly
become smaller is left plain, and so is all where there is no zstd.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Final, TypeAlias

from blake3 import blake3
from returns.result import Failure, Result, Success

from lightfx.core.names import Digest
from lightfx.effects.cache import Good, Pieces
from lightfx.shell.cache.channel import UnfitError
from lightfx.shell.zstandard import MISSING, zstd

PIECE: Final = 1 << 20
MOST_LINE: Final = 64
_LEVEL: Final = 3
_WORTH: Final = 0.95
_HEADER: Final = 18  # bytes, of a zstd frame, at most
_WINDOW: Final = 23  # 8 MiB are the most that a reader holds in memory to decompress

Reading: TypeAlias = Callable[[], Iterable[bytes]]


def most_of(size: int) -> int:
    """The most bytes that ``size`` bytes take when they are sealed."""
    return MOST_LINE + size + size // 128 + 1024


# Sealing.


def sealed(name: str, data: bytes) -> Good:
    """Seal bytes that are at hand."""
    module = zstd()
    body = data if module is None else module.compress(data, level=_LEVEL)
    if len(body) > _WORTH * len(data):
        return Good.of(name, _line("plain", len(data)) + data)
    return Good.of(name, _line("zstd", len(data)) + body)


def sealed_stream(name: str, size: int, read: Reading) -> Good:
    """Seal what is read piece by piece; it is compressed as it goes, if its beginning becomes smaller."""
    module = zstd()
    start = next(iter(read()), b"")
    if module is None or len(module.compress(start, level=_LEVEL)) > _WORTH * len(start):
        line = _line("plain", size)
        return Good(name, len(line) + size, lambda: _after(line, read()))

    def pieces() -> Iterator[bytes]:
        compressor = module.ZstdCompressor(level=_LEVEL)
        yield _line("zstd", size)
        for piece in read():
            if squeezed := compressor.compress(piece):
                yield squeezed
        yield compressor.flush()

    return Good(name, most_of(size), pieces)


def _line(how: str, size: int) -> bytes:
    return f"lightfx {how} {size}\n".encode()


def _after(head: bytes, pieces: Iterable[bytes]) -> Iterator[bytes]:
    yield head
    yield from pieces


# Opening.


def opened(pieces: Pieces, digest: Digest | None, most: int, size: int | None = None) -> Iterator[bytes]:
    """Open what was sealed, as it comes; raises `UnfitError` as soon as it is seen to be something else.

    ``most``: bytes that are taken in at most; ``size``: how many there must be.
    What was given out before the end was reached is not known to be right.
    """
    line, rest = _first_line(pieces)
    how, count = _read_line(line)
    if count > most:
        raise UnfitError(f"it holds {count:,} bytes, and {most:,} are the most that is taken in")
    if size is not None and count != size:
        raise UnfitError(f"it holds {count:,} bytes, and not {size:,}")
    hasher, left = blake3(), count
    for piece in _plain(how, _after(rest, pieces), count):
        left -= len(piece)
        if left < 0:
            raise UnfitError("it holds more bytes than it says")
        hasher.update(piece)
        yield piece
    if left:
        raise UnfitError(f"it ends {left:,} bytes too early")
    if digest is not None and hasher.hexdigest() != digest.hex:
        raise UnfitError(f"its bytes are those of blake3:{hasher.hexdigest()}, and not of {digest}")


def whole(pieces: Pieces, digest: Digest | None, most: int) -> Result[bytes, str]:
    """Open what is small, or say why it is unfit."""
    try:
        return Success(b"".join(opened(pieces, digest, most)))
    except UnfitError as error:
        return Failure(str(error))


def _first_line(pieces: Pieces) -> tuple[bytes, bytes]:
    head = b""
    while b"\n" not in head[:MOST_LINE]:
        piece = next(pieces, b"")
        if not piece or len(head) > MOST_LINE:
            raise UnfitError("it is nothing that lightfx put there")
        head += piece
    line, _, rest = head.partition(b"\n")
    return line, rest


def _read_line(line: bytes) -> tuple[str, int]:
    words = line.decode("ascii", "replace").split(" ")
    if len(words) != 3 or words[0] != "lightfx" or not words[2].isascii() or not words[2].isdigit():
        raise UnfitError("it is nothing that lightfx put there")
    if words[1] not in ("plain", "zstd"):
        raise UnfitError(f"it is compressed by {words[1]!r}, which this lightfx does not know")
    return words[1], int(words[2])


def _agreeing(pieces: Iterator[bytes], most: int, module: ModuleType) -> Iterator[bytes]:
    """Hand on a frame that says that it holds so many bytes, or nothing of how many.

    Whether zstd itself minds that a frame holds less than it says depends on how that comes.
    """
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= _HEADER:
            break
    if head and module.get_frame_info(head).decompressed_size not in (None, most):
        raise UnfitError("its frame tells of another number of bytes than its line")
    yield from _after(head, pieces)


def _plain(how: str, pieces: Iterator[bytes], most: int) -> Iterator[bytes]:
    if how == "plain":
        yield from (piece for piece in pieces if piece)
        return
    module = zstd()
    if module is None:
        raise UnfitError(MISSING)
    decompressor = module.ZstdDecompressor(options={module.DecompressionParameter.window_log_max: _WINDOW})
    given = 0
    try:
        for piece in _agreeing(pieces, most, module):
            data = piece
            while data or not (decompressor.needs_input or decompressor.eof):
                plain = decompressor.decompress(data, max_length=PIECE)
                data = b""
                given += len(plain)
                if plain:
                    yield plain
                if given > most:
                    return  # who opens it counts, and refuses
                if decompressor.eof:
                    break
            if decompressor.unused_data:
                raise UnfitError("something follows after its end")
        if not decompressor.eof:
            raise UnfitError("it ends in the middle")
    except module.ZstdError as error:
        raise UnfitError(f"it is damaged: {error}") from error
    except EOFError:
        raise UnfitError("something follows after its end") from None
