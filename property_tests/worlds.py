"""Small graphs of toys, what becomes of them by the simplest possible reckoning, and strategies for both.

Few operations over few numbers, so that contents collide and cutoff happens.
The code of a node is its operation alone: nodes that compute the same from the
same are two derivations with one key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from attrs import evolve, frozen
from hypothesis import strategies as st
from toys import Made, given, toy

from lightfx.core.derivation import Dependency, Derivation
from lightfx.core.matching import Some
from lightfx.core.outcome import Died, Raised, Returned
from lightfx.core.realization import BuildOrder, Value

OUTPUTS = {"pair": 2}
TOLERATED = 7


@frozen
class Use:
    """A use of an earlier node: the first of its realizations, or the first ``many``."""

    need: int
    many: int = 0
    tolerate: bool = False


@frozen
class Spec:
    """One node: an operation, its parameter, and what it stands on."""

    op: str
    param: int = 0
    uses: tuple[Use, ...] = ()


Small: TypeAlias = tuple[Spec, ...]


def compute(op: str, param: int, total: int, index: int) -> Made:
    """What a node makes of the sum of its inputs."""
    match op:
        case "add":
            return Value((param + total) % 3)
        case "blind":
            return Value(0)
        case "draw" | "pair":
            return Value((param + total + index) % 3)
        case "even" if (param + total) % 2 == 0:
            return Returned("Even", {"sum": param + total, "by": "even"})
        case "even":
            return Value(param + total)
        case "raises":
            return Raised("ValueError", ("ValueError", "Exception"), f"{param}", "")
        case "dies":
            return Died(None, "SIGKILL")
        case _:
            raise ValueError(op)


def worth(made: Made) -> int:
    """What an input counts: a tolerated LEFT as much as any other."""
    return made.tree if isinstance(made, Value) and isinstance(made.tree, int) else TOLERATED


def plans(world: Small) -> list[Derivation[object]]:
    """Plan every node."""
    made: list[Derivation[object]] = []
    for number, spec in enumerate(world):

        def work(order: BuildOrder, index: int, spec: Spec = spec) -> Made:
            total = sum(worth(each) for group in given(order) for each in group)
            return compute(spec.op, spec.param, total, index)

        needs = [_need(made[use.need], use) for use in spec.uses]
        made.append(
            toy(
                f"{spec.op}-{number}",
                work,
                *needs,
                outputs=OUTPUTS.get(spec.op, 1),
                code=spec.op,
                param=spec.param,
            )
        )
    return made


def _need(plan: Derivation[object], use: Use) -> Dependency:
    used: Derivation[object] = plan.collect(Some(use.many)) if use.many else plan
    return used.tolerate() if use.tolerate else used


@frozen
class Fate:
    """What becomes of a node: its values by index, or the nodes that it blames, itself if it failed."""

    op: str = ""
    param: int = 0
    total: int = 0
    roots: frozenset[int] = frozenset()

    def made(self, index: int) -> Made:
        return compute(self.op, self.param, self.total, index)

    @property
    def stands_on_left(self) -> bool:
        return not self.op


def fates(world: Small) -> list[Fate]:
    """Reckon, node by node, what an engine must come to. Failures do not depend on the index."""
    known: list[Fate] = []
    for number, spec in enumerate(world):
        blamed = frozenset[int]().union(*(known[use.need].roots for use in spec.uses if not use.tolerate))
        if blamed:
            known.append(Fate(roots=blamed))
            continue
        total = sum(_worth(known[use.need], use) for use in dict.fromkeys(spec.uses))
        fate = Fate(spec.op, spec.param, total)
        failed = not isinstance(fate.made(0), Value)
        known.append(evolve(fate, roots=frozenset({number} if failed else ())))
    return known


def _worth(fate: Fate, use: Use) -> int:
    count = max(1, use.many)
    if fate.roots:
        return TOLERATED * count if not fate.stands_on_left else TOLERATED
    return sum(worth(fate.made(index)) for index in range(count))


OPS = ("add", "add", "blind", "draw", "pair", "even", "even", "raises", "dies")
REPLAYED_OPS = OPS[:-1]


@st.composite
def small_worlds(draw: st.DrawFn, ops: Sequence[str] = OPS, size: int = 7) -> Small:
    """Up to ``size`` nodes, each with up to three uses of earlier ones, no use twice."""
    specs: list[Spec] = []
    for number in range(draw(st.integers(1, size))):
        uses: list[Use] = []
        if number:
            use = st.builds(Use, st.integers(0, number - 1), st.sampled_from((0, 0, 1, 2, 3)), st.booleans())
            uses = draw(st.lists(use, max_size=3, unique=True))
        specs.append(Spec(draw(st.sampled_from(ops)), draw(st.integers(0, 2)), tuple(uses)))
    return tuple(specs)


@st.composite
def histories(draw: st.DrawFn, ops: Sequence[str] = REPLAYED_OPS) -> list[Small]:
    """A world, and the same with parameters that move to and fro."""
    world = draw(small_worlds(ops))
    history = [world]
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(world) - 1))
        last = history[-1]
        history.append((*last[:at], evolve(last[at], param=draw(st.integers(0, 2))), *last[at + 1 :]))
    return [*history, world]
