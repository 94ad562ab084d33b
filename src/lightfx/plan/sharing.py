"""What lies in a cache, and under which names; what is shared, and what of it can be believed. Pure.

``docs/store-format.md`` specifies it. In short::

    v1/blobs/<hex>    one file, named by its own digest
    v1/packs/<hex>    small files, one after the other, named by the digest of all of it
    v1/groups/<hex>   records, with the manifests of their objects, and signatures beside them
    v1/tables/<hex>   which groups tell of which input keys, derivations and realizations
    v1/tables         the names of all tables, for those who cannot list a folder

They are brought in this order, so nothing is found before all that it takes is
there. All but the last are named by content, so nothing is ever changed, and
many may write at once. A table only leads to records: it may lie, or be lost,
and then something is not found, or is looked at in vain. Tables that hold little
are put together by those who write (`to_merge`), or a cache that many write to
would hold as many as there were writers.

A group is read with the eyes that read archives (`lightfx.plan.packing`): a
realization is what its name says, a derivation its config, an object its
manifest. What it stands on need not come along.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, TypeAlias, final

from attrs import field, frozen
from returns.result import Failure, Result, Success

from lightfx.core.canonical import Tree
from lightfx.core.config import Config
from lightfx.core.derivation import Parts
from lightfx.core.given import flag
from lightfx.core.inventory import Item
from lightfx.core.manifest import Manifest
from lightfx.core.names import Digest
from lightfx.core.outcome import Left
from lightfx.core.realization import Realization, Value
from lightfx.core.records import spell_realization
from lightfx.core.refs import RRef
from lightfx.plan import replay
from lightfx.plan.limits import MOST_DEPTH, is_too_costly, is_too_deep
from lightfx.plan.packing import Freight, PackingList, read_objects, read_records
from lightfx.plan.trust import Accepted, Verdict

VERSION: Final = "v1"
BLOBS: Final = f"{VERSION}/blobs"
PACKS: Final = f"{VERSION}/packs"
GROUPS: Final = f"{VERSION}/groups"
TABLES: Final = f"{VERSION}/tables"
TABLE_LIST: Final = f"{VERSION}/tables.json"

SMALL: Final = 1 << 16
"""Files of so many bytes, or fewer, are put into packs."""
PACK_SIZE: Final = 1 << 20
MOST_PACK: Final = 1 << 23
GROUP_SIZE: Final = 1 << 20
GROUP_COUNT: Final = 512
MOST_GROUP: Final = 1 << 24
MOST_TABLE: Final = 1 << 23
TABLE_COUNT: Final = 40_000
MOST_ROWS: Final = 1024
"""So many groups are looked into for one name at most: tables may lie, and to look in vain takes time."""
MANY_TABLES: Final = 64
SMALL_TABLE: Final = 1 << 18

Signatures: TypeAlias = tuple[Tree, ...]
"""Signatures of a record, as they are kept beside it; who made them says how they are read."""


def _lefts(_: object, __: object, lefts: object) -> None:
    if lefts not in ("none", "replayable"):
        raise ValueError(f"lefts is {repr(lefts)[:100]}; it is 'replayable' or 'none'")


@final
@frozen
class Sharing:
    """What is shared over a cache, both ways; RIGHTs always are.

    ``lefts``: "replayable" are those that the same code would give again with
    the same inputs: what a stage returned or raised, but no trouble of its
    surroundings; "none": no LEFT.
    ``tolerated``: whether what stands on a LEFT that it tolerates is shared.

    >>> Sharing(lefts="nnone")
    Traceback (most recent call last):
    ...
    ValueError: lefts is 'nnone'; it is 'replayable' or 'none'
    """

    lefts: Literal["none", "replayable"] = field(default="replayable", validator=_lefts)
    tolerated: bool = field(default=True, validator=flag)

    def shares(self, made: Realization) -> bool:
        """Whether a realization is shared, for what it is itself.

        >>> from lightfx.core.outcome import TimedOut
        >>> left = Realization(RRef("a-b-c"), Digest("k"), 0, Digest("c"), TimedOut(3.0))
        >>> Sharing().shares(left)
        False
        """
        if isinstance(made.result, Value):
            return True
        return self.lefts == "replayable" and replay.replay_by_cause(Left(made.result)) is replay.Verdict.REPLAY

    def doubts(self, config: Config, made: Realization) -> tuple[RRef, ...]:
        """What must be no LEFT for a realization to be shared: what it stands on and would tolerate."""
        if self.tolerated:
            return ()
        tolerant = {reference for reference in config.references if reference.tolerate}
        return tuple(rref for reference, rrefs in made.context.entries if reference in tolerant for rref in rrefs)


USUAL: Final = Sharing()


# What a cache tells.


@final
@frozen
class Told:
    """One record of a cache: a realization with all that it takes to store it, and what is signed of it.

    ``others`` are further groups that have it.
    """

    realization: Realization
    config: Config
    parts: Parts = ()
    signatures: Signatures = ()
    group: Group | None = field(default=None, eq=False, repr=False)
    others: tuple[Group, ...] = field(default=(), eq=False, repr=False)


Judge: TypeAlias = Callable[[Sequence[Told]], Sequence[Verdict]]
"""Says of records whether each may be used. It is given all that a cache has of some inputs, at once."""

Sign: TypeAlias = Callable[[Realization], Tree]
"""Signs a realization; gives the signature as it is kept beside the record."""


def anyone(told: Sequence[Told]) -> Sequence[Verdict]:
    """Believe whoever can write to the cache."""
    return tuple(Accepted() for _ in told)


@final
@frozen
class Group:
    """Records that lie in a cache together; ``packs`` says which files are in which pack, in their order there."""

    freight: Freight
    objects: Mapping[Digest, Manifest]
    packs: Mapping[Digest, tuple[Digest, ...]] = field(factory=dict)
    signatures: Mapping[RRef, Signatures] = field(factory=dict)

    def spell(self) -> bytes:
        """Spell it: a line that says what is in it, and the records."""
        objects: dict[str, Tree] = {tree.text: [row.tree for row in rows] for tree, rows in self.objects.items()}
        packs: dict[str, Tree] = {pack.text: [each.text for each in files] for pack, files in self.packs.items()}
        signatures: dict[str, Tree] = {rref.text: list(signed) for rref, signed in self.signatures.items() if signed}
        head: Tree = {"objects": objects, "packs": packs, "signatures": signatures}
        return f"{json.dumps(head, separators=(',', ':'))}\n{self.freight.lines()}".encode()

    @classmethod
    def read(cls, data: bytes) -> Result[Group, str]:
        """Read it and judge it, or say what is wrong.

        >>> Group.read(b"{}").failure()
        'its packing list cannot be read'
        """
        if is_too_costly(data):
            return Failure("it has too many parts")
        try:
            head, _, lines = data.decode().partition("\n")
            fields = json.loads(head)
            packs = {_digest(pack): tuple(map(_digest, files)) for pack, files in fields.get("packs", {}).items()}
            signatures = {RRef(rref): tuple(each) for rref, each in fields.get("signatures", {}).items()}
        except (ValueError, TypeError, AttributeError, RecursionError):
            return Failure("it cannot be read")
        objects = read_objects(fields.get("objects"))
        if isinstance(objects, Failure):
            return Failure(objects.failure())
        packing = PackingList((), objects.unwrap())
        if any(map(is_too_deep, packing.objects.values())):
            return Failure(f"an object of it has more than {MOST_DEPTH} folders in one another")
        if not packing.files.keys() >= {file for files in packs.values() for file in files}:
            return Failure("a pack of it holds files that are in none of its objects")
        return read_records(packing, lines).map(lambda freight: cls(freight, packing.objects, packs, signatures))

    def told(self) -> Iterator[Told]:
        """Give each record by itself."""
        for each in self.freight.realizations:
            config = self.freight.configs[each.dref]
            yield Told(each, config, self.freight.parts_of(config), self.signatures.get(each.rref, ()), self)

    @property
    def sizes(self) -> Mapping[Digest, int]:
        """The files of all its objects."""
        return PackingList((), self.objects).files

    @property
    def packed(self) -> Mapping[Digest, Digest]:
        """In which pack each small file is."""
        return {file: pack for pack, files in self.packs.items() for file in files}


def _digest(text: object) -> Digest:
    digest = Digest.parse(text).value_or(None) if isinstance(text, str) else None
    if digest is None:
        raise ValueError(text)
    return digest


def batches(made: Iterable[Realization]) -> Iterator[list[Realization]]:
    """Part realizations into groups, in their order."""
    batch, size = list[Realization](), 0
    for each in made:
        long = len(spell_realization(each))
        if batch and (len(batch) >= GROUP_COUNT or size + long > GROUP_SIZE):
            yield batch
            batch, size = [], 0
        batch.append(each)
        size += long
    if batch:
        yield batch


def small_files(objects: Mapping[Digest, Manifest]) -> list[list[Digest]]:
    """Part the small files of objects into packs, in their order."""
    packs, room = list[list[Digest]](), 0
    for file, size in PackingList((), objects).files.items():
        if size <= SMALL:
            if size > room or not packs:
                packs.append([])
                room = PACK_SIZE
            packs[-1].append(file)
            room -= size
    return packs


def large_files(objects: Mapping[Digest, Manifest]) -> Mapping[Digest, int]:
    """The files that are brought each by itself, with their sizes."""
    return {file: size for file, size in PackingList((), objects).files.items() if size > SMALL}


def trees_of(made: Realization, objects: Mapping[Digest, Manifest]) -> list[Digest]:
    """The objects of a realization, as far as they are there."""
    return [tree for tree in sorted(Item.of(made).trees) if tree in objects]


# Tables.


def token(text: str) -> int:
    """What stands for a key or a reference in a table; that two share one does no harm.

    >>> token("a") == token("a") != token("b")
    True
    """
    return int(Digest.of(text.encode()).hex[:16], 16)


def names_of(made: Realization) -> tuple[str, ...]:
    """What a realization is found by: its input key, its derivation, itself, and its objects."""
    return made.key.text, made.dref.text, made.rref.text, *sorted(tree.text for tree in Item.of(made).trees)


def tokens_of(made: Realization) -> tuple[int, ...]:
    """What stands in a table for a realization."""
    return tuple(map(token, names_of(made)))


@final
@frozen
class Row:
    """What a table says of one group: its digest, its size in bytes, and what it is found by."""

    group: Digest
    size: int
    tokens: tuple[int, ...]


def spell_table(rows: Iterable[Row]) -> bytes:
    """Spell a table; one of the same rows is the same table.

    >>> read_table(spell_table([Row(Digest.of(b""), 5, (7, 9))])).unwrap()[0].tokens
    (7, 9)
    """
    spelled = [
        [row.group.hex, row.size, "".join(f"{each:016x}" for each in row.tokens)]
        for row in sorted(set(rows), key=lambda row: (row.group, row.size, row.tokens))
    ]
    return json.dumps(spelled, separators=(",", ":")).encode()


def read_table(data: bytes) -> Result[tuple[Row, ...], str]:
    """Read a table, or say that it is none.

    >>> read_table(b"[[]]").failure()
    'it is no table'
    """
    if is_too_costly(data):
        return Failure("it has too many parts")
    try:
        return Success(tuple(_row(*each) for each in json.loads(data)))
    except (ValueError, TypeError, RecursionError):
        return Failure("it is no table")


def _row(group: str, size: int, tokens: str) -> Row:
    if type(size) is not int or not 0 <= size <= MOST_GROUP or len(tokens) % 16:
        raise ValueError(size)
    data = bytes.fromhex(tokens)
    found = tuple(int.from_bytes(data[start : start + 8], "big") for start in range(0, len(data), 8))
    return Row(_digest(f"blake3:{group}"), size, found)


def table_list(tables: Mapping[str, int]) -> bytes:
    """Spell the names of all tables, with the bytes that each takes in the cache.

    >>> read_table_list(table_list({"v1/tables/00": 7})).unwrap()
    {'v1/tables/00': 7}
    """
    return json.dumps(dict(sorted(tables.items())), separators=(",", ":")).encode()


def read_table_list(data: bytes) -> Result[Mapping[str, int], str]:
    """Read the names of all tables, or say that it is none of them."""
    if is_too_costly(data):
        return Failure("it has too many parts")
    try:
        return Success({str(name): int(size) for name, size in json.loads(data).items()})
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return Failure("it is no list of tables")


def to_merge(tables: Mapping[str, int]) -> tuple[str, ...]:
    """Which tables to put together, by name and size; none where they are few.

    >>> to_merge({"a": 10, "b": 10})
    ()
    """
    small = sorted(name for name, size in tables.items() if size < SMALL_TABLE)
    return tuple(small) if len(small) > MANY_TABLES else ()
