"""What one derivation needs, given what its dependencies became: reuse or build.

Pure decisions over listed realizations. The order of thought: candidates are
the realizations under the derivation's input key, RIGHT or replayed; each
matcher that some use brought along chooses among them, or says how many more
it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias, assert_never, final

from attrs import frozen
from returns.result import Failure, Result, Success

from lightfx.core.choosing import Candidate, Chosen, First, Matcher, Need, Refuse
from lightfx.core.derivation import Recipe
from lightfx.core.failures import EngineFailure, Undecodable, Unmatched
from lightfx.core.listing import Listed, View
from lightfx.core.names import Digest
from lightfx.core.outcome import Left, Outcome, Right
from lightfx.core.realization import Value
from lightfx.core.refs import RRef
from lightfx.plan.replay import ReplayPolicy, Verdict

FolderOf: TypeAlias = Callable[[Digest], Path]


@final
@frozen
class Reuse:
    """What is stored will do: for each demand the realizations chosen."""

    chosen: Mapping[str, tuple[Listed, ...]]


@final
@frozen
class Build:
    """``count`` more outputs are needed."""

    count: int
    why: str


Decision: TypeAlias = Reuse | Build

_FIRST: Final = Build(1, "0 of 1 are stored")


def outcome_of(recipe: Recipe, rref: RRef, view: View, folder_of: FolderOf) -> Result[Outcome[object], EngineFailure]:
    """Decode what a realization holds, by the stage's annotation."""
    folder = folder_of(view.tree) if view.tree else None
    if isinstance(view.result, Value):
        decoded = recipe.realizer.decode(view.result.tree, folder)
        if isinstance(decoded, Failure):
            return Failure(Undecodable(recipe.dref, decoded.failure().sentence))
        return Success(Right(decoded.unwrap(), (rref,)))
    return Success(Left(view.result, (rref,), folder, view.log))


def replayed(listed: Iterable[Listed], policy: ReplayPolicy) -> list[Listed]:
    """Keep what stands: every RIGHT, and the LEFTs that ``policy`` replays."""
    return [each for each in listed if each.stored.is_right or _stands(each, policy)]


def _stands(listed: Listed, policy: ReplayPolicy) -> bool:
    view = listed.view
    if listed.stored.kind == "upstream" or view is None:
        return False
    cause = view.result
    return not isinstance(cause, Value) and policy(Left(cause, (listed.stored.rref,))) is Verdict.REPLAY


def decide(
    recipe: Recipe,
    candidates: Sequence[Listed],
    demands: Mapping[str, Matcher[object]],
    folder_of: FolderOf,
) -> Result[Decision, EngineFailure]:
    """Say what a derivation needs, given its candidates."""
    if len(candidates) <= 1 and takes_any(demands):  # the usual case by far: nothing to weigh
        return Success(Reuse(dict.fromkeys(demands, (candidates[0],))) if candidates else _FIRST)
    chosen: dict[str, tuple[Listed, ...]] = {}
    wanted = Build(0, "")
    for spelling, matcher in demands.items():
        choice = _choose(recipe, candidates, matcher, folder_of)
        if isinstance(choice, Failure):
            return Failure(choice.failure())
        answer = choice.unwrap()
        if isinstance(answer, Build):
            wanted = answer if answer.count > wanted.count else wanted
        else:
            chosen[spelling] = answer
    return Success(wanted if wanted.count else Reuse(chosen))


def takes_any(demands: Mapping[str, Matcher[object]]) -> bool:
    """Tell whether every matcher takes the only candidate that there is."""
    return all(isinstance(matcher, First) for matcher in demands.values())


def _choose(
    recipe: Recipe, candidates: Sequence[Listed], matcher: Matcher[object], folder_of: FolderOf
) -> Result[tuple[Listed, ...] | Build, EngineFailure]:
    if len(candidates) == 1 and isinstance(matcher, First):
        return Success((candidates[0],))
    shown = _shown(recipe, candidates, folder_of, reads=matcher.reads)
    if isinstance(shown, Failure):
        return Failure(shown.failure())
    try:
        choice: object = matcher.select(shown.unwrap())
    except Exception as error:  # noqa: BLE001 -- matchers and their keys are the user's own code
        return Failure(Unmatched(recipe.dref, str(matcher), f"it raised {type(error).__name__}: {error}"))
    by_rref = {each.stored.rref: each for each in candidates}
    if not isinstance(choice, Chosen | Need | Refuse):
        return Failure(Unmatched(recipe.dref, str(matcher), f"it gave a {type(choice).__name__}, which is no choice"))
    match choice:
        case Chosen(rrefs):
            if not rrefs or not by_rref.keys() >= set(rrefs):
                return Failure(Unmatched(recipe.dref, str(matcher), "it chose what it was not shown"))
            return Success(tuple(by_rref[rref] for rref in rrefs))
        case Need(count, why):
            return Success(Build(max(1, count), why))
        case Refuse(why):
            return Failure(Unmatched(recipe.dref, str(matcher), why))
        case never:
            assert_never(never)


def _shown(
    recipe: Recipe, candidates: Sequence[Listed], folder_of: FolderOf, *, reads: bool
) -> Result[list[Candidate[object]], EngineFailure]:
    shown: list[Candidate[object]] = []
    for each in candidates:
        read = _unread
        view = each.view if reads else None
        if view is not None:
            decoded = outcome_of(recipe, each.stored.rref, view, folder_of)
            if isinstance(decoded, Failure):
                return Failure(decoded.failure())
            read = _constant(decoded.unwrap())
        stored = each.stored
        shown.append(Candidate(stored.rref, stored.index, stored.created, stored.is_right, read))
    return Success(shown)


def _constant(outcome: Outcome[object]) -> Callable[[], Outcome[object]]:
    return lambda: outcome


def _unread() -> Outcome[object]:
    raise LookupError("a matcher whose `reads` is False looked at an outcome")


def free_indices(occupied: Iterable[Listed], count: int, per_run: int) -> tuple[tuple[int, ...], ...]:
    """Number the outputs to make: ``count`` more at least, in runs of ``per_run``, lowest free numbers first.

    >>> free_indices([], 3, 2)
    ((0, 1), (2, 3))
    """
    taken = {each.stored.index for each in occupied}
    runs, free = -(-count // per_run), list[int]()
    index = 0
    while len(free) < runs * per_run:
        if index not in taken:
            free.append(index)
        index += 1
    return tuple(tuple(free[start : start + per_run]) for start in range(0, len(free), per_run))
