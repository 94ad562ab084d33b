"""Parts of annotated values: what annotation a part has, and the part itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, get_args, get_origin, is_typeddict, runtime_checkable

from returns.result import Failure, Result, Success

from lightfx.codec.classes import is_named_tuple, is_record, names_of_tuple
from lightfx.codec.coding import Misfit
from lightfx.codec.generics import annotations_of
from lightfx.codec.names import name_of
from lightfx.core.canonical import Unstorable
from lightfx.core.parts import Step, Way


def annotation_of_part(annotation: object, path: Iterable[Step]) -> Result[object, Unstorable]:
    """Find the annotation of the part of a value that ``path`` leads to.

    >>> annotation_of_part(dict[str, list[int]], [Step(Way.ITEM, "a"), Step(Way.ITEM, 0)]).unwrap()
    <class 'int'>
    >>> annotation_of_part(int, [Step(Way.ATTRIBUTE, "real")]).failure().reason
    'is annotated int, which has no part .real'
    """
    here = annotation
    for step in path:
        found = _inside(here, step)
        if found is None:
            return Failure(Unstorable((), f"is annotated {name_of(here)}, which has no part {step}"))
        here = found
    return Success(here)


def _inside(annotation: object, step: Step) -> object | None:
    kind = get_origin(annotation) or annotation
    try:
        if step.way is Way.FILE:
            return Path if isinstance(kind, type) and issubclass(kind, Path) else None
        if step.way is Way.ATTRIBUTE:
            return (
                annotations_of(annotation, kind).get(str(step.at))
                if is_record(kind) and isinstance(kind, type)
                else None
            )
        if is_typeddict(kind) and isinstance(kind, type):
            return annotations_of(annotation, kind).get(str(step.at))
        if isinstance(kind, type) and is_named_tuple(kind):
            return _field(annotation, kind, step.at)
    except Misfit:
        return None
    return _item(kind, get_args(annotation), step.at)


def _field(annotation: object, kind: type, at: str | int) -> object | None:
    """The annotation of a field of a named tuple, by its place."""
    names = names_of_tuple(kind)
    if not isinstance(at, int) or not -len(names) <= at < len(names):
        return None
    return annotations_of(annotation, kind).get(names[at])


def _item(kind: object, arguments: tuple[object, ...], at: str | int) -> object | None:
    if not isinstance(kind, type) or not arguments:
        return None
    if issubclass(kind, tuple):
        if not isinstance(at, int):
            return None
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return arguments[0]
        return arguments[at] if -len(arguments) <= at < len(arguments) else None
    if issubclass(kind, Mapping):
        return arguments[1] if arguments[0] is type(at) else None
    return arguments[0] if issubclass(kind, Sequence) and isinstance(at, int) else None


def part_of(value: object, path: Iterable[Step]) -> object:
    """Take the part of a value; raises ``LookupError`` where it is not there.

    >>> part_of({"a": [1, 2]}, [Step(Way.ITEM, "a"), Step(Way.ITEM, 1)])
    2
    """
    here = value
    for step in path:
        here = _taken(here, step)
    return here


def _taken(value: object, step: Step) -> object:
    if step.way is Way.FILE and isinstance(value, Path):
        return value / str(step.at)
    if step.way is Way.ATTRIBUTE:
        found: object = getattr(value, str(step.at))
        return found
    if isinstance(value, _Indexed):
        return value[step.at]
    raise LookupError(f"there is no {step}")


@runtime_checkable
class _Indexed(Protocol):
    """What has items; its annotation said what their keys are."""

    def __getitem__(self, at: str | int, /) -> object: ...
