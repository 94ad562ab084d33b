"""The hooks: which coding an annotation gets.

Theory of operation: cattrs dispatches. Each `Family` is a predicate and a hook factory
of one converter; the first family that accepts an annotation makes its coding, and
asks the `Workshop` for the codings of the parts. An annotation is handed to cattrs in an
`_Asked`, which is no class and is compared by identity: so cattrs tries the predicates
alone (a class that inherits from ``str`` is no ``str``), ``int | float`` is not
taken for ``float | int``, and what cannot be hashed can be asked for.

A record that holds records of its own class gets, at the inner place, a coding
that is made when it is first used, by a workshop one level deeper. There are as many
levels as a tree may have, so a cycle of values comes to an end, and with a path.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, final, get_origin, is_typeddict

from attrs import frozen
from cattrs import Converter

from lightfx.codec.classes import is_record
from lightfx.codec.coding import ANYTHING, TAGGED, UNBOUNDED, Coding, Misfit
from lightfx.codec.families import FAMILIES, Family, is_alias, refused
from lightfx.core.canonical import MAX_DEPTH, Tree

_LONGEST: Final = 80  # annotations in one another: most add a container, and each takes eight frames of the stack


@final
@frozen
class Leaf:
    """A family of types that the caller spells itself, such as references to derivations.

    ``encode`` makes an object with one key that begins with ``$`` (and is none that
    the codec itself uses); a value or a tree that does not fit is a `Misfit`. It
    is asked once for each annotation, and then for each value.
    """

    accepts: Callable[[object], bool]
    encode: Callable[[object], Callable[[object], Tree]]
    decode: Callable[[object, Tree], object]


@final
class _Asked:
    """An annotation on its way through cattrs, and the annotations that hold it."""

    def __init__(self, annotation: object, within: tuple[object, ...]) -> None:
        self.annotation = annotation
        self.within = within

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Asked) and self.annotation is other.annotation

    def __hash__(self) -> int:
        return id(self.annotation)


@final
class Workshop:
    """Where codings are made, each once.

    >>> Workshop(()).ask(tuple[int, ...]).encode((1, 2))
    [1, 2]
    """

    def __init__(self, leaves: Sequence[Leaf], level: int = 0) -> None:
        self._leaves = leaves
        self._level = level
        self._below: Workshop | None = None
        self._converter = Converter()
        for family in reversed([*map(_family, leaves), *FAMILIES]):  # cattrs asks the last one first
            self._converter.register_unstructure_hook_factory(*self._hook(family))

    def ask(self, annotation: object, within: tuple[object, ...] = ()) -> Coding:
        """Get the coding of ``annotation``; raises `Misfit` where there is none."""
        if len(within) > _LONGEST:
            raise Misfit("is annotated deeper than values may be")
        if _may_recur(annotation) and any(annotation is each or annotation == each for each in within):
            return self._late(annotation)
        hook: object = self._converter.get_unstructure_hook(_Asked(annotation, within))
        return hook if isinstance(hook, Coding) else refused(annotation)

    def _hook(self, family: Family) -> tuple[Callable[[_Asked], bool], Callable[[_Asked], Coding]]:
        def accepts(asked: _Asked) -> bool:
            return family.accepts(asked.annotation)

        def make(asked: _Asked) -> Coding:
            within = (*asked.within, asked.annotation)
            return family.make(asked.annotation, partial(self.ask, within=within))

        return accepts, make

    def _late(self, annotation: object) -> Coding:
        kind = get_origin(annotation) or annotation
        record = isinstance(kind, type)
        return Coding(
            getattr(kind, "__name__", ""),
            lambda value: self._deeper().ask(annotation).encode(value),
            lambda tree: self._deeper().ask(annotation).decode(tree),
            frozenset({"object"}) if record else ANYTHING,
            exact=(dict if is_typeddict(kind) else kind,) if isinstance(kind, type) else (),
            depth=UNBOUNDED,
        )

    def _deeper(self) -> Workshop:
        if self._level >= MAX_DEPTH:
            raise Misfit(f"is nested deeper than {MAX_DEPTH} levels")
        if self._below is None:  # made twice by two threads at once, it is the same twice
            self._below = Workshop(self._leaves, self._level + 1)
        return self._below


def _may_recur(annotation: object) -> bool:
    kind = get_origin(annotation) or annotation
    return is_record(kind) or is_typeddict(kind) or is_alias(kind)


def _family(leaf: Leaf) -> Family:
    def make(annotation: object, _: object) -> Coding:
        return Coding(
            getattr(get_origin(annotation) or annotation, "__name__", "leaf"),
            leaf.encode(annotation),
            partial(leaf.decode, annotation),
            frozenset({TAGGED}),
            depth=1,
        )

    return Family(leaf.accepts, make)
