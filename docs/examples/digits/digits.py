"""A grid of experiments on handwritten digits, some of whose cells fail: ``python digits.py FOLDER``."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import assert_never, final

from attrs import Factory, define, frozen
from families import Logistic, Metric, Neighbours, Network, Penalty, Settings, Solver, Support
from images import Split, digits, split
from picture import words
from stages import (
    Cell,
    Contender,
    Score,
    Table,
    Verdict,
    by_accuracy,
    finalist,
    logistic,
    neighbours,
    network,
    picture,
    refine,
    support,
    table,
    verdict,
)

from lightfx import Derivation, evaluate, open_world, realize_all, unwrap
from lightfx.journal import Advanced, JournalEvent, Listener, RunEnded, TaskEnded
from lightfx.matchers import best, some, then


@final
@frozen
class Size:
    """How large a grid: the settings of all families, the seeds, and how often the champion is refined."""

    settings: tuple[Settings, ...]
    seeds: tuple[int, ...]
    refinements: int


FITS = tuple(product((Penalty.RIDGE, Penalty.LASSO), (Solver.LBFGS, Solver.SAGA)))
FULL = Size(
    settings=(
        *(Logistic(c, *fit) for fit in FITS for c in (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)),
        *(Support(nu, gamma) for gamma in (0.003, 0.03, 0.3) for nu in (0.02, 0.05, 0.2, 0.5, 0.8, 0.9, 0.95)),
        *(Neighbours(k, metric) for metric in Metric for k in (1, 3, 5, 9, 15, 25, 40)),
        *(Network(width, rate) for width in (16, 64) for rate in (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)),
    ),
    seeds=(1, 2, 3),
    refinements=20,
)
SMALL = Size(
    settings=(
        *(Logistic(0.3, *fit) for fit in FITS),
        *(Support(nu, 0.03) for nu in (0.05, 0.95)),
        *(Neighbours(k, Metric.COSINE) for k in (3, 9)),
        *(Network(32, rate) for rate in (1e-3, 3e-2)),
    ),
    seeds=(1, 2),
    refinements=3,
)


@final
@frozen
class Plan:
    """All that is to be known, before anything has run."""

    cells: tuple[Derivation[Score], ...]
    table: Derivation[Table]
    picture: Derivation[Path]
    champion: Derivation[Contender]
    refined: Derivation[Contender]
    verdict: Derivation[Verdict]


def plan(size: Size = FULL) -> Plan:
    """Plan the grid and what stands on it. Nothing runs, and nothing is written."""
    data = digits()
    splits = {seed: split(data, seed) for seed in size.seeds}
    cells = {(settings, seed): fit(data, settings) for settings, (seed, data) in product(size.settings, splits.items())}
    gathered = table([Cell(settings, seed, cell.tolerate()) for (settings, seed), cell in cells.items()])
    # The finalists, one a family, are realizations of one derivation: a matcher chooses the champion.
    champion = finalist(gathered).choose(best(by_accuracy))
    # To refine is to try one's luck: so many realizations, each with a seed of its own, and the best of them.
    refined = refine(champion, list(splits.values())).choose(then(some(size.refinements), best(by_accuracy)))
    return Plan(
        cells=tuple(cells.values()),
        table=gathered,
        picture=picture(gathered),
        champion=champion,
        refined=refined,
        verdict=verdict(data, champion, refined),
    )


def fit(data: Derivation[Split], settings: Settings) -> Derivation[Score]:
    """Plan one cell, by the stage of its family."""
    match settings:
        case Logistic():
            return logistic(data, settings)
        case Support():
            return support(data, settings)
        case Neighbours():
            return neighbours(data, settings)
        case Network():
            return network(data, settings)
        case _ as never:
            assert_never(never)


@final
@define
class Tally:
    """Hears what happens in a run, and counts."""

    tasks: Counter[str] = Factory(Counter[str])
    runs: list[Advanced] = Factory(list[Advanced])

    def hear(self, event: JournalEvent) -> None:
        if isinstance(event, TaskEnded):
            self.tasks[event.dref.name.text] += 1
        elif isinstance(event, RunEnded):
            self.runs.append(event.summary)


def run(folder: Path, plan: Plan, workers: int) -> Iterator[str]:
    """Run a plan, copy table and picture to ``folder``, and tell line by line what came of it."""
    began, tally = perf_counter(), Tally()
    with open_world(folder / "store", workers=workers, journal=Listener(tally.hear)) as world:
        # One run for everything; what follows only reads.
        unwrap(realize_all(world, [*plan.cells, plan.picture, plan.verdict]))
        seconds = perf_counter() - began
        found, drawn = evaluate(world, plan.table), evaluate(world, plan.picture)
        champion, refined = evaluate(world, plan.champion), evaluate(world, plan.refined)
        judged = evaluate(world, plan.verdict)
        for source, name in ((found.csv, "table.csv"), (drawn, "accuracy.png")):
            shutil.copyfile(source, folder / name)

    counts = tally.runs[0]
    yield f"{counts.ran} ran, {counts.reused} reused, {counts.left} LEFT, in {seconds:.1f} s"
    yield f"ran       {', '.join(f'{n} {name}' for name, n in tally.tasks.items()) or 'nothing'}"
    reasons = Counter(row.why for row in found.rows if row.accuracy is None)
    yield f"failed    {reasons.total()} of {len(found.rows)} cells:"
    yield from (f"  {count:4} x {reason}" for reason, count in reasons.most_common())
    yield f"champion  {_said(champion)}"
    yield f"refined   {_said(refined)}"
    which, score = "refined" if judged.refined else "champion", judged.score
    yield f"verdict   {which}: {score.accuracy:.2%} of the images held out, {score.misread} misread"
    yield f"table     {folder / 'table.csv'}"
    yield f"picture   {folder / 'accuracy.png'}"


def _said(contender: Contender) -> str:
    said = words(contender.settings)
    return f"{contender.accuracy:.2%} of the validation images: {said.family}, {said}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="A grid of experiments on handwritten digits.")
    parser.add_argument("folder", type=Path, help="where the store, the table and the picture go")
    parser.add_argument("--workers", type=int, default=2, help="how many processes run stages; 0: this one")
    parser.add_argument("--small", action="store_true", help="a small grid, for a first look and for tests")
    given = parser.parse_args(arguments)
    for line in run(given.folder, plan(SMALL if given.small else FULL), given.workers):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
