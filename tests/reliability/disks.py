"""Disks that lose power: file systems in an image file, copied as they are at some moment, and mounted again.

The image lies on another file system, XFS, which can copy a file in an instant
and all at once (reflink). The copy is what the inner file system had handed to
its disk by then; what it only had in memory is not in it. To mount the copy is
to boot after the cut: the journal is replayed.

Needs Linux, root, loop devices and ``mkfs``: `missing` says what is not there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from attrs import frozen


@frozen
class FileSystem:
    """A file system to make, its size, and how to mount it.

    ``sector`` is how much its disk writes wholly or not at all. XFS skips what its log holds of a block whose head is
    as new, and then refuses the block where the rest is old: so one that was torn makes it unmountable, whoever
    wrote it. Disks of today write 4 KiB at a time. ``whole`` is where the superblock of the others lies, which it
    writes wholly too: where that was torn its checksum is wrong, and nothing is mounted.
    """

    name: str
    kind: str
    size: int
    options: str = ""
    again: str = ""
    making: tuple[str, ...] = ()
    sector: int = 512
    whole: range = range(0)


MIB: Final = 1 << 20
FILE_SYSTEMS: Final = {
    each.name: each
    for each in (
        FileSystem("ext4", "ext4", 256 * MIB, making=("-E", "nodiscard"), whole=range(1024, 2048)),
        FileSystem(
            "ext4, data=writeback",
            "ext4",
            256 * MIB,
            options="data=writeback",
            making=("-E", "nodiscard"),
            whole=range(1024, 2048),
        ),
        FileSystem("xfs", "xfs", 320 * MIB, again="nouuid", making=("-K",), sector=4096),
        FileSystem("btrfs", "btrfs", 256 * MIB, making=("-K",), whole=range(65_536, 69_632)),
    )
}


def missing(*file_systems: FileSystem) -> str:
    """What is not there that is needed, in words; nothing where all is."""
    if os.geteuid() != 0:
        return "only root can mount"
    for each in ("losetup", "mkfs.xfs", *(f"mkfs.{each.kind}" for each in file_systems)):
        if shutil.which(each) is None:
            return f"{each} is not installed"
    if not os.path.exists("/dev/loop-control"):
        return "there are no loop devices"
    return ""


def call(*command: object) -> str:
    """Run a command to its end; what it said."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return done.stdout.strip()


@contextmanager
def mounted(image: Path | str, at: Path, *options: str) -> Iterator[Path]:
    """Mount an image, or a device; it is unmounted in the end, however busy."""
    at.mkdir(parents=True, exist_ok=True)
    call("mount", "-o", ",".join(["loop"] * isinstance(image, Path) + ["noatime", *filter(None, options)]), image, at)
    try:
        yield at
    finally:
        unmount(at)


def unmount(at: Path) -> None:
    for _ in range(50):
        if subprocess.run(["umount", str(at)], capture_output=True).returncode == 0:
            return
        time.sleep(0.1)
    call("umount", "--lazy", at)


@contextmanager
def workshop(folder: Path) -> Iterator[Path]:
    """A file system on which files are copied in an instant."""
    image = folder / "workshop.img"
    with image.open("wb") as file:
        file.truncate(3 << 30)
    call("mkfs.xfs", "-q", "-m", "reflink=1", image)
    with mounted(image, folder / "workshop") as at:
        yield at
    image.unlink()


def make(device: Path | str, file_system: FileSystem) -> None:
    """Make an empty file system."""
    call(f"mkfs.{file_system.kind}", "-q", *file_system.making, device)


def copied(image: Path, copy: Path) -> Path:
    """Copy an image as it is now, in an instant."""
    call("cp", "--reflink=always", image, copy)
    return copy


@contextmanager
def living(shop: Path, file_system: FileSystem) -> Iterator[tuple[Path, Path]]:
    """Make a file system and mount it; gives its image, and where it is mounted."""
    image = shop / "disk.img"
    with image.open("wb") as file:
        file.truncate(file_system.size)
    make(image, file_system)
    with ExitStack() as held:
        at = held.enter_context(mounted(image, shop / "disk", file_system.options))
        call("sync", "-f", at)
        yield image, at
    image.unlink()


@contextmanager
def looped(file: Path) -> Iterator[str]:
    """A loop device on a file, past the cache of the file's own file system."""
    device = call("losetup", "--find", "--show", "--direct-io=on", file)
    try:
        yield device
    finally:
        call("losetup", "--detach", device)
