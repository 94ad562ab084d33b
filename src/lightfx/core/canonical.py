"""The one canonical spelling of a tree of parameters.

A tree is what JSON can say: ``None``, booleans, integers, floats, strings,
lists, and dicts with string keys. Two trees are the same if and only if their
spellings are the same bytes; every identity in lightfx is a digest of such a
spelling.

Rules (``docs/store-format.md`` is the specification, golden vectors pin it):

- JSON text in UTF-8, no blanks, keys sorted by code point, non-ASCII as is;
- floats by ``repr``: ``1``, ``1.0``, ``true`` and ``"1"`` are all distinct;
- integers exact, up to 4,300 digits; depth up to 64;
- refused: NaN, infinities, lone surrogates, other types (subclasses too).

Theory of operation: the C encoder of the standard library spells; what it
would let pass is asked for by `why_not`, a walk that also knows the path to the
culprit. Spelling is the hot path, and the walk is taken only when it must be.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from json import JSONEncoder
from typing import Final, TypeAlias, final

from attrs import frozen
from returns.result import Failure, Result, Success

Tree: TypeAlias = "None | bool | int | float | str | Sequence[Tree] | Mapping[str, Tree]"
Path: TypeAlias = tuple[str | int, ...]

MAX_DEPTH: Final = 64
MAX_INTEGER: Final = 10**4300 - 1
_AROUND: Final = 8  # levels of records and configs around a value

_encoder: Final = JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"), check_circular=False
)


def _fast() -> Callable[[Tree], str]:
    """The C encoder that `JSONEncoder.encode` makes anew for every call, made once: a third of the time of a config."""
    make: Callable[..., Callable[[Tree, int], Iterable[str]]] | None
    make = getattr(json.encoder, "c_make_encoder", None)  # None where Python is not written in C
    if make is None:
        return _encoder.encode
    # As `encode` does: no memory of circles, and the rest as `_encoder` is set.
    pieces = make(None, _encoder.default, json.encoder.encode_basestring, None, ":", ",", True, False, False)
    return lambda tree: "".join(pieces(tree, 0))


_spell: Final = _fast()


@final
@frozen
class Unstorable:
    """Why a value has no canonical spelling, and where in it the culprit sits.

    >>> Unstorable(("rates", 2), "is not a number").sentence
    'rates[2] is not a number'
    """

    path: Path
    reason: str

    @property
    def sentence(self) -> str:
        """Path and reason, as one clause.

        >>> Unstorable((), "is NaN").sentence
        'the value is NaN'
        """
        return f"{render_path(self.path) or 'the value'} {self.reason}"

    def under(self, *steps: str | int) -> Unstorable:
        """Say the same of a tree that holds this one at ``steps``.

        >>> Unstorable((0,), "is NaN").under("rates").path
        ('rates', 0)
        """
        return Unstorable((*steps, *self.path), self.reason)


def render_path(path: Path) -> str:
    """Spell a path as Python would reach along it.

    >>> render_path(("model", "layers", 2, "odd key"))
    "model.layers[2]['odd key']"
    """
    text = ""
    for step in path:
        if isinstance(step, str) and step.isidentifier():
            text += f".{step}" if text else step
        else:
            text += f"[{step!r}]"
    return text


def spell(tree: Tree) -> Result[str, Unstorable]:
    """Spell ``tree`` canonically.

    >>> spell({"b": 1.0, "a": [True, None, "é"]}).unwrap()
    '{"a":[true,null,"é"],"b":1.0}'
    >>> spell({"rate": float("nan")}).failure().sentence
    'rate is NaN, which equals nothing, itself included'
    """
    for culprit in why_not(tree):
        return Failure(culprit)
    return Success(spell_checked(tree))


def spell_checked(tree: Tree) -> str:
    """Spell a tree that is known to be storable (`why_not` found nothing)."""
    return _spell(tree)


def in_order(tree: Tree) -> Tree:
    """The same tree with its keys in canonical order, at all depths: as it is read back.

    >>> in_order([{"b": {"d": 1, "c": 2}, "a": 3}])
    [{'a': 3, 'b': {'c': 2, 'd': 1}}]
    """
    if isinstance(tree, dict):
        return {key: in_order(tree[key]) for key in sorted(tree)}
    return [in_order(each) for each in tree] if isinstance(tree, list | tuple) else tree


def files_in(tree: Tree) -> Iterator[str]:
    """List the files that a value names, as its tree spells them.

    >>> list(files_in({"a": [{"$path": "x.txt"}], "b": 1}))
    ['x.txt']
    """
    pending = [tree]
    while pending:
        match pending.pop():
            case dict() as fields:
                if isinstance(path := fields.get("$path"), str):
                    yield path
                pending += fields.values()
            case list() as items:
                pending += items
            case _:
                pass


def why_not(tree: object) -> Iterator[Unstorable]:
    """List what keeps ``tree`` from a canonical spelling; nothing for a good one.

    >>> [each.sentence for each in why_not({"$x": 1, "deep": [2, {3}]})]
    ["['$x'] is a key that begins with '$', which lightfx keeps for itself", 'deep[1] is of type set, which is no JSON']
    """
    yield from _why_not(tree, (), 0)


def _why_not(tree: object, path: Path, depth: int) -> Iterator[Unstorable]:
    kind = type(tree)
    if kind in (dict, list, tuple) and depth >= MAX_DEPTH:
        yield Unstorable(path, f"is nested deeper than {MAX_DEPTH} levels")
    elif isinstance(tree, dict) and kind is dict:
        for key, value in tree.items():
            yield from _why_not_key(key, path)
            yield from _why_not(value, (*path, key if isinstance(key, str) else repr(key)), depth + 1)
    elif isinstance(tree, list | tuple) and kind in (list, tuple):
        for index, value in enumerate(tree):
            yield from _why_not(value, (*path, index), depth + 1)
    else:
        yield from _why_not_leaf(tree, path)


def _why_not_key(key: object, path: Path) -> Iterator[Unstorable]:
    if type(key) is not str:
        yield Unstorable(path, f"has a key of type {type(key).__name__}; keys are strings")
    elif key.startswith("$"):
        yield Unstorable((*path, key), "is a key that begins with '$', which lightfx keeps for itself")
    elif not _is_text(key):
        yield Unstorable((*path, key), "is a key with a lone surrogate, which has no UTF-8 spelling")


def _why_not_leaf(tree: object, path: Path) -> Iterator[Unstorable]:
    if tree is None or type(tree) is bool:
        return
    if isinstance(tree, str) and type(tree) is str:
        if not _is_text(tree):
            yield Unstorable(path, "holds a lone surrogate, which has no UTF-8 spelling")
    elif isinstance(tree, int) and type(tree) is int:
        if not -MAX_INTEGER <= tree <= MAX_INTEGER:
            yield Unstorable(path, "is an integer of more than 4,300 digits")
    elif isinstance(tree, float) and type(tree) is float:
        if tree != tree:  # noqa: PLR0124 -- NaN alone differs from itself
            yield Unstorable(path, "is NaN, which equals nothing, itself included")
        elif tree in (float("inf"), float("-inf")):
            yield Unstorable(path, "is infinite, which JSON cannot say")
    else:
        yield Unstorable(path, f"is of type {type(tree).__name__}, which is no JSON")


def _is_text(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def is_deep(tree: Tree) -> bool:
    """Tell whether a tree is nested deeper than lightfx writes any: values as deep as they may be, and what is around.

    >>> is_deep([[[1]]])
    False
    """
    level: list[Tree] = [tree]
    for _ in range(MAX_DEPTH + _AROUND):
        level = [part for each in level for part in _parts(each)]
        if not level:
            return False
    return True


def _parts(tree: Tree) -> Iterable[Tree]:
    if isinstance(tree, Mapping):
        return tree.values()
    return tree if isinstance(tree, list | tuple) else ()


def read(text: str) -> Result[Tree, Unstorable]:
    """Read a canonical spelling back, and refuse every other spelling of the same tree.

    >>> read('{"a":[1,2.5]}').unwrap()
    {'a': [1, 2.5]}
    >>> read('{"a": 1}').failure().reason
    'is not in canonical form'
    """
    try:
        tree: Tree = json.loads(text)
        again = _spell(tree)
        again.encode()
    except (ValueError, RecursionError):
        return Failure(Unstorable((), "is no JSON that lightfx could have written"))
    if is_deep(tree):
        return Failure(Unstorable((), f"is nested deeper than {MAX_DEPTH} levels"))
    if again != text:
        return Failure(Unstorable((), "is not in canonical form"))
    return Success(tree)
