"""Builds archives that mean harm, each in memory: by name, the file's name, its bytes, and what becomes of it."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import struct
import tarfile
import zipfile
from collections.abc import Iterator
from typing import TypeAlias

from attrs import frozen
from backports import zstd

R, S, H, D = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE
HOSTILE, DAMAGED, TAMED = "HostileArchiveError", "DamagedArchiveError", "tamed"
Part: TypeAlias = tuple[str, bytes, "bytes | str"]


@frozen
class Case:
    """An archive, and what is to become of it; ``holds`` lists the files of one that is tamed."""

    content: bytes
    verdict: str
    holds: frozenset[str] = frozenset()
    suffix: str = ".tar"


def tar(*parts: Part, mode: int = 0o644, form: int = tarfile.GNU_FORMAT, pax: dict[str, str] | None = None) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=form) as archive:
        for name, kind, content in parts:
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.pax_headers = kind, mode, pax or {}
            if isinstance(content, str):
                info.linkname = content
            info.size = len(content) if kind == R else 0
            archive.addfile(info, io.BytesIO(content) if isinstance(content, bytes) and kind == R else None)
    return made.getvalue()


def block(name: bytes, size: bytes, kind: bytes = R, rest: bytes = b"") -> bytes:
    """Spell the header of a member by hand, with fields that no writer would write."""
    head = bytearray(512)
    head[:100], head[100:108] = name.ljust(100, b"\0"), b"0000644\0"
    head[124:136], head[136:148] = size.rjust(12, b"0"), b"00000000000\0"
    head[156:157], head[257:265] = kind, b"ustar\x0000"
    head[345 : 345 + len(rest)] = rest
    head[148:156] = b"%06o\0 " % (sum(head[:148]) + sum(head[156:]) + 8 * 32)
    return bytes(head)


def pax(fields: bytes, kind: bytes = tarfile.XHDTYPE) -> bytes:
    return block(b"pax", b"%011o\0" % len(fields), kind) + fields.ljust(-(-len(fields) // 512) * 512, b"\0")


def record(key: str, value: str) -> bytes:
    text = f" {key}={value}\n".encode()
    size = len(text) + 1
    while len(str(size)) + len(text) != size:
        size += 1
    return str(size).encode() + text


def long_chain() -> bytes:
    """Long ways through links, past any check that asks the system for the real path (CVE-2025-4517)."""
    parts: list[Part] = []
    path, steps = "", "abcdefghijklmnop"
    for step in steps:
        parts += [(f"{path}{'d' * 247}", D, b""), (f"{path}{step}", S, "d" * 247)]
        path += f"{'d' * 247}/"
    longest = f"{'/'.join(steps)}/{'l' * 254}"
    return tar(*parts, (longest, S, "../" * len(steps)), ("escape", S, f"{longest}/../"), ("escape/evil", R, b"x"))


def short_chain() -> bytes:
    """The same, of paths that are short enough to be looked at."""
    parts: list[Part] = [("a/b/c/d", D, b""), ("x", S, "a/b"), ("y", S, "x/c"), ("z", S, "y/../../..")]
    return tar(*parts, ("out", S, "z/../.."), ("out/evil", R, b"x"))


def zipped(*members: tuple[str, bytes, int], compress: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content, mode in members:
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode << 16, compress
            archive.writestr(info, content)
    return made.getvalue()


def overlapping(count: int, size: int) -> bytes:
    """A zip whose entries are all one and the same piece of data."""
    made = bytearray(zipped(("a", bytes(size), 0)))
    directory, end = made.index(b"PK\1\2"), made.index(b"PK\5\6")
    entry = bytes(made[directory:end])
    body = b"".join(entry[:46] + bytes([97 + each % 26]) + entry[47:] for each in range(count))
    ending = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(body), directory, 0)
    return bytes(made[:directory]) + body + ending


def sparse() -> bytes:
    """An old GNU sparse file: one block of data, a terabyte long."""
    head = bytearray(block(b"sparse", b"%011o\0" % 512, tarfile.GNUTYPE_SPARSE))
    head[257:265] = b"ustar  \0"
    head[345:] = bytes(512 - 345)
    head[386:410] = b"%011o\0" % 0 + b"%011o\0" % 512
    head[483:495] = (1 << 40 | 1 << 95).to_bytes(12, "big")
    head[148:156] = b"%06o\0 " % (sum(head[:148]) + sum(head[156:]) + 8 * 32)
    return bytes(head) + b"x" * 512 + bytes(1024)


def far_links() -> bytes:
    """Links that each go through all that were before: a way of thousands of steps for each that leads there."""
    parts: list[Part] = [
        ("0", S, "a/../" * 200),
        *((f"{each}", S, f"{each - 1}/{'a/../' * 190}") for each in range(1, 39)),
    ]
    return gzip.compress(tar(*parts, *((f"l{each}", S, "38") for each in range(100))))


def cut_and_spoilt(whole: bytes) -> Iterator[tuple[str, Case]]:
    """Several streams, as parallel compressors write them: all are read, and one that is damaged is no end."""
    for name, compress in (("bz2", bz2.compress), ("xz", lzma.compress)):
        first, second = compress(b"first " * 99), compress(b"second " * 99)
        yield f"two streams of {name}", tame(first + bytes(8) + second, "case.csv", suffix=f".csv.{name}")
        yield (
            f"a second stream of {name} that is spoilt",
            Case(first + b"x" + second[1:], DAMAGED, suffix=f".csv.{name}"),
        )
        yield f"a second stream of {name} that is cut", Case(first + second[:-9], DAMAGED, suffix=f".csv.{name}")
        yield f"what follows {name} and is none", Case(compress(whole) + b"and more", DAMAGED, suffix=f".tar.{name}")


def bomb(size: int) -> bytes:
    return tar(("zeros", R, bytes(size)))


def tame(content: bytes, *holds: str, suffix: str = ".tar") -> Case:
    return Case(content, TAMED, frozenset(holds), suffix)


def cases(many: int) -> Iterator[tuple[str, Case]]:
    """Give all of them; ``many`` is how many entries are too many."""
    yield "dot dot", Case(tar(("../evil", R, b"x")), HOSTILE)
    yield "dot dot inside", Case(tar(("a/../../evil", R, b"x")), HOSTILE)
    yield "absolute", Case(tar(("/evil", R, b"x")), HOSTILE)
    yield "through a link out", Case(tar(("d", S, "../.."), ("d/evil", R, b"x")), HOSTILE)
    yield "through an absolute link", Case(tar(("d", S, "/tmp"), ("d/evil", R, b"x")), HOSTILE)
    yield "absolute link", Case(tar(("l", S, "/etc/passwd")), HOSTILE)
    yield "long chain of links", Case(long_chain(), HOSTILE)
    yield "short chain of links", Case(short_chain(), HOSTILE)
    yield "link to the folder above", Case(tar(("l", S, "..")), HOSTILE)
    yield "link replaced by a folder", Case(tar(("l", S, ".."), ("l", D, b""), ("l/evil", R, b"x")), HOSTILE)
    yield "link of 5000 characters", Case(tar(("l", S, "a/../" * 1000)), HOSTILE)
    yield "hard link out", Case(tar(("h", H, "../victim"), ("h", R, b"overwritten")), HOSTILE)
    yield "hard link into the store", Case(tar(("h", H, "../store/object"), ("h", R, b"overwritten")), HOSTILE)
    yield "hard link through a link", Case(tar(("l", S, ".."), ("h", H, "l/victim")), HOSTILE)
    yield "device", Case(tar(("null", tarfile.CHRTYPE, b"")), HOSTILE)
    yield "block device", Case(tar(("sda", tarfile.BLKTYPE, b"")), HOSTILE)
    yield "pipe", Case(tar(("pipe", tarfile.FIFOTYPE, b"")), HOSTILE)
    yield "set-uid", tame(tar(("su", R, b"x"), mode=0o6755), "su")
    yield "writable for all", tame(tar(("w", R, b"x"), ("d", D, b""), mode=0o7777), "w", "d")
    yield "no rights at all", tame(tar(("d", D, b""), ("d/f", R, b"x"), mode=0), "d", "d/f")
    yield "case clash", tame(tar(("A", R, b"1"), ("a", R, b"2")), "A", "a")
    yield "accents clash", tame(tar(("é", R, b"1"), ("e\u0301", R, b"2")), "é", "e\u0301")
    yield "one name twice", tame(tar(("a", R, b"1"), ("a", R, b"2")), "a")
    yield (
        "line break and escape",
        Case(tar(("a\nb", R, b"1"), ("\x1b[2J", R, b"")), TAMED, frozenset({"a\nb", "\x1b[2J"})),
    )
    yield "no text", tame(tar(("\udcff\udcfe", R, b"1")), "\udcff\udcfe")
    yield (
        "right to left",
        Case(tar(("a\u202egpj.exe", R, b"1"), ("-rf", R, b"")), TAMED, frozenset({"a\u202egpj.exe", "-rf"})),
    )
    yield (
        "shell and format",
        Case(tar(("$(id)", R, b""), ("{0.__class__}", R, b"")), TAMED, frozenset({"$(id)", "{0.__class__}"})),
    )
    yield "name of 256 bytes", Case(tar(("n" * 256, R, b"x")), HOSTILE)
    yield "nested 10,000 deep", Case(tar(("d/" * 10_000, D, b"")), HOSTILE)
    yield "nested 1,000 deep", Case(tar(("d/" * 1_000 + "f", R, b"x")), HOSTILE)
    yield "negative size", Case(block(b"a", b"\xff" * 12) + bytes(1024), DAMAGED)
    yield "size that is no number", Case(block(b"a", b"-0000000001\0") + bytes(1024), DAMAGED)
    yield "size of a terabyte", Case(block(b"a", b"%011o\0" % (8**11 - 1)) + b"x" * 512, DAMAGED)
    yield "sparse terabyte", Case(sparse(), HOSTILE)
    yield "pax says dot dot", Case(pax(record("path", "../../evil")) + tar(("good", R, b"x")), HOSTILE)
    yield "pax says a link out", Case(pax(record("linkpath", "/etc")) + tar(("good", S, "x")), HOSTILE)
    yield (
        "pax for all says absolute",
        Case(pax(record("path", "/evil"), tarfile.XGLTYPE) + tar(("good", R, b"x")), HOSTILE),
    )
    yield "pax size", Case(pax(record("size", "-5")) + tar(("good", R, b"x")), DAMAGED)
    yield "pax size of a terabyte", Case(pax(record("size", str(1 << 40))) + tar(("good", R, b"x")), DAMAGED)
    yield (
        "pax sparse terabyte",
        Case(
            pax(record("GNU.sparse.size", str(1 << 40)) + record("GNU.sparse.map", "0,1")) + tar(("good", R, b"x")),
            HOSTILE,
        ),
    )
    attributes = record("SCHILY.xattr.user.note", "x") + record("SCHILY.xattr.security.capability", "x")
    yield "pax attributes", tame(pax(attributes) + tar(("good", R, b"x")), "good")
    rights = record("SCHILY.acl.access", "user::rwx,other::rwx") + record(
        "RHT.security.selinux", "system_u:object_r:etc_t"
    )
    yield "pax rights", tame(pax(rights) + tar(("good", R, b"x")), "good")
    yield (
        "pax that takes for ever to read",
        Case(gzip.compress(pax(b"0" * (12 << 20)) + bytes(1024), 1), HOSTILE),
    )
    yield (
        "endless name",
        Case(gzip.compress(block(b"n", b"%011o\0" % (1 << 30), b"L") + bytes(20 << 20), 1), HOSTILE),
    )
    yield "gzip bomb", Case(gzip.compress(bomb(12 << 20), 9), HOSTILE)
    yield "zstd bomb", Case(zstd.compress(bomb(12 << 20)), HOSTILE)
    yield (
        "bomb in a bomb",
        Case(gzip.compress(gzip.compress(bytes(12 << 20), 9), 9), TAMED, frozenset({"case.tar"}), suffix=".tar.gz"),
    )
    yield "bomb of one file", Case(gzip.compress(bytes(12 << 20), 9), HOSTILE, suffix=".csv.gz")
    yield "too many entries", Case(gzip.compress(tar(*((f"{each}", R, b"") for each in range(many + 1)))), HOSTILE)
    yield "zip slip", Case(zipped(("../../evil", b"x", 0)), HOSTILE)
    yield (
        "zip slip by backslash",
        Case(zipped(("..\\..\\evil", b"x", 0)), TAMED, frozenset({"..\\..\\evil"})),
    )
    yield "zip absolute", Case(zipped(("/evil", b"x", 0)), HOSTILE)
    yield (
        "zip link out",
        Case(zipped(("l", b"../..", stat.S_IFLNK | 0o777), ("l/evil", b"x", 0)), HOSTILE),
    )
    yield "zip pipe", Case(zipped(("p", b"", stat.S_IFIFO | 0o644)), HOSTILE)
    yield "zip set-uid", tame(zipped(("su", b"x", stat.S_IFREG | 0o6755)), "su")
    yield "zip bomb", Case(zipped(("zeros", bytes(12 << 20), 0)), HOSTILE)
    yield (
        "zip bomb by bz2",
        Case(zipped(("zeros", bytes(12 << 20), 0), compress=zipfile.ZIP_BZIP2), HOSTILE),
    )
    yield "zip that overlaps", Case(overlapping(26, 1 << 20), DAMAGED)
    yield "zip of too many entries", Case(overlapping(many + 1, 0), HOSTILE)
    yield "zip that lies about its directory", Case(overlapping(3, 0)[:-10] + b"\xff" * 10, DAMAGED)
    whole = tar(("a", R, b"x" * 2000), ("b", R, b"y"))
    yield "cut in a header", Case(whole[:2700], DAMAGED)
    yield "cut in a file", Case(whole[:1000], DAMAGED)
    yield "cut between two members", Case(whole[:2560], DAMAGED)
    yield "cut in its end", Case(whole[:4000], DAMAGED)
    yield from cut_and_spoilt(whole)
    yield "links that go far", Case(gzip.compress(tar(*((f"{each}", S, "a/" * 1000) for each in range(300)))), HOSTILE)
    yield "links through links that go far", Case(far_links(), HOSTILE)
    yield (
        "folders that nobody listed",
        Case(gzip.compress(tar(*((f"{each}/{'a/' * 250}f", R, b"") for each in range(20)))), HOSTILE),
    )
    yield (
        "pax sparse of less than nothing",
        Case(
            pax(record("GNU.sparse.size", "-100") + record("GNU.sparse.map", "0,1")) + tar(("good", R, b"x")), DAMAGED
        ),
    )
    yield "cut in what is compressed", Case(gzip.compress(whole)[:-9], DAMAGED)
    yield "cut zip", Case(zipped(("a", b"1", 0))[:-10], DAMAGED)
