"""The families of annotations: which there are, how each is told, and who makes its codings."""

from __future__ import annotations

import typing
from collections import abc
from collections.abc import Callable, Iterable, Mapping, Sized
from enum import Enum
from types import UnionType
from typing import (
    Annotated,
    Any,
    Final,
    ForwardRef,
    Literal,
    NewType,
    NoReturn,
    TypeAlias,
    TypeVar,
    Union,
    final,
    get_args,
    get_origin,
    is_typeddict,
)

from attrs import frozen

from lightfx.codec.choices import enum_coding, literal_coding
from lightfx.codec.classes import is_record, record_coding
from lightfx.codec.coding import Ask, Coding, Misfit
from lightfx.codec.containers import sequence_coding, set_coding, tuple_coding
from lightfx.codec.dynamic import DYNAMIC_CODING
from lightfx.codec.generics import bound
from lightfx.codec.mappings import mapping_coding
from lightfx.codec.names import name_of
from lightfx.codec.scalars import SCALAR_CODINGS
from lightfx.codec.typeddicts import typed_dict_coding
from lightfx.codec.unions import union_coding
from lightfx.core import canonical

_Make: TypeAlias = Callable[[Iterable[object]], object]
_MakeSet: TypeAlias = Callable[[Iterable[object]], Sized]

STORABLE: Final = (
    "None, bool, int, float, str, bytes, dates and times, Decimal, UUID, enums, literals, attrs classes, "
    "dataclasses, named tuples, typed dicts, tuples, lists, sets, dicts, and Path where files are kept"
)
_ORDERED: Final[Mapping[object, tuple[tuple[type, ...], _Make]]] = {
    list: ((list,), list),
    abc.MutableSequence: ((list,), list),
    abc.Sequence: ((tuple, list, range), tuple),
    abc.Collection: ((tuple, list, range), tuple),
    abc.Iterable: ((tuple, list, range), tuple),
    abc.Reversible: ((tuple, list, range), tuple),
}
_SETS: Final[Mapping[object, tuple[tuple[type, ...], _MakeSet]]] = {
    set: ((set,), set),
    abc.MutableSet: ((set,), set),
    frozenset: ((frozenset,), frozenset),
    abc.Set: ((frozenset, set), frozenset),
}
_DICTS: Final[Mapping[object, bool]] = {dict: False, abc.MutableMapping: False, abc.Mapping: True}


@final
@frozen
class Family:
    """Annotations of one make: which belong to it, and how their codings are made."""

    accepts: Callable[[object], bool]
    make: Callable[[object, Ask], Coding]


def is_alias(annotation: object) -> bool:
    """Tell whether ``annotation`` is an alias by the statement ``type X = ...`` of Python 3.12."""
    return hasattr(annotation, "__value__") and hasattr(annotation, "__type_params__")


def refused(annotation: object) -> NoReturn:
    """Say that no value of ``annotation`` can be stored.

    >>> refused("Model")
    Traceback (most recent call last):
    lightfx.codec.coding.Misfit: is annotated 'Model', a forward reference that nothing here resolves
    """
    if isinstance(annotation, str | ForwardRef):
        text = annotation if isinstance(annotation, str) else annotation.__forward_arg__
        raise Misfit(f"is annotated {text!r}, a forward reference that nothing here resolves")
    if isinstance(annotation, TypeVar):
        raise Misfit(f"is annotated {annotation.__name__}, a type variable that nothing here binds")
    raise Misfit(f"is annotated {name_of(annotation)}, which cannot be stored; what can: {STORABLE}")


def _kind(annotation: object) -> object:
    return get_origin(annotation) or annotation


def _has_kind(*kinds: object) -> Callable[[object], bool]:
    return lambda annotation: any(_kind(annotation) is kind for kind in kinds)


def _is_tree(annotation: object) -> bool:
    text = annotation.__forward_arg__ if isinstance(annotation, ForwardRef) else annotation
    return text is Any or text is object or (isinstance(text, str) and text == canonical.Tree)


def _make_alias(annotation: object, ask: Ask) -> Coding:
    kind = _kind(annotation)
    variables: tuple[object, ...] = getattr(kind, "__type_params__", ())
    bindings = dict(zip(variables, get_args(annotation), strict=False))
    return ask(bound(getattr(kind, "__value__", None), bindings))


def _is_scalar(annotation: object) -> bool:
    return annotation is None or any(annotation is each for each in SCALAR_CODINGS)


def _make_scalar(annotation: object, _: Ask) -> Coding:
    return SCALAR_CODINGS[annotation if isinstance(annotation, type) else type(None)]


def _make_enum(annotation: object, _: Ask) -> Coding:
    return enum_coding(annotation) if _is_enum(annotation) else refused(annotation)


def _is_enum(annotation: object) -> typing.TypeGuard[type[Enum]]:
    return isinstance(annotation, type) and issubclass(annotation, Enum)


def _make_union(annotation: object, ask: Ask) -> Coding:
    members = _merged(get_args(annotation))
    return union_coding(name_of(annotation), [(each, ask(each)) for each in members])


def _merged(members: tuple[object, ...]) -> list[object]:
    """Make one of all literals, which would otherwise need tags to be told apart."""
    values = [value for each in members if get_origin(each) is Literal for value in get_args(each)]
    others = [each for each in members if get_origin(each) is not Literal]
    return [*others, *([Literal[tuple(values)]] if values else [])]


def _make_tuple(annotation: object, ask: Ask) -> Coding:
    items = get_args(annotation)
    if (not items and get_origin(annotation) is None) or annotation is typing.Tuple:  # noqa: UP006 -- the bare old name is met
        items = (object, ...)
    if len(items) == 2 and items[1] is Ellipsis:
        item = ask(items[0])
        return sequence_coding(f"tuple[{item.name}, ...]", item, (tuple,), tuple)
    codings = [ask(each) for each in items]
    return tuple_coding(f"tuple[{', '.join(each.name for each in codings) or '()'}]", codings)


def _parts(annotation: object, ask: Ask, count: int) -> tuple[list[Coding], str]:
    """Get the codings of the arguments, `object` where there are none, and a name of the whole."""
    codings = [ask(each) for each in get_args(annotation) or (object,) * count]
    return codings, f"{name_of(_kind(annotation))}[{', '.join(each.name for each in codings)}]"


def _make_ordered(annotation: object, ask: Ask) -> Coding:
    (item,), name = _parts(annotation, ask, 1)
    return sequence_coding(name, item, *_ORDERED[_kind(annotation)])


def _make_set(annotation: object, ask: Ask) -> Coding:
    (item,), name = _parts(annotation, ask, 1)
    return set_coding(name, item, *_SETS[_kind(annotation)])


def _make_dict(annotation: object, ask: Ask) -> Coding:
    key, item = get_args(annotation) or (str, object)
    codings = ask(key), ask(item)
    name = f"{name_of(_kind(annotation))}[{codings[0].name}, {codings[1].name}]"
    return mapping_coding(name, *codings, abstract=_DICTS[_kind(annotation)])


FAMILIES: Final = (
    Family(_is_tree, lambda _, __: DYNAMIC_CODING),
    Family(_is_scalar, _make_scalar),
    Family(_has_kind(Annotated, Final), lambda each, ask: ask(get_args(each)[0])),
    Family(lambda each: isinstance(each, NewType), lambda each, ask: ask(getattr(each, "__supertype__", None))),
    Family(lambda each: is_alias(_kind(each)), _make_alias),
    Family(_has_kind(Literal), lambda each, ask: literal_coding(get_args(each), ask)),
    Family(_has_kind(Union, UnionType), _make_union),
    Family(_is_enum, _make_enum),
    Family(lambda each: is_typeddict(_kind(each)), typed_dict_coding),
    Family(lambda each: is_record(_kind(each)), record_coding),
    Family(_has_kind(tuple), _make_tuple),
    Family(_has_kind(*_ORDERED), _make_ordered),
    Family(_has_kind(*_SETS), _make_set),
    Family(_has_kind(*_DICTS), _make_dict),
    Family(lambda _: True, lambda each, _: refused(each)),
)
"""All of them; an annotation belongs to the first that accepts it."""
