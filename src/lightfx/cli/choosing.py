"""From what a user types to targets and derivations of a plan: ``--only``, ``--force``, ``--retry``."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import assert_never

from lightfx.cli.complaints import misuse
from lightfx.cli.planning import Target
from lightfx.cli.wishes import Again
from lightfx.core.closure import instantiate
from lightfx.core.refs import DRef, RRef
from lightfx.effects.world import World
from lightfx.plan.replay import ReplayPolicy, replay_always, replay_by_cause, retry_always, retry_failed
from lightfx.wiring import unwrap

_MANY = 1_000


def matching(targets: Sequence[Target], pattern: str) -> Sequence[Target]:
    """Keep the targets whose label or stage name a pattern such as ``fit*`` matches; complain where none does."""
    if not pattern:
        return targets
    found = [
        each
        for each in targets
        if fnmatchcase(each.label, pattern) or fnmatchcase(each.derivation.dref.name.text, pattern)
    ]
    if not found:
        labels = ", ".join(each.label for each in targets[:5])
        more = ", and others" if len(targets) > 5 else ""
        raise misuse(f"--only {pattern!r} matches no target", f"there are {labels}{more}" if targets else "")
    return found


def forced(world: World, targets: Sequence[Target], texts: Sequence[str]) -> frozenset[DRef]:
    """Find the derivations of a plan that these name: by stage, or by the beginning of a reference.

    What stages of the plan asked for as they ran is named as well, as far as
    that is recorded.
    """
    if not texts:
        return frozenset()
    planned = instantiate([each.derivation for each in targets]).derivations
    drefs = (*planned, *(dref for dref in _asked_for(world, tuple(planned)) if dref not in planned))
    return frozenset(dref for text in texts for dref in _named(world, drefs, text))


def _asked_for(world: World, drefs: Sequence[DRef]) -> Sequence[DRef]:
    """List what stages asked for as they ran, with all that this stands on, to any depth, as records say."""
    found: dict[DRef, None] = {}
    seen, layer = set(drefs), tuple(drefs)
    while layer:
        rows = unwrap(world.store.listed(layer, frozenset()))
        asking = (row.realization for row in rows if row.stored.asks)
        named = [reference.dref for each in asking if each is not None for reference, _ in each.asked]
        configs = unwrap(world.store.configs([dref for dref in layer if dref in found]))
        named += [reference.dref for config in configs.values() for reference in config.references]
        layer = tuple(dict.fromkeys(dref for dref in named if dref not in seen))
        seen.update(layer)
        found.update(dict.fromkeys(layer))
    return tuple(found)


def _named(world: World, drefs: Sequence[DRef], text: str) -> Sequence[DRef]:
    of_stage = [dref for dref in drefs if dref.name.text == text]
    begun = of_stage or [dref for dref in drefs if text and dref.text.startswith(text)] or _realized(world, drefs, text)
    if not begun:
        raise misuse(
            f"--force {text!r} names nothing in this plan",
            "give the name of a stage, or the beginning of a reference, as `--dry-run` lists them",
        )
    if not of_stage and len(begun) > 1:
        raise misuse(f"--force {text!r} begins {len(begun)} references", "give more of it")
    return begun


def _realized(world: World, drefs: Sequence[DRef], text: str) -> Sequence[DRef]:
    """The derivations of the realizations whose reference begins so, as `lightfx ls` lists them."""
    refs = unwrap(world.store.names(text, _MANY)) if text else ()
    named = {RRef(ref).dref for ref in refs if RRef.parse(ref).map(lambda _: True).value_or(False)}
    return [dref for dref in drefs if dref in named]


def policy(again: Again | None) -> ReplayPolicy:
    """The replay policy that is asked for.

    >>> policy(Again.NONE) is replay_always
    True
    """
    match again:
        case None:
            return replay_by_cause
        case Again.NONE:
            return replay_always
        case Again.FAILED:
            return retry_failed
        case Again.LEFTS:
            return retry_always
        case never:
            assert_never(never)
