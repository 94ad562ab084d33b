"""The walk from one function over all the code and the constants that it stands on.

Theory of operation: each thing that is met gets a place in a list, and is spelled when
its turn comes; so code that refers back to itself ends, and no depth of helpers is too
deep. `shades` makes digests of the list when it is complete.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import lru_cache
from types import FunctionType, ModuleType
from typing import final

from attrs import Factory, define, field

from lightfx.core.names import short_hash
from lightfx.stages.code import Dressing, spell_code
from lightfx.stages.constants import spell_value
from lightfx.stages.definitions import FoundFunction, find_function, parse, text_of
from lightfx.stages.literals import Refused
from lightfx.stages.meanings import Constant, Meanings, Space, Stopped, label_of, space_of
from lightfx.stages.members import class_pieces
from lightfx.stages.scopes import Looked, Reading, read_function
from lightfx.stages.spellings import Bag, Link, Spelling
from lightfx.stages.syntax import spell_function, spell_node
from lightfx.stages.watch import Watch


@lru_cache(maxsize=4096)
def _read_function(found: FoundFunction) -> tuple[Reading, str, str | None]:
    """Read a function: its uses, the digest of its syntax, and the name by which it calls itself."""
    try:
        reading = read_function(found.node, found.private)
        name = found.node.name if not isinstance(found.node, ast.Lambda) else None
        used = any(isinstance(use, Looked) and use.name == name for use in reading.uses)
        own_name = name if used and name not in reading.bound else None
        return reading, short_hash(spell_function(found.node, own_name)), own_name
    except RecursionError:
        raise Refused("is nested too deeply to be read") from None


@final
@define(eq=False)
class Walk:
    """All things met so far, each with its label and, once its turn came, its spelling.

    ``top`` is the function whose own captured data stays out: it goes into the config.
    """

    top: object
    things: list[object] = field(factory=list[object])
    labels: list[str] = field(factory=list[str])
    spellings: list[Spelling] = field(factory=list[Spelling])
    watch: Watch = field(factory=Watch)
    meanings: Meanings = field(
        default=Factory(lambda walk: Meanings(walk.spell, walk.refer, walk.link, walk.watch), takes_self=True)
    )
    _numbers: dict[int, int] = field(factory=dict[int, int])
    _dressings: dict[int, Dressing] = field(factory=dict[int, Dressing])

    def run(self) -> None:
        """Spell all things met, and those met on the way."""
        for thing in self.things:  # grows as it goes
            number = len(self.spellings)
            self.spellings.append("")
            try:
                self.spellings[number] = self.spell_thing(thing)
            except Refused as refused:
                raise Stopped(self.labels[number], "", refused.what) from None

    def spell(self, value: object) -> Spelling:
        """Spell a value that stands within a thing."""
        return spell_value(value, self.refer)

    def refer(self, value: object) -> Spelling | None:
        """Spell code; what is the user's own is met."""
        return spell_code(value, self.link, self.spell)

    def link(self, thing: object, label: str = "") -> Link:
        """Meet ``thing``, now or before."""
        if isinstance(thing, Dressing):
            thing = self._dressings.setdefault(id(thing.function), thing)
        if id(thing) not in self._numbers:
            self._numbers[id(thing)] = len(self.things)
            self.things.append(thing)
            self.labels.append(label or label_of(thing))
        return Link(thing)

    def spell_thing(self, thing: object) -> Spelling:
        """Spell a thing whose turn has come."""
        match thing:
            case FunctionType():
                return self.spell_function(thing)
            case type():
                return self.spell_class(thing)
            case ModuleType():
                return self.spell_module(thing)
            case Dressing(FunctionType() as function):
                return self.spell_dressing(function)
            case Constant():
                return ("constant", thing.spelling)
            case _:
                return self.spell(thing)

    def spell_function(self, function: FunctionType) -> Spelling:
        """Spell a function by its syntax, its defaults, and what its names mean."""
        self.watch.function(function)
        reading, syntax, own_name = _read_function(find_function(function))
        space = space_of(function)
        wrapped: object = vars(function).get("__wrapped__")
        return (
            "function",
            syntax,
            self.spell_defaults(function),
            self.meanings.of(space, reading.uses, own_name, own=function is self.top),
            "" if wrapped is None else self.spell(wrapped),
            self.meanings.meaning(space, Looked("__class__", (), soft=True)) if "__class__" in space.cells else "",
        )

    def spell_defaults(self, function: FunctionType) -> Spelling:
        """Spell the defaults of the parameters, as they were evaluated."""
        keywords: dict[str, object] = function.__kwdefaults__ or {}
        given = function.__defaults__ or (), tuple(sorted(keywords.items(), key=lambda item: item[0]))
        try:
            spelling = self.spell(given)
        except Refused as refused:
            raise Stopped(label_of(function), "a default of a parameter", refused.what) from None
        self.watch.constant(given, spelling, self.spell)
        for name, value in keywords.items():
            self.watch.name(keywords, name, value)
        return spelling

    def spell_class(self, kind: type) -> Spelling:
        """Spell a class by its statement, its bases, and what it holds now."""
        pieces = class_pieces(kind)
        space = Space(label_of(kind), pieces.names, pieces.cells)
        members: list[Spelling] = []
        held: Mapping[str, object] = vars(kind)
        self.watch.size(held)
        for name, value in pieces.watched:
            self.watch.name(held, name, value)
        for name, value in (*pieces.members, *pieces.fields):
            members += self.spell_member(name, value)
        for method in pieces.methods:
            self.watch.function(method)
        defaults = Bag(tuple((each.__code__.co_name, self.spell_defaults(each)) for each in pieces.methods))
        bases = tuple(self.spell(each) for each in kind.__bases__)
        meanings = self.meanings.of(space, pieces.uses, None)
        return ("class", pieces.syntax, bases, self.spell(type(kind)), meanings, defaults, Bag(tuple(members)))

    def spell_member(self, name: str, value: object) -> list[Spelling]:
        """Spell what a class holds; what has no spelling counts by the statement that made it."""
        try:
            spelling = self.spell(value)
        except Refused:
            return []
        self.watch.constant(value, spelling, self.spell)
        return [(name, spelling)]

    def spell_module(self, module: ModuleType) -> Spelling:
        """Spell a module as a whole: its text, and what the names in it mean."""
        file: object = getattr(module, "__file__", None)
        text = text_of(file, vars(module)) if isinstance(file, str) else ""
        source = parse(text) if text is not None else None
        if source is None:
            raise Refused("is a module without source text that could be read")
        meanings = self.meanings.softly(Space(module.__name__, vars(module)), [source.tree])
        return ("module", short_hash(spell_node(source.tree)), meanings)

    def spell_dressing(self, function: FunctionType) -> Spelling:
        """Spell the decorators of a function, those of lightfx left out."""
        found = find_function(function)
        if isinstance(found.node, ast.Lambda):
            return ("decorators",)
        space = space_of(function)
        kept = [each for each in found.node.decorator_list if not _is_of_lightfx(each, space)]
        return ("decorators", short_hash(spell_node(*kept)), self.meanings.softly(space, kept))


def _is_of_lightfx(decorator: ast.expr, space: Space) -> bool:
    """Whether a decorator is one of lightfx, such as ``@stage(...)``, which says how to run, not what."""
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    chain: list[str] = []
    while isinstance(target, ast.Attribute):
        chain.insert(0, target.attr)
        target = target.value
    value = space.names.get(target.id) if isinstance(target, ast.Name) else None
    for name in chain:
        value = getattr(value, name, None)
    modules = (getattr(value, "__module__", None), type(value).__module__)
    return any(str(each).partition(".")[0] == "lightfx" for each in modules)
