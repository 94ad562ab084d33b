"""Names and digests."""

from __future__ import annotations

import base64

import pytest
from blake3 import blake3
from returns.result import Failure, Success

from lightfx.core.names import Digest, Malformed, Name, is_short_hash, short_hash


@pytest.mark.parametrize("text", ["a", "A9", "_x", "0", "a.b-c+d_e", "x" * 100])
def test_names(text: str) -> None:
    assert Name.parse(text) == Success(Name(text))
    assert str(Name(text)) == text
    assert Name.made_of(text) == Name(text)


@pytest.mark.parametrize(
    "text", ["", ".", "..", ".a", "-a", "+a", "a/b", "a b", "a\n", "é", "a\x00", "x" * 101, "²", "a:b"]
)
def test_no_names(text: str) -> None:
    assert Name.parse(text) == Failure(Malformed("name", text))


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("<lambda>", "lambda"),
        ("../../etc/passwd", "etc-passwd"),
        ("a  b", "a-b"),
        ("", "unnamed"),
        ("é", "unnamed"),
        ("...", "unnamed"),
        ("x" * 300, "x" * 100),
        ("x" * 99 + "-y", "x" * 99),
    ],
)
def test_names_of_any_text(text: str, made: str) -> None:
    assert Name.made_of(text).text == made
    assert isinstance(Name.parse(made), Success)


def test_digests() -> None:
    digest = Digest.of(b"x")
    assert Digest.parse(digest.text) == Success(digest)
    assert digest.text == f"blake3:{digest.hex}" == str(digest)
    assert len(digest.hex) == 64


@pytest.mark.parametrize(
    "text",
    ["", "blake3:", "blake3:" + "A" * 64, "sha256:" + "a" * 64, "blake3:" + "a" * 63, "blake3:" + "a" * 64 + "\n"],
)
def test_no_digests(text: str) -> None:
    failure = Digest.parse(text).failure()
    assert failure == Malformed("digest", text)
    assert str(failure) == f"{text!r} is no digest"


def test_short_hashes() -> None:
    assert is_short_hash(short_hash("x"))
    assert len(short_hash("x")) == 32
    for text in ("", "a" * 31, "a" * 33, "A" * 32, "1" * 32, "a" * 31 + "\n"):
        assert not is_short_hash(text)


def test_short_hashes_are_base32() -> None:
    for number in range(200):
        digest = blake3(str(number).encode()).digest(20)
        assert short_hash(str(number)) == base64.b32encode(digest).decode().lower()


def test_order() -> None:
    assert sorted([Name("b"), Name("a")]) == [Name("a"), Name("b")]
