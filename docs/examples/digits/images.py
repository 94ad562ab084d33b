"""The images: scikit-learn's handwritten digits, some held out, the rest split at random by a seed."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Final

import numpy as np
from attrs import frozen
from families import LIBRARIES, Images, Labels

from lightfx import Build, Derivation, stage

HELD_OUT: Final = 360
VALIDATION: Final = 0.3


@frozen
class Part:
    """Some images, 64 shades from 0 to 1 each, and what they show."""

    images: Path
    labels: Path


@frozen
class Digits:
    """All the digits: those to work with, and those that no cell ever sees."""

    pool: Part
    test: Part


@frozen
class Split:
    """One random split of the pool."""

    seed: int
    train: Part
    valid: Part


@stage(packages=LIBRARIES)
def digits(build: Build) -> Digits:
    """Read the digits that come with scikit-learn, and hold some out."""
    loaded: tuple[Images, Labels] = import_module("sklearn.datasets").load_digits(return_X_y=True)
    images, labels = loaded
    order = np.random.default_rng(0).permutation(len(labels))
    test, pool = order[:HELD_OUT], order[HELD_OUT:]
    return Digits(
        pool=_write(build.out / "pool", images[pool] / 16, labels[pool]),
        test=_write(build.out / "test", images[test] / 16, labels[test]),
    )


@stage
def split(build: Build, data: Derivation[Digits], seed: int) -> Split:
    """Split the pool at random: the seed of a cell decides what it learns from."""
    images, labels = read(build.need(data).pool)
    order = np.random.default_rng(seed).permutation(len(labels))
    valid, train = np.split(order, [round(VALIDATION * len(labels))])
    return Split(
        seed=seed,
        train=_write(build.out / "train", images[train], labels[train]),
        valid=_write(build.out / "valid", images[valid], labels[valid]),
    )


def read(part: Part) -> tuple[Images, Labels]:
    """Load a part back, with types."""
    images: Images = np.load(part.images)
    labels: Labels = np.load(part.labels)
    return images, labels


def _write(folder: Path, images: Images, labels: Labels) -> Part:
    folder.mkdir()
    part = Part(folder / "images.npy", folder / "labels.npy")
    np.save(part.images, images)
    np.save(part.labels, labels)
    return part
