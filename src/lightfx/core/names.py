"""Names and digests: the two alphabets that references are spelled in.

A `Name` is what a person reads in a reference; a `Digest` is what makes it
unique. Both are parsed at the rim, once; `parse` and `str` are inverse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Self, final

from attrs import field, frozen
from blake3 import blake3
from returns.result import Failure, Result, Success

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}", re.ASCII)
_FORBIDDEN: Final = re.compile(r"[^A-Za-z0-9_.+-]+", re.ASCII)
_DIGEST: Final = re.compile(r"blake3:[0-9a-f]{64}", re.ASCII)
_SHORT: Final = re.compile(r"[a-z2-7]{32}", re.ASCII)
_ALPHABET: Final = bytes.maketrans(bytes(range(32)), b"abcdefghijklmnopqrstuvwxyz234567")


@final
@frozen
class Malformed:
    """A text that does not spell what it was parsed as."""

    wanted: str
    text: str

    def __str__(self) -> str:
        return f"{self.text!r} is no {self.wanted}"


@final
@frozen(order=True)
class Name:
    """What a derivation is called: 1 to 100 characters that are safe in every file name.

    Letters, digits and ``_ . + -`` of ASCII; begins with no ``.``, ``+`` or ``-``.

    >>> Name.parse("train").unwrap().text
    'train'
    >>> str(Name.parse("../etc").failure())
    "'../etc' is no name"
    """

    text: str

    @classmethod
    def parse(cls, text: str) -> Result[Self, Malformed]:
        """Read a name, or say that ``text`` is none."""
        return Success(cls(text)) if _NAME.fullmatch(text) else Failure(Malformed("name", text))

    @classmethod
    def made_of(cls, text: str) -> Self:
        """Make a name of any text: what no name may hold becomes ``-``.

        >>> Name.made_of("<lambda>").text
        'lambda'
        >>> Name.made_of("").text
        'unnamed'
        """
        return cls(_FORBIDDEN.sub("-", text).strip("-.+")[:100].rstrip("-.+") or "unnamed")

    def __str__(self) -> str:
        return self.text


@final
@frozen(order=True)
class Digest:
    """A BLAKE3 digest of 256 bits, tagged by its algorithm.

    >>> Digest.of(b"").text
    'blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262'
    """

    text: str = field(eq=True)

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Digest ``data``."""
        return cls("blake3:" + blake3(data).hexdigest())

    @classmethod
    def parse(cls, text: str) -> Result[Self, Malformed]:
        """Read a digest, or say that ``text`` is none."""
        return Success(cls(text)) if _DIGEST.fullmatch(text) else Failure(Malformed("digest", text))

    def __hash__(self) -> int:
        return hash(self.text)  # half the time of a generated one, and every run asks by the thousand

    @property
    def hex(self) -> str:
        """The 64 hexadecimal digits, without the tag: how files are named by content."""
        return self.text[7:]

    def __str__(self) -> str:
        return self.text


def _halvings() -> Iterator[tuple[int, int, int]]:
    """Say how 160 bits become 32 bytes of five bits: in five steps, each of which halves all blocks at once.

    A step is two masks, of the upper and of the lower halves, and how far the
    upper ones move.
    """
    for blocks in (1, 2, 4, 8, 16):
        half, room = 80 // blocks, 256 // blocks
        lower = sum(((1 << half) - 1) << room * block for block in range(blocks))
        yield lower << half, lower, room // 2 - half


_HALVINGS: Final = tuple(_halvings())


def short_hash(text: str) -> str:
    """Hash ``text`` to 160 bits, spelled as 32 characters of base32 in lower case.

    >>> short_hash("lightfx")
    'j3slycl74ontfimkjz4erxyp56zmevlj'
    """
    # Every derivation is named by this, and base64.b32encode takes three times as long.
    bits = int.from_bytes(blake3(text.encode()).digest(20), "big")
    for upper, lower, distance in _HALVINGS:
        bits = (bits & upper) << distance | bits & lower
    return bits.to_bytes(32, "big").translate(_ALPHABET).decode()


def is_short_hash(text: str) -> bool:
    """Tell whether ``text`` could have come from `short_hash`."""
    return _SHORT.fullmatch(text) is not None
