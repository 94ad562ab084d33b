"""Parcels: what goes in comes out, equal folders are equal bytes, and no name leads out."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from pathlib import Path

import pytest
from makings import fill, listing, make_socket

from lightfx.shell.executor.parcels import ParcelError, digest_of_parcel, pack_folder, remove_folder, unpack_folder

CONTENT = {
    "a/b": b"deep",
    "empty/": "",
    "link": "-> a/b",
    "out": "-> ../elsewhere",
    "large": b"x" * (3 << 20),
    "name with \n and \udcff": b"",
    "x" * 200: b"long",
}


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", CONTENT)
    (folder / "a/b").chmod(0o755)
    unpack_folder(pack_folder(folder), tmp_path / "out")
    assert listing(tmp_path / "out") == listing(folder)
    assert (tmp_path / "out/a/b").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "out/large").stat().st_mode & 0o777 == 0o644


def test_equal_folders_are_equal_bytes(tmp_path: Path) -> None:
    one, other = fill(tmp_path / "one", CONTENT), fill(tmp_path / "other", dict(reversed(CONTENT.items())))
    os.utime(other / "a/b", (0, 0))
    assert digest_of_parcel(pack_folder(one)) == digest_of_parcel(pack_folder(other))
    (other / "a/b").chmod(0o755)
    assert digest_of_parcel(pack_folder(one)) != digest_of_parcel(pack_folder(other))


def test_what_no_object_may_hold_comes_out_as_what_it_is(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", {"pipe": os.mkfifo, "socket": make_socket})
    unpack_folder(pack_folder(folder), tmp_path / "out")
    assert stat.S_ISFIFO((tmp_path / "out/pipe").lstat().st_mode)
    assert stat.S_ISSOCK((tmp_path / "out/socket").lstat().st_mode)


def test_packing_changes_no_object(tmp_path: Path) -> None:
    """Trap: rights were taken on the store's own read-only folders."""
    folder = fill(tmp_path / "in", {"a/b": b""})
    for path, mode in ((folder / "a/b", 0o444), (folder / "a", 0o555), (folder, 0o555)):
        path.chmod(mode)
    pack_folder(folder)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder / "a/b", folder / "a", folder)] == [
        0o444,
        0o555,
        0o555,
    ]


def test_a_folder_that_is_not_there_is_an_empty_parcel(tmp_path: Path) -> None:
    unpack_folder(pack_folder(tmp_path / "nothing"), tmp_path / "out")
    assert listing(tmp_path / "out") == {}


def test_read_only_is_as_objects_are_and_can_be_removed(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", {"a/b": b"", "a/run": b""})
    (folder / "a/run").chmod(0o700)
    unpack_folder(pack_folder(folder), tmp_path / "out", read_only=True)
    modes = [stat.S_IMODE((tmp_path / "out" / name).stat().st_mode) for name in ("", "a", "a/b", "a/run")]
    assert modes == [0o555, 0o555, 0o444, 0o555]
    remove_folder(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def parcel(*entries: tuple[str, bytes, str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, kind, target in entries:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, target
            tar.addfile(entry)
    return packed.getvalue()


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", ".", "a//b", "..", "a/./b"])
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ParcelError, match="names"):
        unpack_folder(parcel((name, tarfile.REGTYPE, "")), tmp_path / "in/out")
    assert [path.name for path in tmp_path.rglob("*")] == ["in", "out"]


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    hostile = parcel(("a", tarfile.SYMTYPE, "../target"), ("a/x", tarfile.REGTYPE, ""))
    with pytest.raises(FileNotFoundError):
        unpack_folder(hostile, tmp_path / "out")
    assert list((tmp_path / "target").iterdir()) == []


def test_what_is_no_parcel_is_said(tmp_path: Path) -> None:
    for number, wrong in enumerate((b"no tar", parcel(("a", tarfile.LNKTYPE, "/etc/passwd")))):
        with pytest.raises(ParcelError):
            unpack_folder(wrong, tmp_path / str(number))
