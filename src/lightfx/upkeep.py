"""Upkeep of a store: `verify` finds what is damaged and repairs it, `doctor` tells what crashes left, and clears it.

>>> import tempfile
>>> from pathlib import Path
>>> from lightfx import Build, evaluate, open_world, stage, unwrap
>>> @stage(version="1")
... def write(build: Build, text: str) -> Path:
...     path = build.out / "text.txt"
...     path.write_text(text)
...     return path
>>> with tempfile.TemporaryDirectory() as folder, open_world(f"{folder}/store") as world:
...     path = evaluate(world, write("a"))
...     path.chmod(0o644)
...     count = path.write_text("b")
...     found = unwrap(verify(world))
...     mended = unwrap(verify(world, repair=True, plans=write("a")))
...     (found.sound, [each.files for each in found.damages], mended.sound, path.read_text())
(False, [('text.txt',)], True, 'a')

Each function gives an effect: ``unwrap`` carries it out.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from attrs import evolve
from returns.io import IOResult
from returns.result import Failure, Result, Success

from lightfx.core.closure import Plans, instantiate
from lightfx.core.damage import (
    Audit,
    Damage,
    DamagedGroup,
    DamagedObject,
    MissingObject,
    Repair,
    Stray,
    Verified,
    WrongRights,
)
from lightfx.core.derivation import Realizer
from lightfx.core.failures import EngineFailure, NotStored
from lightfx.core.health import (
    Disk,
    Health,
    Leftover,
    NoRight,
    OddIndex,
    Oddity,
    OddRoot,
    Owner,
    StoredTwice,
    UnendedRun,
    Unnamed,
)
from lightfx.core.inventory import Inventory, Ref
from lightfx.core.realization import Realization
from lightfx.core.refs import RRef
from lightfx.core.terms import whole
from lightfx.effects.verifying import Source
from lightfx.effects.world import World
from lightfx.engine.check import RealizerOf
from lightfx.engine.mending import heal_all
from lightfx.plan.relations import needs_of_realizations, reached
from lightfx.shell.store.clearing import clear_store
from lightfx.shell.store.examining import examine_store
from lightfx.shell.store.trouble import guarded
from lightfx.stages.finding import realizer_at
from lightfx.stages.sources import source_realizer

__all__ = [
    "Damage",
    "DamagedGroup",
    "DamagedObject",
    "Disk",
    "Health",
    "Leftover",
    "MissingObject",
    "NoRight",
    "OddIndex",
    "OddRoot",
    "Oddity",
    "Owner",
    "Repair",
    "Source",
    "StoredTwice",
    "Stray",
    "UnendedRun",
    "Unnamed",
    "Verified",
    "WrongRights",
    "doctor",
    "verify",
]

K = TypeVar("K")


def verify(
    world: World,
    /,
    *refs: Ref,
    sample: int | None = None,
    seed: int | None = None,
    repair: bool = False,
    plans: Plans[K] = (),
    sources: Sequence[Source] = (),
) -> IOResult[Verified, EngineFailure]:
    """Read what is stored, all of it, and say what is not as it was written.

    Every group of records is judged by its name and line by line, every object
    by its manifest, both by their rights. Runs may go on meanwhile.

    ``refs``: of the objects, only those of these, and of what they stand on.
    ``sample``: so many objects, at random; what is missing is found all the
    same. ``seed`` chooses them again; None: another sample each time, of which
    `Verified.seed` tells.
    ``repair``: mend what can be mended. Sound lines of damaged groups are saved
    into new ones. Objects are got from ``sources``, or made again by their
    stages, and must come out as recorded: what does not stays as it is, and no
    run uses it. ``plans``: derivations to look stages up in; what is not found
    there is imported by the name that is recorded of it.

    Fails with `NotStored` for a reference to nothing, and with `InUse` where
    something is to be mended while others have the store open. Raises
    ``ValueError`` for a sample of less than one object.
    """
    if sample is not None and whole("sample", sample) < 1:
        raise ValueError(f"sample is {sample}: it says how many objects are read, or None: all of them")
    chosen = _chosen(world, refs)
    if isinstance(chosen, Failure):
        return IOResult.from_failure(chosen.failure())
    number = random.SystemRandom().randrange(1 << 32) if seed is None else seed
    audit = Audit(sample, number, chosen.unwrap() if refs else None)
    looked = world.perform.result(world.store.verify(audit))
    if isinstance(looked, Failure) or not repair or not looked.unwrap().damages:
        return IOResult.from_result(looked)
    return IOResult.from_result(_repaired(world, looked.unwrap(), _finder(world, plans), sources))


def doctor(path: str | os.PathLike[str], /, *, fix: bool = False) -> IOResult[Health, EngineFailure]:
    """Say how the store at ``path`` is: who has it open, what its disk promises, what crashes left, what is odd.

    Takes a path: to open a store is to clear it of what the dead left. Nothing
    is changed, unless ``fix`` is given; then what may be cleared is, and what is
    told is what there still is. Records are read and counted, files are not
    verified: `verify` does that.

    Fails with `NoStore`, `NotAStore` or `UnknownFormat` where there is no store
    to look at.
    """
    home = Path(path)

    def work() -> Health:
        health = examine_store(home)
        if not fix:
            return health
        clear_store(health)
        return examine_store(home)

    return guarded(home, "examine the store", work)


def _chosen(world: World, refs: Sequence[Ref]) -> Result[frozenset[RRef], EngineFailure]:
    """What is asked for, with all that it stands on."""
    if not refs:
        return Success(frozenset())
    listed = world.perform.result(world.store.inventory())
    if isinstance(listed, Failure):
        return Failure(listed.failure())
    found: Inventory = listed.unwrap()
    known = [item.rref for item in found.items]
    start = [rref for rref in known if rref in refs or rref.dref in refs]
    missing = next((ref for ref in refs if ref not in start and ref not in {rref.dref for rref in start}), None)
    if missing is not None:
        return Failure(NotStored(missing.text))
    return Success(frozenset((*start, *reached(needs_of_realizations(found.items), start))))


def _repaired(
    world: World, found: Verified, realizer_of: RealizerOf, sources: Sequence[Source]
) -> Result[Verified, EngineFailure]:
    mended = world.perform.result(world.store.mend(found.damages))
    if isinstance(mended, Failure):
        return Failure(mended.failure())
    done = tuple(mended.unwrap())
    over = {id(each.damage) for each in done}
    lost = [each for each in found.damages if isinstance(each, DamagedObject | MissingObject) and id(each) not in over]
    healed = world.perform.result(heal_all(world, lost, realizer_of, sources))
    return healed.map(lambda more: evolve(found, repairs=(*done, *more)))


def _finder(world: World, plans: Plans[K]) -> RealizerOf:
    recipes = instantiate(plans).derivations
    by_name = {dref.name: recipe.realizer for dref, recipe in recipes.items()}

    def realizer_of(realization: Realization) -> Result[Realizer, str]:
        planned = recipes.get(realization.dref)
        found = by_name.get(realization.dref.name) if planned is None else planned.realizer
        if found is not None:
            return Success(found)
        config = world.perform.result(world.store.configs((realization.dref,))).value_or({}).get(realization.dref)
        code = None if config is None else config.tree.get("code")
        if config is not None and isinstance(code, dict) and "source" in code:
            return source_realizer(config)
        return realizer_at(realization.made_by.stage)

    return realizer_of
