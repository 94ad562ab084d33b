"""What garbage collection looks at: all that a store holds, what keeps it, and what is to go.

A store gives an `Inventory`, ``plan/garbage.py`` judges it, and the store
carries out the `Garbage` that it is given. All three are plain records, so that
the judgement is tested without a disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Self, TypeAlias, final

from attrs import frozen

from lightfx.core.names import Digest
from lightfx.core.realization import Realization
from lightfx.core.refs import DRef, RRef

Ref: TypeAlias = DRef | RRef
"""A derivation, which stands for all its realizations, or one realization."""


def parse_ref(text: str) -> Ref | None:
    """Read a whole reference of either kind; None where ``text`` is none.

    A name may look like a reference itself: then the longer reading counts.

    >>> parse_ref(f"{'a' * 32}-fit")
    DRef(text='aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-fit')
    >>> parse_ref("fit") is None
    True
    """
    realization = RRef.parse(text).value_or(None)
    return realization if realization is not None else DRef.parse(text).value_or(None)


def check_refs(*refs: object) -> None:
    """Raise TypeError for what is no reference, such as a plan, in words that say where its own is.

    >>> check_refs("fit")
    Traceback (most recent call last):
    ...
    TypeError: a reference is wanted, DRef or RRef, not str: DRef.parse or RRef.parse reads one
    """
    for ref in refs:
        if not isinstance(ref, DRef | RRef):
            hint = ": DRef.parse or RRef.parse reads one" if isinstance(ref, str) else ""
            hint = ": that of a plan is plan.dref" if hasattr(ref, "dref") else hint
            raise TypeError(f"a reference is wanted, DRef or RRef, not {type(ref).__name__}{hint}")


def check_all_refs(refs: object) -> None:
    """Raise TypeError for what is no sequence of references."""
    if isinstance(refs, str) or not isinstance(refs, Iterable):
        raise TypeError(f"references are wanted in a sequence, not {type(refs).__name__}: [ref]")
    check_refs(*refs)


@final
@frozen
class Anchor:
    """A root of garbage collection: ``ref``, and all that it stands on, is kept under this name.

    ``link`` is the absolute path of a symbolic link elsewhere on the disk, or
    "": with it the root ends where the link is gone or leads elsewhere.
    """

    name: str
    ref: Ref
    link: str = ""
    tree: Digest | None = None


@final
@frozen
class Item:
    """One stored realization, as garbage collection sees it.

    ``needs`` are the realizations that it stands on, ``trees`` its objects
    (files and logs), ``size`` the bytes of its records, ``seconds`` what its
    attempts took.
    """

    rref: RRef
    key: Digest
    created: float
    seconds: float
    needs: tuple[RRef, ...] = ()
    trees: frozenset[Digest] = frozenset()
    size: int = 0

    @classmethod
    def of(cls, realization: Realization, size: int = 0) -> Self:
        """See ``realization``, whose records take ``size`` bytes."""
        r = realization
        logs = (r.log, *(each.log for each in r.earlier))
        needs = [rref for _, rrefs in r.context.entries for rref in rrefs]
        return cls(
            r.rref,
            r.key,
            r.created,
            r.cost.seconds + sum(each.cost.seconds for each in r.earlier),
            tuple(dict.fromkeys([*needs, *([] if r.like is None else [r.like])])),
            frozenset(tree for tree in (r.tree, *(log.whole for log in logs if log)) if tree is not None),
            size,
        )


@final
@frozen
class Inventory:
    """All that a store holds: realizations, the bytes of each object, and the roots."""

    items: Sequence[Item]
    objects: Mapping[Digest, int]
    roots: Sequence[Anchor] = ()

    @property
    def size(self) -> int:
        """The bytes of all objects and records."""
        return sum(self.objects.values()) + sum(item.size for item in self.items)


@final
@frozen
class Garbage:
    """What is to go, or went, and the bill.

    ``size`` is in bytes, of objects and of records; ``seconds`` is what it
    would take to compute it all again; ``left`` is how many realizations
    stay, and ``left_size`` their bytes.
    """

    rrefs: tuple[RRef, ...] = ()
    objects: tuple[Digest, ...] = ()
    size: int = 0
    seconds: float = 0.0
    left: int = 0
    left_size: int = 0
