"""Spellings of things that refer to one another: trees of text with links in them.

A function is spelled by its syntax and by what its names mean, and that may be the
function itself, or one that refers back to it. So a spelling is a tree of text whose
leaves may be links to other things, and `shades` gives each of the things a digest.

Rules:

- no name or address of a linked thing enters: equal are things that look equal from
  within, however they are called and wherever they live;
- the order of the items of a `Bag` does not count.

Theory of operation: colour refinement, as in partition refinement of automata (Hopcroft
1971). All things begin alike; in each round the shade of a thing is the hash of its
spelling with the last shades of what it links to. When a round tells no more things
apart than the round before, none ever will. Cycles need no care.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias, final

from attrs import field, frozen

from lightfx.core.names import short_hash

Spelling: TypeAlias = "str | Link | Bag | _Written | tuple[Spelling, ...]"


@final
@frozen
class Link:
    """Here stands another thing; which one is a matter of identity, not of equality.

    >>> Link([]) == Link([])
    False
    """

    thing: object = field(eq=id, repr=False)


@final
@frozen
class Bag:
    """Items in no order, each as often as it is given.

    >>> render(Bag(("b", "a")), {}) == render(Bag(("a", "b")), {})
    True
    """

    items: tuple[Spelling, ...]


@final
@frozen
class _Written:
    """A part without links, written once for all rounds of `shades`."""

    text: str


def render(spelling: Spelling, shade_of: Mapping[int, str]) -> str:
    """Write ``spelling`` as text, with ``shade_of`` the identity of each linked thing in its place.

    >>> render(("list", "a", ("b", "c")), {})
    '("list","a",("b","c"))'
    """
    if isinstance(spelling, str):
        return json.dumps(spelling)
    if isinstance(spelling, _Written):
        return spelling.text
    if isinstance(spelling, Link):
        return f"<{shade_of.get(id(spelling.thing), '')}>"
    if isinstance(spelling, Bag):
        return "{" + ",".join(sorted(render(each, shade_of) for each in spelling.items)) + "}"
    return "(" + ",".join([render(each, shade_of) for each in spelling]) + ")"


def _condensed(spelling: Spelling) -> Spelling:
    """Write the parts of ``spelling`` that have no links in them."""
    if isinstance(spelling, Link | _Written):
        return spelling
    if isinstance(spelling, str):
        return _Written(render(spelling, {}))
    parts = tuple(map(_condensed, spelling.items if isinstance(spelling, Bag) else spelling))
    whole = Bag(parts) if isinstance(spelling, Bag) else parts
    return _Written(render(whole, {})) if all(isinstance(each, _Written) for each in parts) else whole


def shades(things: Sequence[object], spellings: Sequence[Spelling]) -> dict[int, str]:
    """Give each of ``things`` a digest, by identity; ``spellings`` are theirs, in the same order.

    ``things`` holds all that is linked to.

    >>> things = ["even", "odd"]
    >>> found = shades(things, [("even", Link(things[1])), ("odd", Link(things[0]))])
    >>> len(set(found.values()))
    2
    """
    condensed = [_condensed(each) for each in spellings]
    found = dict.fromkeys(map(id, things), "")
    distinct = 1
    while True:
        pairs = zip(things, condensed, strict=True)
        found = {id(thing): short_hash(render(spelling, found)) for thing, spelling in pairs}
        if len(set(found.values())) <= distinct:
            return found
        distinct = len(set(found.values()))
