"""The stages of the grid: a cell of each family; from all cells a table, a picture, finalists and a verdict."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Final, assert_never

import numpy as np
from attrs import frozen
from families import (
    LIBRARIES,
    Classifier,
    DidNotConverge,
    Logistic,
    Neighbours,
    Network,
    Settings,
    Support,
    logistic_model,
    model_of,
    nearby,
    neighbours_model,
    network_model,
    support_model,
    trained,
)
from images import Digits, Part, Split, read
from picture import Row, draw, words
from returns.result import Failure, Result, Success

from lightfx import Build, Derivation, Left, Right, Tolerant, stage

FAMILIES: Final = (Logistic, Support, Neighbours, Network)


@frozen
class Score:
    """How a model did on images that it did not learn from."""

    accuracy: float
    misread: int


@frozen
class Cell:
    """One cell of the grid as the table takes it: parameters, and an outcome that may be LEFT."""

    settings: Settings
    seed: int
    outcome: Tolerant[Score]


@frozen
class Table:
    """The whole grid, failed cells too."""

    rows: tuple[Row, ...]
    csv: Path


@frozen
class Contender:
    """Settings, and their mean accuracy over all splits."""

    settings: Settings
    accuracy: float


@frozen
class Verdict:
    """The settings that won, and how they do on the images that had no say in it."""

    settings: Settings
    refined: bool
    score: Score


@stage(packages=LIBRARIES)
def logistic(build: Build, data: Derivation[Split], settings: Logistic) -> Result[Score, DidNotConverge]:
    given = build.need(data)
    return scored(logistic_model(settings, given.seed), given.train, given.valid)


@stage(packages=LIBRARIES)
def support(build: Build, data: Derivation[Split], settings: Support) -> Result[Score, DidNotConverge]:
    given = build.need(data)
    return scored(support_model(settings), given.train, given.valid)


@stage(packages=LIBRARIES)
def neighbours(build: Build, data: Derivation[Split], settings: Neighbours) -> Result[Score, DidNotConverge]:
    given = build.need(data)
    return scored(neighbours_model(settings), given.train, given.valid)


@stage(packages=LIBRARIES)
def network(build: Build, data: Derivation[Split], settings: Network) -> Result[Score, DidNotConverge]:
    given = build.need(data)
    return scored(network_model(settings, given.seed), given.train, given.valid)


@stage
def table(build: Build, cells: Sequence[Cell]) -> Table:
    """Gather the grid. A failed cell is a row like any other: it says why."""
    rows = tuple(_row(build, cell) for cell in cells)
    path = build.out / "table.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["family", "settings", "seed", "status", "accuracy", "why"])
        for row in rows:
            accuracy = "" if row.accuracy is None else f"{row.accuracy:.4f}"
            said = words(row.settings)
            writer.writerow([said.family, said, row.seed, row.status, accuracy, row.why])
    return Table(rows, path)


@stage
def picture(build: Build, data: Derivation[Table]) -> Path:
    """Draw accuracy by hyperparameter."""
    path = build.out / "accuracy.png"
    draw(build.need(data).rows, path)
    return path


@stage(outputs=len(FAMILIES))
def finalist(build: Build, data: Derivation[Table]) -> Contender:
    """Send the best settings of each family, one output a family: a matcher chooses among them."""
    family = FAMILIES[build.index]
    accuracies: dict[Settings, list[float]] = {}
    for row in build.need(data).rows:
        if type(row.settings) is family:
            # A failed split counts as nothing read: settings that finish everywhere win.
            accuracies.setdefault(row.settings, []).append(row.accuracy or 0.0)
    contenders = [Contender(settings, fmean(found)) for settings, found in accuracies.items()]
    return max(contenders, key=by_accuracy)


@stage(packages=LIBRARIES)
def refine(
    build: Build, champion: Derivation[Contender], splits: Sequence[Derivation[Split]]
) -> Result[Contender, DidNotConverge]:
    """Try settings near the champion's, on the same splits. Each realization has its own seed, and tries others."""
    settings = nearby(build.need(champion).settings, np.random.default_rng(build.seed))
    accuracies: list[float] = []
    for each in splits:
        given = build.need(each)
        score = scored(model_of(settings, given.seed), given.train, given.valid)
        if isinstance(score, Failure):
            return Failure(score.failure())
        accuracies.append(score.unwrap().accuracy)
    return Success(Contender(settings, fmean(accuracies)))


@stage(packages=LIBRARIES)
def verdict(
    build: Build, data: Derivation[Digits], champion: Derivation[Contender], refined: Derivation[Contender]
) -> Result[Verdict, DidNotConverge]:
    """Train the better of the two on the whole pool, and face the images held out."""
    given, before, after = build.need(data), build.need(champion), build.need(refined)
    better = after.accuracy > before.accuracy
    settings = after.settings if better else before.settings
    score = scored(model_of(settings, seed=0), given.pool, given.test)
    return score.map(lambda found: Verdict(settings, better, found))


def by_accuracy(contender: Contender) -> float:
    """What the matchers maximize."""
    return contender.accuracy


def scored(model: Classifier, train: Part, valid: Part) -> Result[Score, DidNotConverge]:
    """Train a model on one part and judge it by another."""
    fitted = trained(model, *read(train))
    if isinstance(fitted, Failure):
        return Failure(fitted.failure())
    images, labels = read(valid)
    misread = int(np.count_nonzero(fitted.unwrap().predict(images) != labels))
    return Success(Score(1 - misread / len(labels), misread))


def _row(build: Build, cell: Cell) -> Row:
    outcome = build.need(cell.outcome)
    match outcome:
        case Right(value=score):
            return Row(cell.settings, cell.seed, "right", score.accuracy)
        case Left() as left:
            return Row(cell.settings, cell.seed, left.kind, None, left.reason)
        case _ as never:
            assert_never(never)
