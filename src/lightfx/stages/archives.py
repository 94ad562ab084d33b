"""Reading archives: tar, zip, and single compressed files (gz, xz, bz2, zst), told apart by their contents.

Members are read in a stream, and `Extraction` judges and writes each. What lies between members of a tar (headers
that may claim any length) is counted too.
"""

from __future__ import annotations

import errno
import io
import lzma
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, Self, final

from lightfx.core.derivation import Derivation
from lightfx.stages.build import Build
from lightfx.stages.decompressing import uncompressed, zstd_errors
from lightfx.stages.extracting import DamagedArchiveError, Extraction, HostileArchiveError, Limits, plain
from lightfx.stages.stage import stage

_BUFFER: Final = 1 << 16
_ROOM: Final = 64 << 20
_RATIO: Final = 200
_HEADERS: Final = 1 << 24  # bytes of a tar that are no contents, beyond a few blocks an entry
_HEADER: Final = 1 << 14  # bytes of one header that says more of an entry: some Pythons take quadratic time to read it
_MORE: Final = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, b"L", b"K")
_ENDING: Final = struct.Struct("<4s4H2LH")  # the end of a zip's directory, and an entry in it
_LARGE_ENDING: Final = 76  # bytes before that, where a zip is too large for it
_ENTRY: Final = struct.Struct("<4s24x3H12x")
_UNREADABLE: Final[tuple[type[Exception], ...]] = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, struct.error),
    # What the readers say of passwords and methods, and of fields that make no sense.
    *(NotImplementedError, RuntimeError, ValueError, OverflowError, LookupError),
)
_SUFFIXES: Final = {".gz": "", ".xz": "", ".bz2": "", ".zst": "", ".tgz": ".tar", ".txz": ".tar"}


def unpack(
    archive: Derivation[Path], /, *, max_bytes: int | None = None, max_entries: int = 1_000_000
) -> Derivation[Path]:
    """Unpack an archive: a derivation whose value is the folder with all that was in it.

    ``archive``: a tar, plain or compressed by gz, xz, bz2 or zst; a zip; or one
    file that is compressed so, which loses its suffix. zst takes the extra
    ``zstd`` before Python 3.14. ``max_bytes``: how much may come out; None: 64
    MiB, and 200 times the archive's own size. ``max_entries``: how many entries
    it may have.

    Owners, times and modes but "executable" are not kept. The stage is LEFT as
    ``HostileArchiveError`` for what would write or lead outside, devices, and
    more than may come out, and as ``DamagedArchiveError`` for what cannot be
    read to its end, or was cut.

    >>> from lightfx.ready import fetch
    >>> unpack(fetch("https://example.org/data.tar.xz", sha256="0" * 64)).dref.name.text
    'unpack'
    """
    return _unpacked(archive, max_bytes, max_entries)


@stage(version="1", name="unpack")
def _unpacked(build: Build, archive: Derivation[Path], max_bytes: int | None, max_entries: int) -> Path:
    """Unpack an archive into the output folder."""
    path = build.need(archive)
    room = _ROOM + _RATIO * path.stat().st_size if max_bytes is None else max_bytes
    extract(path, build.out, Limits(room, max_entries))
    return build.out


def extract(archive: Path, root: Path, limits: Limits) -> None:
    """Extract ``archive`` into the folder ``root``; raises `HostileArchiveError`, `DamagedArchiveError`."""
    into = Extraction(root, limits)
    with archive.open("rb") as raw, _told():
        head = raw.read(6)
        raw.seek(0)
        if head[:4] in (b"PK\3\4", b"PK\5\6"):
            _extract_zip(raw, into)
        else:
            _extract_stream(raw, head, archive, into)
        into.finish()


@contextmanager
def _told() -> Iterator[None]:
    """Say one thing of all that the readers of archives raise."""
    try:
        yield
    except (HostileArchiveError, DamagedArchiveError):
        raise
    except _UNREADABLE + zstd_errors() as error:
        raise DamagedArchiveError(f"it cannot be read: {str(error) or type(error).__name__}") from error
    except OSError as error:
        # What bz2 and gzip say has no number, and zipfile seeks where an entry claims to be. The rest is the disk.
        if error.errno not in (None, errno.EINVAL):
            raise
        raise DamagedArchiveError(f"it cannot be read: {error}") from error


# Tar, and single files.


def _extract_stream(raw: BinaryIO, head: bytes, archive: Path, into: Extraction) -> None:
    opened = uncompressed(raw, head)
    stem = archive.stem + _SUFFIXES[archive.suffix] if archive.suffix in _SUFFIXES else archive.name
    with io.BufferedReader(opened or io.FileIO(archive), _BUFFER) as stream:
        begins = stream.peek(tarfile.BLOCKSIZE)[: tarfile.BLOCKSIZE]
        if _is_tar(begins) or (stem.endswith(".tar") and len(begins) == tarfile.BLOCKSIZE and not begins.strip(b"\0")):
            _extract_tar(stream, into)
        elif opened is not None:
            into.file(into.entry(stem), stream, executable=False)
        else:
            raise DamagedArchiveError("it is no tar, no zip, and no file that gz, xz, bz2 or zst compressed")


def _is_tar(block: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


@final
class _Header(tarfile.TarInfo):
    """A header of a tar; one that makes no sense is refused as it is read."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Read one block."""
        header = super().frombuf(buf, encoding, errors)
        if header.size < 0 or header.offset_data < 0:
            raise DamagedArchiveError(f"{header.name[:100]!r} claims {header.size} bytes")
        if header.type in _MORE and header.size > _HEADER:
            raise HostileArchiveError("its headers are longer than they have reason to be")
        return header


@final
class _Counted:
    """A stream whose headers may not be longer than they have reason to; it remembers what it gave last."""

    def __init__(self, stream: BinaryIO, into: Extraction) -> None:
        self._stream = stream
        self._into = into
        self._given = 0
        self._last = b""

    def read(self, size: int) -> bytes:
        """Read on."""
        piece = self._stream.read(size)
        self._given += len(piece)
        self._last = (self._last + piece)[-_BUFFER:]
        if self._given - self._into.written > _HEADERS + 4096 * self._into.entries + self._into.limits.bytes // 1000:
            raise HostileArchiveError("its headers are longer than they have reason to be")
        return piece

    def ends_at(self, offset: int) -> bool:
        """Tell whether the block at ``offset``, which was read last, ends an archive: it is blank.

        Where there is none the archive was cut between two members.
        """
        start = offset - (self._given - len(self._last))
        return self._last[start : start + tarfile.BLOCKSIZE] == bytes(tarfile.BLOCKSIZE)


def _extract_tar(stream: BinaryIO, into: Extraction) -> None:
    counted = _Counted(stream, into)
    # A reader is all that a stream of members takes, and its type asks for more.
    with tarfile.open(fileobj=counted, mode="r|", tarinfo=_Header) as tar:  # type: ignore[call-overload]
        for member in tar:
            _extract_member(tar, member, into)
            tar.members = []  # it would keep every one of them
        if not counted.ends_at(tar.offset):
            raise DamagedArchiveError("it cannot be read: a header in it is damaged, or it was cut")
        # To the end of what is compressed, whose check comes last. What else fills the last record of a tar has no
        # meaning, says POSIX.
        while counted.read(_BUFFER):
            pass


def _extract_member(tar: tarfile.TarFile, member: tarfile.TarInfo, into: Extraction) -> None:
    parts = into.entry(member.name)
    if member.size < 0:  # of a sparse file: what comes of its parts
        raise DamagedArchiveError(f"{member.name[:100]!r} claims {member.size} bytes")
    if member.isdir():
        into.folder(parts)
    elif member.issym():
        into.link(parts, member.linkname)
    elif member.islnk():
        into.copy(parts, plain(member.linkname))
    elif member.isreg() and (source := tar.extractfile(member)) is not None:
        into.file(parts, source, executable=bool(member.mode & stat.S_IXUSR))
    else:
        raise HostileArchiveError(f"{member.name!r} is a device, a pipe, or of another kind that is no file")


# Zip.


def _check_directory(raw: BinaryIO, into: Extraction) -> None:
    """Count the entries that the directory of a zip lists: `zipfile` would make an object of each of them first."""
    size = raw.seek(0, os.SEEK_END)
    raw.seek(max(0, size - _ENDING.size - (1 << 16) - _LARGE_ENDING))
    tail = raw.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or at + _ENDING.size > len(tail):
        raise DamagedArchiveError("it cannot be read: it has no directory")
    *_, length, _, _ = _ENDING.unpack_from(tail, at)
    end = size - len(tail) + at
    large = tail[max(0, at - _LARGE_ENDING) : at]
    if large.startswith(b"PK\6\6") and large[56:].startswith(b"PK\6\7"):
        end, length = end - _LARGE_ENDING, int.from_bytes(large[40:48], "little")
    raw.seek(max(0, end - length))
    count = 0
    while (entry := raw.read(_ENTRY.size)).startswith(b"PK\1\2") and len(entry) == _ENTRY.size:
        count += 1
        if count > into.limits.entries:
            raise HostileArchiveError(f"it has more than {into.limits.entries} entries")
        raw.seek(sum(_ENTRY.unpack(entry)[1:]), os.SEEK_CUR)
    raw.seek(0)


def _extract_zip(raw: BinaryIO, into: Extraction) -> None:
    _check_directory(raw, into)
    with zipfile.ZipFile(raw) as archive:
        for info in archive.infolist():
            parts, mode = into.entry(info.filename), info.external_attr >> 16
            kind = stat.S_IFMT(mode)
            if info.is_dir():
                into.folder(parts)
            elif kind == stat.S_IFLNK:
                with archive.open(info) as source:
                    into.link(parts, source.read(_BUFFER).decode("utf-8", "surrogateescape"))
            elif kind in (0, stat.S_IFREG):
                with archive.open(info) as source:
                    into.file(parts, source, executable=bool(mode & stat.S_IXUSR))
            else:
                raise HostileArchiveError(f"{info.filename!r} is a device, a pipe, or of another kind that is no file")
