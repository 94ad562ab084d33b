"""Whose sake the files of ephemeral nodes stay for, and when they may go.

An object is held by nodes that have it and are used still, and by what is made
again of it (`~number` of the node that reads it). It may go when the last of
these lets go. To ask how many have yet to use a node is not enough: two nodes
may have made the same files, and those are one object.

Only what this run made or read goes. What is reused whole needs no file, and an
earlier run may have been asked for just these.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lightfx.core.names import Digest
from lightfx.plan.ledger import State
from lightfx.plan.moves import Asked, Built


def hold(state: State, number: int, holder: int) -> None:
    """Let the files of an ephemeral node stay: somebody has yet to use them."""
    if holder < 0 or state.users.get(number):
        for tree in _trees(state, number):
            state.holders.setdefault(tree, set()).add(holder)


def let_go(state: State, number: int, holder: int) -> Sequence[Digest]:
    """Give up the files of a node for ``holder``; what nobody holds any more, and this run touched, may be dropped."""
    return [tree for tree in _trees(state, number) if not _held(state, tree, holder) and tree in state.touched]


def touch(state: State, event: Built | Asked) -> None:
    """Note what a run made, and what it may have read."""
    number = event.node if isinstance(event, Built) else event.run.node
    if isinstance(event, Built):
        state.touched.update(row.stored.tree for row in event.rows if row.stored.tree is not None)
    aside = state.ledger[number].aside
    needs = {*state.graph.nodes[number].needs, *(aside.asked.values() if aside is not None else ())}
    for need in needs & state.users.keys():
        rows = (row.stored for chosen in state.ledger[need].chosen.values() for row in chosen)
        state.touched.update(each.tree for each in rows if each.tree is not None)


def _held(state: State, tree: Digest, but_by: int) -> bool:
    holders = state.holders.get(tree, set())
    holders.discard(but_by)
    if not holders:
        state.holders.pop(tree, None)
    return bool(holders)


def _trees(state: State, number: int) -> Iterable[Digest]:
    """The objects of a node that may be dropped."""
    stored = (row.stored for row in state.ledger[number].candidates)
    return (each.tree for each in stored if each.ephemeral and each.tree is not None)
