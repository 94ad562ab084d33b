"""Garbage collection: roots say what is to be kept, `gc` removes the rest.

>>> import tempfile
>>> from lightfx import Build, evaluate, memory_world, stage, unwrap
>>> @stage(version="1")
... def double(build: Build, number: int) -> int:
...     return 2 * number
>>> with tempfile.TemporaryDirectory() as scratch, memory_world(scratch) as world:
...     values = [evaluate(world, double(each)) for each in (1, 2, 3)]
...     root = unwrap(add_root(world, double(2).dref, name="the-second"))
...     gone = unwrap(gc(world))
...     (len(gone.rrefs), gone.left)
(2, 1)

Each function gives an effect: ``unwrap`` carries it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from returns.io import IOResult
from returns.result import Failure, Result, Success

from lightfx.core.failures import EngineFailure, InUse, NotStored
from lightfx.core.inventory import Anchor, Garbage, Ref, check_refs
from lightfx.core.names import Name
from lightfx.core.refs import RRef
from lightfx.core.terms import bytes_of
from lightfx.effects.world import World
from lightfx.plan.garbage import Alive, Hold, Recent, Rooted, Rules, Unheld, Young, judge
from lightfx.plan.garbage import why_alive as find_hold

__all__ = [
    "Alive",
    "Anchor",
    "Garbage",
    "Hold",
    "Recent",
    "Rooted",
    "Unheld",
    "Young",
    "add_root",
    "gc",
    "list_roots",
    "remove_root",
    "why_alive",
]

REST = 0.05


def gc(
    world: World,
    /,
    *,
    older_than: float | timedelta | None = None,
    max_size: int | str | None = None,
    keep_last: int | None = None,
    dry_run: bool = False,
    wait: float = 0.0,
) -> IOResult[Garbage, EngineFailure]:
    """Remove what no root keeps, and give what went, with the bill: bytes, and seconds to compute it again.

    Roots are what `add_root` and `lightfx.looking.link` made, and whatever a
    process has open: while another one has the store open nothing is removed.
    What is kept keeps all that it stands on.

    ``older_than``: seconds; what was made since stays.
    ``max_size``: bytes, or text such as "20GiB"; removes, what was used longest
    ago first, until the store is no larger.
    ``keep_last``: so many realizations of each name that were made last stay.
    ``dry_run``: say what would go, and remove nothing.
    ``wait``: seconds to wait for others to close the store.

    Fails with `lightfx.failures.InUse` where others have it open, or a run
    goes on in this world.
    """
    rules = _rules(older_than, max_size, keep_last)
    decide = partial(judge, rules=rules, now=world.perform.value(world.clock.now()))
    if dry_run:
        return world.store.inventory().map(decide)
    do, clock = world.perform, world.clock
    until = do.value(clock.elapsed()) + wait
    done = do.result(world.store.collect(decide))
    while isinstance(done, Failure) and isinstance(done.failure(), InUse) and do.value(clock.elapsed()) < until:
        do.value(clock.sleep(REST))
        done = do.result(world.store.collect(decide))
    return IOResult.from_result(done)


def _rules(older_than: float | timedelta | None, max_size: int | str | None, keep_last: int | None) -> Rules:
    age = older_than.total_seconds() if isinstance(older_than, timedelta) else older_than
    return Rules(age, None if max_size is None else _size(max_size), keep_last)


def _size(amount: int | str) -> int:
    try:
        return bytes_of(amount)
    except ValueError:
        wanted = "bytes, or a number with a unit, such as '2GiB'"
        raise ValueError(f"max_size is {amount!r}; it takes {wanted}") from None


def why_alive(
    world: World,
    ref: Ref,
    /,
    *,
    older_than: float | timedelta | None = None,
    keep_last: int | None = None,
) -> IOResult[Alive | Unheld, EngineFailure]:
    """Say what keeps a realization, or any realization of a derivation, under these rules of `gc`.

    `Alive` names the root (or rule), and the way from what that holds;
    `Unheld` says that nothing does. Fails with `NotStored` where nothing is
    stored under ``ref``.
    """
    check_refs(ref)
    now = world.perform.value(world.clock.now())
    rules = _rules(older_than, None, keep_last)
    known = world.perform.result(_stored(world, ref))
    if isinstance(known, Failure):
        return IOResult.from_failure(known.failure())
    return world.store.inventory().map(lambda found: find_hold(found, rules, now, ref))


def list_roots(world: World, /) -> IOResult[Sequence[Anchor], EngineFailure]:
    """List the roots that hold, by name: those that were added, and links that are still there."""
    return world.store.roots()


def add_root(world: World, ref: Ref, /, *, name: str = "") -> IOResult[Anchor, EngineFailure]:
    """Keep a realization, or all realizations of a derivation, with all that they stand on.

    ``name``: what the root is called, by default like the reference; a root of
    the same name is replaced. Fails with `NotStored` where there is nothing to
    keep. Raises ``ValueError`` for a name that is none.
    """
    check_refs(ref)
    if name and Name.parse(name).value_or(None) is None:
        raise ValueError(f"{name!r} is no name for a root: letters, digits and _ . + -, at most 100")
    root = Anchor(name or ref.text, ref)
    known = world.perform.result(_stored(world, ref))
    if isinstance(known, Failure):
        return IOResult.from_failure(known.failure())
    return world.store.hold(root).map(lambda _: root)


def remove_root(world: World, name: str, /) -> IOResult[bool, EngineFailure]:
    """Remove the root of this name; gives whether there was one. What it kept goes with the next `gc`."""
    return world.store.let_go(name)


def _stored(world: World, ref: Ref) -> IOResult[None, EngineFailure]:
    if isinstance(ref, RRef):
        found = world.perform.result(world.store.realizations((ref,)).map(len))
    else:
        found = world.perform.result(world.store.configs((ref,)).map(len))
    return IOResult.from_result(found.bind(partial(_some, ref)))


def _some(ref: Ref, count: int) -> Result[None, EngineFailure]:
    return Success(None) if count else Failure(NotStored(ref.text))
