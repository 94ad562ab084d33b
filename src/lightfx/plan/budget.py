"""The budget of a run: who may start now, so that what runs together fits the machine.

Rules:

1. Tasks start in the order in which they came, and one that does not fit now is
   passed over by others that do.
2. One that was passed over `PATIENCE` times is passed no more: nothing starts
   before it does. So a task that takes all cores does not wait for ever behind
   many that take one.
3. *Plain* tasks (one core, nothing else) may queue at the executor beyond the
   cores, so that no worker waits for the driver, as long as all are plain.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

from attrs import Factory, define

from lightfx.core.terms import PLAIN, Limits, Resources

PATIENCE: Final = 32


def lacking(resources: Resources, limits: Limits) -> str:
    """Say what a task takes that there is not, in all; "" where it can fit.

    >>> lacking(Resources(cores=4, tickets={"gpu": 1}), Limits(cores=2))
    'takes 4 cores of 2, and 1 gpu of 0'
    """
    short = []
    if limits.cores is not None and resources.cores > limits.cores:
        short.append(f"{resources.cores} cores of {limits.cores}")
    if limits.memory is not None and resources.memory > limits.memory:
        short.append(f"{resources.memory:,} bytes of memory of {limits.memory:,}")
    short += [
        f"{count} {name} of {limits.tickets.get(name, 0)}"
        for name, count in resources.tickets.items()
        if count > limits.of(name)
    ]
    return f"takes {', and '.join(short)}" if short else ""


@final
@define(eq=False)
class Budget:
    """What there is in all, and what is taken."""

    limits: Limits
    _cores: int = 0
    _memory: int = 0
    _tickets: dict[str, int] = Factory(dict)
    _special: int = 0

    def capped(self, resources: Resources) -> Resources:
        """Keep what was scaled up for another attempt within what there is."""
        limits = self.limits
        return Resources(
            resources.cores if limits.cores is None else min(resources.cores, limits.cores),
            resources.memory if limits.memory is None else min(resources.memory, limits.memory),
            {name: min(count, limits.tickets.get(name, count)) for name, count in resources.tickets.items()},
        )

    def fits(self, resources: Resources) -> bool:
        """Tell whether a task may start beside those that run."""
        limits = self.limits
        if resources is PLAIN:
            return not self._special or limits.cores is None or self._cores < limits.cores
        return (
            (limits.cores is None or self._cores + resources.cores <= limits.cores)
            and (limits.memory is None or self._memory + resources.memory <= limits.memory)
            and all(self._tickets.get(name, 0) + count <= limits.of(name) for name, count in resources.tickets.items())
        )

    def take(self, resources: Resources) -> None:
        """Note that a task starts."""
        self._change(resources, 1)

    def give_back(self, resources: Resources) -> None:
        """Note that a task is over."""
        self._change(resources, -1)

    def _change(self, resources: Resources, sign: int) -> None:
        self._cores += sign * resources.cores
        if resources is PLAIN:
            return
        self._special += sign
        self._memory += sign * resources.memory
        for name, count in resources.tickets.items():
            self._tickets[name] = self._tickets.get(name, 0) + sign * count


def admitted(waiting: Sequence[Resources], passed: Sequence[int], budget: Budget, room: int) -> list[int]:
    """Choose who of those that wait starts now: positions, first come first; takes from ``budget``.

    ``passed`` counts how often each was passed over; at most ``room`` start.

    >>> admitted([Resources(cores=2), PLAIN, PLAIN], [0, 0, 0], Budget(Limits(cores=1)), 9)
    [1, 2]
    >>> admitted([Resources(cores=2), PLAIN, PLAIN], [PATIENCE, 0, 0], Budget(Limits(cores=1)), 9)
    []
    """
    chosen: list[int] = []
    for position, resources in enumerate(waiting):
        if len(chosen) >= room:
            break
        if budget.fits(resources):
            budget.take(resources)
            chosen.append(position)
        elif passed[position] >= PATIENCE:
            break
    return chosen
