"""Three experiments, one of which fails. Run it again, and nothing runs.

>>> main()
rate 0.1: 2.000
rate 0.5: 2.000
rate 2.0: returned Diverged {"step": 11}
"""

from collections.abc import Mapping

from attrs import frozen
from returns.result import Failure, Result, Success

from lightfx import Build, Derivation, Outcome, Right, Tolerant, evaluate, open_world, stage


@frozen
class Diverged:
    step: int


@stage
def descend(build: Build, rate: float) -> Result[float, Diverged]:
    x = 0.0
    for step in range(100):
        x -= rate * 2 * (x - 2)  # downhill on (x - 2)**2
        build.log(step, x)
        if abs(x) > 1e6:
            return Failure(Diverged(step))
    return Success(x)


@stage
def report(build: Build, cells: Mapping[str, Tolerant[float]]) -> list[str]:
    return [f"{name}: {said(build.need(cell))}" for name, cell in cells.items()]


def said(outcome: Outcome[float]) -> str:
    return f"{outcome.value:.3f}" if isinstance(outcome, Right) else outcome.reason


def plan() -> Mapping[str, Derivation[float]]:
    return {f"rate {rate}": descend(rate) for rate in (0.1, 0.5, 2.0)}


def main() -> None:
    with open_world("results") as world:
        whole = report({name: cell.tolerate() for name, cell in plan().items()})
        print("\n".join(evaluate(world, whole)))


if __name__ == "__main__":
    main()
