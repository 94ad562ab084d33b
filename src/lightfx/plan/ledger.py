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
from lightfx.core.realization import Context, Stored
from lightfx.core.refs import RRef
from lightfx.plan.graph import Graph
from lightfx.plan.rebuild import FolderOf
from lightfx.plan.replay import ReplayPolicy

Chosen: TypeAlias = tuple[Listed, ...]

# Shared by all nodes that have nothing of the kind: most of a hundred thousand.
_NONE_CHOSEN: Final[Mapping[str, Chosen]] = MappingProxyType({})
_NO_CONTEXT: Final = Context(())


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


@final
@define(eq=False)
class State:
    """The ledger of a run. It belongs to `step`; ask it by `finished`, `selection` and the counts."""

    graph: Graph
    policy: ReplayPolicy
    folder_of: FolderOf
    ledger: list[Progress]
    open: int
    causes: dict[RRef, Cause] = Factory(dict)
    builders: dict[Digest, int] = Factory(dict)
    makers: dict[Digest, int] = Factory(dict)
    followers: dict[Digest, list[int]] = Factory(dict)
    busy: dict[int, Digest] = Factory(dict)
    reused: int = 0
    cut_off: int = 0
    inherited: int = 0
    ran: int = 0
    failed: int = 0

    @property
    def finished(self) -> bool:
        """Whether every node is settled."""
        return self.open == 0

    def selection(self, node: int, reference: Reference) -> Chosen:
        """The realizations that a use of a settled node was resolved to."""
        return self.ledger[node].chosen[reference.matcher]

    def observed(self, node: int) -> str:
        """The digest of what a node observed outside; "" where it observes nothing."""
        return self.ledger[node].observed

    def knows(self, stored: Stored, node: int) -> bool:
        """Whether a node has seen a realization under its key, told or untold."""
        progress = self.ledger[node]
        seen = (*progress.candidates, *(row for row in progress.own if row.stored.key == stored.key))
        return any((row.stored.index, row.stored.content) == (stored.index, stored.content) for row in seen)
