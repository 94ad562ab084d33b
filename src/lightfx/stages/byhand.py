"""What a session of `lightfx.repl` takes from a person: which derivations are meant, and what was made of one."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeAlias

from returns.result import Failure, Result, Success

from lightfx.core.closure import instantiate
from lightfx.core.derivation import Derivation, Realizer
from lightfx.core.outcome import BadOutput, Cause
from lightfx.core.promised import promised_in
from lightfx.core.realization import Output
from lightfx.core.refs import DRef
from lightfx.stages.build import Build, codec_for
from lightfx.stages.promises import broken
from lightfx.stages.running import StageRealizer, run, stored_form
from lightfx.stages.stage import Core, Stage

Before: TypeAlias = "Stage[..., object] | Derivation[object] | DRef | str"


def handed(realizer: Realizer, build: Build, value: object) -> Result[Output, Cause]:
    """Take a value as what the realizer's function returned; a bare one where a ``Result`` is due is RIGHT."""
    order = build.order
    if isinstance(realizer, StageRealizer):
        signature = realizer.core.signature
        bare = signature.error is not None and not isinstance(value, Result)
        return run(lambda *_, **__: Success(value) if bare else value, signature, order.config, build)
    missing = broken(promised_in(order.config.text, order.config.tree["args"]), build.folder)
    if missing is not None:
        return Failure(BadOutput(missing, "was promised by a parameter, and does not exist in build.out"))
    return stored_form(codec_for(realizer.type), build, value)


def chosen(plan: Derivation[object], before: Collection[Before]) -> Callable[[DRef, Realizer], bool]:
    """Tell what is named from what is not; a stage is known by itself, and not by its name.

    Raises ValueError for what is named by mistake: a name that no derivation of
    the plan has, or a stage where the plan has another one of that name.
    """
    names = frozenset(each for each in before if isinstance(each, str))
    cores = [each.core for each in before if isinstance(each, Stage)]
    drefs = frozenset(_dref(each) for each in before if not isinstance(each, str | Stage))
    if names or cores:
        _refuse_mistakes(plan, names, cores)

    def meant(dref: DRef, realizer: Realizer) -> bool:
        made_so = isinstance(realizer, StageRealizer) and realizer.core in cores
        return made_so or dref in drefs or dref.name.text in names

    return meant


def _refuse_mistakes(plan: Derivation[object], names: frozenset[str], cores: Collection[Core]) -> None:
    recipes = instantiate(plan).derivations.values()
    there = {recipe.dref.name.text for recipe in recipes}
    known = [recipe.realizer.core for recipe in recipes if isinstance(recipe.realizer, StageRealizer)]
    for name in sorted(names - there):
        raise ValueError(f"there is no derivation called {name} in the plan; there are: {', '.join(sorted(there))}")
    for core in cores:
        if core not in known and core.name in there:
            what = f"there is no derivation of this stage {core.name} in the plan"
            raise ValueError(f"{what}, and there is one of another stage of that name")


def _dref(named: DRef | Derivation[object]) -> DRef:
    return named if isinstance(named, DRef) else named.dref
