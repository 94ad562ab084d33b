"""Unpacking what people have, and refusing what enemies send."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from backports import zstd

from lightfx import Left, Raised, evaluate, memory_world, realize, source_file, unwrap
from lightfx.ready import unpack
from lightfx.stages.archives import extract
from lightfx.stages.extracting import DamagedArchiveError, HostileArchiveError, Limits

R, S, H, D = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE
ROOM = Limits(64 << 20, 1000)
Member = tuple[str, bytes, bytes | str] | tuple[str, bytes, bytes | str, int]


def tar(*members: Member) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, kind, content, *mode in members:
            info = tarfile.TarInfo(name)
            info.type, info.mode = kind, mode[0] if mode else 0o644
            if kind in (S, H):
                info.linkname = str(content)
                archive.addfile(info)
            elif kind == R:
                assert isinstance(content, bytes)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            else:
                archive.addfile(info)
    return made.getvalue()


def zipped(*members: tuple[str, bytes, int]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, mode in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return made.getvalue()


def escape() -> bytes:
    """Long ways through links, which once led past a check that asked the system (CVE-2025-4517)."""
    members: list[Member] = []
    path, folder, steps = "", "d" * 247, "abcdefghijklmnop"
    for step in steps:
        members += [(f"{path}{folder}", D, b""), (f"{path}{step}", S, folder)]
        path += f"{folder}/"
    longest = f"{'/'.join(steps)}/{'l' * 254}"
    members += [(longest, S, "../" * len(steps)), ("escape", S, f"{longest}/../"), ("escape/evil", R, b"x")]
    return tar(*members)


@pytest.fixture
def unpacks(tmp_path: Path) -> Callable[..., Path]:
    def run(content: bytes, name: str = "data.tar", limits: Limits = ROOM) -> Path:
        (tmp_path / name).write_bytes(content)
        root = tmp_path / "in" / "root"
        root.mkdir(parents=True)
        try:
            extract(tmp_path / name, root, limits)
        finally:
            outside = [path for path in (tmp_path, tmp_path / "in") for path in path.iterdir()]
            assert sorted(each.name for each in outside) == sorted([name, "in", "root"]), "something is outside"
            for folder, _, files in os.walk(root):
                for each in files:
                    assert (Path(folder) / each).resolve().is_relative_to(root.resolve())
        return root

    return run


GOOD = tar(
    ("./", D, b""), ("a", D, b""), ("a/x.txt", R, b"one"), ("a/run", R, b"#!", 0o4775), ("b/deep/y", R, b"two"),
    ("link", S, "a/x.txt"), ("a/up", S, "../b/deep"), ("hard", H, "a/x.txt"), ("a/x.txt", R, b"three"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("x.tar", bytes),
        ("x.tar.gz", gzip.compress),
        ("x.tar.xz", lzma.compress),
        ("x.tar.bz2", bz2.compress),
        ("x.tar.zst", zstd.compress),
        ("no-suffix", gzip.compress),
    ],
)
def test_a_tar_is_unpacked_whatever_compressed_it(unpacks: Callable[..., Path], name: str, pack: object) -> None:
    assert callable(pack)
    root = unpacks(pack(GOOD), name)
    assert (root / "a" / "x.txt").read_text() == "three"
    assert ((root / "hard").read_text(), (root / "link").readlink()) == ("one", Path("a/x.txt"))
    assert (root / "a" / "up" / "y").read_text() == "two"
    modes = {each: stat.S_IMODE((root / "a" / each).stat().st_mode) for each in ("x.txt", "run")}
    assert modes == {"x.txt": 0o644, "run": 0o755}


def test_a_zip_and_single_files_are_unpacked(unpacks: Callable[..., Path], tmp_path: Path) -> None:
    root = unpacks(
        zipped(("a/x.txt", b"one", 0), ("run", b"#!", 0o100755), ("l", b"a/x.txt", stat.S_IFLNK | 0o777)), "x.zip"
    )
    assert ((root / "a" / "x.txt").read_text(), (root / "l").read_text()) == ("one", "one")
    assert os.access(root / "run", os.X_OK)
    world = memory_world(tmp_path / "scratch")
    for name, packed in {
        "r.csv.gz": gzip.compress(b"1"),
        "r.csv.zst": zstd.compress(b"1"),
        "r.csv.xz": lzma.compress(b"1"),
    }.items():
        (tmp_path / name).write_bytes(packed)
        folder = evaluate(world, unpack(source_file(tmp_path / name)))
        assert [(each.name, each.read_bytes()) for each in folder.iterdir()] == [("r.csv", b"1")]


HOSTILE = {
    "dotdot": tar(("../evil", R, b"x")),
    "inner dotdot": tar(("a/../../evil", R, b"x")),
    "absolute": tar(("/tmp/evil", R, b"x")),
    "through a link": tar(("d", S, "../.."), ("d/evil", R, b"x")),
    "through a link inside": tar(("e", D, b""), ("d", S, "e"), ("d/evil", R, b"x")),
    "absolute link": tar(("d", S, "/etc/passwd")),
    "link out": tar(("a/d", S, "../../x")),
    "link out by a link": tar(("s/d", S, ".."), ("e", S, "s/d/../x")),
    "link out by links": tar(("a/b/c", D, b""), ("l", S, "a/b/c"), ("m", S, "l/../../../..")),
    "links in a circle": tar(("a", S, "b"), ("b", S, "a")),
    "link over a file": tar(("a", R, b"x"), ("a", S, "/etc")),
    "file over a link": tar(("h", S, "x"), ("h", R, b"overwritten")),
    "hard link out": tar(("h", H, "../content"), ("h", R, b"overwritten")),
    "hard link to nothing": tar(("h", H, "later"), ("later", R, b"x")),
    "hard link to a link": tar(("l", S, "x"), ("h", H, "l")),
    "device": tar(("null", tarfile.CHRTYPE, b"")),
    "block device": tar(("sda", tarfile.BLKTYPE, b"")),
    "pipe": tar(("p", tarfile.FIFOTYPE, b"")),
    "file as folder": tar(("a", R, b"x"), ("a/b", R, b"x")),
    "folder as file": tar(("a/b", R, b"x"), ("a", R, b"x")),
    "the root as file": tar((".", R, b"x")),
    "long way out": escape(),
    "long name": tar(("n" * 300, R, b"x")),
    "zip slip": zipped(("../../evil", b"x", 0)),
    "zip absolute": zipped(("/evil", b"x", 0)),
    "zip link out": zipped(("l", b"../../etc", stat.S_IFLNK | 0o777)),
    "zip pipe": zipped(("p", b"", stat.S_IFIFO | 0o644)),
    "bomb": gzip.compress(tar(("zeros", R, bytes(70 << 20)))),
    "zip bomb": zipped(("zeros", bytes(70 << 20), 0)),
    "single bomb": gzip.compress(bytes(65 << 20), 1),
    "many": tar(*((f"{number}", R, b"") for number in range(1001))),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_hostile_is_refused_and_leaves_nothing_outside(unpacks: Callable[..., Path], name: str) -> None:
    with pytest.raises(HostileArchiveError):
        unpacks(HOSTILE[name], "x.gz" if "single" in name else "x.tar")


def test_a_header_that_claims_to_be_endless_is_refused(unpacks: Callable[..., Path]) -> None:
    info = tarfile.TarInfo("long")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 48 << 20
    bomb = info.tobuf(tarfile.GNU_FORMAT) + b"n" * info.size
    with pytest.raises(HostileArchiveError, match="headers"):
        unpacks(gzip.compress(bomb, 1), "x.tar.gz")


def damaged(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


BROKEN = {
    "cut tar": GOOD[:4000],
    "cut gz": gzip.compress(GOOD)[:-20],
    "cut xz": lzma.compress(GOOD)[:-20],
    "cut zst": zstd.compress(GOOD)[:-5],
    "flipped gz": damaged(gzip.compress(GOOD), 100),
    "flipped check": damaged(gzip.compress(GOOD), len(gzip.compress(GOOD)) - 6),
    "flipped header in the middle": damaged(tar(("a", R, b"1"), ("b", R, b"2")), 1024 + 5),
    "flipped zip": damaged(zipped(("a", os.urandom(1000), 0)), 200),
    "cut zip": zipped(("a", b"1", 0))[:-10],
    "zip that begins before itself": zipped(("a", b"1", 0))[:-6] + (1000).to_bytes(4, "little") + b"\0\0",
    "text": b"not an archive at all",
    "nothing": b"",
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_damaged_is_said_to_be(unpacks: Callable[..., Path], name: str) -> None:
    with pytest.raises(DamagedArchiveError):
        unpacks(BROKEN[name], "x.tar")


def test_a_password_is_asked_for_by_nobody(unpacks: Callable[..., Path]) -> None:
    locked = bytearray(zipped(("a", b"1", 0)))
    for signature, flag in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        locked[locked.index(signature) + flag] |= 1
    with pytest.raises(DamagedArchiveError, match="encrypted"):
        unpacks(bytes(locked), "x.zip")


def test_a_hostile_archive_is_left_for_good_and_limits_can_be_raised(tmp_path: Path) -> None:
    world = memory_world(tmp_path / "scratch")
    (tmp_path / "evil.tar").write_bytes(HOSTILE["dotdot"])
    outcome = unwrap(realize(world, unpack(source_file(tmp_path / "evil.tar"))))
    assert isinstance(outcome, Left)
    assert isinstance(outcome.cause, Raised)
    assert outcome.cause.message == "'../evil' is no plain relative path"
    assert "OSError" not in outcome.cause.bases
    (tmp_path / "big.gz").write_bytes(gzip.compress(bytes(70 << 20)))
    assert isinstance(unwrap(realize(world, unpack(source_file(tmp_path / "big.gz"), max_bytes=1 << 20))), Left)
    (big,) = evaluate(world, unpack(source_file(tmp_path / "big.gz"), max_bytes=80 << 20)).iterdir()
    assert big.stat().st_size == 70 << 20
