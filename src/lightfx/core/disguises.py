r"""Disguises: how a value is met in text when programs have quoted, escaped or encoded it.

Rules, for a value, and for each of its lines that is long enough to be told from other text:

- each character may stand as it is, or as Python, JSON, URLs, HTML or a shell write it: in any mixture, since what is
  escaped differs from program to program, and also twice, as in JSON within JSON, or within a URL;
- the whole may stand in hexadecimal, or in base64 of either alphabet, whatever stands before and after it there, as in
  ``user:password``, and broken into lines; breaks, and what is no letter or digit there, may be escaped as above;
- what is very long is looked for in pieces.

Theory of operation: a `Disguise` is a pattern with an *anchor*: bytes that stand in whatever the pattern matches. Most
text has none of them, and is read once for each, as fast as memory; the pattern is compiled where there is one. Three
bytes are four characters of base64, and a value may begin at the first, second or third byte: characters that hold bits
of the value alone are known, and of the others as many bits as are the value's.

What may be broken into lines is looked for in the text without its breaks (`Flat`), and covered where that stood. So
there is no pattern that allows breaks: it would be a large one, and read the same spaces again and again.
"""

from __future__ import annotations

import re
import string
from base64 import b64encode
from bisect import bisect_right
from collections.abc import Callable, Container, Iterable, Iterator
from functools import cached_property, partial, reduce
from itertools import accumulate, groupby
from typing import Final, final

from attrs import frozen

from lightfx.core.escapes import BACKSLASH, PLAIN, escaped, one

_LINE: Final = 8  # characters from which on a line of a value is looked for by itself
_PIECE: Final = 510  # characters, or bytes in base64: a multiple of three
_BREAKABLE: Final = 16  # characters of base64, or in hexadecimal, from which on it may be broken into lines
_DIGITS: Final = string.ascii_uppercase + string.ascii_lowercase + string.digits
_ALPHABET: Final = f"{_DIGITS}+/"

# What breaks base64 into lines, and indents them; each mark begins with a character of its own, and is found as fast.
_SPACES: Final = " \t\n\r\f\v"
_NUMBERED: Final = "(?:#|%23)(?:9|1[03]|[xX][9aAdD])(?:;|%3[bB])"
_OF_URL: Final = f"(?:0[9aAdD]|20|26{_NUMBERED}|5[cC](?:{BACKSLASH}){{0,6}}[nrt])"
_MARKS: Final = {
    b"\\": rf"\\\\{{0,6}}(?:[nrt]|u0026{_NUMBERED})",
    b"%": rf"%(?:{_OF_URL}\+*|25{_OF_URL}(?:%2[bB])*)",  # a form has + for a space
    b"&": f"&(?:amp;)?{_NUMBERED}",
}
_BREAKS: Final = f"(?:[{_SPACES}]|{'|'.join(_MARKS.values())})+".encode()
_EATEN: Final = 6  # characters that may be taken for the end of a mark, where what begins one stands before them


@final
@frozen(eq=False, slots=False, repr=False)
class Disguise:
    """One way in which a value is met: ``spell`` gives a regular expression, ``size`` is the length of what is met.

    ``flat``: it is looked for also in text without its breaks of lines.
    """

    anchor: bytes
    spell: Callable[[], str]
    size: int
    flat: bool = False

    @cached_property
    def pattern(self) -> re.Pattern[bytes]:
        """The expression, of UTF-8."""
        return re.compile(self.spell().encode())

    def may_be_in(self, text: bytes, flat: bytes) -> bool:
        """Tell whether it is worth looking closer; ``flat`` is what `flattened` makes of the text."""
        return self.anchor in (flat if self.flat else text)

    def is_in(self, text: bytes) -> bool:
        """Tell whether it is met there."""
        found = self.pattern.search(text) or (self.flat and self.pattern.search(Flat(text).text))
        return bool(found)

    def cover(self, text: bytes, name: bytes) -> bytes:
        """Put a name in its place."""
        text = self.pattern.sub(lambda _: name, text)  # in the name of a file may be what looks like a group
        if self.flat and self.anchor in flattened(text):
            flat, at, parts = Flat(text), 0, list[bytes]()
            for found in self.pattern.finditer(flat.text):
                parts += text[at : flat.place(found.start())], name
                at = flat.place(found.end() - 1) + 1
            text = b"".join((*parts, text[at:]))
        return text


@final
class Flat:
    r"""A text without its breaks of lines, and where each character of that stood.

    >>> flat = Flat(b"ab\n cd")
    >>> flat.text, flat.place(2)
    (b'abcd', 4)
    """

    def __init__(self, text: bytes) -> None:
        parts = re.split(b"(" + _BREAKS + b")", text)
        kept = parts[::2]
        self.text: bytes = b"".join(kept)
        self._flat = [0, *accumulate(map(len, kept))]
        self._whole = [0, *accumulate(map(len, parts))][::2]

    def place(self, at: int) -> int:
        """Say where the character at ``at`` stood."""
        part = bisect_right(self._flat, at) - 1
        return self._whole[part] + at - self._flat[part]


def flattened(text: bytes) -> bytes:
    r"""Take the breaks of lines out of a text, and at most a few characters more; fast.

    >>> flattened(b"ab\n cd\\nef")
    b'abcdef'
    """
    flat = text.translate(None, _SPACES.encode())
    for begin, mark in _MARKS.items():
        if begin in flat:
            flat = re.sub(mark.encode(), b"", flat)
    return flat


def disguises(value: str) -> tuple[Disguise, ...]:
    """List how a value is met, the longest first.

    >>> ways = disguises("open/sesame")
    >>> [any(each.is_in(text) for each in ways) for text in (b"open%2fsesame", b"b3Blbi9zZXNhbWU=", b"open")]
    [True, True, False]
    """
    plain = value.strip()
    data = plain.encode()
    parts = [data[start : start + _PIECE] for start in range(0, len(data), _PIECE)]
    least = min(_LINE, len(data))
    encoded = (way for part in parts if len(part) >= least for way in _encoded(part, first=part is parts[0]))
    spelled = (way for piece in dict.fromkeys(_pieces(plain)) for way in _spelled(piece))
    found = (*spelled, *encoded)
    return tuple(sorted(found, key=lambda each: -each.size))


def longest(value: str) -> int:
    """Say how many bytes one match takes at most, of what is no play with spaces."""
    return 64 + 32 * min(len(value.encode()), 4 * _PIECE)


def _pieces(value: str) -> Iterator[str]:
    """The value, and its lines; what is long in parts."""
    lines = [line.strip() for line in value.splitlines()]
    for each in (value, *(line for line in lines if len(line) >= _LINE and line != value)):
        for start in range(0, len(each), _PIECE):
            if len(piece := each[start : start + _PIECE].strip()) >= min(_LINE, len(each)):
                yield piece


def _spelled(value: str) -> Iterator[Disguise]:
    anchor = _anchor(value, PLAIN)
    for shells in range(3 if "'" in value else 1):
        yield Disguise(anchor, partial(escaped, value, shells), len(value))


def _anchor(text: str, plain: Container[str]) -> bytes:
    """Take the longest part that stands in a text however that is escaped."""
    runs = ("".join(run) for kept, run in groupby(text, plain.__contains__) if kept)
    return max(runs, key=len, default="").encode()


# Encoded.


def _encoded(data: bytes, *, first: bool) -> Iterator[Disguise]:
    for digits in dict.fromkeys((data.hex(), data.hex().upper())):
        yield _breakable(digits, partial(_hexadecimal, digits))
    for before in range(3):
        start, whole = (0, 2, 3)[before], (before + len(data)) * 8 // 6  # between them all bits are of the value
        known = b64encode(bytes(before) + data + bytes(2))[start:whole].decode()
        yield _breakable(known, partial(_base64, data, before, first=first))


def _breakable(known: str, spell: Callable[[int], str]) -> Disguise:
    """Make it of what is ``known`` of it: where that is long, it may be broken, and begin with what is no mark."""
    flat = len(known) >= _BREAKABLE
    eaten = _EATEN if flat else 0
    return Disguise(_anchor(known[eaten:], _DIGITS), partial(spell, eaten), len(known), flat)


def _hexadecimal(digits: str, eaten: int) -> str:
    return _without(digits[:eaten]) + digits[eaten:]


def _base64(data: bytes, before: int, eaten: int, *, first: bool) -> str:
    """Spell what is known of a value in base64 where ``before`` bytes stand before it in its first group.

    What is not the ``first`` piece of a value may have lost its first character, which has bits of the piece before.
    """
    bits = "?" * 8 * before + "".join(f"{byte:08b}" for byte in data)
    bits += "?" * (-len(bits) % 6)
    groups = (bits[start : start + 6] for start in range(8 * before // 6 * 6, len(bits), 6))
    spelled = [*map(_one_of, map(_fitting, groups))]
    eaten = eaten or int(not first and before > 0)
    return f"{_without(spelled[:eaten])}{''.join(spelled[eaten:])}{one('=')}{{0,2}}"


def _without(spelled: Iterable[str]) -> str:
    """Spell what may have lost its beginning."""
    return reduce(lambda lead, each: f"(?:{lead}{each})?", spelled, "")


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
    if len(characters) == 1 and characters in _DIGITS:
        return characters
    both = "".join({"+": "-", "/": "_"}.get(each, each) for each in characters)
    return "|".join(("(?:" + f"[{re.escape(both)}]", *(one(each) for each in characters if each in "+/"))) + ")"
