"""Stages and realizers of the low level, where worker processes can import them."""

from __future__ import annotations

from pathlib import Path

from returns.result import Failure, Result, Success

from lightfx import Build, BuildOrder, Derivation, Left, Output, Raised, stage
from lightfx.core.derivation import Asks
from lightfx.core.realization import Outputs, Value


class Training(Build):
    """A build with state of its own."""

    epochs = 0
    history: list[float]

    def __init__(self, order: BuildOrder, index: int) -> None:
        super().__init__(order, index)
        self.history = []

    def epoch(self, loss: float) -> None:
        self.epochs += 1
        self.history.append(loss)


@stage
def trained(build: Training, rate: float) -> list[float]:
    for loss in (rate, rate / 2):
        build.epoch(loss)
    return [*build.history, float(build.epochs)]


@stage(version="1")
def told(build: Build, number: int, ran: str) -> int:
    with Path(ran).open("a") as file:
        file.write(f"{number} {sorted(build.args.items())}\n")
    return number


@stage(version="1")
def saved(build: Build, rate: float, files: dict[str, Path], keeps: bool = True) -> Path:
    for name, path in files.items():
        if keeps or name != "model":
            path.write_text(f"{name} {rate}")
    return build.out


def draws(order: BuildOrder) -> Result[Outputs, Left | Asks]:
    """Gives as many outputs as it is asked for; every third is LEFT."""
    outputs: list[Output | Left] = []
    for index in order.indices:
        folder = order.folder(index)
        folder.mkdir(parents=True)
        (folder / "n.txt").write_text(str(index))
        left = Left(Raised("ValueError", ("ValueError", "Exception"), "third", ""), folder=folder)
        outputs.append(left if index % 3 == 2 else Output({"$path": "n.txt"}, folder))
    return Success(tuple(outputs))


def sums(order: BuildOrder) -> Result[Outputs, Left | Asks]:
    """Reads what its references were resolved to."""
    total = 0
    for each in order.inputs.values():
        for given in each.given:
            if not isinstance(given.result, Value):
                return Failure(Left(given.result))
            assert isinstance(given.result.tree, int)
            total += given.result.tree
    base = order.config.tree["args"]["base"]
    return Success((Output(base + total),))


@stage(version="1")
def doubled(build: Build, number: Derivation[int]) -> int:
    return 2 * build.need(number)


# Realizers that give what they may not.


def nan(order: BuildOrder) -> object:
    return Success((Output(float("nan")),))


def a_set(order: BuildOrder) -> object:
    return Success((Output({"a": {1}}),))  # type: ignore[dict-item]  # what nobody checked


def some_text(order: BuildOrder) -> object:
    return Success((Output("s"),))


def outside(order: BuildOrder) -> object:
    return Success((Output({"$path": "../../x"}),))


def nowhere(order: BuildOrder) -> object:
    return Success((Output({"$path": "x"}, order.folder(0)),))


def nothing(order: BuildOrder) -> object:
    return Success(None)


def numbers(order: BuildOrder) -> object:
    return Success((3,))


def bare(order: BuildOrder) -> object:
    return 3


def strange_failure(order: BuildOrder) -> object:
    return Failure("no")


@stage
def good(build: Build, n: int) -> int:
    return n
