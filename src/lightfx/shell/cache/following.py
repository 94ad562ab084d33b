"""What records stand on, looked up in a cache: layer by layer, as far as it is not stored already.

A run takes records without what they stand on, with one exception: where a stage
asked for more as it ran, the record stands only if that comes to the same again
(`lightfx.plan.traces`), and what can be asked is what is stored here. So what was
asked for comes along, and all that it takes. `lightfx.moving.pull` takes along
everything that is not here, or has lost its files here, however much of what
leads to it is here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import final

from attrs import frozen
from returns.result import Failure, Result, Success

from lightfx.core.failures import EngineFailure
from lightfx.core.inventory import Item
from lightfx.core.realization import Realization
from lightfx.core.refs import RRef
from lightfx.effects.store import Store
from lightfx.plan.sharing import Told
from lightfx.shell.cache.catalogue import Catalogue
from lightfx.shell.cache.partner import Partner
from lightfx.shell.cache.pulling import believed, is_whole


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


@final
@frozen
class Closure:
    """What the cache tells of some realizations and of all that they stand on, needs first.

    ``lacking`` are those that are not stored, or not with all their files.
    """

    told: Sequence[Told]
    lacking: Sequence[RRef]


def closure_of(
    told: Sequence[Told], stored: Sequence[RRef], catalogue: Catalogue, store: Store
) -> Result[Closure, EngineFailure]:
    """Follow what a cache told, and what is stored, to all that they stand on, here and there."""
    offered = {each.realization.rref: each for each in told}
    layers, lacking, seen = list[list[Told]](), list[RRef](), set[RRef]()
    wanted: Iterable[RRef] = (*offered, *stored)
    while asked := tuple(dict.fromkeys(rref for rref in wanted if rref not in seen)):
        seen.update(asked)
        read = _stored(asked, catalogue.partner, store)
        if isinstance(read, Failure):
            return Failure(read.failure())
        known, whole = read.unwrap()
        away = [rref for rref in asked if rref not in whole]
        unknown = {rref for rref in away if rref not in offered}
        found = believed_of([rref.text for rref in unknown], catalogue) if unknown else []
        offered.update((each.realization.rref, each) for each in found if each.realization.rref in unknown)
        layers.append([offered[rref] for rref in asked if rref in offered])
        lacking += away
        made = [*known.values(), *(each.realization for each in layers[-1])]
        wanted = [need for each in made for need in needs_of(each)]
    return Success(Closure([each for layer in reversed(layers) for each in layer], lacking))


def lacking_of(rrefs: Sequence[RRef], partner: Partner, store: Store) -> Result[tuple[RRef, ...], EngineFailure]:
    """Say which of these are not stored, or not with all their files."""
    read = _stored(rrefs, partner, store)
    return read.map(lambda found: tuple(rref for rref in rrefs if rref not in found[1]))


def _stored(
    rrefs: Sequence[RRef], partner: Partner, store: Store
) -> Result[tuple[Mapping[RRef, Realization], frozenset[RRef]], EngineFailure]:
    """Read what is stored of these, and say which of it has the files that it should have."""
    perform = partner.perform
    known = perform.result(store.realizations(rrefs))
    if isinstance(known, Failure):
        return Failure(known.failure())
    made = known.unwrap()
    trees = dict.fromkeys(tree for each in made.values() for tree in Item.of(each).trees)
    present = perform.result(store.present(tuple(trees)))
    return present.map(lambda there: (made, frozenset(rref for rref, each in made.items() if is_whole(each, there))))


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
