"""The annotations of a class, resolved: forward references, and type variables bound.

Theory of operation: an inherited field is annotated with the variables of the
class that defines it. So each class of the hierarchy gets its own bindings, from
the arguments that its heir gives it, and a field is bound by its definer's.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Generic, Protocol, TypeAlias, TypeGuard, TypeVar, get_args, get_origin, get_type_hints

from lightfx.codec.coding import Misfit, told
from lightfx.codec.names import name_of
from lightfx.core import canonical

Bindings: TypeAlias = "dict[object, object]"


def annotations_of(annotation: object, kind: type) -> dict[str, object]:
    """List the annotations of a class, as its possibly generic ``annotation`` binds them.

    >>> from attrs import frozen
    >>> T = TypeVar("T")
    >>> @frozen
    ... class Box(Generic[T]):
    ...     items: tuple[T, ...]
    >>> annotations_of(Box[int], Box)
    {'items': tuple[int, ...]}
    """
    hints = _resolved(kind)
    bindings = _bindings(kind, get_args(annotation))
    return {name: bound(hint, bindings.get(_definer(kind, name), {})) for name, hint in hints.items()}


def bound(annotation: object, bindings: Bindings) -> object:
    """Put what ``bindings`` say into the place of type variables.

    >>> T = TypeVar("T")
    >>> bound(list[T], {T: int})
    list[int]
    """
    if isinstance(annotation, TypeVar):
        return bindings.get(annotation, annotation)
    if get_origin(annotation) is None or not _is_open(annotation):
        return annotation
    try:
        return annotation[tuple(bindings.get(each, each) for each in annotation.__parameters__)]
    except TypeError:
        raise Misfit(f"is annotated {name_of(annotation)}, whose variables nothing here binds") from None


class _Open(Protocol):
    """An annotation with variables in it, to be filled in by subscription."""

    @property
    def __parameters__(self) -> tuple[object, ...]: ...

    def __getitem__(self, arguments: tuple[object, ...], /) -> object: ...


def _is_open(annotation: object) -> TypeGuard[_Open]:
    return bool(getattr(annotation, "__parameters__", ()))


def _resolved(kind: type) -> dict[str, object]:
    trees = _names_of_trees(kind)
    variables = [each for base in kind.__mro__ for each in _variables(base)]
    local: dict[str, object] = {each.__name__: each for each in kind.__mro__}
    local |= {each.__name__: each for each in variables} | trees
    attempts: list[Mapping[str, object] | None] = [local] if trees else [None, local]
    trouble = ""
    for names in attempts:
        try:
            return get_type_hints(kind, localns=dict(names) if names else None, include_extras=True)
        except Exception as error:  # noqa: BLE001 -- an annotation is foreign code, and may raise anything
            trouble = told(error)
    raise Misfit(f"is of {kind.__name__}, an annotation of which cannot be resolved: {trouble}")


def _variables(kind: object) -> tuple[TypeVar, ...]:
    return getattr(kind, "__parameters__", ())


def _names_of_trees(kind: type) -> dict[str, object]:
    """Name the aliases of `Tree` in the class's module: as a recursive alias it never resolves."""
    module = vars(sys.modules[kind.__module__]) if kind.__module__ in sys.modules else {}
    return {name: object for name, value in module.items() if value is canonical.Tree}


def _definer(kind: type, name: str) -> type:
    return next((each for each in kind.__mro__ if name in vars(each).get("__annotations__", {})), kind)


def _bindings(kind: type, arguments: tuple[object, ...]) -> dict[type, Bindings]:
    own: Bindings = dict(zip(_variables(kind), arguments, strict=False))
    known = {kind: own}
    for base in vars(kind).get("__orig_bases__", kind.__bases__):
        origin = get_origin(base) or base
        if isinstance(origin, type) and origin not in (object, Generic, Protocol):
            known |= _bindings(origin, tuple(bound(each, own) for each in get_args(base)))
    return known
