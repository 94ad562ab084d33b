"""What a scope binds: the first of the two passes over syntax, see `scopes`.

Bound is what is assigned, deleted, imported, defined, caught, captured by a pattern or
looped over, anywhere in the statements of one scope; what inner scopes bind is theirs.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Final, final

from attrs import define, field, frozen

_COMPREHENSIONS: Final = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)


@final
@frozen(order=True)
class Imported:
    """A module imported inside, and the attributes taken from it; ``level`` counts the leading dots."""

    module: str
    level: int
    chain: tuple[str, ...] = ()


@final
@define
class Bindings:
    """What the statements of one scope bind, those of inner scopes left out.

    >>> body = ast.parse("import numpy as np; x = [y for z in w if (last := z)]").body
    >>> sorted(Bindings.of(body).names)
    ['last', 'np', 'x']
    """

    names: set[str] = field(factory=set[str])
    outer: set[str] = field(factory=set[str])
    declared: set[str] = field(factory=set[str])  # global or nonlocal
    imports: dict[str, list[Imported]] = field(factory=dict[str, list[Imported]])

    @classmethod
    def of(cls, body: Sequence[ast.AST]) -> Bindings:
        """Collect what ``body`` binds."""
        found = cls()
        stack = [(node, False) for node in reversed(body)]
        while stack:
            node, in_comprehension = stack.pop()
            found.add(node, in_comprehension=in_comprehension)
            inside = in_comprehension or isinstance(node, _COMPREHENSIONS)
            stack += [(each, inside and not isinstance(node, ast.NamedExpr)) for each in _same_scope(node)]
        return found

    def add(self, node: ast.AST, *, in_comprehension: bool) -> None:
        """Add what ``node`` itself binds."""
        match node:
            case ast.Name(ctx=ast.Store() | ast.Del()) if not in_comprehension:
                self.names.add(node.id)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self.names.add(node.name)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                self.names.add(name)
            case ast.MatchMapping(rest=str(name)):
                self.names.add(name)
            case ast.Global():
                self.outer.update(node.names)
                self.declared.update(node.names)
            case ast.Nonlocal():
                self.declared.update(node.names)
            case ast.Import() | ast.ImportFrom():
                self.add_import(node)
            case _:
                pass

    def add_import(self, node: ast.Import | ast.ImportFrom) -> None:
        """Add the names of an import, and what they stand for."""
        for alias in node.names:
            if isinstance(node, ast.ImportFrom):
                name, origin = (
                    alias.asname or alias.name,
                    Imported(node.module or "", node.level, (alias.name,)),
                )
            elif alias.asname:
                name, origin = alias.asname, Imported(alias.name, 0)
            else:
                name = alias.name.partition(".")[0]
                origin = Imported(name, 0)
            self.names.add(name)
            self.imports.setdefault(name, []).append(origin)


def _same_scope(node: ast.AST) -> Iterator[ast.AST]:
    """List the parts of ``node`` whose names are bound in the scope that it stands in."""
    if isinstance(node, _FUNCTIONS):
        yield from (*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults))
    elif isinstance(node, ast.Lambda):
        yield from (*node.args.defaults, *filter(None, node.args.kw_defaults))
    elif isinstance(node, ast.ClassDef):
        yield from (*node.decorator_list, *node.bases, *node.keywords)
    elif isinstance(node, ast.AnnAssign):
        yield from (each for each in (node.target, node.value) if each is not None)
    else:
        yield from ast.iter_child_nodes(node)


def mangled(name: str, private: str | None) -> str:
    """Mangle a private name as Python does within a class.

    >>> mangled("__rate", "_Model"), mangled("__init__", "_Model")
    ('_Model__rate', '__init__')
    """
    owner = (private or "").lstrip("_")
    return f"_{owner}{name}" if owner and name.startswith("__") and not name.endswith("__") else name
