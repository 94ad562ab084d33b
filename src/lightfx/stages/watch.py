"""What a fingerprint rests on, kept so that it can be checked again in no time.

A `Watch` remembers each name that was looked up with the object found there, each
function with its code, each mutable constant with its spelling. `holds` is true as long
as all of them are as they were; what it costs is a dictionary lookup for each name.
"""

from __future__ import annotations

from collections.abc import Callable, KeysView, Mapping
from types import CellType, CodeType, FunctionType
from typing import Final, TypeAlias, final

from attrs import define, field

from lightfx.stages.constants import is_fixed
from lightfx.stages.literals import Refused
from lightfx.stages.spellings import Spelling

Get: TypeAlias = Callable[[str, object], object]

ABSENT: Final = object()


@final
@define(eq=False)
class Watch:
    """Names, functions, cells and mutable constants, as they were found.

    >>> watch, space = Watch(), {"rate": 1}
    >>> watch.name(space, "rate", 1)
    >>> watch.holds()
    True
    >>> space["rate"] = 2
    >>> watch.holds()
    False
    """

    _names: dict[tuple[int, str], tuple[Get, str, object]] = field(
        factory=dict[tuple[int, str], tuple[Get, str, object]]
    )
    _absent: dict[int, tuple[KeysView[str], set[str]]] = field(factory=dict[int, tuple[KeysView[str], set[str]]])
    _functions: list[tuple[FunctionType, CodeType, object, object]] = field(
        factory=list[tuple[FunctionType, CodeType, object, object]]
    )
    _cells: list[tuple[CellType, object]] = field(factory=list[tuple[CellType, object]])
    _spelled: list[tuple[object, Spelling, Callable[[object], Spelling]]] = field(
        factory=list[tuple[object, Spelling, Callable[[object], Spelling]]]
    )

    def name(self, space: Mapping[str, object], name: str, found: object) -> None:
        """Remember what ``name`` is in ``space``; `ABSENT` if it is not there."""
        if found is ABSENT:
            self._absent.setdefault(id(space), (space.keys(), set()))[1].add(name)
        else:
            self._names[id(space), name] = (space.get, name, found)

    def function(self, function: FunctionType) -> None:
        """Remember the code and the defaults of a function."""
        self._functions.append((function, function.__code__, function.__defaults__, function.__kwdefaults__))

    def cell(self, cell: CellType, found: object) -> None:
        """Remember what a closure holds."""
        self._cells.append((cell, found))

    def constant(self, value: object, spelling: Spelling, spell: Callable[[object], Spelling]) -> None:
        """Remember the spelling of a constant, unless it cannot change."""
        if not is_fixed(value):
            self._spelled.append((value, spelling, spell))

    def holds(self) -> bool:
        """Tell whether all is as it was."""
        for get, name, found in self._names.values():
            if get(name, ABSENT) is not found:
                return False
        for function, code, defaults, keywords in self._functions:
            if (
                function.__code__ is not code
                or function.__defaults__ is not defaults
                or function.__kwdefaults__ is not keywords
            ):
                return False
        for keys, names in self._absent.values():
            if not keys.isdisjoint(names):
                return False
        return all(_contents(cell) is found for cell, found in self._cells) and self._are_spelled()

    def _are_spelled(self) -> bool:
        try:
            return all(spell(value) == spelling for value, spelling, spell in self._spelled)
        except Refused:
            return False


def _contents(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:
        return ABSENT
