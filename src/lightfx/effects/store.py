"""The store, as the engine sees it: what is stored, what may be built, and the commit.

Every method takes a batch, so that a run of thousands costs few queries and few
syncs. Laws, which ``tests/conformance/`` asks of every implementation:

- what `commit` was given is listed afterwards, by derivation and by key, also
  by another world on the same store; committing it again changes nothing;
- `commit` is whole or not at all, and durable when it returns;
- the parts of the code of what was committed are found by its fingerprint;
- a claim is granted to one claimant at a time, and freed by its end;
- files that anything keeps are never dropped; what is ephemeral is listed with
  its files or without.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeAlias, final

from attrs import field, frozen
from returns.io import IOResult

from lightfx.core.config import Config
from lightfx.core.derivation import Parts, Realizer
from lightfx.core.failures import EngineFailure
from lightfx.core.listing import Listed
from lightfx.core.manifest import Manifest
from lightfx.core.names import Digest
from lightfx.core.outcome import Cause
from lightfx.core.realization import Realization
from lightfx.core.refs import DRef, RRef
from lightfx.effects.collecting import Collecting
from lightfx.effects.verifying import Verifying


@final
@frozen
class Entry:
    """A realization to store, with the config of its derivation, and what knows the parts of its code."""

    config: Config
    realization: Realization
    realizer: Realizer | None = field(default=None, eq=False, repr=False)
    told: Parts = field(default=(), eq=False, repr=False)

    def parts(self) -> Parts:
        """List the parts of the code that the config names, as far as they are known; to ask takes a moment.

        ``told`` are those that were stored elsewhere, of what is moved here.
        """
        if self.told:
            return self.told
        parts = () if self.realizer is None else self.realizer.parts()
        return parts if self.realizer is not None and parts and self.realizer.current(self.config) else ()


@final
@frozen
class Forbidden:
    """Something in an output folder that no object may hold: where, and why."""

    path: str
    why: str


Ingested: TypeAlias = Digest | Forbidden


class Store(Collecting, Verifying, Protocol):
    """Where realizations are kept, once, for ever."""

    def listed(self, drefs: Sequence[DRef], reading: frozenset[DRef]) -> IOResult[Sequence[Listed], EngineFailure]:
        """List what is stored of these derivations.

        Every LEFT comes with its record, and every realization of a derivation
        in ``reading``, or of a stage that asked for more as it ran.
        """
        ...

    def alike(self, keys: Sequence[Digest]) -> IOResult[Sequence[Listed], EngineFailure]:
        """List what is stored under these input keys, with records, by whomever, also just now."""
        ...

    def realizations(self, rrefs: Sequence[RRef]) -> IOResult[Mapping[RRef, Realization], EngineFailure]:
        """Read records. What is not stored is not in the answer."""
        ...

    def configs(self, drefs: Sequence[DRef]) -> IOResult[Mapping[DRef, Config], EngineFailure]:
        """Read the configs of derivations that have a realization."""
        ...

    def codes(self, fingerprints: Sequence[str]) -> IOResult[Mapping[str, Parts], EngineFailure]:
        """Say what the codes with these fingerprints consist of. What is not known is not in the answer."""
        ...

    def names(self, prefix: str, limit: int) -> IOResult[Sequence[str], EngineFailure]:
        """List the references, of derivations and of realizations, that begin with ``prefix``, sorted."""
        ...

    def newest(self, name: str | None, limit: int) -> IOResult[Sequence[Listed], EngineFailure]:
        """List the realizations that were stored last, newest first; of derivations called ``name``, if given."""
        ...

    def observe(self, paths: Sequence[Path]) -> IOResult[Mapping[Path, Digest | Cause], EngineFailure]:
        """Digest files and folders outside the store, as `ingest` would; what has not changed is not read again."""
        ...

    def claim(self, keys: Sequence[Digest]) -> IOResult[frozenset[Digest], EngineFailure]:
        """Ask to be the only one who builds these keys; gives those that were granted."""
        ...

    def release(self, keys: Sequence[Digest]) -> IOResult[None, EngineFailure]:
        """Give claims back."""
        ...

    def place(self) -> Path:
        """Name a private folder for an attempt, on the store's own file system. It is not made yet."""
        ...

    def discard(self, places: Sequence[Path]) -> IOResult[None, EngineFailure]:
        """Remove private folders, with all that is left in them."""
        ...

    def ingest(self, folders: Sequence[Path]) -> IOResult[Mapping[Path, Ingested], EngineFailure]:
        """Make folders into read-only objects, named by content and durable when it returns.

        What is there already is not stored twice.
        """
        ...

    def salvage(self, folder: Path) -> IOResult[None, EngineFailure]:
        """Remove from a half-done output folder what no object may hold."""
        ...

    def present(self, trees: Sequence[Digest]) -> IOResult[frozenset[Digest], EngineFailure]:
        """Tell which of these objects are there.

        A realization whose object is gone is as if it were not stored, unless
        it is ephemeral: then it is listed all the same, and this tells whether
        it has its files.
        """
        ...

    def drop(self, trees: Sequence[Digest]) -> IOResult[None, EngineFailure]:
        """Remove objects, except those that a realization has which is not ephemeral.

        What is not committed yet keeps nothing: commit first. Each object is
        there whole or not at all, and one that was dropped can be stored again.
        To drop what is gone is fine. While anyone else has the store open
        nothing is removed: he may be reading it, or have found it in the place
        of what he was to store. It is removed when the store is next closed by
        one who is alone on it.
        """
        ...

    def manifests(self, folders: Sequence[Path]) -> IOResult[Mapping[Path, Manifest | Forbidden], EngineFailure]:
        """List what is in folders, of objects or private ones, as `ingest` would; one that is not there is left out."""
        ...

    def commit(self, entries: Sequence[Entry]) -> IOResult[None, EngineFailure]:
        """Store these realizations together: all durable when it returns, or none."""
        ...

    def folder_of(self, tree: Digest) -> Path:
        """Name the folder of an object. Pure: nothing is looked at."""
        ...

    def close(self) -> IOResult[None, EngineFailure]:
        """Give back what is held: claims, files, the index."""
        ...
