"""From a running function or class to the syntax that it was made of.

Rules:

- a function is found by file, line and name; of several lambdas on one line, the one
  whose body the positions in its code point at;
- text comes through ``linecache``, which knows files, zip archives, notebook cells and
  doctests;
- text that is not what runs is refused: a file that was edited after its import must
  not give the fingerprint of code that is not running.

Theory of operation: where a module was loaded from a plain file, its text as it is now is
compiled again, and a definition is taken only if it compiles to the very code that runs,
docstring and line numbers aside. Other loaders may rewrite what they load (pytest's
assertions, checkers of types at run time), and text of cells never changes.
"""

from __future__ import annotations

import ast
import dis
import linecache
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.machinery import SourceFileLoader
from types import CodeType, FunctionType
from typing import Final, TypeAlias, final

from attrs import frozen

from lightfx.stages.literals import Refused
from lightfx.stages.syntax import Definition, spell_function, spell_node

Span: TypeAlias = tuple[int, int, int, int]

STALE: Final = "was changed in its source file since it was imported"
NO_SOURCE: Final = "has no source text to be read (it was made by exec, or typed at a prompt)"
_NOP: Final = dis.opmap["NOP"]
_HAS_DOCSTRING: Final = 0x4000000  # a flag of code objects from Python 3.13 on
_LEAVES: Final = (ast.Name, ast.Constant, ast.expr_context, ast.operator, ast.cmpop)  # most nodes; they hold no code


@final
@frozen(eq=False)
class FoundFunction:
    """The syntax of a function, and the class whose private names it sees."""

    node: Definition
    private: str | None


@final
@frozen(eq=False)
class FoundClass:
    """The syntax of a class, and the class around it, whose private names it sees."""

    node: ast.ClassDef
    private: str | None


@final
@frozen(eq=False)
class SourceText:
    """One file or cell, parsed: its functions by name and first line, its classes by qualified name."""

    tree: ast.Module
    functions: Mapping[tuple[str, int], Sequence[FoundFunction]]
    classes: Mapping[str, Sequence[FoundClass]]


def text_of(file: str, namespace: Mapping[str, object]) -> str | None:
    """Give the text that ``file`` has now; None if it has none.

    >>> text_of("<string>", {}) is None
    True
    """
    linecache.checkcache(file)
    loading = {name: namespace.get(name) for name in ("__name__", "__loader__", "__spec__")}
    return "".join(linecache.getlines(file, loading)) or None


@lru_cache(maxsize=256)
def parse(text: str) -> SourceText | None:
    r"""Parse ``text``; None if it is no Python.

    >>> source = parse("class A:\n    def f(self): return 1\n")
    >>> [*source.functions], [*source.classes]
    ([('f', 2)], ['A'])
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they were shown when the module was imported
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None
    functions: defaultdict[tuple[str, int], list[FoundFunction]] = defaultdict(list)
    classes: defaultdict[str, list[FoundClass]] = defaultdict(list)
    stack: list[tuple[ast.AST, str, str | None]] = [(tree, "", None)]
    while stack:
        node, prefix, private = stack.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                functions[node.name, _first_line(node)].append(FoundFunction(node, private))
                prefix = f"{prefix}{node.name}.<locals>."
            case ast.Lambda():
                functions["<lambda>", node.lineno].append(FoundFunction(node, private))
                prefix = f"{prefix}<lambda>.<locals>."
            case ast.ClassDef():
                classes[prefix + node.name].append(FoundClass(node, private))
                prefix, private = f"{prefix}{node.name}.", node.name
            case _:
                pass
        stack += [(each, prefix, private) for each in ast.iter_child_nodes(node) if not isinstance(each, _LEAVES)]
    return SourceText(tree, functions, classes)


def _first_line(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> int:
    return min([node.lineno, *(each.lineno for each in node.decorator_list)])


def find_function(function: FunctionType) -> FoundFunction:
    """Find the syntax that ``function`` was made of; raises `Refused` where it cannot be known.

    >>> find_function(find_function).node.name
    'find_function'
    """
    code = function.__code__
    text = text_of(code.co_filename, function.__globals__)
    if text is None:
        raise Refused(NO_SOURCE)
    source = parse(text)
    if source is None:
        raise Refused(STALE)
    if _is_plain(function):
        code = _as_compiled_now(code, text)
    found = source.functions.get((code.co_name, code.co_firstlineno), ())
    if not found:
        raise Refused(STALE)
    return _pointed_at(code, found) if len(found) > 1 else found[0]


def _is_plain(function: FunctionType) -> bool:
    """Whether the function is of a file that was loaded as it stands."""
    space = function.__globals__
    return type(space.get("__loader__")) is SourceFileLoader and space.get("__file__") == function.__code__.co_filename


def _as_compiled_now(code: CodeType, text: str) -> CodeType:
    """Give the code that ``text`` compiles to now in place of ``code``: the same, maybe on another line."""
    same = [each for each in _compiled(text, code.co_filename).get(code.co_qualname, ()) if _is_same(each, code)]
    if not same:
        raise Refused(STALE)
    if len(same) == 1:
        return same[0]
    # Of equals, the one in the same place: on one line there may be several lambdas.
    return min(same, key=lambda each: (_spans(each) != _spans(code), abs(each.co_firstlineno - code.co_firstlineno)))


@lru_cache(maxsize=64)
def _compiled(text: str, file: str) -> Mapping[str, Sequence[CodeType]]:
    source = parse(text)
    found: defaultdict[str, list[CodeType]] = defaultdict(list)
    if source is None:
        return found
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            stack = [compile(source.tree, file, "exec", dont_inherit=True)]
    except (SyntaxError, ValueError, RecursionError):
        return found
    while stack:
        code = stack.pop()
        found[code.co_qualname].append(code)
        stack += [each for each in code.co_consts if isinstance(each, CodeType)]
    return found


def _is_same(one: CodeType, other: CodeType) -> bool:
    """Whether two codes do the same, docstrings and positions aside."""
    return (
        _shape(one) == _shape(other)
        and _is_same_work(one.co_code, other.co_code)
        and all(map(_is_same_constant, _constants(one), _constants(other)))
    )


def _shape(code: CodeType) -> tuple[object, ...]:
    return (
        (code.co_name, code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount),
        (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars),
        len(code.co_consts),
    )


def _is_same_work(one: bytes, other: bytes) -> bool:
    """Whether two runs of instructions are the same; profilers pad them with NOPs to tell functions apart."""
    return one == other or _without_nops(one) == _without_nops(other)


def _without_nops(code: bytes) -> list[tuple[int, int]]:
    return [step for step in zip(code[::2], code[1::2], strict=True) if step[0] != _NOP]


def _constants(code: CodeType) -> tuple[object, ...]:
    flagged = sys.version_info < (3, 13) or bool(code.co_flags & _HAS_DOCSTRING)
    has = flagged and code.co_name != "<lambda>" and bool(code.co_consts) and isinstance(code.co_consts[0], str)
    return (None, *code.co_consts[1:]) if has else code.co_consts


def _is_same_constant(one: object, other: object) -> bool:
    if isinstance(one, CodeType) and isinstance(other, CodeType):
        return _is_same(one, other)
    if isinstance(one, frozenset) and isinstance(other, frozenset):
        return one == other  # whose order may differ; it holds constants of a membership test
    return type(one) is type(other) and repr(one) == repr(other)


def _spans(code: CodeType) -> frozenset[Span]:
    """List the places in the source that instructions are of."""
    known = frozenset(
        (line, end, column, stop)
        for line, end, column, stop in code.co_positions()
        if line is not None and end is not None and column is not None and stop is not None
    )
    return known - {(code.co_firstlineno, code.co_firstlineno, 0, 0)}


def _pointed_at(code: CodeType, found: Sequence[FoundFunction]) -> FoundFunction:
    """Choose among definitions on one line the one that ``code`` points at."""
    spans = _spans(code)
    pointed = [each for each in found if _body_span(each.node) in spans and _covers(_body_span(each.node), spans)]
    candidates = pointed or found
    if len({spell_function(each.node) for each in candidates}) > 1:
        raise Refused("is one of several functions on one line, which cannot be told apart here")
    return candidates[0]


def _body_span(node: Definition) -> Span:
    body = node.body if isinstance(node, ast.Lambda) else node.body[-1]
    return (body.lineno, body.end_lineno or 0, body.col_offset, body.end_col_offset or 0)


def _covers(around: Span, spans: frozenset[Span]) -> bool:
    begin, end = (around[0], around[2]), (around[1], around[3])
    return all(begin <= (span[0], span[2]) and (span[1], span[3]) <= end for span in spans)


def find_class(kind: type, methods: Sequence[FunctionType]) -> FoundClass | None:
    """Find the syntax of a class, whose own methods are given; None if no class statement made it.

    >>> find_class(SourceText, []).node.name
    'SourceText'
    """
    module = sys.modules.get(kind.__module__)
    space: Mapping[str, object] = vars(module) if module is not None else {}
    file: object = methods[0].__code__.co_filename if methods else space.get("__file__")
    text = text_of(file, methods[0].__globals__ if methods else space) if isinstance(file, str) else None
    source = parse(text) if text is not None else None
    found = source.classes.get(kind.__qualname__, ()) if source is not None else ()
    if not found and methods:
        raise Refused(NO_SOURCE if text is None else STALE)
    nodes = {id(find_function(each).node) for each in methods}
    fitting = [each for each in found if _fits(each.node, kind, nodes)]
    if found and not fitting:
        raise Refused(STALE)
    if len({spell_node(each.node) for each in fitting}) > 1:
        raise Refused("is defined several times in its file, and has no method to tell which one is meant")
    return fitting[0] if fitting else None


def _fits(node: ast.ClassDef, kind: type, methods: set[int]) -> bool:
    """Whether a class statement holds the methods of a class, and has its fields."""
    line: object = vars(kind).get("__firstlineno__")  # from Python 3.13 on
    if isinstance(line, int) and not methods and line != _first_line(node):
        return False
    if not methods <= {id(each) for each in ast.walk(node)}:
        return False
    annotated: object = vars(kind).get("__annotations__")
    return type(kind) is not type or not isinstance(annotated, dict) or {*_fields(node)} <= {*map(str, annotated)}


def _fields(node: ast.ClassDef) -> Iterator[str]:
    for each in node.body:
        if (
            isinstance(each, ast.AnnAssign)
            and isinstance(each.target, ast.Name)
            and not each.target.id.startswith("__")
        ):
            yield each.target.id
