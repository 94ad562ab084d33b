"""The walk from one function over all the code and the constants that it stands on.

Rules:

- names mean what they mean now: in the closure, in the module, among the builtins;
- of a module of the user's own that is looked into (``helpers.scale``), what was found
  there counts; one that is passed about counts whole;
- names that a module has of itself (``__name__``, ``__file__``) count as such: code that
  moved is the same code;
- an import inside a function is made, if it is of the user's own code; an installed
  module is named, and not imported.

Theory of operation: each thing that is met gets a place in a list, and is spelled when
its turn comes; so code that refers back to itself ends, and no depth of helpers is too
deep. `shades` makes digests of the list when it is complete.
"""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from importlib.util import resolve_name
from types import CellType, FunctionType, ModuleType
from typing import Final, final

from attrs import define, field, frozen

from lightfx.core.names import short_hash
from lightfx.stages.bindings import Bindings, Imported
from lightfx.stages.code import Dressing, is_code, spell_code
from lightfx.stages.constants import spell_value
from lightfx.stages.definitions import FoundFunction, find_function, parse, text_of
from lightfx.stages.literals import Refused
from lightfx.stages.members import class_pieces
from lightfx.stages.ownership import is_own_module, public_module
from lightfx.stages.scopes import Kept, Looked, Reading, Use, read_function, read_nodes
from lightfx.stages.spellings import Bag, Link, Spelling
from lightfx.stages.syntax import SELF, spell_function, spell_node
from lightfx.stages.watch import ABSENT, Watch

_AMBIENT: Final = frozenset(
    (
        "__name__",
        "__file__",
        "__doc__",
        "__package__",
        "__spec__",
        "__loader__",
        "__path__",
        "__cached__",
        "__builtins__",
    )
)
_UNDEFINED: Final = "is not defined"


@final
@frozen(eq=False)
class Space:
    """Where the names of a thing are looked up: its closure, then its module, then the builtins."""

    label: str
    names: Mapping[str, object]
    cells: Mapping[str, CellType] = field(factory=dict[str, CellType])


@final
@frozen(eq=False)
class Constant:
    """What a name that is no code holds."""

    spelling: Spelling


class Stopped(Exception):  # noqa: N818 -- a signal within fingerprints, caught at their face, and no error of its own
    """The walk cannot go on: whose name, which name, and what it is."""

    def __init__(self, owner: str, name: str, what: str) -> None:
        super().__init__(owner, name, what)
        self.owner = owner
        self.name = name
        self.what = what


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

    ``top`` is the function whose own captured data stays out: it is handed on in
    ``captured``, since it goes into the config.
    """

    top: object
    things: list[object] = field(factory=list[object])
    labels: list[str] = field(factory=list[str])
    spellings: list[Spelling] = field(factory=list[Spelling])
    captured: dict[str, CellType] = field(factory=dict[str, CellType])
    watch: Watch = field(factory=Watch)
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
            self.meanings(space, reading.uses, own_name, own=function is self.top),
            "" if wrapped is None else self.spell(wrapped),
            self.meaning(space, Looked("__class__", (), soft=True)) if "__class__" in space.cells else "",
        )

    def spell_defaults(self, function: FunctionType) -> Spelling:
        """Spell the defaults of the parameters, as they were evaluated."""
        given = function.__defaults__ or (), function.__kwdefaults__ or {}
        try:
            spelling = self.spell(given)
        except Refused as refused:
            raise Stopped(label_of(function), "a default of a parameter", refused.what) from None
        self.watch.constant(given, spelling, self.spell)
        return spelling

    def spell_class(self, kind: type) -> Spelling:
        """Spell a class by its statement, its bases, and what it holds now."""
        pieces = class_pieces(kind)
        space = Space(label_of(kind), pieces.names, pieces.cells)
        members: list[Spelling] = []
        for name, value in pieces.members:
            self.watch.name(vars(kind), name, value)
            members += self.spell_member(name, value)
        for name, value in pieces.fields:
            members += self.spell_member(name, value)
        for method in pieces.methods:
            self.watch.function(method)
        defaults = Bag(tuple((each.__code__.co_name, self.spell_defaults(each)) for each in pieces.methods))
        bases = tuple(self.spell(each) for each in kind.__bases__)
        meanings = self.meanings(space, pieces.uses, None)
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
        meanings = self.softly(Space(module.__name__, vars(module)), [source.tree])
        return ("module", short_hash(spell_node(source.tree)), meanings)

    def spell_dressing(self, function: FunctionType) -> Spelling:
        """Spell the decorators of a function, those of lightfx left out."""
        found = find_function(function)
        if isinstance(found.node, ast.Lambda):
            return ("decorators",)
        space = space_of(function)
        kept = [each for each in found.node.decorator_list if not self.is_of_lightfx(each, space)]
        return ("decorators", short_hash(spell_node(*kept)), self.softly(space, kept))

    def softly(self, space: Space, nodes: Sequence[ast.AST]) -> Spelling:
        """Spell what the names in code that ran already mean now, where they still mean something."""
        looked = [use for use in read_nodes(nodes).uses if isinstance(use, Looked)]
        return self.meanings(space, [Looked(use.name, use.chain, soft=True) for use in looked], None)

    def is_of_lightfx(self, decorator: ast.expr, space: Space) -> bool:
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

    def meanings(self, space: Space, uses: Sequence[Use], own_name: str | None, *, own: bool = False) -> Spelling:
        """Spell what the names of a thing mean; in no order, since a name that is left out may sort it."""
        found: list[Spelling] = []
        for use in uses:
            match use:
                case Looked(name, chain):
                    key = SELF if name == own_name else name
                    found.append((key, ".".join(chain), self.meaning(space, use, own=own)))
                case Imported(module, level, chain):
                    found.append(("." * level + module, ".".join(chain), self.imported(space, use)))
                case Kept(name):
                    found.append((name, self.state(space, name)))
        return Bag(tuple(found))

    def state(self, space: Space, name: str) -> Spelling:
        """Spell a global that the code itself binds by the statements of the module that bind it first."""
        file: object = space.names.get("__file__")
        text = text_of(file, space.names) if isinstance(file, str) else None
        source = parse(text) if text is not None else None
        body = source.tree.body if source is not None else []
        first = [each for each in body if name in Bindings.of([each]).names]
        if not first:
            return self.meaning(space, Looked(name, (), soft=True))
        others = [use for use in read_nodes(first).uses if isinstance(use, Looked) and use.name != name]
        softly = [Looked(use.name, use.chain, soft=True) for use in others]
        return ("state", short_hash(spell_node(*first)), self.meanings(space, softly, None))

    def meaning(self, space: Space, use: Looked, *, own: bool = False) -> Spelling:
        """Find what a name means, and spell it."""
        if use.name in space.cells:
            cell = space.cells[use.name]
            try:
                value: object = cell.cell_contents
            except ValueError:
                return self.undefined(space, use)
            if own and not is_code(value):
                self.captured[use.name] = cell
                return ("captured",)
            self.watch.cell(cell, value)
            return self.found(space, use, value)
        if use.name in _AMBIENT:
            return ("ambient",)
        if use.name in space.names:
            value = space.names[use.name]
            self.watch.name(space.names, use.name, value)
            return self.found(space, use, value)
        self.watch.name(space.names, use.name, ABSENT)
        return ("builtin", use.name) if hasattr(builtins, use.name) else self.undefined(space, use)

    def undefined(self, space: Space, use: Looked) -> Spelling:
        """Take the absence of a name as it is, where it need not be there."""
        if use.soft:
            return ("absent",)
        raise Stopped(space.label, use.name, _UNDEFINED)

    def imported(self, space: Space, use: Imported) -> Spelling:
        """Import what a function imports when it runs, if it is the user's own."""
        package: object = space.names.get("__package__") or space.names.get("__name__")
        try:
            name = resolve_name("." * use.level + use.module, str(package))
            if not is_own_module(name):
                return ("module", public_module(name))
            module = import_module(name)
        except Exception as error:  # noqa: BLE001 -- it runs the user's module, which may raise anything
            raise Stopped(space.label, use.module, f"cannot be imported ({error})") from None
        self.watch.name(sys.modules, name, module)
        return self.found(space, Looked(name, use.chain), module)

    def found(self, space: Space, use: Looked, value: object) -> Spelling:
        """Follow the attributes taken from modules of the user's own, and spell what is there."""
        path, chain = use.name, use.chain
        while chain and isinstance(value, ModuleType) and is_own_module(value.__name__):
            path, space, step = f"{path}.{chain[0]}", Space(value.__name__, vars(value)), chain[0]
            value, chain = _attribute(value, step), chain[1:]
            if value is ABSENT:
                return self.undefined(space, Looked(path, (), use.soft))
            if step in space.names:
                self.watch.name(space.names, step, value)
        extra: object = vars(value).get(chain[0], ABSENT) if chain and isinstance(value, FunctionType) else ABSENT
        spelling = self.named(space, path, value, soft=use.soft)
        return (
            spelling if extra is ABSENT else (spelling, self.named(space, f"{path}.{chain[0]}", extra, soft=use.soft))
        )

    def named(self, space: Space, path: str, value: object, *, soft: bool) -> Spelling:
        """Spell what goes by a name; a constant becomes a thing of its own, so that reports can tell of it."""
        try:
            spelling = self.refer(value)
            if spelling is not None:
                return spelling
            spelling = self.spell(value)
        except Refused as refused:
            if soft:
                return ("opaque",)
            raise Stopped(space.label, path + refused.path, refused.what) from None
        self.watch.constant(value, spelling, self.spell)
        return self.link(Constant(spelling), f"{space.label.partition(':')[0]}:{path.rpartition('.')[2]}")


def _attribute(module: ModuleType, name: str) -> object:
    """Take an attribute of a module, which may be a submodule that nobody has imported yet."""
    found: object = getattr(module, name, ABSENT)
    if found is ABSENT and hasattr(module, "__path__"):
        try:
            return import_module(f"{module.__name__}.{name}")
        except ImportError:
            return ABSENT
    return found


def space_of(function: FunctionType) -> Space:
    """Say where a function looks up its names.

    >>> space_of(space_of).names["__name__"]
    'lightfx.stages.walk'
    """
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    return Space(label_of(function), function.__globals__, cells)


def label_of(thing: object) -> str:
    """Name a thing for people.

    >>> label_of(label_of)
    'lightfx.stages.walk:label_of'
    """
    match thing:
        case Dressing():
            return f"{label_of(thing.function)} (decorators)"
        case FunctionType() | type():
            return f"{thing.__module__}:{thing.__qualname__}"
        case ModuleType():
            return thing.__name__
        case _:
            return ""
