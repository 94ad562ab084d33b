"""Answers to what the schedule asks of the store and of what lies outside: the same for a run and for a look ahead.

Nothing here changes anything. Each question is asked once, for all nodes that
it concerns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias, assert_never

from returns.result import Result

from lightfx.core.failures import EngineFailure
from lightfx.core.listing import Listed
from lightfx.core.names import Digest
from lightfx.core.outcome import Raised
from lightfx.effects.world import World
from lightfx.plan.graph import Graph, Node
from lightfx.plan.moves import Alike, Event, List, Listing, Observations, Observe, Recall, Recalled, Seek

Question: TypeAlias = Observe | List | Recall | Seek

_MOVED: Final = Raised("FileNotFoundError", ("FileNotFoundError", "OSError", "Exception"), "means another file now", "")


def answer(world: World, graph: Graph, question: Question) -> Result[Event, EngineFailure]:
    """Find the answer to a question of the schedule."""
    match question:
        case Observe(nodes):
            return _observe(world, graph, nodes)
        case List(drefs, reading, since):
            listed = world.perform.result(world.store.listed(drefs, reading))
            return listed.map(lambda rows: Listing(rows, since, since + len(drefs)))
        case Recall(drefs):
            read = world.perform.result(world.store.configs(drefs))
            return read.map(lambda configs: Recalled(drefs, configs))
        case Seek(keys):
            found = alike(world, tuple(dict.fromkeys(key for _, key in keys)))
            return found.map(lambda rows: Alike({number: rows.get(key, ()) for number, key in keys}))
        case never:
            assert_never(never)


def alike(world: World, keys: Sequence[Digest]) -> Result[Mapping[Digest, Sequence[Listed]], EngineFailure]:
    """List what is stored under these keys."""
    return world.perform.result(world.store.alike(keys)).map(_by_key)


def _by_key(rows: Sequence[Listed]) -> Mapping[Digest, Sequence[Listed]]:
    groups: dict[Digest, list[Listed]] = {}
    for row in rows:
        groups.setdefault(row.stored.key, []).append(row)
    return groups


def _observe(world: World, graph: Graph, nodes: Sequence[int]) -> Result[Event, EngineFailure]:
    paths = {number: observed.path for number in nodes if (observed := graph.nodes[number].recipe.observed) is not None}
    elsewhere = {number: _MOVED for number in paths if not _is_there(graph.nodes[number])}
    wanted = {number: path for number, path in paths.items() if number not in elsewhere}
    seen = world.perform.result(world.store.observe(tuple(dict.fromkeys(wanted.values()))))
    return seen.map(
        lambda found: Observations({**elsewhere, **{number: found[path] for number, path in wanted.items()}})
    )


def _is_there(node: Node) -> bool:
    return node.recipe.observed is None or node.recipe.observed.is_there
