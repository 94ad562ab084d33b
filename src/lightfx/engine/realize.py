"""`realize` and `realize_all`: from plans to outcomes.

What only a run needs, the plan's floor and the loop, is imported by the first
run: a program that plans, or asks, does without.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from typing import TypedDict, TypeVar, Unpack, overload

from returns.io import IOResult
from returns.result import Failure, Result

from lightfx.core.closure import NotPlannableError, instantiate
from lightfx.core.derivation import Derivation, Tolerant
from lightfx.core.failures import EngineFailure
from lightfx.core.outcome import Outcome
from lightfx.core.refs import DRef
from lightfx.effects.world import World
from lightfx.plan.replay import ReplayPolicy, replay_by_cause

T = TypeVar("T")
K = TypeVar("K")


class RunOptions(TypedDict, total=False):
    """How a run differs from the usual one.

    ``replay`` says which stored LEFTs stand (see `replay_by_cause`).
    ``stop_after``: start nothing more once so many derivations are LEFT of
    themselves; what runs is waited for, and what is not settled then is LEFT as
    ``Cancelled``, which is not stored. ``force``: derivations, or references,
    that are run anew, whatever is stored of them; what comes is a further
    realization of each.
    ``only_stored``: run nothing; what would have to run is an `EngineFailure`.
    ``args``: what stages find in ``build.args``, by derivation or reference: how
    much they tell, on which device they run. It is no part of any identity, and
    goes to workers by pickle. So what is LEFT for a wrong one stands as any
    LEFT does: ``replay=retry_failed`` tries it again, with the ``args`` of then.
    """

    replay: ReplayPolicy
    stop_after: int | None
    force: Collection[DRef | Derivation[object]]
    only_stored: bool
    args: Mapping[DRef | Derivation[object], Mapping[str, object]]


def realize(world: World, plan: Derivation[T], /, **options: Unpack[RunOptions]) -> IOResult[Outcome[T], EngineFailure]:
    """Realize one plan: reuse what is stored, build the rest, and give the outcome.

    ``options`` are those of `RunOptions`. When the answer is there, all that it
    stands on is stored and durable.
    """
    if not isinstance(plan, Derivation):
        raise TypeError(f"a derivation is wanted, not {type(plan).__name__}: {_hint(plan)}")
    return realize_all(world, (plan,), **options).map(_first)


def _hint(plan: object) -> str:
    if isinstance(plan, Tolerant):
        return "a stage can tolerate a LEFT; `realize` gives the outcome as it is"
    if isinstance(plan, World):
        return "the world comes first"
    if isinstance(plan, Mapping | Sequence):
        return "`realize_all` and `evaluate_all` take many"
    return "call a stage to get one"


def _first(outcomes: Sequence[Outcome[T]]) -> Outcome[T]:
    return outcomes[0]


@overload
def realize_all(
    world: World, plans: Mapping[K, Derivation[T]], /, **options: Unpack[RunOptions]
) -> IOResult[Mapping[K, Outcome[T]], EngineFailure]: ...
@overload
def realize_all(
    world: World, plans: Sequence[Derivation[T]], /, **options: Unpack[RunOptions]
) -> IOResult[Sequence[Outcome[T]], EngineFailure]: ...
def realize_all(
    world: World,
    plans: Mapping[K, Derivation[T]] | Sequence[Derivation[T]],
    /,
    **options: Unpack[RunOptions],
) -> IOResult[Mapping[K, Outcome[T]], EngineFailure] | IOResult[Sequence[Outcome[T]], EngineFailure]:
    """Realize many plans in one run, and give the outcomes in the same container.

    What fails sinks only what stands on it: everything that can still run does.
    ``options`` are those of `RunOptions`. Raises `NotPlannableError`, before
    anything runs, where a member is no derivation; containers within the
    container are no members.
    """
    _check(world, plans)
    if isinstance(plans, Mapping):
        keys = tuple(plans)
        outcomes = _realize(world, tuple(plans.values()), options)
        return IOResult.from_result(outcomes.map(lambda found: dict(zip(keys, found, strict=True))))
    return IOResult.from_result(_realize(world, tuple(plans), options))


def _check(world: object, plans: object) -> None:
    """Say what is wrong with a call, where no type checker did."""
    if not isinstance(world, World):
        raise TypeError(f"a World is wanted first, not {type(world).__name__}: open_world(path) gives one")
    if isinstance(plans, Derivation):
        raise TypeError("a mapping or a sequence of derivations is wanted: `realize` and `evaluate` take one")
    if not isinstance(plans, Mapping | Sequence):
        hint = ": list(...) makes a sequence of it" if isinstance(plans, Iterable) else ""
        raise NotPlannableError(f"a mapping or a sequence of derivations is wanted, not {type(plans).__name__}{hint}")
    for key, plan in plans.items() if isinstance(plans, Mapping) else enumerate(plans):
        if not isinstance(plan, Derivation):
            raise NotPlannableError(f"a derivation is wanted at {key}, not {type(plan).__name__}: {_member_hint(plan)}")


def _member_hint(plan: object) -> str:
    if isinstance(plan, Mapping | list | tuple | Set):
        return "a run gives its outcomes in one mapping or sequence, with no containers within"
    return _hint(plan)


def _check_options(options: RunOptions) -> None:
    unknown = next((name for name in options if name not in RunOptions.__annotations__), None)
    if unknown is not None:
        raise TypeError(f"there is no option {unknown!r}: there are {', '.join(RunOptions.__annotations__)}")
    stop_after = options.get("stop_after")
    if stop_after is not None and stop_after < 1:
        raise ValueError(f"stop_after is {stop_after}; a run stops after one LEFT at least, or with None after none")
    for name, named in (("force", options.get("force", ())), ("args", options.get("args", ()))):
        for each in named:
            _check_named(name, each)


def _check_named(name: str, each: object) -> None:
    if not isinstance(each, DRef | Derivation):
        raise TypeError(f"{name} takes derivations and their references, not {type(each).__name__}")


def _dref(named: DRef | Derivation[object]) -> DRef:
    return named.dref if isinstance(named, Derivation) else named


def _realize(
    world: World, plans: Sequence[Derivation[T]], options: RunOptions
) -> Result[tuple[Outcome[T], ...], EngineFailure]:
    _check_options(options)
    with world.perform.turn():
        return _settled(world, plans, options)


def _settled(
    world: World, plans: Sequence[Derivation[T]], options: RunOptions
) -> Result[tuple[Outcome[T], ...], EngineFailure]:
    from lightfx.engine.drive import drive  # noqa: PLC0415 -- see the head of the file
    from lightfx.engine.reading import read_outcomes  # noqa: PLC0415 -- as above
    from lightfx.plan.graph import graph_of  # noqa: PLC0415 -- as above
    from lightfx.plan.wishes import Wishes  # noqa: PLC0415 -- as above

    with world.perform.undisturbed():
        graph = graph_of(instantiate(plans))
    wishes = Wishes(
        frozenset(map(_dref, options.get("force", ()))),
        options.get("only_stored", False),
        options.get("stop_after"),
        args={_dref(each): args for each, args in options.get("args", {}).items()},
    )
    settled = drive(world, graph, options.get("replay", replay_by_cause), wishes)
    if isinstance(settled, Failure):
        return Failure(settled.failure())
    with world.perform.undisturbed():
        return read_outcomes(world, graph, settled.unwrap())
