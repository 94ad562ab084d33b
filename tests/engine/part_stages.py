"""Stages whose values have parts, where worker processes can import them."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from lightfx import Build, Derivation, stage


def note(ran: str, what: str) -> None:
    with Path(ran).open("a") as file:
        file.write(f"{what}\n")


@frozen
class Layer:
    weights: Path
    size: int


@frozen
class Model:
    layers: tuple[Layer, ...]
    scores: dict[str, float]
    notes: Path


@stage(version="1")
def model(build: Build, ran: str, rate: float, remark: str = "") -> Model:
    note(ran, "model")
    weights = build.out / "deep" / "w.bin"
    weights.parent.mkdir()
    weights.write_text(f"{rate}")
    notes = build.out / "notes"
    notes.mkdir()
    (notes / "a.txt").write_text(remark)
    (notes / "b.txt").write_text("always")
    return Model((Layer(weights, len(remark)),), {"rate": rate, "remark": float(len(remark))}, notes)


@stage(version="1")
def weighs(build: Build, weights: Derivation[Path], ran: str) -> str:
    note(ran, "weighs")
    return build.need(weights).read_text()


@stage(version="1")
def doubles(build: Build, number: Derivation[float], ran: str) -> float:
    note(ran, "doubles")
    return 2 * build.need(number)


@stage(version="1")
def broken(build: Build) -> Model:
    raise ValueError("no model")
