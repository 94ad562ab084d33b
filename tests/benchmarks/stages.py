"""The stages that `engine.py` times: in a module of their own, which worker processes import."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from engine_work import add, spin

import lightfx as fx


@fx.stage
def adding(build: fx.Build, number: int) -> int:
    """Do next to nothing."""
    return add(number)


@fx.stage
def spinning(build: fx.Build, number: int) -> int:
    """Keep one core busy."""
    return spin(number)


@fx.stage
def resting(build: fx.Build, number: int) -> int:
    """Take long enough that each worker gets one."""
    time.sleep(0.5)
    return spin(number)


@fx.stage
def first(build: fx.Build, number: int) -> int:
    """Stand on nothing."""
    return number


@fx.stage
def following(build: fx.Build, before: fx.Derivation[int]) -> int:
    """Stand on one other."""
    return build.need(before) + 1


@fx.stage
def gathering(build: fx.Build, parts: list[fx.Derivation[int]]) -> int:
    """Stand on many others."""
    return sum(map(build.need, parts))


@fx.stage
def writing(build: fx.Build, number: int) -> Path:
    """Write one small file."""
    path = build.out / "number.txt"
    path.write_text(str(number))
    return path


@fx.stage
def copying(build: fx.Build, source: str) -> tuple[Path, float]:
    """Copy a file or a folder, and say how many seconds that took."""
    copy = build.out / "copy"
    began = time.perf_counter()
    subprocess.run(["cp", "-r", source, copy], check=True)
    return copy, time.perf_counter() - began


def chain_of(size: int) -> fx.Derivation[int]:
    """Each needs the one before."""
    plan = first(0)
    for _ in range(size - 1):
        plan = following(plan)
    return plan


def gather_of(size: int) -> fx.Derivation[int]:
    """One needs all others."""
    return gathering([first(number) for number in range(size)])
