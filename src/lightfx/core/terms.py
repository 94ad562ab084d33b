"""Terms: on what conditions a derivation is run; no part of its identity.

What a task takes of the machine, how long it may, how often it is tried, and
whether its files are kept, say nothing of what comes out. An amount that means
nothing is refused where it is written: a NaN is no time limit, and half a core
is none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from operator import index
from typing import Final, SupportsIndex, final

from attrs import evolve, field, frozen

from lightfx.core.outcome import Left, Raised, Returned

_MEMORY: Final = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([kKMGT]i?)?B?\s*", re.ASCII)
_UNITS: Final = {
    f"{letter}{i}": (1024 if i else 1000) ** power for power, letter in enumerate("KMGT", 1) for i in ("", "i")
}
MOST: Final = 2**63 - 1
DAY: Final = 86_400.0  # in seconds
_DOUBLINGS: Final = 1000  # of one second make more than a day, and are a float still


def whole(name: str, amount: object) -> int:
    """Read an exact number, of any type that is one; no bool, no 2.0, no text.

    >>> whole("workers", "2")
    Traceback (most recent call last):
    ...
    TypeError: workers is '2'; it takes a whole number
    """
    if isinstance(amount, bool) or not isinstance(amount, SupportsIndex):
        raise TypeError(f"{name} is {amount!r}; it takes a whole number")
    exact = index(amount)
    if exact > MOST:
        raise ValueError(f"{name} is {amount!r}; there is never so much")
    return exact


def number(name: str, amount: object) -> None:
    """Refuse what is no number."""
    if isinstance(amount, bool) or not isinstance(amount, int | float):
        raise TypeError(f"{name} is {amount!r}; it takes a number")


def bytes_of(amount: int | str) -> int:
    """Read an amount of memory: bytes, or a number with a unit.

    >>> bytes_of("2GiB"), bytes_of("1.5 MB"), bytes_of(512)
    (2147483648, 1500000, 512)
    """
    if not isinstance(amount, str):
        exact = whole("memory", amount)
        if exact >= 0:
            return exact
    found = _MEMORY.fullmatch(amount) if isinstance(amount, str) else None
    many = float(found[1]) * _UNITS.get((found[2] or "").replace("k", "K"), 1) if found else math.inf
    if many > MOST:
        raise ValueError(f"memory is {amount!r}; it takes bytes, or a number with a unit, such as '2GiB'")
    return int(many)


def _counts(tickets: Mapping[str, int]) -> Mapping[str, int]:
    if not isinstance(tickets, Mapping):
        raise TypeError(f"tickets is {tickets!r}; it takes a number for each name: {{'gpu': 1}}")
    counts = {_key("tickets", name): whole(f"ticket {name}", count) for name, count in tickets.items()}
    wrong = next((f"{name}={count}" for name, count in counts.items() if count < 1), None)
    if wrong is not None:
        raise ValueError(f"tickets hold {wrong}; a task takes one of a kind at least, or names it not at all")
    return dict(sorted(counts.items()))


def _key(name: str, key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"{name} names {key!r}; a name is text")
    return key


def _cores(cores: int) -> int:
    exact = whole("cores", cores)
    if exact < 1:
        raise ValueError(f"cores is {cores}; a task takes one at least")
    return exact


def _times(times: int) -> int:
    exact = whole("times", times)
    if exact < 0:
        raise ValueError(f"times is {times}; 0 means one attempt and no more")
    return exact


def _seconds(seconds: float) -> float:
    number("backoff", seconds)
    if not 0 <= seconds < math.inf:
        raise ValueError(f"backoff is {seconds} s; it must be a time")
    return seconds


def _names(on: Sequence[str | type[object]]) -> tuple[str, ...]:
    if isinstance(on, str) or not isinstance(on, Sequence):
        raise TypeError(f'on is {on!r}; it takes names and classes in a tuple, such as ("died", OSError)')
    return tuple(map(_name, on))


def _name(named: object) -> str:
    if named is BaseException or named is object:
        raise ValueError(f"on holds {named!r}; everything is one, so it names nothing: say Exception")
    if isinstance(named, type):
        return named.__name__
    if not isinstance(named, str):
        raise TypeError(f'on holds {named!r}; it takes names and classes, such as ("died", OSError)')
    return named


def _factors(scale: Mapping[str, float]) -> Mapping[str, float]:
    if not isinstance(scale, Mapping):
        raise TypeError(f"scale is {scale!r}; it takes a factor for each name: {{'memory': 2}}")
    for name, factor in scale.items():
        number(f"scale of {_key('scale', name)}", factor)
    wrong = next((f"{name}={factor}" for name, factor in scale.items() if not 1 <= factor < math.inf), None)
    if wrong is not None:
        raise ValueError(f"scale holds {wrong}; an attempt takes as much as the one before at least")
    return dict(sorted(scale.items()))


@final
@frozen
class Resources:
    """What one task takes while it runs.

    ``cores``: of the machine. ``memory``: bytes, or text such as "2GiB"; it is
    what a task is given room for, not a limit that it is held to. ``tickets``:
    how many of each named thing that there are few of: ``{"gpu": 1}``.

    >>> Resources(memory="1KiB", tickets={"gpu": 1})
    Resources(cores=1, memory=1024, tickets={'gpu': 1})
    """

    cores: int = field(default=1, converter=_cores)
    memory: int = field(default=0, converter=bytes_of)
    tickets: Mapping[str, int] = field(factory=dict[str, int], converter=_counts, hash=False)

    def scaled(self, factors: Mapping[str, float]) -> Resources:
        """Take more for another attempt: ``cores``, ``memory`` or a ticket, times its factor.

        >>> Resources(cores=2, memory=100).scaled({"memory": 1.5})
        Resources(cores=2, memory=150, tickets={})
        """
        return evolve(
            self,
            cores=_grown(self.cores, factors.get("cores", 1)),
            memory=_grown(self.memory, factors.get("memory", 1)),
            tickets={name: _grown(count, factors.get(name, 1)) for name, count in self.tickets.items()},
        )

    def has(self, name: str) -> bool:
        """Whether a task takes some of what is called ``name``.

        >>> Resources().has("cores"), Resources().has("memory"), Resources(tickets={"gpu": 1}).has("gpu")
        (True, False, True)
        """
        return name == "cores" or (name == "memory" and self.memory > 0) or name in self.tickets


def _grown(amount: int, factor: float) -> int:
    """An amount times a factor, where after many attempts that is more than any number says."""
    return int(min(amount * factor, MOST))


@final
@frozen
class Limits:
    """What there is, in all, for tasks that run at the same time; None: as much as anyone wants.

    Of a ticket that is not named there are none; or, where the executor itself
    has ``counted`` what there is of it, as many as anyone wants.
    """

    cores: int | None = None
    memory: int | None = None
    tickets: Mapping[str, int] = field(factory=dict[str, int], converter=_counts, hash=False)
    counted: bool = False

    def of(self, ticket: str) -> float:
        """How many there are of a ticket.

        >>> Limits(tickets={"gpu": 1}).of("gpu"), Limits().of("gpu"), Limits(counted=True).of("gpu")
        (1, 0, inf)
        """
        return self.tickets.get(ticket, math.inf if self.counted else 0)


PLAIN: Final = Resources()
TRANSIENT: Final = ("died", "timed_out", "OSError", "MemoryError", "ImportError")


@final
@frozen
class Retry:
    """How a failed attempt is tried again within a run; every attempt keeps its log.

    An attempt is one run: where a stage makes several outputs in one, and one of
    them fails, all are made again.

    ``times``: how many more attempts there may be. ``backoff``: seconds to wait
    before the second; each wait is twice the one before, up to a day, or to
    ``backoff`` where that is longer. ``on``: what is tried again: kinds of LEFT
    ("died"), or classes that were raised or returned, or bases of what was
    raised, by name ("OSError") or as they are (a class counts by its name).
    ``scale``: by what factor an attempt takes more than the one before of what
    the stage's `Resources` name: ``{"memory": 2}``.

    >>> Retry(times=3, backoff=0.5).waits(3)
    2.0
    >>> Retry(on=(ValueError, "died")).on
    ('ValueError', 'died')
    """

    times: int = field(default=2, converter=_times)
    backoff: float = field(default=1.0, converter=_seconds)
    on: tuple[str, ...] = field(default=TRANSIENT, converter=_names)
    scale: Mapping[str, float] = field(factory=dict[str, float], converter=_factors, hash=False)

    def allows(self, left: Left, attempt: int) -> bool:
        """Tell whether, after ``attempt`` failed with ``left``, there is another.

        >>> from lightfx.core.outcome import TimedOut
        >>> Retry(times=1).allows(Left(TimedOut(3.0)), 1), Retry(times=1).allows(Left(TimedOut(3.0)), 2)
        (True, False)
        """
        return attempt <= self.times and not names_of(left).isdisjoint(self.on)

    def waits(self, attempt: int) -> float:
        """Seconds to wait after ``attempt`` failed."""
        doublings = min(attempt - 1, _DOUBLINGS)
        return min(self.backoff * 2.0**doublings, max(self.backoff, DAY))


def names_of(left: Left) -> frozenset[str]:
    """The words by which a LEFT may be named: its kind, and the classes of what was raised or returned.

    >>> sorted(names_of(Left(Raised("KeyError", ("KeyError", "LookupError"), "", ""))))
    ['KeyError', 'LookupError', 'raised']
    """
    cause = left.cause
    if isinstance(cause, Raised):
        return frozenset({cause.kind, cause.type, *cause.bases})
    return frozenset({cause.kind, cause.type} if isinstance(cause, Returned) else {cause.kind})


@final
@frozen
class Terms:
    """On what conditions a derivation is run.

    ``outputs``: how many one run makes. ``timeout``: seconds after which an
    attempt is stopped, where the executor can stop it. ``ephemeral``: its files
    are dropped when the last dependent of the run has finished. ``local``: it
    reads what the driver's machine alone is sure to have, so it runs there.
    ``stored_only``: it may not run: that it would have to is trouble.
    """

    outputs: int = 1
    timeout: float | None = None
    resources: Resources = PLAIN
    retry: Retry = Retry(times=0)
    ephemeral: bool = False
    local: bool = False
    stored_only: bool = False

    def __attrs_post_init__(self) -> None:
        if whole("outputs", self.outputs) < 1:
            raise ValueError(f"outputs is {self.outputs}; a run makes at least one output")
        if self.timeout is not None:
            number("timeout", self.timeout)
            if not 0 < self.timeout < math.inf:
                raise ValueError(f"timeout is {self.timeout} s; it must be a time, or None for no limit")
        if not isinstance(self.ephemeral, bool):
            raise TypeError(f"ephemeral is {self.ephemeral!r}; it is True or False")
        wrong = next((name for name in self.retry.scale if not self.resources.has(name)), None)
        if wrong is not None:
            raise ValueError(f"retry scales {wrong}, of which resources has none: it says how much the first one takes")
