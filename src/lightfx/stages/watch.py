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

Space: TypeAlias = Mapping[str, object]
Name: TypeAlias = tuple[Callable[[str, object], object], str, object]
Work: TypeAlias = tuple[FunctionType, CodeType, object, object]
Spelled: TypeAlias = tuple[object, Spelling, Callable[[object], Spelling]]

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

    _spaces: dict[int, tuple[Space, set[str], KeysView[str], set[str]]] = field(
        factory=dict[int, tuple[Space, set[str], KeysView[str], set[str]]]
    )
    _names: list[Name] = field(factory=list[Name])
    _functions: list[Work] = field(factory=list[Work])
    _absent: list[tuple[KeysView[str], set[str]]] = field(factory=list[tuple[KeysView[str], set[str]]])
    _sizes: list[tuple[Space, int]] = field(factory=list[tuple[Space, int]])
    _cells: list[tuple[CellType, object]] = field(factory=list[tuple[CellType, object]])
    _spelled: list[Spelled] = field(factory=list[Spelled])

    def name(self, space: Space, name: str, found: object) -> None:
        """Remember what ``name`` is in ``space``; `ABSENT` if it is not there."""
        if id(space) not in self._spaces:
            self._spaces[id(space)] = (space, set(), space.keys(), set())
            self._absent.append(self._spaces[id(space)][2:])
        _, known, _, absent = self._spaces[id(space)]
        if found is ABSENT:
            absent.add(name)
        elif name not in known:
            known.add(name)
            self._names.append((space.get, name, found))

    def size(self, space: Space) -> None:
        """Remember how many names there are: one more may stand in the way of another."""
        self._sizes.append((space, len(space)))

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
        for get, name, found in self._names:
            if get(name, ABSENT) is not found:
                return False
        for work, code, defaults, keywords in self._functions:
            if work.__code__ is not code or work.__defaults__ is not defaults or work.__kwdefaults__ is not keywords:
                return False
        for keys, absent in self._absent:
            if not keys.isdisjoint(absent):
                return False
        for space, size in self._sizes:
            if len(space) != size:
                return False
        if self._cells and not all(_contents(cell) is found for cell, found in self._cells):
            return False
        return not self._spelled or self._are_spelled()

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
