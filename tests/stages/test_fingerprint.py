# ruff: noqa: E501 -- tables of small programs read best with one a line
"""Fingerprints: one thing changed, and the digest changes or not; the scenarios and traps by name."""

from __future__ import annotations

import array
import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import functools
import importlib
import json
import linecache
import os
import pathlib
import re
import subprocess
import sys
import textwrap
import threading
import types
import uuid
from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter
from pathlib import Path
from types import ModuleType

import attrs
import numpy as np
import pytest
from returns.result import Failure

from lightfx.stages.fingerprint import Fingerprint, Unfingerprintable, fingerprint

HERE = Path(__file__).parent
Load = Callable[..., ModuleType]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Write modules into a folder of their own, and import ``subject`` from there, anew each time."""
    before = set(sys.modules)
    count = iter(range(1000))

    def load(text: str, name: str = "subject", **others: str) -> ModuleType:
        for each in set(sys.modules) - before:
            if each.partition(".")[0] in ("subject", "helpers", "broken", "pack"):
                del sys.modules[each]
        folder = tmp_path / str(next(count))
        for module, source in ({name: text} | others).items():
            path = folder.joinpath(*module.split("__")).with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(source))
        with monkeypatch.context() as patch:
            patch.setattr(sys, "path", [str(folder), *sys.path])
            importlib.invalidate_caches()
            found = importlib.import_module(name)
        monkeypatch.syspath_prepend(str(folder))
        return found

    yield load
    for each in set(sys.modules) - before:
        if each.partition(".")[0] in ("subject", "helpers", "broken", "pack"):
            del sys.modules[each]


def of(function: Callable[..., object]) -> Fingerprint:
    made = fingerprint(function)
    assert not isinstance(made, Failure), made.failure().sentence
    return made.unwrap()


def refusal(function: Callable[..., object]) -> Unfingerprintable:
    made = fingerprint(function)
    assert isinstance(made, Failure), made
    return made.failure()


def digests(load: Load, *texts: str, **others: str) -> list[str]:
    return [of(load(text, **others).f).digest for text in texts]


# What does not count (22).

HELPED = """
LIMIT = 3
def helper(x, y=1):
    return x + y + LIMIT
def f(x):
    return helper(x)
"""


@pytest.mark.parametrize(
    "other",
    [
        "# a comment\n\n" + HELPED,
        HELPED.replace("def f(x):", "def f(x):\n    'Doc.'").replace("y=1):", "y=1):\n    '''Doc.'''"),
        HELPED.replace("def f(x):", "def f(x: 'int') -> 'Nowhere':").replace("LIMIT = 3", "LIMIT: int = 3"),
        HELPED.replace("def f(", "def unused(): pass\ndef f("),
        HELPED.replace("LIMIT = 3", "LIMIT = 1 + 2"),
        "from __future__ import annotations\n" + HELPED.replace("def f(x)", "def f(x: Nowhere)"),
        "OTHER = 1\n" + HELPED,
    ],
)
def test_22_what_does_not_count(load: Load, other: str) -> None:
    one, two = digests(load, HELPED, other)
    assert one == two


def test_22_renamed_and_moved(load: Load) -> None:
    one = of(load(HELPED).f)
    renamed = of(load(HELPED.replace("def f(", "def g(")).g)
    moved = of(load(HELPED, name="helpers").f)
    nested = of(
        load("def make():\n" + textwrap.indent("    def f(x): return helper(x)\n    return f\n", "") + HELPED).make()
    )
    assert one.digest == renamed.digest == moved.digest == nested.digest


def test_22_renamed_function_that_calls_itself(load: Load) -> None:
    text = "def f(n):\n    return n and f(n - 1)\n"
    one, other = of(load(text).f), of(load(text.replace("f(", "g(")).g)
    assert one.digest == other.digest


def test_22_own_stage_decorator_does_not_count(load: Load) -> None:
    text = "from lightfx import stage\n@stage\ndef f(build) -> int:\n    return 1\n"
    plain = of(load("def f(build) -> int:\n    return 1\n").f)
    assert of(load(text).f).digest == plain.digest
    assert of(load(text.replace("@stage", "@stage(timeout=3)")).f).digest == plain.digest


# What counts (23, 25, 26).

CHANGES = {
    "23 body": ("def f(): return 1", "def f(): return 2"),
    "23 nested function": ("def f():\n  def g(): return 1\n  return g", "def f():\n  def g(): return 2\n  return g"),
    "23 nested lambda": ("def f(): return lambda: 1", "def f(): return lambda: 2"),
    "23 generator": ("def f(x): return (y for y in x if y)", "def f(x): return (y for y in x if not y)"),
    "23 class inside": ("def f():\n  class A:\n    x = 1", "def f():\n  class A:\n    x = 2"),
    "25 literal default": ("def f(x=1): return x", "def f(x=2): return x"),
    "25 default of another type": ("def f(x=1): return x", "def f(x=1.0): return x"),
    "25 default from a variable": ("N = 1\ndef f(x=N): return x", "N = 2\ndef f(x=N): return x"),
    "25 keyword-only default": ("def f(*, x=1): return x", "def f(*, x=2): return x"),
    "25 no default": ("def f(x=None): return x", "def f(x): return x"),
    "25 default of a helper": (
        "def g(x=1): return x\ndef f(): return g()",
        "def g(x=2): return x\ndef f(): return g()",
    ),
    "25 default of a method": (
        "class A:\n  def g(self, x=1): return x\ndef f(): return A().g()",
        "class A:\n  def g(self, x=2): return x\ndef f(): return A().g()",
    ),
    "26 helper": ("def g(): return 1\ndef f(): return g()", "def g(): return 2\ndef f(): return g()"),
    "26 helper of a helper": (
        "def h(): return 1\ndef g(): return h()\ndef f(): return g()",
        "def h(): return 2\ndef g(): return h()\ndef f(): return g()",
    ),
    "26 helper in a nested lambda": (
        "def g(): return 1\ndef f(): return lambda: [g() for _ in 'a']",
        "def g(): return 2\ndef f(): return lambda: [g() for _ in 'a']",
    ),
    "26 global": ("N = 1\ndef f(): return N", "N = 2\ndef f(): return N"),
    "26 type of a global": ("N = 1\ndef f(): return N", "N = True\ndef f(): return N"),
    "26 global becomes a function": ("N = 1\ndef f(): return N", "def N(): pass\ndef f(): return N"),
    "26 dispatch table": (
        "def g(): return 1\nT = {'g': g}\ndef f(): return T['g']()",
        "def g(): return 2\nT = {'g': g}\ndef f(): return T['g']()",
    ),
    "26 builtin shadowed": ("def f(x): return sum(x)", "def sum(x): return 0\ndef f(x): return sum(x)"),
    "26 global that the function binds": (
        "n = 1\ndef f():\n  global n\n  n += 1\n  return n",
        "n = 2\ndef f():\n  global n\n  n += 1\n  return n",
    ),
    "method": (
        "class A:\n  def g(self): return 1\ndef f(): return A().g()",
        "class A:\n  def g(self): return 2\ndef f(): return A().g()",
    ),
    "class attribute": ("class A: x = 1\ndef f(): return A.x", "class A: x = 2\ndef f(): return A.x"),
    "class attribute set from outside": (
        "class A: x = 1\ndef f(): return A.x",
        "class A: x = 1\nA.x = 2\ndef f(): return A.x",
    ),
    "method put in from outside": (
        "class A:\n  def g(self): return 1\ndef f(): return A().g()",
        "class A:\n  def g(self): return 1\ndef h(self): return 2\nA.g = h\ndef f(): return A().g()",
    ),
    "base": (
        "class B:\n  def g(self): return 1\nclass A(B): pass\ndef f(): return A().g()",
        "class B:\n  def g(self): return 2\nclass A(B): pass\ndef f(): return A().g()",
    ),
    "what a method refers to": (
        "N = 1\nclass A:\n  def g(self): return N\ndef f(): return A().g()",
        "N = 2\nclass A:\n  def g(self): return N\ndef f(): return A().g()",
    ),
    "field of a record": (
        "import attrs\n@attrs.frozen\nclass A:\n  x: int = 0\ndef f(): return A()",
        "import attrs\n@attrs.frozen\nclass A:\n  x: str = 0\ndef f(): return A()",
    ),
    "options of a record": (
        "import attrs\n@attrs.frozen\nclass A:\n  x: int = 0\ndef f(): return A()",
        "import attrs\n@attrs.frozen(eq=False)\nclass A:\n  x: int = 0\ndef f(): return A()",
    ),
    "class of a field": (
        "import dataclasses\n@dataclasses.dataclass\nclass B:\n  x: int\n@dataclasses.dataclass\nclass A:\n  b: B\ndef f(): return A",
        "import dataclasses\n@dataclasses.dataclass\nclass B:\n  x: str\n@dataclasses.dataclass\nclass A:\n  b: B\ndef f(): return A",
    ),
    "enum": (
        "import enum\nclass A(enum.Enum):\n  X = 1\ndef f(): return A.X",
        "import enum\nclass A(enum.Enum):\n  X = 2\ndef f(): return A.X",
    ),
    "named tuple": (
        "import collections\nA = collections.namedtuple('A', 'x')\ndef f(): return A",
        "import collections\nA = collections.namedtuple('A', 'x y')\ndef f(): return A",
    ),
    "default of a named tuple": (
        "from typing import NamedTuple\nclass A(NamedTuple):\n  x: int = 1\ndef f(): return A()",
        "from typing import NamedTuple\nclass A(NamedTuple):\n  x: int = 2\ndef f(): return A()",
    ),
    "instance of a plain class": (
        "class A:\n  def __init__(self, x): self.x = x\na = A(1)\ndef f(): return a.x",
        "class A:\n  def __init__(self, x): self.x = x\na = A(2)\ndef f(): return a.x",
    ),
    "mutual recursion": (
        "def g(n): return n and f(n - 1)\ndef f(n): return n and g(n - 1)",
        "def g(n): return n and f(n - 2)\ndef f(n): return n and g(n - 1)",
    ),
    "attribute of a function": (
        "def g(): pass\ng.n = 1\ndef f(): return g.n",
        "def g(): pass\ng.n = 2\ndef f(): return g.n",
    ),
    "name of what is installed": (
        "from math import sin as g\ndef f(): return g(1)",
        "from math import cos as g\ndef f(): return g(1)",
    ),
    "name of what is installed, as a default": (
        "import math\ndef f(g=math.sin): return g(1)",
        "import math\ndef f(g=math.cos): return g(1)",
    ),
    # A program can see the order of a dict, and of what an object holds, so it is never a hit for another one.
    "order of a dict": (
        "D = {'a': 1, 'b': 2}\ndef f(): return list(D)",
        "D = {'b': 2, 'a': 1}\ndef f(): return list(D)",
    ),
    "order of a default": ("def f(d={'a': 1, 'b': 2}): return list(d)", "def f(d={'b': 2, 'a': 1}): return list(d)"),
    "order of a counter": (
        "from collections import Counter\nD = Counter('ab')\ndef f(): return list(D)",
        "from collections import Counter\nD = Counter('ba')\ndef f(): return list(D)",
    ),
    "order of a namespace": (
        "from types import SimpleNamespace as N\nD = N(a=1, b=2)\ndef f(): return list(vars(D))",
        "from types import SimpleNamespace as N\nD = N(b=2, a=1)\ndef f(): return list(vars(D))",
    ),
    "order of attributes": (
        "class A: pass\nD = A()\nD.a = 1\nD.b = 2\ndef f(): return list(vars(D))",
        "class A: pass\nD = A()\nD.b = 2\nD.a = 1\ndef f(): return list(vars(D))",
    ),
    "singledispatch": (
        "import functools\n@functools.singledispatch\ndef g(x): return 0\n@g.register\ndef h(x: int): return 1\ndef f(): return g(1)",
        "import functools\n@functools.singledispatch\ndef g(x): return 0\n@g.register\ndef h(x: int): return 2\ndef f(): return g(1)",
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_what_counts(load: Load, case: str) -> None:
    one, two = digests(load, *CHANGES[case])
    again = of(load(CHANGES[case][0]).f).digest
    assert one == again
    assert one != two


ALIKE = {
    "names of parameters' types": ("def f(x: 'A'): pass", "def f(x: 'B'): pass"),
    "an unused global": ("N = 1\ndef f(): return 1", "N = 2\ndef f(): return 1"),
    "an unused function": ("def g(): return 1\ndef f(): return 1", "def g(): return 2\ndef f(): return 1"),
    "a decorator that gives the function back": ("def f(): return 1", "def d(g): return g\n@d\ndef f(): return 1"),
    "34 order of a set": ("D = {'a', 'b', 'c'}\ndef f(): return D", "D = {'c', 'b', 'a'}\ndef f(): return D"),
    "a set of classes": (
        "class A: x = 1\nclass B: x = 2\nD = {A, B}\ndef f(): return D",
        "class B: x = 2\nclass A: x = 1\nD = {B, A}\ndef f(): return D",
    ),
    "a name under TYPE_CHECKING": (
        "def f(x): return x",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n  from nowhere import A\ndef f(x: 'A') -> 'A':\n  y: A\n  return x",
    ),
    "docstring under a decorator that is a class": (
        "import functools\nclass D:\n  def __init__(self, g): functools.update_wrapper(self, g)\n@D\ndef f(): return 1",
        "import functools\nclass D:\n  def __init__(self, g): functools.update_wrapper(self, g)\n@D\ndef f() -> int:\n  'Doc.'\n  return 1",
    ),
    "docstring of a class": ("class A: x = 1\ndef f(): return A", "class A:\n  'Doc.'\n  x = 1\ndef f(): return A"),
    "__name__ and __file__": (
        "def f(): return __name__, __file__",
        "# in another folder\ndef f(): return __name__, __file__",
    ),
    "a memo that the function binds itself": (
        "m = None\ndef f():\n  global m\n  if m is None: m = open('x')\n  return m",
        "m = None\ndef f():\n  global m\n  if m is None: m = open('x')\n  return m\nm = open(__file__)",
    ),
}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("case", [each for each in ALIKE if "memo" not in each])
def test_what_does_not_count(load: Load, case: str) -> None:
    one, two = digests(load, *ALIKE[case])
    assert one == two


def test_a_memo_that_the_function_binds_itself_may_be_filled(load: Load) -> None:
    module = load("m = None\ndef f():\n  global m\n  if m is None: m = threading.Lock()\n  return m\nimport threading")
    before = of(module.f)
    module.f()
    assert before.holds()
    assert of(module.f).digest == before.digest


def test_34_values_that_read_alike_differ(load: Load) -> None:
    values = ["1", "1.0", "True", "'1'", "b'1'", "1j", "[1]", "(1,)", "{1}", "frozenset({1})", "{1: 1}", "{1: True}"]
    values += [
        "0.0",
        "-0.0",
        "None",
        "...",
        "range(1)",
        "slice(1)",
        "bytearray(b'1')",
        "[1, 1]",
        "['1']",
        "[[1]]",
        "NotImplemented",
    ]
    values += [
        "float('nan')",
        "float('inf')",
        "10 ** 5000",
        "'None'",
        "{}",
        "[]",
        "()",
        "set()",
        "''",
        "b''",
        "NotImplemented, 1",
    ]
    found = digests(load, *(f"N = {value}\ndef f(): return N" for value in values))
    assert len(set(found)) == len(values)


# The user's own modules.

SCALE = "def scale(x): return x\ndef other(x): return 1\n"


@pytest.mark.parametrize(
    "text",
    [
        "import helpers\ndef f(x): return helpers.scale(x)",
        "import helpers as h\ndef f(x): return h.scale(x)",
        "from helpers import scale\ndef f(x): return scale(x)",
        "def f(x):\n  from helpers import scale\n  return scale(x)",
        "def f(x):\n  import helpers\n  return helpers.scale(x)",
        "def f(x):\n  import helpers as h\n  return (lambda: h.scale(x))()",
        "import helpers\nf = helpers.scale",
        "import helpers\nclass A:\n  def g(self): return helpers.scale\ndef f(x): return A",
    ],
)
def test_26_only_what_is_used_of_a_module_counts(load: Load, text: str) -> None:
    one = of(load(text, helpers=SCALE).f).digest
    assert one != of(load(text, helpers=SCALE.replace("return x", "return x + 1")).f).digest
    assert one == of(load(text, helpers=SCALE.replace("return 1", "return 2")).f).digest


@pytest.mark.parametrize(
    "text",
    [
        "import helpers\ndef f(name): return getattr(helpers, name)(1)",
        "import helpers\ndef f(): h = helpers; return h.other(1)",
        "def f():\n  import helpers\n  return vars(helpers)",
    ],
)
def test_26_a_module_that_is_passed_about_counts_whole(load: Load, text: str) -> None:
    one = of(load(text, helpers=SCALE).f).digest
    assert one != of(load(text, helpers=SCALE.replace("return 1", "return 2")).f).digest
    assert one == of(load(text, helpers="# a comment\n" + SCALE).f).digest


def test_26_submodules_and_relative_imports(load: Load) -> None:
    text = "def f(x):\n  from .deep import helpers\n  return helpers.scale(x)\ndef g(x):\n  import pack.deep.helpers\n  return pack.deep.helpers.scale(x)"
    main = "from pack.main import f, g"

    def both(helpers: str) -> tuple[str, str]:
        module = load(main, pack__main=text, pack__deep__helpers=helpers, pack__deep__other="")
        return of(module.f).digest, of(module.g).digest

    one, other = both(SCALE), both(SCALE.replace("return x", "return -x"))
    assert one[0] != other[0] and one[1] != other[1]
    assert both(SCALE) == one


def test_installed_modules_are_not_imported(load: Load) -> None:
    module = load("def f(x):\n  import this, xml.dom.pulldom as p\n  return this.s, p.parse(x)")
    before = set(sys.modules)
    of(module.f)
    assert not {"this", "xml.dom.pulldom"} & (set(sys.modules) - before)


def test_an_optional_package_that_is_missing_is_no_trouble(load: Load) -> None:
    text = "def f():\n  try:\n    import nowhere_at_all as n\n  except ImportError:\n    n = None\n  return n.x"
    assert of(load(text).f).digest == of(load(text).f).digest


def test_fingerprinting_an_own_module_that_breaks_on_import_is_data(load: Load) -> None:
    module = load("def f():\n  import broken\n  return broken.x", broken="1 / 0")
    assert "broken" in refusal(module.f).sentence


# Lambdas (28).


def test_28_lambdas_on_one_line_are_told_apart(load: Load) -> None:
    text = "import os\nf = (lambda: 1, lambda: 2)[int(os.environ['PICK'])]"
    found = []
    for pick in ("0", "1", "0"):
        os.environ["PICK"] = pick
        found.append(of(load(text).f).digest)
    del os.environ["PICK"]
    assert found[0] == found[2] != found[1]


def test_28_every_lambda_of_a_crowded_line(load: Load) -> None:
    module = load(
        "fs = [lambda: 1, lambda x: lambda: x, lambda: (lambda: 3)(), lambda x=lambda: 1: x, lambda: [lambda: 5]]"
    )
    found = [of(each).digest for each in (*module.fs, module.fs[1](0), module.fs[4]()[0])]
    assert len(set(found)) == len(found)


def test_28_lambdas_that_read_alike_are_one(load: Load) -> None:
    module = load("f, g = lambda x: x + 1, lambda x: x + 1")
    assert of(module.f).digest == of(module.g).digest


def test_28_without_positions_lambdas_on_one_line_are_refused(tmp_path: Path) -> None:
    script = (
        "fs = [lambda: 1, lambda: 2]\nfrom lightfx.stages.fingerprint import fingerprint\nprint(fingerprint(fs[0]))"
    )
    (tmp_path / "script.py").write_text(script)
    answer = run(tmp_path / "script.py", "-X", "no_debug_ranges")
    assert "several functions on one line" in answer


# What wraps and binds (31).

WRAPPED = """
import functools
def twice(function, times=2):
    @functools.wraps(function)
    def wrapper(*args):
        return [function(*args) for _ in range(times)]
    return wrapper
@twice
def f(x):
    return x
"""


@pytest.mark.parametrize(
    "old, new",
    [
        ("return x", "return x + 1"),
        ("for _ in", "for each in"),
        ("times=2", "times=3"),
        ("@twice", "@functools.cache"),
        ("@twice\n", ""),
    ],
)
def test_31_a_decorator_counts_with_what_it_wraps_and_what_it_was_told(load: Load, old: str, new: str) -> None:
    one, two = digests(load, WRAPPED, WRAPPED.replace(old, new))
    assert one != two


@pytest.mark.parametrize("old, new", [("maxsize=3", "maxsize=4"), ("return x", "return -x")])
def test_31_an_installed_decorator_counts_with_what_it_was_told(load: Load, old: str, new: str) -> None:
    text = "import functools\n@functools.lru_cache(maxsize=3)\ndef g(x): return x\ndef f(x): return g(x)"
    one, two = digests(load, text, text.replace(old, new))
    assert one != two


BINDINGS = {
    "partial argument": ("partial(g, 1)", "partial(g, 2)"),
    "partial keyword": ("partial(g, y=1)", "partial(g, y=2)"),
    "partial function": ("partial(g, 1)", "partial(h, 1)"),
    "bound method, by its object": ("A(1).g", "A(2).g"),
    "bound method": ("A(1).g", "A(1).h"),
    "callable object": ("A(1)", "A(2)"),
    "class": ("A", "B"),
    "builtin": ("len", "sum"),
    "builtin method": ("'a'.join", "'b'.join"),
    "unbound builtin method": ("str.upper", "str.lower"),
    "method of C": ("functools.reduce", "functools.partial"),
    "installed": ("json.dumps", "json.loads"),
    "static method": ("A.s", "A.t"),
    "class method": ("A.c", "B.c"),
    "getter": ("itemgetter(1)", "itemgetter(2)"),
    "cached": ("functools.cache(g)", "functools.cache(h)"),
    "decorator that is a class": ("D(g)", "D(h)"),
    "partial of a partial": ("partial(partial(g, 1), 2)", "partial(partial(g, 2), 2)"),
}


@pytest.mark.parametrize("case", BINDINGS)
def test_31_what_binds(load: Load, case: str) -> None:
    text = """
import functools, json
from functools import partial
from operator import itemgetter
def g(x=0, y=0): return x
def h(x=0, y=0): return y
class A:
    def __init__(self, x): self.x = x
    def __call__(self): return self.x
    def g(self): return self.x
    def h(self): return -self.x
    @staticmethod
    def s(): return 1
    @staticmethod
    def t(): return 2
    @classmethod
    def c(cls): return cls
class B(A):
    pass
class D:
    def __init__(self, g): functools.update_wrapper(self, g)
    def __call__(self): return self.__wrapped__()
"""
    one, two = BINDINGS[case]
    found = digests(load, *(f"{text}f = {each}" for each in (one, one, two)))
    assert found[0] == found[1] != found[2]


# Closures (32).


def test_32_closures_of_a_loop_have_the_value_of_their_iteration() -> None:
    made = []
    for rate in (1, 2):

        def bound(x: int, rate: int = rate) -> int:
            return x * rate

        def captured(x: int) -> int:
            return x * rate

        made.append((of(bound).digest, of(captured).captured["rate"]))
    assert made[0][0] != made[1][0]
    assert [each[1] for each in made] == [1, 2]


def test_32_captured_data_is_handed_on_and_captured_code_is_followed() -> None:
    def make(factor: float, action: Callable[[float], float]) -> Callable[[float], float]:
        return lambda x: action(x) * factor

    def plus(x: float) -> float:
        return x + 1

    def minus(x: float) -> float:
        return x - 1

    one = of(make(1, plus))
    assert dict(one.captured) == {"factor": 1}
    assert one.digest == of(make(2, plus)).digest != of(make(1, minus)).digest


def test_32_captured_is_what_it_is_at_the_moment() -> None:
    value = 1

    def f() -> int:
        return value

    mark = of(f)
    value = 2
    assert dict(mark.captured) == {"value": 2}
    assert mark.holds()


def test_what_a_helper_captured_is_a_constant_of_it(load: Load) -> None:
    text = "def make(n):\n  def g(): return n\n  return g\ng = make({})\ndef f(): return g()"
    one, two = digests(load, text.format(1), text.format(2))
    assert one != two


# Constants.


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Flags(enum.Flag):
    A = 1
    B = 2


@attrs.frozen
class Record:
    x: object


@dataclasses.dataclass
class Data:
    x: object


class Plain:
    def __init__(self, x: object) -> None:
        self.x = x


class Slotted:
    __slots__ = ("x",)

    def __init__(self, x: object) -> None:
        self.x = x


class Word(str):
    __slots__ = ()


Point = collections.namedtuple("Point", "x y")  # noqa: PYI024 -- the kind that no class statement makes
UTC = dt.UTC
CONSTANTS: list[object] = [
    Color.RED, Color.BLUE, Flags.A, Flags.A | Flags.B, Record(1), Record(2), Data(1), Data(2), Plain(1), Plain(2),
    Slotted(1), Slotted(2), Word("a"), Word("b"), "a", Point(1, 2), Point(2, 1), (1, 2), Record, Data, Plain,
    Path("a"), Path("b"), pathlib.PurePosixPath("a"), dt.date(2024, 1, 1), dt.datetime(2024, 1, 1),
    dt.datetime(2024, 1, 1, tzinfo=UTC), dt.datetime(2024, 1, 1, fold=1), dt.timedelta(1), UTC,
    dt.time(1), decimal.Decimal("1.0"), decimal.Decimal("1.00"), fractions.Fraction(1, 2), uuid.UUID(int=1),
    re.compile("a"), re.compile("a", re.IGNORECASE), re.compile(b"a"), types.MappingProxyType({1: 2}), {1: 2},
    types.SimpleNamespace(a=1), types.SimpleNamespace(a=2), collections.OrderedDict(a=1, b=2), collections.OrderedDict(b=2, a=1),
    collections.Counter("a"), collections.defaultdict(int, a=1), collections.defaultdict(list, a=1), collections.deque([1]),
    collections.deque([1], maxlen=2), array.array("i", [1]), array.array("q", [1]), array.array("i", [2]),
    np.arange(4), np.arange(4).reshape(2, 2), np.arange(4, dtype="f4"), np.arange(4)[::-1], np.float64(1), np.float32(1), 1.0,
    np.dtype("f4"), np.dtype("f8"), np.add, np.multiply, np.float32, list[int], list[str], int | None, dict, len,
    functools.partial(max, 1), itemgetter(1), object(), NotImplemented, dataclasses.MISSING, attrs.NOTHING, range(3), slice(3),
    memoryview(b"a"), bytearray(b"a"), b"a",
]  # fmt: skip


def holding(value: object) -> Callable[[], object]:
    # A default is a constant, where a captured variable would be handed on.
    def f(x: object = value) -> object:
        return x

    return f


def test_constants_differ_by_type_and_value() -> None:
    found = collections.defaultdict(list)
    for value in CONSTANTS:
        found[of(holding(value)).digest].append(value)
    assert [each for each in found.values() if len(each) > 1] == []


def test_equal_constants_are_one() -> None:
    for make in (
        lambda: Record({"a": [1]}),
        lambda: Plain({2, 1}),
        lambda: np.arange(3),
        lambda: Point(1, 2),
        lambda: Color("RED" and 1),
        lambda: re.compile("a+"),
        lambda: object(),
    ):
        assert of(holding(make())).digest == of(holding(make())).digest


def test_an_array_of_another_layout_is_the_same_array() -> None:
    grid = np.arange(6).reshape(2, 3)
    assert of(holding(grid)).digest == of(holding(np.asfortranarray(grid))).digest


def loop() -> object:
    ring: list[object] = []
    ring.append(ring)
    return ring


def deep() -> object:
    nest: list[object] = []
    for _ in range(5000):
        nest = [nest]
    return nest


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: open(__file__), "TextIOWrapper"),
        (threading.Lock, "lock"),
        (lambda: (x for x in ()), "generator"),
        (lambda: iter([]), "list_iterator"),
        (lambda: __import__("random").Random(1), "Random"),
        (lambda: np.random.default_rng(1), "Generator"),
        (lambda: np.array([object()]), "objects"),
        (lambda: subprocess.Popen.__new__(subprocess.Popen), "Popen"),
        (loop, "contains itself"),
        (deep, "nested deeper"),
    ],
)
def test_what_has_no_value_is_refused(make: Callable[[], object], words: str) -> None:
    value = make()
    told = refusal(holding(value)).sentence
    assert words in told
    assert "version=" in told
    assert "holding" in told
    if hasattr(value, "close"):
        value.close()  # type: ignore[attr-defined]


def test_the_culprit_is_named_with_its_path(load: Load) -> None:
    module = load("import threading\nT = {'a': [1, threading.Lock()]}\ndef g(): return T\ndef f(): return g()")
    told = refusal(module.f)
    assert (told.function, told.owner, told.name) == ("subject:f", "subject:g", "T['a'][1]")
    assert told.sentence.startswith("subject:g (used by subject:f) uses `T['a'][1]`, which is of type _thread.lock")


def test_a_name_that_is_not_defined_yet_is_named(load: Load) -> None:
    told = refusal(load("def f(): return helper()").f)
    assert "`helper`, which is not defined (yet)" in told.sentence
    told = refusal(load("import helpers\ndef f(): return helpers.missing()", helpers="").f)
    assert "`helpers.missing`" in told.sentence


def test_code_without_source_is_refused() -> None:
    space: dict[str, Callable[..., object]] = {}
    exec("def f(): return 1", space)  # type: ignore[arg-type]
    assert "has no source text" in refusal(space["f"]).sentence


# Stale source.


def edit(module: ModuleType, old: str, new: str) -> None:
    path = Path(str(module.__file__))
    path.write_text(path.read_text().replace(old, new))
    os.utime(path, (1, 1))


STALE = (
    "def helper(x):\n    return x + 1\ndef f(x):\n    def g(): return 'text'\n    return helper(x), g(), lambda: x\n"
)


@pytest.mark.parametrize(
    "old, new",
    [
        ("x + 1", "x - 1"),
        ("x + 1", "x + 2"),
        ("'text'", "'else'"),
        ("lambda: x", "lambda: -x"),
        ("helper", "other"),
        ("f(x)", "f(y, x)"),
    ],
)
def test_a_file_edited_after_its_import_is_refused(load: Load, old: str, new: str) -> None:
    module = load(STALE)
    edit(module, old, new)
    assert "changed in its source file" in refusal(module.f).sentence


@pytest.mark.parametrize(
    "old, new",
    [
        ("def helper", "# a comment\n\ndef helper"),
        ("(x):", "(x: int):\n    'Doc.'\n"),
        ("def f", "def new(): pass\ndef f"),
    ],
)
def test_an_edit_that_does_not_count_is_no_trouble(load: Load, old: str, new: str) -> None:
    module = load(STALE)
    before = of(module.f).digest
    edit(module, old, new)
    assert of(module.f).digest == before


def test_a_broken_file_is_refused(load: Load) -> None:
    module = load(STALE)
    edit(module, "def f", "def def")
    assert "changed in its source file" in refusal(module.f).sentence


def test_a_method_edited_after_import_is_refused(load: Load) -> None:
    module = load("class A:\n  def g(self): return 1\ndef f(): return A().g()")
    edit(module, "return 1", "return 2")
    assert "subject:A" in refusal(module.f).sentence


# Stages.


def test_a_stage_counts_as_its_function(load: Load) -> None:
    text = "class Stage:\n  def __init__(self, f, v): self.__lightfx_stage__, self.__lightfx_version__ = f, v\ndef g(): return {}\ns = Stage(g, {})\ndef f(): return s"
    assert len(set(digests(load, *(text.format(body, None) for body in (1, 2, 1))))) == 2
    assert len(set(digests(load, *(text.format(body, "'1'") for body in (1, 2, 1))))) == 1
    assert len(set(digests(load, text.format(1, "'1'"), text.format(1, "'2'"), text.format(1, None)))) == 3


# Notebook cells and scripts.


def cell(space: dict[str, object], text: str, number: int) -> None:
    """Run a cell as IPython does: its text is known to ``linecache`` under a name of its own."""
    name = f"/tmp/ipykernel_1/{number}.py"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    exec(compile(text, name, "exec"), space)


def test_cells_of_a_notebook() -> None:
    space: dict[str, object] = {"__name__": "__main__"}
    cell(
        space,
        "import dataclasses\n@dataclasses.dataclass\nclass S:\n  n: int = 1\nclass M:\n  def g(self): return 1\n",
        1,
    )
    cell(space, "def helper(): return S(), M().g()", 2)
    cell(space, "def f(): return helper()", 3)
    f: Callable[..., object] = space["f"]  # type: ignore[assignment]
    one = of(f)
    assert one.holds()
    cell(space, "def helper(): return S(), M().g(), 1", 4)
    assert not one.holds()
    two = of(f)
    cell(space, "def helper(): return S(), M().g()", 5)
    assert of(f).digest == one.digest != two.digest
    cell(space, "@dataclasses.dataclass\nclass S:\n  n: int = 2\n", 6)
    three = of(f)
    cell(space, "class M:\n  def g(self): return 2\n", 7)
    assert len({one.digest, three.digest, of(f).digest}) == 3


def run(script: Path, *options: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *options, str(script)],
        capture_output=True, text=True, check=False, env=os.environ | environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_script_has_the_fingerprint_of_its_module_on_every_run(load: Load, tmp_path: Path) -> None:
    text = "S = {'a', 'b', 'c'}\nclass A:\n  x = S\ndef g(): return A, S\ndef f(): return g()\n"
    end = "if __name__ == '__main__':\n  from lightfx.stages.fingerprint import fingerprint\n  print(fingerprint(f).unwrap().digest)\n"
    script = tmp_path / "script.py"
    script.write_text(text + end)
    runs = {run(script, PYTHONHASHSEED=seed) for seed in ("1", "2")}
    assert runs == {of(load(text).f).digest}


# Recursion.


def test_recursion_ends_and_does_not_depend_on_names(load: Load) -> None:
    text = "def even(n): return n == 0 or odd(n - 1)\ndef odd(n): return n != 0 and even(n - 1)\n"
    module = load(text)
    even, odd = of(module.even).digest, of(module.odd).digest
    module = load(text)
    assert (of(module.odd).digest, of(module.even).digest) == (odd, even)
    assert even != odd


def test_classes_that_refer_to_one_another(load: Load) -> None:
    text = "class A:\n  def b(self): return B()\nclass B(A):\n  def a(self): return super().b(), A()\ndef f(): return A().b()"
    assert digests(load, text)[0] != digests(load, text.replace("A()\n", "B()\n", 1))[0]


def test_a_long_chain_of_helpers(load: Load) -> None:
    text = "def f0(): return {}\n" + "".join(f"def f{n}(): return f{n - 1}()\n" for n in range(1, 300)) + "f = f299"
    one, two = digests(load, text.format(1), text.format(2))
    assert one != two


# `holds` and `parts`.


def test_holds_sees_what_changes(load: Load) -> None:
    changes: Mapping[str, Callable[[ModuleType, ModuleType], object]] = {
        "global": lambda m, h: setattr(m, "N", 2),
        "mutated global": lambda m, h: m.T.append(1),
        "helper": lambda m, h: setattr(m, "g", lambda: 3),
        "code of a helper": lambda m, h: setattr(m.g, "__code__", (lambda: 3).__code__),
        "defaults": lambda m, h: setattr(m.g, "__defaults__", (5,)),
        "mutated default": lambda m, h: m.g.__defaults__[0].append(1),
        "of another module": lambda m, h: setattr(h, "scale", lambda x: 0),
        "builtin shadowed": lambda m, h: setattr(m, "len", lambda x: 0),
        "class attribute": lambda m, h: setattr(m.A, "x", 2),
        "method": lambda m, h: setattr(m.A, "m", lambda self: 0),
        "global gone": lambda m, h: delattr(m, "N"),
        "captured by a helper": lambda m, h: m.turn(),
    }
    text = """
import helpers
N, T = 1, []
class A:
    x = 1
    def m(self): return 1
def g(x=[]): return x
def make():
    state = 1
    def turn():
        nonlocal state
        state = 2
    def read(): return state
    return turn, read
turn, read = make()
def f(): return N, T, A().m(), g(), len(T), helpers.scale(1), read()
"""
    for name, change in changes.items():
        module = load(text, helpers=SCALE)
        mark = of(module.f)
        assert mark.holds(), name
        change(module, sys.modules["helpers"])
        assert not mark.holds(), name
        module.unused = 1


def test_parts_tell_what_changed_and_nothing_beside(load: Load) -> None:
    one = dict(of(load(HELPED).f).parts)
    two = dict(of(load(HELPED.replace("LIMIT = 3", "LIMIT = 4")).f).parts)
    assert set(one) == set(two) == {"subject:f", "subject:helper", "subject:LIMIT"}
    assert [name for name in one if one[name] != two[name]] == ["subject:LIMIT"]


# 29: golden vectors.


def test_29_golden_vectors() -> None:
    """The same on every Python: run under each of them, and compared with what is written down for ever."""
    golden = json.loads((HERE / "golden_fingerprints.json").read_text())
    assert json.loads(run(HERE / "golden_fingerprints.py")) == golden
