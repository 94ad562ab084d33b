"""The ledger of a run: what is known of each node so far, and of all together.

It is mutable, and belongs to the step machine (`lightfx.plan.schedule`); others
ask it by `State.finished`, `State.selection` and the counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeAlias, final

from attrs import Factory, define

from lightfx.core.config import Reference
from lightfx.core.listing import Listed
from lightfx.core.names import Digest
from lightfx.core.outcome import Cause
from lightfx.core.realization import Context, Selection, Stored
from lightfx.core.refs import DRef, RRef
from lightfx.plan.graph import Graph
from lightfx.plan.moves import Run
from lightfx.plan.rebuild import FolderOf
from lightfx.plan.replay import ReplayPolicy
from lightfx.plan.wishes import Wishes

Chosen: TypeAlias = tuple[Listed, ...]

# Shared by all nodes that have nothing of the kind: most of a hundred thousand.
_NONE_CHOSEN: Final[Mapping[str, Chosen]] = MappingProxyType({})
_NO_CONTEXT: Final = Context(())


@final
@define(eq=False)
class Aside:
    """What few nodes have.

    ``traces``: realizations that stand if what they asked for is the same
    again. ``asked``: what the stage asked for in this run, and the nodes
    behind it. ``held``: runs that wait until that is there, or until files are
    there again. ``remade``: files of which realizations are made again, and who
    waits for them. ``stale``: what was made again came out otherwise.
    ``barred``: its files are gone, and do not come back in this run.
    ``sought``: the traces were found by key, and nothing else is to be found.
    ``times``: how often it asked.
    """

    traces: Sequence[Listed] = ()
    sought: bool = False
    times: int = 0
    asked: dict[Reference, int] = Factory(dict)
    held: list[Run] = Factory(list)
    remade: dict[RRef, list[int]] = Factory(dict)
    stale: bool = False
    barred: bool = False


@final
@define(eq=False)
class Progress:
    """The ledger of one node: what is known of it so far."""

    unmet: int
    key: Digest | None = None
    observed: str = ""
    context: Context = _NO_CONTEXT
    own: Sequence[Listed] = ()
    candidates: list[Listed] = Factory(list)
    runs: int = 0
    ran: bool = False
    told: bool = False
    inherited: bool = False
    chosen: Mapping[str, Chosen] = _NONE_CHOSEN
    settled: bool = False
    shadow: bool = False
    aside: Aside | None = None

    @property
    def margin(self) -> Aside:
        """What few nodes have, made when it is first needed."""
        if self.aside is None:
            self.aside = Aside()
        return self.aside


@final
@define(eq=False)
class State:
    """The ledger of a run. It belongs to `step`; ask it by `finished`, `selection` and the counts.

    ``roots`` is what is LEFT of itself, where the run may stop for that.
    ``stopped`` says why what is not settled will not be, where it was stopped.

    ``open`` counts the nodes to settle, shadows apart; ``remaking`` the files
    to make again. ``busy`` are nodes whose key someone else builds, ``put_off``
    runs whose files someone else may be making again. ``awaited`` holds who
    waits for the configs of derivations, ``users`` how many have yet to use an
    ephemeral node, ``holders`` for whose sake an object must stay that may be
    dropped: nodes that are used still, and ``~number`` for what is made again
    of it. Two nodes may have one object. ``touched`` are those that this run made or
    read.

    ``selections`` is what records say of choices, by derivation, matcher and
    candidates; ``selected`` what was said of choices of this run, ``selecting``
    which nodes stand on any (`lightfx.plan.selections`).
    """

    graph: Graph
    policy: ReplayPolicy
    folder_of: FolderOf
    wishes: Wishes
    ledger: list[Progress]
    open: int
    causes: dict[RRef, Cause] = Factory(dict)
    builders: dict[Digest, int] = Factory(dict)
    makers: dict[Digest, int] = Factory(dict)
    followers: dict[Digest, list[int]] = Factory(dict)
    busy: dict[int, Digest] = Factory(dict)
    put_off: list[Run] = Factory(list)
    awaited: dict[DRef, list[int]] = Factory(dict)
    users: dict[int, int] = Factory(dict)
    holders: dict[Digest, set[int]] = Factory(dict)
    selections: dict[tuple[DRef, str, Digest], tuple[RRef, ...]] = Factory(dict)
    selected: dict[tuple[int, str], Selection] = Factory(dict)
    selecting: dict[int, bool] = Factory(dict)
    touched: set[Digest] = Factory(set)
    remaking: int = 0
    reused: int = 0
    cut_off: int = 0
    inherited: int = 0
    ran: int = 0
    failed: int = 0
    roots: set[DRef] = Factory(set)
    stopped: str = ""

    @property
    def enough(self) -> bool:
        """Whether so many are LEFT of themselves that nothing more is wished."""
        return self.wishes.stop_after is not None and len(self.roots) >= self.wishes.stop_after

    @property
    def finished(self) -> bool:
        """Whether every node is settled, and all files are there that were to be made again."""
        return self.open == 0 and self.remaking == 0

    @property
    def total(self) -> int:
        """How many derivations the run is over, as far as is known."""
        return len(self.ledger) - len(self.graph.shadows)

    def selection(self, node: int, reference: Reference) -> Chosen | None:
        """The realizations that a use of a node was resolved to; None where it is not settled."""
        return self.ledger[node].chosen.get(reference.matcher)

    def observed(self, node: int) -> str:
        """The digest of what a node observed outside; "" where it observes nothing."""
        return self.ledger[node].observed

    def is_barred(self, node: int) -> bool:
        """Whether files of a node are gone, and do not come back in this run."""
        aside = self.ledger[node].aside
        return aside is not None and aside.barred

    def knows(self, stored: Stored, node: int) -> bool:
        """Whether a node has seen a realization under its key, told or untold."""
        progress = self.ledger[node]
        seen = (*progress.candidates, *(row for row in progress.own if row.stored.key == stored.key))
        return any((row.stored.index, row.stored.content) == (stored.index, stored.content) for row in seen)
