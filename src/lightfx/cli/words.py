"""Words for people: pure functions from facts to short text.

What was stored is never trusted on a terminal: `harmless` spells control
characters out, so that no log, message or name moves a cursor or rings a bell.
"""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, datetime
from typing import Final

from lightfx.core.canonical import Tree
from lightfx.core.config import Config
from lightfx.core.outcome import Upstream
from lightfx.core.realization import Result, Value
from lightfx.core.refs import DRef, RRef

SHORT: Final = 10
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")


def harmless(text: str, keep: str = "") -> str:
    r"""Spell out every character that does not print, but those in ``keep``.

    >>> harmless("\x1b[2Jgone\n")
    '\\x1b[2Jgone\\n'
    """
    if text.isprintable():
        return text
    return "".join(each if _prints(each) or each in keep else _spelled(each) for each in text)


def _prints(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"


def _spelled(character: str) -> str:
    return character.encode("unicode_escape").decode()


def short(ref: DRef | RRef) -> str:
    """The beginning of a reference: enough to name it by, and to give to a command.

    >>> dref = DRef("abcdefghijklmnopqrstuvwxyz234567-train")
    >>> short(dref), short(RRef(f"76543276543276543276543276543276-{dref}"))
    ('abcdefghij', '7654327654')
    """
    return ref.text[:SHORT]


def titled(ref: DRef | RRef) -> str:
    """The beginning of a reference, and the name of its derivation.

    >>> titled(DRef("abcdefghijklmnopqrstuvwxyz234567-train"))
    'abcdefghij train'
    """
    dref = ref.dref if isinstance(ref, RRef) else ref
    return f"{short(ref)} {dref.name}"


def duration(seconds: float) -> str:
    """A time span, with about three digits.

    >>> [duration(each) for each in (0.00042, 1.234, 75.2, 7380.0, 200_000.0)]
    ['0.42 ms', '1.23 s', '1 min 15 s', '2 h 3 min', '2 d 7 h']
    """
    if seconds < 0.0995:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 60:
        return f"{seconds:.3g} s"
    for size, name, part, fine in ((3600, "min", 60, "s"), (86_400, "h", 3600, "min")):
        if seconds < size:
            rest = int(seconds % part) // (part // 60)
            return f"{int(seconds) // part} {name} {rest} {fine}"
    return f"{int(seconds) // 86_400} d {int(seconds) % 86_400 // 3600} h"


def frequency(rate: float) -> str:
    """How many there are in a second, or in a minute or an hour where they are few.

    >>> [frequency(each) for each in (1234.5, 12.34, 0.5, 0.001)]
    ['1,234/s', '12.3/s', '30/min', '3.6/h']
    """
    for unit, seconds in (("s", 1), ("min", 60)):
        if rate * seconds >= 1:
            return f"{_digits(rate * seconds)}/{unit}"
    return f"{_digits(rate * 3600)}/h"


def _digits(count: float) -> str:
    return f"{count:,.0f}" if count >= 100 else f"{count:.3g}"


def age(created: float, now: float) -> str:
    """How long ago, in one unit.

    >>> [age(0.0, now) for now in (0.5, 30, 200, 10_000, 200_000)]
    ['now', '30 s', '3 min', '2 h', '2 d']
    """
    passed = now - created
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if passed >= size:
            return f"{int(passed // size)} {unit}"
    return "now"


def ago(created: float, now: float) -> str:
    """How long ago, as a phrase.

    >>> ago(0.0, 200), ago(0.0, 0.1)
    ('3 min ago', 'just now')
    """
    passed = age(created, now)
    return "just now" if passed == "now" else f"{passed} ago"


def size(count: float) -> str:
    """An amount of bytes.

    >>> size(512), size(3_500_000)
    ('512 B', '3.3 MiB')
    """
    for unit in _UNITS[:-1]:
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} {_UNITS[-1]}"


def moment(created: float) -> str:
    """A point in time, in ISO 8601, UTC.

    >>> moment(0.0)
    '1970-01-01T00:00:00+00:00'
    """
    return datetime.fromtimestamp(created, UTC).isoformat(timespec="seconds")


def reason(result: Result) -> str:
    """Say in one line why a result is LEFT, by short references; "" for a RIGHT.

    >>> reason(Value(1))
    ''
    """
    if isinstance(result, Value):
        return ""
    if isinstance(result, Upstream):
        root = result.roots[0]
        more = f" (and {result.total - 1} more)" if result.total > 1 else ""
        return f"stands on {titled(root.rref)}{more}, which {root.reason}"
    return result.reason


def full_reason(result: Result) -> str:
    """Say in one line why a result is LEFT, for machines: references are whole.

    >>> full_reason(Value(1))
    ''
    """
    return "" if isinstance(result, Value) else result.reason


def outcome(kind: str) -> str:
    """RIGHT, or LEFT and of what kind.

    >>> outcome("right"), outcome("timed_out")
    ('RIGHT', 'LEFT timed_out')
    """
    return "RIGHT" if kind == "right" else f"LEFT {kind}"


def counted(count: int, noun: str) -> str:
    """A count and its noun.

    >>> counted(1, "derivation"), counted(2, "derivation")
    ('1 derivation', '2 derivations')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def arguments(config: Config | None, width: int = 40) -> str:
    """The arguments of a derivation, as long as a column takes; other derivations by their names.

    >>> arguments(Config('{"args":{"data":{"$dref":"%s-rows"},"how":"fast","rate":0.5}}' % ("a" * 32)))
    'data=<rows> how="fast" rate=0.5'
    """
    given = {} if config is None else config.tree.get("args")
    if not isinstance(given, dict):
        return ""
    text = " ".join(f"{name}={_brief(value)}" for name, value in given.items())
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _brief(tree: Tree) -> str:
    if isinstance(tree, dict):
        dref = tree.get("$dref")
        if isinstance(dref, str):
            return f"<{DRef(dref).name}>"
        return f"{{{', '.join(f'{key}: {_brief(value)}' for key, value in tree.items())}}}"
    if isinstance(tree, list):
        return f"[{', '.join(map(_brief, tree))}]"
    return json.dumps(tree, ensure_ascii=False)
