"""All that touches ``distributed``: the driver's connection to a scheduler, and a worker's word to the driver.

``distributed`` is typed in part; what it gives is checked here, and typed from
here on. Nothing of it is imported before a cluster is asked for.

What comes from the cluster comes as `News`, by one queue, in the order in which
it was heard: what a task says (an event on a topic of our own), how a future
ended, what the scheduler knows of its workers (asked every second or so, which
is also how a scheduler that is gone, or hangs, is noticed). Every question to
the scheduler has a time limit.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import CancelledError
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, TypeAlias, final

from attrs import define, field, frozen

if TYPE_CHECKING:
    from distributed import Client, Future, Worker

POLL: Final = 1.0
MANY: Final = 100  # so many workers are asked after less often: their list is long
CONNECT: Final = 10.0
_OVER: Final = frozenset({"cancelled", "released", "forgotten"})


@final
@frozen
class Node:
    """A worker as the scheduler knows it: its threads, the resources that it declares, its last sign of life."""

    threads: int
    resources: Mapping[str, float]
    last_seen: float


@final
@frozen
class Said:
    """What the execution ``token`` of the task ``key`` says, from ``worker``: "began", "beat", "told", "ended"."""

    key: str
    token: str
    worker: str
    what: str
    done: float = 0.0
    total: float = 0.0


@final
@frozen
class Answered:
    """A task gave its answer."""

    key: str
    answer: bytes


@final
@frozen
class Failed:
    """A task will give no answer: its workers were ``lost``, or there is trouble, and ``why``."""

    key: str
    lost: bool
    why: str


@final
@frozen
class Seen:
    """The workers that there are, by address; ``after`` seconds since the last look."""

    nodes: Mapping[str, Node]
    after: float


@final
@frozen
class SchedulerLost:
    """The scheduler is gone, or does not answer: ``why``."""

    why: str


News: TypeAlias = Said | Answered | Failed | Seen | SchedulerLost


@final
@define(eq=False)
class Cluster:
    """A connection to a scheduler; `news` gets all that is heard."""

    client: Client
    topic: str
    heartbeat: float
    news: SimpleQueue[News] = field(factory=SimpleQueue)
    closed: bool = False

    @classmethod
    def connect(cls, address: str, topic: str, heartbeat: float) -> Cluster:
        """Connect, and begin to listen; raises ``OSError`` or ``ValueError`` where there is no scheduler."""
        from distributed import Client  # noqa: PLC0415 -- an extra, and slow to import

        client = Client(address, timeout=CONNECT, set_as_default=False, name="lightfx")  # type: ignore[no-untyped-call]
        made = cls(client, topic, heartbeat)
        client.subscribe_topic(topic, made._hear)  # type: ignore[no-untyped-call]
        made._spawn(made._watch_scheduler)
        return made

    def _spawn(self, work: Callable[..., Coroutine[Any, Any, None]], *arguments: object) -> None:
        """Let the client's own loop do something."""
        loop = self.client.loop
        if loop is not None:  # None: the client is closed
            loop.add_callback(work, *arguments)

    def submit(
        self, key: str, function: Callable[..., bytes], arguments: Sequence[object], resources: Mapping[str, float]
    ) -> Future[bytes]:
        """Give a task to the scheduler; raises ``OSError`` where it is gone. See `follow`."""
        if self.client.status != "running":
            raise ConnectionError(f"the connection to the scheduler is {self.client.status}")
        with warnings.catch_warnings():
            # It warns of much data in a graph, and would have us put it on one worker, to be lost with it.
            warnings.filterwarnings("ignore", "Sending large graph")
            future: Future[bytes] = self.client.submit(
                function, *arguments, key=key, pure=False, retries=0, resources=dict(resources) or None
            )
        return future

    def follow(self, key: str, future: Future[bytes]) -> None:
        """Let what comes of a task be news."""
        self._spawn(self._follow, key, future)

    def drop(self, futures: Sequence[Future[bytes]]) -> None:
        """Take tasks back, also those that run."""

        async def cancel() -> None:
            await self.client.cancel(futures, asynchronous=True, force=True)  # type: ignore[no-untyped-call]

        if futures and not self.closed:
            self._spawn(cancel)

    def expel(self, worker: str) -> None:
        """Have the scheduler take a worker for dead: what it ran, others get."""

        async def unregister() -> None:
            scheduler: Any = self.client.scheduler  # an RPC: any name is a handler of the scheduler
            await scheduler.unregister(address=worker, stimulus_id=f"lightfx-heartbeat-{self.topic}")

        if not self.closed:
            self._spawn(unregister)

    def close(self) -> None:
        """Leave. Tasks that still run are forgotten by the scheduler."""
        if not self.closed:
            self.closed = True
            self.client.close(timeout=CONNECT)  # type: ignore[no-untyped-call]

    # On the client's loop.

    def _hear(self, event: tuple[float, Mapping[str, Any]]) -> None:
        self.news.put(Said(**event[1]))

    async def _follow(self, key: str, future: Future[bytes]) -> None:
        from distributed import KilledWorker  # noqa: PLC0415 -- as above

        try:
            answer = await self.client.gather(future, asynchronous=True)  # type: ignore[no-untyped-call]
        except (KilledWorker, CancelledError, asyncio.CancelledError) as error:
            if getattr(error, "reason", "") == "scheduler-connection-lost":
                self.news.put(SchedulerLost("the connection is closed"))
            self.news.put(Failed(key, lost=True, why=str(error)))
        except Exception as error:  # noqa: BLE001 -- whatever the worker raised comes here
            self.news.put(Failed(key, lost=False, why=f"{type(error).__name__}: {error}"))
        else:
            self.news.put(Answered(key, bytes(answer)))

    async def _watch_scheduler(self) -> None:
        pause = min(POLL, self.heartbeat / 4)
        limit = max(self.heartbeat, CONNECT)
        while not self.closed:
            try:
                nodes = await asyncio.wait_for(self._nodes(), limit)
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 -- by whatever name it is gone
                if not self.closed:
                    self.news.put(SchedulerLost(f"{type(error).__name__}: {error}"))
                return
            pause = max(pause, POLL * len(nodes) / MANY)
            self.news.put(Seen(nodes, pause))
            await asyncio.sleep(pause)

    async def _nodes(self) -> Mapping[str, Node]:
        scheduler: Any = self.client.scheduler  # an RPC, as above
        workers: Mapping[str, Mapping[str, Any]] = (await scheduler.identity())["workers"]
        return {
            address: Node(int(each["nthreads"]), dict(each["resources"]), float(each["last_seen"]))
            for address, each in workers.items()
        }


@final
@define(eq=False)
class Call:
    """One execution of a task, from the worker that runs it: what it may say, and whether it is still wanted."""

    worker: Worker
    key: str
    topic: str
    token: str

    @classmethod
    def here(cls, key: str, topic: str, token: str) -> Call:
        """The call that this thread of a worker answers."""
        from distributed import get_worker  # noqa: PLC0415 -- as above

        return cls(get_worker(), key, topic, token)

    def say(self, what: str, done: float = 0.0, total: float = 0.0) -> None:
        """Let the driver know."""
        said = {"key": self.key, "token": self.token, "worker": self.worker.address, "what": what}
        self.worker.log_event(self.topic, {**said, "done": done, "total": total})

    @property
    def wanted(self) -> bool:
        """Whether the driver lives, and waits for the answer, and the worker does not close."""
        known = self.worker.state.tasks.get(self.key)
        closing = self.worker.status.name in ("closing", "closed", "failed")
        return known is not None and known.state not in _OVER and not closing

    @property
    def folder(self) -> str:
        """Where the worker keeps its files."""
        return self.worker.local_directory
