r"""Escapes: how programs write one character of a value, as a regular expression.

Rules:

- a letter, a digit and each of ``-_.`` stands as it is. Whatever else may be written as Python, JSON, URLs, HTML or a
  shell do, or stand as it is;
- what a spelling is made of (``\``, ``%``, ``&``, ``#``, ``;``, quotes) may be spelled once more, where one program
  passes on what another has written: JSON within JSON, or in a URL;
- a pattern must not try ways by the million, whatever it is looked for in: each part of it ends in one place, and the
  next cannot begin within it. So backslashes of a value are counted together with those that escape what follows;
  and a quote that a shell has written, which is three or more, is looked for by a pattern of its own.
"""

from __future__ import annotations

import re
import string
from itertools import groupby
from typing import Final

PLAIN: Final = frozenset(f"{string.ascii_letters}{string.digits}-_.")
BACKSLASH: Final = "%(?:25)?5[cC]"  # one, as URLs have it
ESCAPE: Final = rf"(?:\\{{1,7}}|(?:{BACKSLASH}){{1,7}})"
_PERCENT: Final = "%(?:25)?"
_NUMBER: Final = r"(?:\\?#|%23)"
_SEMICOLON: Final = r"(?:\\?;|%3[bB])"
_AMPERSAND: Final = rf"(?:&(?:amp{_SEMICOLON})?|%(?:25)?26)"
_RETURN: Final = "\r"
_NAMED: Final = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}
_CONTROLS: Final = {
    "\n": "n",
    "\r": "r",
    "\t": "t",
    "\b": "b",
    "\f": "f",
    "\v": "v",
    "\a": "a",
    "\x1b": "[eE]",
    "\0": "0",
}


def escaped(value: str, shells: int = 0) -> str:
    r"""Spell a value; ``shells``: how many, one or two, wrote each ``'`` as they write one that is within two others.

    >>> bool(re.search(escaped("a 'b'"), r"--name=a%20\'b\'"))
    True
    """
    ways = {each: _shell_quote(shells) if shells and each == "'" else _ways(each) for each in dict.fromkeys(value)}
    spelled, backslashes = "", 0
    for character, run in groupby(value):
        count = len(list(run))
        if character == "\\":
            backslashes = count
            continue
        whole, rest = ways[character]
        if backslashes:
            spelled += _after(backslashes, 0 if character in PLAIN else 7, whole, rest)
            backslashes, count = 0, count - 1
        spelled += whole * count if character in PLAIN else f"{whole}{{{count}}}"
    return spelled + (_after(backslashes, 0, "", "") if backslashes else "")


def one(character: str) -> str:
    """Spell a character."""
    return _ways(character)[0]


def _after(count: int, more: int, whole: str, rest: str) -> str:
    """Spell backslashes and what follows them; by their number: to choose among ways for each would take for ever."""
    times = f"{{{count},{8 * count + more}}}"
    numbered = rf"{_AMPERSAND}{_NUMBER}(?:0*92|[xX]0*5[cC]){_SEMICOLON}|{ESCAPE}(?:x|u00)5[cC]"
    # Possessive, as what follows has no backslash to begin with, and there may be thousands.
    return rf"(?:(?:\\{times}+|(?:{BACKSLASH}){times}){rest}|(?:{numbered}){{{count}}}{whole})"


def _ways(character: str) -> tuple[str, str]:
    """Spell a character; and what is left of that where backslashes have been read before it."""
    if character in PLAIN:
        return re.escape(character), re.escape(character)
    bare, marked = _bare(character), _marked(character)
    some = "" if character == "%" else f"{ESCAPE}?"  # as %5C begins like it, and no shell escapes it
    return f"(?:{some}(?:{bare})|{ESCAPE}(?:{marked}))", f"(?:{bare}|{marked})"


def _shell_quote(shells: int) -> tuple[str, str]:
    r"""As `_ways`: a quote that ends what is quoted, one that is escaped, one that begins it: ``'\''``, ``'"'"'``."""
    if shells == 2:
        once = r"""(?:'(?:\\''|"'"'))"""  # nobody else has escaped it
        twice = rf'(?:{once}(?:\\{once}{once}|"{once}"{once}))'
        return twice, twice
    (one, rest), (double, _) = _ways("'"), _ways('"')
    more = f"(?:{ESCAPE}{rest}{one}|{double}{one}{double}{one})"
    return f"(?:{one}{more})", f"(?:{rest}{more})"


def _bare(character: str) -> str:
    """Spell it without backslashes; what is longest first, so that it is covered whole."""
    found = [
        "".join(f"{_PERCENT}{_hex(byte, 2)}" for byte in character.encode()),
        _entity(_AMPERSAND, character),
        re.escape(character),
    ]
    if character == " ":
        found += [r"\+", "%2[bB]"]
    spelled = "|".join(found)
    return f"(?:{_bare(_RETURN)})?(?:{spelled})" if character == "\n" else spelled


def _marked(character: str) -> str:
    """Spell what stands for it after backslashes, by numbers and letters, as Python, JSON and shells do."""
    code, data = ord(character), character.encode()
    found = [_entity("u0026", character)]
    if len(data) > 1 or not character.isprintable():
        found += [ESCAPE.join(f"{byte:03o}" for byte in data), ESCAPE.join(f"x{_hex(byte, 2)}" for byte in data)]
    if code < 0x100:
        found += [f"x{_hex(code, 2)}"]
    if code < 0x10000:
        found += [f"u{_hex(code, 4)}"]
    else:
        high, low = 0xD800 + (code - 0x10000 >> 10), 0xDC00 + (code - 0x10000 & 0x3FF)
        found += [f"U{_hex(code, 8)}", f"u{_hex(high, 4)}{ESCAPE}u{_hex(low, 4)}"]
    if character in _CONTROLS:
        found += [_CONTROLS[character]]
    spelled = "|".join(found)
    return f"(?:(?:{_marked(_RETURN)}){ESCAPE})?(?:{spelled})" if character == "\n" else spelled


def _entity(begin: str, character: str) -> str:
    """Spell it as HTML does, by its number or its name."""
    code, name = ord(character), f"|{_NAMED[character]}" if character in _NAMED else ""
    return f"{begin}(?:{_NUMBER}(?:0*{code}|[xX]0*{_hex(code, 1)}){name}){_SEMICOLON}"


def _hex(number: int, width: int) -> str:
    return "".join(f"[{each}{each.upper()}]" if each.isalpha() else each for each in f"{number:0{width}x}")
