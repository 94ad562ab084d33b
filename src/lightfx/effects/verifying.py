"""The part of a store that doubts: whether files are what they are named by, and what can be done where they are not.

Laws, which ``tests/conformance`` asks of every implementation:

- an object that was changed in any way that its manifest tells, or taken away, is
  unsound, and no other is;
- content that is ingested where the object of its name is damaged takes its place;
- `mend` loses nothing that is sound, killed at any moment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeAlias

from returns.io import IOResult

from lightfx.core.damage import Audit, Damage, LostObject, Repair, Verified
from lightfx.core.failures import EngineFailure
from lightfx.core.names import Digest

Source: TypeAlias = "Callable[[Sequence[Digest], Path], IOResult[Mapping[Digest, Path], EngineFailure]]"
"""Offers objects from elsewhere: of those that are asked for it puts what it has into folders below the path, which
is private and not made yet, and says which folder is which. It need not be believed: content is digested."""


class Verifying(Protocol):
    """Where damage is found and mended; a part of `lightfx.effects.store.Store`."""

    def unsound(self, trees: Sequence[Digest]) -> IOResult[Mapping[Digest, LostObject], EngineFailure]:
        """Tell which of these objects are gone, or are not what they are named by. Asked before files are handed on.

        A damaged object is not listed any more, unless it is ephemeral, until
        `ingest` was given the same content again, which takes its place.
        """
        ...

    def verify(self, audit: Audit) -> IOResult[Verified, EngineFailure]:
        """Read all that is stored, or what is asked for, and say what is not as it was written."""
        ...

    def mend(self, damages: Sequence[Damage]) -> IOResult[Sequence[Repair], EngineFailure]:
        """Mend what needs nothing made again: groups, rights, and what nobody names.

        Says of each of these what became of it. Fails with `InUse` where anyone
        else has the store open.
        """
        ...
