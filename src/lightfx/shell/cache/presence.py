"""What of some realizations a cache has not, whatever its tables tell.

Tables only lead to records. A bucket may be told to remove what is old, a folder
may be put back in part, a disk may rot: then they lead to what is gone. Who
brings results there asks here what is to be brought:

- what no table tells of, or only groups that were asked for in vain;
- what this reader found spoilt, or what is not signed by us though we sign;
- where it is looked at closely, as by ``lightfx push``: what lacks a group, a
  pack or a blob. A run does not look: that costs a request for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

from attrs import frozen
from returns.result import Failure, Result, Success

from lightfx.core.failures import CacheTrouble
from lightfx.core.manifest import Kind
from lightfx.core.names import Digest
from lightfx.core.realization import Realization
from lightfx.core.refs import RRef
from lightfx.plan.sharing import BLOBS, GROUP_COUNT, PACKS, Told, trees_of
from lightfx.shell.cache.catalogue import Catalogue
from lightfx.shell.cache.partner import Partner

_AT_ONCE: Final = 2 * GROUP_COUNT


@final
@frozen
class Presence:
    """Tells what a cache has; ``closely``: looks at each group and each file that its tables lead to."""

    partner: Partner
    catalogue: Catalogue
    closely: bool = False

    def absent(self, made: Sequence[Realization]) -> Result[frozenset[RRef], CacheTrouble]:
        """Say which of these are to be brought."""
        found: set[RRef] = set()
        for start in range(0, len(made), _AT_ONCE):
            absent = self._absent(made[start : start + _AT_ONCE])
            if isinstance(absent, Failure):
                return Failure(absent.failure())
            found |= absent.unwrap()
        return Success(frozenset(found))

    def _absent(self, made: Sequence[Realization]) -> Result[set[RRef], CacheTrouble]:
        told_of = {each.rref: each for each in made if self._is_told_of(each.rref)}
        absent = {each.rref for each in made if each.rref not in told_of}
        sign = self.partner.terms.sign
        if not told_of or (sign is None and not self.closely):
            return Success(absent)
        offers: dict[RRef, list[Told]] = {}
        for each in self.catalogue.told_of(rref.text for rref in told_of):
            if each.realization.rref in told_of:
                offers.setdefault(each.realization.rref, []).append(each)
        if sign is not None:
            mine = {rref: sign(each) for rref, each in told_of.items()}
            offers = {rref: [each for each in told if mine[rref] in each.signatures] for rref, told in offers.items()}
        absent |= {rref for rref in told_of if not offers.get(rref)}
        return self._lacking_files(offers).map(absent.union) if self.closely else Success(absent)

    def _is_told_of(self, rref: RRef) -> bool:
        return rref not in self.partner.spoilt and self.catalogue.has(rref.text)

    def _lacking_files(self, offers: dict[RRef, list[Told]]) -> Result[set[RRef], CacheTrouble]:
        """Say of which of these no offer has all its files."""
        packed: dict[int, dict[Digest, Digest]] = {}
        names = {rref: [_names(each, packed) for each in told] for rref, told in offers.items()}
        wanted = sorted({name for sets in names.values() for each in sets for name in each})
        there = self.partner.do(self.partner.cache.there(wanted)) if wanted else Success(frozenset[str]())
        return there.map(
            lambda found: {rref for rref, sets in names.items() if sets and not any(each <= found for each in sets)}
        )


def _names(told: Told, packed: dict[int, dict[Digest, Digest]]) -> frozenset[str]:
    """Where the files of a realization lie, by what its group says; ``packed`` keeps what was found out of groups."""
    group = told.group
    if group is None:
        return frozenset()
    packs = packed.get(id(group))
    if packs is None:
        packs = packed[id(group)] = dict(group.packed)
    files = {
        Digest(entry.data)
        for tree in trees_of(told.realization, group.objects)
        for entry in group.objects[tree]
        if entry.kind is Kind.FILE
    }
    return frozenset(f"{PACKS}/{packs[file].hex}" if file in packs else f"{BLOBS}/{file.hex}" for file in files)
