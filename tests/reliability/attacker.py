"""Somebody who can write to a cache, knows its format, and may have a key of his own, but none that is trusted.

He keeps names true where he can: a group that he changed has the name of its bytes, and tables lead to it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from attrs import evolve
from returns.result import Success

from lightfx.core.names import Digest
from lightfx.core.realization import Realization, content_of, key_with
from lightfx.core.records import spell_result
from lightfx.core.refs import RRef
from lightfx.plan.sharing import Group, Row, read_table, spell_table, table_list, tokens_of
from lightfx.shell.cache.sealing import sealed, whole

MOST = 1 << 30


class Attacker:
    """One who writes to the cache in a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    # Bytes.

    def paths(self, kind: str) -> list[Path]:
        """Everything of a kind: blobs, packs, groups, tables."""
        return sorted((self.root / "v1" / kind).iterdir())

    def flip(self, kind: str, at: float = 0.5, of: int = 0) -> None:
        """Flip a bit, at a place between the beginning (0) and the end (1)."""
        path = self.paths(kind)[of]
        data = bytearray(path.read_bytes())
        data[int(at * (len(data) - 1))] ^= 1
        self.write(path, bytes(data))

    def cut(self, kind: str) -> None:
        for path in self.paths(kind):
            self.write(path, path.read_bytes()[:-7])

    def append(self, kind: str, more: bytes = b"more") -> None:
        for path in self.paths(kind):
            self.write(path, path.read_bytes() + more)

    def swap(self, kind: str) -> None:
        first, second, *_ = self.paths(kind)
        one, two = first.read_bytes(), second.read_bytes()
        self.write(first, two)
        self.write(second, one)

    def say(self, kind: str, change: Callable[[str], str]) -> None:
        """Change the line that says how the bytes are spelled."""
        for path in self.paths(kind):
            line, _, rest = path.read_bytes().partition(b"\n")
            self.write(path, change(line.decode()).encode() + b"\n" + rest)

    def remove(self, kind: str) -> None:
        for path in self.paths(kind):
            path.unlink()

    def write(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def put(self, name: str, data: bytes) -> None:
        """Put bytes there, sealed as lightfx does it."""
        self.write(self.root / name, b"".join(sealed(name, data).pieces()))

    # Meaning.

    def groups(self) -> Iterator[tuple[Path, Group, bytes]]:
        for path in self.paths("groups"):
            data = whole(iter([path.read_bytes()]), None, MOST).unwrap()
            yield path, Group.read(data).unwrap(), data

    def rewrite(self, change: Callable[[bytes], bytes]) -> None:
        """Change what groups say, byte by byte, and let names and tables follow."""
        rows = [row for path in self.paths("tables") for row in self._rows(path)]
        told = {row.group: row for row in rows}
        for path, group, data in list(self.groups()):
            new = change(data)
            old = told[Digest(f"blake3:{path.name}")]
            tokens = {*old.tokens, *(each for made in group.freight.realizations for each in tokens_of(made))}
            again = Group.read(new)
            if isinstance(again, Success):
                tokens |= {each for made in again.unwrap().freight.realizations for each in tokens_of(made)}
            digest = Digest.of(new)
            path.unlink()
            self.put(f"v1/groups/{digest.hex}", new)
            told[old.group] = Row(digest, len(new), tuple(sorted(tokens)))
        self.tell(told.values())

    def tell(self, rows: Iterator[Row] | list[Row] | object) -> None:
        """Let one table lead to groups, in place of all that there were."""
        self.remove("tables")
        table = spell_table(rows)  # type: ignore[arg-type]  # rows, in whatever they come
        name = f"v1/tables/{Digest.of(table).hex}"
        self.put(name, table)
        self.put("v1/tables.json", table_list({name: len(table)}))

    def _rows(self, path: Path) -> tuple[Row, ...]:
        return read_table(whole(iter([path.read_bytes()]), None, MOST).unwrap()).unwrap()

    def head(self, change: Callable[[dict[str, object]], None]) -> None:
        """Change the line of a group that says what is in it."""

        def changed(data: bytes) -> bytes:
            head, _, rest = data.partition(b"\n")
            fields = json.loads(head)
            change(fields)
            return json.dumps(fields, separators=(",", ":")).encode() + b"\n" + rest

        self.rewrite(changed)

    def records(self, change: Callable[[Realization], Realization]) -> None:
        """Change realizations, and let all that is named by content follow; signatures stay beside the records."""

        def changed(data: bytes) -> bytes:
            group = Group.read(data).unwrap()
            made = tuple(change(each) for each in group.freight.realizations)
            names = {old.rref: new.rref for old, new in zip(group.freight.realizations, made, strict=True)}
            signatures = {names[rref]: signed for rref, signed in group.signatures.items()}
            return evolve(group, freight=evolve(group.freight, realizations=made), signatures=signatures).spell()

        self.rewrite(changed)

    def sign(self, sign: Callable[[Realization], object]) -> None:
        """Put other signatures beside the records."""

        def changed(data: bytes) -> bytes:
            group = Group.read(data).unwrap()
            signatures = {each.rref: (sign(each),) for each in group.freight.realizations}
            return evolve(group, signatures=signatures).spell()  # type: ignore[arg-type]  # trees

        self.rewrite(changed)


def renamed(made: Realization, **changes: object) -> Realization:
    """Change a realization, and name it by what it holds then."""
    new = evolve(made, **changes)  # type: ignore[arg-type]  # fields by name
    content = content_of(spell_result(new.result), new.tree)
    rref = RRef.of(new.dref, key=key_with(new.key, new.asked), index=new.index, content=content.text)
    return evolve(new, content=content, rref=rref)
