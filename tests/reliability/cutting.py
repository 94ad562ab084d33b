"""Power cuts: what a store on a disk holds after one, while `writer` was at work on it."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

from attrs import Factory, define
from blockdisk import entries, remembering, replayed
from disks import FileSystem, copied, living, looped, make, mounted
from inquest import Inquest
from protocol import SEED

WRITER = Path(__file__).with_name("writer.py")
ENDLESS = 10**6


@define
class Cuts:
    """What came of some cuts: how many answers were given before the last of them, and what was wrong after which.

    ``lacking``: how many cuts there were between writes that were not durable yet.
    """

    answers: int = 0
    lacking: int = 0
    wrong: dict[int, list[str]] = Factory(dict)
    unmountable: list[str] = Factory(list)


def cut(
    shop: Path,
    inquest: Inquest,
    file_system: FileSystem,
    kind: str,
    count: int,
    *,
    mutant: str = "",
    gap: float = 0.25,
) -> Cuts:
    """Let a writer work, cut its power ``count`` times, ``gap`` seconds apart in the middle, and judge each time."""
    dice = random.Random(f"{SEED} {file_system.name} {kind} {mutant}")
    cuts = Cuts()
    said: list[bytes] = []
    copies: list[Path] = []
    aside = [shop.parent / "aside"] if kind in ("value", "tree") else []  # SQLite's syncs hide nothing there
    with living(shop, file_system) as (image, at):
        acks = shop / "acks"
        with acks.open("wb") as out:
            writer = subprocess.Popen(
                [sys.executable, WRITER, at / "store", kind, "0", str(ENDLESS), mutant, *aside], stdout=out
            )
            while not acks.stat().st_size:
                time.sleep(0.005)
                if writer.poll() is not None:
                    raise OSError(f"the writer ended with {writer.returncode}")
            for number in range(count):
                time.sleep(gap * dice.uniform(0.5, 1.5))
                said.append(acks.read_bytes())  # first: what is said after the cut was not said
                copies.append(copied(image, shop / f"cut-{number}.img"))
            ended = writer.poll()
            writer.kill()
            writer.wait()
        if ended is not None:
            raise OSError(f"the writer ended with {ended}")
    cuts.answers = said[-1].count(b"\n")
    for number, copy in enumerate(copies):
        look(cuts, shop, inquest, file_system, copy, number, said[number], kind)
        copy.unlink()
    return cuts


def replay(
    shop: Path, inquest: Inquest, file_system: FileSystem, kind: str, things: int, count: int, *, mutant: str = ""
) -> Cuts:
    """Let a writer store so many things on a disk that remembers, and judge ``count`` states that it may have left."""
    dice = random.Random(f"{SEED} {file_system.name} {kind} {mutant}")
    cuts = Cuts()
    log, aside = shop.parent / "blocks.log", shop.parent / "aside"
    with (
        remembering(shop.parent / "blocks", file_system.size, log) as disk,
        looped(disk / "disk") as device,
    ):
        make(device, file_system)
        with mounted(device, shop / "disk", file_system.options) as at, (disk / "said").open("wb", buffering=0) as said:
            subprocess.run(
                [sys.executable, WRITER, at / "store", kind, "0", str(things), mutant, aside], stdout=said, check=True
            )
    shutil.rmtree(aside)
    kind_of_disk = file_system.size, file_system.sector, file_system.whole
    states = replayed(entries(log), shop / "base.img", *kind_of_disk, dice, count)
    for number, (heard, image, lacking) in enumerate(states):
        cuts.answers = max(cuts.answers, heard.count(b"\n"))
        cuts.lacking += bool(lacking)
        look(cuts, shop, inquest, file_system, image, number, heard, kind)
    return cuts


def look(
    cuts: Cuts, shop: Path, inquest: Inquest, file_system: FileSystem, copy: Path, number: int, said: bytes, kind: str
) -> None:
    """Boot after a cut, and hold the inquest."""
    try:
        with mounted(copy, shop / "after", file_system.options, file_system.again) as at:
            wrong = inquest.ask(at / "store", said, kind, said.count(b"\n"))
    except OSError as error:
        cuts.unmountable.append(f"cut {number}: {error}")
        return
    if wrong:
        cuts.wrong[number] = wrong
