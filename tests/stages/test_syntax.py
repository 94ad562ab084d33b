"""The spelling of syntax: what counts, what does not, and that nothing is confused."""

import ast

import pytest

from lightfx.stages.scopes import Imported, Kept, Looked, read_function, read_nodes
from lightfx.stages.syntax import spell_constant, spell_function, spell_node


def spell(text: str) -> str:
    node = ast.parse(text).body[0]
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    return spell_function(node)


SAME = {
    "comments and blank lines": ("def f(x):\n    return x", "def f(x):\n\n    # why\n    return x"),
    "docstring": ("def f(x):\n    return x", "def f(x):\n    'Doc.'\n    return x"),
    "docstring alone is pass": ("def f():\n    'doc'", "def f(): pass"),
    "ellipsis alone is pass": ("def f(): ...", "def f(): pass"),
    "annotations of parameters": (
        "def f(x, *y, z=1, **w): pass",
        "def f(x: int, *y: str, z: 'a' = 1, **w: b) -> c: pass",
    ),
    "annotation of a local variable": ("def f():\n    x = 3", "def f():\n    x: int = 3"),
    "bare annotation of a local variable": ("def f(): pass", "def f():\n    x: int"),
    "annotation of an attribute": ("def f(s):\n    s.x = 3", "def f(s):\n    s.x: int = 3"),
    "name": ("def f(): pass", "def g(): pass"),
    "own decorators, known by what they made": ("def f(): pass", "@cache\ndef f(): pass"),
    "own defaults, known by value": ("def f(x=1): pass", "def f(x=2): pass"),
    "quotes": ("def f(): return 'a'", 'def f(): return """a"""'),
    "parentheses": ("def f(x): return x + 1 * 2", "def f(x): return (x + (1 * 2))"),
    "spelling of integers": ("def f(): return 255", "def f(): return 0xFF"),
    "implicit concatenation": ("def f(): return 'ab'", "def f(): return 'a' 'b'"),
    "parts of f-strings": ("def f(x): return f'ab{x}cd'", "def f(x): return 'a' f'b{x}c' 'd'"),
    "empty format": ("def f(x): return f'{x}'", "def f(x): return f'{x:}'"),
    "prefix u": ("def f(): return u'a'", "def f(): return 'a'"),
    "annotations of nested functions": ("def f():\n  def g(x): return x", "def f():\n  def g(x: int) -> int: return x"),
}


@pytest.mark.parametrize("case", SAME)
def test_what_does_not_count(case: str) -> None:
    one, other = SAME[case]
    assert spell(one) == spell(other)


DIFFERENT = [
    "def f(x): return x",
    "async def f(x): return x",
    "def f(*x): return x",
    "def f(**x): return x",
    "def f(x, /): return x",
    "def f(*, x): return x",
    "def f(y): return y",
    "def f(x): return",
    "def f(x): return None, x",
    "def f(x): return -x",
    "def f(x): return +x",
    "def f(x): return x + 0",
    "def f(x): return x - 0",
    "def f(x): return x + 1",
    "def f(x): return x + 1.0",
    "def f(x): return x + True",
    "def f(x): return x + '1'",
    "def f(x): return x + b'1'",
    "def f(x): return x + 1j",
    "def f(x): return x + 0.0",
    "def f(x): return x + -0.0",
    "def f(x): return x + ...",
    "def f(x): return x + None",
    f"def f(x): return x + {10**5000:#x}",
    f"def f(x): return x + {10**5000 + 1:#x}",
    "def f(x): return [x, x]",
    "def f(x): return x, x",
    "def f(x): return {x, x}",
    "def f(x): return {x: x}",
    "def f(x): return {**x}",
    "def f(x): return [*x]",
    "def f(x): return x[1]",
    "def f(x): return x[1:]",
    "def f(x): return x[:1]",
    "def f(x): return x[::1]",
    "def f(x): return f'{x}'",
    "def f(x): return f'{x!r}'",
    "def f(x): return f'{x=}'",
    "def f(x): return f'{x:3}'",
    "def f(x): return f'{x:{x}}'",
    "def f(x): return '{x}'",
    "def f(x): return lambda: x",
    "def f(x): return lambda y: x",
    "def f(x): return lambda y=1: x",
    "def f(x): return lambda y=2: x",
    "def f(x): return [y for y in x]",
    "def f(x): return (y for y in x)",
    "def f(x): return {y for y in x}",
    "def f(x): return [y for y in x if y]",
    "def f(x): return [y async for y in x]",
    "def f(x): yield x",
    "def f(x): yield from x",
    "def f(x): return (y := x)",
    "def f(x):\n  try: x()\n  except E: pass",
    "def f(x):\n  try: x()\n  except* E: pass",
    "def f(x):\n  try: x()\n  except E as e: pass",
    "def f(x):\n  try: x()\n  finally: x()",
    "def f(x):\n  with x: x()",
    "def f(x):\n  with x as y: x()",
    "def f(x):\n  global y\n  y = x",
    "def f(x):\n  y = x",
    "def f(x):\n  y += x",
    "def f(x):\n  del y",
    "def f(x):\n  match x:\n    case None: pass",
    "def f(x):\n  match x:\n    case True: pass",
    "def f(x):\n  match x:\n    case 1: pass",
    "def f(x):\n  match x:\n    case _: pass",
    "def f(x):\n  match x:\n    case y: pass",
    "def f(x):\n  match x:\n    case [1, *y]: pass",
    "def f(x):\n  match x:\n    case {'a': 1, **y}: pass",
    "def f(x):\n  match x:\n    case P(a=1) | Q(): pass",
    "def f(x):\n  import a",
    "def f(x):\n  import a as b",
    "def f(x):\n  from a import b",
    "def f(x):\n  from .a import b",
    "def f(x):\n  if x: return 1\n  return 2",
    "def f(x):\n  for y in x: pass",
    "def f(x):\n  for y in x: pass\n  else: x()",
    "def f(x):\n  while x: break",
    "def f(x):\n  while x: continue",
    "def f(x):\n  assert x",
    "def f(x):\n  assert x, 'm'",
    "def f(x):\n  class A:\n    y = 1",
    "def f(x):\n  class A:\n    y: int = 1",
    "def f(x):\n  class A:\n    y: str = 1",
    "def f(x):\n  class A:\n    y: str",
    "def f(x):\n  def g(y=1): return x",
    "def f(x):\n  def g(y=2): return x",
    "def f(x):\n  def g(*, y=2): return x",
    "def f(x):\n  def g(*, y, z=2): return x",
]


def test_nothing_is_confused_with_anything() -> None:
    spelled = {spell(text): text for text in DIFFERENT}
    assert len(spelled) == len(DIFFERENT)


def test_constants_carry_their_type() -> None:
    values = [
        0,
        0.0,
        -0.0,
        False,
        "0",
        b"0",
        0j,
        None,
        "None",
        ...,
        "Ellipsis",
        "",
        b"",
        float("inf"),
        float("nan"),
        -1,
        -1.0,
    ]
    assert len({spell_constant(value) for value in values}) == len(values)


def test_a_lone_surrogate_has_a_spelling() -> None:
    assert spell("def f(): return '\\ud800'") != spell("def f(): return '\\ud801'")


def test_fields_of_classes_count_but_annotations_of_methods_do_not() -> None:
    def of(text: str) -> str:
        return spell_node(*ast.parse(text).body)

    assert of("class A:\n  x: int") != of("class A:\n  x: str")
    assert of("class A:\n  x: int") != of("class A: pass")
    assert of("class A:\n  if y:\n    x: int") != of("class A:\n  if y:\n    x: str")
    assert of("class A:\n  def f(self, x: int): y: int = 1") == of("class A:\n  'Doc.'\n  def f(self, x): y = 1")


def test_a_function_that_calls_itself_may_be_renamed() -> None:
    one, other = (ast.parse(f"def {name}(n): return n and {name}(n - 1)").body[0] for name in ("fact", "factorial"))
    assert isinstance(one, ast.FunctionDef) and isinstance(other, ast.FunctionDef)
    assert spell_function(one) != spell_function(other)
    assert spell_function(one, "fact") == spell_function(other, "factorial")


def test_deep_expressions_have_a_spelling() -> None:
    assert "Add" in spell(f"def f(x): return {'+'.join(['x'] * 900)}")


# Scopes.


def uses(text: str) -> list[object]:
    node = ast.parse(text).body[0]
    assert isinstance(node, ast.FunctionDef)
    return list(read_function(node).uses)


def names(text: str) -> list[str]:
    return [".".join((use.name, *use.chain)) for use in uses(text) if isinstance(use, Looked)]


SCOPES = {
    "parameters are local": ("def f(x, *y, z, **w): return x, y, z, w", []),
    "assigned later is local": ("def f():\n  print(x)\n  x = 1", ["print"]),
    "attributes are followed": ("def f(): return a.b.c(d.e)", ["a.b.c", "d.e"]),
    "annotations do not count": ("def f(x: A, y: 'B' = 1) -> C:\n  z: D = e\n  w: F", ["e"]),
    "defaults and decorators are known by value": ("@deco(a)\ndef f(x=b): return x", []),
    "those of inner functions are not": ("def f():\n  @deco(a)\n  def g(x=b): return x", ["a", "b", "deco"]),
    "inner functions see outer ones": ("def f(x):\n  def g(): return x, y", ["y"]),
    "lambdas": ("def f(x): return lambda y: x + y + z", ["z"]),
    "comprehensions": ("def f(x): return [y + z for y in x if y > w]", ["w", "z"]),
    "the first iterator of a comprehension is outside": ("def f(): return [x for x in x]", ["x"]),
    "a walrus binds in the function": ("def f(x):\n  any((y := z) for z in x)\n  return y", ["any"]),
    "classes see their own names": ("def f():\n  class A:\n    x = 1\n    y = x", []),
    "methods do not see names of the class": ("def f():\n  class A:\n    x = 1\n    def g(self): return x", ["x"]),
    "a class may read what it then binds": ("def f():\n  class A:\n    x = x", ["x"]),
    "private names are mangled": ("def f():\n  class A:\n    def g(self): return __x", ["_A__x"]),
    "patterns bind": ("def f(x):\n  match x:\n    case P(a, b=[c, *d]) | {'k': e, **g}: return a, c, d, e, g", ["P"]),
    "handlers bind": ("def f():\n  try: g()\n  except E as e: return e", ["E", "g"]),
    "for, with and del bind": ("def f(x):\n  for a in x: pass\n  with x as b: pass\n  del c", []),
    "nonlocal": ("def f():\n  x = 1\n  def g():\n    nonlocal x\n    x = 2", []),
    "global that is only read": ("def f(x):\n  def g():\n    global x\n    return x", ["x"]),
    "names of imports are local": ("def f():\n  import a\n  from b import c\n  return 1", []),
}


@pytest.mark.parametrize("case", SCOPES)
def test_scopes(case: str) -> None:
    text, expected = SCOPES[case]
    assert names(text) == expected


def test_imports_inside_count_where_they_are_used() -> None:
    text = """
def f(x):
    import a.b
    import c as d
    from e import g as h, unused
    from ..k import m
    def inner(): return a.b.n(d.p, h.q)
    return m
"""
    assert set(uses(text.strip())) == {
        Imported("a", 0, ("b", "n")),
        Imported("c", 0, ("p",)),
        Imported("e", 0, ("g", "q")),
        Imported("k", 2, ("m",)),
    }


def test_a_global_that_the_code_binds_is_told_apart() -> None:
    assert uses("def f():\n  global n\n  n += 1\n  return n, m") == [Looked("m"), Kept("n")]


def test_annotations_of_fields_are_soft() -> None:
    tree = ast.parse("class A(B):\n  x: 'C | list[D]' = e\n  y: Literal['z']\n  def f(self, x: G) -> H: return K")
    found = {use.name: use.soft for use in read_nodes(tree.body).uses if isinstance(use, Looked)}
    assert found == {"B": False, "C": True, "D": True, "list": True, "e": False, "Literal": True, "K": False}
