"""The one spelling of a piece of syntax: equal on all supported Pythons.

What does not change what code does is left out: positions, comments, docstrings,
``pass``, annotations of functions, parameters and local variables. Field
annotations of a class stay, since they say which fields there are and how they
are decoded.

Rules:

- a node is spelled as its class and its fields that are not empty, by name; so a
  field that a later Python adds, empty for older code, changes nothing;
- constants carry their type: ``1``, ``1.0``, ``True``, ``"1"`` and ``b"1"`` differ;
- f-strings are brought to one form, since their parts are cut differently from
  Python to Python;
- statements without effect (a constant alone, ``pass``) are dropped from bodies, and
  ``x: int = 3`` in a function is ``x = 3``;
- the name by which a function calls itself is spelled ``$self``: a renamed function is
  the same function.

Theory of operation: ``ast.dump`` and ``ast.unparse`` change from version to version, so
the tree is written out here, with a stack of its own in place of recursion, since
long expressions are deeper than Python's stack.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Piece: TypeAlias = "str | ast.AST"

SELF: Final = "$self"
_SKIPPED: Final = frozenset(
    # str: the source text that an interpolation of a t-string repeats.
    ("ctx", "type_comment", "kind", "annotation", "returns", "type_params", "type_ignores", "simple", "str")
)
_BODIES: Final = frozenset(("body", "orelse", "finalbody"))


def spell_function(node: Definition, own_name: str | None = None) -> str:
    r"""Spell a function without its name, decorators and defaults, which are not part of what it does.

    Decorators show in what the name became, defaults in ``__defaults__``. Where ``own_name``
    is given, the function calls itself by it.

    >>> one = ast.parse("def one(n: int = 3) -> int: return n  # as is").body[0]
    >>> two = ast.parse("@cache\ndef two(n):\n    'Return it.'\n    return n").body[0]
    >>> spell_function(one) == spell_function(two)
    True
    """
    arguments = ast.arguments(
        posonlyargs=node.args.posonlyargs,
        args=node.args.args,
        vararg=node.args.vararg,
        kwonlyargs=node.args.kwonlyargs,
        kw_defaults=[],
        kwarg=node.args.kwarg,
        defaults=[],
    )
    pieces: list[Piece] = [type(node).__name__, arguments, "body="]
    pieces += [node.body] if isinstance(node, ast.Lambda) else _effective(node.body)
    return _write(pieces, own_name)


def spell_node(*nodes: ast.AST) -> str:
    """Spell classes, modules, expressions: whole, in the order given.

    >>> spell_node(*ast.parse("x = -1.0").body)
    '(Assign targets=[(Name id="x")]value=(UnaryOp op=(USub)operand=(Constant value=float:1.0)))'
    """
    return _write(nodes, None)


def _write(pieces: Sequence[Piece], own_name: str | None) -> str:
    text: list[str] = []
    stack: list[Piece] = [*reversed(pieces)]
    while stack:
        piece = stack.pop()
        if isinstance(piece, str):
            text.append(piece)
        elif isinstance(piece, ast.Name) and piece.id == own_name:
            text.append(SELF)
        else:
            stack += reversed([*_pieces(piece)])
    return "".join(text)


def _pieces(node: ast.AST) -> Iterator[Piece]:
    if isinstance(node, ast.Constant):
        yield f"(Constant value={spell_constant(node.value)})"
        return
    node = _one_form(node)
    yield f"({type(node).__name__}"
    space = " "
    for name, value in ast.iter_fields(node):
        if value is None or value == [] or (name in _SKIPPED and not _is_field(node, name)):
            continue
        inner = [*_field(name, value)]
        if inner:
            yield f"{space}{name}="
            yield from inner
            space = ""
    yield ")"


def _is_field(node: ast.AST, name: str) -> bool:
    """Whether an annotation is one of a class body, marked as such by `_one_form`."""
    return name == "annotation" and isinstance(node, _Field)


def _field(name: str, value: object) -> Iterator[Piece]:
    if isinstance(value, ast.AST):
        yield value
    elif isinstance(value, list):
        items: list[object] = [*value]
        kept = _effective(items) if name in _BODIES else items
        if kept:
            yield "["
            for item in kept:
                yield item if isinstance(item, ast.AST) else spell_constant(item) + ","
            yield "]"
    else:
        yield spell_constant(value)


class _Field(ast.AnnAssign):
    """An annotated name in the body of a class: a field."""


_Field.__name__ = "Field"


def _one_form(node: ast.AST) -> ast.AST:
    """Bring ``node`` to the one form of all that mean the same."""
    if isinstance(node, ast.AnnAssign) and not isinstance(node, _Field) and node.value is not None:
        return ast.Assign(targets=[node.target], value=node.value)
    if isinstance(node, ast.ClassDef):
        return ast.ClassDef(
            name=node.name,
            bases=node.bases,
            keywords=node.keywords,
            body=[*_with_fields(node.body)],
            decorator_list=node.decorator_list,
        )
    if isinstance(node, ast.JoinedStr):
        return ast.JoinedStr(values=[*_joined(node.values)])
    if isinstance(node, ast.FormattedValue) and _is_empty(node.format_spec):
        return ast.FormattedValue(value=node.value, conversion=node.conversion)
    return node


def _with_fields(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    for each in body:
        if isinstance(each, ast.AnnAssign):
            yield _Field(target=each.target, annotation=each.annotation, value=each.value, simple=each.simple)
        elif isinstance(each, ast.If):
            yield ast.If(each.test, [*_with_fields(each.body)], [*_with_fields(each.orelse)])
        else:
            yield each


def _effective(body: Sequence[object]) -> list[ast.AST]:
    """Leave out the statements that do nothing."""
    return [each for each in body if isinstance(each, ast.AST) and not _is_idle(each)]


def _is_idle(node: ast.AST) -> bool:
    if isinstance(node, ast.AnnAssign) and not isinstance(node, _Field):
        return node.value is None and isinstance(node.target, ast.Name)
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _joined(values: Sequence[ast.expr]) -> Iterator[ast.expr]:
    """Merge the constants that stand side by side in an f-string, and drop empty ones."""
    text = ""
    for each in values:
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            text += each.value
            continue
        if text:
            yield ast.Constant(value=text)
        yield each
        text = ""
    if text:
        yield ast.Constant(value=text)


def _is_empty(spec: ast.expr | None) -> bool:
    return isinstance(spec, ast.JoinedStr) and not [*_joined(spec.values)]


def spell_constant(value: object) -> str:
    """Spell what may stand as a constant in source text, with its type.

    >>> [spell_constant(value) for value in (1, 1.0, True, "1", b"1", None, ...)]
    ['int:0x1', 'float:1.0', 'True', '"1"', 'bytes:31', 'None', 'Ellipsis']
    """
    match value:
        case None | bool():
            return str(value)
        case str():
            return json.dumps(value)  # in ASCII: a lone surrogate has a spelling too
        case int():
            return f"int:{value:#x}"  # hexadecimal has no limit of digits
        case bytes():
            return f"bytes:{value.hex()}"
        case float():
            return f"float:{value!r}"
        case complex():
            return f"complex:{value.real!r},{value.imag!r}"
        case _:
            return "Ellipsis"
