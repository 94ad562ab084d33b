"""What a cache is known to hold: its tables, read once each, and the groups that were looked at last.

Nothing of it is kept longer than the world. Tables are listed again when the
list is `FRESH` seconds old, so a run sees what others bring while it goes on,
and asks nothing more than that for what is not there. Groups are read a few at
a time, since nobody knows what is in them before.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, final

from attrs import Factory, define
from returns.result import Failure, Result, Success

from lightfx.core.failures import CacheTrouble
from lightfx.core.names import Digest
from lightfx.effects.cache import Failed, Missing, Pieces, Taken, Unfit, Want
from lightfx.plan.sharing import (
    GROUPS,
    MOST_GROUP,
    MOST_ROWS,
    MOST_TABLE,
    TABLE_LIST,
    TABLES,
    Group,
    Row,
    Told,
    names_of,
    read_table,
    read_table_list,
    token,
)
from lightfx.shell.cache.partner import Partner
from lightfx.shell.cache.sealing import most_of, whole

FRESH: Final = 20.0
MOST_TOKENS: Final = 5_000_000
"""So many names are kept in memory at most, for which they take some 600 MB: whoever can write may make any number."""
TABLES_AT_ONCE: Final = 8
_TABLE: Final = re.compile(rf"{TABLES}/([0-9a-f]{{64}})")


@final
@define(eq=False)
class Catalogue:
    """The catalogue of one cache; ``over`` are tables for which there is no room now, beside ``count`` names."""

    partner: Partner
    elapsed: Callable[[], float] = time.monotonic
    looked: float | None = None
    tables: dict[str, tuple[Row, ...]] = Factory(dict)
    found: dict[int, dict[Digest, Row]] = Factory(dict)
    groups: OrderedDict[Digest, tuple[Group, int]] = Factory(OrderedDict)
    unfit: set[str] = Factory(set)
    gone: set[str] = Factory(set)
    over: set[str] = Factory(set)
    count: int = 0

    def told_of(self, texts: Iterable[str]) -> list[Told]:
        """Give the records of these input keys, derivations, realizations and objects, as far as they can be had."""
        if self.partner.is_left_alone:
            return []
        self._look()
        wanted = dict.fromkeys(texts)  # in their order: a set has another in each process
        rows: dict[Digest, Row] = {}
        for text in wanted:
            rows.update(self.found.get(token(text), {}))
        told: list[Told] = []
        for group in self._read(list(rows.values())):
            told += [each for each in group.told() if not wanted.keys().isdisjoint(names_of(each.realization))]
        return told

    def has(self, text: str) -> bool:
        """Whether the tables tell of it, by a group that was not asked for in vain; they may lie."""
        return any(not self._is_lost(row) for row in self.found.get(token(text), {}).values())

    def _is_lost(self, row: Row) -> bool:
        name = _group_name(row)
        return name in self.unfit or name in self.gone

    def refresh(self) -> Result[Mapping[str, int], CacheTrouble]:
        """List the tables now, and read those that are new; gives all, with their sizes."""
        listed = self._listed()
        self.looked = self.elapsed()
        if isinstance(listed, Failure):
            return listed
        names = {name: size for name, size in listed.unwrap().items() if _TABLE.fullmatch(name)}
        if gone := self.tables.keys() - names.keys():  # first: what is told of twice, since it was merged, has no room
            self._forget(gone)
        fresh = [name for name in sorted(names) if not (name in self.tables or name in self.unfit or name in self.over)]
        began = self.partner.elapsed()
        for start in range(0, len(fresh), TABLES_AT_ONCE):
            if self.partner.takes_too_long(began):
                break
            some = fresh[start : start + TABLES_AT_ONCE]
            for name, data in self._fetched({name: (_digest_of(name), MOST_TABLE) for name in some}):
                self._take(name, read_table(data))
        return Success(names)

    def _look(self) -> None:
        if self.looked is None or self.elapsed() - self.looked > FRESH:
            self.gone.clear()  # who lists late may give late
            self.refresh()

    def _listed(self) -> Result[Mapping[str, int], CacheTrouble]:
        cache = self.partner.cache
        if cache.lists:
            return self.partner.do(cache.names(TABLES))
        for _, data in self._fetched({TABLE_LIST: (None, MOST_TABLE)}):
            listed = read_table_list(data)
            if isinstance(listed, Success):
                return Success(listed.unwrap())
            self.partner.refuse(TABLE_LIST, listed.failure())
        return Success(dict.fromkeys(self.tables, 0))

    def _take(self, name: str, read: Result[tuple[Row, ...], str]) -> None:
        if isinstance(read, Failure):
            self._refuse(name, read.failure())
            return
        rows = read.unwrap()
        if self.count + _count(rows) > MOST_TOKENS:
            self.over.add(name)
            self.partner.refuse(name, f"with it the cache would tell of more than {MOST_TOKENS:,} names")
            return
        self.tables[name] = rows
        self.count += _count(rows)
        for row in rows:
            self._find(row)

    def _forget(self, names: Iterable[str]) -> None:
        """Forget tables that are gone, and what they alone told of: others put them together, or emptied the cache."""
        told = [row for name in names for row in self.tables.pop(name)]
        self.count -= _count(told)
        self.over.clear()
        gone = {row.group for row in told}
        if gone <= {row.group for rows in self.tables.values() for row in rows}:
            return
        self.found.clear()
        for rows in self.tables.values():
            for row in rows:
                self._find(row)

    def _find(self, row: Row) -> None:
        alone = {row.group: row}  # most names are told of once: those of one row share it, or each would take 300 bytes
        for each in row.tokens:
            known = self.found.setdefault(each, alone)
            if known is alone or row.group in known or len(known) >= MOST_ROWS:
                continue
            if len(known) == 1:
                self.found[each] = {**known, row.group: row}
            else:
                known[row.group] = row

    def _read(self, rows: Sequence[Row]) -> Iterator[Group]:
        """Read groups, those first that are at hand; never more at a time than one of the largest kind takes."""
        for row in rows:
            if row.group in self.groups:
                self.groups.move_to_end(row.group)
                yield self.groups[row.group][0]
        lacking = [row for row in rows if row.group not in self.groups and not self._is_lost(row)]
        lacking.reverse()
        began = self.partner.elapsed()
        while lacking and not self.partner.is_left_alone and not self.partner.takes_too_long(began):
            batch, size = list[Row](), 0
            while lacking and (not batch or size + lacking[-1].size <= MOST_GROUP):
                batch.append(lacking.pop())
                size += batch[-1].size
            for name, data in self._fetched({_group_name(row): (row.group, row.size) for row in batch}):
                group = Group.read(data)
                if isinstance(group, Failure):
                    self._refuse(name, group.failure())
                else:
                    yield self._keep(_digest_of(name), group.unwrap(), len(data))

    def _keep(self, digest: Digest, group: Group, size: int) -> Group:
        self.groups[digest] = (group, size)
        while len(self.groups) > 1 and sum(each for _, each in self.groups.values()) > MOST_GROUP:
            self.groups.popitem(last=False)
        return group

    def _fetched(self, wanted: Mapping[str, tuple[Digest | None, int]]) -> Iterator[tuple[str, bytes]]:
        """Fetch what is small, and give what is right; the rest is noted."""
        come: dict[str, bytes] = {}

        def taking(name: str, digest: Digest | None, most: int) -> Want:
            def take(pieces: Pieces) -> Result[None, str]:
                opened = whole(pieces, digest, most)
                come.update({name: opened.value_or(b"")})
                return opened.map(lambda _: None)

            return Want(name, most_of(most), take)

        wants = [taking(name, digest, most) for name, (digest, most) in wanted.items()]
        for name, fate in self.partner.fetch(wants).items():
            match fate:
                case Taken():
                    yield name, come[name]
                case Unfit(why):
                    self._refuse(name, why)
                case Missing() if name.startswith(GROUPS):
                    self.gone.add(name)
                case Missing() | Failed():  # tables are put together, and go; trouble is counted already
                    pass

    def _refuse(self, name: str, why: str) -> None:
        self.unfit.add(name)
        self.partner.unfit.add(name)
        self.partner.refuse(name, why)


def _count(rows: Iterable[Row]) -> int:
    return sum(len(row.tokens) for row in rows)


def _group_name(row: Row) -> str:
    return f"{GROUPS}/{row.group.hex}"


def _digest_of(name: str) -> Digest:
    return Digest(f"blake3:{name.rpartition('/')[2]}")
