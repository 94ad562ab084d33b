"""What a piece of syntax looks up outside of itself, by Python's rules of scope.

A `Looked` is a name of the surroundings, with the attributes taken from it right away:
``helpers.scale(x)`` looks up ``helpers``, ``.scale``. An `Imported` is what came by an
``import`` inside the function, and is used there.

Rules:

- annotations do not count, but for the fields of classes;
- functions, lambdas and comprehensions see the names of the functions around them,
  and not those of the classes around them; class bodies see their own names as they are
  bound, line by line;
- a walrus in a comprehension binds in the function around it; ``global`` and
  ``nonlocal`` are heeded; private names are mangled as in their class;
- soft is what need not be there, such as names in the annotations of fields;
- a global that the code itself binds is told apart (`Kept`): its value is the code's
  own doing.

Theory of operation: one pass over each scope collects what it binds (`Bindings`), then
one pass visits its loads, entering inner scopes on the way. Bytecode would tell the
same, but differently on every Python.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias, final

from attrs import define, field, frozen

from lightfx.stages.bindings import Bindings, Imported, mangled
from lightfx.stages.syntax import Definition


@final
@frozen(order=True)
class Looked:
    """A name looked up in the surroundings, and the attributes taken from it."""

    name: str
    chain: tuple[str, ...] = ()
    soft: bool = False


@final
@frozen(order=True)
class Kept:
    """A name of the surroundings that the code itself binds, by ``global``: state, whose first value counts."""

    name: str


Use: TypeAlias = Looked | Imported | Kept


@final
@frozen
class Reading:
    """The uses of a piece of syntax in a fixed order, and all names that it binds anywhere inside."""

    uses: tuple[Use, ...]
    bound: frozenset[str]


@final
@define
class _Scope:
    kind: Literal["function", "class", "outside"]
    parent: _Scope | None = None
    private: str | None = None
    bound: set[str] = field(factory=set[str])
    pending: set[str] = field(factory=set[str])  # of a class: bound by one of its lines
    outer: set[str] = field(factory=set[str])  # declared global
    stored: set[str] = field(factory=set[str])  # declared global, and bound here
    imports: dict[str, list[Imported]] = field(factory=dict[str, list[Imported]])


def read_function(node: Definition, private: str | None = None) -> Reading:
    """Read a function; ``private`` is the name of the class whose private names it sees.

    Its decorators and defaults do not count, since they are known by value.

    >>> tree = ast.parse("def f(x: Note, y=HERE): return [scale(each) for each in x] + np.zeros(y)")
    >>> [f"{use.name}{use.chain}" for use in read_function(tree.body[0]).uses]
    ["np('zeros',)", 'scale()']
    """
    reader = _Reader()
    reader.enter_function(node, _Scope("outside", private=private))
    return reader.finish()


def read_nodes(nodes: Sequence[ast.AST], private: str | None = None) -> Reading:
    r"""Read classes, expressions, or a module, as they stand in their surroundings.

    >>> tree = ast.parse("class Settings(Base):\n    rate: Rate = field(default=RATE)")
    >>> [(use.name, use.soft) for use in read_nodes(tree.body).uses]
    [('Base', False), ('RATE', False), ('Rate', True), ('field', False)]
    """
    reader = _Reader()
    for node in nodes:
        reader.visit(node, _Scope("outside", private=private))
    return reader.finish()


@final
class _Reader:
    """Collects uses. The mutable inside of `read_function` and `read_nodes`."""

    def __init__(self) -> None:
        self.uses: set[Use] = set()
        self.bound: set[str] = set()

    def finish(self) -> Reading:
        looked = [use for use in self.uses if isinstance(use, Looked)]
        hard = {(use.name, use.chain) for use in looked if not use.soft}
        kept = [use for use in looked if not use.soft or (use.name, use.chain) not in hard]
        imported = [use for use in self.uses if isinstance(use, Imported)]
        state = [use for use in self.uses if isinstance(use, Kept)]
        return Reading((*sorted(kept), *sorted(imported), *sorted(state)), frozenset(self.bound))

    def visit(self, node: ast.AST, scope: _Scope) -> None:
        """Visit a node: the loads in it, and the scopes that it opens."""
        match node:
            case ast.Name():
                if isinstance(node.ctx, ast.Load):
                    self.use(node.id, (), scope)
            case ast.Attribute():
                self.visit_attribute(node, scope)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.visit_all(node.decorator_list, scope)
                self.visit_defaults(node.args, scope)
                self.enter_function(node, scope)
            case ast.Lambda():
                self.visit_defaults(node.args, scope)
                self.enter_function(node, scope)
            case ast.ClassDef():
                self.visit_all(node.decorator_list, scope)
                around = _with_parameters(node, scope)
                self.visit_all([*node.bases, *node.keywords], around)
                self.enter_class(node, around)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                self.enter_comprehension(node, scope)
            case ast.AnnAssign():
                self.visit_all([each for each in (node.value, node.target) if each is not None], scope)
                if scope.kind == "class":
                    self.visit_annotation(node.annotation, scope)
            case ast.AugAssign(target=ast.Name(id=name)):
                self.use(name, (), scope, soft=True)
                self.visit(node.value, scope)
            case _:
                self.visit_all([*ast.iter_child_nodes(node)], _with_parameters(node, scope))

    def visit_all(self, nodes: Sequence[ast.AST], scope: _Scope) -> None:
        for node in nodes:
            self.visit(node, scope)

    def visit_defaults(self, arguments: ast.arguments, scope: _Scope) -> None:
        self.visit_all([*arguments.defaults, *filter(None, arguments.kw_defaults)], scope)

    def visit_attribute(self, node: ast.Attribute, scope: _Scope) -> None:
        chain = [node.attr]
        inner = node.value
        while isinstance(inner, ast.Attribute):
            chain.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name):
            # What is stored to need not be there before.
            self.use(inner.id, tuple(reversed(chain)), scope, soft=not isinstance(node.ctx, ast.Load))
        else:
            self.visit(inner, scope)

    def visit_annotation(self, node: ast.AST, scope: _Scope) -> None:
        """Read the annotation of a field: softly, and within strings too."""
        inner = _Reader()
        for text in _quoted(node):
            inner.visit_all(_parsed(text), scope)
        inner.visit(node, scope)
        for use in inner.uses:
            self.uses.add(Looked(use.name, use.chain, soft=True) if isinstance(use, Looked) else use)

    def enter_function(self, node: Definition, scope: _Scope) -> None:
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        inner = self.open("function", body, scope, scope.private)
        every = (
            *node.args.posonlyargs,
            *node.args.args,
            node.args.vararg,
            *node.args.kwonlyargs,
            node.args.kwarg,
        )
        self.bind(inner, {each.arg for each in every if each is not None} | _type_parameters(node))
        self.visit_all(body, inner)

    def enter_class(self, node: ast.ClassDef, scope: _Scope) -> None:
        inner = self.open("class", node.body, scope, node.name)
        inner.pending, inner.bound = inner.bound, set()
        for statement in node.body:
            self.visit(statement, inner)
            inner.bound |= {mangled(name, node.name) for name in Bindings.of([statement]).names}

    def enter_comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, scope: _Scope
    ) -> None:
        first, *others = node.generators
        self.visit(first.iter, scope)
        inner = _Scope("function", scope, scope.private)
        targets = [part for each in node.generators for part in ast.walk(each.target)]
        stored = [part for part in targets if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)]
        self.bind(inner, {part.id for part in stored})
        self.visit_all([first.target, *first.ifs, *others], inner)
        results = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
        self.visit_all(results, inner)

    def open(
        self, kind: Literal["function", "class"], body: Sequence[ast.AST], parent: _Scope, private: str | None
    ) -> _Scope:
        scope = _Scope(kind, parent, private)
        bindings = Bindings.of(body)
        self.bind(scope, bindings.names - bindings.declared)
        scope.outer = {mangled(name, private) for name in bindings.outer}
        scope.stored = {mangled(name, private) for name in bindings.outer & bindings.names}
        scope.imports = bindings.imports
        return scope

    def bind(self, scope: _Scope, names: set[str]) -> None:
        scope.bound |= {mangled(name, scope.private) for name in names}
        self.bound |= names

    def use(self, raw: str, chain: tuple[str, ...], scope: _Scope, *, soft: bool = False) -> None:
        """Find the scope that a name is of; what is of none of them is looked up outside."""
        name = mangled(raw, scope.private)
        within: _Scope | None = scope
        while within is not None and name not in within.outer:
            if within.kind == "class":
                visible = within is scope
                soft = soft or (visible and name in within.pending)
            else:
                visible = True
            if visible and name in within.bound:
                self.uses.update(
                    Imported(each.module, each.level, each.chain + chain) for each in within.imports.get(raw, ())
                )
                return
            within = within.parent
        kept = within is not None and name in within.stored
        self.uses.add(Kept(name) if kept else Looked(name, chain, soft))


def _parsed(text: str) -> list[ast.AST]:
    try:
        return [ast.parse(text.strip(), mode="eval").body]
    except SyntaxError:
        return []


def _quoted(annotation: ast.AST) -> Iterator[str]:
    """List the strings in an annotation that stand for annotations themselves."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        yield annotation.value
    elif not (isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value).endswith("Literal")):
        for part in ast.iter_child_nodes(annotation):
            yield from _quoted(part)


def _with_parameters(node: ast.AST, scope: _Scope) -> _Scope:
    """Open the scope of the parameters in brackets, if ``node`` has such."""
    found = _type_parameters(node)
    return _Scope("function", scope, scope.private, bound=found) if found else scope


def _type_parameters(node: ast.AST) -> set[str]:
    """Name the parameters in brackets, which Python has from 3.12 on."""
    found: Sequence[object] = getattr(node, "type_params", ())
    return {str(getattr(each, "name", "")) for each in found}
