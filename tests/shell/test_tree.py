"""Walking, digesting and removing folders; most of it is asked by the laws of stores."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from blake3 import blake3
from makings import fill, listing

from lightfx.core.manifest import Kind
from lightfx.shell.disk import Disk
from lightfx.shell.executor.parcels import remove_folder
from lightfx.shell.store.tree import ForbiddenError, digest_file, entries_of, make_read_only, remove_tree, salvage
from lightfx.testing.faults import Call, Watched


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (9 << 20) + 7])
def test_a_file_is_digested_by_all_its_bytes(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "f").write_bytes(data)
    assert digest_file(str(tmp_path / "f"), size) == f"blake3:{blake3(data).hexdigest()}"


def test_a_file_whose_size_the_system_does_not_tell_is_read() -> None:
    assert digest_file("/proc/version", 0) == f"blake3:{blake3(Path('/proc/version').read_bytes()).hexdigest()}"


def test_a_file_that_shrinks_while_it_is_read_kills_nobody(tmp_path: Path) -> None:
    """Trap: a mapped file that is cut short raises SIGBUS."""
    (tmp_path / "f").write_bytes(b"x" * 100)
    assert digest_file(str(tmp_path / "f"), 64 << 20) == f"blake3:{blake3(b'x' * 100).hexdigest()}"


def test_a_file_is_not_read_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "l").symlink_to("/etc/passwd")
    for size in (1, 2 << 20):
        with pytest.raises(OSError, match="symbolic link"):
            digest_file(str(tmp_path / "l"), size)


def test_entries_tell_kinds(tmp_path: Path) -> None:
    fill(tmp_path / "t", {"a/f": b"xy", "l": "-> a/f", "e/": ""})
    found = {entry.path: (entry.kind, entry.size) for entry in entries_of(tmp_path / "t")}
    assert found == {"a": (Kind.FOLDER, 0), "a/f": (Kind.FILE, 2), "l": (Kind.LINK, 0), "e": (Kind.FOLDER, 0)}


def test_links_to_the_folder_itself_are_inside(tmp_path: Path) -> None:
    fill(tmp_path / "t", {"a/up": "-> ..", "here": "-> .", "gone": "-> a/../nothing", "loop": "-> a/../loop"})
    assert len(entries_of(tmp_path / "t")) == 5


def test_a_link_that_leaves_by_way_of_another_is_refused(tmp_path: Path) -> None:
    fill(tmp_path / "t", {"x/y/z/top": "-> ../../..", "m": "-> x/y/z/top/../out"})
    with pytest.raises(ForbiddenError) as caught:
        entries_of(tmp_path / "t", ours=False)
    assert caught.value.forbidden.path == "m"


def test_what_cannot_be_unshared_leaves_no_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trap: half of a copy, left by a full disk, became part of the output when it was tried again."""
    (tmp_path / "mine").write_bytes(b"m")
    folder = fill(tmp_path / "t", {"f": lambda path: path.hardlink_to(tmp_path / "mine")})

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "utime", fail)
    with pytest.raises(OSError, match="No space"):
        entries_of(folder)
    assert listing(folder) == {"f": b"m"}


def test_read_only_is_all_but_the_root(tmp_path: Path) -> None:
    folder = fill(tmp_path / "t", {"a/f": b"", "l": "-> /"})
    (folder / "l").unlink()
    (folder / "l").symlink_to("a")
    make_read_only(folder, entries_of(folder))
    assert [oct(path.stat().st_mode & 0o777) for path in (folder, folder / "a", folder / "a/f")][1:] == [
        "0o555",
        "0o444",
    ]
    assert folder.stat().st_mode & 0o200


def test_what_vanishes_while_it_is_removed_is_gone(tmp_path: Path) -> None:
    """Two processes sweep one dead owner's folder; the other one does it right before any call."""
    for number in range(1, 100):
        folder = fill(tmp_path / f"{number}", {f"d{each}/f": b"" for each in range(4)})

        def sweep(call: Call, folder: Path = folder, number: int = number) -> None:
            if call.number == number:
                shutil.rmtree(folder)

        disk = Watched(tell=sweep)
        remove_tree(folder, disk)
        assert not folder.exists()
        if len(disk.calls) < number:
            break
    assert number > 20


def test_removing_follows_no_link(tmp_path: Path) -> None:
    precious = fill(tmp_path / "precious", {"f": b"f"})
    fill(tmp_path / "t", {"l": f"-> {precious}"})
    (tmp_path / "root").symlink_to(precious)
    remove_tree(tmp_path / "t")
    remove_tree(tmp_path / "root")
    assert listing(tmp_path) == {"precious": None, "precious/f": b"f"}


@pytest.mark.parametrize("name", ["a", "a/f", "b", "z"])
@pytest.mark.parametrize("act", [salvage, entries_of])
def test_what_goes_before_any_call_is_no_trouble(tmp_path: Path, name: str, act: Callable[..., object]) -> None:
    """Trap: a name that something took away, which a stage had left running, ended the whole run."""
    for number in range(1, 200):
        root = tmp_path / str(number)
        fill(root, {"a/f": "x", "a/g": "y", "b": "-> ../../out", "c/": "", "z": "end"})

        def leave(call: Call, path: Path = root / name, number: int = number) -> None:
            if call.number == number and os.path.lexists(path):
                path.rename(path.parents[len(Path(name).parts)] / f"gone-{number}")

        disk = Watched(tell=leave)
        with suppress(ForbiddenError):  # as whoever stores it sees
            act(root, disk=disk)
        if len(disk.calls) < number:
            break
    else:
        raise AssertionError("there is no end of calls")
    assert number > 5


@pytest.mark.parametrize("name", ["a", "a/deep"])
@pytest.mark.parametrize(("remove", "stays"), [(remove_tree, 1), (remove_tree, 1000), (remove_folder, 3)])
def test_a_folder_that_is_swapped_while_it_is_removed_leads_nowhere(
    tmp_path: Path, name: str, remove: Callable[[Path, Disk], None], stays: int
) -> None:
    """Trap: by its path, all was removed that a link led to which something had put there."""
    for number in range(1, 300):
        place = tmp_path / str(number)
        fill(place / "root", {"a/f": "x", "a/deep/g": "y", "a/deep/more/h": "z", "c/": ""})
        fill(place / "elsewhere", {"f": "theirs", "g": "theirs", "deep/g": "theirs", "more/h": "theirs"})
        before = listing(place / "elsewhere")
        home = place / "root" / name

        def come(call: Call, home: Path = home, place: Path = place, number: int = number) -> None:
            if call.number == number and home.is_dir():
                home.rename(place / "aside")
                home.symlink_to(place / "elsewhere")
            elif call.number == number + stays and home.is_symlink():
                home.unlink()
                (place / "aside").rename(home)

        disk = Watched(tell=come)
        with suppress(OSError):
            remove(place / "root", disk)
        assert listing(place / "elsewhere") == before, number
        if len(disk.calls) < number:
            assert not (place / "root").exists(), "nobody came"
            break
    assert number > 15


def test_a_folder_is_removed_that_is_deeper_than_a_path_may_be_long(tmp_path: Path) -> None:
    os.mkdir(tmp_path / "t")
    folder = os.open(tmp_path / "t", os.O_RDONLY)
    for _ in range(700):
        os.mkdir("deeper" * 2, dir_fd=folder)
        below = os.open("deeper" * 2, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)
    try:
        remove_tree(tmp_path / "t")
        assert not (tmp_path / "t").exists()
    finally:
        subprocess.run(["/bin/rm", "-rf", tmp_path / "t"], check=True)


def test_salvage_of_a_file_gives_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"")
    salvage(tmp_path / "f")
    assert listing(tmp_path) == {"f": None}
