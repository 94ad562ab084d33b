"""What names mean: from the uses of a piece of syntax to spellings of what is used.

Rules:

- names mean what they mean now: in the closure, in the module, among the builtins;
- of a module of the user's own that is looked into (``helpers.scale``), what was found
  there counts; one that is passed about counts whole;
- names that a module has of itself (``__name__``, ``__file__``) count as such: code that
  moved is the same code;
- an import inside a function is made, if it is of the user's own code; an installed
  module is named, and not imported; one that cannot be imported counts as absent;
- a global that the code itself binds counts by the statements that bind it first.
"""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.util import resolve_name
from types import CellType, FunctionType, ModuleType
from typing import Final, Protocol, final

from attrs import define, field, frozen

from lightfx.core.names import short_hash
from lightfx.stages.bindings import Bindings, Imported
from lightfx.stages.code import Dressing, is_code
from lightfx.stages.definitions import parse, text_of
from lightfx.stages.literals import Refused
from lightfx.stages.ownership import is_own_module, public_module
from lightfx.stages.scopes import Kept, Looked, Use, read_nodes
from lightfx.stages.spellings import Bag, Link, Spelling
from lightfx.stages.syntax import SELF, spell_node
from lightfx.stages.watch import ABSENT, Watch

_AMBIENT: Final = frozenset(
    ("__name__", "__file__", "__doc__", "__package__", "__spec__", "__loader__", "__path__", "__builtins__")
)
_UNDEFINED: Final = "is not defined (yet)"


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

    value: object
    spelling: Spelling


class Stopped(Exception):  # noqa: N818 -- a signal within fingerprints, caught at their face, and no error of its own
    """The walk cannot go on: whose name, which name, and what it is."""

    def __init__(self, owner: str, name: str, what: str) -> None:
        super().__init__(owner, name, what)
        self.owner = owner
        self.name = name
        self.what = what


class Meet(Protocol):
    """How a thing is met that is to be read in its turn."""

    def __call__(self, thing: object, label: str = "", /) -> Link:
        """Meet ``thing``, now or before."""
        ...


@final
@define(eq=False)
class Meanings:
    """Finds what names mean; ``spell``, ``refer`` and ``link`` are those of the `Walk` that it is part of.

    ``captured`` collects what the function at the top captured of data, which is not spelled here.
    """

    spell: Callable[[object], Spelling]
    refer: Callable[[object], Spelling | None]
    link: Meet
    watch: Watch
    captured: dict[str, CellType] = field(factory=dict[str, CellType])
    _constants: dict[tuple[int, str], Constant] = field(factory=dict[tuple[int, str], Constant])

    def of(self, space: Space, uses: Sequence[Use], own_name: str | None, *, own: bool = False) -> Spelling:
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
        return ("state", short_hash(spell_node(*first)), self.of(space, softly, None))

    def meaning(self, space: Space, use: Looked, *, own: bool = False) -> Spelling:
        """Find what a name means, and spell it."""
        if use.name in space.cells:
            cell = space.cells[use.name]
            try:
                value: object = cell.cell_contents
            except ValueError:
                self.watch.cell(cell, ABSENT)
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
        name = resolve_name("." * use.level + use.module, str(package)) if use.level else use.module
        try:
            if not is_own_module(name):
                return ("module", public_module(name))
            module = import_module(name)
        except ImportError:
            # It may be caught: what cannot be imported today is as absent as an optional package.
            self.watch.name(sys.modules, name, ABSENT)
            return ("absent",)
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
        if extra is ABSENT:
            return spelling
        # An attribute that somebody gave to a function: ``scale.factor = 2``.
        return (spelling, self.named(space, f"{path}.{chain[0]}", extra, soft=use.soft))

    def named(self, space: Space, path: str, value: object, *, soft: bool) -> Spelling:
        """Spell what goes by a name; a constant becomes a thing of its own, so that reports can tell of it."""
        label = f"{space.label.partition(':')[0]}:{path.rpartition('.')[2]}"
        if (id(value), label) in self._constants:
            return Link(self._constants[id(value), label])
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
        constant = self._constants[id(value), label] = Constant(value, spelling)
        return self.link(constant, label)

    def softly(self, space: Space, nodes: Sequence[ast.AST]) -> Spelling:
        """Spell what the names in code that ran already mean now, where they still mean something."""
        looked = [use for use in read_nodes(nodes).uses if isinstance(use, Looked)]
        return self.of(space, [Looked(use.name, use.chain, soft=True) for use in looked], None)


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
    'lightfx.stages.meanings'
    """
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    return Space(label_of(function), function.__globals__, cells)


def label_of(thing: object) -> str:
    """Name a thing for people.

    >>> label_of(label_of)
    'lightfx.stages.meanings:label_of'
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
