"""Rights that we lack are taken of what is there, of nothing that a link leads to, and nothing is left open."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lightfx.shell.disk import Disk, Name
from lightfx.shell.store.descending import Descent
from lightfx.shell.store.tree import ForbiddenError, entries_of, remove_tree
from lightfx.testing.makings import fill

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has rights set by what is held")
HELD = getattr(os, "O_PATH", 0)


class Strict(Disk):
    """A disk that minds the rights to read, whoever asks; ``come`` is called with each path that it denies."""

    def __init__(self, come: Callable[[Path], None] = lambda path: None) -> None:
        self.opened: set[int] = set()
        self._come = come

    def open(self, path: Name, flags: int, mode: int = 0o666, folder: int | None = None) -> int:
        if not (HELD and flags & HELD) and Path(path).exists() and not Path(path).stat().st_mode & stat.S_IRUSR:
            self._come(Path(path))
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        file = super().open(path, flags, mode, folder)
        self.opened.add(file)
        return file

    def close(self, file: int) -> None:
        self.opened.discard(file)
        super().close(file)


def rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    fill(tmp_path / "root", {"a/b/f": b"x", "a/g": b"y"})
    (tmp_path / "root/a/b").chmod(0o000)
    (tmp_path / "root/a").chmod(0o000)
    return tmp_path / "root"


def test_rights_that_are_lacking_are_taken(root: Path) -> None:
    disk = Strict()
    assert sorted(each.path for each in entries_of(root, disk=disk)) == ["a", "a/b", "a/b/f", "a/g"]
    assert rights(root / "a") == rights(root / "a/b") == 0o700
    (root / "a/b").chmod(0o000)
    remove_tree(root, disk)
    assert not root.exists()
    assert disk.opened == set()


def to_link(path: Path, outside: Path) -> None:
    path.symlink_to(outside)


def to_name_of_a_file(path: Path, outside: Path) -> None:
    os.link(outside / "f", path)


@ON_LINUX
@pytest.mark.parametrize("swap", [to_link, to_name_of_a_file])
@pytest.mark.parametrize("what", [remove_tree, entries_of])
@pytest.mark.parametrize("name", ["", "a"])
def test_trap_rights_were_set_of_what_was_put_in_the_place_of_a_folder(
    tmp_path: Path, root: Path, swap: Callable[[Path, Path], None], what: Callable[..., object], name: str
) -> None:
    """Trap: a folder that may not be opened was set right by its path, and so was what a link there led to by then."""
    outside = tmp_path / "outside"
    fill(outside, {"f": b"theirs"})
    outside.chmod(0o750)
    (outside / "f").chmod(0o640)
    home = root / name
    home.chmod(0o000)
    came: list[Path] = []

    def come(path: Path) -> None:
        if path == home and not came:
            came.append(path)
            path.chmod(0o700)
            shutil.rmtree(path)
            swap(path, outside)

    disk = Strict(come)
    try:
        what(root, disk=disk)
    except (ForbiddenError, OSError) as error:
        assert isinstance(error, ForbiddenError) or error.errno == errno.ELOOP, error
    assert came
    assert (rights(outside), rights(outside / "f")) == (0o750, 0o640)
    assert (outside / "f").read_text() == "theirs"
    assert disk.opened == set()


@ON_LINUX
def test_trap_rights_were_set_of_what_was_put_in_the_place_of_a_file(tmp_path: Path) -> None:
    """Trap: the same, of a file that its stage had made unreadable."""
    fill(tmp_path / "root", {"f": b"x"})
    fill(tmp_path, {"outside": b"theirs"})
    outside = tmp_path / "outside"
    outside.chmod(0o200)
    file = tmp_path / "root/f"
    file.chmod(0o000)

    class Swapping(Disk):
        def open(self, path: Name, flags: int, mode: int = 0o666, folder: int | None = None) -> int:
            self._come(path)
            return super().open(path, flags, mode, folder)

        def chmod(self, path: Name, mode: int, folder: int | None = None) -> None:
            self._come(path)
            super().chmod(path, mode, folder)

        def _come(self, path: Name) -> None:
            if str(path) == str(file) and not file.is_symlink():
                file.unlink()
                file.symlink_to(outside)

    with pytest.raises(ForbiddenError, match="was changed"):
        entries_of(tmp_path / "root", disk=Swapping())
    assert rights(outside) == 0o200


@pytest.mark.parametrize("call", ["fstat", "fchmod"])
def test_trap_a_folder_was_left_open_whose_rights_could_not_be_taken(tmp_path: Path, call: str) -> None:
    """Trap: who went down leaked a descriptor for each folder of another user."""
    fill(tmp_path / "root", {"a/f": b"x"})
    (tmp_path / "root/a").chmod(0o500)
    disk = Strict()

    def refuse(file: int, mode: int = 0) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    with pytest.raises(PermissionError), Descent(tmp_path / "root", disk, ours=True, taking=True) as descent:
        setattr(disk, call, refuse)
        descent.to("a/")
    assert disk.opened == set()


@ON_LINUX
def test_without_proc_no_rights_are_set(root: Path) -> None:
    """There is no other way that a link could not turn aside: it is refused, and not taken for gone."""

    class Bare(Strict):
        def chmod(self, path: Name, mode: int, folder: int | None = None) -> None:
            assert str(path).startswith("/proc/"), "by the name it leads wherever a link does"
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))

    for what in (remove_tree, entries_of):
        with pytest.raises(PermissionError, match="/proc") as caught:
            what(root, disk=Bare())
        assert caught.value.filename.endswith("root/a")
    assert rights(root / "a") == 0o000
