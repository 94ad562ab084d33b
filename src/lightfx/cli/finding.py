"""From what a user types for a reference to what is stored under it.

A REF is a whole reference, of a derivation or of a realization; else a name,
which means the derivation of that name that was realized last; else the
beginning of one reference and of no other, as far as it takes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, final

from attrs import evolve, frozen

from lightfx.cli.complaints import ComplaintError, misuse
from lightfx.cli.words import SHORT
from lightfx.core.config import Config
from lightfx.core.listing import Listed
from lightfx.core.realization import Realization
from lightfx.core.refs import DRef, RRef
from lightfx.effects.world import World
from lightfx.wiring import unwrap

_REF: Final = re.compile(r"[A-Za-z0-9_.+-]{1,200}", re.ASCII)
_SHOWN: Final = 5
_SPOILT: Final = 10_000


@final
@frozen
class Subject:
    """What a REF names: a derivation, and its realizations, or the one that was named; oldest first."""

    dref: DRef
    config: Config
    realizations: tuple[Realization, ...]

    @property
    def chosen(self) -> Realization:
        """The one to speak of where one is wanted: the RIGHT that was stored last, or else the last LEFT."""
        rights = (each for each in reversed(self.realizations) if each.result.kind == "right")
        return next(rights, self.realizations[-1])


def find(world: World, text: str) -> Subject:
    """Read what is stored under a REF, or complain that it names nothing, or more than one thing."""
    if not _REF.fullmatch(text):
        raise misuse(
            f"{text[:80]!r} is no reference", "give the beginning of one, or a name, as `lightfx ls` lists them"
        )
    ref = _exact(world, text) or _named(world, text) or _begun(world, text)
    if isinstance(ref, RRef):
        subject = of_derivation(world, ref.dref)
        return evolve(subject, realizations=tuple(each for each in subject.realizations if each.rref == ref))
    return of_derivation(world, ref)


def of_derivation(world: World, dref: DRef) -> Subject:
    """Read all that is stored of one derivation."""
    rows = unwrap(world.store.listed((dref,), frozenset((dref,)))) or _spoilt(world, dref)
    found = [row.realization for row in rows if row.realization is not None]
    config = unwrap(world.store.configs((dref,))).get(dref)
    if not found or config is None:
        raise misuse(f"nothing is stored of {dref}")
    return Subject(dref, config, tuple(sorted(found, key=lambda each: (each.created, each.rref))))


def _spoilt(world: World, dref: DRef) -> list[Listed]:
    """Read also what a run would make again, since its files are gone."""
    rows = unwrap(world.store.newest(dref.name.text, _SPOILT))
    return [row for row in rows if row.stored.rref.dref == dref]


def _exact(world: World, text: str) -> DRef | RRef | None:
    return _typed(world, text) if text in unwrap(world.store.names(text, 1)) else None


def _typed(world: World, text: str) -> DRef | RRef:
    """Tell a realization from a derivation by asking: a name may look like a reference."""
    rref = RRef(text)
    is_realization = RRef.parse(text).map(lambda _: True).value_or(False)
    return rref if is_realization and unwrap(world.store.realizations((rref,))) else DRef(text)


def _named(world: World, name: str) -> DRef | None:
    """The derivation of this name that was realized last."""
    rows = unwrap(world.store.newest(name, 1))
    return rows[0].stored.rref.dref if rows else None


def _begun(world: World, text: str) -> DRef | RRef:
    names = unwrap(world.store.names(text, _SHOWN + 1))
    if not names:
        raise misuse(f"nothing is stored under {text!r}", "`lightfx ls` lists what is")
    if len(names) > 1:
        raise _ambiguous(text, names, f"{text!r} begins several references", "give more of it")
    return _typed(world, names[0])


def _ambiguous(text: str, refs: Sequence[str], what: str, hint: str) -> ComplaintError:
    """Spell candidates as long as it takes to tell them apart."""
    length = min(32, max(SHORT, len(text) + 4, _shared(refs) + 4))
    shown = [f"{ref[:length]} ({_name(ref)})" for ref in refs[:_SHOWN]]
    more = ["and others"] if len(refs) > _SHOWN else []
    return misuse(f"{what}: {', '.join([*shown, *more])}", hint)


def _name(ref: str) -> str:
    """The name at the end of a reference."""
    return RRef.parse(ref).map(lambda rref: rref.dref.name.text).value_or(ref[33:])


def _shared(refs: Sequence[str]) -> int:
    """How many characters all of them begin with."""
    first, last = min(refs), max(refs)
    return next((at for at, pair in enumerate(zip(first, last, strict=False)) if len(set(pair)) > 1), len(first))
