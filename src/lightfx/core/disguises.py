r"""Disguises: how a value is met in text when programs have quoted, escaped or encoded it.

Rules, for a value, and for each of its lines that is long enough to be told from other text:

- each character may stand as it is, or as Python, JSON, URLs, HTML or a shell write it: in any mixture, since what is
  escaped differs from program to program, and also twice, as in JSON within JSON;
- the whole may stand in hexadecimal, or in base64 of either alphabet, whatever stands before and after it there, as in
  ``user:password``, and broken into lines;
- what is very long is looked for in pieces.

Theory of operation: a `Disguise` is a pattern with *anchors*: bytes of which one stands in whatever the pattern
matches. Most text has none of them, and is read once for each, as fast as memory; the pattern is compiled where there
is one. Three bytes are four characters of base64, and a value may begin at the first, second or third byte: characters
that hold bits of the value alone are known, and of the others as many bits as are the value's.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from itertools import groupby
from typing import Final, final

from attrs import frozen

_LINE: Final = 8  # characters from which on a line of a value is looked for by itself
_PIECE: Final = 510  # characters, or bytes in base64: a multiple of three
_BREAKABLE: Final = 16  # characters of base64 from which on it may be broken into lines
_PLAIN: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~")
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_URLSAFE: Final = bytes.maketrans(b"+/", b"-_")
_BREAK: Final = r"(?:\s|\\{1,4}[rn])*"
_BACKSLASHES: Final = r"\\{0,7}"
_CONTROLS: Final = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f", "\v": "v", "\a": "a", "\0": "0"}
_NAMED: Final = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}


@final
@frozen(eq=False, slots=False, repr=False)
class Disguise:
    """One way in which a value is met: ``spell`` gives a regular expression, ``size`` is the length of what is met.

    ``flat``: anchors are looked for in text without its breaks of lines.
    """

    anchors: tuple[bytes, ...]
    spell: Callable[[], str]
    size: int
    flat: bool = False

    @cached_property
    def pattern(self) -> re.Pattern[bytes]:
        """The expression, of UTF-8."""
        return re.compile(self.spell().encode())

    def may_be_in(self, text: bytes, flat: bytes) -> bool:
        """Tell whether it is worth looking closer; ``flat`` is the text without its breaks of lines."""
        where = flat if self.flat else text
        return any(each in where for each in self.anchors)


def flattened(text: bytes) -> bytes:
    r"""Take the breaks of lines out of a text, also those that JSON or Python has spelled.

    >>> flattened(b"ab\n cd\\nef")
    b'abcdef'
    """
    flat = text.translate(None, b" \t\r\n")
    return flat.replace(b"\\n", b"").replace(b"\\r", b"") if b"\\" in flat else flat


def disguises(value: str) -> tuple[Disguise, ...]:
    """List how a value is met, the longest first.

    >>> ways = disguises("open/sesame")
    >>> [any(each.pattern.search(text) for each in ways) for text in (b"open%2fsesame", b"b3Blbi9zZXNhbWU=", b"open")]
    [True, True, False]
    """
    plain = value.strip()
    data = plain.encode()
    parts = [data[start : start + _PIECE] for start in range(0, len(data), _PIECE)]
    least = min(_LINE, len(data))
    encoded = (way for part in parts if len(part) >= least for way in _encoded(part, first=part is parts[0]))
    found = (*map(_spelled, dict.fromkeys(_pieces(plain))), *encoded)
    return tuple(sorted(found, key=lambda each: -each.size))


def longest(value: str) -> int:
    """Say how many bytes one match takes at most, of what is no play with spaces."""
    return 64 + 16 * min(len(value.encode()), 4 * _PIECE)


def _pieces(value: str) -> Iterator[str]:
    """The value, and its lines; what is long in parts."""
    lines = [line.strip() for line in value.splitlines()]
    for each in (value, *(line for line in lines if len(line) >= _LINE and line != value)):
        for start in range(0, len(each), _PIECE):
            if len(piece := each[start : start + _PIECE].strip()) >= min(_LINE, len(each)):
                yield piece


# As it is, and escaped.


def _spelled(value: str) -> Disguise:
    runs = ("".join(run) for plain, run in groupby(value, _PLAIN.__contains__) if plain)
    anchor = max(runs, key=len, default="")
    return Disguise((anchor.encode(),), partial(_escapes, value), len(value))


def _escapes(value: str) -> str:
    return "".join(_ways(each, len(list(run))) for each, run in groupby(value))


def _ways(character: str, count: int) -> str:
    """Spell a character that stands ``count`` times in a row."""
    if character == "\\":  # by their number: to choose among ways for each would take for ever
        return rf"(?:\\{{{count},{8 * count}}}|(?:%5[cC]|&#92;|&#x0*5[cC];){{{count}}})"
    if character in _PLAIN:
        return re.escape(character) * count
    return f"(?:{'|'.join(_escaped(character))}){{{count}}}"


def _escaped(character: str) -> Iterator[str]:
    code, data = ord(character), character.encode()
    yield f"{_BACKSLASHES if character in _NAMED or character == '/' else ''}{re.escape(character)}"
    yield f"(?i:{''.join(f'%{byte:02x}' for byte in data)})"
    yield f"&#(?:0*{code}|(?i:x0*{code:x}));"
    yield rf"\\{{1,7}}(?:{'|'.join(_numbered(code, data))})"
    if character == " ":
        yield r"\+"
    if character == "'":  # as shells put one into quotes
        yield r"""'(?:\\''|"'"')"""
    if character in _NAMED:
        yield f"&{_NAMED[character]};"
    if character in _CONTROLS:
        yield rf"\\{{1,7}}{_CONTROLS[character]}"
    if character == "\n":
        yield r"\r\n|\\{1,7}r\\{1,7}n"


def _numbered(code: int, data: bytes) -> Iterator[str]:
    """Spell a character by its number, as Python and JSON do, after backslashes."""
    if code < 0x100:
        yield f"x(?i:{code:02x})"
    if code < 0x10000:
        yield f"u(?i:{code:04x})"
    else:
        high, low = 0xD800 + (code - 0x10000 >> 10), 0xDC00 + (code - 0x10000 & 0x3FF)
        yield f"U(?i:{code:08x})"
        yield rf"u(?i:{high:04x})\\{{1,7}}u(?i:{low:04x})"
    if len(data) > 1:
        yield r"\\{1,7}".join(f"x(?i:{byte:02x})" for byte in data)


# Encoded.


def _encoded(data: bytes, *, first: bool) -> Iterator[Disguise]:
    digits = data.hex()
    yield Disguise((digits.encode(), digits.upper().encode()), f"(?:{digits}|{digits.upper()})".__str__, len(digits))
    for before in range(3):
        start, whole = (0, 2, 3)[before], (before + len(data)) * 8 // 6  # between them all bits are of the value
        known = b64encode(bytes(before) + data + bytes(2))[start:whole]
        flat = len(known) >= _BREAKABLE
        anchors = (known, known.translate(_URLSAFE))
        yield Disguise(anchors, partial(_base64, data, before, _BREAK if flat else "", first=first), len(known), flat)


def _base64(data: bytes, before: int, between: str, *, first: bool) -> str:
    """Spell what is known of a value in base64 where ``before`` bytes stand before it in its first group.

    What is not the ``first`` piece of a value may have lost its first character, which has bits of the piece before.
    """
    bits = "?" * 8 * before + "".join(f"{byte:08b}" for byte in data)
    bits += "?" * (-len(bits) % 6)
    groups = (bits[start : start + 6] for start in range(8 * before // 6 * 6, len(bits), 6))
    begin, *others = map(_one_of, map(_fitting, groups))
    return between.join((begin if first or not before else f"{begin}?", *others)) + "={0,2}"


def _fitting(group: str) -> str:
    """List the characters that a group of six bits may be, of which some are not known."""
    if "?" not in group:
        return _ALPHABET[int(group, 2)]
    return "".join(
        character
        for number, character in enumerate(_ALPHABET)
        if all(known in ("?", bit) for known, bit in zip(group, f"{number:06b}", strict=True))
    )


def _one_of(characters: str) -> str:
    both = characters + "".join({"+": "-", "/": "_"}.get(each, "") for each in characters)
    return both if len(both) == 1 else f"[{re.escape(both)}]"
