"""What matchers chose that take a function, written down so that a later run need not ask them.

A matcher is a pure function of its candidates. One that takes a function of the
program's cannot be made of the spelling that a record has of it. So a
realization whose stage asked for more as it ran says, of each such matcher in
what it asked for and in the plans of that, which candidates it was shown (by a
digest) and what it chose: a `Selection`. Who checks that record in a later run
needs the function no more, as long as there are the same candidates. Where there
are others (a new realization, one that was collected, another replay policy)
nobody knows, and the stage runs again.

Selections are facts: whose record says them does not matter, so a run puts all
that it meets together. Only runs in which a stage asks pay for any of this.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from lightfx.core.canonical import spell_checked
from lightfx.core.choosing import First, Matcher
from lightfx.core.config import Reference
from lightfx.core.listing import Listed
from lightfx.core.matching import Every, Latest, Only, Some
from lightfx.core.names import Digest
from lightfx.core.realization import Selection
from lightfx.plan.ledger import Chosen, State
from lightfx.plan.rebuild import Reuse, decide

MOST: Final = 1_000
"""A stage that asks for what stands on more uses of such matchers writes none of them down, and runs in each run."""

_SOME: Final = re.compile(r"some\(([1-9][0-9]*)\)")
_PLAIN: Final[Mapping[str, Matcher[object]]] = {
    "": First(),
    **{matcher.spelling: matcher for matcher in (Latest(), Only(), Every())},
}


def matcher_of(spelling: str) -> Matcher[object] | None:
    """Find the matcher that a record spells; None where it takes a function that only the program has.

    >>> matcher_of("some(3)"), matcher_of("best(accuracy)")
    (Some(count=3), None)
    """
    plain = _PLAIN.get(spelling)
    if plain is not None:
        return plain
    found = _SOME.fullmatch(spelling)
    return None if found is None else Some(int(found[1]))


def among(candidates: Iterable[Listed]) -> Digest:
    """Digest what a matcher is shown: which realizations, in the order in which they were made."""
    stored = sorted((row.stored for row in candidates), key=lambda each: (each.created, each.index, each.rref))
    return Digest.of(spell_checked([each.rref.text for each in stored]).encode())


# Writing down.


def selections_of(state: State, asked: Mapping[Reference, int]) -> tuple[Selection, ...]:
    """Say what such matchers chose of what a stage asked for, and of all that the plans of that stand on."""
    found: dict[tuple[int, str], Selection | None] = {}
    pending, seen = list(asked.items()), set[int]()
    while pending:
        reference, number = pending.pop()
        if matcher_of(reference.matcher) is None and (number, reference.matcher) not in found:
            if len(found) == MOST:
                return ()
            found[number, reference.matcher] = _selection(state, reference, number)
        if number not in seen and _stands_on_one(state, number):
            seen.add(number)
            node = state.graph.nodes[number]
            pending += zip(node.references, node.needs, strict=True)
    said = {(each.dref, each.matcher, each.candidates.text): each for each in found.values() if each is not None}
    return tuple(said[each] for each in sorted(said))


def _selection(state: State, reference: Reference, number: int) -> Selection | None:
    """Ask once more what is chosen: a LEFT in the way, or what was made again, is not the choice of the matcher."""
    progress, node = state.ledger[number], state.graph.nodes[number]
    chosen = progress.chosen.get(reference.matcher)
    if chosen is None or progress.inherited:
        return None
    known = state.selected.get((number, reference.matcher))
    if known is None:
        demand = {reference.matcher: node.demands[reference.matcher]}
        answer = decide(node.recipe, progress.candidates, demand, state.folder_of).value_or(None)
        if not isinstance(answer, Reuse):
            return None
        rrefs = tuple(row.stored.rref for row in answer.chosen[reference.matcher])
        known = Selection(node.dref, reference.matcher, among(progress.candidates), rrefs)
        state.selected[number, reference.matcher] = known
    return known if known.chosen == tuple(row.stored.rref for row in chosen) else None


def _stands_on_one(state: State, number: int) -> bool:
    """Whether a node uses such a matcher, or anything that its plan stands on does; told once for each node."""
    known, pending = state.selecting, [number]
    while pending:
        node = state.graph.nodes[pending[-1]]
        unknown = [need for need in node.needs if need not in known]
        if unknown and node.number not in known:
            pending += unknown
            continue
        pending.pop()
        own = any(matcher_of(reference.matcher) is None for reference in node.references)
        known[node.number] = own or any(known[need] for need in node.needs)
    return known[number]


# Looking up.


def learn(state: State, selections: Iterable[Selection]) -> None:
    """Take in what a record says."""
    for each in selections:
        state.selections[each.dref, each.matcher, each.candidates] = each.chosen


def selected_before(state: State, reference: Reference, candidates: Sequence[Listed]) -> Chosen | None:
    """What such a matcher chooses of these candidates; None where no record says so."""
    if not state.selections:
        return None
    rrefs = state.selections.get((reference.dref, reference.matcher, among(candidates)), ())
    by_rref = {row.stored.rref: row for row in candidates}
    return tuple(by_rref[rref] for rref in rrefs) if rrefs and by_rref.keys() >= set(rrefs) else None
