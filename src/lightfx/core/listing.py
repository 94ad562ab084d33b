"""Listings: what a store answers when it is asked what there is.

A run looks at thousands of records, and of most it wants no more than what a
dependent may see. So a listing carries a record as it was written, and reads
of it what is asked for.
"""

from __future__ import annotations

from typing import Self, final

from attrs import frozen

from lightfx.core.names import Digest
from lightfx.core.realization import Realization, Result, Stored
from lightfx.core.records import read_realization, read_value


@final
@frozen
class View:
    """What dependents may see of a realization: its result, its files, and the end of its log."""

    result: Result
    tree: Digest | None = None
    log: str = ""

    @classmethod
    def of(cls, realization: Realization) -> Self:
        """See ``realization``."""
        return cls(realization.result, realization.tree, realization.log.tail if realization.log else "")


@final
@frozen
class Listed:
    """A stored realization; with its record, read or as it was written, where a decision may ask for it."""

    stored: Stored
    record: Realization | bytes | None = None

    @classmethod
    def whole(cls, realization: Realization) -> Self:
        """List ``realization`` with its record."""
        return cls(Stored.of(realization), realization)

    @property
    def realization(self) -> Realization | None:
        """The record, read; None where the listing has none."""
        if isinstance(self.record, bytes):
            return read_realization(self.record.decode(errors="replace")).value_or(None)
        return self.record

    @property
    def view(self) -> View | None:
        """What dependents may see; None where the listing has no record."""
        if isinstance(self.record, bytes) and self.stored.is_right:
            return View(*read_value(self.record))
        realization = self.realization
        return None if realization is None else View.of(realization)
