"""Whether a record that strangers wrote holds what its fields are for. Pure.

A record is read by the types of JSON: a digest is text there, and so is a
reference. What a store does with them takes more: a digest names a folder, so
one with ``/`` in it would lead out of the folder of objects; a number that no
database holds could not be indexed, and the group with it not be read again.
Most of them enter no name that is compared, so nobody else would see it. The
same holds of what a code consists of, which nothing names at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from returns.result import Success

from lightfx.core.canonical import spell_checked
from lightfx.core.derivation import Parts
from lightfx.core.inventory import Item
from lightfx.core.names import Digest
from lightfx.core.outcome import Upstream
from lightfx.core.realization import Realization
from lightfx.core.refs import DRef, RRef

MOST_INDEX: Final = (1 << 63) - 1
"""The largest number that an index of a store holds."""
_FINGERPRINT: Final = re.compile(r'[^"\\]+')


def is_well_formed(made: Realization) -> bool:
    """Whether all digests and references of a record are some, and its number is one of an output.

    >>> made = Realization(RRef("a-b-c"), Digest.of(b""), 0, Digest.of(b""), Upstream((), 0))
    >>> is_well_formed(made)
    False
    """
    return (
        0 <= made.index <= MOST_INDEX
        and all(isinstance(Digest.parse(each.text), Success) for each in _digests(made))
        and all(isinstance(RRef.parse(each.text), Success) for each in _rrefs(made))
        and all(isinstance(DRef.parse(each.text), Success) for each in _drefs(made))
    )


def _digests(made: Realization) -> Iterator[Digest]:
    yield from (made.key, made.content, *Item.of(made).trees)
    for _, contents in made.asked:
        yield from contents
    yield from (each.candidates for each in made.selections)


def _rrefs(made: Realization) -> Iterator[RRef]:
    yield made.rref
    if made.like is not None:
        yield made.like
    for _, rrefs in made.context.entries:
        yield from rrefs
    for each in made.selections:
        yield from each.chosen
    if isinstance(made.result, Upstream):
        yield from (root.rref for root in made.result.roots)


def _drefs(made: Realization) -> Iterator[DRef]:
    yield from (reference.dref for reference, _ in made.context.entries)
    yield from (reference.dref for reference, _ in made.asked)
    yield from (each.dref for each in made.selections)


# What codes consist of.


def spell_code(fingerprint: str, parts: Parts) -> str:
    """Spell what a code consists of, as a line.

    >>> spell_code("blake3:77", [("m:f", "x")])
    '{"code":"blake3:77","parts":[["m:f","x"]]}'
    """
    return spell_checked({"code": fingerprint, "parts": [list(part) for part in parts]})


def read_code(line: str) -> tuple[str, Parts] | None:
    r"""Read it back; None for what a store could not write, or not read again.

    >>> read_code('{"code":"blake3:77","parts":[["m:f","x"]]}')
    ('blake3:77', (('m:f', 'x'),))
    >>> read_code('{"code":"blake3:77","parts":[["m:f","\\ud800"]]}')
    """
    try:
        fields = json.loads(line)
        fingerprint, parts = fields["code"], tuple((name, digest) for name, digest in fields["parts"])
        sound = _FINGERPRINT.fullmatch(fingerprint) and all(isinstance(each, str) for part in parts for each in part)
        return (fingerprint, parts) if sound and spell_code(fingerprint, parts) == line else None
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
