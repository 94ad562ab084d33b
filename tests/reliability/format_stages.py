"""The stages of the store that is kept as a fixture, and what makes it: ``python format_stages.py FOLDER``.

Once a format was released its fixture is never made again: it is what that
version wrote. A new format gets a new one.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from returns.result import Failure, Result

from lightfx import Build, Derivation, evaluate, open_world, realize, stage, unwrap
from lightfx.core.names import Digest
from lightfx.garbage import add_root

RAN: list[str] = []


@stage(version="1")
def number(build: Build, value: int) -> int:
    RAN.append("number")
    return value


@stage(version="1")
def parity(build: Build, value: Derivation[int]) -> int:
    RAN.append("parity")
    return build.need(value) % 2


@stage(version="1")
def text(build: Build, parity: Derivation[int]) -> Path:
    RAN.append("text")
    (build.out / "deep").mkdir()
    (build.out / "deep" / "é.txt").write_text(f"{build.need(parity)}\n")
    (build.out / "link").symlink_to("deep/é.txt")
    (build.out / "run.sh").write_text("#!/bin/sh\n")
    (build.out / "run.sh").chmod(0o755)
    return build.out


@stage(version="1", ephemeral=True)
def large(build: Build) -> Path:
    RAN.append("large")
    (build.out / "large.txt").write_text("large")
    return build.out / "large.txt"


@stage(version="1")
def length(build: Build, data: Derivation[Path]) -> int:
    RAN.append("length")
    return len(build.need(data).read_text())


@stage(version="1")
def refused(build: Build, value: int) -> Result[int, str]:
    RAN.append("refused")
    build.log("word " * 4000)
    return Failure(f"no {value}")


@stage(version="1")
def stands(build: Build, value: Derivation[int]) -> int:
    RAN.append("stands")
    return build.need(value)


@stage(version="1")
def asks(build: Build, value: int) -> int:
    RAN.append("asks")
    return build.need(number(value + 1))


RIGHTS = {
    "even": parity(number(2)),
    "cut off": parity(number(4)),
    "files": text(parity(number(3))),
    "ephemeral": length(large()),
    "asks": asks(5),
}
LEFTS = {"left": refused(1), "upstream": stands(refused(1))}


def main(folder: str) -> None:
    """Make the store, and keep of it what is of its format."""
    make(folder)
    store = Path(folder)
    for each in (*store.glob("index.sqlite*"), *store.glob("runs/*")):
        each.unlink()
    for group in list(store.glob("records/*")):
        lines = re.sub(rb'"(commit|host|user)":"[^"]*"', rb'"\1":""', group.read_bytes())
        group.unlink()
        (store / "records" / f"{Digest.of(lines).hex}.jsonl").write_bytes(lines)


def make(folder: str) -> None:
    """Make the store."""
    with open_world(folder) as world:
        for plan in RIGHTS.values():
            evaluate(world, plan)
        for plan in LEFTS.values():
            unwrap(realize(world, plan))
        unwrap(add_root(world, RIGHTS["files"].dref, name="files"))


if __name__ == "__main__":
    # As the tests import it: the name of the module is part of what a stage is called by.
    sys.path.insert(0, str(Path(__file__).parent))
    import format_stages

    format_stages.main(sys.argv[1])
