"""The account of tasks on a cluster: what each asks for, how often it was lost, who has been silent for how long.

Silence is counted by looks at the scheduler, not by the clock: a driver that was
asleep itself finds nobody dead when it wakes up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, final
from urllib.parse import urlsplit

from attrs import Factory, define
from returns.result import Failure

from lightfx.core.outcome import Died, Left
from lightfx.core.realization import MadeBy
from lightfx.core.terms import Limits, Resources
from lightfx.effects.executor import Finished, Task
from lightfx.shell.executor.cluster import Node, Seen

if TYPE_CHECKING:
    from distributed import Future

LOSSES: Final = 3


@final
@define(eq=False)
class Run:
    """A task that was handed over: of its last execution the token, the worker, and for how long it was silent.

    ``trees`` holds what it needs in the cluster. ``stranded`` is for how long
    there was no worker that could take it.
    """

    task: Task
    request: Mapping[str, float]
    future: Future[bytes]
    trees: Sequence[Future[bytes]]
    token: str = ""
    worker: str = ""
    silent: float = 0.0
    ended: bool = False
    losses: int = 0
    stranded: float = 0.0

    def began(self, token: str, worker: str) -> None:
        """Take in that an execution began: the one before it was lost."""
        self.losses += bool(self.token)
        self.token, self.worker, self.silent, self.ended = token, worker, 0.0, False


def died(run: Run) -> Finished:
    """Finish a task whose workers did not live to tell of it; of the last one, the address says the host."""
    made_by = MadeBy(host=urlsplit(run.worker).hostname or "")
    return Finished(run.task.number, Failure(Left(Died(None, None))), made_by)


def request_of(wanted: Resources, nodes: Mapping[str, Node], limits: Limits) -> Mapping[str, float]:
    """Say what Dask must find for a task: cores and memory where any worker declares them, and its tickets.

    Tickets that the user limits in all are counted by who starts tasks.

    >>> node = Node(threads=4, resources={"cores": 4}, last_seen=0)
    >>> request_of(Resources(cores=2, memory=8, tickets={"gpu": 1}), {"a": node}, Limits())
    {'cores': 2.0, 'gpu': 1.0}
    """
    declared = {name for node in nodes.values() for name in node.resources}
    own = {"cores": wanted.cores, "memory": wanted.memory}
    asked = {name: float(count) for name, count in own.items() if count and name in declared}
    return asked | {name: float(count) for name, count in wanted.tickets.items() if name not in limits.tickets}


def takers(nodes: Mapping[str, Node], request: Mapping[str, float]) -> bool:
    """Tell whether any worker could ever take a task.

    >>> takers({"a": Node(4, {}, 0)}, {}), takers({"a": Node(4, {}, 0)}, {"gpu": 1})
    (True, False)
    """
    return any(all(node.resources.get(name, 0) >= count for name, count in request.items()) for node in nodes.values())


def offered(request: Mapping[str, float], nodes: Mapping[str, Node]) -> str:
    """Compare what a task asks for with the most that any worker has.

    >>> offered({"gpu": 2.0}, {"a": Node(4, {"gpu": 1}, 0)})
    'gpu=2 (the most: 1)'
    """
    most = {name: max((node.resources.get(name, 0) for node in nodes.values()), default=0) for name in request}
    return ", ".join(f"{name}={count:g} (the most: {most[name]:g})" for name, count in request.items())


@final
@define(eq=False)
class Silence:
    """How long who has been silent; ``limit`` is the heartbeat in seconds."""

    limit: float
    _seen: Mapping[str, float] = Factory(dict[str, float])
    _quiet: dict[str, float] = Factory(dict[str, float])

    def hung(self, seen: Seen, runs: Iterable[Run]) -> Sequence[str]:
        """Name the workers that were silent for too long: as such, or about a task that they run."""
        found = set[str]()
        for run in runs:
            if run.worker in seen.nodes and not run.ended:
                run.silent += seen.after
                if run.silent >= self.limit:
                    found.add(run.worker)
        last = {worker: node.last_seen for worker, node in seen.nodes.items()}
        self._quiet = {
            worker: self._quiet.get(worker, 0.0) + seen.after if self._seen.get(worker) == when else 0.0
            for worker, when in last.items()
        }
        self._seen = last
        found |= {worker for worker, quiet in self._quiet.items() if quiet >= self.limit}
        for run in runs:
            if run.worker in found:
                run.silent = 0.0
        self._quiet |= dict.fromkeys(found, 0.0)
        return sorted(found)
