"""What was sealed is opened as it was, and nothing else is: in pieces of any size, and never more than was said."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightfx.core.names import Digest
from lightfx.effects.cache import Good
from lightfx.shell.cache import sealing
from lightfx.shell.cache.channel import UnfitError
from lightfx.shell.cache.sealing import PIECE, most_of, opened, sealed, sealed_stream, whole
from lightfx.shell.zstandard import zstd

MUCH = random.Random(3).randbytes(5000)


def parts(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def bytes_of(good: Good) -> bytes:
    return b"".join(good.pieces())


@settings(deadline=None, derandomize=True, database=None)
@given(st.binary(max_size=3000) | st.integers(0, 3 * PIECE).map(bytes), st.sampled_from([1, 7, 1 << 16, 1 << 22]))
def test_there_and_back(data: bytes, size: int) -> None:
    streamed = sealed_stream("x", len(data), lambda: parts(data, 1 << 16))
    for good in (sealed("x", data), streamed):
        spelled = bytes_of(good)
        assert bytes_of(good) == spelled, "it can be read again"
        assert len(spelled) <= most_of(len(data))
        if size > 100 or len(spelled) < 4000:
            assert whole(parts(spelled, size), Digest.of(data), len(data)).unwrap() == data


def test_what_does_not_become_smaller_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert bytes_of(sealed("x", MUCH)) == b"lightfx plain 5000\n" + MUCH
    assert bytes_of(sealed_stream("x", 5000, lambda: parts(MUCH, 999))) == b"lightfx plain 5000\n" + MUCH
    assert bytes_of(sealed("x", bytes(5000))).startswith(b"lightfx zstd 5000\n")
    monkeypatch.setattr(sealing, "zstd", lambda: None)
    assert bytes_of(sealed("x", bytes(5000))) == b"lightfx plain 5000\n" + bytes(5000)


SQUEEZED = zstd().compress(MUCH + MUCH)  # type: ignore[union-attr]
LYING = bytes.fromhex("28b52ffd608405010000")
"""A frame that tells of 1,668 bytes and holds none, which zstd itself finds, or does not, by how it comes."""
WRONG = {
    "nothing": b"",
    "no line": b"x" * 1000,
    "a long line": b"lightfx plain " + b"0" * 100 + b"5\nhello",
    "another tag": b"lightfy plain 5\nhello",
    "no number": b"lightfx plain five\nhello",
    "a number of elsewhere": "lightfx plain ٥\nhello".encode(),
    "less than none": b"lightfx plain -5\nhello",
    "another compression": b"lightfx gzip 5\nhello",
    "too short": b"lightfx plain 6\nhello",
    "too long": b"lightfx plain 4\nhello",
    "too much": b"lightfx plain 10001\n" + bytes(10001),
    "other bytes": b"lightfx plain 5\nhallo",
    "no frame": b"lightfx zstd 5\nhello",
    "half a frame": b"lightfx zstd 10000\n" + SQUEEZED[:-9],
    "two frames": b"lightfx zstd 10000\n" + SQUEEZED + SQUEEZED,
    "a tail": b"lightfx zstd 10000\n" + SQUEEZED + b"x",
    "a bomb": b"lightfx zstd 5\n" + zstd().compress(bytes(1 << 28)),  # type: ignore[union-attr]
    "a bomb that says so": b"lightfx zstd 268435456\n" + zstd().compress(bytes(1 << 28)),  # type: ignore[union-attr]
}


@pytest.mark.parametrize("size", [1, 2, 7, 16, 1 << 20])
def test_trap_a_frame_that_holds_less_than_it_tells_is_refused_however_it_comes(size: int) -> None:
    """Trap: zstd finds that in a frame that comes whole, and not in parts: what was right hung on that."""
    said = whole(parts(b"lightfx zstd 0\n" + LYING, size), None, 10)
    assert said.failure() == "its frame tells of another number of bytes than its line"


@pytest.mark.parametrize("size", [3, 1 << 20])
@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_is_unfit(kind: str, size: int) -> None:
    digest = Digest.of(MUCH + MUCH if "frame" in kind or "tail" in kind else b"hello")
    came = 0
    with pytest.raises(UnfitError):
        for piece in opened(parts(WRONG[kind], size), digest, 10_000):
            came += len(piece)
    assert came <= 10_000, "a bomb is put down before it goes off"


def test_a_window_that_takes_much_memory_is_refused() -> None:
    module = zstd()
    assert module is not None
    parameter = module.CompressionParameter
    wide = module.compress(bytes(1 << 25), options={parameter.window_log: 27, parameter.content_size_flag: 0})
    compressor = module.ZstdCompressor(options={parameter.window_log: 27})
    wide = compressor.compress(MUCH) + compressor.flush(compressor.FLUSH_BLOCK) + compressor.flush()
    with pytest.raises(UnfitError, match="damaged"):
        list(opened(iter([b"lightfx zstd 5000\n" + wide]), None, 1 << 26))


def test_without_zstd_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    spelled = bytes_of(sealed("x", bytes(5000)))
    monkeypatch.setattr(sealing, "zstd", lambda: None)
    assert "lightfx[zstd]" in whole(iter([spelled]), None, 5000).failure()
