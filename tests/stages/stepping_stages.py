"""Stages to step through, where worker processes can import them."""

from __future__ import annotations

from pathlib import Path

from lightfx import Build, Derivation, stage


def note(ran: str, what: str) -> None:
    with Path(ran).open("a") as file:
        file.write(f"{what}\n")


@stage(version="1")
def load(build: Build, size: int, ran: str) -> list[int]:
    note(ran, f"load {size}")
    return list(range(size))


@stage(version="1")
def train(build: Build, data: Derivation[list[int]], rate: float, ran: str) -> float:
    note(ran, f"train {build.index}")
    return rate * sum(build.need(data)) + build.index


@stage(version="1", outputs=2)
def roll(build: Build, sides: int) -> float:
    return sides + build.index


@stage(version="1")
def draw(build: Build, model: Derivation[float], ran: str) -> Path:
    note(ran, "draw")
    (build.out / "plot.txt").write_text(f"{build.need(model)}")
    return build.out


@stage(version="1")
def weigh(build: Build, data: Derivation[list[int]], ran: str) -> float:
    return sum(build.need_all([train(data, rate, ran) for rate in (2.0, 3.0)]))
