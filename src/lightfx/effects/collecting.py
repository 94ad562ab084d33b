"""The part of a store that forgets: roots, an inventory, and the removal of what is judged to be garbage.

Laws, which ``tests/conformance`` asks of every implementation:

- what `collect` was told to remove is listed no more, nor are its objects there,
  and all else is as it was; also by another world on the same store;
- nothing is removed that is not in the inventory that was judged;
- nothing is removed while anyone else has the store open: that is a failure, `InUse`;
- killed at any moment, a store lacks nothing of what was to stay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from returns.io import IOResult

from lightfx.core.failures import EngineFailure
from lightfx.core.inventory import Anchor, Garbage, Inventory
from lightfx.core.names import Digest


class Collecting(Protocol):
    """Where garbage is found and removed; a part of `lightfx.effects.store.Store`."""

    def roots(self) -> IOResult[Sequence[Anchor], EngineFailure]:
        """List the roots that hold, by name."""
        ...

    def hold(self, root: Anchor) -> IOResult[None, EngineFailure]:
        """Make a root, durable when it returns; one of the same name is replaced."""
        ...

    def let_go(self, name: str) -> IOResult[bool, EngineFailure]:
        """Remove a root; tells whether there was one of that name."""
        ...

    def sizes(self, trees: Sequence[Digest]) -> IOResult[Mapping[Digest, int], EngineFailure]:
        """Count the bytes of the files of objects. What is not there is not in the answer."""
        ...

    def inventory(self) -> IOResult[Inventory, EngineFailure]:
        """List all that is there."""
        ...

    def collect(self, judge: Callable[[Inventory], Garbage]) -> IOResult[Garbage, EngineFailure]:
        """Remove what ``judge`` says of the inventory of a store that nobody else has open; gives what it said."""
        ...
