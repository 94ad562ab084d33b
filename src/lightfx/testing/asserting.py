"""Assertions about runs that read well, and say what was found where they fail.

`assert_reused` watches a run; the others look at an outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar, assert_never

from attrs import evolve

from lightfx.core.closure import Plans, instantiate
from lightfx.core.outcome import Left, LeftError, Outcome, Right
from lightfx.effects.journal import JournalEvent, TaskStarted
from lightfx.effects.world import World
from lightfx.engine.realize import realize_all
from lightfx.shell.journal.listeners import Both, Listener
from lightfx.wiring import unwrap

T = TypeVar("T")
K = TypeVar("K")


def assert_reused(world: World, plans: Plans[K], /) -> None:
    """Realize plans, and raise ``AssertionError`` if anything had to run: all of it was stored, or cut off.

    >>> from lightfx import evaluate, memory_world
    >>> from lightfx.testing.sums import Node, plans_of
    >>> (plan,) = plans_of([Node("add", 1)])
    >>> with memory_world("never-made") as world:
    ...     assert_reused(world, plan)
    Traceback (most recent call last):
    ...
    AssertionError: all was to be reused, and 1 ran: ...-add
    >>> with memory_world("never-made") as world:
    ...     _ = evaluate(world, plan)
    ...     assert_reused(world, plan)
    """
    ran = _ran(world, plans)
    if ran:
        raise AssertionError(f"all was to be reused, and {len(ran)} ran: {', '.join(ran)}")


def assert_ran(world: World, plans: Plans[K], /, *names: str) -> None:
    """Realize plans, and raise ``AssertionError`` unless stages of these names ran, each so often, and no others."""
    ran = sorted(each[33:] for each in _ran(world, plans))
    if ran != sorted(names):
        raise AssertionError(f"these were to run: {sorted(names)}; and these ran: {ran}")


def _ran(world: World, plans: Plans[K]) -> list[str]:
    """Realize, and list what ran; what runs again is made by another attempt and counts again."""
    ran: list[str] = []

    def hear(event: JournalEvent) -> None:
        if isinstance(event, TaskStarted) and event.attempt == 1:
            ran.append(event.dref.text)

    watched = evolve(world, journal=Both(world.journal, Listener(hear)))
    unwrap(realize_all(watched, instantiate(plans).targets))
    return ran


def assert_left(outcome: Outcome[object], kind: str | None = None, /, *, reason: str = "") -> Left:
    """Give the LEFT, or raise ``AssertionError`` where it is a RIGHT, or of another ``kind``.

    ``kind`` is that of `Left.kind`; ``reason`` is text that its reason has in it.

    >>> from lightfx import TimedOut
    >>> assert_left(Left(TimedOut(1.0)), "timed_out").cause
    TimedOut(seconds=1.0)
    >>> assert_left(Right(3), "raised")
    Traceback (most recent call last):
    ...
    AssertionError: a LEFT of kind 'raised' is wanted, and it is RIGHT: 3
    """
    wanted = "a LEFT is wanted" if kind is None else f"a LEFT of kind {kind!r} is wanted"
    match outcome:
        case Right(value):
            raise AssertionError(f"{wanted}, and it is RIGHT: {value!r}")
        case Left():
            if kind is not None and outcome.kind != kind:
                raise AssertionError(f"{wanted}, and {LeftError(f'one of kind {outcome.kind!r}', outcome)}")
            if reason not in outcome.reason:
                raise AssertionError(f"a reason with {reason!r} in it is wanted, and it is: {outcome.reason}")
            return outcome
        case never:
            assert_never(never)


def assert_right(outcome: Outcome[T], /) -> T:
    """Give the value, or raise ``AssertionError`` with the whole of the LEFT: traceback and log.

    >>> assert_right(Right(3))
    3
    """
    if isinstance(outcome, Left):
        raise AssertionError(f"a RIGHT is wanted, and {LeftError('it', outcome)}")
    return outcome.value


def assert_all_right(outcomes: Mapping[K, Outcome[T]], /) -> Mapping[K, T]:
    """Give all values, or raise ``AssertionError`` with the keys of those that are LEFT, and why."""
    lefts = [f"  {key!r}: {each.reason}" for key, each in outcomes.items() if isinstance(each, Left)]
    if lefts:
        raise AssertionError("\n".join([f"{len(lefts)} of {len(outcomes)} are LEFT:", *lefts]))
    return {key: assert_right(each) for key, each in outcomes.items()}
