"""Hypothesis strategies for what lightfx is made of. Takes the extra ``testing``.

Worlds are small enough to collide: few values, few names, so that contents are
equal and early cutoff happens.

- `values`: JSON-like values that a config can hold; `configs`: configs;
- `candidates` and `scenes`: what a matcher chooses among;
- `outcomes`: RIGHTs and LEFTs of every kind;
- `dags`: plans that stand on one another, whose stages do small sums, draw,
  and fail; `histories`: a dag, and the same with parameters that move to and fro;
- `worlds`: worlds in memory, in which a history was realized.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import gettempdir
from typing import Final, TypeAlias, TypeVar
from uuid import uuid4

from attrs import evolve, frozen
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from lightfx.core.canonical import Tree
from lightfx.core.choosing import Candidate
from lightfx.core.config import Config
from lightfx.core.derivation import Derivation
from lightfx.core.outcome import BadOutput, Cancelled, Cause, Died, Left, Outcome, Raised, Returned, Right, TimedOut
from lightfx.effects.world import World
from lightfx.engine.realize import realize_all
from lightfx.testing.scenes import Scene, candidate, left_candidate
from lightfx.testing.sums import OPERATIONS, Node, plans_of
from lightfx.wiring import memory_world, unwrap

T = TypeVar("T")

FLOATS: Final[SearchStrategy[float]] = st.sampled_from([0.0, 1.0, 2.0, 3.5, -1.0, float("nan"), float("-inf")])
_NAMES: Final = st.text('ab1,\\{}:[]é "', max_size=4)
_LEAVES: Final[SearchStrategy[Tree]] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from([0.0, -0.0, 1.0, 0.1, 1e16, 5e-324]),
    st.sampled_from(["", "1", "1.0", "true", "null", "é", "e\u0301"]),
    _NAMES,
)


def values(leaves: int = 6) -> SearchStrategy[Tree]:
    """JSON-like values that a config can hold, among them those that read alike: ``1``, ``True``, ``"1"``."""
    return st.recursive(_LEAVES, _nested, max_leaves=leaves)


def _nested(inner: SearchStrategy[Tree]) -> SearchStrategy[Tree]:
    return st.one_of(st.lists(inner, max_size=3), st.dictionaries(_NAMES, inner, max_size=3))


def configs() -> SearchStrategy[Config]:
    """Configs with few fields, of the shape that stages make."""
    args = st.dictionaries(st.sampled_from(["x", "y", "rate"]), values(), max_size=2)
    return st.builds(lambda args, name: Config.of(args=args, name=name), args, st.sampled_from(["a", "b", "train"]))


def candidates(values: SearchStrategy[T], size: int = 5) -> SearchStrategy[tuple[Candidate[T], ...]]:
    """Sets of up to ``size`` realizations of one derivation: RIGHTs with these values, and LEFTs."""
    index, created = st.integers(0, 3), st.integers(0, 3).map(float)
    rights = st.builds(candidate, index, created, values)
    lefts: SearchStrategy[Candidate[T]] = st.builds(left_candidate, index, created)
    one = st.one_of(rights, rights, lefts)
    return st.lists(one, max_size=size, unique_by=lambda each: each.rref).map(tuple)


def scenes(values: SearchStrategy[T]) -> SearchStrategy[Scene[T]]:
    """Sets of candidates, with the values of RIGHTs that may come later."""
    later = st.lists(values, min_size=1, max_size=3).map(tuple)
    return st.builds(Scene[T], candidates(values), later)


_CAUSES: Final[SearchStrategy[Cause]] = st.sampled_from(
    [
        Returned("Diverged", {"at": 3}),
        Raised("KeyError", ("KeyError", "LookupError", "Exception"), "'x'", "Traceback"),
        Raised("OSError", ("OSError", "Exception"), "no space", "Traceback"),
        TimedOut(1.5),
        Died(None, "SIGKILL", out_of_memory=True),
        Died(3, None),
        BadOutput("weights", "does not exist"),
        Cancelled("by the user"),
    ]
)


def outcomes(values: SearchStrategy[T]) -> SearchStrategy[Outcome[T]]:
    """RIGHTs with these values, and LEFTs of every kind that needs no other."""
    rights: SearchStrategy[Outcome[T]] = st.builds(Right[T], values)
    lefts: SearchStrategy[Outcome[T]] = st.builds(Left, _CAUSES)
    return st.one_of(rights, lefts)


Dag: TypeAlias = tuple[Node, ...]


@st.composite
def _nodes(draw: DrawFn, size: int, operations: Sequence[str]) -> Dag:
    nodes: list[Node] = []
    for number in range(draw(st.integers(1, size))):
        uses = draw(st.lists(st.integers(0, number - 1), max_size=3, unique=True)) if number else []
        tolerant = frozenset(use for use in uses if draw(st.booleans()))
        nodes.append(Node(draw(st.sampled_from(operations)), draw(st.integers(0, 2)), tuple(uses), tolerant))
    return tuple(nodes)


def dags(size: int = 6, operations: Sequence[str] = OPERATIONS) -> SearchStrategy[list[Derivation[int]]]:
    """Plans that stand on one another, needs first: small sums that collide, draws, and stages that fail."""
    return _nodes(size, operations).map(plans_of)


@st.composite
def histories(draw: DrawFn, size: int = 6, operations: Sequence[str] = OPERATIONS) -> list[list[Derivation[int]]]:
    """A dag, the same with parameters that move to and fro, and the first again."""
    nodes = draw(_nodes(size, operations))
    steps = [nodes]
    for _ in range(draw(st.integers(1, 3))):
        at, last = draw(st.integers(0, len(nodes) - 1)), steps[-1]
        moved = evolve(last[at], param=draw(st.integers(0, 2)))
        steps.append((*last[:at], moved, *last[at + 1 :]))
    return [plans_of(each) for each in [*steps, nodes]]


@frozen
class Lived:
    """A world, and what was realized in it, in order; the last of it is where it stands."""

    world: World
    history: tuple[tuple[Derivation[int], ...], ...]


@st.composite
def worlds(draw: DrawFn, size: int = 5) -> Lived:
    """Worlds in memory in which a history was realized. Their stages write no files: nothing is left on disk."""
    history = draw(histories(size))
    world = memory_world(Path(gettempdir()) / f"lightfx-{uuid4().hex}")
    for plans in history:
        unwrap(realize_all(world, plans))
    return Lived(world, tuple(map(tuple, history)))
