"""Parameters that were read of a config and then changed, spelled again.

A parameter that was left alone is spelled as it was read. One that was changed
is spelled as a call of the stage would spell it; where its annotation does not
take it, it may be what was read, changed in parts: plain values, which the
annotation reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from returns.result import Failure

from lightfx.codec.values import fields_of
from lightfx.core.canonical import Tree
from lightfx.core.config import UnstorableError
from lightfx.core.derivation import Dependency, Realizer
from lightfx.stages.fields import spell_fields
from lightfx.stages.promises import PROMISE
from lightfx.stages.running import StageRealizer
from lightfx.stages.signature import DERIVATION, SECRET, TOLERANT
from lightfx.stages.stage import Core

_LEAVES: Final = (DERIVATION, TOLERANT, PROMISE, SECRET)


def respelled(
    realizer: Realizer, before: Mapping[str, object], fields: Mapping[str, object]
) -> tuple[dict[str, Tree], tuple[Dependency, ...]]:
    """Spell what a change gave as a call of the stage would; what it left alone is spelled as it was read."""
    if not isinstance(realizer, StageRealizer):
        return spell_fields(fields)
    args: dict[str, Tree] = {}
    needs: list[Dependency] = []
    for name, value in fields.items():
        kept = name not in realizer.core.signature.names or (name in before and before[name] is value)
        tree, its = spell_fields({name: value}) if kept else _spelled_as_called(realizer.core, name, value)
        args.update(tree)
        needs += its
    return args, tuple(needs)


def _spelled_as_called(core: Core, name: str, value: object) -> tuple[dict[str, Tree], tuple[Dependency, ...]]:
    encoded = fields_of({name: core.hints[name]}, _LEAVES).bind(lambda codec: codec.encode({name: value}))
    if not isinstance(encoded, Failure):
        return encoded.unwrap(), core.signature.needs({name: value})
    # It may be what was read, changed in parts: plain values, that the annotation reads and does not spell.
    try:
        return spell_fields({name: value})
    except UnstorableError as error:
        raise UnstorableError(encoded.failure(), f"{core.name}: ") from error
