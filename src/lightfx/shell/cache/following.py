"""What records stand on, looked up in a cache: layer by layer, as far as it is not stored already.

A run takes records without what they stand on, with one exception: where a stage
asked for more as it ran, the record stands only if that comes to the same again
(`lightfx.plan.traces`), and what can be asked is what is stored here. So what was
asked for comes along, and all that it takes. `lightfx.moving.pull` takes along
everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from returns.result import Failure, Result, Success

from lightfx.core.failures import EngineFailure
from lightfx.core.inventory import Item
from lightfx.core.realization import Realization
from lightfx.core.refs import RRef
from lightfx.effects.store import Store
from lightfx.plan.sharing import Told
from lightfx.shell.cache.catalogue import Catalogue
from lightfx.shell.cache.pulling import believed


def needs_of(made: Realization) -> Sequence[RRef]:
    """What a realization stands on."""
    return Item.of(made).needs


def asked_by(made: Realization) -> Sequence[RRef]:
    """What a realization stands on that its stage asked for as it ran."""
    asked = {reference for reference, _ in made.asked}
    return [rref for reference, rrefs in made.context.entries if reference in asked for rref in rrefs]


def believed_of(texts: Sequence[str], catalogue: Catalogue) -> list[Told]:
    """Judge what a cache tells of these, beside all that it tells of the same inputs: builders may disagree."""
    told = catalogue.told_of(texts)
    asked = {each.realization.rref for each in told}
    beside = catalogue.told_of({*texts, *(each.realization.key.text for each in told)})
    return [each for each in believed(beside, catalogue.partner) if each.realization.rref in asked]


def followed(
    told: Sequence[Told], first: Callable[[Realization], Sequence[RRef]], catalogue: Catalogue, store: Store
) -> Result[list[Told], EngineFailure]:
    """Give records, and before them what the cache has of what they stand on by ``first``, and so on, all the way."""
    layers = [list(told)]
    seen = {each.realization.rref for each in told}
    wanted: Iterable[RRef] = [rref for each in told for rref in first(each.realization)]
    while asked := tuple(dict.fromkeys(rref for rref in wanted if rref not in seen)):
        seen.update(asked)
        known = catalogue.partner.perform.result(store.realizations(asked))
        if isinstance(known, Failure):
            return Failure(known.failure())
        lacking = {rref for rref in asked if rref not in known.unwrap()}
        found = believed_of([rref.text for rref in lacking], catalogue)
        layer = [each for each in found if each.realization.rref in lacking]
        layers.append(layer)
        wanted = [rref for each in layer for rref in needs_of(each.realization)]
    return Success([each for layer in reversed(layers) for each in layer])
