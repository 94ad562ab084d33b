"""Many results, each a file that is no small one, so that each is an answer of its own from a server."""

from __future__ import annotations

from pathlib import Path
from random import Random

from lightfx import Build, Derivation, stage

SIZE = 70_000


def content(number: int) -> bytes:
    """What a file holds; known here without asking anybody."""
    return Random(number).randbytes(SIZE)


@stage(version="1")
def blob(build: Build, number: int) -> Path:
    path = build.out / "blob.bin"
    path.write_bytes(content(number))
    return path


def plans(count: int) -> list[Derivation[Path]]:
    return [blob(number) for number in range(count)]
