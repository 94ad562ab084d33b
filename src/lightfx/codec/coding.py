"""A coding: how the values of one annotation become trees, and trees values.

Rules:

- strict in both directions: a coding asks for exact types, and never guesses;
- what does not fit is a `Misfit`, which says where; nothing else is raised;
- a coding knows the kinds of tree that it spells, so that a union of codings
  knows whether it must tag its members.

Theory of operation: codings are made once for an annotation and called often.
So each is a pair of closures, `Misfit` is an exception (a `Result` at every leaf
would cost more than the leaf), and a container adds its step to the path of a
misfit only as the misfit passes through.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias, final

from attrs import frozen

from lightfx.codec.shapes import is_object
from lightfx.core.canonical import Path, Tree, Unstorable

Kinds: TypeAlias = frozenset[str]

SCALARS: Final[Kinds] = frozenset({"null", "bool", "int", "float", "str"})
DYNAMIC: Final[Kinds] = SCALARS | {"array", "object"}
TAGGED: Final = "$*"  # an object with a tag that its coding does not tell in advance
ANYTHING: Final[Kinds] = DYNAMIC | {TAGGED}
UNBOUNDED: Final = 10**6  # deeper than any tree may be
_KINDS: Final[tuple[tuple[type, str], ...]] = (
    (type(None), "null"),
    (bool, "bool"),
    (int, "int"),
    (float, "float"),
    (str, "str"),
    (list, "array"),
)


@final
class Misfit(Exception):  # noqa: N818 -- no error of anyone: a value, and where it does not fit
    """A value, a tree or an annotation that does not fit, and the path to it.

    Internal to the codec and to the `Leaf` families that callers give it: the public
    methods turn it into a ``Failure``.

    >>> Misfit("is NaN").under("rates", 2).unstorable.sentence
    'rates[2] is NaN'
    """

    def __init__(self, reason: str, path: Path = ()) -> None:
        super().__init__(reason)
        self._reason = reason
        self._steps = list(reversed(path))

    def under(self, *steps: str | int) -> Misfit:
        """Say the same of what holds the culprit at ``steps``; the exception itself, for ``raise``."""
        self._steps.extend(reversed(steps))
        return self

    @property
    def unstorable(self) -> Unstorable:
        """The same as a record."""
        return Unstorable(tuple(reversed(self._steps)), self._reason)


@final
@frozen(eq=False)
class Coding:
    """How the values of one annotation are spelled, and read back.

    ``kinds`` are the kinds of tree that it spells (`kind_of`), ``exact`` the classes
    whose direct instances it is meant for, ``depth`` a bound of the containers nested in its
    trees. ``inexact`` says that it would take an int for a float, ``files`` that its
    values may hold paths. Calling a coding encodes: it is a hook of cattrs.
    """

    name: str
    encode: Callable[[object], Tree]
    decode: Callable[[Tree], object]
    kinds: Kinds
    exact: tuple[type, ...] = ()
    depth: int = 0
    inexact: bool = False
    files: bool = False

    def __call__(self, value: object) -> Tree:
        """Encode."""
        return self.encode(value)


Ask: TypeAlias = Callable[[object], Coding]
"""How the maker of a coding asks for the codings of the parts."""


def wrong_type(value: object, wanted: str) -> Misfit:
    """Say that ``value`` is of a wrong type.

    >>> wrong_type("7", "int").unstorable.sentence
    'the value is of type str, not int'
    """
    return Misfit(f"is of type {type(value).__name__}, not {wanted}")


def kind_of(tree: Tree) -> str:
    """Tell the kind of a tree: JSON's own kinds, and the tag of a tagged object.

    >>> [kind_of(each) for each in (None, True, 1, 1.0, [], {}, {"$bytes": ""})]
    ['null', 'bool', 'int', 'float', 'array', 'object', '$bytes']
    """
    if is_object(tree):
        first: object = next(iter(tree), "")
        return first if type(first) is str and first.startswith("$") else "object"
    for each, kind in _KINDS:
        if type(tree) is each:
            return kind
    return "nothing that JSON can say"


def tag_of(tree: Tree, tag: str, wanted: str) -> Tree:
    """Take the content out of an object that has one tag and nothing else.

    >>> tag_of({"$bytes": "AA=="}, "$bytes", "bytes")
    'AA=='
    """
    if is_object(tree) and tree.keys() == {tag}:
        return tree[tag]
    raise wrong_type(tree, wanted)


def told(error: Exception) -> str:
    """Tell an exception of foreign code in short; its own text is not to be trusted either.

    >>> told(ValueError("too small"))
    'ValueError: too small'
    """
    try:
        text = f": {error}"
    except Exception:  # noqa: BLE001 -- a user's __str__ may raise anything
        text = ""
    return type(error).__name__ + text
