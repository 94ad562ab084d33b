"""Parts: a path into a value, as a function of the user's spells it.

``lambda model: model.weights`` says which part of a value is meant, typed, and
renamed by tools as any code is. It is called once, as the plan is made, with a
probe in place of the value; what it does to the probe is the path: attributes,
items, and ``/`` into a folder. Anything else has no path, and is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TypeVar, cast, final

from attrs import frozen

from lightfx.core.canonical import Tree

T = TypeVar("T")


class Way(Enum):
    """How a step leads on."""

    ATTRIBUTE = "attribute"
    ITEM = "item"
    FILE = "file"


@final
@frozen
class Step:
    """One step of a path into a value."""

    way: Way
    at: str | int

    @property
    def tree(self) -> Tree:
        """As it stands in a config.

        >>> Step(Way.ITEM, 3).tree
        {'item': 3}
        """
        return {self.way.value: self.at}

    def __str__(self) -> str:
        return {Way.ATTRIBUTE: f".{self.at}", Way.ITEM: f"[{self.at!r}]", Way.FILE: f"/{self.at}"}[self.way]


class NoPartError(ValueError):
    """What was given to `Derivation.part` leads to no part of the value."""


class _Probe:
    """Stands for a value, and notes what is taken of it."""

    __slots__ = ("_taken",)

    def __init__(self, taken: tuple[Step, ...] = ()) -> None:
        object.__setattr__(self, "_taken", taken)

    def __getattr__(self, name: str) -> _Probe:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Probe((*steps_taken(self), Step(Way.ATTRIBUTE, name)))

    def __getitem__(self, key: object) -> _Probe:
        if isinstance(key, bool) or not isinstance(key, str | int):
            raise NoPartError(f"a part takes items by text or number, not by {key!r}")
        return _Probe((*steps_taken(self), Step(Way.ITEM, key)))

    def __truediv__(self, name: object) -> _Probe:
        if not isinstance(name, str) or not name or name.startswith("/") or ".." in name.split("/"):
            raise NoPartError(f"a part of a folder is a relative path that stays inside, not {name!r}")
        return _Probe((*steps_taken(self), Step(Way.FILE, name)))

    def __iter__(self) -> object:
        raise NoPartError("a part is one path into the value, and cannot be made by a loop")

    def __bool__(self) -> bool:
        raise NoPartError("a part is one path into the value, and cannot depend on what is there")


def steps_taken(probe: _Probe) -> tuple[Step, ...]:
    """The steps that a probe has noted."""
    taken: tuple[Step, ...] = object.__getattribute__(probe, "_taken")
    return taken


def path_of(select: Callable[[T], object]) -> tuple[Step, ...]:
    """The path that ``select`` takes into a value; raises `NoPartError` where it is none.

    >>> [str(step) for step in path_of(lambda model: model.layers[0].weights)]
    ['.layers', '[0]', '.weights']
    >>> path_of(lambda model: model.rate + 1)
    Traceback (most recent call last):
    ...
    lightfx.core.parts.NoPartError: a part is a path of attributes and items, ...
    """
    try:
        # The probe stands for a value of whatever type the function takes.
        found = select(cast("T", _Probe()))
    except (TypeError, AttributeError) as error:
        raise NoPartError(
            f"a part is a path of attributes and items, such as `lambda x: x.weights`: {error}"
        ) from error
    if not isinstance(found, _Probe) or not steps_taken(found):
        raise NoPartError("a part is a path of attributes and items into the value, such as `lambda x: x.weights`")
    return steps_taken(found)
