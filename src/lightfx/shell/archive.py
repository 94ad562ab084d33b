"""Archives of realizations: a tar of three kinds of members, compressed by zstd.

1. ``lightfx-pack.json``: the packing list (``plan/packing.py``).
2. ``records.jsonl``: the records.
3. ``files/<64 hex>``: each file once, named by its digest, as the list has them.

No member has a path of anybody's choosing, so there is none to escape by, and
there are no links, folders, devices or sparse files among the members. The
reader is our own: it knows this form and refuses all else, before it takes in
more than was announced. Folders, links and names come from the packing list,
which is judged before anything is written; a file is judged by its digest.
"""

from __future__ import annotations

import io
import os
import tarfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Final, TypeVar, final

from attrs import frozen
from blake3 import blake3
from returns.io import IOResult
from returns.result import Failure, Result

from lightfx.core.failures import BadArchive, EngineFailure, SystemTrouble
from lightfx.core.manifest import Kind
from lightfx.core.names import Digest
from lightfx.plan.packing import Freight, PackingList, read_freight
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.refusals import refusal
from lightfx.shell.zstandard import MISSING, one_frame, zstd

T = TypeVar("T")

LIST: Final = "lightfx-pack.json"
RECORDS: Final = "records.jsonl"
FILES: Final = "files/"
MOST_TEXT: Final = 1 << 30
LITTLE_TEXT: Final = 16 << 20  # of what is longer, a hundredth must be in the archive: names do not compress so well
_BLOCK: Final = 512
_PIECE: Final = 1 << 20
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL


class _RefusedError(Exception):
    """The archive is not taken in."""


# Writing.


def write_archive(
    path: Path, packing: PackingList, freight: Freight, folder_of: Callable[[Digest], Path], disk: Disk = REAL
) -> IOResult[None, EngineFailure]:
    """Write an archive, whole or not at all; what was at ``path`` before is replaced."""

    def work() -> None:
        aside = path.with_name(f".{path.name}-{uuid.uuid4().hex}")
        try:
            with disk.file(aside, _NEW) as raw:
                with _compressed(raw, "wb") as stream:
                    _write(stream, packing, freight, folder_of, disk)
                raw.flush()
                disk.fsync(raw.fileno())
            disk.rename(aside, path)
        finally:
            disk.remove(aside)

    return _at_rim(path, "write the archive", work)


def _write(
    stream: BinaryIO, packing: PackingList, freight: Freight, folder_of: Callable[[Digest], Path], disk: Disk
) -> None:
    where = {
        Digest(entry.data): folder_of(tree) / entry.path
        for tree, manifest in packing.objects.items()
        for entry in manifest
        if entry.kind is Kind.FILE
    }
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.GNU_FORMAT) as tar:
        for name, text in ((LIST, packing.spell()), (RECORDS, freight.lines())):
            data = text.encode()
            if len(data) > MOST_TEXT:
                raise _RefusedError(f"its {name} would be larger than {MOST_TEXT:,} bytes: pack less at a time")
            tar.addfile(_member(name, len(data)), io.BytesIO(data))
        for digest, size in packing.files.items():
            with disk.file(where[digest], os.O_RDONLY) as file:
                tar.addfile(_member(FILES + digest.hex, size), file)


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = size
    return member


# Reading.


@final
@frozen
class Unpacked:
    """What came out of an archive: records, and the folders of objects that were wanted."""

    freight: Freight
    folders: Mapping[Path, Digest]


def read_archive(
    path: Path,
    place: Path,
    there: Callable[[frozenset[Digest]], Result[frozenset[Digest], EngineFailure]],
    disk: Disk = REAL,
) -> IOResult[Unpacked, EngineFailure]:
    """Read an archive into the private folder ``place``; ``there`` says which objects are not wanted any more."""

    def work() -> Unpacked:
        with disk.file(path, os.O_RDONLY) as raw, _compressed(raw, "rb") as stream:
            members = _members(stream)
            most = min(MOST_TEXT, LITTLE_TEXT + 100 * disk.stat(path).st_size)
            packing = _judged(PackingList.read(_text(members, LIST, most)))
            freight = _judged(read_freight(packing, _text(members, RECORDS, most)))
            known = there(frozenset(packing.objects))
            if isinstance(known, Failure):
                raise _TroubleError(known.failure())
            wanted = {tree for tree in packing.objects if tree not in known.unwrap()}
            disk.make_folders(place, 0o700)
            _room(packing, place, disk)
            _take_files(members, packing, lay_out(packing, wanted, place, disk), disk)
            _end(stream)
        return Unpacked(freight, {place / tree.hex: tree for tree in wanted})

    return _at_rim(path, "read the archive", work)


@final
class _TroubleError(Exception):
    """Carries trouble that is none of the archive's."""

    def __init__(self, failure: EngineFailure) -> None:
        super().__init__(failure)
        self.failure = failure


@final
@frozen
class _Member:
    name: str
    size: int
    read: Callable[[int], bytes]

    def pieces(self) -> Iterator[bytes]:
        left = self.size
        while left:
            piece = self.read(min(_PIECE, left))
            left -= len(piece)
            yield piece


def _members(stream: BinaryIO) -> Iterator[_Member]:
    """Read members, each of which is read to its end before the next is asked for."""
    while (header := _exactly(stream, _BLOCK)) != bytes(_BLOCK):
        name, size = _header(header)
        yield _Member(name, size, lambda count: _exactly(stream, count))
        _exactly(stream, -size % _BLOCK)


def _exactly(stream: BinaryIO, count: int) -> bytes:
    data = stream.read(count)
    while len(data) < count:
        more = stream.read(count - len(data))
        if not more:
            raise _RefusedError("it ends in the middle")
        data += more
    return data


def _end(stream: BinaryIO) -> None:
    """Refuse what comes after the end: a tar is filled up with zeros to a whole record, and that is all."""
    filling = b""
    while len(filling) <= tarfile.RECORDSIZE and (piece := stream.read(_PIECE)):
        filling += piece
    if len(filling) > tarfile.RECORDSIZE or any(filling):
        raise _RefusedError("something comes after its end")


def _header(header: bytes) -> tuple[str, int]:
    """Read the header of a plain file; nothing else is known."""
    summed = sum(header[:148]) + sum(header[156:]) + 8 * ord(" ")
    if _octal(header[148:156]) != summed:
        raise _RefusedError("it is damaged: a header is not what was written")
    if header[156:157] not in (b"0", b"\0"):
        raise _RefusedError("it holds something that is no plain file")
    size = int.from_bytes(header[125:136], "big") if header[124] == 0x80 else _octal(header[124:136])
    return header[:100].rstrip(b"\0").decode("ascii", "replace"), size


def _octal(field: bytes) -> int:
    try:
        return int(field.rstrip(b"\0 ") or b"0", 8)
    except ValueError:
        raise _RefusedError("it is damaged: a header cannot be read") from None


def _text(members: Iterator[_Member], name: str, most: int) -> str:
    member = next(members, None)
    if member is None or member.name != name:
        raise _RefusedError("it is no archive of lightfx")
    if member.size > most:
        raise _RefusedError(f"its {name} is larger than {most:,} bytes")
    try:
        return b"".join(member.pieces()).decode()
    except UnicodeDecodeError:
        raise _RefusedError(f"its {name} is no text") from None


def _judged(found: Result[T, str]) -> T:
    if isinstance(found, Failure):
        raise _RefusedError(found.failure())
    return found.unwrap()


def _room(packing: PackingList, place: Path, disk: Disk) -> None:
    free = disk.free(place)
    if packing.size > free:
        raise _RefusedError(f"it announces {packing.size:,} bytes of files, and there is room for {free:,}")


def lay_out(
    packing: PackingList, wanted: set[Digest], place: Path, disk: Disk
) -> Mapping[Digest, list[tuple[Path, bool]]]:
    """Make folders and links, and say where each file is to go, and which of them may be run."""
    homes: dict[Digest, list[tuple[Path, bool]]] = {}
    for tree in wanted:
        root = place / tree.hex
        disk.mkdir(root)
        for entry in sorted(packing.objects[tree], key=lambda entry: entry.path):
            if entry.kind is Kind.FOLDER:
                disk.mkdir(root / entry.path)
            elif entry.kind is Kind.LINK:
                disk.symlink(entry.data, root / entry.path)
            else:
                homes.setdefault(Digest(entry.data), []).append((root / entry.path, entry.executable))
    return homes


def _take_files(
    members: Iterator[_Member], packing: PackingList, homes: Mapping[Digest, list[tuple[Path, bool]]], disk: Disk
) -> None:
    """Take in the files that were announced, each once, and no others."""
    missing = dict(packing.files)
    for member in members:
        digest = Digest("blake3:" + member.name.removeprefix(FILES))
        size = missing.pop(digest, None) if member.name.startswith(FILES) else None
        if size is None or size != member.size:
            raise _RefusedError(f"it holds {member.name!r}, which was not announced so")
        _take_file(member, digest, homes.get(digest, []), disk)
    if missing:
        raise _RefusedError(f"{len(missing)} files that were announced are missing")


def _take_file(member: _Member, digest: Digest, homes: list[tuple[Path, bool]], disk: Disk) -> None:
    hasher = blake3()
    with ExitStack() as held:
        file = held.enter_context(disk.file(homes[0][0], _NEW)) if homes else None
        for piece in member.pieces():
            hasher.update(piece)
            if file is not None:
                file.write(piece)
    if hasher.hexdigest() != digest.hex:
        raise _RefusedError(f"the file {digest} is not what it is named by")
    spread(homes, disk)


def spread(homes: Sequence[tuple[Path, bool]], disk: Disk) -> None:
    """Copy a file from the first of the places that it is to go to into the others, and say which may be run."""
    for path, _ in homes[1:]:
        disk.copy(homes[0][0], path)
    for path, executable in homes:
        disk.chmod(path, 0o700 if executable else 0o600)


# Copying.


def copy_folder(source: Path, target: Path, disk: Disk = REAL) -> IOResult[None, EngineFailure]:
    """Copy a folder into a new one, links as links."""

    def work() -> None:
        disk.make_folders(target.parent, 0o700)
        disk.copy_tree(source, target)

    return _at_rim(target, "copy files", work)


# At the rim.


@contextmanager
def _compressed(raw: BinaryIO, mode: str) -> Iterator[BinaryIO]:
    """(De)compress on the way; what zstd finds wrong is refused."""
    module = zstd()
    if module is None:
        raise _TroubleError(SystemTrouble("zstd", "compress", MISSING))
    try:
        if mode == "rb":
            yield one_frame(raw, module)
            return
        with module.open(raw, mode) as stream:
            yield stream
    except (module.ZstdError, EOFError) as error:
        raise _RefusedError(f"it is damaged: {error}") from error


def _at_rim(path: Path, act: str, work: Callable[[], T]) -> IOResult[T, EngineFailure]:
    try:
        return IOResult.from_value(work())
    except _RefusedError as error:
        return IOResult.from_failure(BadArchive(path, str(error)))
    except _TroubleError as error:
        return IOResult.from_failure(error.failure)
    except OSError as error:
        return IOResult.from_failure(refusal(error, path, act))
