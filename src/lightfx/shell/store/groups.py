"""Groups of records: one immutable file of JSON lines for each commit, named by the digest of its bytes.

A derivation stands before its first realization of that process, as
``{"config":...,"derivation":...}``, and before that, where it is the first of
that process with this code, what the code consists of, as
``{"code":...,"parts":...}``; every other line is a realization. What is
read is judged: a group by its name, a single line by a checksum that was taken
when the whole group was known to be sound. What was flipped on the disk is
damage, never another result.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias, final
from zlib import crc32

from attrs import frozen

from lightfx.core.canonical import Tree, spell_checked
from lightfx.core.config import Config
from lightfx.core.derivation import Parts
from lightfx.core.failures import DamagedRecord
from lightfx.core.layout import RECORDS, records_path
from lightfx.core.names import Digest
from lightfx.core.realization import Realization, Stored
from lightfx.core.records import read_realization, spell_realization
from lightfx.core.refs import DRef
from lightfx.effects.store import Entry
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.store.trouble import StoreTroubleError

Span: TypeAlias = tuple[int, int, int]
Place: TypeAlias = tuple[str, Span]
Subject: TypeAlias = Realization | DRef | str
"""What a line is about: a realization, a derivation, or the fingerprint of a code."""

SUFFIX: Final = ".jsonl"
AT_ONCE: Final = 1 << 24
_AWAY: Final = "; `lightfx verify --repair` saves what is sound of it, and the rest is computed anew"
_NEVER: Final = "; if it never can be, move it away by hand, and what it held is computed anew"
_UNREADABLE: Final = frozenset({errno.EIO, errno.EUCLEAN, errno.EBADMSG, errno.EISDIR, errno.ELOOP})
_MISPLACED: Final = "is not where the index says: delete the index"
_CODE: Final = re.compile(r'\{"code":"([^"\\]+)","parts":\[.*\]\}\n')
_DERIVATION: Final = re.compile(r'\{"config":.*,"derivation":"([^"]+)"\}\n')


@final
@frozen
class Group:
    """One group: its file name, its bytes, and where in them each record lies (start, size, checksum)."""

    name: str
    data: bytes
    derivations: Sequence[tuple[DRef, Span]]
    realizations: Sequence[tuple[Stored, Span]]
    codes: Sequence[tuple[str, Span]] = ()


def spell_group(entries: Iterable[Entry], described: Container[str], coded: Container[str] = ()) -> Group:
    """Spell what is to be stored; derivations ``described`` and fingerprints ``coded`` elsewhere are not told again."""
    here: set[str] = set()
    pieces: list[bytes] = []
    derivations: list[tuple[DRef, Span]] = []
    codes: dict[str, Span] = {}
    realizations: list[tuple[Stored, Span]] = []
    start = 0
    for entry in entries:
        dref = entry.realization.dref
        if dref.text not in here and dref.text not in described:
            fingerprint = entry.config.fingerprint
            if fingerprint and fingerprint not in codes and fingerprint not in coded and (parts := entry.parts()):
                line = _spell_code(fingerprint, parts)
                codes[fingerprint] = _span(start, line)
                pieces.append(line)
                start += len(line)
            line = f'{{"config":{entry.config.text},"derivation":"{dref.text}"}}\n'.encode()
            derivations.append((dref, _span(start, line)))
            pieces.append(line)
            start += len(line)
            here.add(dref.text)
        line = f"{spell_realization(entry.realization)}\n".encode()
        realizations.append((Stored.of(entry.realization), _span(start, line)))
        pieces.append(line)
        start += len(line)
    data = b"".join(pieces)
    return Group(records_path(Digest.of(data)).name, data, derivations, realizations, tuple(codes.items()))


def _spell_code(fingerprint: str, parts: Parts) -> bytes:
    # A name that is no text is of no use to a reader, and must not keep a result from being stored.
    tree: Tree = [[name.encode(errors="backslashreplace").decode(), digest] for name, digest in parts]
    return f"{spell_checked({'code': fingerprint, 'parts': tree})}\n".encode()


def _read_parts(line: bytes) -> Parts:
    return tuple((str(name), str(digest)) for name, digest in json.loads(line)["parts"])


@final
@frozen
class Groups:
    """The groups in the store at ``root``; whatever is wrong with one raises `StoreTroubleError`."""

    root: Path
    disk: Disk = REAL

    @property
    def folder(self) -> Path:
        """Where they lie."""
        return self.root / RECORDS

    def names(self) -> set[str]:
        """List them all."""
        return {name for name in self.disk.listdir(self.folder) if name.endswith(SUFFIX)}

    def read(self, name: str) -> Group:
        """Read a whole group, to index it."""
        data = self.whole(name)
        derivations: list[tuple[DRef, Span]] = []
        realizations: list[tuple[Stored, Span]] = []
        codes: list[tuple[str, Span]] = []
        start = 0
        for line in data.splitlines(keepends=True):
            text = line.decode(errors="replace")
            realization = read_realization(text).value_or(None)
            if realization is not None:
                realizations.append((Stored.of(realization), _span(start, line)))
            elif (found := _DERIVATION.fullmatch(text)) is not None:
                derivations.append((DRef(found[1]), _span(start, line)))
            elif (found := _CODE.fullmatch(text)) is not None:
                codes.append((found[1], _span(start, line)))
            else:
                raise self._damaged(name, f"a line of it is no record{_AWAY}")
            start += len(line)
        return Group(name, data, derivations, realizations, codes)

    def whole(self, name: str) -> bytes:
        """Read the bytes of a group, and judge them by its name."""
        try:
            data = self.disk.read_whole(self.folder / name)
        except OSError as error:
            raise self._unread(name, error) from error
        if records_path(Digest.of(data)).name != name:
            raise self._damaged(name, f"its bytes are not those that it is named by{_AWAY}")
        return data

    def lines(self, name: str) -> Iterator[tuple[bytes, Subject]]:
        """Read each line of a group, with what it says something of."""
        for line in self.whole(name).splitlines(keepends=True):
            yield line, self._subject(name, line.decode(errors="replace"))

    def _subject(self, name: str, text: str) -> Subject:
        if (found := _DERIVATION.fullmatch(text)) is not None:
            return DRef(found[1])
        if (found := _CODE.fullmatch(text)) is not None:
            return found[1]
        realization = read_realization(text).value_or(None)
        if realization is None:
            raise self._damaged(name, f"a line of it is no record{_AWAY}")
        return realization

    def records(self, places: Sequence[tuple[Stored, Place]]) -> list[bytes]:
        """Read the records of realizations where the index says they lie, as they were written, in that order."""
        lines = self._lines([place for _, place in places])
        for (stored, (name, _)), line in zip(places, lines, strict=True):
            # Its checksum says that it is a record as it was written, and was read when it was indexed.
            if f',"rref":"{stored.rref.text}"'.encode() not in line:
                raise self._damaged(name, f"{stored.rref} {_MISPLACED}")
        return lines

    def configs(self, places: Mapping[DRef, Place]) -> dict[DRef, Config]:
        """Read the configs of derivations where the index says they lie."""
        return {
            dref: self._config(dref, line, places[dref][0])
            for dref, line in zip(places, self._lines(list(places.values())), strict=True)
        }

    def codes(self, places: Mapping[str, Place]) -> dict[str, Parts]:
        """Read what codes consist of, where the index says it lies."""
        lines = self._lines(list(places.values()))
        return {fingerprint: _read_parts(line) for fingerprint, line in zip(places, lines, strict=True)}

    def _lines(self, places: Sequence[Place]) -> list[bytes]:
        """Read lines, each group opened once."""
        lines: list[bytes] = [b""] * len(places)
        by_group: dict[str, list[int]] = {}
        for number, (name, _) in enumerate(places):
            by_group.setdefault(name, []).append(number)
        for name, numbers in by_group.items():
            try:
                descriptor = self.disk.open(self.folder / name, os.O_RDONLY | os.O_NONBLOCK)
            except FileNotFoundError:
                why = "is gone; open the store anew, and what it held is computed anew"
                raise self._damaged(name, why) from None
            try:
                read = _reader(self.disk, descriptor, [places[number][1] for number in numbers])
                for number in numbers:
                    _, (start, size, checksum) = places[number]
                    lines[number] = line = read(size, start)
                    if crc32(line) != checksum:
                        raise self._damaged(name, f"at byte {start} it is not what was written{_AWAY}")
            except OSError as error:
                raise self._unread(name, error) from error
            finally:
                self.disk.close(descriptor)
        return lines

    def _config(self, dref: DRef, line: bytes, name: str) -> Config:
        text, ending = line.decode(errors="replace"), f',"derivation":"{dref.text}"}}'
        if not text.endswith(ending):
            raise self._damaged(name, f"the config of {dref} {_MISPLACED}")
        return Config(text[len('{"config":') : -len(ending)])

    def _unread(self, name: str, error: OSError) -> Exception:
        """What a group that cannot be read is: damaged, by its name; or whatever else the system says of it."""
        if error.errno not in _UNREADABLE:
            return error
        return self._damaged(name, f"it cannot be read: {error.strerror}{_NEVER}")

    def _damaged(self, name: str, why: str) -> StoreTroubleError:
        return StoreTroubleError(DamagedRecord(str(self.folder / name), why))


def _reader(disk: Disk, descriptor: int, spans: Sequence[Span]) -> Callable[[int, int], bytes]:
    """Say how to read parts of a file: all at once where they are a good part of it, and it is not large."""
    begin, end = min(start for start, _, _ in spans), max(start + size for start, size, _ in spans)
    if len(spans) == 1 or end - begin > min(AT_ONCE, 4 * sum(size for _, size, _ in spans)):
        return lambda size, start: disk.pread(descriptor, size, start)
    data = disk.pread(descriptor, end - begin, begin)
    return lambda size, start: data[start - begin : start - begin + size]


def _span(start: int, line: bytes) -> Span:
    record = line[:-1]
    return start, len(record), crc32(record)
